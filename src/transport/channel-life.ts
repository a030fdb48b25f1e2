// Whether a channel is there: not before the peer has confirmed it, and no more when it is over. It ends once, and the first word
// about why is the one that everybody gets who waits or comes later.

import type { ChannelMachine } from '../connection/channel-machine.ts';
import { ChannelClosedError, type SSHError } from '../errors.ts';

export class ChannelLife {
  /** Null until the peer has confirmed the channel. */
  machine: ChannelMachine | null = null;
  /** Settles when the channel is over: undefined after a proper close, else the connection's error. Never rejects. */
  readonly closed: Promise<SSHError | undefined>;
  #over = false;
  #error: SSHError | null = null;
  #resolveClosed: (error: SSHError | undefined) => void = () => {};

  constructor() {
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
  }

  get over(): boolean {
    return this.#over;
  }

  /** What someone hears who wants something of a channel that is over. */
  get reason(): SSHError {
    return this.#error ?? new ChannelClosedError();
  }

  /** `error` null after a proper close. False where it was over before. */
  end(error: SSHError | null): boolean {
    if (this.#over) return false;
    this.#over = true;
    this.#error = error;
    return true;
  }

  /** Everybody who waited on the channel has been told. */
  settle(): void {
    this.#resolveClosed(this.#error ?? undefined);
  }
}
