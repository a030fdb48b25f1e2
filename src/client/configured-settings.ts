// What the keywords of ssh_config(5) about a connection mean for ours: small answers that the library and the command line share.
// Nothing here opens or runs anything.

import { existsSync } from 'node:fs';
import type { ResolvedConfig } from '../config/resolved-config.ts';
import type { RekeyLimits } from '../engine/config.ts';
import type { Address } from '../io/dial.ts';
import { LONGEST_TIMER } from '../io/waiting.ts';

/** Where to connect, and from where. */
export function addressOf(config: ResolvedConfig): Address & { readonly port: number } {
  const { hostname: host, port, addressFamily, bindAddress } = config;
  const family = ({ any: 0, inet: 4, inet6: 6 } as const)[addressFamily];
  const keepAlive = config.setting('TCPKeepAlive') !== 'no';
  const bindInterface = config.setting('BindInterface');
  return {
    host,
    port,
    family,
    keepAlive,
    ...(bindAddress !== null && { localAddress: bindAddress }),
    ...(bindInterface !== null && { localInterface: bindInterface }),
  };
}

/** Milliseconds that a connection and its first keys may take; null for our own limits. */
export function connectTimeoutOf({ connectTimeout }: ResolvedConfig): number | null {
  return connectTimeout ? Math.min(connectTimeout, LONGEST_TIMER) : null;
}

export function keepaliveOf({ serverAliveInterval, serverAliveCountMax }: ResolvedConfig): {
  interval: number;
  countMax: number;
} {
  return { interval: Math.min(serverAliveInterval, LONGEST_TIMER), countMax: serverAliveCountMax };
}

/** What RekeyLimit says; empty where our own limits hold. */
export function rekeyOf({ rekeyLimit: { bytes, milliseconds } }: ResolvedConfig): Partial<RekeyLimits> {
  return { ...(bytes > 0 && { bytes }), ...(milliseconds > 0 && { milliseconds }) };
}

/**
 * The private keys to try; null for the usual files. As with ssh, files that only the configuration names need not be there, unless
 * they are `missed`.
 */
export function identityFilesOf(config: ResolvedConfig, missed: readonly string[] = []): readonly string[] | null {
  if (config.identityFilesAreDefaults) return null;
  const there = (file: string): boolean => [file, `${file}.pub`, `${file}-cert.pub`].some((name) => existsSync(name));
  return config.identityFiles.filter((file) => missed.includes(file) || there(file));
}

/** The agent's socket; null for none. Undefined for what SSH_AUTH_SOCK says, which need not be there. */
export function identityAgentOf(config: ResolvedConfig): string | null | undefined {
  return config.setting('IdentityAgent') === null ? undefined : config.identityAgent;
}

/** Undefined for as the file has it. */
export function hashKnownHostsOf(config: ResolvedConfig): boolean | undefined {
  return config.setting('HashKnownHosts') === null ? undefined : config.hashKnownHosts;
}

/** The methods that there are, in the order in which ssh tries them. */
export const METHODS = ['gssapi-with-mic', 'publickey', 'keyboard-interactive', 'password'] as const;

export type MethodName = (typeof METHODS)[number];

/**
 * Those of PreferredAuthentications, by default those in `usual`, and of these the ones that are not switched off. Methods that only
 * others have are left out; null where it names nothing else.
 */
export function methodsOf(config: ResolvedConfig, usual: readonly MethodName[] = METHODS): readonly MethodName[] | null {
  const wanted = config.preferredAuthentications ?? usual;
  const known = wanted.filter((name): name is MethodName => (METHODS as readonly string[]).includes(name));
  return known.length === 0 ? null : known.filter((name) => isOn(config, name));
}

function isOn(config: ResolvedConfig, name: MethodName): boolean {
  const on: Readonly<Record<MethodName, boolean>> = {
    'gssapi-with-mic': config.gssapiAuthentication,
    publickey: config.pubkeyAuthentication,
    'keyboard-interactive': config.kbdInteractiveAuthentication,
    password: config.passwordAuthentication,
  };
  return on[name];
}
