// Which host key is right, as the configuration says it: known_hosts files, HostKeyAlias, RevokedHostKeys, StrictHostKeyChecking.
// There is nobody to ask here, so `ask` is `yes`; and `no` is `accept-new`: a key that changed or is revoked is refused whatever a
// file says, because that is what an attack looks like.

import { type AlgorithmOptions, chooseAlgorithms } from '../algorithms/policy.ts';
import { type AlgorithmPolicy, defaultAlgorithms } from '../algorithms/registry.ts';
import type { ResolvedConfig } from '../config/resolved-config.ts';
import type { VerifyHostKey } from '../transport/options.ts';
import { hashKnownHostsOf } from './configured-settings.ts';
import { verifyHostKey } from './host-key-policy.ts';
import { readKnownHosts, readRevokedKeys } from './known-host-files.ts';

export interface ConfiguredHostKey {
  readonly hostKey: VerifyHostKey;
  /** What to offer, those of known keys first unless HostKeyAlgorithms is an order of its own. */
  readonly keys: NonNullable<AlgorithmOptions['keys']>;
}

/** @throws SSHError with ERR_SSH_HOST_KEY where a file cannot be read */
export async function configuredHostKey(
  config: ResolvedConfig,
  policy: AlgorithmPolicy | undefined,
  log: (message: string) => void,
): Promise<ConfiguredHostKey> {
  const { hostname, port, hostKeyAlias: alias, userKnownHostsFiles, revokedHostKeys, strictHostKeyChecking: strict } = config;
  const { caSignatureAlgorithms, requiredRsaSize } = config;
  const revokedKeys = revokedHostKeys === null ? null : await readRevokedKeys(revokedHostKeys);
  const knownHosts = await readKnownHosts([...userKnownHostsFiles, ...config.globalKnownHostsFiles], log);
  const [file] = userKnownHostsFiles;
  const hash = hashKnownHostsOf(config);
  const hostKey = verifyHostKey(
    { host: hostname, port },
    {
      knownHosts,
      strict,
      ...(alias !== null && { alias }),
      ...(revokedKeys !== null && { revokedKeys }),
      ...(caSignatureAlgorithms !== null && { caSignatureAlgorithms }),
      requiredRsaSize,
      ...(file !== undefined && { file }),
      ...(hash !== undefined && { hash }),
      notify: log,
    },
  );
  const { keys } = chooseAlgorithms(config.algorithms, defaultAlgorithms(policy));
  if (config.hostKeyOrderIsChosen) return { hostKey, keys: keys.join(',') };
  const [name, at] = alias === null ? [hostname, port] : [alias, 22];
  return { hostKey, keys: knownHosts.preferredAlgorithms(name, at, keys) };
}
