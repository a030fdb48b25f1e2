// One of our own output streams at the end of a channel: takes no more than it can pass on, and a reader that has gone away
// (EPIPE, as after `| head`) is no error but news.

import type { Writable } from 'node:stream';
import type { ReadQueue } from '../../transport/read-queue.ts';

/** Bytes that are gathered for one write. */
const GATHER = 524_288;

export class Output {
  readonly #stream: Writable;
  readonly #onGone: () => void;
  #gone = false;
  #wake: () => void = () => {};

  /** @param onGone Called once when nobody reads any more. */
  constructor(stream: Writable, onGone: () => void) {
    this.#stream = stream;
    this.#onGone = onGone;
    stream.on('error', () => this.#lost());
    stream.on('close', () => this.#lost());
    stream.on('drain', () => this.#wake());
  }

  /** Passes everything on, until the queue ends or breaks or nobody reads any more. Never rejects. */
  async pump(queue: ReadQueue): Promise<void> {
    for (;;) {
      // The connection's error is told by whoever watches the channel; what came before it is written out all the same.
      let chunk = await queue.read().catch(() => null);
      if (chunk === null || this.#gone) return this.#flushed();
      let bytes = 0;
      let roomy = true;
      this.#stream.cork();
      for (; chunk !== null; chunk = bytes < GATHER ? queue.take() : null) {
        bytes += chunk.length;
        roomy = this.#stream.write(chunk);
      }
      this.#stream.uncork();
      if (!roomy) await this.#drained();
    }
  }

  #drained(): Promise<void> {
    if (this.#gone || !this.#stream.writableNeedDrain) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #flushed(): Promise<void> {
    if (this.#gone || this.#stream.writableLength === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wake = resolve;
      this.#stream.write('', () => resolve());
    });
  }

  #lost(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#wake();
    this.#onGone();
  }
}
