// JSON Web Keys (RFC 7517, RFC 7518 section 6, RFC 8037), read and written. Strict: numbers are base64url without padding and of
// the length that their curve has, and a key whose own words forbid to sign or verify with it (`use`, `key_ops`, `alg`) is refused.
// The comment is the key's `kid`. JSON is strings, which nobody can erase: of all formats this one leaves most in memory.

import { concat, fromBase64, toBase64 } from '../../bytes/bytes.ts';
import { stripLeadingZeros } from '../../bytes/mpint.ts';
import type { CurveName, PrivateComponents, PublicComponents } from '../../crypto/provider.ts';
import { printable } from '../../errors.ts';
import { DecodeError } from '../../wire/reader.ts';
import { curveByName } from '../curves.ts';
import { remainder } from './asn1-keys.ts';
import type { KeyMaterial } from './key-file.ts';

export interface PublicJwk {
  readonly components: PublicComponents;
  readonly comment: string;
}

type Members = Readonly<Record<string, unknown>>;

const curveNames: Readonly<Record<string, CurveName>> = { 'P-256': 'nistp256', 'P-384': 'nistp384', 'P-521': 'nistp521' };
const jwkCurves: Readonly<Record<CurveName, string>> = { nistp256: 'P-256', nistp384: 'P-384', nistp521: 'P-521' };

/** `alg` says what a key is for: these are signatures (RFC 7518 section 3.1, RFC 8037 section 3.1, RFC 9864). */
const algorithms: Readonly<Record<string, readonly string[]>> = {
  Ed25519: ['EdDSA', 'Ed25519'],
  'P-256': ['ES256'],
  'P-384': ['ES384'],
  'P-521': ['ES512'],
  RSA: ['RS256', 'RS512'],
};

/** Whether a text is JSON, so that no other format can be meant. */
export function looksLikeJwk(text: string): boolean {
  return text.trimStart().startsWith('{');
}

/** @throws DecodeError */
export function readPublicJwk(text: string): PublicJwk {
  const jwk = parse(text);
  // Whoever passes a secret where a public key is due has mixed up two files, and should hear of it.
  if ('d' in jwk) throw new DecodeError('a private key where a public key is expected');
  return { components: readPublic(jwk, 'verify'), comment: commentOf(jwk) };
}

/** The arrays are our own. @throws DecodeError */
export function readPrivateJwk(text: string): KeyMaterial {
  const jwk = parse(text);
  if (!('d' in jwk)) throw new DecodeError("a public key where a private key is expected: it has no 'd'");
  const components = readPublic(jwk, 'sign');
  const comment = commentOf(jwk);
  switch (components.kind) {
    case 'ed25519':
      return { numbers: { ...components, seed: bytes(jwk, 'd', 32) }, comment };
    case 'ecdsa':
      return { numbers: { ...components, scalar: bytes(jwk, 'd', curveByName(components.curve).fieldBytes) }, comment };
    case 'rsa': {
      // RFC 7518 section 6.3.2.7; SSH has no form for it.
      if ('oth' in jwk) throw new DecodeError('an RSA key with more than two primes');
      if (!('p' in jwk)) throw new DecodeError('an RSA key without its primes, which is not supported');
      const [d, p, q, iqmp] = [number(jwk, 'd'), number(jwk, 'p'), number(jwk, 'q'), number(jwk, 'qi')];
      // Whoever needs these two computes them, which is safer than to believe the file.
      number(jwk, 'dp');
      number(jwk, 'dq');
      return { numbers: { ...components, d, p, q, iqmp }, comment };
    }
  }
}

/** The public key as JSON. */
export function encodePublicJwk(components: PublicComponents, comment: string): string {
  return stringify(publicMembers(components), comment);
}

/** The private key as JSON. It is a secret. */
export function encodePrivateJwk(components: PrivateComponents, comment: string): string {
  const members = publicMembers(components);
  switch (components.kind) {
    case 'ed25519':
      return stringify({ ...members, d: base64url(components.seed) }, comment);
    case 'ecdsa':
      return stringify({ ...members, d: base64url(components.scalar) }, comment);
    case 'rsa': {
      const { d, p, q, iqmp } = components;
      const [dp, dq] = [remainder(d, p), remainder(d, q)];
      const secret = Object.entries({ d, p, q, dp, dq, qi: iqmp });
      const text = secret.map(([name, value]) => [name, base64url(stripLeadingZeros(value))]);
      return stringify({ ...members, ...Object.fromEntries(text) }, comment);
    }
  }
}

function parse(text: string): Members {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Without the parser's message, which quotes the text.
    throw new DecodeError('it is not valid JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new DecodeError('it is not a JSON object');
  // Only what the text itself has: nothing that an object has from elsewhere.
  const jwk: Members = Object.assign(Object.create(null), value);
  if ('keys' in jwk) throw new DecodeError('a set of keys; give one key');
  if ('ciphertext' in jwk) throw new DecodeError('an encrypted key (JWE), which is not supported');
  return jwk;
}

function readPublic(jwk: Members, operation: 'sign' | 'verify'): PublicComponents {
  const kty = jwk['kty'];
  if (typeof kty !== 'string') throw new DecodeError("it has no 'kty'");
  if (kty !== 'OKP' && kty !== 'EC' && kty !== 'RSA')
    throw new DecodeError(`of type '${printable(kty)}', which SSH does not use`);
  const crv = kty === 'RSA' ? 'RSA' : jwk['crv'];
  if (typeof crv !== 'string') throw new DecodeError("it has no 'crv'");
  const curve = Object.hasOwn(curveNames, crv) ? curveNames[crv] : undefined;
  if (kty === 'OKP' ? crv !== 'Ed25519' : kty === 'EC' && curve === undefined) {
    throw new DecodeError(`on the curve '${printable(crv)}', which SSH does not use`);
  }
  checkPurpose(jwk, operation, algorithms[crv] ?? []);
  if (kty === 'RSA') return { kind: 'rsa', n: number(jwk, 'n'), e: number(jwk, 'e') };
  if (curve === undefined) return { kind: 'ed25519', point: bytes(jwk, 'x', 32) };
  const { fieldBytes } = curveByName(curve);
  return { kind: 'ecdsa', curve, point: concat(Uint8Array.of(4), bytes(jwk, 'x', fieldBytes), bytes(jwk, 'y', fieldBytes)) };
}

/** RFC 7517 sections 4.2 to 4.4: a key is for what it says it is for. */
function checkPurpose(jwk: Members, operation: 'sign' | 'verify', allowed: readonly string[]): void {
  const { use, key_ops: operations, alg } = jwk;
  if (use !== undefined && use !== 'sig') throw new DecodeError("it is not for signatures ('use')");
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes(operation))) {
    throw new DecodeError(`its 'key_ops' do not have '${operation}'`);
  }
  if (alg !== undefined && !(typeof alg === 'string' && allowed.includes(alg))) {
    // Not String(alg): an object from JSON may have a toString that is no function.
    const name = typeof alg === 'string' ? `'${printable(alg)}'` : 'that is no text';
    throw new DecodeError(`it is for an algorithm ${name}, which SSH does not use with such a key`);
  }
}

function commentOf(jwk: Members): string {
  const { kid } = jwk;
  if (kid !== undefined && typeof kid !== 'string') throw new DecodeError("its 'kid' is not a string");
  return kid ?? '';
}

/** A member of exactly `length` bytes. */
function bytes(jwk: Members, name: string, length: number): Uint8Array {
  const value = decoded(jwk, name);
  // RFC 7518 section 6.2.1.2: the full size of a coordinate, leading zeros included.
  if (value.length !== length) throw new DecodeError(`'${name}' has ${value.length} bytes, not ${length}`);
  return value;
}

/** A positive number without leading zeros (RFC 7518 section 2, Base64urlUInt). */
function number(jwk: Members, name: string): Uint8Array {
  const value = decoded(jwk, name);
  if (value.length === 0 || value[0] === 0) throw new DecodeError(`'${name}' is not a positive number in its shortest form`);
  return value;
}

function decoded(jwk: Members, name: string): Uint8Array {
  const value = jwk[name];
  if (value === undefined) throw new DecodeError(`it has no '${name}'`);
  const ours = typeof value === 'string' && /^[\w-]*$/.test(value);
  const result = ours ? fromBase64(value.replaceAll('-', '+').replaceAll('_', '/')) : null;
  if (result === null) throw new DecodeError(`'${name}' is not base64url`);
  return result;
}

function publicMembers(components: PublicComponents): Record<string, string> {
  switch (components.kind) {
    case 'ed25519':
      return { kty: 'OKP', crv: 'Ed25519', x: base64url(components.point) };
    case 'ecdsa': {
      const { curve, point } = components;
      const half = curveByName(curve).fieldBytes;
      const [x, y] = [point.subarray(1, 1 + half), point.subarray(1 + half)];
      return { kty: 'EC', crv: jwkCurves[curve], x: base64url(x), y: base64url(y) };
    }
    case 'rsa':
      return { kty: 'RSA', n: base64url(components.n), e: base64url(components.e) };
  }
}

function stringify(members: Record<string, string>, comment: string): string {
  return `${JSON.stringify({ ...members, ...(comment !== '' && { kid: comment }) }, null, 2)}\n`;
}

function base64url(value: Uint8Array): string {
  return toBase64(value).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}
