// A folder that is copied on one server must not be copied into itself: what is made would be found by the listing, and copied
// again, without end. Links may lead there, and folders on the way to the target may be missing yet.

import { SFTPError } from '../../../errors.ts';
import { parentOf } from '../paths.ts';
import { realpath } from '../questions.ts';
import type { SFTPSession } from '../session.ts';
import type { TransferCall } from './call.ts';

/** @throws SFTPError EINVAL where the target is the folder, or lies in it */
export async function refuseInsideItself(call: TransferCall, session: SFTPSession, path: string, dest: string): Promise<void> {
  const source = await realpath(session, path, call.call);
  const target = await nearest(call, session, dest);
  if (target !== source && !target.startsWith(source.endsWith('/') ? source : `${source}/`)) return;
  throw new SFTPError('EINVAL', 'cannot be copied into itself', { operation: 'copy', path, dest });
}

/** The real path of what is to be made, or of the nearest folder above it that is there. */
async function nearest(call: TransferCall, session: SFTPSession, path: string): Promise<string> {
  for (let at = path; ; at = parentOf(at)) {
    try {
      return await realpath(session, at, call.call);
    } catch (error) {
      if (!(error instanceof SFTPError) || parentOf(at) === at) throw error;
    }
  }
}
