// Values of `-o Key=Value` as ssh_config(5) writes them: numbers, times, yes and no, file names, words in quotes. A value is
// checked when it is read: a wrong one must not turn into a connection with other settings than were asked for.

import { homedir } from 'node:os';
import { join } from 'node:path';
import { nearest } from '../../algorithms/nearest.ts';
import { printable, UsageError } from '../../errors.ts';

export function wholeNumber(name: string, value: string, least: number, most = 2_147_483_647): number {
  const number = /^\d{1,10}$/.test(value) ? Number(value) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw new UsageError(`${name} needs a whole number from ${least} to ${most}, not '${printable(value)}'`);
}

export function yesOrNo(name: string, value: string): boolean {
  return oneOf(name, value, { yes: true, true: true, no: false, false: false });
}

export function oneOf<T>(name: string, value: string, known: Readonly<Record<string, T>>): T {
  const word = value.toLowerCase();
  if (Object.hasOwn(known, word)) return known[word] as T;
  const close = nearest(word, Object.keys(known));
  const hint = close === null ? `; it can be ${Object.keys(known).join(', ')}` : `; did you mean '${close}'?`;
  throw new UsageError(`${name} cannot be '${printable(value)}'${hint}`);
}

/** sshd_config(5), "TIME FORMATS": 90, 90s, 1h30m. */
export function seconds(name: string, value: string): number {
  const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 };
  let total = 0;
  let rest = value.toLowerCase();
  while (rest !== '') {
    const match = /^(\d{1,9})([smhdw]?)/.exec(rest);
    if (match === null) throw new UsageError(`${name} needs a time such as 30 or 5m, not '${printable(value)}'`);
    total += Number(match[1]) * (units[match[2] || 's'] as number);
    rest = rest.slice(match[0].length);
  }
  // Timers take no more than 2^31 - 1 milliseconds.
  if (total > 2_147_483) throw new UsageError(`${name} is too long: '${printable(value)}'`);
  return total;
}

/** File names; `~/` is the home directory, as the shell does not see it behind `-o Key=`. */
export function fileNames(value: string): string[] {
  return words(value).map((name) => (name === '~' || name.startsWith('~/') ? join(homedir(), name.slice(1)) : name));
}

/** Words parted by white space; double quotes keep one together. */
export function words(value: string): string[] {
  const found: string[] = [];
  let word: string | null = null;
  let quoted = false;
  for (const character of value) {
    if (character === '"') {
      quoted = !quoted;
      word ??= '';
    } else if (!quoted && (character === ' ' || character === '\t')) {
      if (word !== null) found.push(word);
      word = null;
    } else {
      word = (word ?? '') + character;
    }
  }
  if (quoted) throw new UsageError(`a quote is not closed: '${printable(value)}'`);
  if (word !== null) found.push(word);
  return found;
}
