// Folders with their parents, and folders with a name that nobody else has.

import { randomInt } from 'node:crypto';
import { SFTPError } from '../../errors.ts';
import type { CallOptions } from '../../io/waiting.ts';
import { mkdir } from './changes.ts';
import { parentOf } from './paths.ts';
import { stat } from './questions.ts';
import { withReason } from './reasons.ts';
import type { SFTPSession } from './session.ts';

/**
 * Makes a folder and its parents where they are missing. Resolves with the first one that was made, undefined where all were there,
 * as fs does. One round trip where the parent is there.
 * @throws SFTPError EEXIST where something else has the name, ENOTDIR where something else has a parent's
 */
export async function makeFolders(
  session: SFTPSession,
  path: string,
  mode: number | undefined,
  call: CallOptions,
): Promise<string | undefined> {
  const missing: string[] = [];
  let first: string | undefined;
  // Upwards to what can be made or is there, and down again.
  for (let name = path; ; name = parentOf(name)) {
    const outcome = await make(session, name, mode, call, name === path);
    if (outcome === 'made') first = name;
    if (!(outcome instanceof SFTPError)) break;
    const parent = parentOf(name);
    if (parent === name || parent === '.') throw outcome;
    missing.push(name);
  }
  for (const name of missing.reverse()) {
    const outcome = await make(session, name, mode, call, name === path);
    if (outcome instanceof SFTPError) throw outcome;
    if (outcome === 'made') first ??= name;
  }
  return first;
}

/** The error where it may be the parent that is missing. */
async function make(session: SFTPSession, path: string, mode: number | undefined, call: CallOptions, last: boolean) {
  try {
    await mkdir(session, path, mode, call);
    return 'made';
  } catch (error) {
    if (!(error instanceof SFTPError)) throw error;
    if (error.code === 'ENOENT') return error;
    const there = await stat(session, path, call).catch(() => null);
    if (there?.isDirectory()) return 'there';
    if (there !== null) throw last ? error : withReason(error, 'ENOTDIR');
    if (error.code === 'ERR_SSH_SFTP_FAILURE') return error;
    throw error;
  }
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const ATTEMPTS = 100;

/** A folder of ours alone, its name `prefix` and six characters. */
export async function makeTemporaryFolder(session: SFTPSession, prefix: string, call: CallOptions): Promise<string> {
  for (let attempt = 1; ; attempt++) {
    const path = prefix + Array.from({ length: 6 }, () => LETTERS[randomInt(LETTERS.length)]).join('');
    try {
      await mkdir(session, path, 0o700, call);
      return path;
    } catch (error) {
      if (!(error instanceof SFTPError) || error.code !== 'EEXIST' || attempt === ATTEMPTS) throw error;
    }
  }
}
