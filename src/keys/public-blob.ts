// The SSH encoding of a public key (RFC 4253 section 6.6, RFC 5656 section 3.1, RFC 8709 section 4) to its components and
// back. Decoding accepts exactly what encoding produces, so blob equality is key equality, and refuses values with which
// the mathematics gives no security, before anything is computed with them.

import { toHex } from '../bytes/bytes.ts';
import { bitLength } from '../bytes/mpint.ts';
import type { PublicComponents } from '../crypto/provider.ts';
import { KeyFormatError, printable } from '../errors.ts';
import { DecodeError, Reader } from '../wire/reader.ts';
import { Writer } from '../wire/writer.ts';
import { curves, pointFault } from './curves.ts';
import { describeUnsupportedType, isKeyType, isSecurityKeyType, type KeyType } from './key-type.ts';

/** OpenSSH's lower bound; what below 2048 bits is acceptable is a matter of policy, above this file. */
const RSA_MIN_BITS = 1024;
/** OpenSSL's upper bound. One verification with more would take longer than a handshake should. */
const RSA_MAX_BITS = 16_384;
/** The exponent is the cost of a verification (65537 has 17 bits): FIPS 186-5's bound, and OpenSSL's for large moduli. */
const maxExponentBits = (modulusBits: number): number => (modulusBits > 3072 ? 64 : 256);

export interface DecodedPublicKey {
  readonly type: KeyType;
  /** Views into the blob. */
  readonly components: PublicComponents;
  readonly bits: number;
  /** Length of the key's raw signatures in bytes. */
  readonly signatureBytes: number;
  /** What a FIDO key was made for, usually `ssh:` (OpenSSH PROTOCOL.u2f); null for other keys. */
  readonly application: string | null;
}

/** @throws KeyFormatError on anything but a valid key of a supported type. */
export function decodePublicBlob(blob: Uint8Array): DecodedPublicKey {
  try {
    const reader = new Reader(blob);
    const type = reader.name();
    if (!isKeyType(type)) throw new KeyFormatError(describeUnsupportedType(type));
    const decoded = decodeBody(type, reader);
    reader.end();
    return decoded;
  } catch (error) {
    if (error instanceof DecodeError) throw new KeyFormatError(`SSH public key: ${error.message}`, { cause: error });
    throw error;
  }
}

/** @throws KeyFormatError where the components would not be accepted by {@link decodePublicBlob}. */
export function encodePublicBlob(components: PublicComponents, application: string | null = null): Uint8Array {
  const writer = publicFields(components, application === null ? '' : 'sk-');
  if (application !== null) writer.string(application);
  const blob = new Uint8Array(writer.finish());
  decodePublicBlob(blob);
  return blob;
}

function publicFields(components: PublicComponents, prefix: '' | 'sk-'): Writer {
  const writer = new Writer();
  switch (components.kind) {
    case 'ed25519':
      writer.string(prefix === '' ? 'ssh-ed25519' : 'sk-ssh-ed25519@openssh.com').string(components.point);
      break;
    case 'ecdsa':
      writer.string(prefix === '' ? `ecdsa-sha2-${components.curve}` : `sk-ecdsa-sha2-${components.curve}@openssh.com`);
      writer.string(components.curve).string(components.point);
      break;
    case 'rsa':
      writer.string('ssh-rsa').mpint(components.e).mpint(components.n);
      break;
  }
  return writer;
}

/** The fields behind the type: all of a plain key, and part of a certificate. */
export function decodeBody(type: KeyType, reader: Reader): DecodedPublicKey {
  const decoded = decodeNumbers(type, reader);
  return isSecurityKeyType(type) ? { ...decoded, application: reader.text() } : decoded;
}

function decodeNumbers(type: KeyType, reader: Reader): DecodedPublicKey {
  if (type === 'ssh-ed25519' || type === 'sk-ssh-ed25519@openssh.com') {
    const point = reader.string();
    checkEdwardsPoint(point);
    return { type, components: { kind: 'ed25519', point }, bits: 256, signatureBytes: 64, application: null };
  }
  if (type === 'ssh-rsa') {
    const e = reader.mpint();
    const n = reader.mpint();
    checkRsaPublic(n, e);
    return { type, components: { kind: 'rsa', n, e }, bits: bitLength(n), signatureBytes: n.length, application: null };
  }
  const name = reader.name();
  const curve = curves.find((row) => row.name === name);
  // The curve is named twice; where both differ, one check would be made with the one and one with the other.
  if (curve === undefined || (curve.keyType !== type && !(type.startsWith('sk-') && curve.name === 'nistp256'))) {
    throw new KeyFormatError(`SSH public key: the type is ${type} but the curve is '${printable(name)}'`);
  }
  const point = reader.string();
  const fault = pointFault(curve, point);
  if (fault !== null) throw new KeyFormatError(`SSH public key: ${fault}`);
  return {
    type,
    components: { kind: 'ecdsa', curve: curve.name, point },
    bits: curve.bits,
    signatureBytes: 2 * curve.fieldBytes,
    application: null,
  };
}

function checkRsaPublic(n: Uint8Array, e: Uint8Array): void {
  const bits = bitLength(n);
  const refuse = (why: string): never => {
    throw new KeyFormatError(`SSH public key: RSA ${why}`);
  };
  if (bits < RSA_MIN_BITS || bits > RSA_MAX_BITS) {
    refuse(`modulus of ${bits} bits, outside ${RSA_MIN_BITS} to ${RSA_MAX_BITS}`);
  }
  if (((n.at(-1) ?? 0) & 1) === 0) refuse('modulus is even');
  // e = 1 makes every padded hash its own signature; an even e has no inverse.
  if (e.length === 0 || (e.length === 1 && e[0] === 1)) refuse('public exponent is less than 3');
  if (((e.at(-1) ?? 0) & 1) === 0) refuse('public exponent is even');
  if (bitLength(e) > maxExponentBits(bits)) refuse(`public exponent of ${bitLength(e)} bits, more than ${maxExponentBits(bits)}`);
}

/**
 * The y coordinates of the eight points of small order, little-endian, the two non-canonical ones included. With such a
 * point for a key one signature fits (nearly) every message, so a "proof of possession" would prove nothing.
 */
const smallOrder: readonly string[] = [
  `00${'00'.repeat(31)}`,
  `01${'00'.repeat(31)}`,
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  `ec${'ff'.repeat(30)}7f`,
  `ed${'ff'.repeat(30)}7f`,
  `ee${'ff'.repeat(30)}7f`,
];

function checkEdwardsPoint(point: Uint8Array): void {
  // Anything but 32 bytes has crashed verifiers (Go CVE-2020-9283).
  if (point.length !== 32) throw new KeyFormatError(`SSH public key: an Ed25519 key of ${point.length} bytes, not 32`);
  const y = new Uint8Array(point);
  y[31] = (y[31] ?? 0) & 0x7f;
  if (smallOrder.includes(toHex(y))) throw new KeyFormatError('SSH public key: the Ed25519 point has small order');
}
