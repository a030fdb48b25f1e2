// Which files a pattern names. Each segment of the pattern is a stage that turns folders into the folders or files of the next;
// stages ask ahead, a bounded number of folders at a time. What can't be looked into does not match, as in shells.

import { SFTPError } from '../../errors.ts';
import type { CallOptions } from '../../io/waiting.ts';
import type { SFTPAttributes } from '../protocol/attributes.ts';
import { ahead } from './at-once.ts';
import { matches, parseGlob, type Segment } from './glob-pattern.ts';
import { entriesOf } from './listing.ts';
import { join } from './paths.ts';
import { lstat, stat } from './questions.ts';
import type { SFTPSession } from './session.ts';
import { walkTree } from './walk.ts';

export interface GlobOptions extends CallOptions {
  /** Let `*` and `**` match names that begin with a dot. Default false. */
  readonly dot?: boolean;
}

/** Folders or files that are looked at ahead. */
const AHEAD = 16;
/** Reasons for which something is as good as not there. */
const NOT_THERE = ['ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP'];

/** Paths in the pattern's own form, as `at` makes them names for the server; each once, in no order that is promised. */
export async function* globPaths(
  session: SFTPSession,
  pattern: string,
  at: (path: string) => string,
  options: GlobOptions = {},
): AsyncGenerator<string, void> {
  const { dot = false, ...call } = options;
  const alternatives = parseGlob(pattern);
  const look: Look = { session, at, dot, call };
  const seen = alternatives.length > 1 ? new Set<string>() : null;
  for (const segments of alternatives) {
    for await (const path of alternative(look, segments)) {
      if (seen?.has(path)) continue;
      seen?.add(path);
      yield path;
    }
  }
}

interface Look {
  readonly session: SFTPSession;
  readonly at: (path: string) => string;
  readonly dot: boolean;
  readonly call: CallOptions;
}

async function* alternative(look: Look, segments: readonly Segment[]): AsyncGenerator<string, void> {
  const [first, ...others] = segments;
  const absolute = first?.kind === 'name' && first.name === '';
  if (absolute && others.length === 0) return;
  let paths: AsyncIterable<string> = one(absolute ? '/' : '');
  const rest = absolute ? others : segments;
  // Names are put together without a question; what ends in one is looked for at the end.
  let certain = false;
  for (const [index, segment] of rest.entries()) {
    const last = index === rest.length - 1;
    if (segment.kind === 'name') {
      paths = named(paths, segment.name);
      certain = false;
    } else {
      paths = segment.kind === 'folders' ? folders(look, paths, last) : matching(look, paths, segment.tokens, last);
      certain = true;
    }
  }
  if (certain) yield* paths;
  else for await (const path of ahead(paths, AHEAD, (each) => existing(look, each))) if (path !== null) yield path;
}

async function* one(path: string): AsyncGenerator<string, void> {
  yield path;
}

async function* named(paths: AsyncIterable<string>, name: string): AsyncGenerator<string, void> {
  // A slash at the end asks for a folder, which the question at the end then does.
  for await (const path of paths) yield join(path, name);
}

/** `*` and its like: entries of the folders; all but the last have to be folders, or links to some. */
async function* matching(
  look: Look,
  paths: AsyncIterable<string>,
  tokens: Extract<Segment, { kind: 'pattern' }>['tokens'],
  last: boolean,
): AsyncGenerator<string, void> {
  const list = async (folder: string) => ({ folder, entries: await tolerant(entriesIn(look, folder), []) });
  for await (const { folder, entries } of ahead(paths, AHEAD, list)) {
    const fitting = entries.filter(({ filename = '' }) => matches(tokens, filename, look.dot));
    if (last) {
      for (const { filename = '' } of fitting) yield join(folder, filename);
    } else {
      const enterable = (entry: SFTPAttributes) => folderOrNull(look, join(folder, entry.filename as string), entry);
      for await (const path of ahead(fitting, AHEAD, enterable)) if (path !== null) yield path;
    }
  }
}

/** `**`: the folders themselves and all below them; at the end of a pattern the files, too. */
async function* folders(look: Look, paths: AsyncIterable<string>, last: boolean): AsyncGenerator<string, void> {
  const seen = new Set<string>();
  const onError = (error: unknown) => (isNotThere(error) ? 'skip' : 'throw');
  for await (const path of paths) {
    // What lies below has been found from above.
    if (seen.has(path)) continue;
    seen.add(path);
    if (!last) yield path;
    const shown = (relative: string) => look.dot || !relative.slice(relative.lastIndexOf('/') + 1).startsWith('.');
    const walk = walkTree(look.session, look.at(path === '' ? '.' : path), {
      ...look.call,
      onError,
      enter: ({ relative }) => shown(relative),
    });
    try {
      for await (const { relative, attributes } of walk) {
        const found = join(path, relative);
        if (!shown(relative) || (!last && !attributes.isDirectory()) || seen.has(found)) continue;
        if (!last) seen.add(found);
        yield found;
      }
    } catch (error) {
      if (!isNotThere(error)) throw error;
    }
  }
}

function entriesIn({ session, at, call }: Look, folder: string): Promise<SFTPAttributes[]> {
  return entriesOf(session, at(folder === '' ? '.' : folder), call);
}

async function existing({ session, at, call }: Look, path: string): Promise<string | null> {
  if (path === '') return null;
  const there = await tolerant(lstat(session, at(path), call), null);
  return there === null ? null : path;
}

/** The path, if it is a folder or leads to one. */
async function folderOrNull({ session, at, call }: Look, path: string, entry: SFTPAttributes): Promise<string | null> {
  if (entry.isDirectory()) return path;
  if (entry.stMode !== undefined && !entry.isSymbolicLink()) return null;
  const there = await tolerant(stat(session, at(path), call), null);
  return there?.isDirectory() ? path : null;
}

async function tolerant<T, D>(asked: Promise<T>, otherwise: D): Promise<T | D> {
  try {
    return await asked;
  } catch (error) {
    if (isNotThere(error)) return otherwise;
    throw error;
  }
}

function isNotThere(error: unknown): boolean {
  return error instanceof SFTPError && NOT_THERE.includes(error.code);
}
