/**
 * Streamlined NTRU Prime 761 on byte strings: key pair, encapsulation, decapsulation (NTRU Prime round 3, "Streamlined NTRU
 * Prime KEM"), with SHA-512 and randomness handed in. kem.ts puts the provider's interface in front.
 *
 * Invariants: lengths have been checked by the caller; decapsulation takes the same course for good and bad ciphertexts and
 * always gives a secret (implicit rejection), which for a bad one only the holder of the key could compute.
 *
 * Each use of the hash has a byte of its own in front: 0 session from a rejected ciphertext, 1 session, 2 confirmation, 3 the
 * encrypted polynomial, 4 the public key. (5 is NTRU LPRime's and does not occur here.)
 */
import { decodeRounded, decodeRq, decodeSmall, encodeRounded, encodeRq, encodeSmall } from './encoding.ts';
import {
  CIPHERTEXT_BYTES,
  HASH_BYTES,
  P,
  PUBLIC_KEY_BYTES,
  ROUNDED_BYTES,
  SECRET_KEY_BYTES,
  SMALL_BYTES,
  W,
} from './parameters.ts';
import { reciprocal3, reciprocalOfTriple } from './reciprocal.ts';
import { multiply3, multiplyQ, nonzeroMask, type Polynomial, reduce3, reduceQ, roundTo3 } from './ring.ts';
import { type RandomFill, randomShort, randomSmall } from './sampling.ts';

/** SHA-512 of the parts one after the other: 64 bytes. */
export type Hash512 = (...parts: readonly Uint8Array[]) => Uint8Array;

const SESSION_REJECTED = 0;
const SESSION = 1;
const CONFIRMATION = 2;
const POLYNOMIAL = 3;
const PUBLIC_KEY = 4;

function hash(hash512: Hash512, prefix: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const digest = hash512(Uint8Array.of(prefix), ...parts);
  const result = new Uint8Array(HASH_BYTES);
  result.set(digest.subarray(0, HASH_BYTES));
  return result;
}

export interface KeyPair {
  readonly publicKey: Uint8Array;
  /** f, 1/g, the public key, the secret of implicit rejection, the public key's hash. */
  readonly secretKey: Uint8Array;
}

/** h = g / (3f) for a random small g that has a reciprocal in R/3 and a random short f. */
export function generateKeyPair(hash512: Hash512, randomFill: RandomFill): KeyPair {
  let g: Polynomial;
  let gReciprocal: Polynomial | null;
  do {
    g = randomSmall(randomFill);
    gReciprocal = reciprocal3(g);
  } while (gReciprocal === null);
  const f = randomShort(randomFill);
  const fReciprocal = reciprocalOfTriple(f);
  const publicKey = new Uint8Array(PUBLIC_KEY_BYTES);
  encodeRq(multiplyQ(fReciprocal, g), publicKey);

  const secretKey = new Uint8Array(SECRET_KEY_BYTES);
  const fBytes = encodeSmall(f);
  const gBytes = encodeSmall(gReciprocal);
  secretKey.set(fBytes);
  secretKey.set(gBytes, SMALL_BYTES);
  secretKey.set(publicKey, 2 * SMALL_BYTES);
  const rejection = 2 * SMALL_BYTES + PUBLIC_KEY_BYTES;
  randomFill(secretKey.subarray(rejection, rejection + SMALL_BYTES));
  secretKey.set(hash(hash512, PUBLIC_KEY, publicKey), rejection + SMALL_BYTES);
  for (const secret of [f, fReciprocal, g, gReciprocal, fBytes, gBytes]) secret.fill(0);
  return { publicKey, secretKey };
}

/** The ciphertext of the polynomial `r`, whose encoding is `rBytes`: Round(h * r) and the confirmation hash. */
function encrypt(hash512: Hash512, r: Polynomial, rBytes: Uint8Array, publicKey: Uint8Array, keyHash: Uint8Array): Uint8Array {
  const ciphertext = new Uint8Array(CIPHERTEXT_BYTES);
  const product = multiplyQ(decodeRq(publicKey), r);
  const rounded = roundTo3(product);
  encodeRounded(rounded, ciphertext);
  ciphertext.set(hash(hash512, CONFIRMATION, hash(hash512, POLYNOMIAL, rBytes), keyHash), ROUNDED_BYTES);
  product.fill(0);
  rounded.fill(0);
  return ciphertext;
}

/** The polynomial in a ciphertext. Where decryption does not give weight W: the first W coefficients 1, the others 0. */
function decrypt(ciphertext: Uint8Array, secretKey: Uint8Array): Polynomial {
  const f = decodeSmall(secretKey);
  const gReciprocal = decodeSmall(secretKey.subarray(SMALL_BYTES));
  // 3fc = g * r + 3f * (rounding error) without a multiple of q; modulo 3 only g * r is left.
  const product = multiplyQ(decodeRounded(ciphertext), f);
  for (let i = 0; i < P; i++) product[i] = reduce3(reduceQ(Math.imul(product[i] as number, 3)));
  const r = multiply3(product, gReciprocal);
  let weight = 0;
  for (let i = 0; i < P; i++) weight = (weight + ((r[i] as number) & 1)) | 0;
  const wrong = nonzeroMask(weight - W);
  for (let i = 0; i < W; i++) r[i] = ((r[i] as number) & ~wrong) | (1 & wrong);
  for (let i = W; i < P; i++) r[i] = (r[i] as number) & ~wrong;
  for (const secret of [f, gReciprocal, product]) secret.fill(0);
  return r;
}

/** A fresh ciphertext and its 32-byte secret. Any 1158 bytes will do as a public key; a senseless one harms only its sender. */
export function encapsulateTo(
  hash512: Hash512,
  randomFill: RandomFill,
  publicKey: Uint8Array,
): { ciphertext: Uint8Array; secret: Uint8Array } {
  const r = randomShort(randomFill);
  const rBytes = encodeSmall(r);
  const ciphertext = encrypt(hash512, r, rBytes, publicKey, hash(hash512, PUBLIC_KEY, publicKey));
  const secret = hash(hash512, SESSION, hash(hash512, POLYNOMIAL, rBytes), ciphertext);
  r.fill(0);
  rBytes.fill(0);
  return { ciphertext, secret };
}

/** The 32-byte secret of a ciphertext; for one that encapsulation could not have made, an unrelated one, always the same. */
export function decapsulateWith(hash512: Hash512, secretKey: Uint8Array, ciphertext: Uint8Array): Uint8Array {
  const publicKey = secretKey.subarray(2 * SMALL_BYTES, 2 * SMALL_BYTES + PUBLIC_KEY_BYTES);
  const rejection = secretKey.subarray(2 * SMALL_BYTES + PUBLIC_KEY_BYTES, SECRET_KEY_BYTES - HASH_BYTES);
  const keyHash = secretKey.subarray(SECRET_KEY_BYTES - HASH_BYTES);
  const r = decrypt(ciphertext, secretKey);
  const rBytes = encodeSmall(r);
  const again = encrypt(hash512, r, rBytes, publicKey, keyHash);
  let difference = 0;
  for (let i = 0; i < CIPHERTEXT_BYTES; i++) difference |= (ciphertext[i] as number) ^ (again[i] as number);
  const rejected = nonzeroMask(difference);
  for (let i = 0; i < SMALL_BYTES; i++) {
    const byte = rBytes[i] as number;
    rBytes[i] = byte ^ (rejected & (byte ^ (rejection[i] as number)));
  }
  const prefix = (SESSION & ~rejected) | (SESSION_REJECTED & rejected);
  const secret = hash(hash512, prefix, hash(hash512, POLYNOMIAL, rBytes), ciphertext);
  r.fill(0);
  rBytes.fill(0);
  again.fill(0);
  return secret;
}
