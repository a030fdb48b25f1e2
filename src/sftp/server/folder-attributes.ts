// SETSTAT on real files, in the order in which nothing undoes what came before: the size first, because it changes the times;
// the owner before the mode, because it clears bits of the mode; the times last.

import { constants, type PathLike, type Stats } from 'node:fs';
import { chmod, chown, type FileHandle, lchown, lutimes, utimes } from 'node:fs/promises';
import type { SFTPAttributes } from '../protocol/attributes.ts';
import type { Held } from './jail-held.ts';
import { refusal } from './jail-refusal.ts';

/** The bits of a mode that a session may set: not setuid, setgid and sticky. */
export const PERMISSIONS = 0o777;
const SPECIAL = 0o7000;

/** The functions that change a file, by whatever stands for it. */
interface Changes {
  truncate(size: number): Promise<void>;
  chown(uid: number, gid: number): Promise<void>;
  chmod(mode: number): Promise<void>;
  utimes(atime: number, mtime: number): Promise<void>;
}

/** Of what is held, which is no link. */
export async function changeAttributes(held: Held, stats: Stats, attributes: SFTPAttributes): Promise<void> {
  await apply(attributes, stats, {
    truncate: async (size) => {
      if (stats.isDirectory()) throw refusal('EISDIR');
      if (!stats.isFile()) throw refusal('EINVAL');
      const file = await held.open(constants.O_WRONLY);
      await file.truncate(size).finally(() => file.close());
    },
    chown: (uid, gid) => chown(held.path, uid, gid),
    chmod: (mode) => chmod(held.path, mode),
    utimes: (atime, mtime) => utimes(held.path, atime, mtime),
  });
}

export async function changeOpenFile(file: FileHandle, attributes: SFTPAttributes): Promise<void> {
  await apply(attributes, await file.stat(), file);
}

/** Of a link itself. It has no size that could be changed, and Linux has no mode for it either. */
export async function changeLinkAttributes(link: PathLike, attributes: SFTPAttributes): Promise<void> {
  const { stSize, stMode, stUid, stGid, stAtime, stMtime } = attributes;
  if (stSize !== undefined) throw refusal('EINVAL');
  if (stMode !== undefined) throw refusal('ENOTSUP');
  if (stUid !== undefined && stGid !== undefined) await lchown(link, stUid, stGid);
  const atime = stAtime ?? stMtime;
  const mtime = stMtime ?? stAtime;
  if (atime !== undefined && mtime !== undefined) await lutimes(link, atime, mtime);
}

/** All that can be done is done, as OpenSSH does it: who may not give a file away may still set its times. @throws the first error */
async function apply(attributes: SFTPAttributes, stats: Stats, changes: Changes): Promise<void> {
  const { stSize, stMode, stUid, stGid, stAtime, stMtime } = attributes;
  const errors: unknown[] = [];
  const attempt = (change: Promise<void>): Promise<unknown> => change.catch((error: unknown) => errors.push(error));
  if (stSize !== undefined) await attempt(changes.truncate(stSize));
  if (stUid !== undefined && stGid !== undefined) await attempt(changes.chown(stUid, stGid));
  if (stMode !== undefined) {
    // A folder's setgid and sticky bits are how its owner wants it shared.
    const kept = stats.isDirectory() ? stats.mode & SPECIAL : 0;
    await attempt(changes.chmod((stMode & PERMISSIONS) | kept));
  }
  if (stAtime !== undefined || stMtime !== undefined) {
    await attempt(changes.utimes(stAtime ?? stats.atimeMs / 1000, stMtime ?? stats.mtimeMs / 1000));
  }
  if (errors.length > 0) throw errors[0];
}
