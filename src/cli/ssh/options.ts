// The arguments of `amiko ssh`, as OpenSSH's getopt reads them: `-vvA`, `-p2222`, `-oKey=Value`, options before and right after
// the host, then the command. For an option given twice the first one counts (ssh_config(5)), but `-t` and `-T` add up.
// An option that is not supported is refused: ignoring one that somebody relies on could be dangerous.

import { nearest } from '../../algorithms/nearest.ts';
import { type AlgorithmOptions, chooseAlgorithms } from '../../algorithms/policy.ts';
import type { StrictHostKeyChecking } from '../../client/host-key-policy.ts';
import { printable, UsageError } from '../../errors.ts';
import type { ForwardTarget } from '../../forward/target.ts';
import { type ForwardRequest, parseDynamic, parseForward, parseStdioForward } from './forward-arguments.ts';
import { keywords } from './keywords.ts';

/** What was asked for; what is undefined was not. */
export interface SshOptions {
  host: string;
  /** Null for a shell. */
  command: string | null;
  port?: number;
  user?: string;
  identityFiles: string[];
  userKnownHostsFiles?: readonly string[];
  globalKnownHostsFiles?: readonly string[];
  strictHostKeyChecking?: StrictHostKeyChecking;
  hashKnownHosts?: boolean;
  algorithms: { -readonly [C in keyof AlgorithmOptions]: string };
  compression?: boolean;
  serverAliveIntervalSeconds?: number;
  serverAliveCountMax?: number;
  connectTimeoutSeconds?: number;
  rekey?: { readonly bytes?: number; readonly milliseconds?: number };
  preferredAuthentications?: readonly string[];
  batchMode?: boolean;
  setEnv: Map<string, string>;
  /** Patterns of variable names. */
  sendEnv: string[];
  requestTty?: 'no' | 'yes' | 'force' | 'auto';
  /** Forwards to set up, in the order in which they were named. */
  forwards: ForwardRequest[];
  clearAllForwardings?: boolean;
  /** Forwards without an address listen on all of them. */
  gatewayPorts?: boolean;
  exitOnForwardFailure?: boolean;
  /** -W: stdin and stdout go there. */
  stdioForward?: ForwardTarget;
  /** -N: neither a command nor a shell. */
  noSession?: boolean;
  /** True for the agent in SSH_AUTH_SOCK, or the path of another one's socket. */
  forwardAgent?: boolean | string;
  forwardX11?: boolean;
  gssapiAuthentication?: boolean;
  gssapiDelegateCredentials?: boolean;
  noStdin: boolean;
  quiet: boolean;
  verbosity: 0 | 1 | 2 | 3;
  family: 0 | 4 | 6;
  escape: boolean;
}

export type Invocation =
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  | { readonly kind: 'connect'; readonly options: SshOptions };

/** Letters of OpenSSH's that are not supported yet, and what they are for. */
const notYet: Readonly<Record<string, string>> = {
  B: 'binding to an interface',
  b: 'binding to an address',
  E: 'a log file',
  F: 'configuration files',
  f: 'going to the background',
  G: 'printing the configuration',
  I: 'PKCS#11',
  J: 'jump hosts',
  M: 'connection sharing',
  O: 'connection sharing',
  Q: 'queries',
  S: 'connection sharing',
  s: 'subsystems',
  w: 'tunnels',
  y: 'the system log',
};

/** Letters that take a value. */
const flagsWithValue: Readonly<Record<string, (options: SshOptions, value: string) => void>> = {
  p: (options, value) => setKeyword(options, 'Port', value),
  l: (options, value) => setKeyword(options, 'User', value),
  // As it is: a file name may hold blanks and quotes.
  i: (options, value) => options.identityFiles.push(value),
  c: (options, value) => setKeyword(options, 'Ciphers', value),
  m: (options, value) => setKeyword(options, 'MACs', value),
  o: (options, value) => setFromText(options, value),
  L: (options, value) => options.forwards.push(parseForward('local', value)),
  R: (options, value) => options.forwards.push(parseForward('remote', value)),
  D: (options, value) => options.forwards.push(parseDynamic(value)),
  W: (options, value) => {
    if (options.stdioForward !== undefined) throw new UsageError('-W can be given only once');
    options.stdioForward = parseStdioForward(value);
  },
  e: (options, value) => {
    if (value !== 'none') throw new UsageError(`-e takes only 'none' so far, not '${printable(value)}'`);
    options.escape = false;
  },
};

const flags: Readonly<Record<string, (options: SshOptions) => void>> = {
  t: (options) => {
    options.requestTty = options.requestTty === 'yes' || options.requestTty === 'force' ? 'force' : 'yes';
  },
  T: (options) => {
    options.requestTty = 'no';
  },
  n: (options) => {
    options.noStdin = true;
  },
  q: (options) => {
    options.quiet = true;
  },
  v: (options) => {
    options.verbosity = Math.min(options.verbosity + 1, 3) as SshOptions['verbosity'];
  },
  C: (options) => setKeyword(options, 'Compression', 'yes'),
  N: (options) => {
    options.noSession = true;
  },
  g: (options) => {
    options.gatewayPorts = true;
  },
  // For these the last word counts, as with OpenSSH.
  A: (options) => {
    options.forwardAgent = true;
  },
  a: (options) => {
    options.forwardAgent = false;
  },
  X: (options) => {
    options.forwardX11 = true;
  },
  Y: (options) => {
    options.forwardX11 = true;
  },
  x: (options) => {
    options.forwardX11 = false;
  },
  K: (options) => {
    options.gssapiAuthentication = true;
    options.gssapiDelegateCredentials = true;
  },
  k: (options) => {
    options.gssapiDelegateCredentials = false;
  },
  4: (options) => {
    options.family = 4;
  },
  6: (options) => {
    options.family = 6;
  },
};

/** Reads the arguments after `ssh`. @throws UsageError */
export function parseArguments(args: readonly string[]): Invocation {
  const options: SshOptions = {
    host: '',
    command: null,
    identityFiles: [],
    algorithms: {},
    setEnv: new Map(),
    sendEnv: [],
    forwards: [],
    noStdin: false,
    quiet: false,
    verbosity: 0,
    family: 0,
    escape: true,
  };
  let rest = args;
  for (const place of ['before', 'after'] as const) {
    const parsed = parseFlags(options, rest);
    if (typeof parsed === 'string') return { kind: parsed };
    rest = parsed;
    if (place === 'after') break;
    const [destination, ...more] = rest;
    if (destination === undefined) throw new UsageError('a host is missing');
    setDestination(options, destination);
    rest = more;
  }
  if (rest.length > 0) options.command = rest.join(' ');
  completeForwards(options);
  // A misspelt algorithm is a mistake of whoever typed it, and is told before anything is done.
  chooseAlgorithms(options.algorithms);
  return { kind: 'connect', options };
}

/** What the options about forwards mean for each other. */
function completeForwards(options: SshOptions): void {
  const { stdioForward, noSession, command } = options;
  const word = stdioForward !== undefined ? '-W' : noSession ? '-N' : null;
  if (word === null) {
    if (options.clearAllForwardings) options.forwards = [];
    return;
  }
  if (command !== null) throw new UsageError(`${word} runs no command: there is '${printable(command)}' behind the host`);
  options.noSession = true;
  // ssh(1) on -W: "Implies -N, -T, ExitOnForwardFailure and ClearAllForwardings, though these can be overridden".
  if (options.clearAllForwardings ?? stdioForward !== undefined) options.forwards = [];
  if (stdioForward !== undefined) options.exitOnForwardFailure ??= true;
}

/** Reads options up to the first word that is none; returns what is left. */
function parseFlags(options: SshOptions, args: readonly string[]): readonly string[] | 'help' | 'version' {
  for (let index = 0; index < args.length; index++) {
    const argument = args[index] as string;
    if (argument === '--') return args.slice(index + 1);
    if (argument === '--help') return 'help';
    if (argument === '--version') return 'version';
    if (argument === '-' || !argument.startsWith('-')) return args.slice(index);
    if (argument.startsWith('--'))
      throw new UsageError(`unknown option '${printable(argument)}'${meant(argument, ['--help', '--version'])}`);
    for (let at = 1; at < argument.length; at++) {
      const letter = argument[at] as string;
      if (letter === 'h') return 'help';
      if (letter === 'V') return 'version';
      const flag = Object.hasOwn(flags, letter) ? flags[letter] : undefined;
      if (flag !== undefined) {
        flag(options);
        continue;
      }
      const withValue = Object.hasOwn(flagsWithValue, letter) ? flagsWithValue[letter] : undefined;
      if (withValue === undefined) throw unknownFlag(letter);
      const value = at + 1 < argument.length ? argument.slice(at + 1) : args[++index];
      if (value === undefined) throw new UsageError(`-${letter} needs a value`);
      withValue(options, value);
      break;
    }
  }
  return [];
}

function unknownFlag(letter: string): UsageError {
  if (Object.hasOwn(notYet, letter)) return new UsageError(`-${letter} (${notYet[letter]}) is not supported yet`);
  const known = [...Object.keys(flagsWithValue), ...Object.keys(flags)];
  const otherCase = known.find((name) => name.toLowerCase() === letter.toLowerCase());
  const hint =
    otherCase === undefined ? `; there are ${known.map((name) => `-${name}`).join(' ')}` : `; did you mean '-${otherCase}'?`;
  return new UsageError(`unknown option '-${printable(letter)}'${hint}`);
}

/** `Key=Value`, `Key Value`, `Key = Value`. */
function setFromText(options: SshOptions, text: string): void {
  let end = 0;
  while (end < text.length && !' \t='.includes(text[end] as string)) end++;
  const key = text.slice(0, end);
  while (end < text.length && ' \t'.includes(text[end] as string)) end++;
  if (text[end] === '=') end++;
  const value = text.slice(end).trim();
  if (key === '') throw new UsageError(`-o needs Key=Value, not '${printable(text)}'`);
  setKeyword(options, key, value);
}

function setKeyword(options: SshOptions, key: string, value: string): void {
  const row = keywords.find(({ name }) => name.toLowerCase() === key.toLowerCase());
  if (row === undefined) throw unknownKeyword(key);
  if (value === '') throw new UsageError(`${row.name} needs a value`);
  row.set(options, value);
}

function unknownKeyword(key: string): UsageError {
  const name = notYetKeywords.find((each) => each.toLowerCase() === key.toLowerCase());
  if (name !== undefined) return new UsageError(`-o ${name} is not supported yet`);
  const hint = meant(
    key,
    keywords.map((row) => row.name),
  );
  return new UsageError(`unknown option '-o ${printable(key)}'${hint}`);
}

/** Keywords of ssh_config(5) that people put on command lines, and that are to come. */
const notYetKeywords: readonly string[] = [
  ...['AddKeysToAgent', 'AddressFamily', 'BindAddress', 'CertificateFile', 'CheckHostIP', 'ControlMaster'],
  ...['ControlPath', 'ControlPersist', 'EscapeChar'],
  ...['HostKeyAlias', 'Hostname', 'IdentitiesOnly', 'IdentityAgent'],
  ...['KbdInteractiveAuthentication', 'LogLevel', 'NumberOfPasswordPrompts', 'PasswordAuthentication'],
  ...['ProxyCommand', 'ProxyJump', 'PubkeyAuthentication', 'RemoteCommand', 'TCPKeepAlive'],
  ...['Tunnel', 'UpdateHostKeys', 'VerifyHostKeyDNS', 'VisualHostKey'],
];

function setDestination(options: SshOptions, destination: string): void {
  const at = destination.lastIndexOf('@');
  const host = destination.slice(at + 1);
  if (/^[a-z]+:\/\//i.test(destination)) throw new UsageError('ssh:// addresses are not supported yet; use [user@]host and -p');
  // It is passed on to the resolver and to logs; what begins with a minus is an option that went astray.
  if (host === '' || host.startsWith('-') || /[\0-\x20\x7f/]/.test(host))
    throw new UsageError(`not a host name: '${printable(host)}'`);
  options.host = /^\[[^\]]*\]$/.test(host) ? host.slice(1, -1) : host;
  if (at >= 0) setKeyword(options, 'User', destination.slice(0, at));
}

function meant(word: string, names: readonly string[]): string {
  const close = nearest(word, names);
  return close === null ? '' : `; did you mean '${close}'?`;
}
