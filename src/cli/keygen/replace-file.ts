// Files that are written as a whole or not at all: beside the old one under a name that nobody knows, then put in its place. Whoever
// reads meanwhile sees the old file or the new one.

import { randomBytes } from 'node:crypto';
import { chmod, chown, open, realpath, rename, stat, unlink } from 'node:fs/promises';

export interface ReplaceOptions {
  /** Permissions of a new file. One that is there keeps its own, and its owner. */
  readonly mode: number;
  /** Keep those given in `mode` also where there is a file. */
  readonly forceMode?: boolean;
}

/** Writes `data` into a file, all at once. A symbolic link keeps leading where it leads. @throws Error of the file system */
export async function replaceFile(
  file: string,
  data: string | Uint8Array,
  { mode, forceMode = false }: ReplaceOptions,
): Promise<void> {
  const target = await realpath(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return file;
    throw error;
  });
  const old = await stat(target).catch(() => null);
  const fresh = `${target}.${randomBytes(8).toString('hex')}`;
  const handle = await open(fresh, 'wx', 0o600);
  try {
    try {
      await handle.writeFile(data);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await chmod(fresh, old === null || forceMode ? mode : old.mode & 0o777);
    // Root who edits somebody's file must not take it away from them.
    if (old !== null && process.getuid?.() === 0) await chown(fresh, old.uid, old.gid);
    await rename(fresh, target);
  } catch (error) {
    await unlink(fresh).catch(() => {});
    throw error;
  }
}
