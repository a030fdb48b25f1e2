// What a jail and the file systems on it throw when it is they who refuse, not the operating system: an error with one of
// Node's codes, which the server turns into a status. It names nothing of the machine.

import { SFTPError, type SFTPErrorCode } from '../../errors.ts';
import { statusOfErrno } from '../protocol/status.ts';

export function refusal(code: SFTPErrorCode, path?: string): SFTPError {
  return new SFTPError(code, statusOfErrno(code).text.toLowerCase(), { operation: 'path', path });
}

/** The `code` of an error of Node's (`ENOENT`, ...), undefined where it has none. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
