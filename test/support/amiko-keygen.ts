// `amiko keygen` and ssh-keygen side by side, for tests of what has to be the same.

import { expect } from 'vitest';
import { amikoBin } from './amiko-serve.ts';
import { type RunOptions, run, runPeer } from './peers.ts';

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `amiko keygen`. */
export async function keygen(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const { code, stdout, stderr } = await run(process.execPath, [amikoBin, 'keygen', ...args], options);
  return { code, stdout: stdout.toString(), stderr };
}

/** ssh-keygen. */
export async function theirs(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const { code, stdout, stderr } = await runPeer('ssh-keygen', args, options);
  return { code, stdout: stdout.toString(), stderr };
}

/** What both say, which has to be the same. */
export async function same(args: readonly string[], options?: RunOptions): Promise<Outcome> {
  const ours = await keygen(args, options);
  const other = await theirs(args, options);
  expect([ours.code, ours.stdout], args.join(' ')).toEqual([other.code, other.stdout]);
  return ours;
}
