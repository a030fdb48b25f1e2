// Flow control of one channel, one class per direction (RFC 4254 section 5.2). Pure arithmetic: they never send.

import { ProtocolError } from '../errors.ts';

const MAX_WINDOW = 0xffff_ffff;

/**
 * What the peer may still send us. Credit goes back when the user has consumed data, so a peer can never make us hold more
 * than `limit` bytes.
 */
export class ReceiveWindow {
  readonly limit: number;
  #granted: number;
  #consumed = 0;

  constructor(limit: number) {
    this.limit = limit;
    this.#granted = limit;
  }

  /** @throws ProtocolError `window-exceeded`: the peer sent more than it was allowed. */
  receive(bytes: number): void {
    if (bytes > this.#granted)
      throw new ProtocolError('window-exceeded', `${bytes} bytes of data in a window of ${this.#granted}`);
    this.#granted -= bytes;
  }

  /** Data has left our hands. Returns the credit to send now, 0 for "not worth a message yet". */
  consume(bytes: number): number {
    this.#consumed += bytes;
    // A quarter keeps the peer's pipe filled and costs one message per half megabyte; a drained window is topped up at once.
    if (this.#consumed < this.limit / 4 && this.#granted > 0) return 0;
    const credit = this.#consumed;
    this.#consumed = 0;
    this.#granted += credit;
    return credit;
  }
}

/** What we may still send the peer. */
export class SendWindow {
  #available: number;

  constructor(initial: number) {
    this.#available = initial;
  }

  get available(): number {
    return this.#available;
  }

  spend(bytes: number): void {
    this.#available -= bytes;
  }

  /** @throws ProtocolError `window-overflow` above 2^32 - 1 (RFC 4254 section 5.2). */
  adjust(bytes: number): void {
    this.#available += bytes;
    if (this.#available > MAX_WINDOW) throw new ProtocolError('window-overflow', 'a window above 2^32 - 1 bytes');
  }
}
