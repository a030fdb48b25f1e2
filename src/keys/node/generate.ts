// New keys, made by node:crypto in its thread pool: an RSA key of 4096 bits takes seconds, and nothing else must wait.

import { generateKeyPair } from 'node:crypto';
import { nodeCrypto } from '../../crypto/node/index.ts';
import { UsageError } from '../../errors.ts';
import { readPkcs8 } from '../formats/asn1-keys.ts';
import { eraseMaterial, finishKey } from '../formats/key-file.ts';
import type { PrivateKey } from '../private-key.ts';
import { derivePoint } from './derive-point.ts';

/** What to make. */
export interface GenerateKeyOptions {
  /** ed25519: 256. ecdsa: 256 (the default), 384 or 521. rsa: 2048 to 16384, 3072 unless given, as with ssh-keygen. */
  readonly bits?: number | undefined;
  /** Free text that goes with the key into files; empty unless given. */
  readonly comment?: string | undefined;
}

const ecCurves: ReadonlyMap<number, string> = new Map([
  [256, 'P-256'],
  [384, 'P-384'],
  [521, 'P-521'],
]);

/**
 * Makes a new private key.
 * @throws UsageError where there is no such kind of key, or not with so many bits.
 */
export async function generateKey(type: 'ed25519' | 'ecdsa' | 'rsa', options: GenerateKeyOptions = {}): Promise<PrivateKey> {
  const { bits, comment = '' } = options;
  const pkcs8 = await generate(type, bits);
  // Through our own reader: one way in for every key, checks included.
  const material = { numbers: readPkcs8(pkcs8), comment };
  pkcs8.fill(0);
  try {
    return finishKey({ encrypted: false, format: 'new key', material }, material, derivePoint, nodeCrypto);
  } finally {
    eraseMaterial(material);
  }
}

function generate(type: 'ed25519' | 'ecdsa' | 'rsa', bits: number | undefined): Promise<Uint8Array> {
  const encodings = {
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'der' },
  } as const;
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, _publicKey: Uint8Array, privateKey: Uint8Array): void => {
      if (error === null) resolve(privateKey);
      else reject(error);
    };
    if (type === 'ed25519') {
      if (bits !== undefined && bits !== 256) throw new UsageError('an ed25519 key has 256 bits');
      generateKeyPair('ed25519', encodings, done);
    } else if (type === 'ecdsa') {
      const namedCurve = ecCurves.get(bits ?? 256);
      if (namedCurve === undefined) throw new UsageError('an ecdsa key has 256, 384 or 521 bits');
      generateKeyPair('ec', { namedCurve, ...encodings }, done);
    } else if (type === 'rsa') {
      const modulusLength = bits ?? 3072;
      if (!Number.isInteger(modulusLength) || modulusLength < 2048 || modulusLength > 16_384) {
        throw new UsageError('an rsa key has 2048 to 16384 bits');
      }
      generateKeyPair('rsa', { modulusLength, publicExponent: 0x10001, ...encodings }, done);
    } else {
      throw new UsageError("the type of a key is 'ed25519', 'ecdsa' or 'rsa'");
    }
  });
}
