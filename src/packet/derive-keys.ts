// RFC 4253 section 7.2: six keys out of the shared secret K and the exchange hash H.

import { concat } from '../bytes/bytes.ts';
import type { CryptoProvider, HashName } from '../crypto/provider.ts';

export interface KeyMaterial {
  readonly hash: HashName;
  /** K as it enters hashes: an mpint, or a string for the post-quantum hybrids; length field included. */
  readonly encodedSecret: Uint8Array;
  readonly exchangeHash: Uint8Array;
  readonly sessionId: Uint8Array;
}

/** `letter` is 'A' to 'F': initial IV, encryption key and integrity key, client to server and back. */
export function deriveKey(crypto: CryptoProvider, material: KeyMaterial, letter: string, byteCount: number): Uint8Array {
  const { hash, encodedSecret, exchangeHash, sessionId } = material;
  let key = crypto.hash(hash, encodedSecret, exchangeHash, Uint8Array.of(letter.charCodeAt(0)), sessionId);
  while (key.length < byteCount) key = concat(key, crypto.hash(hash, encodedSecret, exchangeHash, key));
  return key.subarray(0, byteCount);
}
