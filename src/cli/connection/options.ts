// What the command line can say about a connection, the same for every verb that makes one, and the option letters that all of
// them share. For an option given twice the first one counts (ssh_config(5)).

import type { AlgorithmOptions } from '../../algorithms/policy.ts';
import type { StrictHostKeyChecking } from '../../client/host-key-policy.ts';
import { printable, UsageError } from '../../errors.ts';
import { type OptionTable, setFromText, setKeyword } from './arguments.ts';

/** What was asked for; what is undefined was not. */
export interface ConnectionOptions {
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
  gssapiAuthentication?: boolean;
  gssapiDelegateCredentials?: boolean;
  quiet: boolean;
  verbosity: 0 | 1 | 2 | 3;
  family: 0 | 4 | 6;
}

/** A host with the user and the port that were named with it. */
export interface Destination {
  readonly host: string;
  readonly user?: string | undefined;
  readonly port?: number | undefined;
}

export function newConnectionOptions(): ConnectionOptions {
  return { identityFiles: [], algorithms: {}, quiet: false, verbosity: 0, family: 0 };
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

/** `[user@]host`, with or without brackets around the host. @throws UsageError for what cannot be a host's name */
export function parseDestination(destination: string): Destination {
  const at = destination.lastIndexOf('@');
  const host = destination.slice(at + 1);
  // It is passed on to the resolver and to logs; what begins with a minus is an option that went astray.
  if (host === '' || host.startsWith('-') || /[\0-\x20\x7f/]/.test(host))
    throw new UsageError(`not a host name: '${printable(host)}'`);
  return {
    host: /^\[[^\]]*\]$/.test(host) ? host.slice(1, -1) : host,
    ...(at >= 0 && { user: destination.slice(0, at) }),
  };
}
