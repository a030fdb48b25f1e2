// What a private key file says, between reading its container and having a key. Reading takes two steps, because deriving a
// key from a passphrase takes long and must not run here: the core describes what has to be derived and decrypted, the
// platform does it off its event loop, and `finish` reads the plaintext. This file is the vocabulary of the two sides.

import { equalBytes } from '../../bytes/bytes.ts';
import type { CryptoProvider, CurveName, HashName, PrivateComponents } from '../../crypto/provider.ts';
import { KeyFormatError } from '../../errors.ts';
import { DecodeError } from '../../wire/reader.ts';
import { importNow, PrivateKey } from '../private-key.ts';

/** The numbers of a key as the file has them; some formats leave the public point out (null). The arrays are our own. */
export type KeyNumbers =
  | { readonly kind: 'ed25519'; readonly seed: Uint8Array; readonly point: Uint8Array | null }
  | { readonly kind: 'ecdsa'; readonly curve: CurveName; readonly scalar: Uint8Array; readonly point: Uint8Array | null }
  | Extract<PrivateComponents, { kind: 'rsa' }>;

/** The kinds whose public part follows from one secret number. */
export type CurveNumbers = Exclude<KeyNumbers, { kind: 'rsa' }>;

export interface KeyMaterial {
  readonly numbers: KeyNumbers;
  readonly comment: string;
}

export type KeyFileKdf =
  /** OpenBSD's bcrypt_pbkdf. */
  | { readonly name: 'bcrypt'; readonly salt: Uint8Array; readonly rounds: number }
  /** RFC 8018 section 5.2. */
  | { readonly name: 'pbkdf2'; readonly hash: HashName; readonly salt: Uint8Array; readonly iterations: number }
  /** RFC 7914. */
  | {
      readonly name: 'scrypt';
      readonly salt: Uint8Array;
      readonly cost: number;
      readonly blockSize: number;
      readonly parallelization: number;
    }
  /** RFC 9106: PPK 3. Memory in KiB. */
  | {
      readonly name: 'argon2';
      readonly variant: Argon2Variant;
      readonly salt: Uint8Array;
      readonly memory: number;
      readonly passes: number;
      readonly parallelism: number;
    }
  /** Hashes of SHA-1 without a salt: PPK 2. */
  | { readonly name: 'putty-sha1' }
  /** OpenSSL's EVP_BytesToKey with MD5 and one iteration: the old encrypted PEM. */
  | { readonly name: 'openssl-md5'; readonly salt: Uint8Array };

export type Argon2Variant = 'id' | 'i' | 'd';

export type KeyFileCipherName =
  | 'aes128-ctr'
  | 'aes192-ctr'
  | 'aes256-ctr'
  | 'aes128-cbc'
  | 'aes192-cbc'
  | 'aes256-cbc'
  | '3des-cbc'
  | 'aes128-gcm@openssh.com'
  | 'aes256-gcm@openssh.com'
  | 'chacha20-poly1305@openssh.com';

export interface KeyFileCipher {
  readonly name: KeyFileCipherName;
  readonly keyBytes: number;
  readonly ivBytes: number;
  readonly blockBytes: number;
  /** Length of the authentication tag behind the data, 0 where the cipher has none. */
  readonly tagBytes: number;
}

const ciphers: readonly KeyFileCipher[] = [
  { name: 'aes128-ctr', keyBytes: 16, ivBytes: 16, blockBytes: 16, tagBytes: 0 },
  { name: 'aes192-ctr', keyBytes: 24, ivBytes: 16, blockBytes: 16, tagBytes: 0 },
  { name: 'aes256-ctr', keyBytes: 32, ivBytes: 16, blockBytes: 16, tagBytes: 0 },
  { name: 'aes128-cbc', keyBytes: 16, ivBytes: 16, blockBytes: 16, tagBytes: 0 },
  { name: 'aes192-cbc', keyBytes: 24, ivBytes: 16, blockBytes: 16, tagBytes: 0 },
  { name: 'aes256-cbc', keyBytes: 32, ivBytes: 16, blockBytes: 16, tagBytes: 0 },
  { name: '3des-cbc', keyBytes: 24, ivBytes: 8, blockBytes: 8, tagBytes: 0 },
  { name: 'aes128-gcm@openssh.com', keyBytes: 16, ivBytes: 12, blockBytes: 16, tagBytes: 16 },
  { name: 'aes256-gcm@openssh.com', keyBytes: 32, ivBytes: 12, blockBytes: 16, tagBytes: 16 },
  { name: 'chacha20-poly1305@openssh.com', keyBytes: 64, ivBytes: 0, blockBytes: 8, tagBytes: 16 },
];

export function keyFileCipher(name: string): KeyFileCipher | undefined {
  return ciphers.find((cipher) => cipher.name === name);
}

/** A file that can be read at once. */
export interface PlainKeyFile {
  readonly encrypted: false;
  /** The format in words, for messages. */
  readonly format: string;
  readonly material: KeyMaterial;
}

/** A file that needs a passphrase: derive with `kdf`, decrypt `data` with `cipher`, then `finish`. */
export interface EncryptedKeyFile {
  readonly encrypted: true;
  readonly format: string;
  readonly kdf: KeyFileKdf;
  readonly cipher: KeyFileCipher;
  /** The initialisation vector where the file holds it; null where it is derived, behind the key. */
  readonly iv: Uint8Array | null;
  /** True where the plaintext is padded as in PKCS#7, which decryption checks and takes off. */
  readonly padded: boolean;
  readonly data: Uint8Array;
  /** Empty where the cipher has no tag. */
  readonly tag: Uint8Array;
  /** How many bytes to derive behind key and IV for a MAC over the plaintext; 0 where the format has none. */
  readonly macKeyBytes: number;
  /** The public key where it stands outside the encryption. Whether it belongs to what is inside, only `finish` knows. */
  readonly publicBlob?: Uint8Array;
  /**
   * Reads the plaintext. The result shares no memory with it: erase it afterwards.
   * @throws PassphraseError 'wrong' where it is no plaintext, KeyFormatError where it is one but not a key.
   */
  finish(plaintext: Uint8Array, macKey: Uint8Array): KeyMaterial;
}

/** How many bytes the passphrase has to give for a file: key, derived IV, MAC key, in this order. */
export function secretBytes({ cipher, iv, macKeyBytes }: EncryptedKeyFile): number {
  return cipher.keyBytes + (iv === null ? cipher.ivBytes : 0) + macKeyBytes;
}

export type KeyFile = PlainKeyFile | EncryptedKeyFile;

/**
 * The public point of an elliptic-curve secret. The platform supplies it: CryptoProvider has no such operation.
 * @throws RangeError where the secret is not valid.
 */
export type DerivePoint = (secret: CurveNumbers) => Uint8Array;

/**
 * The key, once its public part is known to belong to its secret part.
 * @throws KeyFormatError where it does not.
 */
export function finishKey(file: KeyFile, material: KeyMaterial, derivePoint: DerivePoint, crypto: CryptoProvider): PrivateKey {
  const { numbers, comment } = material;
  return readingFormat(file.format, () => {
    const key = new PrivateKey(numbers.kind === 'rsa' ? numbers : withPoint(numbers, derivePoint), crypto, comment);
    importNow(key);
    return key;
  });
}

/** Overwrites the secret numbers. */
export function eraseMaterial(material: KeyMaterial): void {
  const { numbers } = material;
  if (numbers.kind === 'ed25519') numbers.seed.fill(0);
  else if (numbers.kind === 'ecdsa') numbers.scalar.fill(0);
  else for (const number of [numbers.d, numbers.p, numbers.q, numbers.iqmp]) number.fill(0);
}

/** Runs `read`; what it finds wrong becomes a KeyFormatError that begins with the name of the format. */
export function readingFormat<T>(format: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof DecodeError || (error instanceof KeyFormatError && !error.message.startsWith(format))) {
      throw new KeyFormatError(`${format}: ${error.message}`, { cause: error });
    }
    throw error;
  }
}

function withPoint(numbers: CurveNumbers, derivePoint: DerivePoint): PrivateComponents {
  let point: Uint8Array;
  try {
    point = derivePoint(numbers);
  } catch (error) {
    if (error instanceof RangeError) throw new KeyFormatError('the private part is not valid');
    throw error;
  }
  // Signing with one secret under two public keys gives the secret away (Ed25519), and an exchanged public part would make
  // us present, and be known by, somebody else's key.
  if (numbers.point !== null && !equalBytes(numbers.point, point)) {
    throw new KeyFormatError('the public part does not belong to the private part');
  }
  return { ...numbers, point };
}

/**
 * A scalar at the curve's full length.
 * @throws DecodeError where it is longer.
 */
export function padScalar(scalar: Uint8Array, fieldBytes: number): Uint8Array {
  if (scalar.length > fieldBytes) throw new DecodeError('an ECDSA scalar is too long');
  const out = new Uint8Array(fieldBytes);
  out.set(scalar, fieldBytes - scalar.length);
  return out;
}
