// Keys and certificates in files. An encrypted key whose public half lies beside it (`.pub`) is offered first and opened only when
// the server wants it, so that nobody types a passphrase for nothing.

import { readFile, stat } from 'node:fs/promises';
import { AuthenticationError, KeyFormatError, PassphraseError } from '../../errors.ts';
import type { Certificate } from '../../keys/certificate.ts';
import { parseCertificate } from '../../keys/node/certify.ts';
import { parsePublicKey, readPrivateKey, readPublicKey } from '../../keys/node/read.ts';
import type { PrivateKey } from '../../keys/private-key.ts';
import type { PublicKey } from '../../keys/public-key.ts';
import { signatureAlgorithmsOf } from '../../keys/signature.ts';
import type { Signer } from '../../keys/signer.ts';
import { type Asking, MAX_TRIES } from './asking.ts';
import type { Log } from './log.ts';

/**
 * Which key a file stands for, as far as that can be told without a passphrase: by the `.pub` beside it, by itself, or, where it is
 * a public key (whose private half the agent has), by that. Null where it can't; nothing is said then.
 */
export async function peekPublicKey(file: string): Promise<PublicKey | null> {
  const ways = [
    () => readPublicKey(`${file}.pub`),
    async () => (await readPrivateKey(file)).publicKey,
    () => readPublicKey(file),
  ];
  for (const way of ways) {
    try {
      return await way();
    } catch (error) {
      if (!(error instanceof KeyFormatError || error instanceof PassphraseError)) throw error;
    }
  }
  // An encrypted key without its public half: the certificate beside it has one.
  return readCertificate(`${file}-cert.pub`).then(
    (certificate) => parsePublicKey(certificate.publicKey.blob),
    () => null,
  );
}

/** @throws KeyFormatError that names the file */
export async function readCertificate(file: string): Promise<Certificate> {
  try {
    return parseCertificate(await readFile(file, 'utf8'));
  } catch (error) {
    throw new KeyFormatError(error instanceof Error ? error.message : String(error), { cause: error, file });
  }
}

/** Hears of a key that has been read. */
type Opened = (key: PrivateKey) => Promise<void>;

/** Reads a key; null, after saying why, where that is not possible. */
export async function readIdentity(file: string, asking: Asking, log: Log, opened: Opened): Promise<Signer | null> {
  try {
    const key = await readPrivateKey(file);
    if (await isExposed(file, log)) return null;
    log.debug(1, `identity ${file}: ${key.publicKey.type} ${key.fingerprint}`);
    await opened(key);
    return key;
  } catch (error) {
    if (error instanceof PassphraseError) return (await isExposed(file, log)) ? null : openLater(file, asking, log, opened);
    log.error(`identity ${error instanceof Error ? error.message : String(error)}`);
    return null;
  }
}

/** As with ssh, a key of ours that others can read or write is not used: it may be theirs as well by now. Said if it is so. */
async function isExposed(file: string, log: Log): Promise<boolean> {
  const { uid, mode } = await stat(file);
  // Windows has neither; its files are guarded by other means.
  if (uid !== process.getuid?.() || (mode & 0o077) === 0) return false;
  const rights = (mode & 0o777).toString(8).padStart(4, '0');
  log.error(`identity ${file} is not used: others have rights to the file (${rights}); chmod go= if it is still secret`);
  return true;
}

async function openLater(file: string, asking: Asking, log: Log, opened: Opened): Promise<Signer | null> {
  let publicKey: PublicKey;
  try {
    publicKey = await readPublicKey(`${file}.pub`);
  } catch {
    return openWithPassphrase(file, asking, log, opened);
  }
  log.debug(1, `identity ${file}: ${publicKey.type} ${publicKey.fingerprint}, encrypted`);
  let key: Promise<Signer | null> | undefined;
  return {
    publicKey,
    algorithms: signatureAlgorithmsOf(publicKey.type),
    // Asked for first, by its public half.
    costly: true,
    async sign(data, algorithm) {
      key ??= openWithPassphrase(file, asking, log, opened);
      const signer = await key;
      if (signer === null) throw new AuthenticationError(`the key ${file} stays locked: no right passphrase`);
      if (!signer.publicKey.equals(publicKey)) throw new AuthenticationError(`${file}.pub is not the public half of ${file}`);
      return signer.sign(data, algorithm);
    },
  };
}

async function openWithPassphrase(file: string, asking: Asking, log: Log, opened: Opened): Promise<Signer | null> {
  if (!asking.possible) {
    log.error(`identity ${file} is encrypted and nobody can be asked for its passphrase: ${whyNobody}`);
    return null;
  }
  for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
    const passphrase = await asking.ask(`Passphrase for the key '${file}': `, false);
    if (!passphrase) return null;
    try {
      const key = await readPrivateKey(file, { passphrase });
      await opened(key);
      return key;
    } catch (error) {
      log.error(`identity ${error instanceof Error ? error.message : String(error)}`);
      if (!(error instanceof PassphraseError)) return null;
    }
  }
  return null;
}

/** What to do where nobody can be asked. */
export const whyNobody = 'stdin is not a terminal (or BatchMode is on), and SSH_ASKPASS is not in use';
