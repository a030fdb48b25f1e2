// Keys from passphrases, off the event loop: PBKDF2 and scrypt in Node's thread pool, bcrypt and Argon2 in a worker thread.
// The exceptions are two old derivations of two or three hashes: OpenSSL's with MD5 and PuTTY's with SHA-1.

import { pbkdf2, type ScryptOptions, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { encodeUtf8 } from '../../bytes/bytes.ts';
import { nodeCrypto } from '../../crypto/node/index.ts';
import { KeyFormatError } from '../../errors.ts';
import type { KeyFileKdf } from '../formats/key-file.ts';
import { PPK2_MAC_PREFIX } from '../formats/ppk-private.ts';
import { abortable } from './abort.ts';
import { argon2 } from './argon2.ts';
import { bcryptPbkdf } from './bcrypt.ts';

const pbkdf2Async = promisify(pbkdf2);
const scryptAsync = promisify<Uint8Array, Uint8Array, number, ScryptOptions, Uint8Array>(scrypt);

/**
 * `bytes` of key material. The caller erases it, and the passphrase.
 * @throws KeyFormatError where this Node cannot do it; rejects with the signal's reason when aborted.
 */
export async function deriveKey(
  kdf: KeyFileKdf,
  passphrase: Uint8Array,
  bytes: number,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  // Zero-length keys never come here: every cipher has a key.
  switch (kdf.name) {
    case 'bcrypt':
      return bcryptPbkdf(passphrase, kdf.salt, kdf.rounds, bytes, signal);
    case 'pbkdf2':
      return abortable(pbkdf2Async(passphrase, kdf.salt, kdf.iterations, bytes, kdf.hash), signal, erase);
    case 'scrypt': {
      const { cost, blockSize, parallelization } = kdf;
      // OpenSSL counts a little more than 128 N r; the bound on the file's parameters is where the file is parsed.
      const maxmem = 128 * blockSize * (cost + parallelization + 32);
      return abortable(scryptAsync(passphrase, kdf.salt, bytes, { cost, blockSize, parallelization, maxmem }), signal, erase);
    }
    case 'argon2':
      return argon2(kdf, passphrase, bytes, signal);
    case 'putty-sha1':
      return puttySha1(passphrase, bytes);
    case 'openssl-md5':
      return opensslMd5(passphrase, kdf.salt, bytes);
  }
}

/** PPK 2: 32 bytes of key from two numbered hashes, then the MAC's key from a third one. */
function puttySha1(passphrase: Uint8Array, bytes: number): Uint8Array {
  const prefixes = [Uint8Array.of(0, 0, 0, 0), Uint8Array.of(0, 0, 0, 1), encodeUtf8(PPK2_MAC_PREFIX)];
  const hashes = prefixes.map((prefix) => nodeCrypto.hash('sha1', prefix, passphrase));
  const key = new Uint8Array(bytes);
  // The second hash is cut off where the key is complete, and the third one follows there.
  for (const [i, at] of [0, 20, 32].entries()) key.set((hashes[i] as Uint8Array).subarray(0, bytes - at), at);
  for (const hash of hashes) hash.fill(0);
  return key;
}

/** EVP_BytesToKey: D_i = MD5(D_(i-1) || passphrase || salt), one after the other until there is enough. */
function opensslMd5(passphrase: Uint8Array, salt: Uint8Array, bytes: number): Uint8Array {
  const key = new Uint8Array(bytes);
  let digest = new Uint8Array(0);
  for (let offset = 0; offset < bytes; offset += 16) {
    const next = hashMd5(digest, passphrase, salt);
    digest.fill(0);
    digest = next;
    key.set(digest.subarray(0, bytes - offset), offset);
  }
  digest.fill(0);
  return key;
}

function hashMd5(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.from(nodeCrypto.hash('md5', ...parts));
  } catch (error) {
    throw new KeyFormatError('this Node has no MD5 (FIPS mode?), which the old PEM encryption needs', { cause: error });
  }
}

function erase(bytes: Uint8Array): void {
  bytes.fill(0);
}
