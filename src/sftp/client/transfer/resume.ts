// Where a transfer goes on: behind what an earlier one has left. The size of what is there says how much that is, because files
// are written from their beginning on (`write-behind.ts`). That it is the same file is looked at, too: a target that is not the
// beginning of the source is transferred from its start.
//
// Only uploads that take several channels may leave gaps near the end, when the connection breaks; they are looked for.

import type { Stats } from 'node:fs';
import { SFTPError } from '../../../errors.ts';
import type { SFTPAttributes } from '../../protocol/attributes.ts';
import { stat } from '../questions.ts';
import type { TransferCall } from './call.ts';
import { fileError, type TransferName } from './failure.ts';
import { errno, fstat, lstat } from './local-fs.ts';
import { forNode } from './local-path.ts';
import type { LocalSource } from './local-source.ts';
import type { LocalTarget } from './local-target.ts';
import type { RemoteEnd } from './options.ts';
import { RemoteSource } from './remote-source.ts';
import { SPAN_BYTES } from './remote-target.ts';
import { hasNoGap, sameRemoteSpots, sameSpots } from './spot-check.ts';
import { sameBeginning, sameRemoteBeginning } from './verify.ts';

export interface ResumePoint {
  /** The byte from which on the target is to be written. */
  readonly start: number;
  /** What a remote target is now. */
  readonly attributes: SFTPAttributes | null;
}

const FROM_THE_START: ResumePoint = { start: 0, attributes: null };

/** Of a local file that is received. @throws SFTPError ERR_SSH_SFTP_MISMATCH where there is more than the source has */
export async function resumeLocal(
  call: TransferCall,
  source: RemoteSource,
  target: LocalTarget,
  name: TransferName,
): Promise<number> {
  const { size, attributes } = source;
  const { existing, fd } = target;
  if (existing === 0 || size === undefined) return 0;
  if (existing > size) throw longer(name, existing, size);
  if (existing === size) {
    if (!call.options.preserve) return existing;
    const { mtimeMs } = await fstat(fd);
    return sameTime(attributes?.stMtime, mtimeMs) ? existing : 0;
  }
  const same = await (call.verifies === 'hash' ? sameBeginning : sameSpots)(call, fd, source, existing);
  return same ? existing : 0;
}

/** Whether a file of a folder is there already, so that the server does not even have to open its own. */
export async function isCompleteHere(call: TransferCall, local: string, attributes: SFTPAttributes): Promise<boolean> {
  if (call.verifies === 'hash') return false;
  try {
    const there = await lstat(forNode(local));
    if (!there.isFile() || there.size !== attributes.stSize) return false;
    return !call.options.preserve || sameTime(attributes.stMtime, there.mtimeMs);
  } catch (error) {
    if (errno(error) === 'ENOENT') return false;
    throw error;
  }
}

/** Of a remote file that is sent. @throws SFTPError ERR_SSH_SFTP_MISMATCH where there is more than the source has */
export function resumeRemote(
  call: TransferCall,
  to: RemoteEnd,
  path: string,
  source: LocalSource,
  name: TransferName,
): Promise<ResumePoint> {
  const compare = async (target: RemoteSource, existing: number): Promise<number> => {
    const { fd } = source;
    // The end is looked at more closely, and written again where it has a gap.
    const doubtful = Math.max(0, existing - SPAN_BYTES);
    if (call.verifies === 'hash') {
      if (!(await sameBeginning(call, fd, target, existing))) return 0;
    } else if (doubtful > 0 && !(await sameSpots(call, fd, target, doubtful))) {
      return 0;
    }
    return (await hasNoGap(call, fd, target, doubtful, existing)) ? existing : doubtful;
  };
  return resumeAt(call, to, path, source.attributes, name, compare);
}

/** Of a remote file that is copied from another server: the part that may have gaps is copied again, as it can't be looked at here. */
export function resumeCopy(
  call: TransferCall,
  to: RemoteEnd,
  path: string,
  source: RemoteSource,
  name: TransferName,
): Promise<ResumePoint> {
  if (source.attributes?.stSize === undefined) return Promise.resolve(FROM_THE_START);
  const compare = async (target: RemoteSource, existing: number): Promise<number> => {
    if (call.verifies === 'hash' && !(await sameRemoteBeginning(call, source, target, existing))) return 0;
    const certain = Math.max(0, existing - SPAN_BYTES);
    return (await sameRemoteSpots(call, source, target, certain)) ? certain : 0;
  };
  return resumeAt(call, to, path, source.attributes, name, compare);
}

async function resumeAt(
  call: TransferCall,
  { session }: RemoteEnd,
  path: string,
  source: SFTPAttributes,
  name: TransferName,
  compare: (target: RemoteSource, existing: number) => Promise<number>,
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
  if (existing === source.size && call.verifies !== 'hash') {
    const complete = !call.options.preserve || sameTime(attributes.stMtime, source.mtimeMs);
    return complete ? { start: existing, attributes } : FROM_THE_START;
  }
  let target: RemoteSource;
  try {
    target = await RemoteSource.open(call, session, path, attributes);
  } catch (error) {
    // What may be written but not read can't be compared.
    if (error instanceof SFTPError && error.code === 'EACCES') return FROM_THE_START;
    throw error;
  }
  try {
    return { start: await compare(target, existing), attributes };
  } finally {
    target.close();
  }
}

function sameTime(seconds: number | undefined, milliseconds: Stats['mtimeMs']): boolean {
  return seconds === Math.floor(milliseconds / 1000);
}

function longer(name: TransferName, existing: number, size: number): SFTPError {
  return fileError('ERR_SSH_SFTP_MISMATCH', `cannot resume: the target has ${existing} bytes, the source ${size}`, name);
}
