// What waits to be sent to the client, and the buffers that file data is read into. A buffer that is borrowed here, filled and
// posted goes out without a copy, and when it has been sent the next read gets it again: a download of any length needs no more
// of them than are on their way at once.

import type { ByteChannel } from '../byte-channel.ts';

/** Smaller reads are not worth keeping a buffer for. Bytes. */
const POOL_FROM_BYTES = 4_096;

export class ReplyQueue {
  readonly #channel: ByteChannel;
  /** Bytes that have ever been posted. */
  #posted = 0;
  readonly #borrowed = new Set<ArrayBufferLike>();
  /** Posted buffers, each with what had been posted at its end. Sent in this order. */
  #sending: { buffer: ArrayBuffer; end: number }[] = [];
  /** All of one size, that of the client's reads: those of one client rarely differ. */
  #free: ArrayBuffer[] = [];
  #bufferBytes = 0;

  constructor(channel: ByteChannel) {
    this.#channel = channel;
  }

  /** Bytes that have not been sent. */
  get bytes(): number {
    return this.#channel.queuedBytes;
  }

  /** Memory for an answer, with any content: post it, or give it {@link back}. */
  borrow(bytes: number): Uint8Array {
    if (bytes < POOL_FROM_BYTES) return new Uint8Array(bytes);
    if (bytes > this.#bufferBytes || bytes < this.#bufferBytes / 4) {
      this.#bufferBytes = bytes;
      this.#free = [];
    }
    this.#collect();
    const buffer = this.#free.pop() ?? new ArrayBuffer(this.#bufferBytes);
    this.#borrowed.add(buffer);
    return new Uint8Array(buffer, 0, bytes);
  }

  /** Takes back what was borrowed and will not be posted. */
  back(borrowed: Uint8Array): void {
    if (this.#borrowed.delete(borrowed.buffer)) this.#keep(borrowed.buffer as ArrayBuffer);
  }

  /** @throws where the channel is closed */
  post(framed: Uint8Array): void {
    const borrowed = this.#borrowed.delete(framed.buffer);
    this.#channel.post(framed);
    this.#posted += framed.length;
    if (borrowed) this.#sending.push({ buffer: framed.buffer as ArrayBuffer, end: this.#posted });
  }

  #collect(): void {
    const sent = this.#posted - this.#channel.queuedBytes;
    let count = 0;
    for (const { buffer, end } of this.#sending) {
      if (end > sent) break;
      this.#keep(buffer);
      count++;
    }
    if (count > 0) this.#sending.splice(0, count);
  }

  #keep(buffer: ArrayBuffer): void {
    if (buffer.byteLength === this.#bufferBytes) this.#free.push(buffer);
  }
}
