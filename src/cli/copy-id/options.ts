// The arguments of `amiko copy-id`: ssh-copy-id's letters, where -i names what is installed and not what to log in with, and those of
// every verb that connects.

import { printable, UsageError } from '../../errors.ts';
import { type OptionTable, parseAll } from '../connection/arguments.ts';
import {
  type CommandLine,
  connectionLetters,
  connectionLettersWithValue,
  namePort,
  newCommandLine,
} from '../connection/command-line.ts';
import { type Destination, parseDestination, parseSshAddress } from '../connection/destination.ts';

export interface CopyIdOptions extends CommandLine {
  destination: Destination;
  /** Files of public keys, or of private keys with the public one beside them. Empty: the agent's keys, or the newest file. */
  keyFiles: string[];
  /** Install what is there already, as long as it is not the same line. */
  force: boolean;
  /** Only say what would be installed. */
  dryRun: boolean;
  /** Over SFTP at once, without trying a shell. */
  sftp: boolean;
  /** One JSON object on stdout. */
  json: boolean;
}

export type Invocation =
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  | { readonly kind: 'copy-id'; readonly options: CopyIdOptions };

const table: OptionTable<CopyIdOptions> = {
  notYet: { t: 'another file than ~/.ssh/authorized_keys', x: 'debugging; there is -v' },
  flags: {
    ...connectionLetters,
    f: (options) => {
      options.force = true;
    },
    n: (options) => {
      options.dryRun = true;
    },
    s: (options) => {
      options.sftp = true;
    },
  },
  flagsWithValue: {
    ...connectionLettersWithValue,
    i: (options, value) => options.keyFiles.push(value),
    p: namePort,
  },
  words: {
    json: (options) => {
      options.json = true;
    },
  },
};

/** Reads the arguments after `copy-id`. @throws UsageError */
export function parseArguments(args: readonly string[]): Invocation {
  const options: CopyIdOptions = {
    ...newCommandLine(),
    destination: { host: '' },
    keyFiles: [],
    force: false,
    dryRun: false,
    sftp: false,
    json: false,
  };
  const words = parseAll(table, options, args);
  if (typeof words === 'string') return { kind: words };
  const [destination, ...more] = words;
  if (destination === undefined) throw new UsageError('a host is missing');
  if (more.length > 0) {
    throw new UsageError(`what is '${printable(more[0] as string)}' for? One host at a time; keys are named with -i`);
  }
  if (options.keyFiles.includes('')) throw new UsageError('-i needs the name of a file');
  options.destination = parseSshAddress(destination) ?? parseDestination(destination);
  return { kind: 'copy-id', options };
}
