// The arguments of `amiko cp`: scp's letters, and words for what scp does not have. Options may stand anywhere; after `--` all are
// names.

import { UsageError } from '../../errors.ts';
import { type OptionTable, parseAll } from '../connection/arguments.ts';
import {
  type CommandLine,
  connectionLetters,
  connectionLettersWithValue,
  namePort,
  newCommandLine,
  set,
} from '../connection/command-line.ts';
import { type Place, parsePlace } from '../transfer/place.ts';
import { limitOf, type Tuning, tune } from '../transfer/tuning.ts';

export interface CpOptions extends CommandLine, Tuning {
  sources: readonly Place[];
  target: Place;
  recursive: boolean;
  preserve: boolean;
  /** Go on with what is there in part. */
  resume: boolean;
  /** Compare the contents in the end. */
  checksum: boolean;
  /** JSON Lines on stdout. */
  json: boolean;
}

export type Invocation =
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  | { readonly kind: 'copy'; readonly options: CpOptions };

const notYet: Readonly<Record<string, string>> = {
  A: 'agent forwarding, which SFTP has no use for',
  D: 'a local sftp-server',
  O: 'the protocol of old scp programs',
  R: 'copies that one server makes from the other',
  S: 'another program for the connection',
};

const table: OptionTable<CpOptions> = {
  notYet,
  flags: {
    ...connectionLetters,
    // As it is done anyway: through this machine, over SFTP, with names that are checked.
    3: () => {},
    s: () => {},
    T: () => {},
    B: (options) => set(options, 'BatchMode', 'yes', 'B'),
    p: (options) => {
      options.preserve = true;
    },
    r: (options) => {
      options.recursive = true;
    },
  },
  flagsWithValue: {
    ...connectionLettersWithValue,
    l: (options, value) => (options.limit ??= limitOf(value)),
    P: namePort,
    X: tune,
  },
  words: {
    resume: (options) => {
      options.resume = true;
    },
    checksum: (options) => {
      options.checksum = true;
    },
    json: (options) => {
      options.json = true;
    },
  },
};

/** Reads the arguments after `cp`. @throws UsageError */
export function parseArguments(args: readonly string[]): Invocation {
  const options: CpOptions = {
    ...newCommandLine(),
    sources: [],
    target: { kind: 'local', path: '' },
    recursive: false,
    preserve: false,
    resume: false,
    checksum: false,
    json: false,
  };
  const words = parseAll(table, options, args);
  if (typeof words === 'string') return { kind: words };
  if (words.length < 2) throw new UsageError(words.length === 0 ? 'a source and a target are missing' : 'a target is missing');
  const places = words.map((word) => parsePlace(word));
  options.target = places.pop() as Place;
  options.sources = places;
  if (![options.target, ...places].some(({ kind }) => kind === 'remote')) {
    throw new UsageError('all of these are files of this machine; a host is written host:path');
  }
  if (places.some(({ kind }) => kind === 'local') && options.target.kind === 'local') {
    throw new UsageError('a file of this machine is not copied to this machine; a host is written host:path');
  }
  return { kind: 'copy', options };
}
