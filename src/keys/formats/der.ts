// DER (ITU-T X.690 section 10): the little of it that key files need, read strictly and written canonically. BER's freedoms
// (indefinite lengths, long forms of short lengths, padded integers) are refused: every value has one encoding.
// Total: any bytes give values or a DecodeError; lengths are checked before use and nesting is bounded.

import { concat, toHex } from '../../bytes/bytes.ts';
import { encodeMpint, stripLeadingZeros } from '../../bytes/mpint.ts';
import { DecodeError } from '../../wire/reader.ts';

const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const NULL = 0x05;
const OBJECT_IDENTIFIER = 0x06;
const SEQUENCE = 0x30;

/** Key files nest five deep (PBES2). */
const MAX_DEPTH = 12;
/** Arcs beyond 28 bits do not occur in the identifiers that matter here. */
const MAX_ARC_BYTES = 4;

/** Reads the elements of one DER value, one after the other. Results are views, never copies. */
export class DerReader {
  readonly #bytes: Uint8Array;
  readonly #depth: number;
  #offset = 0;

  constructor(bytes: Uint8Array, depth = 0) {
    if (depth > MAX_DEPTH) throw new DecodeError(`DER nested more than ${MAX_DEPTH} deep`);
    this.#bytes = bytes;
    this.#depth = depth;
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  sequence(): DerReader {
    return new DerReader(this.#element(SEQUENCE, 'a SEQUENCE'), this.#depth + 1);
  }

  /** A non-negative INTEGER as big-endian unsigned bytes without leading zeros. */
  integer(): Uint8Array {
    const content = this.#element(INTEGER, 'an INTEGER');
    if (content.length === 0) throw new DecodeError('an INTEGER without content');
    const [first = 0, second = 0] = content;
    if (first >= 0x80) throw new DecodeError('a negative INTEGER');
    if (content.length > 1 && first === 0 && second < 0x80) throw new DecodeError('an INTEGER that is not minimal');
    return stripLeadingZeros(content);
  }

  /** An INTEGER that fits 32 bits: versions and counts. */
  smallInteger(): number {
    const bytes = this.integer();
    if (bytes.length > 4) throw new DecodeError('an INTEGER out of range');
    let value = 0;
    for (const byte of bytes) value = value * 256 + byte;
    return value;
  }

  octetString(): Uint8Array {
    return this.#element(OCTET_STRING, 'an OCTET STRING');
  }

  /** The content of an OCTET STRING that holds DER itself. */
  nested(): DerReader {
    return new DerReader(this.octetString(), this.#depth + 1);
  }

  /** A BIT STRING of whole bytes. */
  bitString(): Uint8Array {
    const content = this.#element(BIT_STRING, 'a BIT STRING');
    if (content[0] !== 0) throw new DecodeError('a BIT STRING that is not whole bytes');
    return content.subarray(1);
  }

  null(): void {
    if (this.#element(NULL, 'NULL').length !== 0) throw new DecodeError('a NULL with content');
  }

  /** An OBJECT IDENTIFIER in dotted form. */
  oid(): string {
    const content = this.#element(OBJECT_IDENTIFIER, 'an OBJECT IDENTIFIER');
    const arcs: number[] = [];
    let arc = 0;
    let length = 0;
    for (const byte of content) {
      if (length === 0 && byte === 0x80) throw new DecodeError('an OBJECT IDENTIFIER that is not minimal');
      if (++length > MAX_ARC_BYTES) throw new DecodeError('an OBJECT IDENTIFIER with an arc out of range');
      arc = arc * 128 + (byte & 0x7f);
      if (byte >= 0x80) continue;
      arcs.push(arc);
      arc = 0;
      length = 0;
    }
    const first = arcs.shift();
    if (first === undefined || length !== 0 || arcs.length > 32) throw new DecodeError('a malformed OBJECT IDENTIFIER');
    const root = Math.min(Math.floor(first / 40), 2);
    return [root, first - 40 * root, ...arcs].join('.');
  }

  /** The content of the explicit tag [number] where it comes next, else null. */
  explicit(number: number): DerReader | null {
    return this.#comesNext(0xa0 | number) ? new DerReader(this.#element(0xa0 | number, 'a tag'), this.#depth + 1) : null;
  }

  /** The content of the implicit, primitive tag [number] where it comes next, else null. */
  implicit(number: number): Uint8Array | null {
    return this.#comesNext(0x80 | number) ? this.#element(0x80 | number, 'a tag') : null;
  }

  /** Whether an OBJECT IDENTIFIER comes next. */
  get hasOid(): boolean {
    return this.#comesNext(OBJECT_IDENTIFIER);
  }

  /** Whether an INTEGER comes next: optional fields. */
  get hasInteger(): boolean {
    return this.#comesNext(INTEGER);
  }

  /** The value must end here. */
  end(): void {
    if (this.remaining > 0) throw new DecodeError(`${this.remaining} bytes too many`);
  }

  #comesNext(tag: number): boolean {
    return this.#bytes[this.#offset] === tag;
  }

  #element(tag: number, what: string): Uint8Array {
    const found = this.#byte();
    if (found !== tag) throw new DecodeError(`${what} expected, tag 0x${toHex(Uint8Array.of(found))} found`);
    let length = this.#byte();
    if (length >= 0x80) {
      const count = length & 0x7f;
      if (count === 0) throw new DecodeError('an indefinite length');
      // Files are at most 1 MiB, so three bytes suffice.
      if (count > 3) throw new DecodeError('a length out of range');
      length = 0;
      for (let i = 0; i < count; i++) length = length * 256 + this.#byte();
      if (length < 0x80 || length < 256 ** (count - 1)) throw new DecodeError('a length that is not minimal');
    }
    if (length > this.remaining) throw new DecodeError(`${length} bytes wanted, ${this.remaining} left`);
    const start = this.#offset;
    this.#offset = start + length;
    return this.#bytes.subarray(start, this.#offset);
  }

  #byte(): number {
    const byte = this.#bytes[this.#offset];
    if (byte === undefined) throw new DecodeError('1 byte wanted, 0 left');
    this.#offset++;
    return byte;
  }
}

/** Whether the bytes are one SEQUENCE, no more and no less: what a rightly decrypted DER key always is. */
export function isOneSequence(bytes: Uint8Array): boolean {
  try {
    const reader = new DerReader(bytes);
    reader.sequence();
    return reader.remaining === 0;
  } catch (error) {
    if (error instanceof DecodeError) return false;
    throw error;
  }
}

/** Writers: each returns one whole element. */
export const der = {
  sequence: (...parts: readonly Uint8Array[]): Uint8Array => element(SEQUENCE, concat(...parts)),
  octetString: (content: Uint8Array): Uint8Array => element(OCTET_STRING, content),
  bitString: (content: Uint8Array): Uint8Array => element(BIT_STRING, concat(Uint8Array.of(0), content)),
  null: (): Uint8Array => element(NULL, new Uint8Array(0)),
  explicit: (number: number, content: Uint8Array): Uint8Array => element(0xa0 | number, content),
  /** From big-endian unsigned bytes. */
  integer: (unsigned: Uint8Array): Uint8Array => {
    const content = encodeMpint(unsigned);
    // Zero is one zero byte in DER and no byte at all in SSH.
    return element(INTEGER, content.length === 0 ? Uint8Array.of(0) : content);
  },
  /** From dotted form. */
  oid: (dotted: string): Uint8Array => {
    const [root = 0, second = 0, ...arcs] = dotted.split('.').map(Number);
    const content: number[] = [];
    for (const arc of [40 * root + second, ...arcs]) {
      const digits = [arc % 128];
      for (let rest = Math.floor(arc / 128); rest > 0; rest = Math.floor(rest / 128)) digits.unshift(0x80 | (rest % 128));
      content.push(...digits);
    }
    return element(OBJECT_IDENTIFIER, Uint8Array.from(content));
  },
};

function element(tag: number, content: Uint8Array): Uint8Array {
  const { length } = content;
  const digits: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) digits.unshift(rest % 256);
  const head = length < 0x80 ? [tag, length] : [tag, 0x80 | digits.length, ...digits];
  return concat(Uint8Array.from(head), content);
}
