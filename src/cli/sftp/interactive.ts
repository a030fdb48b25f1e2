// Commands that a person types. While a command runs, the terminal is as it was: Ctrl-C is a signal, which ends the command and
// not the program. At the prompt it drops the line, as in a shell; Ctrl-D ends.

import { type CompleterResult, createInterface, type Interface } from 'node:readline';
import { shown } from '../transfer/shown.ts';
import { prefixesOf } from './command-line.ts';
import { complete } from './completion.ts';
import type { Shell } from './shell.ts';

const PROMPT = 'sftp> ';
/** Lines of history, for the arrow keys. It ends with the program: lines can hold names that are nobody's business. */
const HISTORY = 500;

/** Runs what is typed until `bye` or the end of input. @throws the connection's error */
export async function runInteractive(shell: Shell): Promise<void> {
  const { stdin, stdout } = process;
  const terminal = createInterface({
    input: stdin,
    output: stdout,
    prompt: PROMPT,
    terminal: true,
    historySize: HISTORY,
    removeHistoryDuplicates: true,
    completer: (line: string, done: (error?: null | Error, result?: CompleterResult) => void) => {
      complete(shell, line).then(
        (result) => done(null, result),
        () => done(null, [[], line]),
      );
    },
  });
  try {
    const typed = new TypedLines(terminal);
    void shell.client.closed.then(() => typed.end());
    for (let line = await typed.next(); line !== null; line = await typed.next()) {
      terminal.pause();
      stdin.setRawMode(false);
      await shell.run(prefixesOf(line).text);
      if (shell.ended || shell.client.session.isClosed) break;
      stdin.setRawMode(true);
    }
  } finally {
    terminal.close();
  }
  if (!shell.client.session.isClosed) return;
  const error = await shell.client.closed;
  if (error !== undefined) throw error;
}

/** The lines of a readline, one at a time: what was typed ahead waits. */
class TypedLines {
  readonly #terminal: Interface;
  readonly #lines: string[] = [];
  #ended = false;
  #wake: () => void = () => {};

  constructor(terminal: Interface) {
    this.#terminal = terminal;
    terminal.on('line', (line) => {
      this.#lines.push(line);
      this.#wake();
    });
    terminal.on('close', () => this.end());
    terminal.on('SIGINT', () => {
      // What was typed is dropped, and stays on the screen to be seen.
      process.stdout.write('^C\n');
      terminal.write(null, { ctrl: true, name: 'e' });
      terminal.write(null, { ctrl: true, name: 'u' });
      terminal.prompt();
    });
  }

  /** Null at the end. */
  async next(): Promise<string | null> {
    const waiting = this.#lines.shift();
    if (waiting !== undefined) {
      process.stdout.write(`${PROMPT}${shown(waiting)}\n`);
      return waiting;
    }
    if (this.#ended) return null;
    this.#terminal.resume();
    this.#terminal.prompt();
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    const line = this.#lines.shift();
    if (line === undefined) process.stdout.write('\n');
    return line ?? null;
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }
}
