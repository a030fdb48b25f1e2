// How the host's key is checked, and which algorithms to offer for it: known_hosts files, StrictHostKeyChecking, and a person at
// the terminal where there is one.

import { chooseAlgorithms } from '../../algorithms/policy.ts';
import { verifyHostKey } from '../../client/host-key-policy.ts';
import { readKnownHosts, readRevokedKeys } from '../../client/known-host-files.ts';
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
  log.debug(1, `known hosts are read from ${files.join(', ')}`);
  const knownHosts = await readKnownHosts(files, (message) => log.debug(1, message));
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
  const follower = new HostKeyFollower({ host, port, mode: options.updateHostKeys, hash, knownHosts, revokedKeys, asking, log });
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
