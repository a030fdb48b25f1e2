// Folders of this machine, as the source and as the target of a transfer.

import fs, { constants, type Dir, type Dirent } from 'node:fs';
import { opendir } from 'node:fs/promises';
import { SFTPError } from '../../../errors.ts';
import { SFTPAttributes } from '../../protocol/attributes.ts';
import { decodeName } from '../../protocol/names.ts';
import type { TransferCall } from './call.ts';
import { close, errno, lstat, mkdir, open, readlink, realpath, stat, symlink, unlink } from './local-fs.ts';
import { forNode, join, localEntry, parent } from './local-path.ts';
import { creationMode, preserveLocal } from './local-target.ts';
import type { Pace } from './pace.ts';
import type { Entry, SourceTree, TargetTree } from './trees.ts';

/** Entries whose attributes are asked for at once: as many as the thread pool has use for. */
const BATCH = 64;

export class LocalSourceTree implements SourceTree {
  readonly #pace: Pace;

  constructor(call: TransferCall) {
    this.#pace = call.pace;
  }

  join(folder: string, name: string): string {
    return join(folder, name);
  }

  async *list(folder: string): AsyncGenerator<readonly Entry[], void> {
    await this.#pace.enter(folder);
    // An encoding in which every byte is a character: the names need not be UTF-8.
    const entries = await opendir(forNode(folder), { encoding: 'latin1', bufferSize: BATCH });
    let batch: (Promise<Entry | null> | Entry)[] = [];
    try {
      for (let entry = await this.#next(entries, folder); entry !== null; entry = await this.#next(entries, folder)) {
        batch.push(this.#look(folder, entry));
        if (batch.length < BATCH) continue;
        yield present(await Promise.all(batch));
        batch = [];
      }
    } finally {
      await entries.close();
    }
    if (batch.length > 0) yield present(await Promise.all(batch));
  }

  async stat(path: string): Promise<SFTPAttributes> {
    return SFTPAttributes.fromStat(await stat(forNode(path)));
  }

  async readlink(path: string): Promise<string> {
    return decodeName(await readlink(forNode(path), 'buffer'));
  }

  async realpath(path: string): Promise<string> {
    return decodeName(await realpath(forNode(path), 'buffer'));
  }

  /** It reads some at a time from the system, whichever way it is asked. */
  #next(entries: Dir, folder: string): Promise<Dirent | null> | Dirent | null {
    return this.#pace.isQuick(folder) ? this.#pace.step(() => entries.readSync()) : entries.read();
  }

  #look(folder: string, entry: Dirent): Promise<Entry | null> | Entry {
    const name = decodeName(Buffer.from(entry.name, 'latin1'));
    const path = forNode(join(folder, name));
    if (entry.isFile() && this.#pace.isQuick(folder)) {
      const stats = this.#pace.step(() => fs.lstatSync(path, { throwIfNoEntry: false }));
      if (stats !== undefined) return { name, attributes: SFTPAttributes.fromStat(stats) };
    }
    return look(path, name);
  }
}

async function look(path: string | Buffer, name: string): Promise<Entry | null> {
  try {
    return { name, attributes: SFTPAttributes.fromStat(await lstat(path)) };
  } catch (error) {
    // Removed since it was listed.
    if (errno(error) === 'ENOENT') return null;
    throw error;
  }
}

function present(entries: readonly (Entry | null)[]): readonly Entry[] {
  return entries.filter((entry) => entry !== null);
}

export class LocalTargetTree implements TargetTree {
  readonly #pace: Pace;

  constructor(call: TransferCall) {
    this.#pace = call.pace;
  }

  join(folder: string, name: string): string {
    return localEntry(folder, name);
  }

  async makeFolder(path: string, { stMode }: SFTPAttributes, topmost: boolean): Promise<void> {
    if (topmost) await makeParents(path);
    try {
      await mkdir(forNode(path), creationMode(stMode ?? 0o777) | 0o700);
    } catch (error) {
      if (errno(error) !== 'EEXIST') throw error;
      const there = await (topmost ? stat : lstat)(forNode(path));
      if (!there.isDirectory()) {
        const reason = there.isSymbolicLink() ? 'a symbolic link stands in the way' : 'not a directory';
        throw new SFTPError(there.isSymbolicLink() ? 'ELOOP' : 'ENOTDIR', reason, { operation: 'mkdir', path });
      }
    }
    await this.#pace.enter(path);
  }

  async makeLink(path: string, target: string): Promise<void> {
    try {
      await symlink(forNode(target), forNode(path));
    } catch (error) {
      // One of an earlier transfer is replaced; a file is not.
      if (errno(error) !== 'EEXIST' || !(await lstat(forNode(path))).isSymbolicLink()) throw error;
      if (decodeName(await readlink(forNode(path), 'buffer')) === target) return;
      await unlink(forNode(path));
      await symlink(forNode(target), forNode(path));
    }
  }

  async finishFolder(path: string, attributes: SFTPAttributes): Promise<void> {
    // By a descriptor of the folder itself: a link that has taken its place is not followed.
    const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;
    if (O_DIRECTORY === undefined) return;
    const fd = await open(forNode(path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    try {
      await preserveLocal(fd, attributes);
    } finally {
      await close(fd);
    }
  }
}

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
