// Data received on a channel and not yet read: stdout or stderr. It is credited to the peer when it is taken out, so what is
// queued is never more than the window.

import type { Duplex, Readable } from 'node:stream';
import { type CallOptions, type Settle, waitFor } from '../io/waiting.ts';

interface Reader {
  readonly count: number;
  readonly settle: Settle<Uint8Array | null>;
}

/** The readable half of a channel, or its stderr: read it, iterate over it, or turn it into a stream. Pick one. */
export class ReadQueue implements AsyncIterable<Uint8Array> {
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #ended = false;
  #error: unknown = null;
  #readers: Reader[] = [];
  #listener: (() => void) | null = null;
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
    this.#chunks.push(chunk);
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
