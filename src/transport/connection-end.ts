// How a connection ended: once, and the first reason counts. Whoever asks later, or still waits, gets that error.

import { ClosedError, DisconnectedError, SSHError } from '../errors.ts';
import type { CloseInfo } from './options.ts';

export class ConnectionEnd {
  /** Settles when the connection is over; never rejects. */
  readonly closed: Promise<CloseInfo>;
  #error: SSHError | null = null;
  #exception: SSHError | null = null;
  #resolve: (info: CloseInfo) => void = () => {};

  constructor() {
    this.closed = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  /** Null as long as it is not over. */
  get error(): SSHError | null {
    return this.#error;
  }

  /** False where it was over before. */
  end(error: SSHError): boolean {
    if (this.#error !== null) return false;
    this.#error = error;
    if (!(error instanceof ClosedError)) this.#exception = error;
    return true;
  }

  /** Everybody who waited on the connection has been told. */
  settle(): void {
    const error = this.#error as SSHError;
    const by = error instanceof ClosedError ? 'us' : error instanceof DisconnectedError ? 'peer' : 'error';
    this.#resolve({ by, error });
  }

  /** A server hook has thrown: that is what went wrong, whatever the end is called. */
  hookFailed(error: unknown): void {
    this.#exception =
      error instanceof SSHError ? error : new SSHError('ERR_SSH_CLOSED', 'a server hook failed', { cause: error });
  }

  /** What went wrong, once; null afterwards, and where the end was ours. */
  takeException(): SSHError | null {
    const error = this.#exception;
    this.#exception = null;
    return error;
  }
}
