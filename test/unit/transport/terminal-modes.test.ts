import { expect, it } from 'vitest';
import { toHex } from '../../../src/bytes/bytes.ts';
import { decodeTerminalModes, encodeTerminalModes, terminalModes } from '../../../src/transport/terminal-modes.ts';

it('encodes as RFC 4254 section 8 says', () => {
  expect(toHex(encodeTerminalModes({}))).toBe('00');
  expect(toHex(encodeTerminalModes({ VINTR: 3, ECHO: 1, TTY_OP_ISPEED: 38_400 }))).toBe('0100000003350000000180000096000' + '0');
});

it('decodes what it encodes, for every mode', () => {
  const modes = Object.fromEntries(Object.keys(terminalModes).map((mode, index) => [mode, index * 1000]));
  expect(decodeTerminalModes(encodeTerminalModes(modes))).toEqual(modes);
});

it('stops at the end, at undefined opcodes, and at a truncation', () => {
  expect(decodeTerminalModes(Uint8Array.of(53, 0, 0, 0, 1, 0, 54, 0, 0, 0, 1))).toEqual({ ECHO: 1 });
  expect(decodeTerminalModes(Uint8Array.of(53, 0, 0, 0, 1, 200, 54, 0, 0, 0, 1))).toEqual({ ECHO: 1 });
  expect(decodeTerminalModes(Uint8Array.of(53, 0, 0, 0, 1, 54, 0, 0))).toEqual({ ECHO: 1 });
  expect(decodeTerminalModes(new Uint8Array(0))).toEqual({});
});

it('skips opcodes that nobody has named', () => {
  expect(decodeTerminalModes(Uint8Array.of(99, 0, 0, 0, 1, 53, 0, 0, 0, 1, 0))).toEqual({ ECHO: 1 });
});
