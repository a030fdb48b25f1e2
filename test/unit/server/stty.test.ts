// Terminal modes as arguments of stty: right, and never anything that a shell could take for something else.
import { expect, it } from 'vitest';
import { sttyArguments } from '../../../src/server/stty.ts';

it('has flags on and off, and characters in caret form', () => {
  const modes = { ECHO: 0, ICANON: 1, VERASE: 8, VINTR: 3, VEOF: 255, VQUIT: 127, TTY_OP_ISPEED: 38_400 };
  expect(sttyArguments(modes)).toEqual(['icanon', '-echo', 'intr', '^C', 'quit', '^?', 'erase', '^H', 'eof', '^-']);
});

it('is made of harmless words whatever the values', () => {
  for (const value of [0, 1, 10, 27, 32, 36, 42, 59, 63, 96, 126, 127, 128, 254, 255, 256, 2 ** 32 - 1]) {
    for (const word of sttyArguments({ VINTR: value, VKILL: value, ECHO: value })) {
      expect(word).toMatch(/^(?:-?[a-z0-9]+|\^[-?@A-Z[\\\]^_])$/);
    }
  }
});

it('is nothing for no modes', () => {
  expect(sttyArguments({})).toEqual([]);
});
