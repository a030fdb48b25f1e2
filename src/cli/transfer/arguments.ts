// The arguments as they were typed. Node makes text of them, and what is not UTF-8 becomes U+FFFD: a file of such a name could not be
// named. Linux keeps the bytes, and names take them as everywhere (`names.ts`).

import { readFileSync } from 'node:fs';
import { decodeName, encodeName } from '../../sftp/protocol/names.ts';

const REPLACEMENT = '\ufffd';

/** `args` are the last of the command line's; where their bytes can't be had they stay what they are. */
export function typedArguments(args: readonly string[], read: () => Buffer = commandLine): readonly string[] {
  if (!args.some((each) => each.includes(REPLACEMENT))) return args;
  let typed: string[];
  try {
    // Each ends with a NUL.
    typed = read().toString('latin1').split('\0').slice(0, -1).slice(-args.length).map(nameOf);
  } catch {
    return args;
  }
  // Whoever has called this with other arguments, or has changed the process's title, gets nothing else.
  const same = typed.length === args.length && typed.every((each, at) => Buffer.from(encodeName(each)).toString() === args[at]);
  return same ? typed : args;
}

function nameOf(latin1: string): string {
  return decodeName(Buffer.from(latin1, 'latin1'));
}

function commandLine(): Buffer {
  return readFileSync('/proc/self/cmdline');
}
