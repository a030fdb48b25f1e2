// Arguments as OpenSSH's getopt reads them: `-vvA`, `-p2222`, `-oKey=Value`. Each verb has a table of its letters. One that is not
// supported is refused: ignoring what somebody relies on could be dangerous.

import { nearest } from '../../algorithms/nearest.ts';
import { printable, UsageError } from '../../errors.ts';

export interface OptionTable<O> {
  /** Letters without a value. */
  readonly flags: Readonly<Record<string, (options: O) => void>>;
  readonly flagsWithValue: Readonly<Record<string, (options: O, value: string) => void>>;
  /** Words after two dashes, without a value, besides `--help` and `--version`. */
  readonly words?: Readonly<Record<string, (options: O) => void>>;
  /** Letters of OpenSSH's that are not supported, and what they are for. */
  readonly notYet: Readonly<Record<string, string>>;
}

/** What is left after the options: `rest` begins with the first word that is none, or follows a `--`. */
export interface Parsed {
  readonly rest: readonly string[];
  /** A `--` has ended the options. */
  readonly ended: boolean;
}

/** Reads options up to the first word that is none. @throws UsageError */
export function parseFlags<O>(table: OptionTable<O>, options: O, args: readonly string[]): Parsed | 'help' | 'version' {
  const { flags, flagsWithValue, words = {} } = table;
  for (let index = 0; index < args.length; index++) {
    const argument = args[index] as string;
    if (argument === '--') return { rest: args.slice(index + 1), ended: true };
    if (argument === '--help') return 'help';
    if (argument === '--version') return 'version';
    if (argument === '-' || !argument.startsWith('-')) return { rest: args.slice(index), ended: false };
    if (argument.startsWith('--')) {
      const name = argument.slice(2);
      const word = Object.hasOwn(words, name) ? words[name] : undefined;
      const known = [...Object.keys(words), 'help', 'version'].map((each) => `--${each}`);
      if (word === undefined) throw new UsageError(`unknown option '${printable(argument)}'${didYouMean(argument, known)}`);
      word(options);
      continue;
    }
    for (let at = 1; at < argument.length; at++) {
      const letter = argument[at] as string;
      const flag = Object.hasOwn(flags, letter) ? flags[letter] : undefined;
      if (flag !== undefined) {
        flag(options);
        continue;
      }
      const withValue = Object.hasOwn(flagsWithValue, letter) ? flagsWithValue[letter] : undefined;
      if (withValue === undefined) {
        if (letter === 'h') return 'help';
        if (letter === 'V') return 'version';
        throw unknownFlag(table, letter);
      }
      const value = at + 1 < argument.length ? argument.slice(at + 1) : args[++index];
      if (value === undefined) throw new UsageError(`-${letter} needs a value`);
      withValue(options, value);
      break;
    }
  }
  return { rest: [], ended: false };
}

/** Reads options wherever they stand, and the words between them; after `--` all are words. @throws UsageError */
export function parseAll<O>(table: OptionTable<O>, options: O, args: readonly string[]): readonly string[] | 'help' | 'version' {
  const found: string[] = [];
  for (let left = args; ; ) {
    const parsed = parseFlags(table, options, left);
    if (typeof parsed === 'string') return parsed;
    const { rest, ended } = parsed;
    if (ended || rest.length === 0) return [...found, ...rest];
    found.push(rest[0] as string);
    left = rest.slice(1);
  }
}

function unknownFlag<O>({ flags, flagsWithValue, notYet }: OptionTable<O>, letter: string): UsageError {
  if (Object.hasOwn(notYet, letter)) return new UsageError(`-${letter} (${notYet[letter]}) is not supported yet`);
  const known = [...Object.keys(flagsWithValue), ...Object.keys(flags)];
  const otherCase = known.find((name) => name.toLowerCase() === letter.toLowerCase());
  const hint =
    otherCase === undefined ? `; there are ${known.map((name) => `-${name}`).join(' ')}` : `; did you mean '-${otherCase}'?`;
  return new UsageError(`unknown option '-${printable(letter)}'${hint}`);
}

export function didYouMean(word: string, names: readonly string[]): string {
  const close = nearest(word, names);
  return close === null ? '' : `; did you mean '${close}'?`;
}
