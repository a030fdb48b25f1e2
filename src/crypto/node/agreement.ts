/**
 * Key agreement over node:crypto: X25519 (RFC 7748, RFC 8731), ECDH on the NIST curves (RFC 5656 section 4) and the fixed
 * Diffie-Hellman groups (RFC 3526, RFC 8268).
 *
 * Invariant: a peer's value is checked here before OpenSSL sees it, and every failure leaves as a RangeError. Private values
 * live in OpenSSL alone.
 */
import {
  createDiffieHellmanGroup,
  createECDH,
  createPublicKey,
  type DiffieHellmanGroup,
  diffieHellman,
  type ECDH,
  type KeyObject,
} from 'node:crypto';
import type { Agreement, AgreementName, CurveName, DhGroupName } from '../provider.ts';
import { base64url, invalid, stripZeros } from './bytes.ts';
import { CURVES } from './curves.ts';
import { generatePair } from './key-pair.ts';

const X25519_BYTES = 32;

class X25519Agreement implements Agreement {
  readonly publicKey: Uint8Array;
  readonly #privateKey: KeyObject;

  constructor() {
    const { publicKey, privateKey } = generatePair('x25519');
    this.publicKey = Uint8Array.from(publicKey.subarray(-X25519_BYTES)); // it ends the SubjectPublicKeyInfo (RFC 8410)
    this.#privateKey = privateKey;
  }

  derive(peerPublicKey: Uint8Array): Uint8Array {
    if (peerPublicKey.length !== X25519_BYTES)
      throw invalid(`an X25519 public key is 32 bytes long, not ${peerPublicKey.length}`);
    let secret: Uint8Array;
    try {
      // Through JWK: OpenSSL 3 takes 70 microseconds for a DER import, twice what the agreement itself costs.
      const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x: base64url(peerPublicKey) }, format: 'jwk' });
      secret = diffieHellman({ privateKey: this.#privateKey, publicKey });
    } catch (cause) {
      throw invalid('the X25519 public key has low order or is malformed', cause);
    }
    // RFC 8731 section 3: the all-zero secret MUST abort. OpenSSL refuses it too; other engines under node:crypto may not.
    let bits = 0;
    for (const byte of secret) bits |= byte;
    if (bits === 0) throw invalid('the X25519 public key has low order');
    return secret;
  }
}

class EcdhAgreement implements Agreement {
  readonly publicKey: Uint8Array;
  readonly #name: CurveName;
  readonly #ecdh: ECDH;

  constructor(name: CurveName) {
    this.#name = name;
    this.#ecdh = createECDH(CURVES[name].opensslName);
    this.publicKey = this.#ecdh.generateKeys();
  }

  derive(peerPublicKey: Uint8Array): Uint8Array {
    // Uncompressed points only (RFC 5656 section 3.1 makes compression optional, and nobody sends it): 04 || x || y. The
    // encoding of infinity is one byte, the compressed and hybrid ones start with 02, 03, 06 or 07.
    const length = 1 + 2 * CURVES[this.#name].bytes;
    if (peerPublicKey.length !== length || peerPublicKey[0] !== 4) {
      throw invalid(`a ${this.#name} public key is an uncompressed point of ${length} bytes`);
    }
    try {
      return this.#ecdh.computeSecret(peerPublicKey);
    } catch (cause) {
      throw invalid(`the ${this.#name} public key is not a point on the curve`, cause);
    }
  }
}

class DhAgreement implements Agreement {
  readonly publicKey: Uint8Array;
  readonly #group: DiffieHellmanGroup;

  constructor(name: DhGroupName) {
    // Never createDiffieHellman(prime): newer Node versions then test the prime for minutes of CPU per thousand handshakes.
    this.#group = createDiffieHellmanGroup(name);
    this.publicKey = this.#group.generateKeys();
  }

  derive(peerPublicKey: Uint8Array): Uint8Array {
    const value = stripZeros(peerPublicKey);
    if (!isInRange(value, this.#group.getPrime())) throw invalid('the Diffie-Hellman public value is not within 2..p-2');
    try {
      return this.#group.computeSecret(value);
    } catch (cause) {
      throw invalid('the Diffie-Hellman public value was refused', cause);
    }
  }
}

/**
 * 2 <= value <= p - 2 (RFC 8268 section 4, stricter by one than RFC 4253 section 8). Neither number has leading zeros, and p is
 * odd.
 */
export function isInRange(value: Uint8Array, prime: Uint8Array): boolean {
  if (value.length === 0 || (value.length === 1 && value[0] === 1)) return false;
  if (value.length !== prime.length) return value.length < prime.length;
  const last = prime.length - 1;
  for (let i = 0; i < last; i++) {
    const difference = (value[i] ?? 0) - (prime[i] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  // No borrow: where p ends in 01, what has all of its other bytes is p - 1 at least.
  return (value[last] ?? 0) <= (prime[last] ?? 0) - 2;
}

export function isDhGroup(name: AgreementName): name is DhGroupName {
  return name === 'modp2' || name === 'modp14' || name === 'modp16' || name === 'modp18';
}

export function newX25519Agreement(): Agreement {
  return new X25519Agreement();
}

export function newEcdhAgreement(name: CurveName): Agreement {
  return new EcdhAgreement(name);
}

export function newDhAgreement(name: DhGroupName): Agreement {
  return new DhAgreement(name);
}
