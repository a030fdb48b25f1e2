// Whether a file is there and may be used. The server has no such question, and does not say who we are: what can be tried without
// harm is tried, and otherwise the mode must do.

import { constants } from 'node:fs';
import { SFTPError } from '../../errors.ts';
import type { CallOptions } from '../../io/waiting.ts';
import { FXF_READ, FXF_WRITE } from '../protocol/messages.ts';
import { openHandle } from './handles.ts';
import { FolderReader } from './listing.ts';
import { stat } from './questions.ts';
import type { SFTPSession } from './session.ts';

const X_BITS = 0o111;
const W_BITS = 0o222;

/** @throws SFTPError ENOENT, EACCES, ... */
export async function access(session: SFTPSession, path: string, mode: number, call: CallOptions): Promise<void> {
  const attributes = await stat(session, path, call);
  const { R_OK, W_OK, X_OK } = constants;
  const refuse = () => {
    throw new SFTPError('EACCES', 'permission denied', { operation: 'access', path });
  };
  if (attributes.isFile()) {
    if (mode & (R_OK | W_OK)) {
      const flags = (mode & R_OK ? FXF_READ : 0) | (mode & W_OK ? FXF_WRITE : 0);
      session.release(await openHandle(session, path, flags, undefined, call));
    }
    if (mode & X_OK && (attributes.mode & X_BITS) === 0) refuse();
    return;
  }
  if (attributes.isDirectory()) {
    if (mode & R_OK) (await FolderReader.open(session, path, call)).close();
    // Only who may search a folder can ask for what is in it.
    if (mode & X_OK) await stat(session, path.endsWith('/') ? `${path}.` : `${path}/.`, call);
  }
  if (mode & W_OK && (attributes.mode & W_BITS) === 0) refuse();
}

/** False where the server says that it is not there. @throws SFTPError where it does not let us know */
export async function exists(session: SFTPSession, path: string, call?: CallOptions): Promise<boolean> {
  try {
    await stat(session, path, call);
    return true;
  } catch (error) {
    if (error instanceof SFTPError && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return false;
    throw error;
  }
}
