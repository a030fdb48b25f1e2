// Version 3 of SFTP has no status for "exists", "not empty" or "is a folder": OpenSSH says FAILURE. Programs look at codes, so
// where one more question tells the reason for certain, it is asked. The status that the server gave stays in the error.

import { SFTPError, type SFTPErrorCode } from '../../errors.ts';
import type { CallOptions } from '../../io/waiting.ts';
import type { SFTPAttributes } from '../protocol/attributes.ts';
import { lstat, stat } from './questions.ts';
import type { SFTPSession } from './session.ts';

const TEXTS: Partial<Record<SFTPErrorCode, string>> = {
  EEXIST: 'file already exists',
  EINVAL: 'invalid argument',
  EISDIR: 'is a directory',
  ENOTDIR: 'not a directory',
  ENOTEMPTY: 'directory not empty',
};

/** The same failure with its reason. */
export function withReason(error: SFTPError, code: SFTPErrorCode): SFTPError {
  const { operation, path, dest, status, serverMessage } = error;
  return new SFTPError(code, TEXTS[code] ?? code, { operation, path, dest, status, serverMessage, cause: error });
}

/** Waits for `attempt`; where it fails with one of the `open` codes, `find` may know why. */
export async function explained<T>(
  attempt: Promise<T>,
  find: () => Promise<SFTPErrorCode | null>,
  open: readonly SFTPErrorCode[] = ['ERR_SSH_SFTP_FAILURE'],
): Promise<T> {
  try {
    return await attempt;
  } catch (error) {
    if (!(error instanceof SFTPError) || !open.includes(error.code)) throw error;
    const code = await find().catch(() => null);
    throw code === null ? error : withReason(error, code);
  }
}

/** The attributes, or null where there is nothing or they can't be had. */
export function lookAt(session: SFTPSession, name: string, options?: CallOptions): Promise<SFTPAttributes | null> {
  return lstat(session, name, options).catch(() => null);
}

/** EEXIST where something has this name. */
export async function whetherThere(session: SFTPSession, name: string, options?: CallOptions): Promise<SFTPErrorCode | null> {
  return (await lookAt(session, name, options)) === null ? null : 'EEXIST';
}

/** EISDIR where it is a folder, or a link to one. */
export async function whetherFolder(session: SFTPSession, name: string, options?: CallOptions): Promise<SFTPErrorCode | null> {
  return (await stat(session, name, options)).isDirectory() ? 'EISDIR' : null;
}

/** EINVAL where it is there, and no symbolic link. */
export async function whetherNoLink(session: SFTPSession, name: string, options?: CallOptions): Promise<SFTPErrorCode | null> {
  return (await lstat(session, name, options)).isSymbolicLink() ? null : 'EINVAL';
}

/** ENOTDIR where it is there, and no folder. */
export async function whetherNoFolder(session: SFTPSession, name: string, options?: CallOptions): Promise<SFTPErrorCode | null> {
  return (await stat(session, name, options)).isDirectory() ? null : 'ENOTDIR';
}
