/** Buffers that are given back are empty at once; those that somebody else may look at are left alone. */
import { createCipheriv } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { freeBytes } from '../../../src/memory/free.ts';

describe('freeBytes', () => {
  it('detaches a buffer of its own', () => {
    const bytes = new Uint8Array(65_536);
    freeBytes(bytes);
    expect([bytes.length, bytes.buffer.byteLength]).toEqual([0, 0]);
    // And what a cipher of this Node makes: without that, nothing is gained.
    const result = createCipheriv('aes-128-ctr', new Uint8Array(16), new Uint8Array(16)).update(new Uint8Array(32_768));
    freeBytes(result);
    expect(result.buffer.byteLength).toBe(0);
  });

  it('leaves parts of larger buffers, small ones and shared ones alone', () => {
    const whole = new Uint8Array(65_536);
    const shared = new Uint8Array(new SharedArrayBuffer(8_192));
    const pooled = Buffer.from('x'.repeat(100));
    for (const bytes of [whole.subarray(0, 32_768), whole.subarray(32_768), new Uint8Array(64), shared, pooled]) {
      const { length } = bytes;
      freeBytes(bytes);
      expect(bytes.length).toBe(length);
    }
    expect(whole.length).toBe(65_536);
  });
});
