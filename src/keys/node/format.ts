// Keys to text, in every format that can be read. A passphrase is never ignored: where a format cannot be encrypted, or only in a
// way that protects nothing, asking for it is an error. What was derived or stood in clear is erased before the promise settles.

import { encodeUtf8 } from '../../bytes/bytes.ts';
import { nodeCrypto } from '../../crypto/node/index.ts';
import type { PrivateComponents } from '../../crypto/provider.ts';
import { printable, UsageError } from '../../errors.ts';
import { encodePkcs1, encodePkcs8, encodeSec1 } from '../formats/asn1-keys.ts';
import { oneLine } from '../formats/comment.ts';
import { encodePrivateJwk, encodePublicJwk } from '../formats/jwk.ts';
import { type KeyFileCipher, type KeyFileKdf, keyFileCipher } from '../formats/key-file.ts';
import { encodeOpenSsh, encodeOpenSshSection, openSshCipher } from '../formats/openssh.ts';
import { encodePbes2, MAX_PBKDF2_ITERATIONS, pbes2Cipher } from '../formats/pbes2.ts';
import { encodePem } from '../formats/pem.ts';
import { argon2Fault, encodePpk, MAX_ARGON2_WORK } from '../formats/ppk.ts';
import {
  encodePpkNumbers,
  PPK_CIPHER,
  type PpkOutside,
  type PpkVersion,
  ppkMac,
  ppkMacs,
  ppkPlainMacKey,
} from '../formats/ppk-private.ts';
import { DEFAULT_MAX_ROUNDS } from '../formats/private-key-file.ts';
import { encodeRfc4716 } from '../formats/rfc4716.ts';
import { encodeRsaPublic, encodeSpki } from '../formats/spki.ts';
import { type PrivateKey, secretComponents } from '../private-key.ts';
import { decodePublicBlob } from '../public-blob.ts';
import type { PublicKey } from '../public-key.ts';
import { encryptKeyFile } from './decrypt.ts';
import { deriveKey } from './kdf.ts';

/**
 * The formats of private keys: OpenSSH's own; PKCS#8 (RFC 5958); the older PEM of OpenSSL, PKCS#1 for RSA and SEC1 for ECDSA;
 * PuTTY's PPK 3 and 2; JSON Web Key. `pkcs8` and `pem` have no place for a comment, in `jwk` it is the `kid`.
 */
export type PrivateKeyFormat = 'openssh' | 'pkcs8' | 'pem' | 'ppk' | 'ppk2' | 'jwk';

/** The formats of public keys: OpenSSH's one line; RFC 4716; SubjectPublicKeyInfo; PKCS#1 for RSA; JSON Web Key. */
export type PublicKeyFormat = 'openssh' | 'rfc4716' | 'pkcs8' | 'pem' | 'jwk';

/** How to write a private key. */
export interface FormatPrivateKeyOptions {
  /** `openssh` unless given. */
  readonly format?: PrivateKeyFormat | undefined;
  /**
   * Encrypts the key. Not empty. `openssh` with aes256-ctr and bcrypt, `pkcs8` with AES-256-CBC and PBKDF2-HMAC-SHA-256, `ppk` with
   * AES-256-CBC and Argon2id; `ppk2` with two hashes of SHA-1, at whose speed the passphrase can be guessed. Not for `pem` and `jwk`.
   */
  readonly passphrase?: string | undefined;
  /**
   * How often the passphrase is hashed, which is what guessing costs. `openssh`: bcrypt rounds, 1 to 2048, 24 unless given as with
   * ssh-keygen, 10 to 20 ms each. `pkcs8`: iterations, 1 to 10 million, 600,000 unless given, a fifth of a second. `ppk`: passes of
   * Argon2, 13 unless given, half a second. Other formats have none.
   */
  readonly rounds?: number | undefined;
  /** Memory for Argon2 in KiB, only for `ppk`: 8192 unless given as with PuTTY, at most 1 GiB, and 4 GiB over all passes. */
  readonly memory?: number | undefined;
}

/** Default and maximum of `rounds`. */
const rounds: Readonly<Record<PrivateKeyFormat, { readonly standard: number; readonly most: number } | null>> = {
  openssh: { standard: 24, most: DEFAULT_MAX_ROUNDS },
  pkcs8: { standard: 600_000, most: MAX_PBKDF2_ITERATIONS },
  ppk: { standard: 13, most: MAX_ARGON2_WORK / 8 },
  pem: null,
  ppk2: null,
  jwk: null,
};

const ARGON2_MEMORY = 8192;
const SALT_BYTES = 16;

/** The options, once they are known to fit each other. */
interface Checked {
  readonly passphrase: string | undefined;
  readonly count: number;
  readonly memory: number;
}

/**
 * The private key as the text of a key file, see {@link PrivateKeyFormat}.
 * The text is a secret, unless encrypted under a good passphrase.
 * @throws UsageError where the options do not fit each other, or the format has no place for such a key.
 */
export async function formatPrivateKey(key: PrivateKey, options: FormatPrivateKeyOptions = {}): Promise<string> {
  const { format = 'openssh' } = options;
  if (!Object.hasOwn(rounds, format)) throw unknownFormat(format, Object.keys(rounds));
  const checked = check(format, options);
  const components = secretComponents(key);
  switch (format) {
    case 'openssh':
      return openSsh(key, components, checked);
    case 'pkcs8':
      return pkcs8(components, checked);
    case 'pem':
      return pem(components);
    case 'ppk':
      return ppk(3, key, components, checked);
    case 'ppk2':
      return ppk(2, key, components, checked);
    case 'jwk':
      return encodePrivateJwk(components, key.comment);
  }
}

/**
 * The public key as the text of a file, see {@link PublicKeyFormat}. `pkcs8` and `pem` have no place for a comment; `pem` of an
 * ECDSA key is its `pkcs8`, as with ssh-keygen.
 * @throws UsageError where the format has no place for such a key, or for a comment as long as this one.
 */
export function formatPublicKey(key: PublicKey, options: { readonly format?: PublicKeyFormat | undefined } = {}): string {
  const { format = 'openssh' } = options;
  const { components, application } = decodePublicBlob(key.blob);
  if (format === 'openssh') return `${key.type} ${key.getBase64()} ${oneLine(key.comment)}`.trimEnd().concat('\n');
  if (format === 'rfc4716') {
    const text = encodeRfc4716(key);
    if (text === null) throw new UsageError('the comment is longer than the 1024 bytes that RFC 4716 allows');
    return text;
  }
  if (format !== 'pkcs8' && format !== 'pem' && format !== 'jwk') {
    throw unknownFormat(format, ['openssh', 'rfc4716', 'pkcs8', 'pem', 'jwk']);
  }
  // Without its application the key would be another one, which its device does not sign for.
  if (application !== null) throw new UsageError(`the format '${format}' has no place for a FIDO key; use 'openssh'`);
  if (format === 'jwk') return encodePublicJwk(components, key.comment);
  if (format === 'pem' && components.kind === 'rsa') return encodePem('RSA PUBLIC KEY', encodeRsaPublic(components), 64);
  if (format === 'pem' && components.kind === 'ed25519') throw noEd25519();
  return encodePem('PUBLIC KEY', encodeSpki(components), 64);
}

function check(format: PrivateKeyFormat, options: FormatPrivateKeyOptions): Checked {
  const { passphrase, memory = ARGON2_MEMORY } = options;
  // Whoever passes an empty passphrase has read it from somewhere and means a passphrase, not a key in clear.
  if (passphrase === '') throw new UsageError('the passphrase is empty; leave it out to write the key unencrypted');
  if (passphrase !== undefined && format === 'pem') {
    throw new UsageError("the encryption of 'pem' can be guessed at the speed of MD5; use 'pkcs8' or 'openssh'");
  }
  if (passphrase !== undefined && format === 'jwk') throw new UsageError("the format 'jwk' cannot be encrypted");
  const row = rounds[format];
  if (row === null && options.rounds !== undefined) throw new UsageError(`the format '${format}' has no rounds`);
  const count = options.rounds ?? row?.standard ?? 1;
  if (!Number.isInteger(count) || count < 1 || count > (row?.most ?? 1)) {
    throw new UsageError(`rounds is not an integer from 1 to ${row?.most}`);
  }
  if (options.memory !== undefined && format !== 'ppk') throw new UsageError("memory is only for the format 'ppk'");
  if (format === 'ppk') {
    const fault = argon2Fault({
      name: 'argon2',
      variant: 'id',
      salt: new Uint8Array(SALT_BYTES),
      memory,
      passes: count,
      parallelism: 1,
    });
    if (fault !== null) throw new UsageError(fault);
  }
  return { passphrase, count, memory };
}

async function openSsh(key: PrivateKey, components: PrivateComponents, { passphrase, count }: Checked): Promise<string> {
  const section = encodeOpenSshSection(components, key.comment, random(4), passphrase !== undefined);
  try {
    if (passphrase === undefined) return encodeOpenSsh(key.publicKey.blob, section, null);
    const salt = random(SALT_BYTES);
    const { keyBytes, ivBytes } = openSshCipher;
    const encrypted = await withSecret({ name: 'bcrypt', salt, rounds: count }, passphrase, keyBytes + ivBytes, (secret) =>
      encryptKeyFile(section, openSshCipher, secret.subarray(0, keyBytes), secret.subarray(keyBytes), false),
    );
    return encodeOpenSsh(key.publicKey.blob, encrypted, { salt, rounds: count });
  } finally {
    section.fill(0);
  }
}

async function pkcs8(components: PrivateComponents, { passphrase, count }: Checked): Promise<string> {
  const plaintext = encodePkcs8(components);
  try {
    if (passphrase === undefined) return encodePem('PRIVATE KEY', plaintext, 64);
    const salt = random(SALT_BYTES);
    const iv = random(pbes2Cipher.ivBytes);
    const kdf: KeyFileKdf = { name: 'pbkdf2', hash: 'sha256', salt, iterations: count };
    const encrypted = await withSecret(kdf, passphrase, pbes2Cipher.keyBytes, (secret) =>
      encryptKeyFile(plaintext, pbes2Cipher, secret, iv, true),
    );
    return encodePem('ENCRYPTED PRIVATE KEY', encodePbes2(salt, count, iv, encrypted), 64);
  } finally {
    plaintext.fill(0);
  }
}

function pem(components: PrivateComponents): string {
  if (components.kind === 'ed25519') throw noEd25519();
  const rsa = components.kind === 'rsa';
  const plaintext = rsa ? encodePkcs1(components) : encodeSec1(components);
  try {
    return encodePem(rsa ? 'RSA PRIVATE KEY' : 'EC PRIVATE KEY', plaintext, 64);
  } finally {
    plaintext.fill(0);
  }
}

async function ppk(
  version: PpkVersion,
  key: PrivateKey,
  components: PrivateComponents,
  { passphrase, count, memory }: Checked,
): Promise<string> {
  const encrypted = passphrase !== undefined;
  const { type: algorithm, blob: publicBlob } = key.publicKey;
  const outside: PpkOutside = { algorithm, encrypted, comment: encodeUtf8(oneLine(key.comment)), publicBlob };
  const plaintext = encodePpkNumbers(components, encrypted, nodeCrypto);
  try {
    if (passphrase === undefined) {
      const mac = ppkMac(version, ppkPlainMacKey(version, nodeCrypto), outside, plaintext, nodeCrypto);
      return encodePpk(version, outside, null, plaintext, mac);
    }
    const { keyBytes, ivBytes } = ppkCipher;
    const macKeyBytes = ppkMacs[version].bytes;
    const salt = random(SALT_BYTES);
    const kdf: KeyFileKdf =
      version === 2 ? { name: 'putty-sha1' } : { name: 'argon2', variant: 'id', salt, memory, passes: count, parallelism: 1 };
    const bytes = keyBytes + (version === 2 ? 0 : ivBytes) + macKeyBytes;
    return await withSecret(kdf, passphrase, bytes, (secret) => {
      const iv = version === 2 ? new Uint8Array(ivBytes) : secret.subarray(keyBytes, keyBytes + ivBytes);
      const data = encryptKeyFile(plaintext, ppkCipher, secret.subarray(0, keyBytes), iv, false);
      const mac = ppkMac(version, secret.subarray(bytes - macKeyBytes), outside, plaintext, nodeCrypto);
      return encodePpk(version, outside, kdf, data, mac);
    });
  } finally {
    plaintext.fill(0);
  }
}

const ppkCipher = keyFileCipher(PPK_CIPHER) as KeyFileCipher;

/** Runs `use` with what the passphrase gives, and erases that. */
async function withSecret<T>(kdf: KeyFileKdf, passphrase: string, bytes: number, use: (secret: Uint8Array) => T): Promise<T> {
  const text = encodeUtf8(passphrase);
  try {
    const secret = await deriveKey(kdf, text, bytes);
    try {
      return use(secret);
    } finally {
      secret.fill(0);
    }
  } finally {
    text.fill(0);
  }
}

function random(bytes: number): Uint8Array {
  const out = new Uint8Array(bytes);
  nodeCrypto.randomFill(out);
  return out;
}

function noEd25519(): UsageError {
  return new UsageError("the format 'pem' has no place for an Ed25519 key; use 'pkcs8' or 'openssh'");
}

function unknownFormat(format: unknown, known: readonly string[]): UsageError {
  return new UsageError(`there is no format '${printable(String(format))}'; there are ${known.join(', ')}`);
}
