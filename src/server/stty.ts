// Terminal modes (RFC 4254 section 8) as arguments of stty(1). Only words that every stty knows, and only characters that mean
// nothing to a shell that splits words: the result is put into a command line unquoted.

import type { TerminalMode, TerminalModes } from '../transport/terminal-modes.ts';

const FLAGS: readonly TerminalMode[] = [
  'IGNPAR',
  'PARMRK',
  'INPCK',
  'ISTRIP',
  'INLCR',
  'IGNCR',
  'ICRNL',
  'IXON',
  'IXANY',
  'IXOFF',
  'IMAXBEL',
  'IUTF8',
  'ISIG',
  'ICANON',
  'ECHO',
  'ECHOE',
  'ECHOK',
  'ECHONL',
  'NOFLSH',
  'TOSTOP',
  'IEXTEN',
  'ECHOCTL',
  'ECHOKE',
  'OPOST',
  'ONLCR',
  'OCRNL',
  'ONOCR',
  'ONLRET',
];

const CHARACTERS: Readonly<Partial<Record<TerminalMode, string>>> = {
  VINTR: 'intr',
  VQUIT: 'quit',
  VERASE: 'erase',
  VKILL: 'kill',
  VEOF: 'eof',
  VSTART: 'start',
  VSTOP: 'stop',
  VSUSP: 'susp',
  VREPRINT: 'rprnt',
  VWERASE: 'werase',
  VLNEXT: 'lnext',
};

/** "255 if none" (RFC 4254 section 8). */
const NONE = 255;

export function sttyArguments(modes: TerminalModes): string[] {
  const out: string[] = [];
  for (const mode of FLAGS) {
    const value = modes[mode];
    if (value !== undefined) out.push(value === 0 ? `-${mode.toLowerCase()}` : mode.toLowerCase());
  }
  for (const [mode, word] of Object.entries(CHARACTERS)) {
    const value = modes[mode as TerminalMode];
    const character = value === undefined ? null : caret(value);
    if (character !== null) out.push(word, character);
  }
  return out;
}

/** `^C` for 3; null for what is no control character and so needs no setting. */
function caret(value: number): string | null {
  if (value === NONE) return '^-';
  if (value === 127) return '^?';
  return value < 32 ? `^${String.fromCharCode(64 + value)}` : null;
}
