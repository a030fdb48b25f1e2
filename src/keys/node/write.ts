// Private keys to text and to files. A file is created, never replaced, and from its first moment only its owner can read it
// (paramiko CVE-2022-24302 was the gap between creating a file and protecting it).

import { open, unlink } from 'node:fs/promises';
import { encodeUtf8 } from '../../bytes/bytes.ts';
import { nodeCrypto } from '../../crypto/node/index.ts';
import { UsageError } from '../../errors.ts';
import { encodePkcs8 } from '../formats/asn1-keys.ts';
import { encodeOpenSsh, encodeOpenSshSection, openSshCipher } from '../formats/openssh.ts';
import { encodePem } from '../formats/pem.ts';
import { DEFAULT_MAX_ROUNDS } from '../formats/private-key-file.ts';
import { type PrivateKey, secretComponents } from '../private-key.ts';
import { encryptSection } from './decrypt.ts';
import { deriveKey } from './kdf.ts';

/** How to write a private key. */
export interface FormatPrivateKeyOptions {
  /** Encrypts with aes256-ctr under this passphrase; only for the format `openssh`. Not empty. */
  readonly passphrase?: string | undefined;
  /** bcrypt rounds, 1 to 2048, 24 unless given, as with ssh-keygen. Each costs 10 to 20 ms to open, and so to guess. */
  readonly rounds?: number | undefined;
  /** `openssh` unless given. `pkcs8` is written unencrypted, and without the comment, for which it has no place. */
  readonly format?: 'openssh' | 'pkcs8' | undefined;
}

const DEFAULT_ROUNDS = 24;
const SALT_BYTES = 16;

/**
 * The private key as the text of a key file: `OPENSSH PRIVATE KEY` (OpenSSH PROTOCOL.key), or PKCS#8 (RFC 5958).
 * The text is a secret, unless encrypted under a good passphrase.
 * @throws UsageError where the options do not fit each other.
 */
export async function formatPrivateKey(key: PrivateKey, options: FormatPrivateKeyOptions = {}): Promise<string> {
  const { passphrase, rounds = DEFAULT_ROUNDS, format = 'openssh' } = options;
  // Whoever passes an empty passphrase has read it from somewhere and means a passphrase, not a key in clear.
  if (passphrase === '') throw new UsageError('the passphrase is empty; leave it out to write the key unencrypted');
  if (!Number.isInteger(rounds) || rounds < 1 || rounds > DEFAULT_MAX_ROUNDS) {
    throw new UsageError(`rounds is not an integer from 1 to ${DEFAULT_MAX_ROUNDS}`);
  }
  if (format === 'pkcs8') {
    if (passphrase !== undefined) throw new UsageError("only the format 'openssh' can be encrypted");
    const pkcs8 = encodePkcs8(secretComponents(key));
    const text = encodePem('PRIVATE KEY', pkcs8, 64);
    pkcs8.fill(0);
    return text;
  }
  if (format !== 'openssh') throw new UsageError("the format is 'openssh' or 'pkcs8'");

  const check = new Uint8Array(4);
  nodeCrypto.randomFill(check);
  const section = encodeOpenSshSection(secretComponents(key), key.comment, check, passphrase !== undefined);
  try {
    if (passphrase === undefined) return encodeOpenSsh(key.publicKey.blob, section, null);
    const salt = new Uint8Array(SALT_BYTES);
    nodeCrypto.randomFill(salt);
    return encodeOpenSsh(key.publicKey.blob, await encrypt(section, passphrase, salt, rounds), { salt, rounds });
  } finally {
    section.fill(0);
  }
}

/**
 * Writes the private key into a new file that only its owner can read and write (mode 0600; on Windows what the directory
 * says). See {@link formatPrivateKey} for the text.
 * @throws UsageError where the file exists: a key is never written over another. Other errors of the file system are passed
 *   on, and a file that could not be written whole is removed.
 */
export async function writePrivateKey(file: string, key: PrivateKey, options: FormatPrivateKeyOptions = {}): Promise<void> {
  const text = encodeUtf8(await formatPrivateKey(key, options));
  try {
    // O_CREAT | O_EXCL: fails on anything that is there, dangling symbolic links included.
    const handle = await open(file, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
      throw new UsageError(`${file} exists; a key is not written over another file`, { cause: error });
    });
    try {
      await handle.writeFile(text);
      await handle.sync();
    } catch (error) {
      await unlink(file).catch(() => {});
      throw error;
    } finally {
      await handle.close();
    }
  } finally {
    text.fill(0);
  }
}

async function encrypt(section: Uint8Array, passphrase: string, salt: Uint8Array, rounds: number): Promise<Uint8Array> {
  const bytes = encodeUtf8(passphrase);
  const secret = await deriveKey({ name: 'bcrypt', salt, rounds }, bytes, openSshCipher.keyBytes + openSshCipher.ivBytes);
  try {
    return encryptSection(section, openSshCipher, secret);
  } finally {
    bytes.fill(0);
    secret.fill(0);
  }
}
