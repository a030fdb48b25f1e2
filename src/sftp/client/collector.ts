// Bytes of unknown or doubtful number, put together in one buffer. What a server claims is worth no more than so much memory;
// beyond that there is as much as has come.

import { SFTPError } from '../../errors.ts';
import type { Operation } from './session.ts';

/** Reserved at once where the server says that so much will come, bytes. */
const MOST_AT_ONCE = 67_108_864;
/** As fs.readFile, bytes. */
export const MOST_COLLECTED = 2_147_483_647;

export class Collector {
  readonly #what: Operation;
  readonly #expected: number;
  readonly #most: number;
  #buffer: Buffer;
  #bytes = 0;

  constructor(what: Operation, expected: number, most: number = MOST_COLLECTED) {
    this.#what = what;
    this.#expected = Math.min(expected, most);
    this.#most = most;
    this.#buffer = Buffer.allocUnsafeSlow(Math.min(this.#expected, MOST_AT_ONCE));
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Copies them. @throws SFTPError EFBIG above the limit */
  add(piece: Uint8Array): void {
    const needed = this.#bytes + piece.length;
    if (needed > this.#most) throw new SFTPError('EFBIG', `more than ${this.#most} bytes`, { ...this.#what });
    if (needed > this.#buffer.length) this.#grow(needed);
    this.#buffer.set(piece, this.#bytes);
    this.#bytes = needed;
  }

  /** Everything, in a buffer of its own. */
  finish(): Buffer {
    // Whoever keeps a short answer must not keep a large buffer with it.
    if (this.#bytes < this.#buffer.length / 2) return Buffer.from(this.#buffer.subarray(0, this.#bytes));
    return this.#buffer.subarray(0, this.#bytes);
  }

  #grow(needed: number): void {
    // A sixteenth of it has come: what is claimed may be true.
    const believable = this.#expected <= 16 * this.#buffer.length ? this.#expected : 0;
    const size = Math.max(needed, 2 * this.#buffer.length, 65_536, believable);
    const larger = Buffer.allocUnsafeSlow(Math.min(size, this.#most));
    larger.set(this.#buffer.subarray(0, this.#bytes));
    this.#buffer = larger;
  }
}
