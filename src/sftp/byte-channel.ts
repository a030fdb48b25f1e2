// What SFTP needs of the channel below it, and all that it knows of it: a Channel of a Transport has this shape, and so has
// whatever else carries bytes both ways (`streamChannel` makes one of a Node stream).

import type { SSHError } from '../errors.ts';

export interface ByteChannel {
  readonly stdout: {
    /** What has come in, or null where nothing is there now. Taking it gives the sender new credit. */
    take(): Uint8Array | null;
    /** Calls back whenever there may be something to take, and at the end. One listener; null takes it off. */
    watch(listener: (() => void) | null): void;
    /** All has been taken and no more comes. */
    readonly ended: boolean;
  };
  /**
   * Queues bytes that must not change until they have been sent. False where whoever can wait should, until `watchDrain`.
   * @throws where the channel is closed for writing
   */
  post(data: Uint8Array): boolean;
  /** Bytes that `post` has queued and that have not been sent: all but these many of what was posted last may change again. */
  readonly queuedBytes: number;
  /** Calls back when `post` would return true again, after it has returned false. */
  watchDrain(listener: (() => void) | null): void;
  close(): void;
  /** Settles when the channel is over: with the error that broke it, or undefined. Never rejects. */
  readonly closed: Promise<SSHError | undefined>;
}
