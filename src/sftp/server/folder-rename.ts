// RENAME must not replace anything (draft-ietf-secsh-filexfer-02 section 6.5), and Node has no renameat2(RENAME_NOREPLACE). Looking
// first would leave a moment in which somebody else's new file is lost, so the new name is taken by a call that fails where it
// is taken already: link(2) for all but folders, mkdir(2) for folders, which rename(2) then replaces.

import type { PathLike, Stats } from 'node:fs';
import { link, lstat, mkdir, rename, rmdir, unlink } from 'node:fs/promises';
import { codeOf, refusal } from './jail-refusal.ts';

/** File systems without hard links, and systems that don't allow them here (Linux: fs.protected_hardlinks). */
const NO_LINKS: readonly (string | undefined)[] = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EACCES'];

/** `stats` are those of `from`. @throws errors of Node's, EEXIST where there is something at `to` */
export async function renameToFreeName(from: PathLike, to: PathLike, stats: Stats): Promise<void> {
  if (stats.isDirectory()) return renameFolder(from, to);
  try {
    await link(from, to);
  } catch (error) {
    if (!NO_LINKS.includes(codeOf(error))) throw error;
    // What remains is to look first, as OpenSSH does.
    if (await exists(to)) throw refusal('EEXIST');
    return rename(from, to);
  }
  try {
    // Somebody may have put another file there since: that one stays.
    const { dev, ino } = await lstat(from);
    if (dev === stats.dev && ino === stats.ino) await unlink(from);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    await unlink(to).catch(() => {});
    throw error;
  }
}

/** rename(2) replaces an empty folder with a folder, and nothing else: the one that is made here, or another empty one. */
async function renameFolder(from: PathLike, to: PathLike): Promise<void> {
  // Windows never replaces a folder.
  if (process.platform === 'win32') return rename(from, to);
  await mkdir(to, 0o700);
  try {
    await rename(from, to);
  } catch (error) {
    await rmdir(to).catch(() => {});
    throw error;
  }
}

async function exists(path: PathLike): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}
