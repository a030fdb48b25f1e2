// Bytes received and not yet understood: a FIFO of chunks. `take` gives a view where the bytes lie in one chunk and copies
// only where they straddle two, so a packet that arrived whole is never copied.

import { concat, EMPTY } from './bytes.ts';

/** Chunks up to this size, in bytes, are joined. */
const TINY = 1_024;

export class ByteQueue {
  #chunks: Uint8Array[] = [];
  /** Index of the first chunk that still has unread bytes, and the offset of the first of them. */
  #head = 0;
  #offset = 0;
  #length = 0;

  /** Bytes in the queue. */
  get length(): number {
    return this.#length;
  }

  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    // Node's Buffer is a Uint8Array whose slice() does not copy: inside, only the plain kind goes around.
    const chunk = bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#length += chunk.length;
    const last = this.#chunks.length - 1;
    const tail = this.#chunks[last];
    // Reads that land one behind the other in one buffer become one chunk, so that nothing straddles.
    if (last >= this.#head && tail?.buffer === chunk.buffer && tail.byteOffset + tail.length === chunk.byteOffset) {
      this.#chunks[last] = new Uint8Array(tail.buffer, tail.byteOffset, tail.length + chunk.length);
    } else if (last > this.#head && tail !== undefined && tail.length + chunk.length <= TINY) {
      // A peer that sends byte by byte must not make us walk over as many chunks.
      this.#chunks[last] = concat(tail, chunk);
    } else {
      this.#chunks.push(chunk);
    }
  }

  /** The byte at `index` from the front; the caller has checked the length. */
  at(index: number): number {
    let position = this.#offset + index;
    for (let i = this.#head; ; i++) {
      const chunk = this.#chunks[i]!;
      if (position < chunk.length) return chunk[position]!;
      position -= chunk.length;
    }
  }

  /** The first `count` bytes without removing them. */
  peek(count: number): Uint8Array {
    if (count > this.#length) throw new RangeError('peek beyond the end');
    if (count === 0) return EMPTY;
    const first = this.#chunks[this.#head]!;
    if (first.length - this.#offset >= count) return first.subarray(this.#offset, this.#offset + count);
    const out = new Uint8Array(count);
    let done = 0;
    let offset = this.#offset;
    for (let i = this.#head; done < count; i++) {
      const chunk = this.#chunks[i]!;
      const piece = chunk.subarray(offset, Math.min(chunk.length, offset + count - done));
      out.set(piece, done);
      done += piece.length;
      offset = 0;
    }
    return out;
  }

  take(count: number): Uint8Array {
    const out = this.peek(count);
    this.skip(count);
    return out;
  }

  skip(count: number): void {
    if (count > this.#length) throw new RangeError('skip beyond the end');
    this.#length -= count;
    let left = count;
    while (left > 0) {
      const available = this.#chunks[this.#head]!.length - this.#offset;
      if (left < available) {
        this.#offset += left;
        return;
      }
      left -= available;
      this.#chunks[this.#head] = EMPTY;
      this.#head++;
      this.#offset = 0;
    }
    if (this.#head === this.#chunks.length) {
      this.#chunks.length = 0;
      this.#head = 0;
    } else if (this.#head > 64) {
      this.#chunks.splice(0, this.#head);
      this.#head = 0;
    }
  }

  clear(): void {
    this.#chunks = [];
    this.#head = 0;
    this.#offset = 0;
    this.#length = 0;
  }
}
