// What the user hears on stderr: errors (not with -q), notices (nor with LogLevel ERROR), and with -v what is going on. Every
// line is escaped here, so that no text of a server can drive the terminal, and in raw mode every line ends so that the next
// begins at the left.

import { printable } from '../../errors.ts';

export class Log {
  readonly #verbosity: number;
  readonly #quiet: boolean;
  readonly #silent: boolean;
  /** In raw mode a line feed only goes down. */
  raw = false;
  /** Called before a line is written, by whoever has an unfinished one on the screen. */
  makeRoom: () => void = () => {};

  constructor(options: { readonly verbosity: number; readonly quiet: boolean; readonly silent: boolean }) {
    this.#verbosity = options.verbosity;
    this.#quiet = options.quiet;
    this.#silent = options.silent;
  }

  /** Something that failed. Silent with -q, as OpenSSH is: the exit status tells. */
  error(message: string): void {
    if (!this.#silent) this.#write(`amiko: ${message}`);
  }

  /** Something to know, without the program's name in front; may have several lines. */
  notice(message: string): void {
    if (!this.#quiet) this.#write(message);
  }

  /** 1 phases and results, 2 details, 3 everything. */
  debug(level: 1 | 2 | 3, message: string): void {
    if (level <= this.#verbosity) this.#write(`debug${level}: ${message}`);
  }

  #write(text: string): void {
    this.makeRoom();
    const end = this.raw ? '\r\n' : '\n';
    const lines = text.split('\n').map((line) => printable(line.endsWith('\r') ? line.slice(0, -1) : line));
    process.stderr.write(lines.join(end) + end);
  }
}
