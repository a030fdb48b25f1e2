// Keywords of ssh_config(5) that amiko does not act on. Most make no difference to where a connection goes or who may use it, and are
// let pass without a word, as files that are shared with OpenSSH have them. Those that do are refused where they were typed, and told
// of where a file says them: ignoring what somebody relies on could be dangerous.

import type { ResolvedConfig } from '../../config/resolved-config.ts';
import { UsageError } from '../../errors.ts';
import { type CommandLine, keywordOf, linesOf } from './command-line.ts';

interface Row {
  readonly keyword: string;
  /** Values that change nothing, besides not being set. */
  readonly harmless: readonly string[];
  readonly why: string;
}

const ROWS: readonly Row[] = [
  { keyword: 'Tunnel', harmless: ['false'], why: 'network tunnels are not supported' },
  { keyword: 'BindInterface', harmless: [], why: 'connecting from an interface is not supported; BindAddress is' },
  { keyword: 'KnownHostsCommand', harmless: [], why: 'programs that know host keys are not supported' },
  { keyword: 'HostbasedAuthentication', harmless: ['no'], why: 'host-based authentication is not supported' },
  { keyword: 'ForkAfterAuthentication', harmless: ['no'], why: 'going to the background is not supported' },
  { keyword: 'CheckHostIP', harmless: ['no'], why: 'hosts are known by their names only' },
  { keyword: 'GSSAPIClientIdentity', harmless: [], why: 'Kerberos logs in with its default identity' },
  { keyword: 'GSSAPIServerIdentity', harmless: [], why: 'Kerberos expects the host by its name' },
  { keyword: 'PKCS11Provider', harmless: [], why: 'PKCS#11 is not supported; an agent can hold such keys' },
];

/** What to tell people. @throws UsageError for what was typed and has no effect, and for what cannot work */
export function checkEffects(config: ResolvedConfig, commandLine: CommandLine): readonly string[] {
  if (config.setting('ProxyUseFdpass') === 'yes' && config.proxyCommand !== null) {
    throw new UsageError('ProxyUseFdpass is not supported: a socket cannot be taken over from the proxy command');
  }
  if (config.proxyCommand?.text === '-') {
    throw new UsageError('ProxyCommand - is not supported: stdin and stdout are those of the session');
  }
  const typed = linesOf(commandLine).map(({ text }) => keywordOf(text));
  const notices: string[] = [];
  for (const { keyword, harmless, why } of ROWS) {
    const value = config.setting(keyword);
    if (value === null || harmless.includes(value)) continue;
    if (typed.includes(keyword.toLowerCase())) throw new UsageError(`${keyword}: ${why}`);
    notices.push(`${keyword} of the configuration has no effect: ${why}`);
  }
  return notices;
}
