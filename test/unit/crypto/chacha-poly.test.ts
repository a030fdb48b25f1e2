/**
 * chacha20-poly1305@openssh.com: Poly1305 against RFC 8439 and BigInt arithmetic, the whole against a straightforward second
 * implementation, and every path (node's cipher, WebAssembly with and without SIMD) against the others. Also that nothing
 * secret stays in the module's memory.
 */

import { createCipheriv } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ChachaModule, newChachaModule } from '../../../src/crypto/node/chacha-module.ts';
import { newChachaPoly } from '../../../src/crypto/node/chacha-poly.ts';
import { nodeCrypto } from '../../../src/crypto/node/index.ts';
import type { ChachaPoly } from '../../../src/crypto/provider.ts';
import { ascii, hex, toHex } from './hex.ts';

const MODULES: Record<string, ChachaModule> = { simd: newChachaModule('simd'), scalar: newChachaModule('scalar') };

/** Poly1305 through the module's entry for chosen keys; `step` bytes per call (a multiple of 16). */
function poly1305(module: ChachaModule, key: Uint8Array, message: Uint8Array, step = 4096): string {
  module.memory.set(key, module.keys);
  module.exports.polyBegin();
  for (let i = 0; i < message.length; i += step) {
    const part = message.subarray(i, i + step);
    module.memory.set(part, module.data);
    module.exports.macUpdate(part.length);
  }
  module.exports.macEnd();
  return toHex(module.memory.subarray(module.tag, module.tag + 16));
}

function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x00${toHex(Uint8Array.from(bytes).reverse())}`);
}

/** RFC 8439 section 2.5.1 to the letter. */
function plainPoly1305(key: Uint8Array, message: Uint8Array): string {
  const p = (1n << 130n) - 5n;
  const r = littleEndian(key.subarray(0, 16)) & 0x0ffffffc0ffffffc0ffffffc0fffffffn;
  let sum = 0n;
  for (let i = 0; i < message.length; i += 16) {
    const block = message.subarray(i, i + 16);
    sum = ((sum + littleEndian(block) + (1n << BigInt(8 * block.length))) * r) % p;
  }
  const tag = (sum + littleEndian(key.subarray(16))) & ((1n << 128n) - 1n);
  return toHex(hex(tag.toString(16).padStart(32, '0')).reverse());
}

/** node's cipher under the name of the original ChaCha20: block counter, then nonce. */
function chacha(key: Uint8Array, sequence: number, block: number, input: Uint8Array): Uint8Array {
  const iv = Buffer.alloc(16);
  iv.writeUInt32LE(block, 0);
  iv.writeUInt32BE(sequence, 12);
  return createCipheriv('chacha20', key, iv).update(input);
}

/** PROTOCOL.chacha20poly1305 to the letter. */
function plainSeal(key: Uint8Array, sequence: number, packet: Uint8Array): string {
  const main = key.subarray(0, 32);
  const sealed = Buffer.concat([
    chacha(key.subarray(32), sequence, 0, packet.subarray(0, 4)),
    chacha(main, sequence, 1, packet.subarray(4)),
  ]);
  return toHex(sealed) + plainPoly1305(chacha(main, sequence, 0, new Uint8Array(32)), sealed);
}

const KEY = Uint8Array.from({ length: 64 }, (_, i) => (i * 37 + 11) & 255);

/** Each way in which a packet can be processed. */
function paths(key: Uint8Array): Record<string, ChachaPoly> {
  const { simd, scalar } = MODULES as { simd: ChachaModule; scalar: ChachaModule };
  return {
    default: nodeCrypto.chachaPoly(key),
    'node cipher, simd': newChachaPoly(key, { nodeCipherFrom: 0, module: simd }),
    'node cipher, scalar': newChachaPoly(key, { nodeCipherFrom: 0, module: scalar }),
    'all simd': newChachaPoly(key, { nodeCipherFrom: Number.POSITIVE_INFINITY, module: simd }),
    'all scalar': newChachaPoly(key, { nodeCipherFrom: Number.POSITIVE_INFINITY, module: scalar }),
  };
}

function sealed(cipher: ChachaPoly, sequence: number, packet: Uint8Array): Uint8Array {
  const target = new Uint8Array(packet.length + 16);
  cipher.seal(sequence, packet, target);
  return target;
}

function filled(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (Math.imul(i + seed, 0x9e3779b1) >>> 13) & 255);
}

const ff = 'ff'.repeat(16);
const zero = '00'.repeat(16);
const one = `01${'00'.repeat(15)}`;
const two = `02${'00'.repeat(15)}`;
/** RFC 8439 section 2.5.2 and appendix A.3; the later ones aim at carries and at the final reduction. */
const POLY: readonly [name: string, key: string, message: string, tag: string][] = [
  [
    '2.5.2',
    '85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b',
    toHex(ascii('Cryptographic Forum Research Group')),
    'a8061dc1305136c6c22b8baf0c0127a9',
  ],
  ['A.3 #1', zero + zero, '00'.repeat(64), zero],
  [
    'A.3 #4',
    '1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0',
    toHex(
      ascii(
        "'Twas brillig, and the slithy toves\nDid gyre and gimble in the wabe:\nAll mimsy were the borogoves,\nAnd the mome raths outgrabe.",
      ),
    ),
    '4541669a7eaaee61e708dc7cbcc5eb62',
  ],
  ['A.3 #7', two + zero, ff, `03${'00'.repeat(15)}`],
  ['A.3 #8', two + ff, two, `03${'00'.repeat(15)}`],
  ['A.3 #9', one + zero, `${ff}f0${'ff'.repeat(15)}11${'00'.repeat(15)}`, `05${'00'.repeat(15)}`],
  ['A.3 #10', one + zero, `${ff}fb${'fe'.repeat(15)}${'01'.repeat(16)}`, zero],
  ['A.3 #11', two + zero, `fd${'ff'.repeat(15)}`, `fa${'ff'.repeat(15)}`],
  [
    'A.3 #12',
    `01000000000000000400000000000000${zero}`,
    `e33594d7505e43b900000000000000003394d7505e4379cd01000000000000000000000000000000000000000000000001000000000000000000000000000000`,
    '14000000000000005500000000000000',
  ],
  [
    'A.3 #13',
    `01000000000000000400000000000000${zero}`,
    'e33594d7505e43b900000000000000003394d7505e4379cd010000000000000000000000000000000000000000000000',
    '13000000000000000000000000000000',
  ],
];

describe.each(Object.entries(MODULES))('poly1305, %s', (_name, module) => {
  it.each(POLY)('RFC 8439 %s', (_vector, key, message, tag) => {
    expect(plainPoly1305(hex(key), hex(message))).toBe(tag);
    for (const step of [16, 32, 48, 4096]) expect(poly1305(module, hex(key), hex(message), step)).toBe(tag);
  });

  it('limbs that are all ones or all zeros, every length', () => {
    for (const keyByte of [0, 1, 0x0f, 0xfc, 0xff]) {
      for (const byte of [0, 1, 0x7f, 0xfb, 0xfe, 0xff]) {
        for (let length = 0; length <= 100; length++) {
          const key = new Uint8Array(32).fill(keyByte);
          const message = new Uint8Array(length).fill(byte);
          expect(poly1305(module, key, message)).toBe(plainPoly1305(key, message));
        }
      }
    }
  });

  it('sums next to the modulus, before and after the final reduction', () => {
    // With r = 1 the sum is the sum of the blocks, so that it can be brought to p - 8 .. p + 8: 2^130 is four blocks' top bits.
    const key = hex(one + zero);
    for (let delta = -8n; delta <= 8n; delta++) {
      const value = (1n << 130n) - 5n + delta - 4n * (1n << 128n) + (delta < 5n ? 1n << 128n : 0n);
      const blocks = delta < 5n ? 3 : 4;
      const first = hex((value & ((1n << 128n) - 1n)).toString(16).padStart(32, '0')).reverse();
      const message = new Uint8Array(16 * blocks);
      message.set(first);
      expect(poly1305(module, key, message)).toBe(plainPoly1305(key, message));
    }
  });

  it('any key and message, however it is cut', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.uint8Array({ maxLength: 400 }),
        fc.integer({ min: 1, max: 8 }),
        (key, message, step) => {
          expect(poly1305(module, key, message, 16 * step)).toBe(plainPoly1305(key, message));
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('chacha20-poly1305@openssh.com', () => {
  const cases = Object.entries(paths(KEY));

  it('the key stream is RFC 8439 A.1 #1 and #2 for key and nonce zero', () => {
    const cipher = newChachaPoly(new Uint8Array(64), { nodeCipherFrom: Number.POSITIVE_INFINITY });
    const first = '76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7';
    const second =
      '9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f';
    const packet = sealed(cipher, 0, new Uint8Array(68));
    expect(toHex(packet.subarray(0, 4))).toBe(first.slice(0, 8));
    expect(toHex(packet.subarray(4, 68))).toBe(second);
    expect(toHex(packet.subarray(68))).toBe(plainPoly1305(hex(first), packet.subarray(0, 68)));
  });

  it.each(cases)('%s: equals the plain implementation at every size that matters', (_name, cipher) => {
    const sizes = [
      0, 1, 8, 15, 16, 17, 60, 63, 64, 65, 127, 128, 191, 192, 193, 255, 256, 257, 447, 448, 449, 1024, 4091, 4092, 4093,
    ];
    for (const size of [...sizes, 32_768, 40_915, 40_940, 40_941, 40_956, 40_957, 40_960, 41_000, 90_000]) {
      for (const sequence of size === 64 ? [0, 1, 255, 256, 0x7fffffff, 0x80000000, 0xffffffff] : [(size * 65537) >>> 0]) {
        const packet = filled(size + 4, size);
        const result = sealed(cipher, sequence, packet);
        expect(toHex(result) === plainSeal(KEY, sequence, packet), `${size} bytes`).toBe(true);
        expect(cipher.openLength(sequence, result.subarray(0, 4))).toBe(Buffer.from(packet).readUInt32BE(0));
        expect(Buffer.compare(cipher.open(sequence, result) ?? ascii('refused'), packet.subarray(4))).toBe(0);
      }
    }
  });

  it('round trip on all paths for random keys, sizes to 40,000 and sequence numbers', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 64, maxLength: 64 }),
        fc.oneof(fc.integer({ min: 0, max: 600 }), fc.integer({ min: 0, max: 40_000 })),
        fc.integer({ min: 0, max: 0xffffffff }),
        (key, size, sequence) => {
          const packet = filled(size + 4, sequence);
          const all = Object.values(paths(key));
          const results = all.map((cipher) => sealed(cipher, sequence, packet));
          for (const result of results) expect(Buffer.compare(result, results[0] ?? packet)).toBe(0);
          for (const cipher of all) {
            expect(Buffer.compare(cipher.open(sequence, results[0] ?? packet) ?? ascii('refused'), packet.subarray(4))).toBe(0);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it.each(cases)('%s: any flipped bit, another sequence number or a cut is refused', (_name, cipher) => {
    fc.assert(
      fc.property(fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 40_000 })), fc.nat(), (size, position) => {
        const result = sealed(cipher, 7, filled(size + 4, position));
        const bit = position % (result.length * 8);
        const bad = Uint8Array.from(result);
        bad[bit >> 3] = (bad[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(cipher.open(7, bad)).toBeNull();
        expect(cipher.open(8, result)).toBeNull();
        expect(cipher.open(7, result.subarray(0, -1))).toBeNull();
        expect(cipher.open(7, result.subarray(1))).toBeNull();
        expect(cipher.open(7, result)).not.toBeNull();
      }),
      { numRuns: 60 },
    );
    const short = sealed(cipher, 7, filled(40, 1));
    for (let bit = 0; bit < short.length * 8; bit++) {
      const bad = Uint8Array.from(short);
      bad[bit >> 3] = (bad[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(cipher.open(7, bad)).toBeNull();
    }
    for (let length = 0; length < 20; length++) expect(cipher.open(7, short.subarray(0, length))).toBeNull();
  });

  it.each(cases)('%s: the body belongs to the caller', (_name, cipher) => {
    for (const size of [100, 5000]) {
      const packet = filled(size + 4, 3);
      const result = sealed(cipher, 1, packet);
      const body = cipher.open(1, result);
      const again = cipher.open(1, result);
      again?.fill(0);
      result.fill(0);
      expect(toHex(body)).toBe(toHex(packet.subarray(4)));
    }
  });

  it('keeps its own copy of the key', () => {
    const key = Uint8Array.from(KEY);
    for (const cipher of Object.values(paths(key))) {
      const before = toHex(sealed(cipher, 1, filled(5000, 1)));
      const kept = Uint8Array.from(key);
      key.fill(0);
      expect(toHex(sealed(cipher, 1, filled(5000, 1))) === before).toBe(true);
      key.set(kept);
    }
  });

  it('refuses wrong key lengths and short packets', () => {
    for (const length of [0, 32, 63, 65]) expect(() => nodeCrypto.chachaPoly(new Uint8Array(length))).toThrow(RangeError);
    const cipher = nodeCrypto.chachaPoly(KEY);
    expect(() => cipher.seal(0, new Uint8Array(3), new Uint8Array(19))).toThrow(RangeError);
  });

  it.each(['simd', 'scalar'] as const)('%s: no key, key stream or plaintext stays in the memory of the module', (kind) => {
    const module = newChachaModule(kind);
    // Secrets lie between address 0 and `data`, but for the tag, which goes out on the wire.
    const leftovers = (): string => {
      const copy = Uint8Array.from(module.memory);
      copy.fill(0, module.tag, module.tag + 16);
      return toHex(copy.subarray(0, module.data)).replaceAll('00', '');
    };
    const pristine = leftovers();
    expect(pristine).toBe('');
    for (const nodeCipherFrom of [0, Number.POSITIVE_INFINITY]) {
      const cipher = newChachaPoly(KEY, { nodeCipherFrom, module });
      for (const size of [0, 40, 300, 5000, 90_000]) {
        const packet = new Uint8Array(size + 4).fill(0x5a);
        const result = sealed(cipher, 1, packet);
        expect(leftovers()).toBe('');
        expect(cipher.open(1, result)).not.toBeNull();
        expect(leftovers()).toBe('');
        expect(toHex(module.memory)).not.toContain('5a'.repeat(8));
        result[6] = (result[6] ?? 0) ^ 1;
        expect(cipher.open(1, result)).toBeNull();
        expect(leftovers()).toBe('');
        expect(toHex(module.memory)).not.toContain('5a'.repeat(8));
        cipher.openLength(1, result);
        expect(leftovers()).toBe('');
      }
    }
  });
});
