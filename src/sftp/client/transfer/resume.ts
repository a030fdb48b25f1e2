// Where a transfer goes on: behind what an earlier one has left. The size of what is there says how much that is, because files
// are written from their beginning on (`write-behind.ts`); only uploads over a distance, that take several channels, may leave gaps
// near the end when the connection breaks, and so begin a bit earlier.

import type { Stats } from 'node:fs';
import { SFTPError } from '../../../errors.ts';
import type { SFTPAttributes } from '../../protocol/attributes.ts';
import { stat } from '../questions.ts';
import type { SFTPSession } from '../session.ts';
import type { TransferCall } from './call.ts';
import { fileError, type TransferName } from './failure.ts';
import { errno, fstat, lstat } from './local-fs.ts';
import { forNode } from './local-path.ts';
import type { LocalTarget } from './local-target.ts';
import { RemoteSource } from './remote-source.ts';
import { sameBeginning } from './verify.ts';

/** The byte from which on a remote file is to be received. @throws SFTPError ERR_SSH_SFTP_MISMATCH where there is more than that */
export async function resumeLocal(
  call: TransferCall,
  source: RemoteSource,
  target: LocalTarget,
  name: TransferName,
): Promise<number> {
  const { size, attributes } = source;
  const { existing } = target;
  if (existing === 0 || size === undefined) return 0;
  if (existing > size) throw longer(name, existing, size);
  if (existing === size && call.options.preserve) {
    const { mtimeMs } = await fstat(target.fd);
    if (!sameTime(attributes?.stMtime, mtimeMs)) return 0;
  }
  if (call.verifies === 'hash' && !(await sameBeginning(call, source, target.fd, existing))) return 0;
  return existing;
}

/** Whether a file of a folder is there already, so that the server does not even have to open its own. */
export async function isCompleteHere(call: TransferCall, local: string, attributes: SFTPAttributes): Promise<boolean> {
  if (call.verifies === 'hash') return false;
  try {
    const there = await lstat(forNode(local));
    return (
      there.isFile() &&
      there.size === attributes.stSize &&
      (!call.options.preserve || sameTime(attributes.stMtime, there.mtimeMs))
    );
  } catch (error) {
    if (errno(error) === 'ENOENT') return false;
    throw error;
  }
}

export interface ResumePoint {
  /** The byte from which on the remote file is to be written. */
  readonly start: number;
  /** What is there. */
  readonly attributes: SFTPAttributes | null;
}

const FROM_THE_START: ResumePoint = { start: 0, attributes: null };

/**
 * @param setBack bytes that may be missing before the end of what is there
 * @param same whether what is there is the beginning of the source
 * @throws SFTPError ERR_SSH_SFTP_MISMATCH where there is more than the source has
 */
export async function resumeRemote(
  call: TransferCall,
  session: SFTPSession,
  path: string,
  source: SFTPAttributes,
  setBack: number,
  same: (target: RemoteSource, length: number) => Promise<boolean>,
  name: TransferName,
): Promise<ResumePoint> {
  let attributes: SFTPAttributes;
  try {
    attributes = await stat(session, path, call.call);
  } catch (error) {
    if (error instanceof SFTPError && error.code === 'ENOENT') return FROM_THE_START;
    throw error;
  }
  const { stSize: existing = 0 } = attributes;
  if (existing === 0 || attributes.isDirectory()) return FROM_THE_START;
  if (existing > source.size) throw longer(name, existing, source.size);
  if (existing === source.size && call.options.preserve && !sameTime(attributes.stMtime, source.mtimeMs)) return FROM_THE_START;
  if (call.verifies === 'hash') {
    const target = await RemoteSource.open(call, session, path, attributes);
    try {
      if (!(await same(target, existing))) return FROM_THE_START;
    } finally {
      target.close();
    }
  }
  return { start: existing === source.size ? existing : Math.max(0, existing - setBack), attributes };
}

function sameTime(seconds: number | undefined, milliseconds: Stats['mtimeMs']): boolean {
  return seconds === Math.floor(milliseconds / 1000);
}

function longer(name: TransferName, existing: number, size: number): SFTPError {
  return fileError('ERR_SSH_SFTP_MISMATCH', `cannot resume: the target has ${existing} bytes, the source ${size}`, name);
}
