// The keys of `-o`, as rows: each checks its value and sets its option, unless that was set before. A value is checked when it
// is read: a wrong one must not turn into a connection with other settings than were asked for.

import { homedir } from 'node:os';
import { join } from 'node:path';
import { nearest } from '../../algorithms/nearest.ts';
import type { AlgorithmCategory } from '../../algorithms/registry.ts';
import { printable, UsageError } from '../../errors.ts';
import { parseDynamic, parseForward } from './forward-arguments.ts';
import type { SshOptions } from './options.ts';

export interface Keyword {
  readonly name: string;
  /** @throws UsageError where the value is not one. */
  set(options: SshOptions, value: string): void;
}

export const keywords: readonly Keyword[] = [
  row('Port', (options, value) => (options.port ??= wholeNumber('Port', value, 1, 65_535))),
  row('User', (options, value) => (options.user ??= userName(value))),
  row('IdentityFile', (options, value) => options.identityFiles.push(...fileNames(value))),
  row('UserKnownHostsFile', (options, value) => (options.userKnownHostsFiles ??= fileNames(value))),
  row('GlobalKnownHostsFile', (options, value) => (options.globalKnownHostsFiles ??= fileNames(value))),
  row('StrictHostKeyChecking', (options, value) => {
    const words = { yes: 'yes', true: 'yes', ask: 'ask', 'accept-new': 'accept-new', no: 'no', false: 'no', off: 'no' } as const;
    options.strictHostKeyChecking ??= oneOf('StrictHostKeyChecking', value, words);
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
  row('SetEnv', (options, value) => {
    for (const assignment of words(value)) {
      const equals = assignment.indexOf('=');
      if (equals < 1) throw new UsageError(`SetEnv needs NAME=VALUE, not '${printable(assignment)}'`);
      const name = assignment.slice(0, equals);
      if (!options.setEnv.has(name)) options.setEnv.set(name, assignment.slice(equals + 1));
    }
  }),
  row('SendEnv', (options, value) => options.sendEnv.push(...words(value))),
  row('RequestTTY', (options, value) => {
    const known = { no: 'no', false: 'no', yes: 'yes', true: 'yes', force: 'force', auto: 'auto' } as const;
    options.requestTty ??= oneOf('RequestTTY', value, known);
  }),
  // A configuration file parts the two ends by a blank.
  row('LocalForward', (options, value) => options.forwards.push(parseForward('local', words(value).join(':')))),
  row('RemoteForward', (options, value) => options.forwards.push(parseForward('remote', words(value).join(':')))),
  row('DynamicForward', (options, value) => options.forwards.push(parseDynamic(value))),
  row('ClearAllForwardings', (options, value) => (options.clearAllForwardings ??= yesOrNo('ClearAllForwardings', value))),
  row('ExitOnForwardFailure', (options, value) => (options.exitOnForwardFailure ??= yesOrNo('ExitOnForwardFailure', value))),
  row('GatewayPorts', (options, value) => (options.gatewayPorts ??= yesOrNo('GatewayPorts', value))),
  row('SessionType', (options, value) => {
    options.noSession ??= oneOf('SessionType', value, { none: true, default: false });
  }),
  row('ForwardAgent', (options, value) => (options.forwardAgent ??= agentToForward(value))),
  row('ForwardX11', (options, value) => (options.forwardX11 ??= yesOrNo('ForwardX11', value))),
  row('ForwardX11Trusted', (_options, value) => {
    if (!yesOrNo('ForwardX11Trusted', value)) throw new UsageError('X11 programs with restricted rights are not supported yet');
  }),
  row('GSSAPIAuthentication', (options, value) => (options.gssapiAuthentication ??= yesOrNo('GSSAPIAuthentication', value))),
  row('GSSAPIDelegateCredentials', (options, value) => {
    options.gssapiDelegateCredentials ??= yesOrNo('GSSAPIDelegateCredentials', value);
  }),
];

/** The methods that there are, in the order in which they are tried. */
export const authenticationMethods: readonly string[] = ['gssapi-with-mic', 'publickey', 'keyboard-interactive', 'password'];

/** Methods of others that lists for OpenSSH may hold; they are never tried. */
const foreignMethods: readonly string[] = ['none', 'hostbased', 'gssapi-keyex'];

function row(name: string, set: (options: SshOptions, value: string) => unknown): Keyword {
  return {
    name,
    set: (options, value) => {
      set(options, value);
    },
  };
}

function algorithms(name: string, category: AlgorithmCategory): Keyword {
  return row(name, (options, value) => (options.algorithms[category] ??= value));
}

function wholeNumber(name: string, value: string, least: number, most = 2_147_483_647): number {
  const number = /^\d{1,10}$/.test(value) ? Number(value) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw new UsageError(`${name} needs a whole number from ${least} to ${most}, not '${printable(value)}'`);
}

function yesOrNo(name: string, value: string): boolean {
  return oneOf(name, value, { yes: true, true: true, no: false, false: false });
}

function oneOf<T>(name: string, value: string, known: Readonly<Record<string, T>>): T {
  const word = value.toLowerCase();
  if (Object.hasOwn(known, word)) return known[word] as T;
  const close = nearest(word, Object.keys(known));
  const hint = close === null ? `; it can be ${Object.keys(known).join(', ')}` : `; did you mean '${close}'?`;
  throw new UsageError(`${name} cannot be '${printable(value)}'${hint}`);
}

/** sshd_config(5), "TIME FORMATS": 90, 90s, 1h30m. */
function seconds(name: string, value: string): number {
  const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 };
  let total = 0;
  let rest = value.toLowerCase();
  while (rest !== '') {
    const match = /^(\d{1,9})([smhdw]?)/.exec(rest);
    if (match === null) throw new UsageError(`${name} needs a time such as 30 or 5m, not '${printable(value)}'`);
    total += Number(match[1]) * (units[match[2] || 's'] as number);
    rest = rest.slice(match[0].length);
  }
  // Timers take no more than 2^31 - 1 milliseconds.
  if (total > 2_147_483) throw new UsageError(`${name} is too long: '${printable(value)}'`);
  return total;
}

/** `64K`, `1G 1h`, `default 10m`, `default none`. */
function rekeyLimit(value: string): NonNullable<SshOptions['rekey']> {
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

/** ssh_config(5): "yes", "no", the path of a socket, or the variable that has it, beginning with $. */
function agentToForward(value: string): boolean | string {
  if (value.startsWith('$')) return process.env[value.slice(1)] || false;
  const [path] = value.includes('/') ? fileNames(value) : [];
  return path ?? yesOrNo('ForwardAgent', value);
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

function userName(value: string): string {
  if (printable(value) !== value || value.startsWith('-')) throw new UsageError(`not a user name: '${printable(value)}'`);
  return value;
}

/** File names; `~/` is the home directory, as the shell does not see it behind `-o Key=`. */
function fileNames(value: string): string[] {
  return words(value).map((name) => (name === '~' || name.startsWith('~/') ? join(homedir(), name.slice(1)) : name));
}

/** Words parted by white space; double quotes keep one together. */
function words(value: string): string[] {
  const found: string[] = [];
  let word: string | null = null;
  let quoted = false;
  for (const character of value) {
    if (character === '"') {
      quoted = !quoted;
      word ??= '';
    } else if (!quoted && (character === ' ' || character === '\t')) {
      if (word !== null) found.push(word);
      word = null;
    } else {
      word = (word ?? '') + character;
    }
  }
  if (quoted) throw new UsageError(`a quote is not closed: '${printable(value)}'`);
  if (word !== null) found.push(word);
  return found;
}
