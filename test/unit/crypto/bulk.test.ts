/**
 * AES-CTR (NIST SP 800-38A F.5) and AES-GCM (test cases of the GCM specification), with the ways in which a tag can be wrong.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nodeCrypto } from '../../../src/crypto/node/index.ts';
import type { GcmCipher } from '../../../src/crypto/provider.ts';
import { hex, toHex } from './hex.ts';

const PLAIN = hex(
  '6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710',
);
const COUNTER = hex('f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff');
const CTR: readonly [bits: string, key: string, ciphertext: string][] = [
  [
    '128',
    '2b7e151628aed2a6abf7158809cf4f3c',
    '874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff5ae4df3edbd5d35e5b4f09020db03eab1e031dda2fbe03d1792170a0f3009cee',
  ],
  [
    '192',
    '8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b',
    '1abc932417521ca24f2b0459fe7e6e0b090339ec0aa6faefd5ccc2c6f4ce8e941e36b26bd1ebc670d1bd1d665620abf74f78a7f6d29809585a97daec58c6b050',
  ],
  [
    '256',
    '603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4',
    '601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c52b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6',
  ],
];

describe('aesCtr', () => {
  it.each(CTR)('%s bits, in one call or block by block', (_bits, key, ciphertext) => {
    expect(toHex(nodeCrypto.aesCtr(hex(key), COUNTER).update(PLAIN))).toBe(ciphertext);
    const running = nodeCrypto.aesCtr(hex(key), COUNTER);
    let result = '';
    for (let i = 0; i < PLAIN.length; i += 16) result += toHex(running.update(PLAIN.subarray(i, i + 16)));
    expect(result).toBe(ciphertext);
    expect(toHex(nodeCrypto.aesCtr(hex(key), COUNTER).update(hex(ciphertext)))).toBe(toHex(PLAIN));
  });

  it('puts the same result where the caller wants it, and nowhere else', () => {
    const data = new Uint8Array(16_384).fill(1);
    const around = new Uint8Array(data.length + 8).fill(0x5a);
    const [first, second] = [nodeCrypto.aesCtr(new Uint8Array(16), COUNTER), nodeCrypto.aesCtr(new Uint8Array(16), COUNTER)];
    for (let i = 0; i < 3; i++) {
      first.updateInto(data, around.subarray(4, -4));
      expect(Buffer.compare(around.subarray(4, -4), second.update(data))).toBe(0);
    }
    expect([...around.subarray(0, 4), ...around.subarray(-4)]).toEqual(new Array(8).fill(0x5a));
    expect(data.every((byte) => byte === 1)).toBe(true);
  });

  it('the counter carries over all 128 bits', () => {
    const key = hex('2b7e151628aed2a6abf7158809cf4f3c');
    const over = toHex(nodeCrypto.aesCtr(key, new Uint8Array(16).fill(0xff)).update(new Uint8Array(32)));
    expect(over.slice(32)).toBe(toHex(nodeCrypto.aesCtr(key, new Uint8Array(16)).update(new Uint8Array(16))));
  });

  it('refuses other lengths of key and counter', () => {
    expect(() => nodeCrypto.aesCtr(new Uint8Array(17), COUNTER)).toThrow(RangeError);
    expect(() => nodeCrypto.aesCtr(new Uint8Array(16), new Uint8Array(12))).toThrow(RangeError);
  });
});

const GCM_PLAIN =
  'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39';
const NONCE = hex('cafebabefacedbaddecaf888');
const ASSOCIATED = hex('feedfacedeadbeeffeedfacedeadbeefabaddad2');
const GCM: readonly [bits: string, key: string, ciphertext: string, tag: string][] = [
  [
    '128',
    'feffe9928665731c6d6a8f9467308308',
    '42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091',
    '5bc94fbc3221a5db94fae95ae7121a47',
  ],
  [
    '256',
    'feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308',
    '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662',
    '76fc6ece0f4e1768cddf8853bb2d551b',
  ],
];

/** Seals into the middle of a larger array: what is around must stay as it is. */
function sealed(cipher: GcmCipher, nonce: Uint8Array, associated: Uint8Array, plaintext: Uint8Array) {
  const around = new Uint8Array(plaintext.length + 24).fill(0x5a);
  const target = around.subarray(4, -4);
  cipher.seal(nonce, associated, plaintext, target);
  expect([...around.subarray(0, 4), ...around.subarray(-4)]).toEqual(new Array(8).fill(0x5a));
  return { ciphertext: target.subarray(0, -16), tag: target.subarray(-16) };
}

describe('aesGcm', () => {
  it.each(GCM)('%s bits, test cases 4 and 16', (_bits, key, ciphertext, tag) => {
    const cipher = nodeCrypto.aesGcm(hex(key));
    const result = sealed(cipher, NONCE, ASSOCIATED, hex(GCM_PLAIN));
    expect(toHex(result.ciphertext)).toBe(ciphertext);
    expect(toHex(result.tag)).toBe(tag);
    expect(toHex(cipher.open(NONCE, ASSOCIATED, hex(ciphertext), hex(tag)))).toBe(GCM_PLAIN);
  });

  it('test case 1: nothing to encrypt', () => {
    const cipher = nodeCrypto.aesGcm(new Uint8Array(16));
    const { ciphertext, tag } = sealed(cipher, new Uint8Array(12), hex(''), hex(''));
    expect(ciphertext.length).toBe(0);
    expect(toHex(tag)).toBe('58e2fccefa7e3061367f1d57a4e7455a');
    expect(cipher.open(new Uint8Array(12), hex(''), hex(''), tag)?.length).toBe(0);
  });

  it('every flipped bit is refused, wherever it is', () => {
    const cipher = nodeCrypto.aesGcm(hex(GCM[0]?.[1] ?? ''));
    const { ciphertext, tag } = sealed(cipher, NONCE, ASSOCIATED, hex(GCM_PLAIN));
    const parts = [NONCE, ASSOCIATED, ciphertext, tag];
    for (const [which, part] of parts.entries()) {
      for (let bit = 0; bit < part.length * 8; bit++) {
        const bad = Uint8Array.from(part);
        bad[bit >> 3] = (bad[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        const [nonce, associated, body, mac] = parts.map((p, i) => (i === which ? bad : p)) as [
          Uint8Array,
          Uint8Array,
          Uint8Array,
          Uint8Array,
        ];
        expect(cipher.open(nonce, associated, body, mac)).toBeNull();
      }
    }
  });

  it('a shortened or lengthened tag is refused', () => {
    const cipher = nodeCrypto.aesGcm(hex(GCM[0]?.[1] ?? ''));
    const { ciphertext, tag } = sealed(cipher, NONCE, ASSOCIATED, hex(GCM_PLAIN));
    for (const length of [0, 4, 8, 12, 15])
      expect(cipher.open(NONCE, ASSOCIATED, ciphertext, tag.subarray(0, length))).toBeNull();
    expect(cipher.open(NONCE, ASSOCIATED, ciphertext, Uint8Array.from([...tag, 0]))).toBeNull();
  });

  it('round trip of any length', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 4000 }), fc.uint8Array({ minLength: 32, maxLength: 32 }), (plaintext, key) => {
        const cipher = nodeCrypto.aesGcm(key);
        const { ciphertext, tag } = sealed(cipher, NONCE, ASSOCIATED, plaintext);
        expect(toHex(cipher.open(NONCE, ASSOCIATED, ciphertext, tag))).toBe(toHex(plaintext));
      }),
      { numRuns: 50 },
    );
  });

  it('leaves the plaintext and the packet that was opened alone', () => {
    const cipher = nodeCrypto.aesGcm(new Uint8Array(16));
    const plaintext = new Uint8Array(32_768).fill(3);
    const { ciphertext, tag } = sealed(cipher, NONCE, ASSOCIATED, plaintext);
    expect(plaintext.every((byte) => byte === 3)).toBe(true);
    const before = Uint8Array.from(ciphertext);
    const opened = cipher.open(NONCE, ASSOCIATED, ciphertext, tag);
    expect(Buffer.compare(ciphertext, before)).toBe(0);
    // Somebody else's packet next, in memory that has been given back: what was opened stays.
    for (let i = 0; i < 8; i++) sealed(cipher, NONCE, ASSOCIATED, new Uint8Array(32_768).fill(9));
    expect(opened?.length).toBe(32_768);
    expect(opened?.every((byte) => byte === 3)).toBe(true);
  });

  it('refuses other key lengths', () => {
    for (const length of [0, 15, 31, 64]) expect(() => nodeCrypto.aesGcm(new Uint8Array(length))).toThrow(RangeError);
  });
});
