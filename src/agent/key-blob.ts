// Keys as the agent protocol names them: by the blob of the plain key, or of its certificate. The two are different keys there,
// and only what can be read as a whole is one.

import { equalBytes } from '../bytes/bytes.ts';
import { nodeCrypto } from '../crypto/node/index.ts';
import { KeyFormatError } from '../errors.ts';
import { Certificate } from '../keys/certificate.ts';
import { certifiedKeyType } from '../keys/certificate-algorithms.ts';
import { PublicKey } from '../keys/public-key.ts';
import { DecodeError, Reader } from '../wire/reader.ts';

/** The key in a blob, with its certificate where it is one. @throws KeyFormatError, DecodeError */
export function keyOfBlob(blob: Uint8Array): PublicKey {
  const certified = certifiedKeyType(new Reader(blob).name()) !== undefined;
  return certified ? Certificate.parse(blob, nodeCrypto).publicKey : PublicKey.parse(blob, nodeCrypto);
}

/** As {@link keyOfBlob}, or null where it cannot be read. */
export function publicKeyOf(blob: Uint8Array): PublicKey | null {
  try {
    return keyOfBlob(blob);
  } catch (error) {
    if (error instanceof KeyFormatError || error instanceof DecodeError) return null;
    throw error;
  }
}

/** What an agent calls a key. */
export function blobOf(key: PublicKey): Uint8Array {
  return key.certificate?.blob ?? key.blob;
}

/** Whether both are the same key to an agent: with the same certificate, or both without. */
export function sameBlob(one: PublicKey, other: PublicKey): boolean {
  return equalBytes(blobOf(one), blobOf(other));
}
