// How the host's key is checked, and which algorithms to offer for it: known_hosts files, StrictHostKeyChecking, and a person at
// the terminal where there is one.

import { chooseAlgorithms } from '../../algorithms/policy.ts';
import { verifyHostKey } from '../../client/host-key-policy.ts';
import { KnownHosts } from '../../client/known-hosts.ts';
import { SSHError } from '../../errors.ts';
import { RevokedKeys } from '../../keys/node/revoked-keys.ts';
import type { PublicKey } from '../../keys/public-key.ts';
import type { VerifyHostKey } from '../../transport/options.ts';
import type { Asking } from './asking.ts';
import { HostKeyFollower } from './host-key-follower.ts';
import type { Log } from './log.ts';
import type { ConnectionOptions } from './options.ts';

export interface HostKeyCheck {
  readonly verify: VerifyHostKey;
  /** What to offer, in order, as the algorithms option has it. */
  readonly algorithms: string;
  /** Takes in what the host says about its keys, or null where that is not wanted. */
  readonly learned: ((keys: readonly PublicKey[]) => Promise<void>) | null;
}

/** @throws SSHError where a file cannot be read */
export async function hostKeyCheck(options: ConnectionOptions, asking: Asking, log: Log): Promise<HostKeyCheck> {
  const { target, userKnownHostsFiles: userFiles, strictHostKeyChecking: strict, hashKnownHosts: hash } = options;
  const { hostKeyAlias, revokedHostKeys, caSignatureAlgorithms: caAlgorithms, requiredRsaSize } = options;
  // The name to look up: what a person calls a host whose address, or port, tells nothing.
  const { host, port } = hostKeyAlias === null ? target : { host: hostKeyAlias, port: 22 };
  const revokedKeys = revokedHostKeys === null ? null : await readRevokedKeys(revokedHostKeys);
  const files = [...userFiles, ...options.globalKnownHostsFiles];
  const knownHosts = await readKnownHosts(files, log);
  const [file] = userFiles;
  const check = verifyHostKey(
    { host: target.host, port: target.port },
    {
      knownHosts,
      strict,
      ...(hash !== undefined && { hash }),
      ...(hostKeyAlias !== null && { alias: hostKeyAlias }),
      ...(revokedKeys !== null && { revokedKeys }),
      ...(caAlgorithms !== null && { caSignatureAlgorithms: caAlgorithms }),
      requiredRsaSize,
      ...(file !== undefined && { file }),
      ...(asking.atTerminal && { ask: (text) => asking.askPerson(text) }),
      notify: (message) => log.notice(message),
    },
  );
  const follower = new HostKeyFollower({ host, port, mode: options.updateHostKeys, hash, knownHosts, log });
  const verify: VerifyHostKey = async (key) => {
    const before = knownHosts.check(host, port, key, caAlgorithms ?? undefined);
    const accepted = await check(key);
    if (accepted === true) follower.accepted(key, before, userFiles, strict === 'ask' ? file : undefined);
    return accepted;
  };
  const learned = follower.wanted ? (keys: readonly PublicKey[]) => follower.learned(keys) : null;
  const { keys } = chooseAlgorithms(options.algorithms);
  const algorithms = options.hostKeyOrderIsChosen ? keys.join(',') : knownHosts.preferredAlgorithms(host, port, keys);
  return { verify, learned, algorithms };
}

/** Fails closed: who cannot be told apart from the revoked is not let in. */
async function readRevokedKeys(file: string): Promise<RevokedKeys> {
  try {
    return await RevokedKeys.read([file]);
  } catch (error) {
    const message = `the revoked keys cannot be read: ${error instanceof Error ? error.message : String(error)}`;
    throw new SSHError('ERR_SSH_HOST_KEY', message, { cause: error });
  }
}

async function readKnownHosts(files: readonly string[], log: Log): Promise<KnownHosts> {
  log.debug(1, `known hosts are read from ${files.join(', ')}`);
  try {
    return await KnownHosts.read(files, (message) => log.debug(1, message));
  } catch (error) {
    throw new SSHError(
      'ERR_SSH_HOST_KEY',
      `the known hosts cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      {
        cause: error,
      },
    );
  }
}
