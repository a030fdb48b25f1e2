// Terminal modes as they travel in pty-req (RFC 4254 section 8): pairs of opcode and uint32, ended by 0.

import { DecodeError, Reader } from '../wire/reader.ts';
import { Writer } from '../wire/writer.ts';

/** Opcodes by name: RFC 4254 section 8, and IUTF8 of RFC 8160. */
export const terminalModes = {
  VINTR: 1,
  VQUIT: 2,
  VERASE: 3,
  VKILL: 4,
  VEOF: 5,
  VEOL: 6,
  VEOL2: 7,
  VSTART: 8,
  VSTOP: 9,
  VSUSP: 10,
  VDSUSP: 11,
  VREPRINT: 12,
  VWERASE: 13,
  VLNEXT: 14,
  VFLUSH: 15,
  VSWTCH: 16,
  VSTATUS: 17,
  VDISCARD: 18,
  IGNPAR: 30,
  PARMRK: 31,
  INPCK: 32,
  ISTRIP: 33,
  INLCR: 34,
  IGNCR: 35,
  ICRNL: 36,
  IUCLC: 37,
  IXON: 38,
  IXANY: 39,
  IXOFF: 40,
  IMAXBEL: 41,
  IUTF8: 42,
  ISIG: 50,
  ICANON: 51,
  XCASE: 52,
  ECHO: 53,
  ECHOE: 54,
  ECHOK: 55,
  ECHONL: 56,
  NOFLSH: 57,
  TOSTOP: 58,
  IEXTEN: 59,
  ECHOCTL: 60,
  ECHOKE: 61,
  PENDIN: 62,
  OPOST: 70,
  OLCUC: 71,
  ONLCR: 72,
  OCRNL: 73,
  ONOCR: 74,
  ONLRET: 75,
  CS7: 90,
  CS8: 91,
  PARENB: 92,
  PARODD: 93,
  TTY_OP_ISPEED: 128,
  TTY_OP_OSPEED: 129,
} as const;

export type TerminalMode = keyof typeof terminalModes;
export type TerminalModes = { readonly [M in TerminalMode]?: number };

const END = 0;
/** "Opcodes 160 to 255 are not yet defined, and cause parsing to stop". */
const UNDEFINED_FROM = 160;

export function encodeTerminalModes(modes: TerminalModes): Uint8Array {
  const writer = new Writer();
  for (const [mode, value] of Object.entries(modes)) {
    if (value !== undefined) writer.u8(terminalModes[mode as TerminalMode]).u32(value);
  }
  return writer.u8(END).finish();
}

/** What is known of the peer's modes; parsing stops where it makes no sense. */
export function decodeTerminalModes(encoded: Uint8Array): TerminalModes {
  const modes: { [M in TerminalMode]?: number } = {};
  const reader = new Reader(encoded);
  try {
    for (let opcode = reader.u8(); opcode !== END && opcode < UNDEFINED_FROM; opcode = reader.u8()) {
      const value = reader.u32();
      const mode = byOpcode.get(opcode);
      if (mode !== undefined) modes[mode] = value;
    }
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
  }
  return modes;
}

const byOpcode: ReadonlyMap<number, TerminalMode> = new Map(
  Object.entries(terminalModes).map(([mode, opcode]) => [opcode, mode as TerminalMode]),
);
