// A hash over the hashes of blocks: what two files are compared by. In blocks, because the seed's server hashes what is longer than
// this one wrongly, or for ever; and because no answer is too long then, whatever the size of the file.

import { createHash, type Hash } from 'node:crypto';

/** Bytes. The seed's server reads so much at once, and adds up wrongly when it has to read twice. */
export const BLOCK_BYTES = 65_536;

export class BlockHash {
  readonly algorithm: string;
  readonly #outer: Hash;
  #inner: Hash;
  /** Bytes in the block that is not complete. */
  #filled = 0;

  constructor(algorithm: string) {
    this.algorithm = algorithm;
    this.#outer = createHash('sha256');
    this.#inner = createHash(algorithm);
  }

  /** Bytes of the hash of one block. */
  static sizeOf(algorithm: string): number {
    return createHash(algorithm).digest().length;
  }

  /** The next bytes of the file. */
  update(data: Uint8Array): void {
    for (let at = 0; at < data.length; ) {
      const count = Math.min(BLOCK_BYTES - this.#filled, data.length - at);
      this.#inner.update(data.subarray(at, at + count));
      this.#filled += count;
      at += count;
      if (this.#filled === BLOCK_BYTES) this.#next();
    }
  }

  /** Hashes of blocks that somebody else has computed. */
  add(hashes: Uint8Array): void {
    this.#outer.update(hashes);
  }

  digest(): Buffer {
    if (this.#filled > 0) this.#next();
    return this.#outer.digest();
  }

  #next(): void {
    this.#outer.update(this.#inner.digest());
    this.#inner = createHash(this.algorithm);
    this.#filled = 0;
  }
}
