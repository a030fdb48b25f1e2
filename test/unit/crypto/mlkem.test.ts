/**
 * ML-KEM-768 (FIPS 203): both engines behind the same checks. Where node:crypto has it, the two are also played against each
 * other; elsewhere the native half is skipped.
 */
import * as crypto from 'node:crypto';
import * as noble from '@noble/post-quantum/ml-kem.js';
import { describe, expect, it } from 'vitest';
import { loadMlkem768, nodeCrypto } from '../../../src/crypto/node/index.ts';
import { newKem, newNobleEngine } from '../../../src/crypto/node/mlkem.ts';
import { toHex } from './hex.ts';

const nobleKem = newKem(() => newNobleEngine(noble));
const hasNative = 'encapsulate' in crypto;

describe.each([
  ['provider', nodeCrypto.mlkem768],
  ['noble', nobleKem],
])('ml-kem-768, %s', (_name, kem) => {
  it('round trip with fresh keys', () => {
    const one = kem.generate();
    const two = kem.generate();
    expect(one.publicKey.length).toBe(kem.publicKeyBytes);
    expect(toHex(one.publicKey)).not.toBe(toHex(two.publicKey));
    const first = kem.encapsulate(one.publicKey);
    const second = kem.encapsulate(one.publicKey);
    expect(first.ciphertext.length).toBe(kem.ciphertextBytes);
    expect(first.secret.length).toBe(32);
    expect(toHex(first.secret)).not.toBe(toHex(second.secret));
    expect(toHex(one.decapsulate(first.ciphertext))).toBe(toHex(first.secret));
    expect(toHex(one.decapsulate(second.ciphertext))).toBe(toHex(second.secret));
    expect(toHex(two.decapsulate(first.ciphertext))).not.toBe(toHex(first.secret));
  });

  it('rejects implicitly: a changed ciphertext gives another secret, the same one each time, and no error', () => {
    const pair = kem.generate();
    const { ciphertext, secret } = kem.encapsulate(pair.publicKey);
    for (const position of [0, 500, 959, 960, 1087]) {
      const bad = Uint8Array.from(ciphertext);
      bad[position] = (bad[position] ?? 0) ^ 1;
      const rejected = toHex(pair.decapsulate(bad));
      expect(rejected).toHaveLength(64);
      expect(rejected).not.toBe(toHex(secret));
      expect(toHex(pair.decapsulate(bad))).toBe(rejected);
    }
  });

  it('refuses wrong lengths', () => {
    const pair = kem.generate();
    for (const length of [0, 1087, 1089, 1184]) expect(() => pair.decapsulate(new Uint8Array(length))).toThrow(RangeError);
    for (const length of [0, 1183, 1185, 1216]) expect(() => kem.encapsulate(new Uint8Array(length))).toThrow(RangeError);
  });

  it('refuses a public key with a coefficient from q on (FIPS 203 section 7.2), takes one of q - 1', () => {
    const { publicKey } = kem.generate();
    const withCoefficient = (index: number, value: number): Uint8Array => {
      const key = Uint8Array.from(publicKey);
      const at = (index >> 1) * 3;
      if (index % 2 === 0) {
        key[at] = value;
        key[at + 1] = ((key[at + 1] ?? 0) & 0xf0) | (value >> 8);
      } else {
        key[at + 1] = ((key[at + 1] ?? 0) & 0x0f) | ((value & 15) << 4);
        key[at + 2] = value >> 4;
      }
      return key;
    };
    for (const index of [0, 1, 255, 256, 511, 766, 767]) {
      for (const value of [3329, 3330, 4095]) expect(() => kem.encapsulate(withCoefficient(index, value))).toThrow(/coefficient/);
      for (const value of [0, 3328]) expect(kem.encapsulate(withCoefficient(index, value)).secret.length).toBe(32);
    }
  });

  it('the seed at the end of a public key is not a coefficient', () => {
    const { publicKey } = kem.generate();
    const key = Uint8Array.from(publicKey).fill(0xff, 1152);
    expect(kem.encapsulate(key).secret.length).toBe(32);
  });
});

describe('ml-kem-768', () => {
  it('can be loaded ahead', async () => {
    await expect(loadMlkem768()).resolves.toBeUndefined();
    await expect(loadMlkem768()).resolves.toBeUndefined();
  });

  it.skipIf(!hasNative)('native and noble understand each other', () => {
    for (const [one, two] of [
      [nodeCrypto.mlkem768, nobleKem],
      [nobleKem, nodeCrypto.mlkem768],
    ] as const) {
      const pair = one.generate();
      const { ciphertext, secret } = two.encapsulate(pair.publicKey);
      expect(toHex(pair.decapsulate(ciphertext))).toBe(toHex(secret));
    }
  });
});
