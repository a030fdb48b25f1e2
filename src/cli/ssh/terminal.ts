// The local terminal during an interactive session: raw mode, its size and its settings. Whatever ends the process short of
// SIGKILL, the terminal is put back: a shell that does not echo is the worst thing that an SSH client can leave behind.

import { spawnSync } from 'node:child_process';
import type { WriteStream } from 'node:tty';
import type { TerminalMode, TerminalModes } from '../../transport/terminal-modes.ts';
import { terminalModes } from '../../transport/terminal-modes.ts';

export interface TerminalSize {
  readonly width: number;
  readonly height: number;
}

/** The terminal of stdin and stdout. Where stdin is none, it has a default size and raw mode does nothing. */
export class Terminal {
  #raw = false;
  readonly #restore = () => this.restore();

  /** Whether stdin is a terminal. */
  get interactive(): boolean {
    return process.stdin.isTTY === true;
  }

  /** Columns and rows; 80 x 24 where nobody knows. */
  get size(): TerminalSize {
    const stream = sized();
    return { width: stream?.columns || 80, height: stream?.rows || 24 };
  }

  /** Calls back whenever the size has changed; returns how to stop. */
  onResize(listener: () => void): () => void {
    const stream = sized();
    stream?.on('resize', listener);
    return () => stream?.off('resize', listener);
  }

  /** The settings of the terminal as pty-req wants them (RFC 4254 section 8), so that the keys mean there what they mean here. */
  modes(): TerminalModes {
    if (!this.interactive || process.platform === 'win32') return {};
    const { status, stdout } = spawnSync('stty', ['-a'], { stdio: ['inherit', 'pipe', 'ignore'], encoding: 'utf8' });
    return status === 0 ? parseStty(stdout) : {};
  }

  /** Every key goes to the remote side, and what comes from there goes to the screen as it is. */
  enterRaw(): void {
    if (this.#raw || !this.interactive) return;
    this.#raw = true;
    process.on('exit', this.#restore);
    process.stdin.setRawMode(true);
    // Node leaves output processing on, which would turn the line feeds of full-screen programs into new lines.
    if (process.platform !== 'win32') spawnSync('stty', ['-opost'], { stdio: ['inherit', 'ignore', 'ignore'] });
  }

  /** As it was before. Never fails, may be called at any time. */
  restore(): void {
    if (!this.#raw) return;
    this.#raw = false;
    process.off('exit', this.#restore);
    try {
      // Restores all settings as they were, the output processing too.
      process.stdin.setRawMode(false);
    } catch {
      // The terminal is gone: there is nothing to put back.
    }
  }
}

function sized(): WriteStream | null {
  if (process.stdout.isTTY) return process.stdout;
  return process.stderr.isTTY ? (process.stderr as WriteStream) : null;
}

/** What `stty` calls differently from RFC 4254. */
const controlCharacters: Readonly<Record<string, TerminalMode>> = {
  intr: 'VINTR',
  quit: 'VQUIT',
  erase: 'VERASE',
  kill: 'VKILL',
  eof: 'VEOF',
  eol: 'VEOL',
  eol2: 'VEOL2',
  start: 'VSTART',
  stop: 'VSTOP',
  susp: 'VSUSP',
  dsusp: 'VDSUSP',
  rprnt: 'VREPRINT',
  reprint: 'VREPRINT',
  werase: 'VWERASE',
  lnext: 'VLNEXT',
  flush: 'VFLUSH',
  discard: 'VDISCARD',
  status: 'VSTATUS',
};

/** "255 stands for: this character is not in use" (RFC 4254 section 8). */
const UNUSED = 255;

/** The modes in the output of `stty -a`, of GNU and of BSD. */
export function parseStty(text: string): TerminalModes {
  const modes: { [M in TerminalMode]?: number } = {};
  const speed = /\bspeed (\d{1,9}) baud/.exec(text) ?? /(\d{1,9}) baud/.exec(text);
  if (speed !== null) modes.TTY_OP_ISPEED = modes.TTY_OP_OSPEED = Number(speed[1]);
  const words = text.split(/[\s;]+/);
  words.forEach((word, index) => {
    const control = Object.hasOwn(controlCharacters, word) && words[index + 1] === '=' ? controlCharacters[word] : undefined;
    if (control !== undefined) {
      modes[control] = controlCode(words[index + 2] ?? '');
      return;
    }
    const off = word.startsWith('-');
    const flag = (off ? word.slice(1) : word).toUpperCase();
    if (isFlag(flag) && words[index + 1] !== '=') modes[flag] = off ? 0 : 1;
  });
  return modes;
}

function isFlag(name: string): name is TerminalMode {
  return (
    Object.hasOwn(terminalModes, name) &&
    terminalModes[name as TerminalMode] >= terminalModes.IGNPAR &&
    !name.startsWith('TTY_OP')
  );
}

function controlCode(text: string): number {
  if (text === '^?') return 0x7f;
  if (text.length === 2 && text.startsWith('^')) return text.charCodeAt(1) & 0x1f;
  return text.length === 1 ? text.charCodeAt(0) : UNUSED;
}
