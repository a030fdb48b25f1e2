// The keys of `-o` that concern the connection, as rows: each checks its value and sets its option, unless that was set before.
// What a verb has beyond them is in a list of its own, of the same form.

import { usualAgent } from '../../agent/location.ts';
import { nearest } from '../../algorithms/nearest.ts';
import type { AlgorithmCategory } from '../../algorithms/registry.ts';
import { printable, UsageError } from '../../errors.ts';
import { parseJumpHosts, userName } from './destination.ts';
import type { ConnectionOptions } from './options.ts';
import { fileNames, oneOf, seconds, wholeNumber, words, yesOrNo } from './values.ts';

export interface Keyword<O> {
  readonly name: string;
  /** @throws UsageError where the value is not one. */
  set(options: O, value: string): void;
}

export const connectionKeywords: readonly Keyword<ConnectionOptions>[] = [
  row('Port', (options, value) => (options.port ??= wholeNumber('Port', value, 1, 65_535))),
  row('User', (options, value) => (options.user ??= userName(value))),
  row('IdentityFile', (options, value) => options.identityFiles.push(...fileNames(value))),
  row('CertificateFile', (options, value) => options.certificateFiles.push(...fileNames(value))),
  row('IdentitiesOnly', (options, value) => (options.identitiesOnly ??= yesOrNo('IdentitiesOnly', value))),
  row('IdentityAgent', (options, value) => {
    if (options.identityAgent === undefined) options.identityAgent = agentSocket(value);
  }),
  // Of these two the first one counts, whichever it is.
  row('ProxyJump', (options, value) => {
    const hops = parseJumpHosts(value);
    if (options.proxyJump === undefined && options.proxyCommand === undefined) options.proxyJump = hops;
  }),
  row('ProxyCommand', (options, value) => {
    if (options.proxyJump === undefined && options.proxyCommand === undefined) {
      options.proxyCommand = value.toLowerCase() === 'none' ? null : value;
    }
  }),
  row('UserKnownHostsFile', (options, value) => (options.userKnownHostsFiles ??= fileNames(value))),
  row('GlobalKnownHostsFile', (options, value) => (options.globalKnownHostsFiles ??= fileNames(value))),
  row('StrictHostKeyChecking', (options, value) => {
    const words = { yes: 'yes', true: 'yes', ask: 'ask', 'accept-new': 'accept-new', no: 'no', false: 'no', off: 'no' } as const;
    options.strictHostKeyChecking ??= oneOf('StrictHostKeyChecking', value, words);
  }),
  row('UpdateHostKeys', (options, value) => {
    const words = { yes: 'yes', true: 'yes', no: 'no', false: 'no', ask: 'ask' } as const;
    options.updateHostKeys ??= oneOf('UpdateHostKeys', value, words);
  }),
  row('HashKnownHosts', (options, value) => (options.hashKnownHosts ??= yesOrNo('HashKnownHosts', value))),
  algorithms('KexAlgorithms', 'kex'),
  algorithms('Ciphers', 'ciphers'),
  algorithms('MACs', 'macs'),
  algorithms('HostKeyAlgorithms', 'keys'),
  algorithms('PubkeyAcceptedAlgorithms', 'pubkeys'),
  row('Compression', (options, value) => (options.compression ??= yesOrNo('Compression', value))),
  row('ServerAliveInterval', (options, value) => (options.serverAliveIntervalSeconds ??= seconds('ServerAliveInterval', value))),
  row('ServerAliveCountMax', (options, value) => (options.serverAliveCountMax ??= wholeNumber('ServerAliveCountMax', value, 0))),
  row('ConnectTimeout', (options, value) => {
    if (value.toLowerCase() !== 'none') options.connectTimeoutSeconds ??= seconds('ConnectTimeout', value);
  }),
  row('RekeyLimit', (options, value) => (options.rekey ??= rekeyLimit(value))),
  row('PreferredAuthentications', (options, value) => (options.preferredAuthentications ??= methods(value))),
  row('BatchMode', (options, value) => (options.batchMode ??= yesOrNo('BatchMode', value))),
  row('GSSAPIAuthentication', (options, value) => (options.gssapiAuthentication ??= yesOrNo('GSSAPIAuthentication', value))),
  row('GSSAPIDelegateCredentials', (options, value) => {
    options.gssapiDelegateCredentials ??= yesOrNo('GSSAPIDelegateCredentials', value);
  }),
];

/** The methods that there are, in the order in which they are tried. */
export const authenticationMethods: readonly string[] = ['gssapi-with-mic', 'publickey', 'keyboard-interactive', 'password'];

/** Methods of others that lists for OpenSSH may hold; they are never tried. */
const foreignMethods: readonly string[] = ['none', 'hostbased', 'gssapi-keyex'];

/** A row. */
export function row<O>(name: string, set: (options: O, value: string) => unknown): Keyword<O> {
  return {
    name,
    set: (options, value) => {
      set(options, value);
    },
  };
}

function algorithms(name: string, category: AlgorithmCategory): Keyword<ConnectionOptions> {
  return row(name, (options, value) => (options.algorithms[category] ??= value));
}

/** `64K`, `1G 1h`, `default 10m`, `default none`. */
function rekeyLimit(value: string): NonNullable<ConnectionOptions['rekey']> {
  const [amount = '', time, ...more] = words(value);
  if (more.length > 0) throw new UsageError(`RekeyLimit takes a size and a time, not '${printable(value)}'`);
  const limit: { bytes?: number; milliseconds?: number } = {};
  if (amount.toLowerCase() !== 'default') {
    const match = /^(\d{1,12})([kmg]?)$/i.exec(amount);
    if (match === null) throw new UsageError(`RekeyLimit needs a size such as 64K, 500M or 1G, not '${printable(amount)}'`);
    const factor = { '': 1, k: 1_024, m: 1_048_576, g: 1_073_741_824 }[(match[2] as string).toLowerCase()] as number;
    limit.bytes = Number(match[1]) * factor;
    // Less than this is spent on the key exchange itself.
    if (limit.bytes < 4_096) throw new UsageError(`RekeyLimit is too small: '${printable(amount)}'; the least is 4K`);
  }
  if (time !== undefined && time.toLowerCase() !== 'none') {
    limit.milliseconds = 1_000 * seconds('RekeyLimit', time);
    if (limit.milliseconds === 0) throw new UsageError('RekeyLimit needs a time above 0');
  }
  return limit;
}

function methods(value: string): readonly string[] {
  const names = value.split(',').filter((name) => name !== '');
  for (const name of names) {
    if (authenticationMethods.includes(name) || foreignMethods.includes(name)) continue;
    const close = nearest(name, authenticationMethods);
    const hint = close === null ? `; there are ${authenticationMethods.join(', ')}` : `; did you mean '${close}'?`;
    throw new UsageError(`unknown authentication method '${printable(name)}'${hint}`);
  }
  return names;
}

/** ssh_config(5), IdentityAgent: `none`, `SSH_AUTH_SOCK`, the variable that has the socket's path, or the path. */
export function agentSocket(value: string): string | null {
  if (value.toLowerCase() === 'none') return null;
  if (value === 'SSH_AUTH_SOCK') return usualAgent();
  if (value.startsWith('$')) return process.env[value.slice(1).replace(/^\{(.*)\}$/, '$1')] || null;
  const [path, ...more] = fileNames(value);
  if (path === undefined || more.length > 0)
    throw new UsageError(`IdentityAgent needs the path of one socket, not '${printable(value)}'`);
  return path;
}
