// The arguments of verbs that speak OpenSSH's letters, read as getopt does: `-lf FILE`, `-p2222`, options and operands in any order,
// `--` ends the options. What follows an option that takes a value is that value, whatever it looks like: `-V -5m:+1h`.

import { nearest } from '../algorithms/nearest.ts';
import { printable, UsageError } from '../errors.ts';

/** The options by name: one letter is `-x`, more are `--name` or `--name=value`. */
export type OptionTable = Readonly<Record<string, 'flag' | 'value'>>;

/** What was given. */
export interface ParsedOptions<N extends string> {
  /** How often it was given. */
  count(name: N): number;
  has(name: N): boolean;
  /** The last value, or null. */
  value(name: N): string | null;
  values(name: N): readonly string[];
  readonly operands: readonly string[];
}

/** The names of a table; `4` and `6` are numbers there. */
type NameOf<T> = `${Exclude<keyof T, symbol>}`;

export interface ParseHints {
  /** Letters of OpenSSH's that are not supported, and what they are for. */
  readonly notSupported?: Readonly<Record<string, string>>;
  /** The first operand ends the options: what follows is somebody else's command. */
  readonly stopAtOperand?: boolean;
}

/** @throws UsageError for an option that is not known, with the one that was probably meant */
export function parseOptions<T extends OptionTable>(
  args: readonly string[],
  table: T,
  { notSupported = {}, stopAtOperand = false }: ParseHints = {},
): ParsedOptions<NameOf<T>> {
  const given = new Map<string, string[]>();
  const operands: string[] = [];
  const set = (name: string, value: string) => void given.set(name, [...(given.get(name) ?? []), value]);
  for (let index = 0; index < args.length; index++) {
    const argument = args[index] as string;
    if (argument === '--') {
      operands.push(...args.slice(index + 1));
      break;
    }
    if (argument === '-' || !argument.startsWith('-')) {
      if (stopAtOperand) {
        operands.push(...args.slice(index));
        break;
      }
      operands.push(argument);
      continue;
    }
    if (argument.startsWith('--')) {
      const [, name = '', inline] = /^--([^=]*)(?:=([\s\S]*))?$/.exec(argument) ?? [];
      const kind = name.length > 1 && Object.hasOwn(table, name) ? table[name] : undefined;
      if (kind === undefined) throw unknownName(name, table);
      if (kind === 'flag' && inline !== undefined) throw new UsageError(`--${name} takes no value`);
      set(name, kind === 'flag' ? '' : needed(`--${name}`, inline ?? args[++index]));
      continue;
    }
    for (let at = 1; at < argument.length; at++) {
      const letter = argument[at] as string;
      const kind = Object.hasOwn(table, letter) ? table[letter] : undefined;
      if (kind === undefined) throw unknownLetter(letter, table, notSupported);
      if (kind === 'flag') {
        set(letter, '');
        continue;
      }
      set(letter, needed(`-${letter}`, at + 1 < argument.length ? argument.slice(at + 1) : args[++index]));
      break;
    }
  }
  return {
    count: (name) => given.get(name)?.length ?? 0,
    has: (name) => given.has(name),
    value: (name) => given.get(name)?.at(-1) ?? null,
    values: (name) => given.get(name) ?? [],
    operands,
  };
}

/** A whole number in a range. @throws UsageError naming the option */
export function wholeNumber(option: string, text: string, from: number, to: number): number {
  const number = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= from && number <= to) return number;
  throw new UsageError(`${option} is a whole number from ${from} to ${to}, not '${printable(text)}'`);
}

function needed(option: string, value: string | undefined): string {
  if (value === undefined) throw new UsageError(`${option} needs a value`);
  return value;
}

function unknownName(name: string, table: OptionTable): UsageError {
  const close = nearest(
    name,
    Object.keys(table).filter((known) => known.length > 1),
  );
  return new UsageError(`unknown option '--${printable(name)}'${close === null ? '' : `; did you mean '--${close}'?`}`);
}

function unknownLetter(letter: string, table: OptionTable, notSupported: Readonly<Record<string, string>>): UsageError {
  if (Object.hasOwn(notSupported, letter)) return new UsageError(`-${letter} (${notSupported[letter]}) is not supported`);
  const letters = Object.keys(table).filter((known) => known.length === 1);
  const otherCase = letters.find((known) => known.toLowerCase() === letter.toLowerCase());
  const hint =
    otherCase === undefined ? `; there are ${letters.map((known) => `-${known}`).join(' ')}` : `; did you mean '-${otherCase}'?`;
  return new UsageError(`unknown option '-${printable(letter)}'${hint}`);
}
