/**
 * Signatures over node:crypto: Ed25519 (RFC 8032, RFC 8709), ECDSA on the NIST curves (RFC 5656) and RSA with PKCS#1 v1.5
 * padding (RFC 8332), all in raw form; the SSH framing around them is the business of `keys/`.
 *
 * Invariants: {@link verify} never throws, whatever it is given, and has one encoding per signature (exact lengths only).
 * {@link importPrivateKey} either returns a key whose halves belong together or throws a RangeError.
 */
import { constants, createECDH, createPrivateKey, createPublicKey, type KeyObject, sign, verify as verifyRaw } from 'node:crypto';
import type { HashName, PrivateComponents, PublicComponents, SigningKey } from '../provider.ts';
import { base64url, bitLength, fromBigInt, invalid, stripZeros, toBigInt } from './bytes.ts';
import { CURVES } from './curves.ts';

const RSA_MIN_BITS = 1024;
const RSA_MAX_BITS = 16384;
/** FIPS 186-5 section 5.1 bounds e by 2^256; beyond that verification only becomes slow. */
const RSA_MAX_EXPONENT_BITS = 256;

/**
 * The y coordinates (little-endian, sign bit cleared) of the points of order 1, 2, 4 and 8 on Curve25519, with those values
 * that exceed p and reduce to one of them. Such a key "signs" every message; OpenSSL accepts it, RFC 8032 leaves it open.
 */
const SMALL_ORDER: ReadonlySet<string> = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
]);

function isSmallOrder(point: Uint8Array): boolean {
  const y = Buffer.from(point);
  y[31] = (y[31] ?? 0) & 0x7f;
  return SMALL_ORDER.has(y.toString('hex'));
}

/** Whether n and e are within what OpenSSL handles in bounded time: odd, 1024 to 16384 bits, e at least 3. */
function isSoundRsa(n: Uint8Array, e: Uint8Array): boolean {
  const bits = bitLength(n);
  const exponentBits = bitLength(e);
  if (bits < RSA_MIN_BITS || bits > RSA_MAX_BITS || ((n.at(-1) ?? 0) & 1) === 0) return false;
  return exponentBits >= 2 && exponentBits <= RSA_MAX_EXPONENT_BITS && ((e.at(-1) ?? 0) & 1) === 1;
}

export function verify(key: PublicComponents, hash: HashName, data: Uint8Array, signature: Uint8Array): boolean {
  try {
    switch (key.kind) {
      case 'ed25519': {
        if (key.point.length !== 32 || signature.length !== 64 || isSmallOrder(key.point)) return false;
        // JWK costs a tenth of what DER does for this curve (6 against 74 microseconds with OpenSSL 3.0).
        const jwk = { kty: 'OKP', crv: 'Ed25519', x: base64url(key.point) };
        return verifyRaw(null, data, createPublicKey({ key: jwk, format: 'jwk' }), signature);
      }
      case 'ecdsa': {
        const { bytes, spkiPrefix } = CURVES[key.curve];
        const point = key.point;
        if (point.length !== 1 + 2 * bytes || point[0] !== 4 || signature.length !== 2 * bytes) return false;
        // DER here: Node multiplies the point of a JWK by the group's order, 0.4 to 0.7 ms on the two larger curves for
        // nothing, as their cofactor is 1. DER import checks that the point lies on the curve.
        const publicKey = createPublicKey({ key: Buffer.concat([spkiPrefix, point]), format: 'der', type: 'spki' });
        return verifyRaw(hash, data, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature);
      }
      case 'rsa': {
        const n = stripZeros(key.n);
        const e = stripZeros(key.e);
        // RFC 8017 section 8.2.2 step 1: a signature is exactly as long as the modulus.
        if (!isSoundRsa(n, e) || signature.length !== n.length) return false;
        const publicKey = createPublicKey({ key: { kty: 'RSA', n: base64url(n), e: base64url(e) }, format: 'jwk' });
        return verifyRaw(hash, data, { key: publicKey, padding: constants.RSA_PKCS1_PADDING }, signature);
      }
      default:
        return false;
    }
  } catch {
    return false;
  }
}

type Ed25519Components = Extract<PrivateComponents, { kind: 'ed25519' }>;
type EcdsaComponents = Extract<PrivateComponents, { kind: 'ecdsa' }>;
type RsaComponents = Extract<PrivateComponents, { kind: 'rsa' }>;

function importEd25519({ point, seed }: Ed25519Components): SigningKey {
  if (point.length !== 32 || seed.length !== 32) throw invalid('an Ed25519 key has a point and a seed of 32 bytes each');
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: base64url(point), d: base64url(seed) };
  const key = createPrivateKey({ key: jwk, format: 'jwk' });
  // Signing mixes the public key in, so a wrong one would give the private key away (two signatures, one nonce).
  if (createPublicKey(key).export({ format: 'jwk' }).x !== base64url(point))
    throw invalid('the Ed25519 point does not belong to the seed');
  return { sign: (data) => sign(null, data, key) };
}

function importEcdsa({ curve, point, scalar }: EcdsaComponents): SigningKey {
  const { opensslName, jwkName, bytes } = CURVES[curve];
  const stripped = stripZeros(scalar);
  if (point.length !== 1 + 2 * bytes || point[0] !== 4) throw invalid(`a ${curve} point is uncompressed, ${1 + 2 * bytes} bytes`);
  if (stripped.length === 0 || stripped.length > bytes) throw invalid(`the ${curve} private scalar is out of range`);
  const padded = Buffer.alloc(bytes);
  padded.set(stripped, bytes - stripped.length);
  try {
    const derived = createECDH(opensslName);
    derived.setPrivateKey(padded); // throws outside 1..n-1
    if (!derived.getPublicKey().equals(point)) throw invalid(`the ${curve} point does not belong to the private scalar`);
    const x = base64url(point.subarray(1, 1 + bytes));
    const y = base64url(point.subarray(1 + bytes));
    const key = createPrivateKey({ key: { kty: 'EC', crv: jwkName, x, y, d: base64url(padded) }, format: 'jwk' });
    return { sign: (data, hash) => sign(hash, data, { key, dsaEncoding: 'ieee-p1363' }) };
  } finally {
    padded.fill(0);
  }
}

function importRsa(components: RsaComponents): SigningKey {
  if (!isSoundRsa(stripZeros(components.n), stripZeros(components.e))) {
    throw invalid(`an RSA key has an odd modulus of ${RSA_MIN_BITS} to ${RSA_MAX_BITS} bits and an odd exponent from 3`);
  }
  // Bounds the arithmetic below, whatever a key file claims.
  const longest = stripZeros(components.n).length;
  if ([components.d, components.p, components.q, components.iqmp].some((part) => stripZeros(part).length > longest)) {
    throw invalid('the RSA key is inconsistent');
  }
  const n = toBigInt(components.n);
  const e = toBigInt(components.e);
  const d = toBigInt(components.d);
  const p = toBigInt(components.p);
  const q = toBigInt(components.q);
  const iqmp = toBigInt(components.iqmp);
  // OpenSSL takes any numbers and would sign with wrong ones, and a signature made with one wrong half reveals a factor.
  const consistent =
    p > 1n &&
    q > 1n &&
    p !== q &&
    p * q === n &&
    d > 0n &&
    d < n &&
    (d * e) % (p - 1n) === 1n &&
    (d * e) % (q - 1n) === 1n &&
    iqmp > 0n &&
    iqmp < p &&
    (iqmp * q) % p === 1n;
  if (!consistent) throw invalid('the RSA key is inconsistent');
  const field = (value: bigint): string => base64url(fromBigInt(value));
  const jwk = {
    kty: 'RSA',
    n: field(n),
    e: field(e),
    d: field(d),
    p: field(p),
    q: field(q),
    dp: field(d % (p - 1n)),
    dq: field(d % (q - 1n)),
    qi: field(iqmp),
  };
  const key: KeyObject = createPrivateKey({ key: jwk, format: 'jwk' });
  return { sign: (data, hash) => sign(hash, data, { key, padding: constants.RSA_PKCS1_PADDING }) };
}

export function importPrivateKey(components: PrivateComponents): SigningKey {
  try {
    switch (components.kind) {
      case 'ed25519':
        return importEd25519(components);
      case 'ecdsa':
        return importEcdsa(components);
      case 'rsa':
        return importRsa(components);
      default:
        throw invalid('unknown kind of private key');
    }
  } catch (error) {
    throw error instanceof RangeError && !('code' in error) ? error : invalid('the private key was refused', error);
  }
}
