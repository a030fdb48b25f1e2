/**
 * Arithmetic in R/q = (Z/4591)[x] / (x^761 - x - 1) and R/3, on Int32Array with centred coefficients (-2295..2295, -1..1).
 *
 * Invariant: which instructions run and which addresses they touch never depends on a coefficient. Hence masks instead of
 * branches, no `%` (a division takes as long as its operands want), and Math.imul instead of `*` and `0 - x` instead of `-x`:
 * V8 guards those against overflow and minus zero by leaving optimised code, which an observer can see. What JavaScript can not
 * promise: that an engine compiles these lines as written, in each of its tiers, and that no copy of a secret stays in memory.
 * A small integer beyond an engine's tagged range (31 bits where pointers are compressed) may be boxed in unoptimised code; only
 * the words that sort.ts orders are that large.
 */
import { P, Q } from './parameters.ts';

/** P coefficients, lowest power first. */
export type Polynomial = Int32Array;

/** -1 where `x` is not 0, else 0. */
export function nonzeroMask(x: number): number {
  return (x | (0 - x)) >> 31;
}

/**
 * The representative of `x` modulo 3 in -1..1, for |x| <= 49000: 43691 / 2^17 is 1/3 closely enough that x * 43691 / 2^17 never
 * strays by 1/6, which is how far x/3 is from the next half.
 */
export function reduce3(x: number): number {
  return (x - Math.imul((Math.imul(x, 43691) + 65536) >> 17, 3)) | 0;
}

/**
 * The representative of `x` modulo q in -2295..2295, for |x| <= 2^24. The quotient is estimated from the upper bits
 * (29235 / 2^19 is 256 / q), so that the product stays below 2^31; it is off by at most one, which the last two lines mend.
 */
export function reduceQ(x: number): number {
  let r = (x - Math.imul((Math.imul(x >> 8, 29235) + 262144) >> 19, Q)) | 0;
  r = (r + (Q & ((r + 2295) >> 31))) | 0;
  return (r - (Q & ((2295 - r) >> 31))) | 0;
}

/**
 * a * b modulo x^P - x - 1 over the integers: each result is the sum of at most 2P products, so small enough for 32 bits and for
 * {@link reduceQ} where |a| <= 2295 and |b| <= 1. Plain long multiplication, 761^2 steps with the sums in registers.
 */
function multiply(a: Polynomial, b: Polynomial): Int32Array {
  // The upper operand backwards and between zeros, so that four neighbouring results share their loads and their loop.
  const reversed = new Int32Array(3 * P);
  for (let i = 0; i < P; i++) reversed[2 * P - 1 - i] = b[i] as number;
  const product = new Int32Array(2 * P + 2);
  for (let k = 0; k < 2 * P - 1; k += 4) {
    const from = Math.max(0, k - P + 1);
    const to = Math.min(P - 1, k + 3);
    let at = 2 * P - 1 - k + from;
    let s0 = 0;
    let s1 = 0;
    let s2 = 0;
    let s3 = 0;
    let b1 = reversed[at - 1] as number;
    let b2 = reversed[at - 2] as number;
    let b3 = reversed[at - 3] as number;
    for (let i = from; i <= to; i++, at++) {
      const factor = a[i] as number;
      const b0 = reversed[at] as number;
      s0 = (s0 + Math.imul(factor, b0)) | 0;
      s1 = (s1 + Math.imul(factor, b1)) | 0;
      s2 = (s2 + Math.imul(factor, b2)) | 0;
      s3 = (s3 + Math.imul(factor, b3)) | 0;
      b3 = b2;
      b2 = b1;
      b1 = b0;
    }
    product[k] = s0;
    product[k + 1] = s1;
    product[k + 2] = s2;
    product[k + 3] = s3;
  }
  // x^P = x + 1
  for (let k = P; k < 2 * P - 1; k++) product[k - P] = ((product[k - P] as number) + (product[k] as number)) | 0;
  for (let k = P; k < 2 * P - 1; k++) product[k - P + 1] = ((product[k - P + 1] as number) + (product[k] as number)) | 0;
  reversed.fill(0);
  product.fill(0, P);
  return product.subarray(0, P);
}

/** a * b in R/q; the coefficients of `a` are centred modulo q, those of `small` are -1..1. */
export function multiplyQ(a: Polynomial, small: Polynomial): Polynomial {
  const product = multiply(a, small);
  for (let i = 0; i < P; i++) product[i] = reduceQ(product[i] as number);
  return product;
}

/** a * b in R/3, all coefficients -1..1. */
export function multiply3(a: Polynomial, b: Polynomial): Polynomial {
  const product = multiply(a, b);
  for (let i = 0; i < P; i++) product[i] = reduce3(product[i] as number);
  return product;
}

/** Each coefficient rounded to the nearest multiple of 3. It stays within -2295..2295, both of which are multiples themselves. */
export function roundTo3(a: Polynomial): Polynomial {
  const rounded = new Int32Array(P);
  for (let i = 0; i < P; i++) rounded[i] = ((a[i] as number) - reduce3(a[i] as number)) | 0;
  return rounded;
}
