// The three NIST curves of RFC 5656 section 10.1: their names in SSH and in ASN.1, their sizes, and just enough arithmetic
// to tell whether a public point lies on its curve. Only public values come here, so BigInt and its timing are harmless.

import { toHex } from '../bytes/bytes.ts';
import type { CurveName } from '../crypto/provider.ts';
import type { KeyType } from './key-type.ts';

export interface Curve {
  readonly name: CurveName;
  readonly keyType: Exclude<KeyType, 'ssh-ed25519' | 'ssh-rsa'>;
  /** The namedCurve of RFC 5480 section 2.1.1.1. */
  readonly oid: string;
  readonly bits: number;
  /** Length of a coordinate, and of a scalar: the order of each of these curves is as long as its field. */
  readonly fieldBytes: number;
  readonly prime: bigint;
  /** The b of y^2 = x^3 - 3x + b (FIPS 186-4, appendix D.1.2). */
  readonly b: bigint;
}

const byName: Readonly<Record<CurveName, Curve>> = {
  nistp256: {
    name: 'nistp256',
    keyType: 'ecdsa-sha2-nistp256',
    oid: '1.2.840.10045.3.1.7',
    bits: 256,
    fieldBytes: 32,
    prime: 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n,
    b: 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn,
  },
  nistp384: {
    name: 'nistp384',
    keyType: 'ecdsa-sha2-nistp384',
    oid: '1.3.132.0.34',
    bits: 384,
    fieldBytes: 48,
    prime: 2n ** 384n - 2n ** 128n - 2n ** 96n + 2n ** 32n - 1n,
    b: 0xb3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aefn,
  },
  nistp521: {
    name: 'nistp521',
    keyType: 'ecdsa-sha2-nistp521',
    oid: '1.3.132.0.35',
    bits: 521,
    fieldBytes: 66,
    prime: 2n ** 521n - 1n,
    // The 66 bytes split in two halves, for the line length alone.
    b:
      (0x0051953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109n << 264n) |
      0xe156193951ec7e937b1652c0bd3bb1bf073573df883d2c34f1ef451fd46b503f00n,
  },
};

export const curves: readonly Curve[] = Object.values(byName);

export function curveByName(name: CurveName): Curve {
  return byName[name];
}

export function curveByOid(oid: string): Curve | undefined {
  return curves.find((curve) => curve.oid === oid);
}

/** Why `point` is no valid public point of `curve`, or null where it is one. Only the uncompressed form 04 || x || y is. */
export function pointFault(curve: Curve, point: Uint8Array): string | null {
  // RFC 5656 section 3.1 allows point compression; OpenSSH neither writes nor reads it, and two encodings of one point
  // would give one key two fingerprints.
  if (point.length !== 1 + 2 * curve.fieldBytes || point[0] !== 4) {
    return `the point is not the ${1 + 2 * curve.fieldBytes} bytes of an uncompressed ${curve.name} point`;
  }
  const x = unsigned(point.subarray(1, 1 + curve.fieldBytes));
  const y = unsigned(point.subarray(1 + curve.fieldBytes));
  const { prime } = curve;
  // A point off the curve lies on another, weaker one (invalid-curve attack). The orders are prime, so on the curve is enough.
  if (x >= prime || y >= prime || (y * y - (x * x * x - 3n * x + curve.b)) % prime !== 0n) {
    return `the point is not on ${curve.name}`;
  }
  return null;
}

function unsigned(bytes: Uint8Array): bigint {
  return BigInt(`0x${toHex(bytes)}`);
}
