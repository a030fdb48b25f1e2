// What a transfer that failed on the way rejects with: the error that it met, its code, and what is now at the target. What did not
// come from a file or the connection (a callback that throws, an abort) stays as it is.

import { type PartialFile, SFTPError, SSHError, type SSHErrorCode, TransferError, UsageError } from '../../../errors.ts';

export interface TransferName {
  readonly operation: 'get' | 'put' | 'copy';
  readonly path: string;
  readonly dest: string;
}

/** Codes of Node's file functions that reading and writing an open file ends with. */
const ERRNOS: ReadonlySet<string> = new Set<SSHErrorCode>([
  'EACCES',
  'EBADF',
  'EDQUOT',
  'EFBIG',
  'EIO',
  'EPERM',
  'ENOSPC',
  'EROFS',
]);

export function transferError(error: unknown, name: TransferName, partial: PartialFile): unknown {
  if (!(error instanceof Error) || error instanceof TransferError || error instanceof UsageError) return error;
  // Of what turns out to be different nothing can be promised.
  if (error instanceof SSHError && error.code === 'ERR_SSH_SFTP_MISMATCH') return error;
  if (error instanceof SSHError) return new TransferError(error.code, error.message, { ...name, partial, cause: error });
  const { code } = error as NodeJS.ErrnoException;
  if (code === undefined || !ERRNOS.has(code)) return error;
  return new TransferError(code as SSHErrorCode, error.message, { ...name, partial, cause: error });
}

export function fileError(
  code: 'EISDIR' | 'ENOTDIR' | 'EINVAL' | 'ELOOP' | 'ENOTSUP' | 'ERR_SSH_SFTP_MISMATCH',
  reason: string,
  name: TransferName,
): SFTPError {
  return new SFTPError(code, reason, name);
}

/** Fewer bytes came than the server said that there were. */
export function cutShort(name: TransferName, bytes: number, expected: number): SFTPError {
  const reason = `the file has ${expected} bytes and ended after ${bytes} (verify: false takes it as it is)`;
  return new SFTPError('ERR_SSH_SFTP_INCOMPLETE', reason, name);
}
