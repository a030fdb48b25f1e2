// The arguments of `amiko sftp`, as sftp(1) has them: options, the destination, and perhaps where the file goes.

import { printable, UsageError } from '../../errors.ts';
import { type OptionTable, parseAll } from '../connection/arguments.ts';
import {
  type CommandLine,
  connectionLetters,
  connectionLettersWithValue,
  namePort,
  newCommandLine,
  says,
  set,
} from '../connection/command-line.ts';
import { parseRemotePlace, type RemotePlace } from '../transfer/place.ts';
import { bufferBytes, limitOf, requestCount, type Tuning, tune } from '../transfer/tuning.ts';

export interface SftpOptions extends CommandLine, Tuning {
  place: RemotePlace;
  /** Where a file that is named with the host goes; undefined for the same name here. */
  target?: string;
  /** The file with the commands, `-` for stdin. */
  batchFile?: string;
  /** -N: tell what commands do, with -b too. */
  notQuiet: boolean;
  preserve: boolean;
  recursive: boolean;
  resume: boolean;
  fsync: boolean;
  /** The subsystem to ask for. */
  subsystem: string;
}

export type Invocation =
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  | { readonly kind: 'connect'; readonly options: SftpOptions };

const notYet: Readonly<Record<string, string>> = {
  A: 'agent forwarding, which SFTP has no use for',
  D: 'a local sftp-server',
  S: 'another program for the connection',
};

const table: OptionTable<SftpOptions> = {
  notYet,
  flags: {
    ...connectionLetters,
    a: (options) => {
      options.resume = true;
    },
    f: (options) => {
      options.fsync = true;
    },
    N: (options) => {
      options.notQuiet = true;
    },
    p: (options) => {
      options.preserve = true;
    },
    r: (options) => {
      options.recursive = true;
    },
  },
  flagsWithValue: {
    ...connectionLettersWithValue,
    B: (options, value) => (options.requestBytes ??= bufferBytes(value)),
    b: (options, value) => {
      if (options.batchFile !== undefined) throw new UsageError('-b can be given only once');
      options.batchFile = value;
    },
    l: (options, value) => (options.limit ??= limitOf(value)),
    P: namePort,
    R: (options, value) => (options.requests ??= requestCount(value)),
    s: (options, value) => {
      if (value === '' || value.includes('/')) throw new UsageError('-s takes the name of a subsystem; paths are not supported');
      options.subsystem = value;
    },
    X: tune,
  },
};

/** Reads the arguments after `sftp`. @throws UsageError */
export function parseArguments(args: readonly string[]): Invocation {
  const options: SftpOptions = {
    ...newCommandLine(),
    place: { kind: 'remote', destination: { host: '' }, path: '' },
    notQuiet: false,
    preserve: false,
    recursive: false,
    resume: false,
    fsync: false,
    subsystem: 'sftp',
  };
  const words = parseAll(table, options, args);
  if (typeof words === 'string') return { kind: words };
  const [destination, target, ...more] = words;
  if (destination === undefined) throw new UsageError('a host is missing');
  if (more.length > 0)
    throw new UsageError(`what is '${printable(more[0] as string)}' for? The host and a target are there already`);
  options.place = parseRemotePlace(destination);
  if (target !== undefined) {
    if (options.place.path === '')
      throw new UsageError(`'${printable(target)}' is the target of nothing: name a file with the host`);
    if (options.batchFile !== undefined) throw new UsageError('-b and a target do not go together');
    options.target = target;
  }
  // Commands that come from a file leave nobody to ask.
  if (options.batchFile !== undefined && !says(options, 'batchmode')) set(options, 'BatchMode', 'yes', 'b');
  return { kind: 'connect', options };
}
