// A file's next bytes, asked for before anybody wants them: what `prefetch`, lines and streams read from. How much may be there or
// under way is bounded; taking makes room for more.

import type { SSHError } from '../../errors.ts';
import { type CallOptions, type Settle, waitFor } from '../../io/waiting.ts';
import { Download, type DownloadOptions } from './download.ts';
import type { Opened } from './handles.ts';

interface Piece {
  readonly bytes: Uint8Array;
  readonly packet: Uint8Array;
}

export class ReadAhead {
  readonly #download: Download;
  #pieces: Piece[] = [];
  /** Taken bytes of the first piece. */
  #taken = 0;
  #position: number;
  #ended = false;
  #error: SSHError | null = null;
  #waiter: Settle<void> | null = null;

  constructor({ session, handle, path }: Opened, range: DownloadOptions) {
    this.#position = range.start ?? 0;
    const sink = {
      data: (bytes: Uint8Array, _position: number, packet: Uint8Array) => {
        this.#pieces.push({ bytes, packet });
        this.#wake();
      },
      end: () => {
        this.#ended = true;
        this.#wake();
      },
      fail: (error: SSHError) => {
        this.#error = error;
        this.#wake();
      },
    };
    this.#download = new Download(session, handle, { operation: 'read', path }, sink, range);
    this.#download.start();
  }

  /** Of the next byte. */
  get position(): number {
    return this.#position;
  }

  /** The next bytes, at least one, or null at the end: a view until {@link take}. One caller at a time. @throws SFTPError */
  async peek(call?: CallOptions): Promise<Uint8Array | null> {
    if (this.#pieces.length === 0 && !this.#ended && this.#error === null) {
      await waitFor<void>('reading', call, (settle) => {
        this.#waiter = settle;
        return () => {
          this.#waiter = null;
        };
      });
    }
    const first = this.#pieces[0];
    if (first !== undefined) return first.bytes.subarray(this.#taken);
    if (this.#error !== null) throw this.#error;
    return null;
  }

  /** So many of the bytes that {@link peek} gave are done with, and may be overwritten. */
  take(bytes: number): void {
    const first = this.#pieces[0] as Piece;
    this.#taken += bytes;
    this.#position += bytes;
    if (this.#taken < first.bytes.length) {
      this.#download.release(bytes);
      return;
    }
    this.#pieces.shift();
    this.#taken = 0;
    this.#download.release(bytes, first.packet);
  }

  /** Drops what lies before `position`. False, and nothing happens, where it lies further back or has not come yet. */
  skipTo(position: number): boolean {
    if (position === this.#position) return true;
    const there = this.#pieces.reduce((sum, { bytes }) => sum + bytes.length, -this.#taken);
    if (position < this.#position || position > this.#position + there) return false;
    while (this.#position < position) {
      const first = this.#pieces[0] as Piece;
      this.take(Math.min(first.bytes.length - this.#taken, position - this.#position));
    }
    return true;
  }

  /** No more is wanted. */
  stop(): void {
    this.#download.stop();
    this.#pieces = [];
    this.#ended = true;
    this.#wake();
  }

  #wake(): void {
    const waiter = this.#waiter;
    this.#waiter = null;
    waiter?.resolve();
  }
}
