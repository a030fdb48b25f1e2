/**
 * Digests and HMAC (RFC 2104) over node:crypto. Every name of {@link HashName} is OpenSSL's own name for it.
 *
 * Node cannot reset or copy an Hmac, so each packet costs a new one; the key is a KeyObject because some Node versions
 * spend 20 microseconds turning bytes into a key each time.
 */
import { createHash, createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import type { HashName, Mac } from '../provider.ts';

const DIGEST_BYTES: Readonly<Record<HashName, number>> = { md5: 16, sha1: 20, sha256: 32, sha384: 48, sha512: 64 };

export function hash(name: HashName, ...parts: readonly Uint8Array[]): Uint8Array {
  const state = createHash(name);
  for (const part of parts) state.update(part);
  return state.digest();
}

class Hmac implements Mac {
  readonly bytes: number;
  readonly #name: HashName;
  readonly #key: KeyObject;

  constructor(name: HashName, key: Uint8Array) {
    this.bytes = DIGEST_BYTES[name];
    this.#name = name;
    this.#key = createSecretKey(key);
  }

  compute(a: Uint8Array, b: Uint8Array, c?: Uint8Array): Uint8Array {
    const state = createHmac(this.#name, this.#key).update(a).update(b);
    if (c !== undefined) state.update(c);
    return state.digest();
  }
}

export function newHmac(name: HashName, key: Uint8Array): Mac {
  return new Hmac(name, key);
}
