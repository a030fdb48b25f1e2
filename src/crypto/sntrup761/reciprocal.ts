/**
 * Reciprocals in R/3 and R/q by division steps (Bernstein and Yang, "Fast constant-time gcd computation and modular inversion",
 * 2019): a fixed number of steps, 2P - 1, each of which does the same to every coefficient that still matters.
 *
 * Invariant: loop bounds depend on the step alone. After n steps only the lowest 2P - 1 - n coefficients of f and g can still
 * reach the result, and v and r have degree n at most; leaving out the rest halves the work.
 *
 * Reductions are Montgomery's with 2^16, for either modulus. The stray factors do no harm: (f, v) and (g, r) are rows of one
 * linear system, a factor hits a whole row, and the result is a quotient within a row.
 */
import { P, Q } from './parameters.ts';
import { nonzeroMask, type Polynomial, reduce3, reduceQ } from './ring.ts';

/** An odd prime and its reciprocal modulo 2^16. */
interface Modulus {
  readonly modulus: number;
  readonly inverse: number;
}

const MODULO_3: Modulus = { modulus: 3, inverse: 43691 };
const MODULO_Q: Modulus = { modulus: Q, inverse: 15631 };

/** Enough for polynomials of degree P and P - 1, whatever they are. */
const STEPS = 2 * P - 1;

interface Quotient {
  /** What the reciprocal has to be divided by; never 0. */
  readonly divisor: number;
  /** The reciprocal times `divisor`, highest power first, not fully reduced: within -2500..2500. */
  readonly reversed: Int32Array;
  /** 0 if the input had a reciprocal, else -1. */
  readonly failure: number;
}

/** What one division step does to every coefficient. */
interface Step {
  /** -1 where the rows change places, else 0. */
  readonly swap: number;
  /** The constant terms of f and g, after changing places. */
  readonly f0: number;
  readonly g0: number;
}

/**
 * f0 * b - g0 * a, Montgomery-reduced. With coefficients below 2500 in absolute value the difference is below 2 * 2500^2 and the
 * result below 2 * 2500^2 / 2^16 + modulus / 2 + 1 < 2500 again. That is less than q: a coefficient is 0 modulo q only if it is 0.
 */
function combine(f0: number, g0: number, a: number, b: number, modulus: number, inverse: number): number {
  const x = (Math.imul(f0, b) - Math.imul(g0, a)) | 0;
  const multiple = (Math.imul(x, inverse) << 16) >> 16;
  return (x - Math.imul(multiple, modulus)) >> 16;
}

/** Coefficients 1..count-1 of f and g; the combination's constant term is 0 by design and it is divided by x. */
function stepDown(f: Int32Array, g: Int32Array, count: number, step: Step, field: Modulus): void {
  const { swap, f0, g0 } = step;
  const { modulus, inverse } = field;
  for (let i = 1; i < count; i++) {
    const fi = f[i] as number;
    const gi = g[i] as number;
    const exchange = swap & (fi ^ gi);
    f[i] = fi ^ exchange;
    g[i - 1] = combine(f0, g0, fi ^ exchange, gi ^ exchange, modulus, inverse);
  }
  g[P] = 0;
}

/** Coefficients 0..last of v and r, where v is multiplied by x first: from the top, so that it can move within its array. */
function stepUp(v: Int32Array, r: Int32Array, last: number, step: Step, field: Modulus): void {
  const { swap, f0, g0 } = step;
  const { modulus, inverse } = field;
  for (let i = last; i > 0; i--) {
    const vi = v[i - 1] as number;
    const ri = r[i] as number;
    const exchange = swap & (vi ^ ri);
    v[i] = vi ^ exchange;
    r[i] = combine(f0, g0, vi ^ exchange, ri ^ exchange, modulus, inverse);
  }
  const r0 = r[0] as number;
  const exchange = swap & r0;
  v[0] = exchange;
  r[0] = combine(f0, g0, exchange, r0 ^ exchange, modulus, inverse);
}

function divisionSteps(input: Polynomial, field: Modulus): Quotient {
  const f = new Int32Array(P + 1);
  const g = new Int32Array(P + 1);
  const v = new Int32Array(P + 1);
  const r = new Int32Array(P + 1);
  // x^P - x - 1 and the input, both backwards: division steps work from the constant term.
  f[0] = 1;
  f[P - 1] = -1;
  f[P] = -1;
  for (let i = 0; i < P; i++) g[P - 1 - i] = input[i] as number;
  r[0] = 1;
  let delta = 1;
  for (let n = 0; n < STEPS; n++) {
    const low = g[0] as number;
    const swap = ((0 - delta) >> 31) & nonzeroMask(low);
    delta = ((delta ^ (swap & (delta ^ (0 - delta)))) + 1) | 0;
    const exchange = swap & ((f[0] as number) ^ low);
    const f0: number = (f[0] as number) ^ exchange;
    f[0] = f0;
    const step: Step = { swap, f0, g0: low ^ exchange };
    stepDown(f, g, Math.min(P + 1, STEPS - n), step, field);
    stepUp(v, r, Math.min(P, n + 1), step, field);
  }
  const divisor = f[0] as number;
  f.fill(0);
  g.fill(0);
  r.fill(0);
  return { divisor, reversed: v, failure: nonzeroMask(delta) };
}

/** 1/a modulo the prime q as a^(q-2); the exponent is public, so are the steps. */
function reciprocalModQ(a: number): number {
  let result = 1;
  for (let bit = 12; bit >= 0; bit--) {
    result = reduceQ(Math.imul(result, result));
    if (((Q - 2) >> bit) & 1) result = reduceQ(Math.imul(result, a));
  }
  return result;
}

/**
 * 1/g in R/3, coefficients -1..1, or null where there is none: R/3 is not a field. The least factor of x^P - x - 1 modulo 3 has
 * degree 19, so that is one random g in 3^19.
 */
export function reciprocal3(g: Polynomial): Polynomial | null {
  const { divisor, reversed, failure } = divisionSteps(g, MODULO_3);
  const result = new Int32Array(P);
  for (let i = 0; i < P; i++) result[i] = reduce3(Math.imul(divisor, reversed[P - 1 - i] as number));
  reversed.fill(0);
  // May show: the g that is thrown away says nothing about the one that is used.
  return failure === 0 ? result : null;
}

/** 1/(3f) in R/q, centred, for any f that is not 0: R/q is a field. */
export function reciprocalOfTriple(f: Polynomial): Polynomial {
  const { divisor, reversed } = divisionSteps(f, MODULO_Q);
  const scale = reciprocalModQ(reduceQ(Math.imul(3, divisor)));
  const result = new Int32Array(P);
  for (let i = 0; i < P; i++) result[i] = reduceQ(Math.imul(scale, reversed[P - 1 - i] as number));
  reversed.fill(0);
  return result;
}
