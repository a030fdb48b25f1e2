// Any key comes back from any format as it was: secrets with zeros at either end, comments of any text, primes in either order.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nodeCrypto } from '../../../src/crypto/node/index.ts';
import type { PrivateComponents } from '../../../src/crypto/provider.ts';
import { derivePoint } from '../../../src/keys/node/derive-point.ts';
import { PrivateKey, secretComponents } from '../../../src/keys/private-key.ts';
import { type FormatPrivateKeyOptions, formatPrivateKey, generateKey, parsePrivateKey } from '../../../src/keys.ts';

const formats: readonly FormatPrivateKeyOptions[] = [
  { format: 'openssh' },
  { format: 'pkcs8' },
  { format: 'pem' },
  { format: 'ppk' },
  { format: 'ppk2' },
  { format: 'jwk' },
  { format: 'pkcs8', passphrase: 'x', rounds: 1 },
  { format: 'ppk', passphrase: 'x', rounds: 1, memory: 8 },
  { format: 'ppk2', passphrase: 'x' },
];

/** Bytes, often with zeros at their ends. */
const secret = (length: number): fc.Arbitrary<Uint8Array> =>
  fc
    .tuple(fc.nat({ max: 3 }), fc.nat({ max: 3 }), fc.uint8Array({ minLength: length, maxLength: length }))
    .map(([front, back, all]) => {
      all.fill(0, 0, front);
      return all.fill(0, length - back, length);
    });

async function comesBack(components: PrivateComponents, options: FormatPrivateKeyOptions, comment = ''): Promise<void> {
  const text = await formatPrivateKey(new PrivateKey(components, nodeCrypto, comment), options);
  const key = await parsePrivateKey(text, { passphrase: 'x' });
  expect(secretComponents(key)).toEqual(components);
  const oneLine = options.format?.startsWith('ppk') ? comment.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ') : comment;
  expect(key.comment).toBe(options.format === 'pkcs8' || options.format === 'pem' ? '' : oneLine);
}

describe.each(formats)('%j', (options) => {
  it.skipIf(options.format === 'pem')('Ed25519', { timeout: 60_000 }, async () => {
    const comments = fc.string({ unit: 'binary', maxLength: 100 });
    await fc.assert(
      fc.asyncProperty(secret(32), comments, async (seed, comment) => {
        await comesBack({ kind: 'ed25519', seed, point: derivePoint({ kind: 'ed25519', seed, point: null }) }, options, comment);
      }),
      { numRuns: 30 },
    );
  });

  it.each([
    ['nistp256', 32],
    ['nistp384', 48],
    ['nistp521', 66],
  ] as const)('%s', { timeout: 60_000 }, async (curve, bytes) => {
    // Below each order, and not zero.
    const scalars = secret(bytes).map((scalar) => {
      scalar[0] = bytes === 66 ? 0 : (scalar[0] ?? 0) & 0x7f;
      scalar[10] = 1;
      return scalar;
    });
    await fc.assert(
      fc.asyncProperty(scalars, async (scalar) => {
        await comesBack(
          { kind: 'ecdsa', curve, scalar, point: derivePoint({ kind: 'ecdsa', curve, scalar, point: null }) },
          options,
        );
      }),
      { numRuns: 10 },
    );
  });

  it('RSA with its primes in either order', { timeout: 60_000 }, async () => {
    const components = secretComponents(await generateKey('rsa', { bits: 2048 }));
    if (components.kind !== 'rsa') throw new Error('not RSA');
    const { p, q } = components;
    await comesBack(components, options);
    const number = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
    const inverse = power(number(p), number(q) - 2n, number(q)).toString(16);
    const iqmp = new Uint8Array(Buffer.from(inverse.length % 2 === 0 ? inverse : `0${inverse}`, 'hex'));
    await comesBack({ ...components, p: q, q: p, iqmp }, options);
  });
});

/** By Fermat, the inverse is a power: the moduli are primes. */
function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  for (let square = base % modulus, rest = exponent; rest > 0n; rest >>= 1n, square = (square * square) % modulus) {
    if ((rest & 1n) === 1n) result = (result * square) % modulus;
  }
  return result;
}
