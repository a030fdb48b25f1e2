// Keys and certificates in files. An encrypted key whose public half can be told is offered first and opened only when the server wants
// it, so that nobody types a passphrase for nothing.

import { stat } from 'node:fs/promises';
import type { Agent } from '../agent/agent.ts';
import { AuthenticationError, KeyFormatError, PassphraseError } from '../errors.ts';
import { parsePublicKey, readCertificate, readClaimedPublicKey, readPrivateKey, readPublicKey } from '../keys/node/read.ts';
import type { PrivateKey } from '../keys/private-key.ts';
import type { PublicKey } from '../keys/public-key.ts';
import { signatureAlgorithmsOf } from '../keys/signature.ts';
import type { Signer } from '../keys/signer.ts';

/** What reading keys has to tell, and to ask. */
export interface IdentityPort {
  /** Opens an encrypted file; null, after saying why, where it stays locked. Null in its own place: none is ever opened. */
  readonly unlock: ((file: string) => Promise<PrivateKey | null>) | null;
  /** Hears of each private key that was read, and of the agent where there is one. */
  readonly opened?: (key: PrivateKey, agent: Agent | null) => Promise<void>;
  readonly log: {
    error(message: string): void;
    debug(level: 1 | 2, message: string): void;
  };
}

/** A key that the server wants cannot be used after all. Nothing was sent for it. */
export class LockedKeyError extends AuthenticationError {}

/**
 * Which key a file stands for, as far as that can be told without a passphrase: by the `.pub` beside it, by itself, or, where it is
 * a public key (whose private half the agent has), by that. Null where it can't; nothing is said then.
 */
export async function peekPublicKey(file: string): Promise<PublicKey | null> {
  const found = await firstOf([
    () => readPublicKey(`${file}.pub`),
    async () => (await readPrivateKey(file)).publicKey,
    () => readClaimedPublicKey(file),
    () => readPublicKey(file),
  ]);
  // An encrypted key without its public half: the certificate beside it has one.
  return found ?? firstOf([async () => parsePublicKey((await readCertificate(`${file}-cert.pub`)).publicKey.blob)]);
}

async function firstOf(ways: readonly (() => Promise<PublicKey | null>)[]): Promise<PublicKey | null> {
  for (const way of ways) {
    try {
      const key = await way();
      if (key !== null) return key;
    } catch (error) {
      if (!(error instanceof KeyFormatError || error instanceof PassphraseError)) throw error;
    }
  }
  return null;
}

/** Reads a key; null, after saying why, where that is not possible. */
export async function readIdentity(file: string, agent: Agent | null, port: IdentityPort): Promise<Signer | null> {
  try {
    const key = await readPrivateKey(file);
    if (await isExposed(file, port.log)) return null;
    port.log.debug(1, `identity ${file}: ${key.publicKey.type} ${key.fingerprint}`);
    await port.opened?.(key, agent);
    return key;
  } catch (error) {
    if (error instanceof PassphraseError) return (await isExposed(file, port.log)) ? null : openLater(file, agent, port);
    port.log.error(`identity ${error instanceof Error ? error.message : String(error)}`);
    return null;
  }
}

async function isExposed(file: string, log: IdentityPort['log']): Promise<boolean> {
  const why = await whyExposed(file);
  if (why !== null) log.error(`identity ${file} is not used: ${why}`);
  return why !== null;
}

/**
 * Why a private key that is ours should not be used, as for ssh: others can read or write it, so it may be theirs as well by now. Null
 * where it may.
 * @throws Error (of node:fs)
 */
export async function whyExposed(file: string): Promise<string | null> {
  const { uid, mode } = await stat(file);
  // Windows has neither; its files are guarded by other means.
  if (uid !== process.getuid?.() || (mode & 0o077) === 0) return null;
  const rights = (mode & 0o777).toString(8).padStart(4, '0');
  return `others have rights to the file (${rights}); chmod go= if it is still secret`;
}

async function openLater(file: string, agent: Agent | null, port: IdentityPort): Promise<Signer | null> {
  const { unlock, log } = port;
  if (unlock === null) {
    log.error(`identity ${file} is encrypted, and there is no passphrase`);
    return null;
  }
  const open = async () => {
    const key = await unlock(file);
    if (key !== null) await port.opened?.(key, agent);
    return key;
  };
  const publicKey = await firstOf([() => readPublicKey(`${file}.pub`), () => readClaimedPublicKey(file)]);
  if (publicKey === null) return open();
  log.debug(1, `identity ${file}: ${publicKey.type} ${publicKey.fingerprint}, encrypted`);
  let opened: Promise<Signer | null> | undefined;
  return {
    publicKey,
    algorithms: signatureAlgorithmsOf(publicKey.type),
    // Asked for first, by its public half.
    costly: true,
    async sign(data, algorithm) {
      opened ??= open();
      const signer = await opened;
      if (signer === null) throw new LockedKeyError(`the key ${file} stays locked: no right passphrase`);
      if (!signer.publicKey.equals(publicKey)) {
        const message = `the public key beside ${file} is not its own`;
        log.error(`identity ${message}`);
        throw new LockedKeyError(message);
      }
      return signer.sign(data, algorithm);
    },
  };
}
