// How much memory a tree of files may take: all that clients can make grow is counted here before it is allocated.

import { refusal } from './jail-refusal.ts';

export class MemorySpace {
  /** Bytes. */
  readonly limit: number;
  #used = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  get used(): number {
    return this.#used;
  }

  /** @throws SFTPError ENOSPC */
  take(bytes: number): void {
    if (bytes > this.limit - this.#used) throw refusal('ENOSPC');
    this.#used += bytes;
  }

  give(bytes: number): void {
    this.#used -= bytes;
  }
}
