// A key as it comes over the wire with the algorithm that it is offered for: plain, or inside of a certificate. Both must fit, or a
// check that was made for the one would hold for the other.

import type { CryptoProvider } from '../crypto/provider.ts';
import { KeyFormatError } from '../errors.ts';
import { Certificate } from './certificate.ts';
import { keyAlgorithm } from './certificate-algorithms.ts';
import { PublicKey } from './public-key.ts';

/**
 * The key; where the algorithm is one of certificates, with its `certificate`, whose authority has signed it, and of which
 * nothing else was checked.
 * @throws KeyFormatError where it cannot be read, or is not a key for the algorithm
 */
export function decodeOfferedKey(blob: Uint8Array, algorithm: string, crypto: CryptoProvider): PublicKey {
  const row = keyAlgorithm(algorithm);
  const key = row?.certified ? Certificate.parse(blob, crypto).publicKey : PublicKey.parse(blob, crypto);
  if (row?.keyType !== key.type) throw new KeyFormatError(`a ${key.type} key where ${algorithm} was agreed`);
  return key;
}

/** The bytes by which a key is offered for an algorithm, or null where it has no certificate and that wants one. */
export function offeredBlob(key: PublicKey, algorithm: string): Uint8Array | null {
  if (!keyAlgorithm(algorithm)?.certified) return key.blob;
  return key.certificate?.blob ?? null;
}
