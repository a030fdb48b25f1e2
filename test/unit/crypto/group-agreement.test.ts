/**
 * Diffie-Hellman in a group from outside, against BigInt arithmetic and OpenSSL's own fixed groups, with every kind of group and
 * peer value that has to be refused.
 */
import { getDiffieHellman } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { nodeCrypto } from '../../../src/crypto/node/index.ts';
import { bytesOf, number, powMod, toHex } from './hex.ts';

const GROUP14 = Uint8Array.from(getDiffieHellman('modp14').getPrime());
const p = number(GROUP14);
const two = Uint8Array.of(2);

describe('dhAgreement', () => {
  it.each(['modp2', 'modp14', 'modp16', 'modp18'])('agrees with OpenSSL in %s', (name) => {
    const theirs = getDiffieHellman(name);
    theirs.generateKeys();
    const ours = nodeCrypto.dhAgreement(Uint8Array.from(theirs.getPrime()), two);
    expect(number(ours.derive(theirs.getPublicKey()))).toBe(number(theirs.computeSecret(ours.publicKey)));
  });

  it('agrees with plain arithmetic for other generators, in a group that nobody has a name for', () => {
    // Not a safe prime and no prime at all: nobody tests it, and nobody has to.
    for (const [modulus, g] of [
      [p, 5n],
      [p - 2n ** 1000n, 2n],
      [p, p - 2n],
      [2n ** 2048n - 2n ** 64n + 1n, 3n],
    ] as const) {
      const ours = nodeCrypto.dhAgreement(bytesOf(modulus, 256), bytesOf(g, 256));
      const x = 0x123456789abcdef0fedcba9876543210n;
      const theirs = powMod(g, x, modulus);
      expect(number(ours.derive(bytesOf(theirs, 256)))).toBe(powMod(number(ours.publicKey), x, modulus));
    }
  });

  it('has a private exponent of 512 bits, another one each time', () => {
    const values = Array.from({ length: 8 }, () => toHex(nodeCrypto.dhAgreement(GROUP14, two).publicKey));
    expect(new Set(values).size).toBe(8);
    // 2^x for an x of less than 11 bits would not have been reduced: it would be a power of two.
    for (const value of values) expect(value.replaceAll('0', '').length).toBeGreaterThan(100);
  });

  it('takes leading zeros for nothing', () => {
    const padded = new Uint8Array(300);
    padded.set(GROUP14, 300 - 256);
    const ours = nodeCrypto.dhAgreement(padded, Uint8Array.of(0, 0, 2));
    expect(number(ours.derive(Uint8Array.of(0, 2)))).toBe(number(ours.publicKey));
  });

  it('is fast at 8192 bits', () => {
    const prime = Uint8Array.from(getDiffieHellman('modp18').getPrime());
    // A named group has a fast path of its own.
    prime[500] = (prime[500] as number) ^ 1;
    let best = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 3; i++) {
      const since = performance.now();
      const ours = nodeCrypto.dhAgreement(prime, two);
      ours.derive(ours.publicKey);
      best = Math.min(best, performance.now() - since);
    }
    expect(best).toBeLessThan(120);
  });

  const invalidGroups: [string, bigint, bigint][] = [
    ['p = 0', 0n, 2n],
    ['p = 1', 1n, 2n],
    ['p = 2', 2n, 2n],
    ['p = 3', 3n, 2n],
    ['an even p', p - 1n, 2n],
    ['g = 0', p, 0n],
    ['g = 1', p, 1n],
    ['g = p - 1', p, p - 1n],
    ['g = p', p, p],
    ['g = p + 1', p, p + 1n],
    ['a long g', p, 2n ** 3000n],
  ];
  it.each(invalidGroups)('refuses %s', (_what, modulus, g) => {
    expect(() => nodeCrypto.dhAgreement(bytesOf(modulus, 256), bytesOf(g, 400))).toThrow(RangeError);
  });

  it('refuses public values outside 2..p-2, also where p ends in 01', () => {
    const odd = 2n ** 2048n - 2n ** 64n + 1n;
    for (const modulus of [p, odd]) {
      const prime = bytesOf(modulus, 256);
      for (const value of [0n, 1n, modulus - 1n, modulus, modulus + 1n, 2n * modulus, 2n ** 2060n]) {
        expect(() => nodeCrypto.dhAgreement(prime, two).derive(bytesOf(value, 260)), `${value}`).toThrow(/2\.\.p-2/);
      }
      // In a group that it knows, OpenSSL also refuses what is not in the subgroup of the generator: half of all numbers.
      for (const value of modulus === p ? [2n, 4n] : [2n, modulus - 2n, modulus - 3n]) {
        expect(nodeCrypto.dhAgreement(prime, two).derive(bytesOf(value, 256)).length).toBeLessThanOrEqual(256);
      }
    }
    expect(() => nodeCrypto.dhAgreement(GROUP14, two).derive(new Uint8Array(30_000).fill(0x7f))).toThrow(RangeError);
  });
});
