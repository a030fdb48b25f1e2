// Opening and closing files.

import { SFTPError, type SFTPErrorCode } from '../../errors.ts';
import type { CallOptions } from '../../io/waiting.ts';
import { isKindKnown, type SFTPAttributes } from '../protocol/attributes.ts';
import { Close, FXF_EXCL, FXF_WRITE, Open } from '../protocol/messages.ts';
import { attributesOf } from './changes.ts';
import { explained, whetherFolder, whetherThere } from './reasons.ts';
import type { Operation, SFTPSession } from './session.ts';

/** An open file on the server. */
export interface Opened {
  readonly session: SFTPSession;
  readonly handle: Uint8Array;
  readonly path: string;
}

/**
 * Opens a file; `flags` are the protocol's. A handle that comes after the call was given up is closed.
 * @throws SFTPError EEXIST where the file must not exist, EISDIR for a folder that is to be written, ENOENT, EACCES, ...
 */
export function openHandle(
  session: SFTPSession,
  path: string,
  flags: number,
  mode: number | undefined,
  options?: CallOptions,
): Promise<Uint8Array> {
  const attributes = attributesOf({ stMode: mode });
  const opened = session.askHandle({ operation: 'open', path }, (id) => Open.encode({ id, path, flags, attributes }), options);
  if ((flags & FXF_WRITE) === 0) return opened;
  const find = async (): Promise<SFTPErrorCode | null> =>
    flags & FXF_EXCL ? whetherThere(session, path, options) : whetherFolder(session, path, options);
  return explained(opened, find);
}

/**
 * For what is copied as a whole, before it is opened: a pipe keeps a server waiting, a device may have no end.
 * @throws SFTPError EISDIR, or ENOTSUP for what is no regular file, as far as the server says
 */
export function mustBeFile(attributes: SFTPAttributes | null, what: Operation): void {
  if (attributes === null || !isKindKnown(attributes) || attributes.isFile()) return;
  // OpenSSH opens folders and then fails to read them.
  if (attributes.isDirectory()) throw new SFTPError('EISDIR', 'is a directory', what);
  throw new SFTPError('ENOTSUP', 'not a regular file', what);
}

/** Closes a file that was written: what the server could not keep may show here only. */
export function closeHandle(session: SFTPSession, handle: Uint8Array, path: string, options?: CallOptions): Promise<void> {
  return session.perform({ operation: 'close', path }, (id) => Close.encode({ id, handle }), options);
}

/** For streams that write: where it failed nobody waits for how closing ends. */
export async function closeWritten({ session, handle, path }: Opened, failed: boolean): Promise<void> {
  if (failed) session.release(handle);
  else await closeHandle(session, handle, path);
}
