// What the user hears: errors (not with -q), notices (nor with LogLevel ERROR), and with -v what is going on. It goes to stderr, or
// to a file (ssh(1), -E), and what somebody at the terminal is to read to stderr in any case. Every line is escaped here, so that no
// text of a server can drive the terminal, and in raw mode every line ends so that the next begins at the left.

import { openSync, writeSync } from 'node:fs';
import { ConfigError, printable } from '../../errors.ts';

/** A log file, to which lines are appended. */
export class LogFile {
  readonly #fd: number;

  /** @throws ConfigError where it cannot be written to */
  constructor(path: string) {
    try {
      this.#fd = openSync(path, 'a', 0o600);
    } catch (error) {
      const { message } = error as Error;
      throw new ConfigError([{ file: path, line: null, message: `the log cannot be appended to it: ${message}` }], {
        cause: error,
      });
    }
  }

  /** Never fails: a log that cannot be written is no reason to die. */
  write(text: string): void {
    try {
      writeSync(this.#fd, text);
    } catch {
      // The disk is full, or the pipe's reader is gone.
    }
  }
}

export class Log {
  readonly #verbosity: number;
  readonly #quiet: boolean;
  readonly #silent: boolean;
  readonly #file: LogFile | null;
  /** In raw mode a line feed only goes down. */
  raw = false;
  /** Called before a line is written, by whoever has an unfinished one on the screen. */
  makeRoom: () => void = () => {};

  constructor(
    options: { readonly verbosity: number; readonly quiet: boolean; readonly silent: boolean },
    file: LogFile | null = null,
  ) {
    this.#verbosity = options.verbosity;
    this.#quiet = options.quiet;
    this.#silent = options.silent;
    this.#file = file;
  }

  /** Something that failed. Silent with -q, as OpenSSH is: the exit status tells. */
  error(message: string): void {
    if (!this.#silent) this.#write(`amiko: ${message}`);
  }

  /** Something to know, without the program's name in front; may have several lines. */
  notice(message: string): void {
    if (!this.#quiet) this.#write(message);
  }

  /** A notice that is for the person at the terminal, such as what the server says before it asks. */
  say(message: string): void {
    if (!this.#quiet) this.#writeToTerminal(message);
  }

  /** 1 phases and results, 2 details, 3 everything. */
  debug(level: 1 | 2 | 3, message: string): void {
    if (level <= this.#verbosity) this.#write(`debug${level}: ${message}`);
  }

  #write(text: string): void {
    if (this.#file === null) this.#writeToTerminal(text);
    else this.#file.write(`${escaped(text).join('\n')}\n`);
  }

  #writeToTerminal(text: string): void {
    this.makeRoom();
    const end = this.raw ? '\r\n' : '\n';
    process.stderr.write(escaped(text).join(end) + end);
  }
}

function escaped(text: string): string[] {
  return text.split('\n').map((line) => printable(line.endsWith('\r') ? line.slice(0, -1) : line));
}
