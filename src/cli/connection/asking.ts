// Where passwords, passphrases and answers come from: AMIKO_PASSWORD, the program in SSH_ASKPASS, or a person at the terminal
// (ssh(1), "SSH_ASKPASS_REQUIRE"). Never from the arguments, which everybody on the machine can read. Nobody is asked where
// stdin is no terminal or in batch mode, and what the server wants to have asked is escaped before it is shown.

import { spawn } from 'node:child_process';
import { setImmediate } from 'node:timers/promises';
import { printable } from '../../errors.ts';

/** How often a person may mistype a password or a passphrase. */
export const MAX_TRIES = 3;

/** Bytes of an answer. */
const ANSWER_LIMIT = 1_024;

type Question = () => Promise<void>;

export class Asking {
  readonly #batch: boolean;
  readonly #environment: boolean;
  /** What waits for somebody to say whether the terminal is free; null from then on. */
  #waiting: Question[] | null = [];
  #terminalIsFree = false;

  constructor(options: { readonly batchMode: boolean; readonly environment?: boolean }) {
    this.#batch = options.batchMode;
    this.#environment = options.environment ?? true;
  }

  /** The same for a host on the way: the password in the environment is the destination's, and no other host's business. */
  forJumpHost(): Asking {
    return new Asking({ batchMode: this.#batch, environment: false });
  }

  /** The password in the environment, or null. An empty one is none. */
  get environmentPassword(): string | null {
    return this.#environment ? process.env['AMIKO_PASSWORD'] || null : null;
  }

  /** Whether there is a person, or a program that stands for one. */
  get possible(): boolean {
    return this.#askpass() !== null || this.#terminal;
  }

  /** Whether a person sits at the terminal and may be asked. */
  get atTerminal(): boolean {
    return this.#terminal;
  }

  /** Asks for something; without `echo` the answer is not shown. Null where nobody can be asked or nobody answers. */
  async ask(prompt: string, echo: boolean): Promise<string | null> {
    const program = this.#askpass();
    if (program !== null) return runAskpass(program, prompt);
    return this.#terminal ? askTerminal(prompt, echo) : null;
  }

  /** Asks a person at the terminal, and no program. */
  async askPerson(prompt: string): Promise<string | null> {
    return this.#terminal ? askTerminal(prompt, true) : null;
  }

  /**
   * Asks something that comes up by itself, when the terminal is nobody else's. False where that will not be any more: a session
   * has it then, and what is typed is meant for that one.
   */
  whenFree(question: Question): boolean {
    if (this.#terminalIsFree) void question();
    else this.#waiting?.push(question);
    return this.#terminalIsFree || this.#waiting !== null;
  }

  /** There will be no session: whatever comes up is asked. */
  keepTerminal(): void {
    this.#terminalIsFree = true;
    for (const question of this.#waiting?.splice(0) ?? []) void question();
  }

  /** Asks what has come up so far, one after the other; then the terminal is the session's. */
  async giveTerminalAway(): Promise<void> {
    // What has come in just now may still be on its way through promises.
    await setImmediate();
    for (let next = this.#waiting?.shift(); next !== undefined; next = this.#waiting?.shift()) await next();
    this.#waiting = null;
  }

  get #terminal(): boolean {
    return !this.#batch && process.stdin.isTTY === true;
  }

  #askpass(): string | null {
    const { SSH_ASKPASS: program, SSH_ASKPASS_REQUIRE, DISPLAY, WAYLAND_DISPLAY } = process.env;
    const require = SSH_ASKPASS_REQUIRE?.toLowerCase();
    if (!program || this.#batch || require === 'never') return null;
    if (require === 'force') return program;
    // Such programs open a window; where there is no screen only 'force' calls them.
    if (!DISPLAY && !WAYLAND_DISPLAY) return null;
    return require === 'prefer' || !this.#terminal ? program : null;
  }
}

/** Runs the program with the question as its argument; its answer is the first line that it prints. */
function runAskpass(program: string, prompt: string): Promise<string | null> {
  return new Promise((resolve) => {
    const child = spawn(program, [printable(prompt)], { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = Buffer.alloc(0);
    child.stdout.on('data', (chunk: Buffer) => {
      if (output.length <= ANSWER_LIMIT) output = Buffer.concat([output, chunk]);
    });
    child.once('error', (error) => {
      process.stderr.write(`amiko: cannot run SSH_ASKPASS: ${error.message}\n`);
      resolve(null);
    });
    child.once('close', (code) => {
      const answer = output.toString('utf8').split(/\r?\n/, 1)[0] ?? '';
      output.fill(0);
      resolve(code === 0 ? answer : null);
    });
  });
}

const CTRL_C = 0x03;
const CTRL_D = 0x04;
const BACKSPACE = 0x08;
const CTRL_U = 0x15;
const DELETE = 0x7f;

/** Asks on the terminal. Null where the answer is the terminal's end (^D); ^C is SIGINT, as it would be outside of raw mode. */
function askTerminal(prompt: string, echo: boolean): Promise<string | null> {
  const { stdin, stderr } = process;
  stderr.write(prompt.split('\n').map(printable).join('\n'));
  return new Promise((resolve) => {
    const typed: number[] = [];
    const restore = () => {
      stdin.setRawMode(false);
    };
    const close = (rest: Uint8Array) => {
      process.off('exit', restore);
      stdin.off('data', take);
      stdin.off('end', ended);
      stdin.pause();
      restore();
      stderr.write('\n');
      if (rest.length > 0) stdin.unshift(rest);
      typed.fill(0);
    };
    const finish = (answer: string | null, rest: Uint8Array) => {
      close(rest);
      resolve(answer);
    };
    const ended = () => finish(null, new Uint8Array(0));
    const take = (chunk: Buffer) => {
      for (const [index, byte] of chunk.entries()) {
        const rest = chunk.subarray(index + 1);
        if (byte === 0x0d || byte === 0x0a) return finish(Buffer.from(typed).toString('utf8'), rest);
        if (byte === CTRL_D && typed.length === 0) return finish(null, rest);
        if (byte === CTRL_C) {
          close(rest);
          // There is no answer, not even none: the signal ends all that waits for one.
          process.kill(process.pid, 'SIGINT');
          return;
        }
        if (byte === BACKSPACE || byte === DELETE) erase(typed, echo);
        else if (byte === CTRL_U) while (typed.length > 0) erase(typed, echo);
        else if (byte >= 0x20 && typed.length < ANSWER_LIMIT) {
          typed.push(byte);
          if (echo) stderr.write(Uint8Array.of(byte));
        }
      }
    };
    process.on('exit', restore);
    stdin.setRawMode(true);
    stdin.on('data', take);
    stdin.on('end', ended);
    stdin.resume();
  });
}

/** Takes the last character away, all bytes of it. */
function erase(typed: number[], echo: boolean): void {
  let byte = typed.pop();
  if (byte === undefined) return;
  while (byte !== undefined && byte >= 0x80 && byte < 0xc0) byte = typed.pop();
  if (echo) process.stderr.write('\b \b');
}
