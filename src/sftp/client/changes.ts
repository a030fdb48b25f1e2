// Requests that change something, one message each, with the reason where the server leaves it open (`reasons.ts`).

import type { SFTPErrorCode } from '../../errors.ts';
import type { CallOptions } from '../../io/waiting.ts';
import { SFTPAttributes } from '../protocol/attributes.ts';
import { hardlink, lsetstat as lsetstatExtension, posixRename as posixRenameExtension } from '../protocol/extensions.ts';
import { Fsetstat, Mkdir, Remove, Rename, Rmdir, Setstat, Symlink } from '../protocol/messages.ts';
import { performExtended } from './extended.ts';
import { listFolder } from './listing.ts';
import { explained, lookAt, whetherThere } from './reasons.ts';
import type { SFTPSession } from './session.ts';

/** What may be changed of a file: what is undefined stays as it is. */
export type Changes = {
  readonly [K in 'stSize' | 'stUid' | 'stGid' | 'stMode' | 'stAtime' | 'stMtime']?: SFTPAttributes[K];
};

export function attributesOf(changes: Changes): SFTPAttributes {
  return Object.assign(new SFTPAttributes(), changes);
}

/** @throws SFTPError EEXIST, ENOENT, ... */
export function mkdir(session: SFTPSession, path: string, mode: number | undefined, options?: CallOptions): Promise<void> {
  const attributes = attributesOf({ stMode: mode });
  const made = session.perform({ operation: 'mkdir', path }, (id) => Mkdir.encode({ id, path, attributes }), options);
  return explained(made, () => whetherThere(session, path, options));
}

/** @throws SFTPError ENOTEMPTY, ENOTDIR, ENOENT, ... */
export function rmdir(session: SFTPSession, path: string, options?: CallOptions): Promise<void> {
  const removed = session.perform({ operation: 'rmdir', path }, (id) => Rmdir.encode({ id, path }), options);
  const find = async (): Promise<SFTPErrorCode | null> => {
    const there = await lookAt(session, path, options);
    if (there === null) return null;
    return there.isDirectory() ? whetherFull(session, path, options) : 'ENOTDIR';
  };
  // OpenSSH sends ENOTDIR as "no such file".
  return explained(removed, find, ['ERR_SSH_SFTP_FAILURE', 'ENOENT']);
}

/** Removes a file or a link. @throws SFTPError EISDIR, ENOENT, ... */
export function remove(session: SFTPSession, path: string, options?: CallOptions): Promise<void> {
  const removed = session.perform({ operation: 'unlink', path }, (id) => Remove.encode({ id, path }), options);
  return explained(removed, async () => ((await lookAt(session, path, options))?.isDirectory() ? 'EISDIR' : null));
}

/** OpenSSH sends EINVAL as "bad message". */
const RENAME_CODES = ['ERR_SSH_SFTP_FAILURE', 'EBADMSG'] as const;

/** Whether a folder would have to go into itself. */
function isBelow(path: string, folder: string): boolean {
  return path.startsWith(folder.endsWith('/') ? folder : `${folder}/`);
}

/** Fails where `to` exists, EEXIST. */
export function rename(session: SFTPSession, from: string, to: string, options?: CallOptions): Promise<void> {
  const what = { operation: 'rename', path: from, dest: to };
  const renamed = session.perform(what, (id) => Rename.encode({ id, from, to }), options);
  return explained(renamed, async () => (isBelow(to, from) ? 'EINVAL' : whetherThere(session, to, options)), RENAME_CODES);
}

/** Replaces what `to` is. @throws SFTPError ENOTSUP, EISDIR, ENOTEMPTY, EINVAL, ... */
export function posixRename(session: SFTPSession, from: string, to: string, options?: CallOptions): Promise<void> {
  const what = { operation: 'rename', path: from, dest: to };
  const renamed = performExtended(session, what, posixRenameExtension, { from, to }, options);
  const find = async (): Promise<SFTPErrorCode | null> => {
    if (isBelow(to, from)) return 'EINVAL';
    const [source, target] = await Promise.all([lookAt(session, from, options), lookAt(session, to, options)]);
    if (source === null || target === null || !target.isDirectory()) return null;
    return source.isDirectory() ? whetherFull(session, to, options) : 'EISDIR';
  };
  return explained(renamed, find, RENAME_CODES);
}

/** @throws SFTPError EEXIST, ... */
export function symlink(session: SFTPSession, target: string, link: string, options?: CallOptions): Promise<void> {
  const what = { operation: 'symlink', path: target, dest: link };
  const swapped = session.tuning.linkFirst === true;
  const order = swapped ? { target: link, link: target } : { target, link };
  const made = session.perform(what, (id) => Symlink.encode({ id, ...order }), options);
  return explained(made, () => whetherThere(session, link, options));
}

/** A second name for a file (hardlink@openssh.com). @throws SFTPError ENOTSUP, EEXIST, ... */
export function link(session: SFTPSession, from: string, to: string, options?: CallOptions): Promise<void> {
  const made = performExtended(session, { operation: 'link', path: from, dest: to }, hardlink, { from, to }, options);
  return explained(made, () => whetherThere(session, to, options));
}

export function setstat(session: SFTPSession, path: string, changes: Changes, options?: CallOptions): Promise<void> {
  const attributes = attributesOf(changes);
  return session.perform({ operation: 'setstat', path }, (id) => Setstat.encode({ id, path, attributes }), options);
}

/** Of a symbolic link itself (lsetstat@openssh.com). @throws SFTPError ENOTSUP, ... */
export function lsetstat(session: SFTPSession, path: string, changes: Changes, options?: CallOptions): Promise<void> {
  const values = { path, attributes: attributesOf(changes) };
  return performExtended(session, { operation: 'lsetstat', path }, lsetstatExtension, values, options);
}

export function fsetstat(
  session: SFTPSession,
  handle: Uint8Array,
  path: string,
  changes: Changes,
  options?: CallOptions,
): Promise<void> {
  const attributes = attributesOf(changes);
  return session.perform({ operation: 'fsetstat', path }, (id) => Fsetstat.encode({ id, handle, attributes }), options);
}

/** ENOTEMPTY where it is a folder with something in it. */
async function whetherFull(session: SFTPSession, name: string, options?: CallOptions): Promise<SFTPErrorCode | null> {
  for await (const _entry of listFolder(session, name, options)) return 'ENOTEMPTY';
  return null;
}
