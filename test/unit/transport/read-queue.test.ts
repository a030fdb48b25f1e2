// What waits to be read, in pieces that a peer chooses: it comes out as it went in, and costs little more than its bytes.
import { describe, expect, it } from 'vitest';
import { ReadQueue } from '../../../src/transport/read-queue.ts';
import { liveBytes } from '../../support/measure.ts';
import { Dice } from '../../support/seeded-crypto.ts';

describe('a ReadQueue', () => {
  it('gives what came, in order, and leaves what it has given alone', () => {
    for (let seed = 1; seed <= 30; seed++) {
      const dice = new Dice(seed);
      let consumed = 0;
      const queue = new ReadQueue((bytes) => {
        consumed += bytes;
      });
      const pushed: Uint8Array[] = [];
      const taken: { readonly chunk: Uint8Array; readonly copy: Uint8Array }[] = [];
      const take = (count?: number) => {
        const chunk = queue.take(count);
        if (chunk !== null) taken.push({ chunk, copy: chunk.slice() });
      };
      for (let i = 0; i < 2_000; i++) {
        // More comes than is taken at first, then less.
        if (dice.below(2_000) > i / 2 || dice.once(3)) {
          const chunk = dice.bytes(1 + dice.below(dice.pick([3, 200, 1_500])));
          pushed.push(chunk.slice());
          queue.push(chunk);
        } else take(dice.pick([undefined, 1, 1 + dice.below(900)]));
      }
      const waiting = queue.bytes;
      expect(consumed + waiting).toBe(pushed.reduce((sum, { length }) => sum + length, 0));
      while (queue.bytes > 0) take();
      expect(queue.take()).toBeNull();
      const out = Buffer.concat(taken.map(({ chunk }) => chunk));
      expect(out.equals(Buffer.concat(pushed))).toBe(true);
      for (const { chunk, copy } of taken) expect(Buffer.compare(chunk, copy)).toBe(0);
      expect(consumed).toBe(out.length);
    }
  });

  it('gives chunks as they came while few wait', async () => {
    const queue = new ReadQueue(() => {});
    const chunks = Array.from({ length: 64 }, (_, index) => new Uint8Array(1 + index));
    for (const chunk of chunks) queue.push(chunk);
    for (const chunk of chunks) expect(await queue.read()).toBe(chunk);
  });

  it('never has two chunks in one buffer, so that either can be given away', () => {
    const queue = new ReadQueue(() => {});
    for (let i = 0; i < 20_000; i++) queue.push(new Uint8Array(1 + (i % 1_500)));
    const buffers = new Set<ArrayBufferLike>();
    let chunks = 0;
    for (let chunk = queue.take(); chunk !== null; chunk = queue.take()) {
      buffers.add(chunk.buffer);
      chunks++;
    }
    expect(buffers.size).toBe(chunks);
    expect(chunks).toBeLessThan(20_000);
  });

  it.each([
    ['single bytes', [1]],
    ['small chunks', [1_023]],
    ['small ones and others by turns', [1, 1_024]],
  ])('does not cost more than four times its bytes: %s', (_name, sizes) => {
    const queue = new ReadQueue(() => {});
    const before = liveBytes();
    for (let i = 0; queue.bytes < 1_000_000; i++) queue.push(new Uint8Array(sizes[i % sizes.length] as number));
    expect(liveBytes() - before).toBeLessThan(4 * queue.bytes);
    expect(queue.bytes).toBeGreaterThanOrEqual(1_000_000);
  });
});
