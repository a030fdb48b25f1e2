// The ASN.1 private keys: PKCS#1 (RFC 8017 appendix A.1.2), SEC1 (RFC 5915) and PKCS#8 (RFC 5958), whose inside is one of
// the former or RFC 8410's. Unencrypted DER only: pem-encryption.ts and pbes2.ts take off what is around it.
// What is returned shares no memory with the input.

import type { PrivateComponents } from '../../crypto/provider.ts';
import { DecodeError } from '../../wire/reader.ts';
import { type Curve, curveByName, curveByOid } from '../curves.ts';
import { DerReader, der } from './der.ts';
import { type KeyNumbers, padScalar } from './key-file.ts';

export const RSA = '1.2.840.113549.1.1.1';
export const EC = '1.2.840.10045.2.1';
export const ED25519 = '1.3.101.112';

/** Algorithms that appear in PKCS#8 and SubjectPublicKeyInfo and that SSH has no use for, or not yet. */
export const foreignAlgorithms: ReadonlyMap<string, string> = new Map([
  ['1.2.840.113549.1.1.10', 'RSA-PSS, which SSH does not use'],
  ['1.2.840.10040.4.1', 'DSA, which is broken and not supported'],
  ['1.2.840.113549.1.3.1', 'Diffie-Hellman, which cannot sign'],
  ['1.3.101.110', 'X25519, which cannot sign'],
  ['1.3.101.111', 'X448, which cannot sign'],
  ['1.3.101.113', 'Ed448, which is not supported'],
]);

/** @throws DecodeError */
export function readPkcs1(bytes: Uint8Array): KeyNumbers {
  const outer = new DerReader(bytes);
  const numbers = readRsa(outer.sequence());
  outer.end();
  return numbers;
}

/** @throws DecodeError */
export function readSec1(bytes: Uint8Array): KeyNumbers {
  const outer = new DerReader(bytes);
  const numbers = readEc(outer.sequence(), null);
  outer.end();
  return numbers;
}

/** @throws DecodeError */
export function readPkcs8(bytes: Uint8Array): KeyNumbers {
  const outer = new DerReader(bytes);
  const info = outer.sequence();
  outer.end();
  const version = info.smallInteger();
  if (version > 1) throw new DecodeError(`version ${version} is not supported`);
  const algorithm = info.sequence();
  const oid = algorithm.oid();
  let numbers: KeyNumbers;
  if (oid === RSA) {
    // RFC 8017 appendix A.1 demands NULL; some writers leave it out.
    if (algorithm.remaining > 0) algorithm.null();
    numbers = inside(info, (reader) => readRsa(reader.sequence()));
  } else if (oid === EC) {
    const curve = namedCurve(algorithm);
    numbers = inside(info, (reader) => readEc(reader.sequence(), curve));
  } else if (oid === ED25519) {
    numbers = inside(info, (reader) => {
      const seed = reader.octetString();
      if (seed.length !== 32) throw new DecodeError(`an Ed25519 seed of ${seed.length} bytes, not 32`);
      return { kind: 'ed25519', seed: new Uint8Array(seed), point: null };
    });
  } else {
    throw new DecodeError(`the key is for ${foreignAlgorithms.get(oid) ?? `the algorithm ${oid}, which is not supported`}`);
  }
  algorithm.end();
  // RFC 5958: attributes [0] say nothing about the key; the public key [1] must be the right one where it is there.
  info.explicit(0);
  const publicBits = version === 1 ? info.implicit(1) : null;
  info.end();
  if (publicBits === null) return numbers;
  if (publicBits[0] !== 0) throw new DecodeError('a public key that is not whole bytes');
  if (numbers.kind === 'rsa') return numbers;
  if (numbers.point !== null) throw new DecodeError('the public key stands there twice');
  return { ...numbers, point: new Uint8Array(publicBits.subarray(1)) };
}

/** The content of the OCTET STRING that holds the key, to its end. */
function inside(info: DerReader, read: (reader: DerReader) => KeyNumbers): KeyNumbers {
  const reader = info.nested();
  const numbers = read(reader);
  reader.end();
  return numbers;
}

function readRsa(reader: DerReader): KeyNumbers {
  // Version 1 is RSA with more than two primes (RFC 8017 appendix A.1.2), which SSH has no form for.
  if (reader.smallInteger() !== 0) throw new DecodeError('an RSA key with more than two primes');
  const next = (): Uint8Array => new Uint8Array(reader.integer());
  const [n, e, d, p, q] = [next(), next(), next(), next(), next()];
  // d mod (p-1) and d mod (q-1): whoever needs them computes them, which is safer than to believe the file.
  reader.integer();
  reader.integer();
  const iqmp = next();
  reader.end();
  return { kind: 'rsa', n, e, d, p, q, iqmp };
}

/** @param outside The curve that the PKCS#8 wrapper names, where there is one. */
function readEc(reader: DerReader, outside: Curve | null): KeyNumbers {
  if (reader.smallInteger() !== 1) throw new DecodeError('an EC key of unknown version');
  const octets = reader.octetString();
  const parameters = reader.explicit(0);
  const named = parameters === null ? null : namedCurve(parameters);
  parameters?.end();
  const curve = outside ?? named;
  if (curve === null) throw new DecodeError('an EC key that does not name its curve');
  if (named !== null && named !== curve) throw new DecodeError('an EC key that names two curves');
  const tagged = reader.explicit(1);
  const point = tagged === null ? null : new Uint8Array(tagged.bitString());
  tagged?.end();
  reader.end();
  // RFC 5915 wants exactly the curve's length. PuTTY's export puts a zero in front where the first bit is set, as if it were an
  // mpint (seen in 0.78), which OpenSSL and OpenSSH read.
  const scalar = octets.length === curve.fieldBytes + 1 && octets[0] === 0 ? octets.subarray(1) : octets;
  return { kind: 'ecdsa', curve: curve.name, scalar: padScalar(scalar, curve.fieldBytes), point };
}

/** @throws DecodeError where it is no curve of SSH's */
export function namedCurve(reader: DerReader): Curve {
  // Explicit parameters would let the file choose its own generator (CVE-2020-0601).
  if (!reader.hasOid) throw new DecodeError('an EC key with explicit curve parameters, which are not supported');
  const oid = reader.oid();
  const curve = curveByOid(oid);
  if (curve === undefined) throw new DecodeError(`an EC key on the curve ${oid}; SSH has nistp256, nistp384 and nistp521`);
  return curve;
}

/** The key as PKCS#8 DER, version 0. It is secret: erase it after use. */
export function encodePkcs8(components: PrivateComponents): Uint8Array {
  const version = der.integer(Uint8Array.of(0));
  switch (components.kind) {
    case 'ed25519':
      return der.sequence(version, der.sequence(der.oid(ED25519)), der.octetString(der.octetString(components.seed)));
    case 'ecdsa': {
      const algorithm = der.sequence(der.oid(EC), der.oid(curveByName(components.curve).oid));
      return der.sequence(version, algorithm, der.octetString(encodeEc(components, null)));
    }
    case 'rsa':
      return der.sequence(version, der.sequence(der.oid(RSA), der.null()), der.octetString(encodePkcs1(components)));
  }
}

/** The key as PKCS#1 DER. It is secret: erase it after use. */
export function encodePkcs1({ n, e, d, p, q, iqmp }: Extract<PrivateComponents, { kind: 'rsa' }>): Uint8Array {
  const numbers = [n, e, d, p, q, remainder(d, p), remainder(d, q), iqmp];
  return der.sequence(der.integer(Uint8Array.of(0)), ...numbers.map((number) => der.integer(number)));
}

/** The key as SEC1 DER. It is secret: erase it after use. */
export function encodeSec1(components: EcComponents): Uint8Array {
  return encodeEc(components, der.explicit(0, der.oid(curveByName(components.curve).oid)));
}

type EcComponents = Extract<PrivateComponents, { kind: 'ecdsa' }>;

/** @param parameters The curve, where it does not stand outside already. */
function encodeEc({ scalar, point }: EcComponents, parameters: Uint8Array | null): Uint8Array {
  const fields = [der.integer(Uint8Array.of(1)), der.octetString(scalar)];
  if (parameters !== null) fields.push(parameters);
  return der.sequence(...fields, der.explicit(1, der.bitString(point)));
}

/** d mod (prime - 1), big-endian: the exponents that all formats with ASN.1 or JSON repeat. */
export function remainder(d: Uint8Array, prime: Uint8Array): Uint8Array {
  const value = unsigned(d) % (unsigned(prime) - 1n);
  const out = new Uint8Array(prime.length);
  let rest = value;
  for (let i = out.length - 1; i >= 0; i--, rest >>= 8n) out[i] = Number(rest & 0xffn);
  return out;
}

function unsigned(bytes: Uint8Array): bigint {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return value;
}
