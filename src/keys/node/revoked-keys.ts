// Files that say which keys count no more, as sshd's RevokedKeys and ssh's RevokedHostKeys take them: a key revocation list, or public
// keys line by line. Either all of a file is understood or nothing may be concluded from it: a line that was skipped could have been
// the one that revokes, so it is an error, and callers let nobody in then.

import { readFile } from 'node:fs/promises';
import { nodeCrypto } from '../../crypto/node/index.ts';
import { KeyFormatError } from '../../errors.ts';
import { Certificate } from '../certificate.ts';
import { certifiedKeyType } from '../certificate-algorithms.ts';
import { Krl } from '../krl.ts';
import { PublicKey } from '../public-key.ts';
import { parseCertificate } from './certify.ts';

/**
 * The keys that any of some files revokes.
 *
 * @example
 * ```ts
 * import { RevokedKeys } from 'amiko/keys';
 * import { KnownHosts, verifyHostKey } from 'amiko/known-hosts';
 *
 * const knownHosts = await KnownHosts.read([`${process.env.HOME}/.ssh/known_hosts`]);
 * const revokedKeys = await RevokedKeys.read(['/etc/ssh/revoked_host_keys']);
 * const hostKey = verifyHostKey({ host: 'server.example.com' }, { knownHosts, revokedKeys });
 * ```
 */
export class RevokedKeys {
  readonly #lists: { readonly file: string; readonly list: Krl }[] = [];
  /** Where each key is listed, by its blob in base64. */
  readonly #keys = new Map<string, string>();

  private constructor() {}

  /**
   * What the files revoke. There is no such thing as an optional file: one that is missing is an error.
   * @throws KeyFormatError naming the file, and the line where it is one, for anything that cannot be read
   */
  static async read(files: readonly string[]): Promise<RevokedKeys> {
    const revoked = new RevokedKeys();
    for (const file of files) {
      const bytes = await bytesOf(file);
      if (Krl.looksLikeOne(bytes)) {
        revoked.#lists.push({ file, list: await inFile(file, () => Krl.parse(bytes, nodeCrypto)) });
      } else await revoked.#addLines(bytes.toString('utf8'), file);
    }
    return revoked;
  }

  /** What revokes the key, the certificate it is in, or that one's authority, and the file that says so; null where nothing does. */
  whyRevoked(key: PublicKey | Certificate): string | null {
    const plain = key instanceof Certificate ? key.publicKey : key;
    const certificate = key instanceof Certificate ? key : key.certificate;
    const listed = this.#keys.get(plain.getBase64());
    if (listed !== undefined) return `the key is listed (${listed})`;
    const authority = certificate === null ? undefined : this.#keys.get(certificate.signatureKey.getBase64());
    if (authority !== undefined) return `its authority is listed (${authority})`;
    for (const { file, list } of this.#lists) {
      const why = list.whyRevoked(key);
      if (why !== null) return `${why} (${file})`;
    }
    return null;
  }

  async #addLines(text: string, file: string): Promise<void> {
    for (const [index, raw] of text.split('\n').entries()) {
      const line = raw.trim();
      if (line === '' || line.startsWith('#')) continue;
      const place = `${file}:${index + 1}`;
      const key = await inFile(place, () => keyOf(line));
      if (!this.#keys.has(key.getBase64())) this.#keys.set(key.getBase64(), place);
    }
  }
}

/** The key in a line, that of a certificate included: as for sshd, who lists a certificate means its key. */
function keyOf(line: string): PublicKey {
  const [type = '', base64 = ''] = line.split(/[ \t]+/, 2);
  if (base64 === '') throw new KeyFormatError('not a key, nor is the file a key revocation list');
  if (certifiedKeyType(type) !== undefined) return parseCertificate(`${type} ${base64}`).publicKey;
  return PublicKey.fromText(`${type} ${base64}`, nodeCrypto);
}

async function bytesOf(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new KeyFormatError(`cannot be read: ${(error as Error).message}`, { file, cause: error });
  }
}

async function inFile<T>(file: string, read: () => T | Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw new KeyFormatError(error instanceof Error ? error.message : String(error), { file, cause: error });
  }
}
