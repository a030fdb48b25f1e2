// Attributes that a client has sent, put on a real file. In the order of OpenSSH's server: the owner last, because changing it
// takes set-user-ID bits away, and the times after the size, because cutting sets them.

import { chmod, chown, truncate, utimes } from 'node:fs/promises';
import type { SFTPAttributes } from '../protocol/attributes.ts';

/** The permissions in a mode, set-user-ID and its like among them. */
const PERMISSIONS = 0o7777;

/** The part of a FileHandle that this needs. */
export interface ChangeableFile {
  truncate(bytes: number): Promise<void>;
  chmod(mode: number): Promise<void>;
  utimes(atime: number, mtime: number): Promise<void>;
  chown(uid: number, gid: number): Promise<void>;
}

/** Changes what is set. What has been changed before one of them fails stays changed. @throws what the system says */
export async function changeFile(file: ChangeableFile, attributes: SFTPAttributes): Promise<void> {
  const { stSize, stMode, stAtime, stMtime, stUid, stGid } = attributes;
  if (stSize !== undefined) await file.truncate(stSize);
  if (stMode !== undefined) await file.chmod(stMode & PERMISSIONS);
  const [atime, mtime] = [stAtime ?? stMtime, stMtime ?? stAtime];
  if (atime !== undefined && mtime !== undefined) await file.utimes(atime, mtime);
  if (stUid !== undefined && stGid !== undefined) await file.chown(stUid, stGid);
}

/** {@link changeFile} by name, following links. */
export function changeFileAt(path: string, attributes: SFTPAttributes): Promise<void> {
  const file: ChangeableFile = {
    truncate: (bytes) => truncate(path, bytes),
    chmod: (mode) => chmod(path, mode),
    utimes: (atime, mtime) => utimes(path, atime, mtime),
    chown: (uid, gid) => chown(path, uid, gid),
  };
  return changeFile(file, attributes);
}
