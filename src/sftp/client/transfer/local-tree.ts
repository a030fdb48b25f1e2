// Folders of this machine, as the source and as the target of a transfer.

import { constants } from 'node:fs';
import { opendir } from 'node:fs/promises';
import { SFTPError } from '../../../errors.ts';
import { SFTPAttributes } from '../../protocol/attributes.ts';
import { decodeName } from '../../protocol/names.ts';
import { close, errno, lstat, mkdir, open, readlink, realpath, stat, symlink, unlink } from './local-fs.ts';
import { forNode, join, localEntry, parent } from './local-path.ts';
import { creationMode, preserveLocal } from './local-target.ts';
import type { Entry, SourceTree, TargetTree } from './trees.ts';

/** Entries whose attributes are asked for at once: as many as the thread pool has use for. */
const BATCH = 32;

export const localSourceTree: SourceTree = {
  join,

  async *list(folder) {
    // 'buffer' and 'latin1' are the ways to learn a name that is not UTF-8; opendir takes encodings of text only.
    const entries = await opendir(forNode(folder), { encoding: 'latin1', bufferSize: 2 * BATCH });
    let batch: Promise<Entry | null>[] = [];
    for await (const { name } of entries) {
      batch.push(look(folder, decodeName(Buffer.from(name, 'latin1'))));
      if (batch.length < BATCH) continue;
      yield present(await Promise.all(batch));
      batch = [];
    }
    if (batch.length > 0) yield present(await Promise.all(batch));
  },

  async stat(path) {
    return SFTPAttributes.fromStat(await stat(forNode(path)));
  },

  async readlink(path) {
    return decodeName(await readlink(forNode(path), 'buffer'));
  },

  async realpath(path) {
    return decodeName(await realpath(forNode(path), 'buffer'));
  },
};

async function look(folder: string, name: string): Promise<Entry | null> {
  try {
    return { name, attributes: SFTPAttributes.fromStat(await lstat(forNode(join(folder, name)))) };
  } catch (error) {
    // Removed since it was listed.
    if (errno(error) === 'ENOENT') return null;
    throw error;
  }
}

function present(entries: readonly (Entry | null)[]): readonly Entry[] {
  return entries.filter((entry) => entry !== null);
}

export const localTargetTree: TargetTree = {
  join: localEntry,

  async makeFolder(path, { stMode }, topmost) {
    if (topmost) await makeParents(path);
    try {
      await mkdir(forNode(path), creationMode(stMode ?? 0o777) | 0o700);
    } catch (error) {
      if (errno(error) !== 'EEXIST') throw error;
      const there = await (topmost ? stat : lstat)(forNode(path));
      if (there.isDirectory()) return;
      const reason = there.isSymbolicLink() ? 'a symbolic link stands in the way' : 'not a directory';
      throw new SFTPError(there.isSymbolicLink() ? 'ELOOP' : 'ENOTDIR', reason, { operation: 'mkdir', path });
    }
  },

  async makeLink(path, target) {
    try {
      await symlink(forNode(target), forNode(path));
    } catch (error) {
      // One of an earlier transfer is replaced; a file is not.
      if (errno(error) !== 'EEXIST' || !(await lstat(forNode(path))).isSymbolicLink()) throw error;
      if (decodeName(await readlink(forNode(path), 'buffer')) === target) return;
      await unlink(forNode(path));
      await symlink(forNode(target), forNode(path));
    }
  },

  async finishFolder(path, attributes) {
    // By a descriptor of the folder itself: a link that has taken its place is not followed.
    const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;
    if (O_DIRECTORY === undefined) return;
    const fd = await open(forNode(path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    try {
      await preserveLocal(fd, attributes);
    } finally {
      await close(fd);
    }
  },
};

async function makeParents(path: string): Promise<void> {
  const above = parent(path);
  if (above === path) return;
  try {
    await mkdir(forNode(above), 0o777);
  } catch (error) {
    // What is wrong with it, if anything is, the folder itself will say.
    if (errno(error) !== 'ENOENT') return;
    await makeParents(above);
    await mkdir(forNode(above), 0o777);
  }
}
