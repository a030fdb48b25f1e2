/**
 * Polynomials as bytes: Small (coefficients -1..1, two bits each), Rq (modulo q, radix 4591) and Rounded (multiples of 3 modulo
 * q, radix 1531).
 *
 * Invariant: decoding never fails. Every string of the right length is some polynomial within bounds; a ciphertext that is not
 * the encoding of one is caught when decapsulation encrypts again and compares bytes.
 */
import { P, Q, SMALL_BYTES } from './parameters.ts';
import { RadixCode } from './radix.ts';
import type { Polynomial } from './ring.ts';

/** The representatives modulo q are -HALF..HALF. */
const HALF = (Q - 1) / 2;

/** Built at first use: an import of amiko should not pay for a key exchange that may never be asked for. */
let qCode: RadixCode | undefined;
let roundedCode: RadixCode | undefined;

export function rqCode(): RadixCode {
  qCode ??= new RadixCode(new Array<number>(P).fill(Q));
  return qCode;
}

export function roundedRadixCode(): RadixCode {
  roundedCode ??= new RadixCode(new Array<number>(P).fill((Q + 2) / 3));
  return roundedCode;
}

/** SMALL_BYTES bytes; the lowest power is in the lowest bits, and the last byte holds one coefficient. */
export function encodeSmall(small: Polynomial): Uint8Array {
  const bytes = new Uint8Array(SMALL_BYTES);
  for (let i = 0; i < P; i++) bytes[i >> 2] = (bytes[i >> 2] as number) | (((small[i] as number) + 1) << (2 * (i & 3)));
  return bytes;
}

/** Only ever read from a secret key of our own making, so the fourth bit pattern, 11, does not occur. */
export function decodeSmall(bytes: Uint8Array): Polynomial {
  const small = new Int32Array(P);
  for (let i = 0; i < P; i++) small[i] = (((bytes[i >> 2] as number) >> (2 * (i & 3))) & 3) - 1;
  return small;
}

/** Into PUBLIC_KEY_BYTES bytes of `target`; the coefficients are -2295..2295. */
export function encodeRq(a: Polynomial, target: Uint8Array): void {
  const values = new Int32Array(P);
  for (let i = 0; i < P; i++) values[i] = ((a[i] as number) + HALF) | 0;
  rqCode().encode(values, target);
}

export function decodeRq(bytes: Uint8Array): Polynomial {
  const values = rqCode().decode(bytes);
  for (let i = 0; i < P; i++) values[i] = ((values[i] as number) - HALF) | 0;
  return values;
}

/** Into ROUNDED_BYTES bytes of `target`; the coefficients are multiples of 3 in -2295..2295. */
export function encodeRounded(a: Polynomial, target: Uint8Array): void {
  const values = new Int32Array(P);
  // For n up to 4590, n * 21846 / 2^16 exceeds n / 3 by less than 0.05: its floor is n / 3 where that is a whole number.
  for (let i = 0; i < P; i++) values[i] = Math.imul((a[i] as number) + HALF, 21846) >> 16;
  roundedRadixCode().encode(values, target);
}

export function decodeRounded(bytes: Uint8Array): Polynomial {
  const values = roundedRadixCode().decode(bytes);
  for (let i = 0; i < P; i++) values[i] = (Math.imul(values[i] as number, 3) - HALF) | 0;
  return values;
}
