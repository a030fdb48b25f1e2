/**
 * Key agreement against BigInt arithmetic that is itself checked with the vectors of RFC 7748 and RFC 5903, and every kind of
 * peer value that has to be refused (in the manner of Wycheproof's ecdh and x25519 files).
 */
import { createECDH, ECDH, getDiffieHellman } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { nodeCrypto } from '../../../src/crypto/node/index.ts';
import type { AgreementName, CurveName, DhGroupName } from '../../../src/crypto/provider.ts';
import { bytesOf, hex, number, powMod, toHex } from './hex.ts';

function mod(value: bigint, p: bigint): bigint {
  const rest = value % p;
  return rest < 0n ? rest + p : rest;
}

// ---- X25519 ----

const P25519 = (1n << 255n) - 19n;

function little(bytes: Uint8Array): bigint {
  return number(Uint8Array.from(bytes).reverse());
}

function toLittle(value: bigint): Uint8Array {
  return bytesOf(value, 32).reverse();
}

/** RFC 7748 section 5, the Montgomery ladder. */
function x25519(scalar: Uint8Array, point: Uint8Array): Uint8Array {
  const p = P25519;
  const k = (little(scalar) & ((1n << 254n) - 8n)) | (1n << 254n);
  const x1 = mod(little(point) & ((1n << 255n) - 1n), p);
  let [x2, z2, x3, z3] = [1n, 0n, x1, 1n];
  let swapped = 0n;
  for (let t = 254n; t >= 0n; t--) {
    const bit = (k >> t) & 1n;
    if (bit !== swapped) [x2, x3, z2, z3] = [x3, x2, z3, z2];
    swapped = bit;
    const a = x2 + z2;
    const b = x2 - z2;
    const aa = a * a;
    const bb = b * b;
    const e = aa - bb;
    const da = (x3 - z3) * a;
    const cb = (x3 + z3) * b;
    x3 = mod((da + cb) ** 2n, p);
    z3 = mod(x1 * mod((da - cb) ** 2n, p), p);
    x2 = mod(aa * bb, p);
    z2 = mod(e * (aa + 121665n * e), p);
  }
  if (swapped) [x2, z2] = [x3, z3];
  return toLittle(mod(x2 * powMod(mod(z2, p), p - 2n, p), p));
}

/** RFC 7748 section 6.1: Bob's keys. */
const BOB = hex('5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb');
const BOB_PUBLIC = hex('de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f');

describe('x25519', () => {
  it('the reference in this file meets RFC 7748', () => {
    const scalar = hex('a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4');
    const point = hex('e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c');
    expect(toHex(x25519(scalar, point))).toBe('c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552');
    expect(toHex(x25519(BOB, toLittle(9n)))).toBe(toHex(BOB_PUBLIC));
    const alice = hex('8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a');
    expect(toHex(x25519(BOB, alice))).toBe('4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742');
  });

  it('agrees with it', () => {
    for (let i = 0; i < 5; i++) {
      const ours = nodeCrypto.agreement('x25519');
      expect(ours.publicKey.length).toBe(32);
      expect(toHex(ours.derive(BOB_PUBLIC))).toBe(toHex(x25519(BOB, ours.publicKey)));
    }
  });

  it('masks the top bit and takes values from p on (RFC 7748 section 5: MUST)', () => {
    const ours = nodeCrypto.agreement('x25519');
    const masked = Uint8Array.from(BOB_PUBLIC);
    masked[31] = (masked[31] ?? 0) | 0x80;
    expect(toHex(ours.derive(masked))).toBe(toHex(ours.derive(BOB_PUBLIC)));
    // 9 is the base point, and p + 9 is 9 again: both give our own public key.
    expect(toHex(ours.derive(toLittle(P25519 + 9n)))).toBe(toHex(ours.derive(toLittle(9n))));
    expect(toHex(ours.derive(toLittle(9n)))).toBe(toHex(ours.publicKey));
  });

  const lowOrder: readonly [name: string, point: string][] = [
    ['0', toHex(toLittle(0n))],
    ['1', toHex(toLittle(1n))],
    ['p - 1', toHex(toLittle(P25519 - 1n))],
    ['p', toHex(toLittle(P25519))],
    ['p + 1', toHex(toLittle(P25519 + 1n))],
    ['order 8', 'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800'],
    ['the other of order 8', '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157'],
  ];

  it.each(lowOrder)('refuses the point of low order %s, with and without the top bit', (_name, point) => {
    const bytes = hex(point);
    expect(toHex(x25519(BOB, bytes))).toBe('00'.repeat(32));
    expect(() => nodeCrypto.agreement('x25519').derive(bytes)).toThrow(RangeError);
    bytes[31] = (bytes[31] ?? 0) | 0x80;
    expect(() => nodeCrypto.agreement('x25519').derive(bytes)).toThrow(RangeError);
  });

  it.each([0, 1, 31, 33, 64, 1216])('refuses %i bytes', (length) => {
    expect(() => nodeCrypto.agreement('x25519').derive(new Uint8Array(length).fill(9))).toThrow(RangeError);
  });
});

// ---- ECDH ----

type Affine = readonly [x: bigint, y: bigint] | null;

/** Addition on y^2 = x^3 - 3x + b by the school formulas; b never appears in them. */
function add(one: Affine, two: Affine, p: bigint): Affine {
  if (one === null) return two;
  if (two === null) return one;
  const [x1, y1] = one;
  const [x2, y2] = two;
  if (x1 === x2 && mod(y1 + y2, p) === 0n) return null;
  const [top, bottom] = x1 === x2 ? [3n * x1 * x1 - 3n, 2n * y1] : [y2 - y1, x2 - x1];
  const slope = mod(top * powMod(mod(bottom, p), p - 2n, p), p);
  const x3 = mod(slope * slope - x1 - x2, p);
  return [x3, mod(slope * (x1 - x3) - y1, p)];
}

function multiply(scalar: bigint, point: Affine, p: bigint): Affine {
  let sum: Affine = null;
  let power = point;
  for (let k = scalar; k > 0n; k >>= 1n) {
    if (k & 1n) sum = add(sum, power, p);
    power = add(power, power, p);
  }
  return sum;
}

const CURVES: Record<CurveName, { openssl: string; bytes: number; p: bigint }> = {
  nistp256: { openssl: 'prime256v1', bytes: 32, p: 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n },
  nistp384: { openssl: 'secp384r1', bytes: 48, p: 2n ** 384n - 2n ** 128n - 2n ** 96n + 2n ** 32n - 1n },
  nistp521: { openssl: 'secp521r1', bytes: 66, p: 2n ** 521n - 1n },
};
const CURVE_NAMES = Object.keys(CURVES) as CurveName[];

function pointOf(encoded: Uint8Array): readonly [bigint, bigint] {
  const half = (encoded.length - 1) / 2;
  return [number(encoded.subarray(1, 1 + half)), number(encoded.subarray(1 + half))];
}

function encode(x: bigint, y: bigint, bytes: number, first = 4): Uint8Array {
  return Uint8Array.from([first, ...bytesOf(x, bytes), ...bytesOf(y, bytes)]);
}

describe('ecdh', () => {
  it('the reference in this file meets RFC 5903 section 8.1', () => {
    const i = 0xc88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433n;
    const r: Affine = [
      0xd12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf63n,
      0x56fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872abn,
    ];
    expect(multiply(i, r, CURVES.nistp256.p)?.[0]).toBe(0xd6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442den);
  });

  it.each(CURVE_NAMES)('%s agrees with it', (name) => {
    const { openssl, bytes, p } = CURVES[name];
    const theirs = createECDH(openssl);
    const theirPublic = Uint8Array.from(theirs.generateKeys());
    const ours = nodeCrypto.agreement(name);
    expect(ours.publicKey.length).toBe(1 + 2 * bytes);
    expect(ours.publicKey[0]).toBe(4);
    const shared = multiply(number(theirs.getPrivateKey()), pointOf(ours.publicKey), p);
    expect(toHex(ours.derive(theirPublic))).toBe(toHex(bytesOf(shared?.[0] ?? -1n, bytes)));
  });

  it.each(CURVE_NAMES)('%s refuses what is not an uncompressed point of the curve', (name) => {
    const { openssl, bytes, p } = CURVES[name];
    const peer = createECDH(openssl);
    const good = Uint8Array.from(peer.generateKeys());
    const [x, y] = pointOf(good);
    const other = createECDH(CURVES[name === 'nistp256' ? 'nistp384' : 'nistp256'].openssl).generateKeys();
    const k1 = createECDH('secp256k1').generateKeys();
    const invalid: Record<string, Uint8Array> = {
      nothing: new Uint8Array(0),
      infinity: Uint8Array.of(0),
      'infinity, padded': new Uint8Array(1 + 2 * bytes),
      compressed: Uint8Array.from(ECDH.convertKey(good, openssl, undefined, undefined, 'compressed') as Buffer),
      hybrid: Uint8Array.from(ECDH.convertKey(good, openssl, undefined, undefined, 'hybrid') as Buffer),
      'hybrid of the wrong sign': encode(x, y, bytes, 6 + Number(1n - (y & 1n))),
      'no first byte': good.subarray(1),
      'first byte 5': encode(x, y, bytes, 5),
      'x and y of zero': encode(0n, 0n, bytes),
      'x of zero': encode(0n, y, bytes),
      'y off by one': encode(x, (y + 1n) % p, bytes),
      'x off by one': encode((x + 1n) % p, y, bytes),
      'x and y swapped': encode(y, x, bytes),
      'x = p': encode(p, y, bytes),
      'y = p': encode(x, p, bytes),
      'all ff': new Uint8Array(1 + 2 * bytes).fill(0xff, 1).fill(4, 0, 1),
      'one byte short': good.subarray(0, -1),
      'one byte long': Uint8Array.from([...good, 0]),
      'another curve': Uint8Array.from(other),
      secp256k1: Uint8Array.from(k1),
    };
    if (p + x < 2n ** BigInt(8 * bytes)) invalid['x + p'] = encode(x + p, y, bytes);
    for (const [reason, point] of Object.entries(invalid)) {
      expect(() => nodeCrypto.agreement(name).derive(point), reason).toThrow(RangeError);
    }
    expect(nodeCrypto.agreement(name).derive(encode(x, p - y, bytes)).length).toBe(bytes); // the mirrored point is fine
  });
});

// ---- Diffie-Hellman ----

describe.each(['modp2', 'modp14', 'modp16', 'modp18'] as DhGroupName[])('%s', (name) => {
  const prime = number(getDiffieHellman(name).getPrime());
  /** Our own check, not OpenSSL's, which would answer only later and elsewhere maybe never. */
  const outside = expect.objectContaining({ name: 'RangeError', message: expect.stringContaining('2..p-2') });
  const length = { modp2: 128, modp14: 256, modp16: 512, modp18: 1024 }[name];

  it('has the size of its group and agrees with plain arithmetic', () => {
    expect(prime.toString(2).length).toBe(8 * length);
    const ours = nodeCrypto.agreement(name);
    const value = number(ours.publicKey);
    expect(value > 1n && value < prime - 1n).toBe(true);
    const x = 0x1234567890abcdef1234567890abcdefn;
    const theirs = powMod(2n, x, prime);
    const expected = powMod(value, x, prime);
    const secret = ours.derive(bytesOf(theirs, length));
    expect(number(secret) === expected).toBe(true);
    expect(secret.length).toBe(length);
    // Leading zeros, as an mpint may have one, change nothing.
    expect(number(ours.derive(bytesOf(theirs, length + 1))) === expected).toBe(true);
  });

  it('takes 2, refuses everything outside 2 to p - 2 (RFC 8268 section 4)', () => {
    const ours = nodeCrypto.agreement(name);
    expect(number(ours.derive(Uint8Array.of(2))) === number(ours.publicKey)).toBe(true);
    // In range, but not in the subgroup of order q that 2 generates: Node 22's OpenSSL refuses it, others don't. No honest peer
    // sends it.
    try {
      expect(ours.derive(bytesOf(prime - 2n, length)).length).toBe(length);
    } catch (error) {
      expect(error).toBeInstanceOf(RangeError);
      expect((error as Error).message).not.toContain('2..p-2');
    }
    const invalid = [0n, 1n, prime - 1n, prime, prime + 1n, prime + 2n, 2n * prime, 2n ** BigInt(8 * length) - 1n];
    for (const value of invalid) {
      expect(() => nodeCrypto.agreement(name).derive(bytesOf(value, length + 1))).toThrow(outside);
    }
    for (const value of [new Uint8Array(0), new Uint8Array(length), Uint8Array.of(1), new Uint8Array(30_000).fill(0x7f)]) {
      expect(() => nodeCrypto.agreement(name).derive(value)).toThrow(outside);
    }
  });
});

describe('agreements', () => {
  it.each(['x25519', ...CURVE_NAMES, 'modp14'] as AgreementName[])('%s: two ends meet, each key pair is a new one', (name) => {
    const one = nodeCrypto.agreement(name);
    const two = nodeCrypto.agreement(name);
    expect(toHex(one.publicKey)).not.toBe(toHex(two.publicKey));
    expect(toHex(one.derive(two.publicKey))).toBe(toHex(two.derive(one.publicKey)));
  });
});
