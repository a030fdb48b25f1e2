// One line as a command: prefixes, name, flags, words. What the name means is a row of the table (`commands.ts`).

import { printable, UsageError } from '../../errors.ts';
import { didYouMean } from '../connection/arguments.ts';
import type { Shell } from './shell.ts';
import { splitWords } from './words.ts';

/** What a command was called with. */
export interface Call {
  readonly flags: ReadonlySet<string>;
  /** Glob patterns; `literal` makes names of them. */
  readonly words: readonly string[];
  /** The line behind the name, as it was typed. */
  readonly rest: string;
}

export interface Command {
  /** The first is the one to tell. */
  readonly names: readonly string[];
  /** What follows the name, for the help. */
  readonly usage: string;
  readonly help: string;
  /** Letters that it takes. */
  readonly flags?: string;
  /** How many words, at least and at most; default none. */
  readonly words?: readonly [least: number, most: number];
  /** What its words are, for completion; the last one counts for all that follow. Default nothing that could be completed. */
  readonly completes?: readonly ('remote' | 'local')[];
  /** Gets the rest of the line as it is. */
  readonly raw?: boolean;
  /** @throws CommandError, SFTPError, errors of the system: what was asked for was not done */
  run(shell: Shell, call: Call): Promise<void> | void;
}

export interface Line {
  readonly command: Command;
  readonly call: Call;
}

/** What stands in front of a command: `-` forgives its failure, `@` keeps it from being echoed. */
export interface Prefixes {
  readonly forgiven: boolean;
  readonly silent: boolean;
  /** The line without them. */
  readonly text: string;
}

export function prefixesOf(line: string): Prefixes {
  const [prefix = ''] = /^[\s@-]*/.exec(line) ?? [];
  return { forgiven: prefix.includes('-'), silent: prefix.includes('@'), text: line.slice(prefix.length) };
}

/** Null where there is nothing to do. @throws UsageError */
export function parseLine(text: string, table: readonly Command[]): Line | null {
  if (text.startsWith('!')) {
    const command = commandOf('!', table);
    return { command, call: { flags: new Set(), words: [], rest: text.slice(1).trim() } };
  }
  const [, name = '', rest = ''] = /^(\S*)\s*([\s\S]*?)\s*$/.exec(text) ?? [];
  if (name === '' || name.startsWith('#')) return null;
  const command = commandOf(name, table);
  if (command.raw === true) return { command, call: { flags: new Set(), words: [], rest } };
  const words = splitWords(rest).map(({ pattern }) => pattern);
  const flags = takeFlags(command, words);
  const [least, most] = command.words ?? [0, 0];
  if (words.length < least || words.length > most) throw new UsageError(`usage: ${usageOf(command)}`);
  return { command, call: { flags, words, rest } };
}

function usageOf({ names, usage }: Command): string {
  return `${names[0]} ${usage}`.trimEnd();
}

function commandOf(name: string, table: readonly Command[]): Command {
  const lower = name.toLowerCase();
  const command = table.find(({ names }) => names.includes(lower));
  if (command !== undefined) return command;
  const close = didYouMean(
    lower,
    table.flatMap(({ names }) => names),
  );
  throw new UsageError(`unknown command '${printable(name)}'${close || "; 'help' lists them"}`);
}

/** Takes the flags from the front of the words. */
function takeFlags(command: Command, words: string[]): ReadonlySet<string> {
  const flags = new Set<string>();
  while (words[0]?.startsWith('-') && words[0] !== '-') {
    const word = words.shift() as string;
    if (word === '--') break;
    for (const letter of word.slice(1)) {
      if (!command.flags?.includes(letter)) {
        throw new UsageError(`${command.names[0]} has no -${printable(letter)}; usage: ${usageOf(command)}`);
      }
      flags.add(letter);
    }
  }
  return flags;
}
