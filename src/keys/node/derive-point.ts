// The public point of an elliptic-curve secret, by node:crypto. Key files may leave it out (PKCS#8 for Ed25519 always does),
// and where they have it, it has to be the right one.

import { createECDH, createPrivateKey, createPublicKey } from 'node:crypto';
import { concat } from '../../bytes/bytes.ts';
import type { CurveNumbers } from '../formats/key-file.ts';

/** PKCS#8 around an Ed25519 seed (RFC 8410 section 7), up to the seed. */
const ED25519_PREFIX = Uint8Array.of(0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20);

const ecdhNames = { nistp256: 'prime256v1', nistp384: 'secp384r1', nistp521: 'secp521r1' } as const;

/** @throws RangeError where the secret is zero, or not less than the order of the curve. */
export function derivePoint(secret: CurveNumbers): Uint8Array {
  if (secret.kind === 'ed25519') {
    const pkcs8 = concat(ED25519_PREFIX, secret.seed);
    try {
      const key = createPrivateKey({ key: Buffer.from(pkcs8.buffer), format: 'der', type: 'pkcs8' });
      return Uint8Array.from(createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32));
    } finally {
      pkcs8.fill(0);
    }
  }
  try {
    const pair = createECDH(ecdhNames[secret.curve]);
    pair.setPrivateKey(secret.scalar);
    return Uint8Array.from(pair.getPublicKey());
  } catch {
    throw new RangeError('the scalar is out of range');
  }
}
