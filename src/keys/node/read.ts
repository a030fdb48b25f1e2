// Keys from files and texts, in Node. The formats are read by the core (../formats); this is what needs a platform: files,
// asking for the passphrase, deriving and decrypting off the event loop. Every error names the file where there is one.
// What was decrypted or derived is erased before the promise settles; a passphrase given as a string cannot be.

import { open } from 'node:fs/promises';
import { decodeText, encodeUtf8 } from '../../bytes/bytes.ts';
import { nodeCrypto } from '../../crypto/node/index.ts';
import { KeyFormatError, PassphraseError, UsageError } from '../../errors.ts';
import type { Certificate } from '../certificate.ts';
import {
  type EncryptedKeyFile,
  eraseMaterial,
  finishKey,
  type KeyMaterial,
  readingFormat,
  secretBytes,
} from '../formats/key-file.ts';
import { DEFAULT_MAX_ROUNDS, MAX_KEY_FILE_BYTES, parsePrivateKeyFile, refuseUtf16 } from '../formats/private-key-file.ts';
import { parsePublicKeyBlob, parsePublicKeyText } from '../formats/public-key-text.ts';
import type { PrivateKey } from '../private-key.ts';
import type { PublicKey } from '../public-key.ts';
import { abortable } from './abort.ts';
import { parseCertificate } from './certify.ts';
import { decryptKeyFile } from './decrypt.ts';
import { derivePoint } from './derive-point.ts';
import { deriveKey } from './kdf.ts';

/** How to read a private key. */
export interface ReadPrivateKeyOptions {
  /**
   * The passphrase, or a function that is asked for it once, only where the key is encrypted. Ignored where it is not.
   * A function's own errors are passed on unchanged.
   */
  readonly passphrase?: string | Uint8Array | (() => string | PromiseLike<string>) | undefined;
  /** The most bcrypt rounds to accept, 2048 unless given: the file's author chooses how long this takes (10 to 20 ms each). */
  readonly maxRounds?: number | undefined;
  /** Ends the waiting: the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** How to read a private key from a text. */
export interface ParsePrivateKeyOptions extends ReadPrivateKeyOptions {
  /** What to call the text in errors: usually the file it came from. */
  readonly file?: string | undefined;
}

/**
 * The private key in the text of a key file: OpenSSH (`OPENSSH PRIVATE KEY`), PKCS#1, SEC1, PKCS#8 or PuTTY's PPK 2 and 3,
 * encrypted or not, or a JSON Web Key. The format is recognised by what is there.
 * @throws KeyFormatError where it is no such key; the message names the format that was recognised and what is wrong.
 * @throws PassphraseError 'missing' where it is encrypted and no passphrase was given, 'wrong' where that does not fit.
 * @throws UsageError where an option is not of its type.
 */
export function parsePrivateKey(data: string | Uint8Array, options: ParsePrivateKeyOptions = {}): Promise<PrivateKey> {
  return inFile(options.file, async () => {
    const { signal, maxRounds = DEFAULT_MAX_ROUNDS } = options;
    if (!Number.isSafeInteger(maxRounds) || maxRounds < 1) throw new UsageError('maxRounds is not a positive integer');
    if (typeof data !== 'string' && !(data instanceof Uint8Array)) throw new UsageError('a key is given as a string or bytes');
    signal?.throwIfAborted();
    const file = parsePrivateKeyFile(typeof data === 'string' ? encodeUtf8(data) : data, nodeCrypto, maxRounds);
    const material = file.encrypted ? await decrypt(file, options) : file.material;
    try {
      return finishKey(file, material, derivePoint, nodeCrypto);
    } finally {
      eraseMaterial(material);
    }
  });
}

/**
 * The private key in a file of at most 1 MiB, see {@link parsePrivateKey}. The file's permissions are not looked at.
 * @throws KeyFormatError also where the file cannot be read; the cause is what the file system said.
 */
export function readPrivateKey(file: string, options: ReadPrivateKeyOptions = {}): Promise<PrivateKey> {
  return inFile(file, async () => {
    const data = await readSmallFile(file, options.signal);
    try {
      return await parsePrivateKey(data, { ...options, file: undefined });
    } finally {
      data.fill(0);
    }
  });
}

/**
 * The public key in a text (OpenSSH's one line as in a .pub file, RFC 4716, PEM of SubjectPublicKeyInfo or PKCS#1, a JSON Web
 * Key) or in a blob (RFC 4253 section 6.6).
 * @throws KeyFormatError where it is no such key; for a certificate, which {@link readCertificate} reads.
 */
export function parsePublicKey(data: string | Uint8Array): PublicKey {
  if (typeof data !== 'string' && !(data instanceof Uint8Array)) throw new UsageError('a key is given as a string or bytes');
  if (data.length > MAX_KEY_FILE_BYTES) throw new KeyFormatError(`${data.length} bytes are too many for a key`);
  if (typeof data === 'string') return parsePublicKeyText(data, nodeCrypto);
  refuseUtf16(data);
  // A blob begins with the length of a type name, so with a zero; a text never does.
  return data[0] === 0 ? parsePublicKeyBlob(data, nodeCrypto) : parsePublicKeyText(decodeText(data), nodeCrypto);
}

/**
 * The public key in a file of at most 1 MiB, see {@link parsePublicKey}.
 * @throws KeyFormatError also where the file cannot be read; the cause is what the file system said.
 */
export function readPublicKey(file: string): Promise<PublicKey> {
  return inFile(file, async () => parsePublicKey(await readSmallFile(file, undefined)));
}

/**
 * The public key that an encrypted private key file shows to everybody (OpenSSH's own format and PuTTY's do), null where it shows none.
 * It is a claim: only with the passphrase it turns out whether the private key in the file is that key's. @internal
 * @throws KeyFormatError where it is no private key file, or cannot be read
 */
export function readClaimedPublicKey(file: string): Promise<PublicKey | null> {
  return inFile(file, async () => {
    const key = parsePrivateKeyFile(await readSmallFile(file, undefined), nodeCrypto);
    return key.encrypted && key.publicBlob !== undefined ? parsePublicKeyBlob(key.publicBlob, nodeCrypto) : null;
  });
}

/**
 * The certificate in a file of at most 1 MiB: the one line of a `-cert.pub` file.
 * @throws KeyFormatError where it is no certificate, its signature is wrong, or the file cannot be read.
 */
export function readCertificate(file: string): Promise<Certificate> {
  return inFile(file, async () => parseCertificate(decodeText(await readSmallFile(file, undefined))));
}

/** What goes wrong here is said of the format, as what goes wrong while parsing is. */
async function decrypt(file: EncryptedKeyFile, options: ReadPrivateKeyOptions): Promise<KeyMaterial> {
  const { format } = file;
  try {
    return await decryptFile(file, options);
  } catch (error) {
    if (error instanceof PassphraseError) throw new PassphraseError(error.reason, { cause: error.cause, format });
    return readingFormat(format, () => {
      throw error;
    });
  }
}

async function decryptFile(file: EncryptedKeyFile, options: ReadPrivateKeyOptions): Promise<KeyMaterial> {
  const passphrase = await askPassphrase(options);
  let secret: Uint8Array | undefined;
  let plaintext: Uint8Array | null = null;
  try {
    // OpenSSH encrypts nothing under an empty passphrase, and bcrypt_pbkdf refuses it.
    if (passphrase.length === 0 && file.kdf.name === 'bcrypt') throw new PassphraseError('wrong');
    secret = await deriveKey(file.kdf, passphrase, secretBytes(file), options.signal);
    plaintext = decryptKeyFile(file, secret);
    if (plaintext === null) throw new PassphraseError('wrong');
    return file.finish(plaintext, secret.subarray(secret.length - file.macKeyBytes));
  } finally {
    passphrase.fill(0);
    secret?.fill(0);
    plaintext?.fill(0);
  }
}

/** A copy of the passphrase as bytes, for us to erase (slice() of a Buffer would be the caller's own memory). */
async function askPassphrase({ passphrase, signal }: ReadPrivateKeyOptions): Promise<Uint8Array> {
  if (passphrase === undefined) throw new PassphraseError('missing');
  if (passphrase instanceof Uint8Array) return new Uint8Array(passphrase);
  const text = typeof passphrase === 'function' ? await abortable(Promise.resolve(passphrase()), signal) : passphrase;
  if (typeof text !== 'string') throw new UsageError('the passphrase is not a string');
  return encodeUtf8(text);
}

/** The content of a file that may be a pipe, so whose size is known only at its end. */
async function readSmallFile(file: string, signal: AbortSignal | undefined): Promise<Uint8Array> {
  signal?.throwIfAborted();
  // One byte more than allowed, to see that there is more.
  let buffer: Uint8Array = new Uint8Array(16_384);
  let length = 0;
  try {
    const handle = await open(file, 'r');
    try {
      for (;;) {
        const { bytesRead } = await handle.read(buffer, length, buffer.length - length);
        if (bytesRead === 0) break;
        length += bytesRead;
        if (length > MAX_KEY_FILE_BYTES) break;
        if (length < buffer.length) continue;
        const grown = new Uint8Array(Math.min(4 * buffer.length, MAX_KEY_FILE_BYTES + 1));
        grown.set(buffer);
        buffer.fill(0);
        buffer = grown;
      }
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw new KeyFormatError(`cannot be read: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
  if (length > MAX_KEY_FILE_BYTES) throw new KeyFormatError(`more than the ${MAX_KEY_FILE_BYTES} bytes that a key file may have`);
  return buffer.subarray(0, length);
}

/** Runs `read`; the errors about the key that it throws get the name of the file. */
async function inFile<T>(file: string | undefined, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (file === undefined) throw error;
    if (error instanceof KeyFormatError) throw new KeyFormatError(error.message, { cause: error.cause, file });
    if (error instanceof PassphraseError) {
      const { reason, cause, format } = error;
      throw new PassphraseError(reason, { cause, file, ...(format !== undefined && { format }) });
    }
    throw error;
  }
}
