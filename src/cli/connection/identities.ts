// The keys to log in with. An encrypted key whose public half lies beside it (`.pub`) is offered first and opened only when the
// server wants it, so that nobody types a passphrase for nothing.

import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { AuthenticationError, PassphraseError } from '../../errors.ts';
import { readPrivateKey, readPublicKey } from '../../keys/node/read.ts';
import type { PublicKey } from '../../keys/public-key.ts';
import { signatureAlgorithmsOf } from '../../keys/signature.ts';
import type { Signer } from '../../keys/signer.ts';
import { type Asking, MAX_TRIES } from './asking.ts';
import type { Log } from './log.ts';

/** The files to try: those that were named, else those of the usual names that exist. */
export function identityFiles(named: readonly string[]): readonly string[] {
  if (named.length > 0) return [...new Set(named)];
  return ['id_ed25519', 'id_ecdsa', 'id_rsa'].map((name) => join(homedir(), '.ssh', name)).filter((file) => existsSync(file));
}

/** Reads a key; null, after saying why, where that is not possible. */
export async function readIdentity(file: string, asking: Asking, log: Log): Promise<Signer | null> {
  try {
    const key = await readPrivateKey(file);
    log.debug(1, `identity ${file}: ${key.publicKey.type} ${key.fingerprint}`);
    return key;
  } catch (error) {
    if (error instanceof PassphraseError) return openLater(file, asking, log);
    log.error(`identity ${error instanceof Error ? error.message : String(error)}`);
    return null;
  }
}

async function openLater(file: string, asking: Asking, log: Log): Promise<Signer | null> {
  let publicKey: PublicKey;
  try {
    publicKey = await readPublicKey(`${file}.pub`);
  } catch {
    return openWithPassphrase(file, asking, log);
  }
  log.debug(1, `identity ${file}: ${publicKey.type} ${publicKey.fingerprint}, encrypted`);
  let opened: Promise<Signer | null> | undefined;
  return {
    publicKey,
    algorithms: signatureAlgorithmsOf(publicKey.type),
    // Asked for first, by its public half.
    costly: true,
    async sign(data, algorithm) {
      opened ??= openWithPassphrase(file, asking, log);
      const key = await opened;
      if (key === null) throw new AuthenticationError(`the key ${file} stays locked: no right passphrase`);
      if (!key.publicKey.equals(publicKey)) throw new AuthenticationError(`${file}.pub is not the public half of ${file}`);
      return key.sign(data, algorithm);
    },
  };
}

async function openWithPassphrase(file: string, asking: Asking, log: Log): Promise<Signer | null> {
  if (!asking.possible) {
    log.error(`identity ${file} is encrypted and nobody can be asked for its passphrase: ${whyNobody}`);
    return null;
  }
  for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
    const passphrase = await asking.ask(`Passphrase for the key '${file}': `, false);
    if (!passphrase) return null;
    try {
      return await readPrivateKey(file, { passphrase });
    } catch (error) {
      log.error(`identity ${error instanceof Error ? error.message : String(error)}`);
      if (!(error instanceof PassphraseError)) return null;
    }
  }
  return null;
}

/** What to do where nobody can be asked. */
export const whyNobody = 'stdin is not a terminal (or BatchMode is on), and SSH_ASKPASS is not in use';
