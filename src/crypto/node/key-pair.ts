/**
 * Generation of a key pair whose public half comes out encoded, by the job that generates it.
 *
 * Invariant: no KeyObject that generateKeyPairSync made is ever exported. Node's export as JWK allocates strings while it holds
 * the key's lock; a garbage collection at that moment destroys the finished job, which takes the same lock, and the process
 * hangs for good (seen on Node 20 with X25519).
 */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';

interface EncodedPair {
  readonly publicKey: Uint8Array;
  readonly privateKey: KeyObject;
}

type Generate = (type: string, options: { publicKeyEncoding: { format: 'der'; type: 'spki' } }) => EncodedPair;

/** The public key is a SubjectPublicKeyInfo in DER. @types/node 20 knows neither ML-KEM nor pairs with one half encoded. */
export function generatePair(type: 'x25519' | 'ml-kem-768'): EncodedPair {
  return (generateKeyPairSync as unknown as Generate)(type, { publicKeyEncoding: { format: 'der', type: 'spki' } });
}
