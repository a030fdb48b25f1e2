// Private keys to files. From its first moment only its owner can read a file (paramiko CVE-2022-24302 was the gap between creating
// a file and protecting it), nothing is replaced unless that was asked for, and what is replaced is never half written.

import { open, rename, unlink } from 'node:fs/promises';
import { encodeUtf8, toHex } from '../../bytes/bytes.ts';
import { nodeCrypto } from '../../crypto/node/index.ts';
import { UsageError } from '../../errors.ts';
import type { PrivateKey } from '../private-key.ts';
import { type FormatPrivateKeyOptions, formatPrivateKey } from './format.ts';

/** How to write a private key into a file. */
export interface WritePrivateKeyOptions extends FormatPrivateKeyOptions {
  /**
   * Replaces the file where there is one, all at once: whoever reads it meanwhile sees the old key or the new one. A symbolic link
   * is replaced itself. False unless given.
   */
  readonly overwrite?: boolean | undefined;
}

/**
 * Writes the private key into a file that only its owner can read and write (mode 0600; on Windows what the directory says). See
 * {@link formatPrivateKey} for the text.
 *
 * @example
 * ```ts
 * import { readPrivateKey, writePrivateKey } from 'amiko/keys';
 *
 * // Another passphrase for a key, and PuTTY's format for it.
 * const key = await readPrivateKey('id_ed25519', { passphrase: 'old' });
 * await writePrivateKey('id_ed25519', key, { passphrase: 'new', overwrite: true });
 * await writePrivateKey('id_ed25519.ppk', key, { passphrase: 'new', format: 'ppk' });
 * ```
 * @throws UsageError where the file exists and `overwrite` was not given. Other errors of the file system are passed on, and a
 *   file that could not be written whole is removed.
 */
export async function writePrivateKey(file: string, key: PrivateKey, options: WritePrivateKeyOptions = {}): Promise<void> {
  const text = encodeUtf8(await formatPrivateKey(key, options));
  try {
    if (options.overwrite !== true) return await create(file, text);
    // Beside it, so that it is the same file system. Nobody else knows the name, so that nobody can have been there first.
    const random = new Uint8Array(8);
    nodeCrypto.randomFill(random);
    const fresh = `${file}.${toHex(random)}`;
    await create(fresh, text);
    try {
      await rename(fresh, file);
    } catch (error) {
      await unlink(fresh).catch(() => {});
      throw error;
    }
  } finally {
    text.fill(0);
  }
}

async function create(file: string, text: Uint8Array): Promise<void> {
  // O_CREAT | O_EXCL: fails on anything that is there, dangling symbolic links included.
  const handle = await open(file, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
    throw new UsageError(`${file} exists; give overwrite: true to replace it`, { cause: error });
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
}
