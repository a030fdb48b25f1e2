// How a file is to be opened: fs's words ('r', 'wx+', ...), Python's ('rb', 'x', ...) or the numbers of fs.constants, as the flags
// of OPEN (draft-ietf-secsh-filexfer-02 section 6.3).

import { constants } from 'node:fs';
import { UsageError } from '../../errors.ts';
import { FXF_APPEND, FXF_CREAT, FXF_EXCL, FXF_READ, FXF_TRUNC, FXF_WRITE } from '../protocol/messages.ts';

/**
 * `'r'` reads what exists, `'w'` makes or empties, `'a'` makes and writes at the end; `+` adds the other direction, `x` fails where
 * the file exists. `b`, `t` and `s` mean nothing here. Or a number made of `fs.constants.O_...`.
 */
export type OpenFlags = string | number;

/** @throws UsageError for what is neither */
export function openFlags(flags: OpenFlags): number {
  return typeof flags === 'number' ? fromConstants(flags) : fromWords(flags);
}

function fromWords(words: string): number {
  const letters = new Set(words);
  const unknown =
    words.length === 0 || letters.size !== words.length || [...letters].some((letter) => !'rwax+bts'.includes(letter));
  const ways = ['r', 'w', 'a'].filter((way) => letters.has(way));
  // Python's 'x' stands alone.
  const way = ways[0] ?? (letters.has('x') ? 'w' : undefined);
  if (unknown || ways.length > 1 || way === undefined || (way === 'r' && letters.has('x'))) {
    throw new UsageError(`not a way to open a file: '${words}'`);
  }
  const both = letters.has('+') ? FXF_READ | FXF_WRITE : 0;
  if (way === 'r') return FXF_READ | both;
  const excl = letters.has('x') ? FXF_EXCL : 0;
  if (way === 'a') return FXF_WRITE | FXF_APPEND | FXF_CREAT | excl | both;
  // A file that was not there before is empty.
  return FXF_WRITE | FXF_CREAT | (excl || FXF_TRUNC) | both;
}

function fromConstants(flags: number): number {
  const access = flags & (constants.O_RDONLY | constants.O_WRONLY | constants.O_RDWR);
  let own = access === constants.O_RDWR ? FXF_READ | FXF_WRITE : access === constants.O_WRONLY ? FXF_WRITE : FXF_READ;
  if (flags & constants.O_APPEND) own |= FXF_APPEND;
  if (flags & constants.O_CREAT) own |= FXF_CREAT;
  if (flags & constants.O_TRUNC) own |= FXF_TRUNC;
  if (flags & constants.O_EXCL) own |= FXF_EXCL;
  return own;
}
