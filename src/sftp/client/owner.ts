// Owners as fs has them: -1 leaves the user or the group as it is. The protocol sets both at once, so what is to stay is asked for
// first: not every server takes -1 for "no change".

import { SFTPError } from '../../errors.ts';
import type { SFTPAttributes } from '../protocol/attributes.ts';
import type { Changes } from './changes.ts';
import type { Operation } from './session.ts';
import { idOf } from './values.ts';

const SAME = -1;

/** @throws UsageError for what is no number of a user or group; what `look` throws; SFTPError ENOTSUP where that does not say */
export async function ownerChanges(
  uid: number,
  gid: number,
  what: Operation,
  look: () => Promise<SFTPAttributes>,
): Promise<Changes> {
  for (const id of [uid, gid]) if (id !== SAME) idOf(id);
  if (uid !== SAME && gid !== SAME) return { stUid: uid, stGid: gid };
  const { stUid, stGid } = await look();
  if (stUid === undefined || stGid === undefined) {
    throw new SFTPError('ENOTSUP', 'the server does not say who owns it now', what);
  }
  return { stUid: uid === SAME ? stUid : uid, stGid: gid === SAME ? stGid : gid };
}
