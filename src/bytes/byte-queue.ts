// Bytes received and not yet understood: a FIFO. What has just come in is looked at where it lies, so a packet that arrived whole
// is never copied; what is left of it then goes to a buffer of the queue's own, and a packet that straddles two reads is put
// together there, each byte copied once. Invariant: after `own` nothing of what was pushed is held, so whoever reads from a
// socket may read to the same place again.

import { EMPTY } from './bytes.ts';

/** First size of the buffer, then a full packet of channel data and a little of the next; above it doubles. Bytes. */
const SMALL = 1_024;
const FULL = 36_864;

export class ByteQueue {
  /** Our own bytes, from #start to #end; they come before those of the chunk. */
  #buffer: Uint8Array = EMPTY;
  #start = 0;
  #end = 0;
  /** What was pushed last, from #offset on. */
  #chunk: Uint8Array = EMPTY;
  #offset = 0;

  /** Bytes in the queue. */
  get length(): number {
    return this.#end - this.#start + this.#chunk.length - this.#offset;
  }

  /** Borrows the bytes until {@link own}. */
  push(bytes: Uint8Array): void {
    this.own();
    // Node's Buffer is a Uint8Array whose slice() does not copy: inside, only the plain kind goes around.
    this.#chunk = bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** Copies what is left of the bytes that were pushed. */
  own(): void {
    if (this.#offset < this.#chunk.length) this.#gather(this.#chunk.length - this.#offset);
    // A connection that waits holds nothing.
    else if (this.#end === 0) this.#buffer = EMPTY;
    this.#chunk = EMPTY;
    this.#offset = 0;
  }

  /** The byte at `index` from the front; the caller has checked the length. */
  at(index: number): number {
    const mine = this.#end - this.#start;
    return index < mine ? this.#buffer[this.#start + index]! : this.#chunk[this.#offset + index - mine]!;
  }

  /** The first `count` bytes without removing them: a view, good until the next call but {@link skip}. */
  peek(count: number): Uint8Array {
    if (count > this.length) throw new RangeError('peek beyond the end');
    const mine = this.#end - this.#start;
    if (mine === 0) return this.#chunk.subarray(this.#offset, this.#offset + count);
    if (mine < count) this.#gather(count - mine);
    return this.#buffer.subarray(this.#start, this.#start + count);
  }

  /** The first `count` bytes: a view, good until the next call. */
  take(count: number): Uint8Array {
    const out = this.peek(count);
    this.skip(count);
    return out;
  }

  skip(count: number): void {
    if (count > this.length) throw new RangeError('skip beyond the end');
    const mine = this.#end - this.#start;
    if (count < mine) {
      this.#start += count;
      return;
    }
    this.#offset += count - mine;
    this.#start = 0;
    this.#end = 0;
  }

  clear(): void {
    this.#buffer = EMPTY;
    this.#start = 0;
    this.#end = 0;
    this.#chunk = EMPTY;
    this.#offset = 0;
  }

  /** Moves the first `count` bytes of the chunk to our own. */
  #gather(count: number): void {
    this.#room(count);
    this.#buffer.set(this.#chunk.subarray(this.#offset, this.#offset + count), this.#end);
    this.#end += count;
    this.#offset += count;
  }

  /** Makes room for `count` bytes behind our own. */
  #room(count: number): void {
    if (this.#end + count <= this.#buffer.length) return;
    const mine = this.#buffer.subarray(this.#start, this.#end);
    const wanted = mine.length + count;
    if (wanted > this.#buffer.length) this.#buffer = new Uint8Array(wanted <= SMALL ? SMALL : wanted <= FULL ? FULL : 2 * wanted);
    this.#buffer.set(mine);
    this.#start = 0;
    this.#end = mine.length;
  }
}
