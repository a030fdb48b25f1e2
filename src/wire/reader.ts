// Reads the data types of RFC 4251 section 5 from one message. Total: any bytes give a value or a DecodeError, never another
// error, and nothing is allocated from a length before that length has been checked against what is there.
// Results are views into the message, never copies.

import { decodeText, decodeUtf8, readU32 } from '../bytes/bytes.ts';
import { decodeMpint } from '../bytes/mpint.ts';

/** The bytes are not what the format says. Whoever reads turns it into the error of its own layer. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
}

/** A name-list longer than this is not a negotiation but an attack (Erlang CVE-2025-30211). */
const NAME_LIST_BYTES = 16_384;
const NAME_LIST_NAMES = 1_024;

export class Reader {
  readonly #bytes: Uint8Array;
  #offset: number;

  constructor(bytes: Uint8Array, offset = 0) {
    this.#bytes = bytes;
    this.#offset = offset;
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  u8(): number {
    return this.#bytes[this.#advance(1)]!;
  }

  /** RFC 4251 section 5: any value but 0 is true. */
  bool(): boolean {
    return this.u8() !== 0;
  }

  u32(): number {
    return readU32(this.#bytes, this.#advance(4));
  }

  u64(): bigint {
    const high = this.u32();
    return (BigInt(high) << 32n) | BigInt(this.u32());
  }

  /** Exactly `count` bytes, with no length before them. */
  raw(count: number): Uint8Array {
    const start = this.#advance(count);
    return this.#bytes.subarray(start, start + count);
  }

  /** A `string`: length, then as many bytes. */
  string(): Uint8Array {
    return this.raw(this.u32());
  }

  /** A `string` that must be UTF-8: names of users, files, requests. */
  utf8(): string {
    try {
      return decodeUtf8(this.string());
    } catch (error) {
      if (error instanceof DecodeError) throw error;
      throw new DecodeError('a name is not UTF-8');
    }
  }

  /** A `string` for people to read; what is not UTF-8 becomes U+FFFD. */
  text(): string {
    return decodeText(this.string());
  }

  /** A `string` that must be printable US-ASCII without spaces: algorithm and request names (RFC 4251 section 6). */
  name(): string {
    return asciiName(this.string());
  }

  nameList(): string[] {
    const bytes = this.string();
    if (bytes.length > NAME_LIST_BYTES) throw new DecodeError(`a name-list of ${bytes.length} bytes`);
    const names: string[] = [];
    let start = 0;
    for (let i = 0; i <= bytes.length; i++) {
      if (i < bytes.length && bytes[i] !== 0x2c) continue;
      // An empty name cannot match anything; peers that end a list with a comma exist.
      if (i > start) names.push(asciiName(bytes.subarray(start, i)));
      start = i + 1;
    }
    if (names.length > NAME_LIST_NAMES) throw new DecodeError(`a name-list of ${names.length} names`);
    return names;
  }

  /** A positive mpint as big-endian unsigned bytes without leading zeros. */
  mpint(): Uint8Array {
    const value = decodeMpint(this.string());
    if (value === null) throw new DecodeError('an mpint is negative or not minimal');
    return value;
  }

  rest(): Uint8Array {
    return this.raw(this.remaining);
  }

  /** The message must end here. */
  end(): void {
    if (this.remaining > 0) throw new DecodeError(`${this.remaining} bytes too many`);
  }

  #advance(count: number): number {
    const start = this.#offset;
    if (count > this.#bytes.length - start) throw new DecodeError(`${count} bytes wanted, ${this.#bytes.length - start} left`);
    this.#offset = start + count;
    return start;
  }
}

function asciiName(bytes: Uint8Array): string {
  let name = '';
  for (const byte of bytes) {
    if (byte <= 0x20 || byte >= 0x7f) throw new DecodeError('a name holds a character other than printable US-ASCII');
    name += String.fromCharCode(byte);
  }
  return name;
}
