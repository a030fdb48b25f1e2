// Arguments whose bytes are not UTF-8: what Linux has kept of them is used, and nothing that is not the same otherwise.

import { describe, expect, it, vi } from 'vitest';
import { typedArguments } from '../../../../src/cli/transfer/arguments.ts';

describe('arguments', () => {
  const line =
    (...words: (string | Buffer)[]) =>
    () =>
      Buffer.concat(words.flatMap((word) => [Buffer.from(word), Buffer.of(0)]));

  it('have the bytes that were typed', () => {
    const read = line('node', 'amiko', 'cp', 'é', Buffer.of(0x61, 0xff), 'b');
    expect(typedArguments(['é', 'a\ufffd', 'b'], read)).toEqual(['é', 'a\udcff', 'b']);
    // One that was meant.
    expect(typedArguments(['\ufffd'], line('node', 'amiko', 'cp', '\ufffd'))).toEqual(['\ufffd']);
  });

  it('stay as they are where nothing is known of them', () => {
    const args = ['a\ufffd', 'b'];
    const unknown = [
      line('node', 'amiko', 'cp', Buffer.of(0x62, 0xff), 'b'),
      line('b'),
      line(),
      () => {
        throw new Error('no such file');
      },
    ];
    for (const read of unknown) expect(typedArguments(args, read)).toBe(args);
    const read = vi.fn(line('a'));
    expect(typedArguments(['a'], read)).toEqual(['a']);
    expect(read).not.toHaveBeenCalled();
  });
});
