// What the command line can say about a connection, the same for every verb that makes one, and the option letters that all of
// them share. For an option given twice the first one counts (ssh_config(5)).

import type { AlgorithmOptions } from '../../algorithms/policy.ts';
import type { StrictHostKeyChecking } from '../../client/host-key-policy.ts';
import { UsageError } from '../../errors.ts';
import { type OptionTable, setFromText, setKeyword } from './arguments.ts';
import type { Destination } from './destination.ts';

/** What was asked for; what is undefined was not. */
export interface ConnectionOptions {
  port?: number;
  user?: string;
  identityFiles: string[];
  certificateFiles: string[];
  /** Of the agent's keys, only those that are named by a file. */
  identitiesOnly?: boolean;
  /** The agent's socket; null for none. Default what SSH_AUTH_SOCK says. */
  identityAgent?: string | null;
  /** Hosts to connect through, nearest first; null for none. Rules {@link proxyCommand} out, and the other way round. */
  proxyJump?: readonly Destination[] | null;
  /** A shell command whose stdin and stdout are the connection, its tokens not yet expanded; null for none. */
  proxyCommand?: string | null;
  /** Whether known_hosts follows what a known host says about its keys. Default yes for the user's usual file. */
  updateHostKeys?: 'yes' | 'no' | 'ask';
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
  gssapiAuthentication?: boolean;
  gssapiDelegateCredentials?: boolean;
  quiet: boolean;
  verbosity: 0 | 1 | 2 | 3;
  family: 0 | 4 | 6;
}

export function newConnectionOptions(): ConnectionOptions {
  return { identityFiles: [], certificateFiles: [], algorithms: {}, quiet: false, verbosity: 0, family: 0 };
}

/** Letters with a value that mean the same everywhere. */
export function connectionFlagsWithValue<O extends ConnectionOptions>(
  table: () => OptionTable<O>,
): Readonly<Record<string, (options: O, value: string) => void>> {
  return {
    // As it is: a file name may hold blanks and quotes.
    i: (options, value) => options.identityFiles.push(value),
    c: (options, value) => setKeyword(table(), options, 'Ciphers', value),
    o: (options, value) => setFromText(table(), options, value),
    J: (options, value) => {
      if (options.proxyCommand != null) throw new UsageError('-J and ProxyCommand are two ways to one host: give one of them');
      if (options.proxyJump != null) throw new UsageError('-J can be given only once; part the hosts by commas');
      setKeyword(table(), options, 'ProxyJump', value);
    },
  };
}

/** Letters without a value that mean the same everywhere. */
export function connectionFlags<O extends ConnectionOptions>(
  table: () => OptionTable<O>,
): Readonly<Record<string, (options: O) => void>> {
  return {
    q: (options) => {
      options.quiet = true;
    },
    v: (options) => {
      options.verbosity = Math.min(options.verbosity + 1, 3) as ConnectionOptions['verbosity'];
    },
    C: (options) => setKeyword(table(), options, 'Compression', 'yes'),
    4: (options) => {
      options.family = 4;
    },
    6: (options) => {
      options.family = 6;
    },
  };
}
