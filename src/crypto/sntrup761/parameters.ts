/**
 * The numbers of sntrup761 (Streamlined NTRU Prime, NIST round 3, parameter set 761): the ring is Z[x] / (x^761 - x - 1), the
 * large modulus 4591, the weight of a short polynomial 286. Everything else in this folder follows from these three.
 *
 * The byte counts are what the encodings come to; encoding.ts does not assume them, the tests compare them with it.
 */

/** Degree of the ring: every polynomial has this many coefficients. */
export const P = 761;
/** The large modulus, a prime modulo which x^P - x - 1 is irreducible: R/q is a field. */
export const Q = 4591;
/** Coefficients of a short polynomial that are 1 or -1; the others are 0. */
export const W = 286;

/** A polynomial with coefficients -1, 0, 1, four to the byte. */
export const SMALL_BYTES = 191;
/** A public key is one polynomial modulo q. */
export const PUBLIC_KEY_BYTES = 1158;
/** A polynomial modulo q whose coefficients are all multiples of 3. */
export const ROUNDED_BYTES = 1007;
/** What is kept of a SHA-512 digest wherever the scheme hashes. */
export const HASH_BYTES = 32;
/** A rounded polynomial and the confirmation hash. */
export const CIPHERTEXT_BYTES = ROUNDED_BYTES + HASH_BYTES;
/** f, 1/g, the public key, the secret of implicit rejection, the public key's hash. */
export const SECRET_KEY_BYTES = SMALL_BYTES + SMALL_BYTES + PUBLIC_KEY_BYTES + SMALL_BYTES + HASH_BYTES;
