// The files that say which host keys are right and which are not, read for one connection. One that is there and cannot be read is
// an error: nothing may be concluded then.

import { SSHError } from '../errors.ts';
import { RevokedKeys } from '../keys/node/revoked-keys.ts';
import { KnownHosts } from './known-hosts.ts';

/** @throws SSHError with ERR_SSH_HOST_KEY; a file that does not exist is an empty one */
export function readKnownHosts(files: readonly string[], log?: (message: string) => void): Promise<KnownHosts> {
  return reading('known hosts', () => KnownHosts.read(files, log));
}

/** Fails closed: who cannot be told apart from the revoked is not let in. @throws SSHError with ERR_SSH_HOST_KEY */
export function readRevokedKeys(file: string): Promise<RevokedKeys> {
  return reading('revoked keys', () => RevokedKeys.read([file]));
}

async function reading<T>(what: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    const message = `the ${what} cannot be read: ${error instanceof Error ? error.message : String(error)}`;
    throw new SSHError('ERR_SSH_HOST_KEY', message, { cause: error });
  }
}
