// How the arguments of keywords are read, by kind: words of a fixed set, numbers, times, texts, commands and lists. What a kind
// stores is what `ssh -G` prints for it.

import { nearest } from '../algorithms/nearest.ts';
import { printable } from '../errors.ts';
import { checkAlgorithmList, type ListKeyword } from './algorithm-list.ts';
import { LineError } from './line.ts';
import type { LineReader } from './reader.ts';
import { integer, seconds } from './values.ts';

export type Kind = (line: LineReader) => void;

/** Words and what they are stored as; upper and lower case are the same. */
export function words(meanings: Readonly<Record<string, string>>): Kind {
  return (line) => {
    const word = line.need();
    const meaning = lookUp(meanings, word);
    if (meaning === undefined) throw unknownWord(word, meanings);
    line.set(meaning);
  };
}

export function lookUp(meanings: Readonly<Record<string, string>>, word: string): string | undefined {
  const lower = word.toLowerCase();
  return Object.hasOwn(meanings, lower) ? meanings[lower] : undefined;
}

export function unknownWord(word: string, meanings: Readonly<Record<string, string>>): LineError {
  const close = word.length > 64 ? null : nearest(word, Object.keys(meanings));
  return new LineError(
    `'${printable(word.slice(0, 64))}' is no value of this${close === null ? '' : `; did you mean '${close}'?`}`,
  );
}

export const FLAG = { yes: 'yes', true: 'yes', no: 'no', false: 'no' } as const;
/** Keywords with more words than yes and no print these two as true and false. */
export const TRISTATE = { yes: 'true', true: 'true', no: 'false', false: 'false' } as const;

export const flag: Kind = words(FLAG);

export const text: Kind = (line) => line.set(line.need());

export const number: Kind = (line) => {
  const word = line.need();
  const value = integer(word);
  if (value === null) throw new LineError(`'${printable(word.slice(0, 64))}' is not a number from 0 to 2147483647`);
  line.set(String(value));
};

/** Seconds. `none` is as if the line were not there: a later one may still say how long. */
export const time: Kind = (line) => {
  const value = needTime(line);
  if (value !== null) line.set(value);
};

/** Null for `none`. */
export function needTime(line: LineReader): string | null {
  const word = line.need();
  if (word === 'none') return null;
  const value = seconds(word);
  if (value === null) throw new LineError(`'${printable(word.slice(0, 64))}' is no time, such as 90, 10m or 1h30m`);
  return String(value);
}

/** The rest of the line as it stands, for a program or a shell to make sense of. */
export const command: Kind = (line) => {
  line.set(line.rest.replace(/^[ \t\r\n=]+/, ''));
  line.takeAll();
};

export const algorithms: Kind = (line) => {
  const spec = line.need();
  checkAlgorithmList(line.key as ListKeyword, spec, line.context.tables);
  line.set(spec);
};

/** A list of paths; `none` only by itself. */
export const paths: Kind = (line) => {
  const values = line.takeAll();
  if (values.includes('')) throw new LineError('an argument is empty');
  checkAlone(values, ['none']);
  if (values.length > 32) throw new LineError('more than 32 files');
  if (values.length > 0) line.setList(values);
};

/** @throws LineError if one of the special words stands with others. */
export function checkAlone(values: readonly string[], special: readonly string[]): void {
  const found = values.find((value) => special.includes(value.toLowerCase()));
  if (found !== undefined && values.length > 1) throw new LineError(`'${found}' must stand alone`);
}

/** What was once an option, which ssh passes over too, or is one that OpenSSH is not built with any more, and says so. */
export function ignored(why: 'silently' | 'unsupported'): Kind {
  return (line) => {
    if (why === 'unsupported') line.context.notice(`${line.key} is unsupported and has no effect`);
    line.takeAll();
  };
}
