// How the host's key is checked, and which algorithms to offer for it: known_hosts files, StrictHostKeyChecking, and a person at
// the terminal where there is one.

import { homedir } from 'node:os';
import { join } from 'node:path';
import { chooseAlgorithms } from '../../algorithms/policy.ts';
import { verifyHostKey } from '../../client/host-key-policy.ts';
import { KnownHosts } from '../../client/known-hosts.ts';
import { SSHError } from '../../errors.ts';
import type { PublicKey } from '../../keys/public-key.ts';
import type { VerifyHostKey } from '../../transport/options.ts';
import type { Asking } from './asking.ts';
import { HostKeyFollower } from './host-key-follower.ts';
import type { Log } from './log.ts';
import type { ConnectionOptions } from './options.ts';

export interface HostKeyCheck {
  readonly verify: VerifyHostKey;
  /** What to offer, as the algorithms option has it. */
  readonly algorithms: string;
  /** Takes in what the host says about its keys, or null where that is not wanted. */
  readonly learned: ((keys: readonly PublicKey[]) => Promise<void>) | null;
}

/** @throws SSHError where a file cannot be read */
export async function hostKeyCheck(
  { host, port }: { readonly host: string; readonly port: number },
  options: ConnectionOptions,
  asking: Asking,
  log: Log,
): Promise<HostKeyCheck> {
  const { strictHostKeyChecking: strict = 'ask', hashKnownHosts: hash } = options;
  const userFiles = options.userKnownHostsFiles ?? [join(homedir(), '.ssh', 'known_hosts')];
  const globalFiles = options.globalKnownHostsFiles ?? ['/etc/ssh/ssh_known_hosts'];
  const files = [...userFiles, ...globalFiles].filter((file) => file !== 'none');
  const knownHosts = await readKnownHosts(files, log);
  const [file] = userFiles.filter((name) => name !== 'none');
  const check = verifyHostKey(
    { host, port },
    {
      knownHosts,
      strict,
      ...(file !== undefined && { file }),
      ...(hash !== undefined && { hash }),
      ...(asking.atTerminal && { ask: (text) => asking.askPerson(text) }),
      notify: (message) => log.notice(message),
    },
  );
  // As ssh: a file that was named may be anybody's.
  const mode = options.updateHostKeys ?? (options.userKnownHostsFiles === undefined ? 'yes' : 'no');
  const follower = new HostKeyFollower({ host, port, mode, hash, knownHosts, log });
  const verify: VerifyHostKey = async (key) => {
    const before = knownHosts.check(host, port, key);
    const accepted = await check(key);
    if (accepted === true) follower.accepted(key, before, userFiles, strict === 'ask' ? file : undefined);
    return accepted;
  };
  const learned = follower.wanted ? (keys: readonly PublicKey[]) => follower.learned(keys) : null;
  const { keys: chosen } = options.algorithms;
  // An exact list is a choice of order, too.
  if (chosen !== undefined && !'+-^'.includes(chosen[0] as string)) return { verify, learned, algorithms: chosen };
  return { verify, learned, algorithms: knownHosts.preferredAlgorithms(host, port, chooseAlgorithms(options.algorithms).keys) };
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
