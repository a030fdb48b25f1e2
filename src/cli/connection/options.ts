// The settings of one connection as the command line and the files together have it: what the rest of this folder works with. What
// the library reads in the same way is in client/configured-settings.ts, and what has no effect in client/without-effect.ts.

import type { AlgorithmOptions } from '../../algorithms/policy.ts';
import {
  addressOf,
  connectTimeoutOf,
  hashKnownHostsOf,
  identityAgentOf,
  identityFilesOf,
  keepaliveOf,
  METHODS,
  methodsOf,
  rekeyOf,
} from '../../client/configured-settings.ts';
import type { StrictHostKeyChecking } from '../../client/host-key-policy.ts';
import type { ResolvedConfig } from '../../config/resolved-config.ts';
import type { RekeyLimits } from '../../engine/config.ts';
import type { Address } from '../../io/dial.ts';
import type { CommandLine } from './command-line.ts';
import type { Configuration } from './configuration.ts';
import type { Destination } from './destination.ts';
import { checkEffects } from './effects.ts';
import { type AddKeys, addKeys } from './keys-to-agent.ts';
import { mistake } from './mistake.ts';
import type { Target } from './target.ts';

export interface ConnectionOptions {
  readonly target: Target;
  /** Private keys; null for the usual files. */
  readonly identityFiles: readonly string[] | null;
  readonly certificateFiles: readonly string[];
  /** Of the agent's keys, only those that are named by a file. */
  readonly identitiesOnly: boolean;
  /** The agent's socket; null for none. Undefined for what SSH_AUTH_SOCK says, which need not be there. */
  readonly identityAgent: string | null | undefined;
  /** Whether keys from files go to the agent. */
  readonly addKeysToAgent: AddKeys | null;
  /** The host to connect through and those before it, nearest first; empty for none. */
  readonly proxyJump: readonly Destination[];
  /** The options for the last of these, which is itself behind the others. @throws UsageError, ConfigError */
  readonly jumpHost: (hop: Destination, before: readonly Destination[]) => Promise<ConnectionOptions>;
  /** A shell command whose stdin and stdout are the connection; null for none. */
  readonly proxyCommand: string | null;
  /** Whether known_hosts follows what a known host says about its keys. */
  readonly updateHostKeys: 'yes' | 'no' | 'ask';
  readonly userKnownHostsFiles: readonly string[];
  readonly globalKnownHostsFiles: readonly string[];
  readonly strictHostKeyChecking: StrictHostKeyChecking;
  /** Undefined for as the file has it. */
  readonly hashKnownHosts: boolean | undefined;
  /** The name to look up in known_hosts. */
  readonly hostKeyAlias: string | null;
  /** Keys that no host may have. */
  readonly revokedHostKeys: string | null;
  /** How authorities may sign; null for any way that proves something. */
  readonly caSignatureAlgorithms: readonly string[] | null;
  /** Bits below which an RSA key, the host's or ours, counts for nothing. */
  readonly requiredRsaSize: number;
  readonly algorithms: AlgorithmOptions;
  /** The order of host key algorithms was chosen, and known hosts do not change it. */
  readonly hostKeyOrderIsChosen: boolean;
  /** Milliseconds, 0 for never, and how often in vain. */
  readonly keepalive: { readonly interval: number; readonly countMax: number };
  /** Milliseconds; null for the system's own limit. */
  readonly connectTimeout: number | null;
  /** How often to try to reach the host, a second apart. */
  readonly connectionAttempts: number;
  readonly rekey: Partial<RekeyLimits>;
  readonly channelTimeouts: ResolvedConfig['channelTimeouts'];
  /** The methods to try, in order. */
  readonly authentications: readonly string[];
  /** How often a password is asked for. */
  readonly passwordPrompts: number;
  readonly batchMode: boolean;
  readonly gssapiDelegateCredentials: boolean;
  /** Where to connect, and from where. */
  readonly address: Address & { readonly port: number };
  /** Only errors are told. */
  readonly quiet: boolean;
  /** Nor these: the exit status tells. */
  readonly silent: boolean;
  readonly verbosity: 0 | 1 | 2 | 3;
  /** What the files say that has no effect here, for people to read. */
  readonly notices: readonly string[];
}

/** More are a circle, or the work of one who wants us to open connections. */
const MOST_HOPS = 16;

/** @throws UsageError for what was typed and cannot be done, ConfigError for what the files say */
export function connectionOptions(config: ResolvedConfig, configuration: Configuration, hops = 0): ConnectionOptions {
  const { commandLine } = configuration;
  const { proxyJump, proxyCommand } = config;
  if (hops + proxyJump.length > MOST_HOPS) {
    throw mistake(config, commandLine, ['ProxyJump'], `more than ${MOST_HOPS} jump hosts: does ProxyJump lead in a circle?`);
  }
  return {
    target: { host: config.hostname, port: config.port, user: config.user },
    identityFiles: identityFilesOf(config, commandLine.identityFiles),
    certificateFiles: config.certificateFiles,
    identitiesOnly: config.identitiesOnly,
    identityAgent: identityAgentOf(config),
    addKeysToAgent: addKeys(config),
    proxyJump: proxyJump.map(({ user, host, port }) => ({ host, user: user ?? undefined, port: port ?? undefined })),
    jumpHost: async (hop, before) =>
      connectionOptions(await configuration.jumpHost(hop, before), configuration, hops + proxyJump.length),
    proxyCommand: proxyCommand?.text ?? null,
    updateHostKeys: config.updateHostKeys,
    userKnownHostsFiles: config.userKnownHostsFiles,
    globalKnownHostsFiles: config.globalKnownHostsFiles,
    strictHostKeyChecking: config.strictHostKeyChecking,
    hashKnownHosts: hashKnownHostsOf(config),
    hostKeyAlias: config.hostKeyAlias,
    revokedHostKeys: config.revokedHostKeys,
    caSignatureAlgorithms: config.caSignatureAlgorithms,
    requiredRsaSize: config.requiredRsaSize,
    algorithms: config.algorithms,
    hostKeyOrderIsChosen: config.hostKeyOrderIsChosen,
    keepalive: keepaliveOf(config),
    connectTimeout: connectTimeoutOf(config),
    rekey: rekeyOf(config),
    channelTimeouts: config.channelTimeouts,
    connectionAttempts: config.connectionAttempts,
    authentications: authentications(config, commandLine),
    passwordPrompts: config.numberOfPasswordPrompts,
    batchMode: config.batchMode,
    gssapiDelegateCredentials: config.gssapiDelegateCredentials,
    address: addressOf(config),
    ...loudness(config),
    notices: [...config.notices, ...checkEffects(config, commandLine)],
  };
}

function loudness({ logLevel }: ResolvedConfig): Pick<ConnectionOptions, 'quiet' | 'silent' | 'verbosity'> {
  const level = Number(/^DEBUG([123]?)$/.exec(logLevel)?.[1] || logLevel.startsWith('DEBUG'));
  const silent = logLevel === 'SILENT';
  return { quiet: silent || ['FATAL', 'ERROR'].includes(logLevel), silent, verbosity: level as ConnectionOptions['verbosity'] };
}

/** Those to try. @throws UsageError, ConfigError where there are none */
function authentications(config: ResolvedConfig, commandLine: CommandLine): readonly string[] {
  const methods = methodsOf(config);
  if (methods !== null) return methods;
  const keyword = 'PreferredAuthentications';
  throw mistake(config, commandLine, [keyword], `none of the methods in ${keyword} is one of ${METHODS.join(', ')}`);
}
