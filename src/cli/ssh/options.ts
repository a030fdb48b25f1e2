// The arguments of `amiko ssh`: options before and right after the host, then the command. `-t` and `-T` add up, of all other
// options the first one counts.

import { chooseAlgorithms } from '../../algorithms/policy.ts';
import { printable, UsageError } from '../../errors.ts';
import type { ForwardTarget } from '../../forward/target.ts';
import { type OptionTable, parseFlags, setKeyword } from '../connection/arguments.ts';
import { parseDestination, parseSshAddress } from '../connection/destination.ts';
import { connectionKeywords } from '../connection/keywords.ts';
import {
  type ConnectionOptions,
  connectionFlags,
  connectionFlagsWithValue,
  newConnectionOptions,
} from '../connection/options.ts';
import { type ForwardRequest, parseDynamic, parseForward, parseStdioForward } from './forward-arguments.ts';
import { sessionKeywords } from './session-keywords.ts';

/** What was asked for; what is undefined was not. */
export interface SshOptions extends ConnectionOptions {
  host: string;
  /** Null for a shell. */
  command: string | null;
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
  noStdin: boolean;
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
  ...connectionFlagsWithValue(() => table),
  p: (options, value) => setKeyword(table, options, 'Port', value),
  l: (options, value) => setKeyword(table, options, 'User', value),
  m: (options, value) => setKeyword(table, options, 'MACs', value),
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
  ...connectionFlags(() => table),
  t: (options) => {
    options.requestTty = options.requestTty === 'yes' || options.requestTty === 'force' ? 'force' : 'yes';
  },
  T: (options) => {
    options.requestTty = 'no';
  },
  n: (options) => {
    options.noStdin = true;
  },
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
};

/** The keys of `-o`. */
export const sshKeywords = [...connectionKeywords, ...sessionKeywords];

const table: OptionTable<SshOptions> = { keywords: sshKeywords, flags, flagsWithValue, notYet };

/** Reads the arguments after `ssh`. @throws UsageError */
export function parseArguments(args: readonly string[]): Invocation {
  const options: SshOptions = {
    ...newConnectionOptions(),
    host: '',
    command: null,
    setEnv: new Map(),
    sendEnv: [],
    forwards: [],
    noStdin: false,
    escape: true,
  };
  let rest = args;
  for (const place of ['before', 'after'] as const) {
    const parsed = parseFlags(table, options, rest);
    if (typeof parsed === 'string') return { kind: parsed };
    rest = parsed.rest;
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

function setDestination(options: SshOptions, destination: string): void {
  const { host, user, port } = parseSshAddress(destination) ?? parseDestination(destination);
  options.host = host;
  if (port !== undefined) setKeyword(table, options, 'Port', String(port));
  if (user !== undefined) setKeyword(table, options, 'User', user);
}
