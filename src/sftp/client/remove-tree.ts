// Removing a file, or a folder with all that is in it. Links are removed, never followed. The protocol names files by path only, so
// somebody who swaps a folder for a link while it is being emptied can have it empty another: do it where nobody else can.

import { SFTPError } from '../../errors.ts';
import type { CallOptions } from '../../io/waiting.ts';
import { eachOf } from './at-once.ts';
import { remove, rmdir } from './changes.ts';
import { withoutTrailingSlashes } from './paths.ts';
import { lstat } from './questions.ts';
import type { SFTPSession } from './session.ts';
import { walkTree } from './walk.ts';

/** Removals under way at once. */
const AT_ONCE = 64;
/** A listing that is changed while it is read may have left something out. */
const ROUNDS = 3;

export interface RmOptions extends CallOptions {
  /** Folders, with all that is in them. Default false: EISDIR. */
  readonly recursive?: boolean;
  /** What is not there is no failure. */
  readonly force?: boolean;
}

/** @throws SFTPError EISDIR for a folder without `recursive`, ENOENT without `force`, ... */
export async function rm(session: SFTPSession, path: string, { recursive, force, ...call }: RmOptions = {}): Promise<void> {
  try {
    if (recursive && (await isFolder(session, path, call))) await removeFolder(session, path, call);
    else await remove(session, path, call);
  } catch (error) {
    if (!force || !isGone(error)) throw error;
  }
}

/** A slash at the end would have the server follow a link, and what it leads to would be emptied. @throws SFTPError ENOTDIR for that */
async function isFolder(session: SFTPSession, path: string, call: CallOptions): Promise<boolean> {
  const bare = withoutTrailingSlashes(path);
  const folder = (await lstat(session, bare, call)).isDirectory();
  if (folder || bare === path) return folder;
  throw new SFTPError('ENOTDIR', 'not a directory', { operation: 'rm', path });
}

async function removeFolder(session: SFTPSession, path: string, call: CallOptions): Promise<void> {
  for (let round = 1; ; round++) {
    try {
      return await emptyAndRemove(session, path, call);
    } catch (error) {
      if (!(error instanceof SFTPError) || error.code !== 'ENOTEMPTY' || round === ROUNDS) throw error;
    }
  }
}

async function emptyAndRemove(session: SFTPSession, root: string, call: CallOptions): Promise<void> {
  /** By their depth. */
  const folders: string[][] = [[root]];
  const onError = (error: unknown) => (isGone(error) ? 'skip' : 'throw');
  await eachOf(walkTree(session, root, { ...call, onError }), AT_ONCE, async ({ path, relative, attributes }) => {
    if (!attributes.isDirectory()) return ignoreGone(remove(session, path, call));
    const depth = relative.split('/').length;
    while (folders.length <= depth) folders.push([]);
    (folders[depth] as string[]).push(path);
  });
  // The deepest first; none of a depth holds another.
  for (const level of folders.reverse()) await eachOf(level, AT_ONCE, (path) => ignoreGone(rmdir(session, path, call)));
}

function isGone(error: unknown): boolean {
  return error instanceof SFTPError && error.code === 'ENOENT';
}

async function ignoreGone(removed: Promise<void>): Promise<void> {
  await removed.catch((error: unknown) => {
    if (!isGone(error)) throw error;
  });
}
