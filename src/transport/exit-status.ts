// How a remote command ended (RFC 4254 section 6.10). The first word of the peer counts; a channel that closes without one means
// that nobody knows.

import type { SSHError } from '../errors.ts';

export interface ExitStatus {
  /** What the command returned, or null where it was killed or the peer did not say. */
  readonly code: number | null;
  /** The signal that killed it, without "SIG", or null. */
  readonly signal: string | null;
  readonly coreDumped: boolean;
  /** The peer's words about the signal. */
  readonly message: string;
}

export const unknownExit: ExitStatus = { code: null, signal: null, coreDumped: false, message: '' };

/** What is known of it so far. */
export class CommandEnd {
  /** Rejects only if the connection breaks before it is known. */
  readonly exited: Promise<ExitStatus>;
  #known = false;
  #resolve: (status: ExitStatus) => void = () => {};
  #reject: (error: unknown) => void = () => {};

  constructor() {
    this.exited = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Whoever does not ask how it ended must not be punished with an unhandled rejection.
    this.exited.catch(() => {});
  }

  get known(): boolean {
    return this.#known;
  }

  set(status: ExitStatus): void {
    if (this.#known) return;
    this.#known = true;
    this.#resolve(status);
  }

  /** The channel is over: `error` null after a proper close. */
  channelOver(error: SSHError | null): void {
    if (error === null) this.set(unknownExit);
    else this.#reject(error);
  }
}
