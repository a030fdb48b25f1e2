/**
 * Random polynomials from random 32-bit words, little-endian, P words to the polynomial. The specification leaves the way open;
 * this is the reference's, word for word, so that known answers apply.
 *
 * Invariant: the words are used once and erased; no word decides a branch or an index.
 */
import { P, W } from './parameters.ts';
import type { Polynomial } from './ring.ts';
import { sortUnsigned } from './sort.ts';

/** Fills all of `target` with cryptographically secure random bytes. */
export type RandomFill = (target: Uint8Array) => void;

function randomWords(randomFill: RandomFill): Int32Array {
  const bytes = new Uint8Array(4 * P);
  randomFill(bytes);
  const words = new Int32Array(P);
  for (let i = 0; i < P; i++) {
    const at = 4 * i;
    words[i] =
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24);
  }
  bytes.fill(0);
  return words;
}

/** Coefficients -1, 0, 1, each from 30 bits; off from uniform by less than 2^-29. */
export function randomSmall(randomFill: RandomFill): Polynomial {
  const words = randomWords(randomFill);
  for (let i = 0; i < P; i++) words[i] = (Math.imul((words[i] as number) & 0x3fffffff, 3) >>> 30) - 1;
  return words;
}

/**
 * Exactly W coefficients -1 or 1 at random places: the lowest two bits of W words say 0 or 2, of all others 1, and sorting by
 * the 30 random bits above shuffles them.
 */
export function randomShort(randomFill: RandomFill): Polynomial {
  const words = randomWords(randomFill);
  for (let i = 0; i < W; i++) words[i] = (words[i] as number) & ~1;
  for (let i = W; i < P; i++) words[i] = ((words[i] as number) & ~3) | 1;
  sortUnsigned(words);
  for (let i = 0; i < P; i++) words[i] = ((words[i] as number) & 3) - 1;
  return words;
}
