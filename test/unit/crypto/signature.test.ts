/**
 * Signatures: vectors of RFC 8032 and RFC 6979, keys in and out, and forgeries of the kinds that have been found in other
 * implementations (in the manner of Wycheproof's eddsa, ecdsa and rsa_pkcs1 files). verify never throws.
 */
import { createECDH, createHash, createPrivateKey, generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nodeCrypto } from '../../../src/crypto/node/index.ts';
import type { CurveName, HashName, PrivateComponents, PublicComponents } from '../../../src/crypto/provider.ts';
import { ascii, bytesOf, hex, number, powMod, toHex } from './hex.ts';

const { verify, importPrivateKey } = nodeCrypto;

function url(text: string | undefined): Uint8Array {
  return Uint8Array.from(Buffer.from(text ?? '', 'base64url'));
}

// ---- Ed25519 ----

const ED25519: readonly [name: string, seed: string, point: string, message: string, signature: string][] = [
  [
    'TEST 1',
    '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    '',
    'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  ],
  [
    'TEST 2',
    '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
    '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    '72',
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  ],
];
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

describe('ed25519', () => {
  it.each(ED25519)('RFC 8032 %s', (_name, seed, point, message, signature) => {
    const key: PublicComponents = { kind: 'ed25519', point: hex(point) };
    expect(toHex(importPrivateKey({ kind: 'ed25519', point: hex(point), seed: hex(seed) }).sign(hex(message), 'sha512'))).toBe(
      signature,
    );
    expect(verify(key, 'sha512', hex(message), hex(signature))).toBe(true);
    expect(verify(key, 'sha512', hex(`${message}00`), hex(signature))).toBe(false);
  });

  const [, , point = '', message = '', signature = ''] = ED25519[1] ?? [];
  const key: PublicComponents = { kind: 'ed25519', point: hex(point) };
  const good = hex(signature);

  it('refuses every flipped bit of signature and key', () => {
    for (let bit = 0; bit < 512; bit++) {
      const bad = Uint8Array.from(good);
      bad[bit >> 3] = (bad[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(verify(key, 'sha512', hex(message), bad)).toBe(false);
    }
    for (let bit = 0; bit < 256; bit++) {
      const bad = hex(point);
      bad[bit >> 3] = (bad[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(verify({ kind: 'ed25519', point: bad }, 'sha512', hex(message), good)).toBe(false);
    }
  });

  it('refuses S + L (malleability, RFC 8032 section 5.1.7)', () => {
    const s = number(good.slice(32).reverse());
    const bad = Uint8Array.from(good);
    bad.set(bytesOf(s + ORDER, 32).reverse(), 32);
    expect(verify(key, 'sha512', hex(message), bad)).toBe(false);
  });

  it('refuses every wrong length (CVE-2020-9283)', () => {
    for (const length of [0, 1, 31, 33, 63, 64, 1000]) {
      expect(verify({ kind: 'ed25519', point: new Uint8Array(length) }, 'sha512', hex(message), good)).toBe(false);
    }
    for (const length of [0, 1, 63, 65, 128]) {
      const bad = new Uint8Array(length);
      bad.set(good.subarray(0, length));
      expect(verify(key, 'sha512', hex(message), bad)).toBe(false);
    }
  });

  it('refuses keys of small order, under which R = A = identity, S = 0 would sign everything', () => {
    const p = 2n ** 255n - 19n;
    const d = ((p - 121665n) * powMod(121666n, p - 2n, p)) % p;
    const eight = [
      '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
      'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
    ];
    for (const text of eight) {
      // Doubling a point of order 8 gives y = (y^2 + x^2) / (2 + x^2 - y^2) = 0, so x^2 = -y^2 on -x^2 + y^2 = 1 + d x^2 y^2.
      const y2 = powMod(number(hex(text).reverse()), 2n, p);
      expect((2n * y2 - 1n + d * y2 * y2) % p).toBe(0n);
    }
    const values = [0n, 1n, p - 1n, p, p + 1n].map((y) => toHex(bytesOf(y, 32).reverse()));
    for (const text of [...values, ...eight]) {
      for (const sign of [0, 0x80]) {
        const small = hex(text);
        small[31] = (small[31] ?? 0) | sign;
        for (const r of [small, bytesOf(1n, 32).reverse()]) {
          const forged = new Uint8Array(64);
          forged.set(r);
          for (let i = 0; i < 16; i++) {
            expect(verify({ kind: 'ed25519', point: small }, 'sha512', Uint8Array.of(i), forged)).toBe(false);
          }
        }
      }
    }
  });

  it('imports only halves that belong together', () => {
    const seed = hex(ED25519[1]?.[1] ?? '');
    expect(() => importPrivateKey({ kind: 'ed25519', point: hex(ED25519[0]?.[2] ?? ''), seed })).toThrow(RangeError);
    for (const length of [0, 31, 33, 64]) {
      expect(() => importPrivateKey({ kind: 'ed25519', point: hex(point), seed: new Uint8Array(length) })).toThrow(RangeError);
      expect(() => importPrivateKey({ kind: 'ed25519', point: new Uint8Array(length), seed })).toThrow(RangeError);
    }
  });
});

// ---- ECDSA ----

/** RFC 6979 appendix A.2.5 to A.2.7, message "sample". */
const ECDSA: readonly [CurveName, HashName, x: string, y: string, r: string, s: string][] = [
  [
    'nistp256',
    'sha256',
    '60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6',
    '7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299',
    'efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716',
    'f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8',
  ],
  [
    'nistp384',
    'sha384',
    'ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64def8f0ea9055866064a254515480bc13',
    '8015d9b72d7d57244ea8ef9ac0c621896708a59367f9dfb9f54ca84b3f1c9db1288b231c3ae0d4fe7344fd2533264720',
    '94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf96e36dd1e80fabe46',
    '99ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c71a38628ac8',
  ],
  [
    'nistp521',
    'sha512',
    '01894550d0785932e00eaa23b694f213f8c3121f86dc97a04e5a7167db4e5bcd371123d46e45db6b5d5370a7f20fb633155d38ffa16d2bd761dcac474b9a2f5023a4',
    '00493101c962cd4d2fddf782285e64584139c2f91b47f87ff82354d6630f746a28a0db25741b5b34a828008b22acc23f924faafbd4d33f81ea66956dfeaa2bfdfcf5',
    '00c328fafcbd79dd77850370c46325d987cb525569fb63c5d3bc53950e6d4c5f174e25a1ee9017b5d450606add152b534931d7d4e8455cc91f9b15bf05ec36e377fa',
    '00617cce7cf5064806c467f678d3b4080d6f1cc50af26ca209417308281b68af282623eaa63e5b5c0723d8b8c37ff0777b1a20f8ccb1dccc43997f1ee0e44da4a67a',
  ],
];
const ORDERS: Record<CurveName, bigint> = {
  nistp256: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  nistp384: 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
  nistp521: BigInt(`0x01${'f'.repeat(65)}a51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409`),
};

describe.each(ECDSA)('ecdsa %s', (curve, hash, x, y, r, s) => {
  const point = hex(`04${x}${y}`);
  const key: PublicComponents = { kind: 'ecdsa', curve, point };
  const bytes = r.length / 2;
  const message = ascii('sample');
  const n = ORDERS[curve];

  it('RFC 6979', () => {
    expect(verify(key, hash, message, hex(r + s))).toBe(true);
    expect(verify(key, hash, ascii('simple'), hex(r + s))).toBe(false);
    expect(verify(key, 'sha1', message, hex(r + s))).toBe(false);
  });

  it('refuses r and s outside 1..n-1 (CVE-2022-21449) and what is congruent to a good one', () => {
    const values = [0n, 1n, n - 1n, n, n + 1n, 2n ** BigInt(8 * bytes) - 1n];
    for (const one of values) {
      for (const two of values) {
        expect(verify(key, hash, message, Uint8Array.from([...bytesOf(one, bytes), ...bytesOf(two, bytes)]))).toBe(false);
      }
      const end = bytesOf(one, bytes);
      expect(verify(key, hash, message, Uint8Array.from([...hex(r), ...end]))).toBe(false);
      expect(verify(key, hash, message, Uint8Array.from([...end, ...hex(s)]))).toBe(false);
    }
    for (const part of [0, bytes]) {
      const congruent = number(hex(r + s).subarray(part, part + bytes)) + n;
      if (congruent >= 2n ** BigInt(8 * bytes)) continue;
      const bad = hex(r + s);
      bad.set(bytesOf(congruent, bytes), part);
      expect(verify(key, hash, message, bad)).toBe(false);
    }
  });

  it('refuses wrong lengths, DER, and points that are none', () => {
    const good = hex(r + s);
    for (const bad of [
      new Uint8Array(0),
      good.subarray(1),
      good.subarray(0, -1),
      Uint8Array.from([...good, 0]),
      Uint8Array.from([0, ...good]),
    ]) {
      expect(verify(key, hash, message, bad)).toBe(false);
    }
    const points = [
      new Uint8Array(0),
      Uint8Array.of(0),
      new Uint8Array(1 + 2 * bytes),
      Uint8Array.of(4, ...new Uint8Array(2 * bytes)),
      hex(`06${x}${y}`),
      hex(`07${x}${y}`),
      hex(`02${x}`),
      hex(`03${x}`),
      hex(`04${y}${x}`),
      point.subarray(1),
      point.subarray(0, -1),
      Uint8Array.from([...point, 0]),
    ];
    for (const bad of points) expect(verify({ kind: 'ecdsa', curve, point: bad }, hash, message, good)).toBe(false);
    for (const other of Object.keys(ORDERS) as CurveName[]) {
      if (other !== curve) expect(verify({ kind: 'ecdsa', curve: other, point }, hash, message, good)).toBe(false);
    }
  });

  it('signs; imports only a point that belongs to the scalar, 1..n-1, with or without leading zeros', () => {
    const pair = createECDH({ nistp256: 'prime256v1', nistp384: 'secp384r1', nistp521: 'secp521r1' }[curve]);
    const own = Uint8Array.from(pair.generateKeys());
    const scalar = bytesOf(number(pair.getPrivateKey()), bytes);
    for (const form of [
      scalar,
      bytesOf(number(scalar), bytes + 1),
      hex(
        number(scalar)
          .toString(16)
          .padStart(2 * bytes, '0')
          .replace(/^(00)+/, ''),
      ),
    ]) {
      const signature = importPrivateKey({ kind: 'ecdsa', curve, point: own, scalar: form }).sign(message, hash);
      expect(signature.length).toBe(2 * bytes);
      expect(verify({ kind: 'ecdsa', curve, point: own }, hash, message, signature)).toBe(true);
    }
    for (const bad of [0n, n, n + 1n, n - number(scalar), number(scalar) + 1n]) {
      expect(() => importPrivateKey({ kind: 'ecdsa', curve, point: own, scalar: bytesOf(bad, bytes) })).toThrow(RangeError);
    }
    expect(() => importPrivateKey({ kind: 'ecdsa', curve, point: own, scalar: new Uint8Array(0) })).toThrow(RangeError);
    expect(() => importPrivateKey({ kind: 'ecdsa', curve, point: own, scalar: new Uint8Array(200).fill(1) })).toThrow(RangeError);
    expect(() => importPrivateKey({ kind: 'ecdsa', curve, point, scalar })).toThrow(RangeError);
    expect(() => importPrivateKey({ kind: 'ecdsa', curve, point: own.subarray(1), scalar })).toThrow(RangeError);
  });
});

// ---- RSA ----

type RsaPrivate = Extract<PrivateComponents, { kind: 'rsa' }>;

function generateRsa(bits: number, exponent = 65537): RsaPrivate {
  // Exported by way of DER: see src/crypto/node/key-pair.ts on exporting what generateKeyPairSync made.
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: bits,
    publicExponent: exponent,
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'der' },
  });
  const jwk = createPrivateKey({ key: privateKey, type: 'pkcs8', format: 'der' }).export({ format: 'jwk' });
  return { kind: 'rsa', n: url(jwk.n), e: url(jwk.e), d: url(jwk.d), p: url(jwk.p), q: url(jwk.q), iqmp: url(jwk.qi) };
}

const SHA256_INFO = hex('3031300d060960864801650304020105000420');

describe('rsa', () => {
  const key = generateRsa(2048, 3);
  const size = 256;
  const message = ascii('message');
  const digest = Uint8Array.from(createHash('sha256').update(message).digest());
  /** The signature of any encoded message, as the holder of a forgery technique would have it. */
  const signRaw = (encoded: Uint8Array): Uint8Array => bytesOf(powMod(number(encoded), number(key.d), number(key.n)), size);
  const encoded = (info: Uint8Array, padding = size - 3 - info.length): Uint8Array => {
    const result = new Uint8Array(size);
    result.set([0, 1]);
    result.fill(0xff, 2, 2 + padding);
    result.set(info, 3 + padding);
    return result;
  };
  const info = Uint8Array.from([...SHA256_INFO, ...digest]);

  it.each(['sha1', 'sha256', 'sha512'] as HashName[])('signs and verifies with %s', (hash) => {
    const signature = importPrivateKey(key).sign(message, hash);
    expect(signature.length).toBe(size);
    expect(verify(key, hash, message, signature)).toBe(true);
    expect(verify(key, hash, ascii('massage'), signature)).toBe(false);
    for (const other of ['sha1', 'sha256', 'sha512'] as HashName[])
      expect(verify(key, other, message, signature)).toBe(other === hash);
  });

  it('RFC 8017 section 9.2 to the letter', () => {
    expect(toHex(importPrivateKey(key).sign(message, 'sha256'))).toBe(toHex(signRaw(encoded(info))));
    expect(verify(key, 'sha256', message, signRaw(encoded(info)))).toBe(true);
  });

  it('refuses padding that is anything else (Bleichenbacher 2006, BERserk, missing NULL)', () => {
    const variants: Record<string, Uint8Array> = {
      'short padding, the rest behind it': encoded(info, 8),
      'no padding': encoded(info, 0),
      'one byte short': encoded(Uint8Array.from([...info, 0])),
      'block type 2': encoded(info).fill(2, 1, 2),
      'block type 0': encoded(info).fill(0, 1, 2),
      'a byte of the padding': encoded(info).fill(0xfe, 20, 21),
      'no NULL': encoded(Uint8Array.from([...hex('302f300b0609608648016503040201 0420'), ...digest])),
      'bare digest': encoded(digest),
      'digest length in long form': encoded(Uint8Array.from([...hex('3032300d06096086480165030402010500048120'), ...digest])),
      'sequence length in long form': encoded(Uint8Array.from([0x30, 0x81, 0x31, ...info.subarray(2)])),
      'another algorithm': encoded(Uint8Array.from([...hex('3031300d060960864801650304020305000420'), ...digest])),
      'garbage as parameter': encoded(Uint8Array.from([...hex('3033300f06096086480165030402010502aaaa0420'), ...digest])),
    };
    for (const [name, variant] of Object.entries(variants)) {
      expect(verify(key, 'sha256', message, signRaw(variant)), name).toBe(false);
    }
  });

  it('refuses a signature that is not exactly as long as the modulus, or not below it', () => {
    let text = 0;
    let signature: Uint8Array;
    // One with a leading zero, so that the shortened form has the same value.
    do signature = importPrivateKey(key).sign(Uint8Array.of(++text, text >> 8), 'sha256');
    while (signature[0] !== 0 && text < 5000);
    const data = Uint8Array.of(text, text >> 8);
    expect(signature[0]).toBe(0);
    expect(verify(key, 'sha256', data, signature)).toBe(true);
    expect(verify(key, 'sha256', data, signature.subarray(1))).toBe(false);
    expect(verify(key, 'sha256', data, Uint8Array.from([0, ...signature]))).toBe(false);
    expect(verify(key, 'sha256', data, Uint8Array.from([...signature, 0]))).toBe(false);
    const plusModulus = number(signature) + number(key.n);
    if (plusModulus < 2n ** 2048n) expect(verify(key, 'sha256', data, bytesOf(plusModulus, size))).toBe(false);
    for (const bad of [
      new Uint8Array(0),
      Uint8Array.of(1),
      new Uint8Array(size),
      new Uint8Array(size).fill(1, size - 1),
      key.n,
    ]) {
      expect(verify(key, 'sha256', data, bad)).toBe(false);
    }
  }, 60_000);

  it('refuses exponents 0, 1 (where a signature is its own padding) and even ones', () => {
    const n = key.n;
    for (const e of [[], [0], [1], [0, 1], [2], [4], [1, 0, 0]]) {
      expect(verify({ kind: 'rsa', n, e: Uint8Array.from(e) }, 'sha256', message, encoded(info))).toBe(false);
    }
    expect(verify({ kind: 'rsa', n, e: new Uint8Array(33).fill(0xff) }, 'sha256', message, encoded(info))).toBe(false);
    const square = encoded(info);
    expect(
      verify(
        { kind: 'rsa', n: Uint8Array.from([...n.subarray(0, -1), (n.at(-1) ?? 1) & 0xfe]), e: key.e },
        'sha256',
        message,
        square,
      ),
    ).toBe(false);
  });

  it('takes 1024 bits, refuses less', () => {
    for (const [bits, good] of [
      [512, false],
      [1016, false],
      [1024, true],
    ] as const) {
      const { kind, n, e, d } = generateRsa(bits);
      const small: PublicComponents = { kind, n, e };
      const padded = new Uint8Array(bits / 8).fill(0xff, 2);
      padded.set([0, 1]);
      padded.set([0, ...info], padded.length - info.length - 1);
      const signature = bytesOf(powMod(number(padded), number(d), number(n)), bits / 8);
      expect(verify(small, 'sha256', message, signature)).toBe(good);
    }
  });

  it('refuses more than 16384 bits at once, and answers fast at the largest (CVE-2026-39829)', () => {
    const modulus = (bytes: number): Uint8Array => new Uint8Array(bytes).fill(0xff);
    const largest: PublicComponents = { kind: 'rsa', n: modulus(2048), e: hex('010001') };
    const start = performance.now();
    expect(verify(largest, 'sha256', message, new Uint8Array(2048).fill(0x55))).toBe(false);
    const widest: PublicComponents = { kind: 'rsa', n: modulus(2048), e: new Uint8Array(32).fill(0xff) };
    expect(verify(widest, 'sha256', message, new Uint8Array(2048).fill(0x55))).toBe(false);
    for (const bytes of [2049, 4096, 100_000]) {
      expect(
        verify({ kind: 'rsa', n: modulus(bytes), e: new Uint8Array(bytes).fill(0xff) }, 'sha256', message, modulus(bytes)),
      ).toBe(false);
    }
    expect(performance.now() - start).toBeLessThan(500); // far below on an idle machine; 16384-bit exponents would take seconds
  });

  it('imports only consistent keys', () => {
    const other = generateRsa(2048, 3);
    const plusTwo = (value: Uint8Array): Uint8Array => bytesOf(number(value) + 2n, value.length);
    const wrong: Record<string, Partial<RsaPrivate>> = {
      'n of another key': { n: other.n },
      'another e': { e: hex('010001') },
      'e of 1': { e: Uint8Array.of(1) },
      'd off': { d: plusTwo(key.d) },
      'd of another key': { d: other.d },
      'd of zero': { d: Uint8Array.of(0) },
      'p off': { p: plusTwo(key.p) },
      'p and q of another key': { p: other.p, q: other.q },
      'p = 1, q = n': { p: Uint8Array.of(1), q: key.n },
      'p = n, q = 1': { p: key.n, q: Uint8Array.of(1) },
      'p of nothing': { p: new Uint8Array(0) },
      'p and q swapped under iqmp': { p: key.q, q: key.p },
      'iqmp off': { iqmp: plusTwo(key.iqmp) },
      'iqmp of nothing': { iqmp: new Uint8Array(0) },
      'an absurd d': { d: new Uint8Array(1_000_000).fill(0xff) },
      'an absurd n': { n: new Uint8Array(1_000_000).fill(0xff) },
    };
    for (const [name, part] of Object.entries(wrong)) {
      expect(() => importPrivateKey({ ...key, ...part }), name).toThrow(RangeError);
    }
    const padded = {
      ...key,
      n: Uint8Array.from([0, ...key.n]),
      p: Uint8Array.from([0, ...key.p]),
      d: Uint8Array.from([0, ...key.d]),
    };
    expect(verify(key, 'sha256', message, importPrivateKey(padded).sign(message, 'sha256'))).toBe(true);
  });
});

describe('verify', () => {
  it('never throws and is false for noise', () => {
    const noise = fc.uint8Array({ maxLength: 300 });
    const anyKey: fc.Arbitrary<PublicComponents> = fc.oneof(
      noise.map((point) => ({ kind: 'ed25519' as const, point })),
      fc.record({
        kind: fc.constant('ecdsa' as const),
        curve: fc.constantFrom<CurveName>('nistp256', 'nistp384', 'nistp521'),
        point: noise,
      }),
      fc.record({ kind: fc.constant('rsa' as const), n: noise, e: noise }),
    );
    fc.assert(
      fc.property(anyKey, noise, noise, (key, data, signature) => !verify(key, 'sha256', data, signature)),
      { numRuns: 1000 },
    );
    expect(verify({ kind: 'dsa' } as unknown as PublicComponents, 'sha256', Uint8Array.of(), Uint8Array.of())).toBe(false);
    expect(() => importPrivateKey({ kind: 'dsa' } as unknown as PrivateComponents)).toThrow(RangeError);
  });
});
