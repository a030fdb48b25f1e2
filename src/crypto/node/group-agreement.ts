/**
 * Diffie-Hellman in a group that comes from outside (RFC 4419), over node:crypto.
 *
 * Invariants: createDiffieHellman(prime) is never called, because newer Node versions then test the prime, for seconds at 8192
 * bits. And the private exponent is ours: OpenSSL would take one as long as the prime, which costs 200 ms at 8192 bits where
 * 512 bits, twice the strength of anything that SSH encrypts with, cost 10 (RFC 4419 section 6.2 asks for no more).
 */
import { createPrivateKey, createPublicKey, diffieHellman, type KeyObject } from 'node:crypto';
import type { Agreement } from '../provider.ts';
import { isInRange } from './agreement.ts';
import { invalid, stripZeros } from './bytes.ts';
import { randomFill } from './random.ts';

const EXPONENT_BYTES = 64;

class GroupAgreement implements Agreement {
  readonly publicKey: Uint8Array;
  readonly #prime: Uint8Array;
  /** AlgorithmIdentifier: dhKeyAgreement with p and g (PKCS #3). */
  readonly #algorithm: Buffer;
  readonly #privateKey: KeyObject;

  constructor(prime: Uint8Array, generator: Uint8Array) {
    this.#prime = stripZeros(prime);
    const g = stripZeros(generator);
    if (((this.#prime.at(-1) ?? 0) & 1) === 0) throw invalid('the Diffie-Hellman prime is even');
    if (!isInRange(g, this.#prime)) throw invalid('the Diffie-Hellman generator is not within 2..p-2');
    this.#algorithm = sequence(DH_KEY_AGREEMENT, sequence(integer(this.#prime), integer(g)));
    const exponent = new Uint8Array(Math.min(EXPONENT_BYTES, this.#prime.length - 1));
    randomFill(exponent);
    // Neither 0 nor 1, and of full length.
    exponent[0] = (exponent[0] as number) | 0x80;
    const encoded = integer(exponent);
    const wrapped = tagged(0x04, encoded);
    const pkcs8 = sequence(integer(Uint8Array.of(0)), this.#algorithm, wrapped);
    try {
      this.#privateKey = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
      this.publicKey = publicValue(createPublicKey(this.#privateKey).export({ format: 'der', type: 'spki' }), this.#prime.length);
    } catch (cause) {
      throw invalid('the Diffie-Hellman group was refused', cause);
    } finally {
      for (const secret of [exponent, encoded, wrapped, pkcs8]) secret.fill(0);
    }
    if (!isInRange(this.publicKey, this.#prime)) throw invalid('the Diffie-Hellman generator is of no use');
  }

  derive(peerPublicKey: Uint8Array): Uint8Array {
    const value = stripZeros(peerPublicKey);
    if (!isInRange(value, this.#prime)) throw invalid('the Diffie-Hellman public value is not within 2..p-2');
    try {
      const spki = sequence(this.#algorithm, tagged(0x03, Uint8Array.of(0), integer(value)));
      const publicKey = createPublicKey({ key: spki, format: 'der', type: 'spki' });
      return diffieHellman({ privateKey: this.#privateKey, publicKey });
    } catch (cause) {
      throw invalid('the Diffie-Hellman public value was refused', cause);
    }
  }
}

/** As {@link CryptoProvider.dhAgreement}. */
export function newGroupAgreement(prime: Uint8Array, generator: Uint8Array): Agreement {
  return new GroupAgreement(prime, generator);
}

/** The INTEGER that ends a SubjectPublicKeyInfo. It is as long as the prime, give or take leading zeros. */
function publicValue(spki: Uint8Array, primeBytes: number): Uint8Array {
  // The BIT STRING's one byte of unused bits, tag and length come before it: read forward from there.
  const outer = contentOf(spki, 0);
  const algorithm = contentOf(spki, outer.start);
  const bits = contentOf(spki, algorithm.end);
  const value = contentOf(spki, bits.start + 1);
  const unsigned = stripZeros(spki.subarray(value.start, value.end));
  if (value.end !== spki.length || unsigned.length > primeBytes) throw new RangeError('unexpected encoding of a public key');
  return Uint8Array.from(unsigned);
}

/** Where the content of the DER value at `offset` begins and ends. For OpenSSL's own output, so lengths are to be believed. */
function contentOf(der: Uint8Array, offset: number): { start: number; end: number } {
  const first = der[offset + 1] ?? 0;
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  let length = lengthBytes === 0 ? first : 0;
  for (let i = 0; i < lengthBytes; i++) length = length * 256 + (der[offset + 2 + i] ?? 0);
  const start = offset + 2 + lengthBytes;
  return { start, end: start + length };
}

/** 1.2.840.113549.1.3.1 */
const DH_KEY_AGREEMENT = Uint8Array.of(0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x03, 0x01);

function sequence(...parts: readonly Uint8Array[]): Buffer {
  return tagged(0x30, ...parts);
}

/** A positive INTEGER: a zero byte goes in front where the top bit would make it negative. */
function integer(unsigned: Uint8Array): Buffer {
  return (unsigned[0] ?? 0) >= 0x80 ? tagged(0x02, Uint8Array.of(0), unsigned) : tagged(0x02, unsigned);
}

function tagged(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  let lengthField = [0x82, length >> 8, length & 0xff];
  if (length < 0x80) lengthField = [length];
  else if (length < 0x100) lengthField = [0x81, length];
  return Buffer.concat([Uint8Array.of(tag, ...lengthField), ...parts]);
}
