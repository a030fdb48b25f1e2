// The arguments of `amiko ssh`: options before and right after the host, then the command. Most letters are short for a line of
// ssh_config(5) and are read with the files; what is here is only what was typed.

import { printable, UsageError } from '../../errors.ts';
import type { ForwardTarget } from '../../forward/target.ts';
import { type OptionTable, parseFlags } from '../connection/arguments.ts';
import {
  type CommandLine,
  connectionLetters,
  connectionLettersWithValue,
  namePort,
  nameUser,
  newCommandLine,
  set,
} from '../connection/command-line.ts';
import { parseDestination, parseSshAddress, userName } from '../connection/destination.ts';
import { type ForwardRequest, parseDynamic, parseForward, parseStdioForward } from './forward-arguments.ts';

export interface SshArguments extends CommandLine {
  host: string;
  /** What stands behind the host, or null. */
  command: string | null;
  /** -L, -R, -D, in the order in which they were named. */
  forwards: ForwardRequest[];
  /** -W, or null. */
  stdioForward: ForwardTarget | null;
  /** -E: where to append the log. */
  logFile?: string;
  /** -G: only say what holds for the host. */
  print: boolean;
}

export type Invocation =
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  | { readonly kind: 'connect'; readonly typed: SshArguments };

/** Letters of OpenSSH's that are not supported yet, and what they are for. */
const notYet: Readonly<Record<string, string>> = {
  I: 'PKCS#11',
  O: 'connection sharing',
  Q: 'queries',
  w: 'tunnels',
  y: 'the system log',
};

const table: OptionTable<SshArguments> = {
  notYet,
  flagsWithValue: {
    ...connectionLettersWithValue,
    p: namePort,
    l: (typed, value) => nameUser(typed, userName(value)),
    m: (typed, value) => set(typed, 'MACs', value, 'm'),
    b: (typed, value) => set(typed, 'BindAddress', value, 'b'),
    B: (typed, value) => set(typed, 'BindInterface', value, 'B'),
    E: (typed, value) => {
      typed.logFile = value;
    },
    e: (typed, value) => set(typed, 'EscapeChar', value, 'e'),
    // Connections are not shared, which is said of these two as little as of the keywords that they stand for.
    S: (typed, value) => set(typed, 'ControlPath', value, 'S'),
    L: (typed, value) => typed.forwards.push(parseForward('local', value)),
    R: (typed, value) => typed.forwards.push(parseForward('remote', value)),
    D: (typed, value) => typed.forwards.push(parseDynamic(value)),
    W: (typed, value) => {
      if (typed.stdioForward !== null) throw new UsageError('-W can be given only once');
      typed.stdioForward = parseStdioForward(value);
      noSession(typed, 'W');
    },
  },
  flags: {
    ...connectionLetters,
    t: (typed) => {
      const before = typed.letters.get('RequestTTY')?.typed;
      set(typed, 'RequestTTY', before === '-t yes' || before === '-t force' ? 'force' : 'yes', 't');
    },
    T: (typed) => set(typed, 'RequestTTY', 'no', 'T'),
    n: (typed) => set(typed, 'StdinNull', 'yes', 'n'),
    f: (typed) => set(typed, 'ForkAfterAuthentication', 'yes', 'f'),
    M: (typed) => set(typed, 'ControlMaster', typed.letters.has('ControlMaster') ? 'ask' : 'yes', 'M'),
    N: (typed) => noSession(typed, 'N'),
    s: (typed) => set(typed, 'SessionType', 'subsystem', 's'),
    g: (typed) => set(typed, 'GatewayPorts', 'yes', 'g'),
    A: (typed) => set(typed, 'ForwardAgent', 'yes', 'A'),
    a: (typed) => set(typed, 'ForwardAgent', 'no', 'a'),
    X: (typed) => set(typed, 'ForwardX11', 'yes', 'X'),
    Y: (typed) => {
      set(typed, 'ForwardX11', 'yes', 'Y');
      set(typed, 'ForwardX11Trusted', 'yes', 'Y');
    },
    x: (typed) => set(typed, 'ForwardX11', 'no', 'x'),
    K: (typed) => {
      set(typed, 'GSSAPIAuthentication', 'yes', 'K');
      set(typed, 'GSSAPIDelegateCredentials', 'yes', 'K');
    },
    k: (typed) => set(typed, 'GSSAPIDelegateCredentials', 'no', 'k'),
    G: (typed) => {
      typed.print = true;
    },
  },
};

/** Reads the arguments after `ssh`. @throws UsageError */
export function parseArguments(args: readonly string[]): Invocation {
  const typed: SshArguments = {
    ...newCommandLine(),
    host: '',
    command: null,
    forwards: [],
    stdioForward: null,
    print: false,
  };
  let rest = args;
  for (const place of ['before', 'after'] as const) {
    const parsed = parseFlags(table, typed, rest);
    if (typeof parsed === 'string') return { kind: parsed };
    rest = parsed.rest;
    if (place === 'after') break;
    const [destination, ...more] = rest;
    if (destination === undefined) throw new UsageError('a host is missing');
    setDestination(typed, destination);
    rest = more;
  }
  if (rest.length > 0) typed.command = rest.join(' ');
  return { kind: 'connect', typed };
}

function noSession(typed: SshArguments, letter: string): void {
  set(typed, 'SessionType', 'none', letter);
  set(typed, 'RequestTTY', 'no', letter);
}

function setDestination(typed: SshArguments, destination: string): void {
  const { host, user, port } = parseSshAddress(destination) ?? parseDestination(destination);
  typed.host = host;
  if (port !== undefined) namePort(typed, String(port));
  if (user === '') throw new UsageError(`no user before the @ in '${printable(destination)}'`);
  if (user !== undefined) nameUser(typed, userName(user));
}
