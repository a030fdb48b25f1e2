// Public keys in ASN.1: SubjectPublicKeyInfo (RFC 5280 section 4.1; `ssh-keygen -m PKCS8`, `openssl pkey -pubout`) with the
// algorithms of RFC 3279, RFC 5480 and RFC 8410, and PKCS#1's bare RSA key (RFC 8017 appendix A.1.1; `ssh-keygen -m PEM`).
// What comes out here is numbers; whether they make a key is for the public blob to check.

import type { PublicComponents } from '../../crypto/provider.ts';
import { DecodeError } from '../../wire/reader.ts';
import { curveByName } from '../curves.ts';
import { EC, ED25519, foreignAlgorithms, namedCurve, RSA } from './asn1-keys.ts';
import { DerReader, der } from './der.ts';

/** @throws DecodeError */
export function readSpki(bytes: Uint8Array): PublicComponents {
  const outer = new DerReader(bytes);
  const info = outer.sequence();
  outer.end();
  const algorithm = info.sequence();
  const oid = algorithm.oid();
  let components: PublicComponents;
  if (oid === RSA) {
    if (algorithm.remaining > 0) algorithm.null();
    components = readRsaPublic(info.bitString());
  } else if (oid === EC) {
    const { name } = namedCurve(algorithm);
    components = { kind: 'ecdsa', curve: name, point: info.bitString() };
  } else if (oid === ED25519) {
    components = { kind: 'ed25519', point: info.bitString() };
  } else {
    throw new DecodeError(`the key is for ${foreignAlgorithms.get(oid) ?? `the algorithm ${oid}, which is not supported`}`);
  }
  algorithm.end();
  info.end();
  return components;
}

/** PKCS#1. @throws DecodeError */
export function readRsaPublic(bytes: Uint8Array): PublicComponents {
  const outer = new DerReader(bytes);
  const numbers = outer.sequence();
  outer.end();
  const [n, e] = [numbers.integer(), numbers.integer()];
  numbers.end();
  return { kind: 'rsa', n, e };
}

/** The key as SubjectPublicKeyInfo. */
export function encodeSpki(components: PublicComponents): Uint8Array {
  switch (components.kind) {
    case 'ed25519':
      return der.sequence(der.sequence(der.oid(ED25519)), der.bitString(components.point));
    case 'ecdsa': {
      const algorithm = der.sequence(der.oid(EC), der.oid(curveByName(components.curve).oid));
      return der.sequence(algorithm, der.bitString(components.point));
    }
    case 'rsa':
      return der.sequence(der.sequence(der.oid(RSA), der.null()), der.bitString(encodeRsaPublic(components)));
  }
}

/** The key as PKCS#1. */
export function encodeRsaPublic({ n, e }: Extract<PublicComponents, { kind: 'rsa' }>): Uint8Array {
  return der.sequence(der.integer(n), der.integer(e));
}
