// What the command line says about a connection, the same for every verb that makes one: as lines of ssh_config(5), which are what
// OpenSSH's letters are short for. They are read before the files, and the first value counts (configuration.ts).

import { LineError, parseLine } from '../../config/line.ts';
import { thisMachine } from '../../config/machine.ts';
import { printable, UsageError } from '../../errors.ts';
import { wholeNumber } from './values.ts';

/** A line, and how it was typed. */
export interface TypedLine {
  readonly text: string;
  readonly typed: string;
}

export interface CommandLine {
  /** `-F`; `none` for no file at all. Without it the user's and the system's. */
  configFile?: string;
  user?: string;
  port?: number;
  /** What letters stand for, by keyword: given twice, the last one counts, and before any `-o`. */
  readonly letters: Map<string, TypedLine>;
  /** `-o`, and letters that add up, in their order. */
  readonly lines: TypedLine[];
  /** Files of `-i`, which are missed where they do not exist. */
  readonly identityFiles: string[];
  /** How many `-v`. */
  verbosity: 0 | 1 | 2 | 3;
}

export function newCommandLine(): CommandLine {
  return { letters: new Map(), lines: [], identityFiles: [], verbosity: 0 };
}

/** All of them in the order in which they count. */
export function linesOf({ letters, lines }: CommandLine): readonly TypedLine[] {
  return [...letters.values(), ...lines];
}

/** The keyword of a line in lower case, as whoever reads the line sees it, in quotes too; empty where there is none. */
export function keywordOf(text: string): string {
  try {
    return parseLine(text)?.keyword ?? '';
  } catch (error) {
    if (!(error instanceof LineError)) throw error;
    // What is wrong with the line is said when it is read.
    return text;
  }
}

/** Whether the command line has a keyword, by a letter or by `-o`. */
export function isTyped(line: CommandLine, keyword: string): boolean {
  return linesOf(line).some(({ text }) => keywordOf(text) === keyword.toLowerCase());
}

/** A value as one word of a line, whatever is in it. */
export function quoted(value: string): string {
  return `"${value.replace(/["\\]/g, '\\$&')}"`;
}

/** Decide which lines count: no options themselves. */
const BLOCKS: readonly string[] = ['host', 'match', 'include'];

/** Letters with a value that mean the same everywhere. */
export const connectionLettersWithValue: Readonly<Record<string, (line: CommandLine, value: string) => void>> = {
  F: (line, value) => {
    line.configFile = value;
  },
  i: (line, value) => {
    line.identityFiles.push(value);
    add(line, 'IdentityFile', value, 'i');
  },
  c: (line, value) => set(line, 'Ciphers', value, 'c'),
  o: (line, value) => {
    const text = value.trim();
    const keyword = keywordOf(text);
    if (keyword === '' || text.startsWith('=')) throw new UsageError(`-o needs Key=Value, not '${printable(value)}'`);
    // It would be another line.
    if (/[\0\r\n]/.test(text)) throw new UsageError('-o takes one line');
    // As with ssh: a block would take in what stands behind it on the command line, and might not apply.
    if (BLOCKS.includes(keyword))
      throw new UsageError(`-o ${printable(value)}: blocks and files have no place here; there is -F`);
    line.lines.push({ text, typed: `-o ${value}` });
  },
  J: (line, value) => {
    if (line.letters.has('ProxyJump')) throw new UsageError('-J can be given only once; part the hosts by commas');
    if (says(line, 'proxycommand')) throw new UsageError('-J and ProxyCommand are two ways to one host: give one of them');
    line.letters.set('ProxyJump', { text: `ProxyJump ${oneLine(value)}`, typed: `-J ${value}` });
  },
};

/** Letters without a value that mean the same everywhere. */
export const connectionLetters: Readonly<Record<string, (line: CommandLine) => void>> = {
  q: (line) => set(line, 'LogLevel', 'QUIET', 'q'),
  v: (line) => {
    line.verbosity = Math.min(line.verbosity + 1, 3) as CommandLine['verbosity'];
    set(line, 'LogLevel', `DEBUG${line.verbosity}`, 'v');
  },
  C: (line) => set(line, 'Compression', 'yes', 'C'),
  4: (line) => set(line, 'AddressFamily', 'inet', '4'),
  6: (line) => set(line, 'AddressFamily', 'inet6', '6'),
};

/** A letter that stands for a keyword with one value. */
export function set(line: CommandLine, keyword: string, value: string, letter: string): void {
  line.letters.set(keyword, typedLine(keyword, value, letter));
}

/** A letter that stands for one more value of a keyword. */
export function add(line: CommandLine, keyword: string, value: string, letter: string): void {
  line.lines.push(typedLine(keyword, value, letter));
}

/** The user, unless one was named before. */
export function nameUser(line: CommandLine, user: string): void {
  if (user === '') throw new UsageError('a user needs a name');
  if (!says(line, 'user')) line.user ??= user;
}

/** The port, a number or the name of a service, unless one was named before. */
export function namePort(line: CommandLine, port: string): void {
  const number = thisMachine().service(port) ?? wholeNumber('the port', port, 1, 65_535);
  if (!says(line, 'port')) line.port ??= number;
}

/** Whether `-o` has a keyword, in lower case, already. */
export function says({ lines }: CommandLine, keyword: string): boolean {
  return lines.some(({ text }) => keywordOf(text) === keyword);
}

function typedLine(keyword: string, value: string, letter: string): TypedLine {
  return { text: `${keyword} ${quoted(oneLine(value))}`, typed: `-${letter} ${value}` };
}

function oneLine(value: string): string {
  if (/[\0\r\n]/.test(value)) throw new UsageError('a line break or NUL has no place in an option');
  return value;
}
