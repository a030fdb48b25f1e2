// A program on a terminal of its own, through the optional module `@lydell/node-pty`: the only thing here that needs native code,
// so it is loaded when the first client asks for a terminal and may be missing. The module's types are written down as far as
// they are used, so that nobody needs it to compile.
//
// What the module does not have is made up for. It loses the last output: when the last program lets go of the terminal, reading
// ends before all has been read (so we hold the terminal too), and 200 ms after the program has ended it closes it whatever is
// left (so that waits). It throws errors of the terminal that nobody listens for (so somebody does). It knows nothing of terminal
// modes and SSH_TTY (so a line of shell sets them, inside of the terminal).

import { closeSync, constants, openSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Duplex } from 'node:stream';
import type { Channel } from '../transport/channel.ts';
import type { TerminalModes } from '../transport/terminal-modes.ts';
import { type ChannelProcess, failedToStart, type Program, reportExit, writable } from './process.ts';
import { isSignalName, ProcessGroup, signalOfNumber } from './process-group.ts';
import { sttyArguments } from './stty.ts';

/** What a client wants of its terminal (RFC 4254 section 6.2). Sizes in characters. */
export interface TerminalRequest {
  readonly term: string;
  readonly columns: number;
  readonly rows: number;
  readonly modes: TerminalModes;
}

const MODULE = '@lydell/node-pty';

/** As much of node-pty as is used. `encoding: null` makes the data bytes. */
export interface TerminalModule {
  spawn(
    file: string,
    args: readonly string[],
    options: { name: string; cols: number; rows: number; cwd: string; env: Readonly<Record<string, string>>; encoding: null },
  ): Terminal;
}

interface Terminal {
  readonly pid: number;
  onData(listener: (data: Uint8Array) => void): unknown;
  onExit(listener: (exit: { exitCode: number; signal?: number }) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): void;
  write(data: Uint8Array): void;
  resize(columns: number, rows: number): void;
  pause(): void;
  resume(): void;
  destroy(): void;
  /** Not part of its interface, as what follows; without them a terminal still works, less well. The path of the terminal. */
  readonly ptsName?: string;
  /** What it reads and writes: the only way to learn that its input is full, and to keep it from closing too early. */
  readonly _socket?: Duplex;
}

let loaded: TerminalModule | string | undefined;

/** The module, or the reason why there is none. Found as `require` finds it, so NODE_PATH works too. */
export function loadTerminals(): TerminalModule | string {
  loaded ??= load();
  return loaded;
}

function load(): TerminalModule | string {
  try {
    return createRequire(import.meta.url)(MODULE) as TerminalModule;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'MODULE_NOT_FOUND') return `the optional module ${MODULE} is not installed on the server`;
    return `the optional module ${MODULE} cannot be loaded on the server (${String(message).split('\n')[0]})`;
  }
}

/** Milliseconds without output after which a program that has ended is taken to have left no more. */
const QUIET = 15;
/** So often at most, should something else go on writing to its terminal. */
const QUIET_TRIES = 40;
const SIZE_LIMIT = 65_535;

/** Sets what can only be set from inside: the modes, and the name of the terminal. Then becomes the program. */
const PROLOGUE = 'set -f; [ -z "$1" ] || stty $1 2>/dev/null; set +f; shift; SSH_TTY=$(tty) && export SSH_TTY; exec "$@"';

/** Runs a program on a channel, on a terminal of its own. */
export function runOnTerminal(
  terminals: TerminalModule,
  channel: Channel,
  program: Program,
  request: TerminalRequest,
): ChannelProcess {
  const { file, args, cwd, env } = program;
  const name = /^[\w.+-]{1,64}$/.test(request.term) ? request.term : 'vt100';
  const { columns: cols, rows } = terminalSize(request.columns, request.rows) ?? { columns: 80, rows: 24 };
  let terminal: Terminal;
  try {
    const line = ['-c', PROLOGUE, 'sh', sttyArguments(request.modes).join(' '), file, ...args];
    terminal = terminals.spawn('/bin/sh', line, { name, cols, rows, cwd, env, encoding: null });
  } catch (error) {
    return failedToStart(channel, error);
  }
  const group = new ProcessGroup(terminal.pid);
  terminal.on('error', () => {});
  let over = false;
  const output = new TerminalOutput(terminal, channel);
  terminal.onData((data) => output.take(data));
  const finished = new Promise<void>((resolve) => {
    terminal.onExit(({ exitCode, signal }) => {
      over = true;
      output.finish();
      group.leaderEnded();
      reportExit(channel, exitCode, signal ? signalOfNumber(signal) : null);
      resolve();
    });
  });
  void feedTerminal(channel, terminal, () => over);
  void channel.closed.then(() => {
    if (over) return;
    // Hanging up reaches the foreground group, which is another one than the shell's.
    group.end('SIGHUP', program.killGrace);
    terminal.destroy();
  });
  return {
    signal: (signal) => isSignalName(signal) && !over && group.signal(`SIG${signal}` as NodeJS.Signals),
    resize(columns, rowCount) {
      const size = terminalSize(columns, rowCount);
      if (size === null || over) return false;
      try {
        terminal.resize(size.columns, size.rows);
        return true;
      } catch {
        // It has just ended.
        return false;
      }
    },
    ended: finished.then(() => group.ended),
  };
}

/** What a terminal can have; null where the client does not know (0). */
function terminalSize(columns: number, rows: number): { columns: number; rows: number } | null {
  if (columns === 0 || rows === 0) return null;
  return { columns: Math.min(columns, SIZE_LIMIT), rows: Math.min(rows, SIZE_LIMIT) };
}

/** From the terminal to the channel, with backpressure, and to the last byte. */
class TerminalOutput {
  readonly #terminal: Terminal;
  readonly #channel: Channel;
  readonly #held: number | null;
  #waiting = 0;
  #taken = 0;

  constructor(terminal: Terminal, channel: Channel) {
    this.#terminal = terminal;
    this.#channel = channel;
    this.#held = hold(terminal);
    const socket = terminal._socket;
    if (socket === undefined) return;
    const destroy = socket.destroy.bind(socket);
    socket.destroy = (error) => {
      if (error) destroy(error);
      else this.#closeWhenQuiet(destroy);
      return socket;
    };
  }

  take(data: Uint8Array): void {
    this.#taken++;
    const written = this.#channel.write(data);
    if (this.#channel.sendReady()) {
      written.catch(() => {});
      return;
    }
    this.#waiting++;
    this.#terminal.pause();
    const goOn = () => {
      if (--this.#waiting === 0) this.#terminal.resume();
    };
    written.then(goOn, goOn);
  }

  /** The terminal is closed. */
  finish(): void {
    if (this.#held !== null) closeSync(this.#held);
  }

  /** Nothing is lost while the client has yet to take it, or while more keeps coming. */
  #closeWhenQuiet(close: () => void, tries = QUIET_TRIES): void {
    const before = this.#taken;
    setTimeout(() => {
      if (this.#waiting > 0) this.#closeWhenQuiet(close, tries);
      else if (this.#taken > before && tries > 0) this.#closeWhenQuiet(close, tries - 1);
      else close();
    }, QUIET);
  }
}

/** Opens the terminal once more, so that it is not closed with the program: what is in it could not be read to the end then. */
function hold({ ptsName }: Terminal): number | null {
  if (ptsName === undefined) return null;
  try {
    return openSync(ptsName, constants.O_RDWR | constants.O_NOCTTY);
  } catch {
    return null;
  }
}

/** From the channel to the terminal. The client's EOF means nothing to a terminal, as with OpenSSH: Control-D does. */
async function feedTerminal(channel: Channel, terminal: Terminal, over: () => boolean): Promise<void> {
  try {
    for await (const chunk of channel.stdout) {
      if (over()) break;
      terminal.write(chunk);
      const socket = terminal._socket;
      if (socket?.writableNeedDrain) await writable(socket);
    }
  } catch {
    // The connection broke; the channel's end is what ends the program.
  }
  channel.stdout.watch(() => channel.stdout.discard());
  channel.stdout.discard();
}
