/**
 * Lists of numbers in mixed radices as byte strings (NTRU Prime round 3, Encode and Decode): neighbours are merged, r0 + r1 * m0
 * in radix m0 * m1, whole bytes are shed from the bottom while the radix is 2^14 or more, and so on until one number is left.
 *
 * Invariant: radices and lengths are public and fixed, so the plan of merges is made once; the work on values is the same for
 * all values. Decoding takes any bytes: what is no encoding is reduced to some list within the radices, never refused.
 */

/** Merging stops shedding bytes below this, so that a merged radix always fits 28 bits. */
const LIMIT = 16384;

/** One round of merging, from `radices.length` numbers to half as many. */
interface Round {
  readonly radices: Int32Array;
  /** 1/radix, to divide by. */
  readonly inverses: Float64Array;
  /** Bytes that pair i sheds: 0, 1 or 2. */
  readonly shed: Uint8Array;
  /** Where this round's bytes begin in the string. */
  readonly offset: number;
}

/**
 * floor(x / radix) for 0 <= x < 2^29, radix < 2^14: the half keeps the product so far from any integer that rounding can not
 * carry it across. A floating-point multiplication takes the same time for all such numbers; a division of integers does not.
 */
function quotient(x: number, inverse: number): number {
  return ((x + 0.5) * inverse) | 0;
}

/** The code of lists in the given radices. */
export class RadixCode {
  /** Length of every encoding. */
  readonly bytes: number;
  readonly #rounds: readonly Round[];
  readonly #lastRadix: number;
  readonly #lastOffset: number;
  readonly #length: number;

  /** @throws RangeError if there is no radix, or one outside 1..16383. */
  constructor(radices: readonly number[]) {
    if (radices.length === 0 || radices.some((radix) => !Number.isInteger(radix) || radix < 1 || radix >= LIMIT)) {
      throw new RangeError('a mixed-radix code needs radices in 1..16383');
    }
    const rounds: Round[] = [];
    let offset = 0;
    let current = [...radices];
    while (current.length > 1) {
      const next: number[] = [];
      const shed = new Uint8Array(current.length >> 1);
      const start = offset;
      for (let i = 0; i + 1 < current.length; i += 2) {
        let radix = (current[i] as number) * (current[i + 1] as number);
        for (; radix >= LIMIT; radix = Math.ceil(radix / 256)) {
          shed[i >> 1] = (shed[i >> 1] as number) + 1;
          offset++;
        }
        next.push(radix);
      }
      if (current.length % 2 === 1) next.push(current[current.length - 1] as number);
      const inverses = Float64Array.from(current, (radix) => 1 / radix);
      rounds.push({ radices: Int32Array.from(current), inverses, shed, offset: start });
      current = next;
    }
    this.#length = radices.length;
    this.#rounds = rounds;
    this.#lastRadix = current[0] as number;
    this.#lastOffset = offset;
    this.bytes = offset + (this.#lastRadix > 256 ? 2 : this.#lastRadix > 1 ? 1 : 0);
  }

  /** Encodes `values`, value i in 0..radix i - 1, into `target` from its start. `values` is overwritten. */
  encode(values: Int32Array, target: Uint8Array): void {
    let at = 0;
    for (const { radices, shed } of this.#rounds) {
      const pairs = shed.length;
      for (let i = 0; i < pairs; i++) {
        let value = ((values[2 * i] as number) + Math.imul(values[2 * i + 1] as number, radices[2 * i] as number)) | 0;
        for (let left = shed[i] as number; left > 0; left--) {
          target[at++] = value;
          value >>= 8;
        }
        values[i] = value;
      }
      if (radices.length % 2 === 1) values[pairs] = values[2 * pairs] as number;
    }
    let last = values[0] as number;
    for (; at < this.bytes; at++) {
      target[at] = last;
      last >>= 8;
    }
    values.fill(0);
  }

  /** The list encoded at the start of `source`, every value below its radix whatever the bytes. */
  decode(source: Uint8Array): Int32Array {
    const values = new Int32Array(this.#length);
    let last = 0;
    for (let at = this.bytes - 1; at >= this.#lastOffset; at--) last = (last << 8) | (source[at] as number);
    values[0] = (last - Math.imul(quotient(last, 1 / this.#lastRadix), this.#lastRadix)) | 0;
    for (let round = this.#rounds.length - 1; round >= 0; round--) {
      const { radices, inverses, shed, offset } = this.#rounds[round] as Round;
      const pairs = shed.length;
      if (radices.length % 2 === 1) values[2 * pairs] = values[pairs] as number;
      let at = offset;
      for (let i = 0; i < pairs; i++) at += shed[i] as number;
      for (let i = pairs - 1; i >= 0; i--) {
        let value = values[i] as number;
        for (let left = shed[i] as number; left > 0; left--) value = (value << 8) | (source[--at] as number);
        const upper = quotient(value, inverses[2 * i] as number);
        const wrapped = quotient(upper, inverses[2 * i + 1] as number);
        values[2 * i] = (value - Math.imul(upper, radices[2 * i] as number)) | 0;
        values[2 * i + 1] = (upper - Math.imul(wrapped, radices[2 * i + 1] as number)) | 0;
      }
    }
    return values;
  }
}
