// Writes the data types of RFC 4251 section 5 into a buffer that grows as needed.

import { encodeUtf8, writeU32 } from '../bytes/bytes.ts';
import { encodeMpint } from '../bytes/mpint.ts';

export class Writer {
  #bytes: Uint8Array;
  #length = 0;

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  u8(value: number): this {
    this.#grow(1);
    this.#bytes[this.#length++] = value;
    return this;
  }

  bool(value: boolean): this {
    return this.u8(value ? 1 : 0);
  }

  u32(value: number): this {
    this.#grow(4);
    writeU32(this.#bytes, this.#length, value);
    this.#length += 4;
    return this;
  }

  u64(value: bigint): this {
    return this.u32(Number(value >> 32n) >>> 0).u32(Number(value & 0xffff_ffffn));
  }

  /** Bytes with no length before them. */
  raw(bytes: Uint8Array): this {
    this.#grow(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  /** A `string`: length, then the bytes (text as UTF-8). */
  string(value: Uint8Array | string): this {
    const bytes = typeof value === 'string' ? encodeUtf8(value) : value;
    return this.u32(bytes.length).raw(bytes);
  }

  nameList(names: readonly string[]): this {
    return this.string(names.join(','));
  }

  /** Big-endian unsigned bytes as an mpint. */
  mpint(unsigned: Uint8Array): this {
    return this.string(encodeMpint(unsigned));
  }

  /** What has been written: a view that the next write may leave behind, so take it last. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #grow(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + count));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}
