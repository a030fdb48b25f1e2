// Requests on their way to the channel, in order. Small ones of one turn leave together: each piece that is handed to a channel
// becomes a packet, with all that costs on both sides.

import { concat } from '../../bytes/bytes.ts';

/** Requests of one turn are sent together up to so many bytes: a packet of the channel. */
const BATCH_BYTES = 32_000;
/** From this size on, in bytes, a request is sent as it is: putting it together with others would cost more than a packet. */
const ALONE_BYTES = 16_384;
/** Requests under way above which throughput counts for more than the microseconds that one of them takes. */
const BUSY_REQUESTS = 8;

export class Outgoing {
  readonly #transmit: (bytes: Uint8Array) => void;
  readonly #underWay: () => number;
  #batch: Uint8Array[] = [];
  #batchBytes = 0;
  #flushScheduled = false;

  /** `transmit` must not throw; `underWay` says how many requests wait for answers. */
  constructor(transmit: (bytes: Uint8Array) => void, underWay: () => number) {
    this.#transmit = transmit;
    this.#underWay = underWay;
  }

  /** Behind all earlier ones. The bytes must not change until they have been sent. */
  post(framed: Uint8Array): void {
    if (framed.length < ALONE_BYTES) {
      this.#enqueue(framed);
      return;
    }
    this.flush();
    this.#transmit(framed);
  }

  /** Sends what has been queued. It would go out by itself at the end of the turn. */
  flush(): void {
    if (this.#batch.length === 0) return;
    const bytes = this.#batch.length === 1 ? (this.#batch[0] as Uint8Array) : concat(...this.#batch);
    this.#batch = [];
    this.#batchBytes = 0;
    this.#transmit(bytes);
  }

  #enqueue(framed: Uint8Array): void {
    if (this.#batchBytes + framed.length > BATCH_BYTES) this.flush();
    this.#batch.push(framed);
    this.#batchBytes += framed.length;
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    const flush = () => {
      this.#flushScheduled = false;
      this.flush();
    };
    // With many files under way each turn is short: all that one look at the sockets and the disk has brought shares a packet.
    if (this.#underWay() > BUSY_REQUESTS) setImmediate(flush);
    else queueMicrotask(flush);
  }
}
