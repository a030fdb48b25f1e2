// Keywords of ssh_config(5) that amiko does not act on. Most make no difference to where a connection goes or who may use it, and are
// let pass without a word, as files that are shared with OpenSSH have them. Those that do are told of: ignoring what somebody relies
// on could be dangerous.

import type { ResolvedConfig } from '../config/resolved-config.ts';

/** A keyword that is set and does nothing. */
export interface WithoutEffect {
  readonly keyword: string;
  readonly why: string;
}

interface Row extends WithoutEffect {
  /** Values that change nothing, besides not being set. */
  readonly harmless: readonly string[];
}

const ROWS: readonly Row[] = [
  { keyword: 'Tunnel', harmless: ['false'], why: 'network tunnels are not supported' },
  { keyword: 'KnownHostsCommand', harmless: [], why: 'programs that know host keys are not supported' },
  { keyword: 'HostbasedAuthentication', harmless: ['no'], why: 'host-based authentication is not supported' },
  { keyword: 'ForkAfterAuthentication', harmless: ['no'], why: 'going to the background is not supported' },
  { keyword: 'CheckHostIP', harmless: ['no'], why: 'hosts are known by their names only' },
  { keyword: 'GSSAPIClientIdentity', harmless: [], why: 'Kerberos logs in with its default identity' },
  { keyword: 'GSSAPIServerIdentity', harmless: [], why: 'Kerberos expects the host by its name' },
  { keyword: 'PKCS11Provider', harmless: [], why: 'PKCS#11 is not supported; an agent can hold such keys' },
];

export function withoutEffect(config: ResolvedConfig): readonly WithoutEffect[] {
  return ROWS.filter(({ keyword, harmless }) => {
    const value = config.setting(keyword);
    return value !== null && !harmless.includes(value);
  });
}

/** Why the proxy command cannot be what the configuration wants of it; null where it can. */
export function proxyProblem(config: ResolvedConfig): string | null {
  const { proxyCommand } = config;
  if (proxyCommand === null) return null;
  if (proxyCommand.text === '-') return 'ProxyCommand - is not supported: stdin and stdout are those of the session';
  if (config.setting('ProxyUseFdpass') !== 'yes') return null;
  return 'ProxyUseFdpass is not supported: a socket cannot be taken over from the proxy command';
}
