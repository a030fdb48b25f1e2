// The options of `amiko keygen`: the letters of ssh-keygen, read once. What a letter means depends on what is to be done, as there:
// `-s` is an authority, or the signature to verify.

import { UsageError } from '../../errors.ts';
import { type ParsedOptions, parseOptions } from '../getopt.ts';

const TABLE = {
  t: 'value',
  b: 'value',
  C: 'value',
  f: 'value',
  N: 'value',
  a: 'value',
  'no-passphrase': 'flag',
  force: 'flag',
  q: 'flag',
  y: 'flag',
  l: 'flag',
  E: 'value',
  p: 'flag',
  i: 'flag',
  e: 'flag',
  m: 'value',
  R: 'value',
  F: 'value',
  H: 'flag',
  s: 'value',
  I: 'value',
  n: 'value',
  V: 'value',
  z: 'value',
  h: 'flag',
  O: 'value',
  L: 'flag',
  k: 'flag',
  u: 'flag',
  Q: 'flag',
  Y: 'value',
  r: 'value',
  U: 'flag',
  help: 'flag',
} as const;

const NOT_SUPPORTED = {
  A: 'host keys of every type',
  B: 'bubblebabble digests',
  c: 'changing the comment',
  D: 'PKCS#11',
  g: 'DNS records',
  K: 'keys in FIDO devices',
  M: 'candidates for groups',
  P: 'a passphrase as an argument; it is asked for',
  v: 'visual host keys',
  w: 'FIDO libraries',
  x: 'DNS records',
};

export type KeygenOptions = ParsedOptions<keyof typeof TABLE>;

/** @throws UsageError */
export function parseKeygenOptions(args: readonly string[]): KeygenOptions {
  const options = parseOptions(args, TABLE, { notSupported: NOT_SUPPORTED });
  // An empty one is what scripts for ssh-keygen say; any other would be in everybody's list of processes.
  if (options.values('N').some((value) => value !== '')) {
    throw new UsageError("a passphrase is never an argument: it is asked for; -N '' or --no-passphrase is for none");
  }
  return options;
}

/** Whether the key is wanted without a passphrase. */
export function withoutPassphrase(options: KeygenOptions): boolean {
  return options.has('no-passphrase') || options.has('N');
}

/** The value of an option that has to be there. @throws UsageError */
export function required(options: KeygenOptions, name: 'f' | 'I' | 'n' | 's', what: string): string {
  const value = options.value(name);
  if (value === null || value === '') throw new UsageError(`-${name} is missing: ${what}`);
  return value;
}
