// The status codes of SFTP (draft-ietf-secsh-filexfer-02 section 7) and what they mean in the words that Node uses for the same
// errors. Version 3 has few: most refusals of an OpenSSH server are FAILURE and nothing else. Where the server says more, in a
// code of a later draft or in strerror's words, it is understood.

import type { SFTPErrorCode } from '../../errors.ts';

/** The codes of version 3, by the names of the draft. */
export const SFTP_OK = 0;
export const SFTP_EOF = 1;
export const SFTP_NO_SUCH_FILE = 2;
export const SFTP_PERMISSION_DENIED = 3;
export const SFTP_FAILURE = 4;
export const SFTP_BAD_MESSAGE = 5;
export const SFTP_NO_CONNECTION = 6;
export const SFTP_CONNECTION_LOST = 7;
export const SFTP_OP_UNSUPPORTED = 8;

/** A status code; servers may send ones that we don't know. */
export type SFTPStatus = number;

interface StatusRow {
  readonly name: string;
  /** What `SFTPError.code` is. */
  readonly code: SFTPErrorCode;
  /** In plain words. */
  readonly text: string;
}

const FAILURE: StatusRow = { name: 'FAILURE', code: 'ERR_SSH_SFTP_FAILURE', text: 'the server does not say why' };

/** Up to 8 those of version 3; the rest from version 6 (draft-ietf-secsh-filexfer-13 section 9.1), which some servers send anyway. */
const STATUSES: ReadonlyMap<number, StatusRow> = new Map<number, StatusRow>([
  [SFTP_OK, { name: 'OK', code: 'ERR_SSH_SFTP_FAILURE', text: 'success where another answer was due' }],
  [SFTP_EOF, { name: 'EOF', code: 'ERR_SSH_SFTP_EOF', text: 'end of file' }],
  [SFTP_NO_SUCH_FILE, { name: 'NO_SUCH_FILE', code: 'ENOENT', text: 'no such file or directory' }],
  [SFTP_PERMISSION_DENIED, { name: 'PERMISSION_DENIED', code: 'EACCES', text: 'permission denied' }],
  [SFTP_FAILURE, FAILURE],
  [SFTP_BAD_MESSAGE, { name: 'BAD_MESSAGE', code: 'EBADMSG', text: 'the server could not make sense of the request' }],
  [SFTP_NO_CONNECTION, { name: 'NO_CONNECTION', code: 'ENOTCONN', text: 'no connection' }],
  [SFTP_CONNECTION_LOST, { name: 'CONNECTION_LOST', code: 'ECONNRESET', text: 'connection lost' }],
  [SFTP_OP_UNSUPPORTED, { name: 'OP_UNSUPPORTED', code: 'ENOTSUP', text: 'the server does not support this' }],
  [9, { name: 'INVALID_HANDLE', code: 'EBADF', text: 'not an open file' }],
  [10, { name: 'NO_SUCH_PATH', code: 'ENOENT', text: 'no such directory' }],
  [11, { name: 'FILE_ALREADY_EXISTS', code: 'EEXIST', text: 'file already exists' }],
  [12, { name: 'WRITE_PROTECT', code: 'EROFS', text: 'read-only file system' }],
  [14, { name: 'NO_SPACE_ON_FILESYSTEM', code: 'ENOSPC', text: 'no space left on device' }],
  [15, { name: 'QUOTA_EXCEEDED', code: 'EDQUOT', text: 'disk quota exceeded' }],
  [18, { name: 'DIR_NOT_EMPTY', code: 'ENOTEMPTY', text: 'directory not empty' }],
  [19, { name: 'NOT_A_DIRECTORY', code: 'ENOTDIR', text: 'not a directory' }],
  [20, { name: 'INVALID_FILENAME', code: 'EINVAL', text: 'invalid file name' }],
  [21, { name: 'LINK_LOOP', code: 'ELOOP', text: 'too many symbolic links' }],
  [24, { name: 'FILE_IS_A_DIRECTORY', code: 'EISDIR', text: 'is a directory' }],
]);

/** Errors of Node's file functions, with strerror's words for them and the status that version 3 has. */
const ERRNOS: readonly (readonly [code: SFTPErrorCode, text: string, status: SFTPStatus])[] = [
  ['ENOENT', 'No such file or directory', SFTP_NO_SUCH_FILE],
  ['ENOTDIR', 'Not a directory', SFTP_NO_SUCH_FILE],
  ['EBADF', 'Bad file descriptor', SFTP_NO_SUCH_FILE],
  ['ELOOP', 'Too many levels of symbolic links', SFTP_NO_SUCH_FILE],
  ['EACCES', 'Permission denied', SFTP_PERMISSION_DENIED],
  ['EPERM', 'Operation not permitted', SFTP_PERMISSION_DENIED],
  ['EFAULT', 'Bad address', SFTP_PERMISSION_DENIED],
  ['EROFS', 'Read-only file system', SFTP_PERMISSION_DENIED],
  ['ENAMETOOLONG', 'File name too long', SFTP_BAD_MESSAGE],
  ['EINVAL', 'Invalid argument', SFTP_BAD_MESSAGE],
  ['ENOSYS', 'Function not implemented', SFTP_OP_UNSUPPORTED],
  ['ENOTSUP', 'Operation not supported', SFTP_OP_UNSUPPORTED],
  ['EEXIST', 'File exists', SFTP_FAILURE],
  ['ENOTEMPTY', 'Directory not empty', SFTP_FAILURE],
  ['EISDIR', 'Is a directory', SFTP_FAILURE],
  ['ENOSPC', 'No space left on device', SFTP_FAILURE],
  ['EDQUOT', 'Disk quota exceeded', SFTP_FAILURE],
  ['EFBIG', 'File too large', SFTP_FAILURE],
  ['EIO', 'Input/output error', SFTP_FAILURE],
  ['EMFILE', 'Too many open files', SFTP_FAILURE],
  ['EXDEV', 'Invalid cross-device link', SFTP_FAILURE],
  ['EMLINK', 'Too many links', SFTP_FAILURE],
  ['EBUSY', 'Device or resource busy', SFTP_FAILURE],
  ['ETXTBSY', 'Text file busy', SFTP_FAILURE],
];

const byErrno = new Map<string, { text: string; status: SFTPStatus }>(
  ERRNOS.map(([code, text, status]) => [code, { text, status }]),
);
const byText = new Map(ERRNOS.map(([code, text, status]) => [text.toLowerCase(), { code, status }]));

export function statusName(status: SFTPStatus): string {
  return STATUSES.get(status)?.name ?? `status ${status}`;
}

/** What a status with its message is as an error of Node's, and in plain words. The message is the server's own text. */
export function explainStatus(status: SFTPStatus, message: string): { code: SFTPErrorCode; text: string } {
  const row = STATUSES.get(status) ?? FAILURE;
  const words = message.trim().toLowerCase();
  const known = byText.get(words);
  if (known !== undefined && (known.status === status || row === FAILURE)) return { code: known.code, text: words };
  // The message follows: it says why.
  return { code: row.code, text: row === FAILURE && !['', 'failure'].includes(words) ? 'failed at the server' : row.text };
}

/** The status and text that a server sends for an error of Node's (`ENOENT`, ...). */
export function statusOfErrno(code: string): { status: SFTPStatus; text: string } {
  return byErrno.get(code) ?? { status: SFTP_FAILURE, text: 'Failure' };
}

/** The text that a status has where nothing better is known. */
export function statusText(status: SFTPStatus): string {
  const row = STATUSES.get(status) ?? FAILURE;
  if (status === SFTP_OK) return 'Success';
  return row === FAILURE ? 'Failure' : row.text[0]?.toUpperCase() + row.text.slice(1);
}
