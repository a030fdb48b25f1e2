/**
 * AES-CBC (NIST SP 800-38A F.2) and 3DES in CBC mode (NIST SP 800-20 and SP 800-67 by way of published vectors), in one call and
 * block by block, because in SSH the chain runs on from packet to packet.
 */
import { describe, expect, it } from 'vitest';
import { nodeCrypto } from '../../../src/crypto/node/index.ts';
import type { RunningCipher } from '../../../src/crypto/provider.ts';
import { ascii, hex, toHex } from './hex.ts';

const PLAIN =
  '6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710';
const AES_IV = '000102030405060708090a0b0c0d0e0f';
const AES: readonly [bits: string, key: string, ciphertext: string][] = [
  [
    '128',
    '2b7e151628aed2a6abf7158809cf4f3c',
    '7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b273bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7',
  ],
  [
    '192',
    '8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b',
    '4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a571b242012fb7ae07fa9baac3df102e008b0e27988598881d920a9e64f5615cd',
  ],
  [
    '256',
    '603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4',
    'f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b',
  ],
];

function inBlocks(cipher: RunningCipher, data: Uint8Array, block: number): string {
  let result = '';
  for (let i = 0; i < data.length; i += block) result += toHex(cipher.update(data.subarray(i, i + block)));
  return result;
}

describe('aesCbc', () => {
  it.each(AES)('%s bits, both ways', (_bits, key, ciphertext) => {
    const cipher = (direction: 'encrypt' | 'decrypt') => nodeCrypto.aesCbc(hex(key), hex(AES_IV), direction);
    expect(toHex(cipher('encrypt').update(hex(PLAIN)))).toBe(ciphertext);
    expect(toHex(cipher('decrypt').update(hex(ciphertext)))).toBe(PLAIN);
    expect(inBlocks(cipher('encrypt'), hex(PLAIN), 16)).toBe(ciphertext);
    expect(inBlocks(cipher('decrypt'), hex(ciphertext), 16)).toBe(PLAIN);
  });

  it('gives back what looks like padding', () => {
    const padded = new Uint8Array(32).fill(16);
    const sealed = nodeCrypto.aesCbc(new Uint8Array(16), hex(AES_IV), 'encrypt').update(padded);
    expect(sealed.length).toBe(32);
    expect(nodeCrypto.aesCbc(new Uint8Array(16), hex(AES_IV), 'decrypt').update(sealed)).toEqual(Buffer.from(padded));
  });

  it('refuses wrong lengths of key and IV', () => {
    expect(() => nodeCrypto.aesCbc(new Uint8Array(15), new Uint8Array(16), 'encrypt')).toThrow(RangeError);
    expect(() => nodeCrypto.aesCbc(new Uint8Array(16), new Uint8Array(8), 'encrypt')).toThrow(RangeError);
  });
});

describe('tripleDesCbc', () => {
  // The example of SP 800-67 in ECB mode, block by block: with an IV of zeros its first block is the same in CBC.
  it('is SP 800-67', () => {
    const key = hex('0123456789abcdef23456789abcdef01456789abcdef0123');
    const first = nodeCrypto.tripleDesCbc(key, new Uint8Array(8), 'encrypt').update(ascii('The qufc'));
    expect(toHex(first)).toBe('a826fd8ce53b855f');
    const chained = nodeCrypto.tripleDesCbc(key, hex('a826fd8ce53b855f'), 'encrypt');
    // XOR of the chain with the next block of the example gives the block that ECB would have seen.
    const next = ascii('k brown ').map((byte, index) => byte ^ (hex('a826fd8ce53b855f')[index] as number));
    expect(toHex(chained.update(next))).toBe('cce21c8112256fe6');
  });

  it('runs on from call to call, both ways', () => {
    const key = hex('0123456789abcdef23456789abcdef01456789abcdef0123');
    const iv = hex('0001020304050607');
    const data = hex(PLAIN);
    const sealed = toHex(nodeCrypto.tripleDesCbc(key, iv, 'encrypt').update(data));
    expect(inBlocks(nodeCrypto.tripleDesCbc(key, iv, 'encrypt'), data, 8)).toBe(sealed);
    expect(inBlocks(nodeCrypto.tripleDesCbc(key, iv, 'decrypt'), hex(sealed), 8)).toBe(PLAIN);
  });

  it('with one key three times is DES (FIPS 81)', () => {
    const key = hex('0123456789abcdef'.repeat(3));
    const cipher = nodeCrypto.tripleDesCbc(key, hex('1234567890abcdef'), 'encrypt');
    expect(toHex(cipher.update(ascii('Now is the time for all ')))).toBe('e5c7cdde872bf27c43e934008c389c0f683788499a7c05f6');
  });

  it('refuses wrong lengths of key and IV', () => {
    expect(() => nodeCrypto.tripleDesCbc(new Uint8Array(16), new Uint8Array(8), 'encrypt')).toThrow(RangeError);
    expect(() => nodeCrypto.tripleDesCbc(new Uint8Array(24), new Uint8Array(16), 'encrypt')).toThrow(RangeError);
  });
});
