// What the two versions of PuTTY's key files have in common (PuTTY manual, appendix C): the private numbers, which are only what
// the public key lacks, and the MAC over everything that the file says. The MAC is the only check of an unencrypted file too.

import { encodeUtf8 } from '../../bytes/bytes.ts';
import type { CryptoProvider, PrivateComponents } from '../../crypto/provider.ts';
import { DecodeError, Reader } from '../../wire/reader.ts';
import { Writer } from '../../wire/writer.ts';
import { curveByName } from '../curves.ts';
import type { DecodedPublicKey } from '../public-blob.ts';
import { type KeyNumbers, padScalar } from './key-file.ts';

export type PpkVersion = 2 | 3;

export const PPK_CIPHER = 'aes256-cbc';
/** AES blocks; the initialisation vector of version 2 is zeros. */
export const PPK_BLOCK_BYTES = 16;

/** HMAC-SHA-1 and HMAC-SHA-256. */
export const ppkMacs = { 2: { hash: 'sha1', bytes: 20 }, 3: { hash: 'sha256', bytes: 32 } } as const;

/** What the MAC covers besides the private numbers. */
export interface PpkOutside {
  readonly algorithm: string;
  readonly encrypted: boolean;
  /** As the file has it, in whatever encoding. */
  readonly comment: Uint8Array;
  readonly publicBlob: Uint8Array;
}

/** @param plaintext The private numbers with their padding. */
export function ppkMac(
  version: PpkVersion,
  key: Uint8Array,
  outside: PpkOutside,
  plaintext: Uint8Array,
  crypto: CryptoProvider,
): Uint8Array {
  const { algorithm, encrypted, comment, publicBlob } = outside;
  const covered = new Writer(plaintext.length + comment.length + publicBlob.length + 128)
    .string(algorithm)
    .string(encrypted ? PPK_CIPHER : 'none')
    .string(comment)
    .string(publicBlob)
    .string(plaintext)
    .finish();
  const mac = new Uint8Array(crypto.hmac(ppkMacs[version].hash, key).compute(covered, new Uint8Array(0)));
  covered.fill(0);
  return mac;
}

/** The MAC's key in a file that is not encrypted: everybody knows it, so that it only notices damage. */
export function ppkPlainMacKey(version: PpkVersion, crypto: CryptoProvider): Uint8Array {
  return version === 3 ? new Uint8Array(0) : crypto.hash('sha1', encodeUtf8(PPK2_MAC_PREFIX));
}

/** What is hashed in front of the passphrase for the key of version 2's MAC. */
export const PPK2_MAC_PREFIX = 'putty-private-key-file-mac-key';

/**
 * The numbers of a key, with the public ones from the file's public part. The result shares no memory with the input.
 * @throws DecodeError
 */
export function readPpkNumbers(publicKey: DecodedPublicKey, plaintext: Uint8Array, encrypted: boolean): KeyNumbers {
  const { components } = publicKey;
  const reader = new Reader(plaintext);
  const number = (): Uint8Array => new Uint8Array(reader.mpint());
  const rest = (): void => {
    if (reader.remaining >= (encrypted ? PPK_BLOCK_BYTES : 1)) throw new DecodeError(`${reader.remaining} bytes too many`);
  };
  switch (components.kind) {
    case 'ed25519': {
      const secret = reader.string();
      rest();
      // The number of RFC 8032, little-endian; old versions left zeros at its end out.
      if (secret.length > 32) throw new DecodeError(`an Ed25519 key of ${secret.length} bytes, not 32`);
      const seed = new Uint8Array(32);
      seed.set(secret);
      return { kind: 'ed25519', seed, point: new Uint8Array(components.point) };
    }
    case 'ecdsa': {
      const scalar = reader.mpint();
      rest();
      const { fieldBytes } = curveByName(components.curve);
      const point = new Uint8Array(components.point);
      return { kind: 'ecdsa', curve: components.curve, scalar: padScalar(scalar, fieldBytes), point };
    }
    case 'rsa': {
      const [d, p, q, iqmp] = [number(), number(), number(), number()];
      rest();
      return { kind: 'rsa', n: new Uint8Array(components.n), e: new Uint8Array(components.e), d, p, q, iqmp };
    }
  }
}

/** The private numbers, padded where they are to be encrypted. They are secret: erase them after use. */
export function encodePpkNumbers(components: PrivateComponents, encrypted: boolean, crypto: CryptoProvider): Uint8Array {
  const writer = new Writer(10_240);
  if (components.kind === 'ed25519') writer.string(components.seed);
  else if (components.kind === 'ecdsa') writer.mpint(components.scalar);
  else writer.mpint(components.d).mpint(components.p).mpint(components.q).mpint(components.iqmp);
  const missing = encrypted ? -writer.length & (PPK_BLOCK_BYTES - 1) : 0;
  // Not zeros but a hash of the numbers, so that the last block gives nothing away; the MAC covers it.
  if (missing > 0) writer.raw(crypto.hash('sha1', writer.finish()).subarray(0, missing));
  return writer.finish();
}
