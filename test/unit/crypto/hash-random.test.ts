/**
 * Digests (FIPS 180-4, RFC 1321), HMAC (RFC 4231, RFC 2202), pooled randomness and the constant-time comparison.
 */
import { describe, expect, it } from 'vitest';
import { nodeCrypto } from '../../../src/crypto/node/index.ts';
import type { HashName } from '../../../src/crypto/provider.ts';
import { ascii, hex, toHex } from './hex.ts';

const ABC: Record<HashName, string> = {
  md5: '900150983cd24fb0d6963f7d28e17f72',
  sha1: 'a9993e364706816aba3e25717850c26c9cd0d89d',
  sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  sha384: 'cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7',
  sha512:
    'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
};

/** HMAC of "Hi There" under twenty (md5: sixteen) bytes 0b. */
const HI_THERE: Record<HashName, string> = {
  md5: '9294727a3638bb1c13f48ef8158bfc9d',
  sha1: 'b617318655057264e28bc0b6fb378c8ef146be00',
  sha256: 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7',
  sha384: 'afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6',
  sha512:
    '87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854',
};

const NAMES = Object.keys(ABC) as HashName[];

describe('hash', () => {
  it.each(NAMES)('%s of abc, in one part or three', (name) => {
    expect(toHex(nodeCrypto.hash(name, ascii('abc')))).toBe(ABC[name]);
    expect(toHex(nodeCrypto.hash(name, ascii('a'), ascii(''), ascii('bc')))).toBe(ABC[name]);
  });

  it('of nothing', () => {
    expect(toHex(nodeCrypto.hash('sha256'))).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  });
});

describe('hmac', () => {
  it.each(NAMES)('%s, RFC 4231 / RFC 2202 case 1, again and again', (name) => {
    const mac = nodeCrypto.hmac(name, new Uint8Array(name === 'md5' ? 16 : 20).fill(0x0b));
    expect(mac.bytes * 2).toBe(HI_THERE[name].length);
    for (let i = 0; i < 3; i++) {
      expect(toHex(mac.compute(ascii('Hi '), ascii('There')))).toBe(HI_THERE[name]);
      expect(toHex(mac.compute(ascii('H'), ascii('i '), ascii('There')))).toBe(HI_THERE[name]);
    }
  });

  it('RFC 4231 case 2 and case 6 (a key longer than the block)', () => {
    const jefe = nodeCrypto.hmac('sha256', ascii('Jefe'));
    expect(toHex(jefe.compute(ascii('what do ya want '), ascii('for nothing?')))).toBe(
      '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    );
    const long = nodeCrypto.hmac('sha256', new Uint8Array(131).fill(0xaa));
    expect(toHex(long.compute(ascii('Test Using Larger Than Block-Size Key - Hash Key First'), ascii('')))).toBe(
      '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
    );
  });

  it('keeps its own copy of the key', () => {
    const key = ascii('Jefe');
    const mac = nodeCrypto.hmac('sha256', key);
    const before = toHex(mac.compute(key, key));
    const text = ascii('Jefe');
    key.fill(0);
    expect(toHex(mac.compute(text, text))).toBe(before);
  });
});

describe('randomFill', () => {
  it('gives 10,000 different cookies, none of them a used part of the pool', () => {
    const seen = new Set<string>();
    for (let i = 0; i < 10_000; i++) {
      const cookie = new Uint8Array(16);
      nodeCrypto.randomFill(cookie);
      seen.add(toHex(cookie));
    }
    expect(seen.size).toBe(10_000);
    expect(seen.has('00'.repeat(16))).toBe(false);
  });

  it.each([0, 1, 255, 256, 257, 4095, 4096, 4097, 70_000])('fills exactly the %i bytes it was given', (length) => {
    const memory = new Uint8Array(length + 32);
    nodeCrypto.randomFill(memory.subarray(16, 16 + length));
    expect(toHex(memory.subarray(0, 16)) + toHex(memory.subarray(16 + length))).toBe('00'.repeat(32));
    // A zero byte has a chance of 1/256: an unfilled stretch of 16 would show.
    expect(toHex(memory.subarray(16, 16 + length))).not.toMatch(/(00){16}/);
  });

  it('has no bias that a rough count would show', () => {
    const counts = new Uint32Array(256);
    const bytes = new Uint8Array(100);
    for (let i = 0; i < 2000; i++) {
      nodeCrypto.randomFill(bytes);
      for (const byte of bytes) counts[byte] = (counts[byte] ?? 0) + 1;
    }
    // 781 expected, standard deviation 28.
    expect(Math.min(...counts)).toBeGreaterThan(781 - 8 * 28);
    expect(Math.max(...counts)).toBeLessThan(781 + 8 * 28);
  });
});

describe('timingSafeEqual', () => {
  it('compares, and is false for different lengths', () => {
    const { timingSafeEqual } = nodeCrypto;
    expect(timingSafeEqual(hex(''), hex(''))).toBe(true);
    expect(timingSafeEqual(hex('0102'), hex('0102'))).toBe(true);
    expect(timingSafeEqual(hex('0102'), hex('0103'))).toBe(false);
    expect(timingSafeEqual(hex('0102'), hex('01'))).toBe(false);
    expect(timingSafeEqual(hex(''), hex('00'))).toBe(false);
  });
});
