// Data received on a channel and not yet read: stdout or stderr. It is credited to the peer when it is taken out, so what is
// queued is never more than the window. Nor does it cost much more: a peer that sends single bytes must not make us keep the two
// hundred that each chunk costs by itself, so where many wait, small ones are put together.

import type { Duplex, Readable } from 'node:stream';
import { UsageError } from '../errors.ts';
import { type CallOptions, type Settle, waitFor } from '../io/waiting.ts';

interface Reader {
  readonly count: number;
  readonly settle: Settle<Uint8Array | null>;
}

/** Chunks that may wait as they came; few of any size are no harm. */
const FEW = 64;
/** Bytes below which a chunk is small. Twice that is what is put together: at worst, every second chunk is not small. */
const SMALL = 1_024;

/** The readable half of a channel, or its stderr: read it, iterate over it, or turn it into a stream. Pick one. */
export class ReadQueue implements AsyncIterable<Uint8Array> {
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #ended = false;
  #error: unknown = null;
  #readers: Reader[] = [];
  #listener: (() => void) | null = null;
  /** The buffer of the last chunk, where that was put together. */
  #joint = new Uint8Array(0);
  readonly #consumed: (bytes: number) => void;

  /** @internal */
  constructor(consumed: (bytes: number) => void) {
    this.#consumed = consumed;
  }

  /** Bytes that can be read without waiting. */
  get bytes(): number {
    return this.#bytes;
  }

  /** All has been read and no more comes. */
  get ended(): boolean {
    return this.#ended && this.#bytes === 0;
  }

  /**
   * The next bytes: as they came in, or at most `count`. Null at the end.
   * @throws the connection's error if it broke before the end; SSHTimeoutError; `signal.reason`
   */
  read(count: number = Number.POSITIVE_INFINITY, options?: CallOptions): Promise<Uint8Array | null> {
    if (!(typeof count === 'number' && count >= 0)) return Promise.reject(new UsageError(`not a number of bytes: ${count}`));
    const available = this.#readers.length === 0 ? this.take(count) : null;
    if (available !== null) return Promise.resolve(available);
    if (this.#readers.length === 0 && this.#error !== null) return Promise.reject(this.#error);
    if (this.#readers.length === 0 && this.#ended) return Promise.resolve(null);
    return waitFor('reading', options, (settle) => {
      const reader = { count, settle };
      this.#readers.push(reader);
      return () => {
        this.#readers = this.#readers.filter((other) => other !== reader);
      };
    });
  }

  /** What is there now, at most `count` bytes of it, or null where nothing is. */
  take(count: number = Number.POSITIVE_INFINITY): Uint8Array | null {
    const head = this.#chunks[0];
    if (head === undefined) return null;
    let taken = head;
    if (head.length > count) {
      taken = head.subarray(0, count);
      this.#chunks[0] = head.subarray(count);
    } else {
      this.#chunks.shift();
    }
    this.#bytes -= taken.length;
    this.#consumed(taken.length);
    return taken;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    for (let chunk = await this.read(); chunk !== null; chunk = await this.read()) yield chunk;
  }

  /** Everything up to the end, at most `limit` bytes. @throws RangeError above it. */
  async readAll(limit: number = Number.POSITIVE_INFINITY, options?: CallOptions): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for (let chunk = await this.read(undefined, options); chunk !== null; chunk = await this.read(undefined, options)) {
      bytes += chunk.length;
      if (bytes > limit) throw new RangeError(`more than ${limit} bytes`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks, bytes);
  }

  /** @internal Feeds a Node stream: one chunk per `_read`, so that what counts as consumed is. */
  feed(stream: Readable | Duplex): () => void {
    let wanted = false;
    const push = () => {
      if (!wanted) return;
      const chunk = this.take();
      if (chunk !== null) {
        wanted = false;
        stream.push(chunk);
      } else if (this.#error !== null) {
        stream.destroy(this.#error as Error);
      } else if (this.#ended) {
        wanted = false;
        stream.push(null);
      }
    };
    this.#listener = push;
    return () => {
      wanted = true;
      push();
    };
  }

  /** @internal Calls `listener` whenever something has changed; the listener takes. */
  watch(listener: (() => void) | null): void {
    this.#listener = listener;
  }

  /** @internal */
  push(chunk: Uint8Array): void {
    if (chunk.length >= SMALL || this.#chunks.length < FEW) this.#chunks.push(chunk);
    else this.#join(chunk);
    this.#bytes += chunk.length;
    this.#wake();
  }

  /** @internal No more data; `error` where that is not how it should have ended. */
  end(error: unknown = null): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    this.#wake();
  }

  /** @internal Drops what is there, and credits it. */
  discard(): void {
    const bytes = this.#bytes;
    this.#chunks = [];
    this.#bytes = 0;
    if (bytes > 0) this.#consumed(bytes);
  }

  /** Behind the last chunk, which is still ours, or into a buffer of its own; so no two chunks share one. */
  #join(chunk: Uint8Array): void {
    const last = this.#chunks.at(-1) as Uint8Array;
    const { buffer, byteOffset: start } = last;
    const end = start + last.length;
    if (buffer === this.#joint.buffer && end + chunk.length <= this.#joint.length) {
      this.#joint.set(chunk, end);
      this.#chunks[this.#chunks.length - 1] = this.#joint.subarray(start, end + chunk.length);
      return;
    }
    this.#joint = new Uint8Array(2 * SMALL);
    this.#joint.set(chunk);
    this.#chunks.push(this.#joint.subarray(0, chunk.length));
  }

  #wake(): void {
    while (this.#readers.length > 0) {
      const { count, settle } = this.#readers[0] as Reader;
      const chunk = this.take(count);
      if (chunk === null && !this.#ended) break;
      this.#readers.shift();
      if (chunk === null && this.#error !== null) settle.reject(this.#error);
      else settle.resolve(chunk);
    }
    this.#listener?.();
  }
}
