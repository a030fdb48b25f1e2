// Why an upload failed, where the server only says that it did: version 3 of SFTP has no word for a full disk, and OpenSSH's server
// says "Failure". Whoever can be asked how much room there is (statvfs@openssh.com) is asked.

import { SFTPError, TransferError } from '../../errors.ts';
import type { CallOptions } from '../../io/waiting.ts';
import type { SFTPClient } from '../../sftp/client/sftp-client.ts';
import { statvfs } from '../../sftp/protocol/extensions.ts';

/** Less room than one request may need is none, bytes. */
const NO_ROOM = 262_144n;

/** The error, or one that says that the disk is full, if that is so. */
export async function explainFullDisk(client: SFTPClient, error: unknown, call: CallOptions): Promise<unknown> {
  if (!(error instanceof TransferError) || error.code !== 'ERR_SSH_SFTP_FAILURE') return error;
  if (client.session.isClosed || !client.extensions.has(statvfs.name)) return error;
  const { operation, path, dest, partial } = error;
  try {
    const { bavail, frsize, bsize } = await client.statvfs(dest, call);
    if (bavail * (frsize || bsize) >= NO_ROOM) return error;
  } catch (failure) {
    if (failure instanceof SFTPError) return error;
    throw failure;
  }
  return new TransferError('ENOSPC', 'no space left on device', { operation, path, dest, partial, cause: error });
}
