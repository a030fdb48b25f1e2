// The copying itself: where each source goes, as with cp(1) and scp(1), and what of it fails. One that fails does not keep the
// others from being copied; a connection that breaks does.

import { SFTPError } from '../../errors.ts';
import type { SFTPClient } from '../../sftp/client/sftp-client.ts';
import type { TransferOptions, TransferResult } from '../../sftp/client/transfer/options.ts';
import { copyBetween } from '../../sftp/client/transfer/transfer.ts';
import type { Destination } from '../connection/destination.ts';
import { explainFullDisk } from '../transfer/full-disk.ts';
import { expandHome } from '../transfer/home.ts';
import type { Place } from '../transfer/place.ts';
import { shown } from '../transfer/shown.ts';
import { type End, localEnd, remoteEnd } from './ends.ts';
import type { CpOptions } from './options.ts';
import type { Report, Summary } from './report.ts';

/** What is wrong with what was asked for, in words for people. */
class CopyError extends SFTPError {
  constructor(code: 'EINVAL' | 'ENOENT' | 'EISDIR' | 'ENOTDIR' | 'ENOTSUP', reason: string, path: string) {
    super(code, reason, { operation: 'copy', path });
  }
}

export interface CopyJob {
  readonly options: CpOptions;
  readonly report: Report;
  /** The client for a host; the same for the same host. @throws the connection's error */
  readonly connect: (destination: Destination) => Promise<SFTPClient>;
  readonly signal: AbortSignal;
}

interface Target {
  readonly end: End;
  readonly path: string;
  readonly folder: boolean;
}

/** Copies everything. @throws the connection's error */
export async function copyAll(job: CopyJob): Promise<Summary> {
  const { options, report, signal } = job;
  const totals = { files: 0, bytes: 0, failed: 0 };
  const fail = (error: unknown, path: string, ends: readonly (End | null)[]) => {
    signal.throwIfAborted();
    if (ends.some((end) => end?.client?.session.isClosed)) throw error;
    totals.failed++;
    report.failed(error, path);
  };
  const end = await endOf(job, options.target);
  let target: Target;
  try {
    target = await findTarget(job, end);
  } catch (error) {
    fail(error, options.target.path, [end]);
    return totals;
  }
  for (const source of options.sources) {
    let from: End | null = null;
    try {
      from = await endOf(job, source);
      for (const [path, to] of await plan(source, from, target)) {
        try {
          const result = await copyOne(job, from, path, target, to, (error, failed) => fail(error, failed, [from, target.end]));
          totals.files += result.files;
          totals.bytes += result.bytes;
        } catch (error) {
          fail(error, path, [from, target.end]);
        }
      }
    } catch (error) {
      // Without a connection there is no end either.
      if (from === null) throw error;
      fail(error, source.path, [from, target.end]);
    }
  }
  return totals;
}

async function endOf({ connect, signal }: CopyJob, place: Place): Promise<End> {
  return place.kind === 'local' ? localEnd : remoteEnd(await connect(place.destination), { signal });
}

/** @throws CopyError where several things cannot all become the target */
async function findTarget(job: CopyJob, end: End): Promise<Target> {
  const { target, sources } = job.options;
  const path = end.client === null ? target.path : await expandHome(end.client, target.path, { signal: job.signal });
  const kind = await end.kind(path);
  const folder = kind === 'folder';
  if (!folder && sources.length > 1) {
    const reason = kind === null ? 'no such folder' : 'not a folder';
    throw new CopyError(kind === null ? 'ENOENT' : 'ENOTDIR', `${reason}, and there are several sources`, path);
  }
  return { end, path, folder };
}

/** Every path of the source, and where it goes. @throws CopyError, SFTPError */
async function plan(source: Place, from: End, target: Target): Promise<readonly (readonly [from: string, to: string])[]> {
  const paths = await from.expand(source.path);
  if (paths.length === 0) throw new CopyError('ENOENT', 'nothing fits', source.path);
  if (paths.length > 1 && !target.folder) {
    throw new CopyError('ENOTDIR', `not a folder, and '${shown(source.path)}' fits ${paths.length} names`, target.path);
  }
  const { end, path, folder } = target;
  return paths.map((each) => [each, folder ? end.entry(path, from.nameOf(each)) : path] as const);
}

async function copyOne(
  job: CopyJob,
  from: End,
  path: string,
  target: Target,
  to: string,
  fail: (error: unknown, path: string) => void,
): Promise<TransferResult> {
  const { options, report, signal } = job;
  const kind = await from.kind(path);
  if (kind === null) throw new CopyError('ENOENT', 'no such file or directory', path);
  if (kind === 'folder' && !options.recursive) throw new CopyError('EISDIR', 'is a folder; -r copies folders', path);
  // To open a FIFO would wait for ever.
  if (kind === 'other') throw new CopyError('ENOTSUP', 'not a regular file', path);
  if (kind === 'file' && /[/\\]$/.test(to) && !target.folder) throw new CopyError('ENOENT', 'no such folder', to);
  if (from.client !== null && from.client === target.end.client) await refuseItself(from.client, path, to, signal);
  const source = report.begin(under(path), options.resume);
  const settings: TransferOptions = {
    signal,
    recursive: options.recursive,
    preserve: options.preserve,
    resume: options.resume,
    verify: options.checksum ? 'hash' : 'size',
    links: 'follow',
    ...(source.onProgress && { onProgress: source.onProgress }),
    onError: async (error, failed) => {
      fail(await explained(error), failed);
      return 'skip' as const;
    },
  };
  const { client } = target.end;
  const explained = async (error: unknown) =>
    client === null || signal.aborted ? error : explainFullDisk(client, error, { signal });
  try {
    return await transfer(from.client, path, client, to, settings);
  } catch (error) {
    throw await explained(error);
  } finally {
    source.end();
  }
}

/** A file that is copied onto itself is a mistake; that a folder goes into itself the transfer finds out. @throws CopyError */
async function refuseItself(client: SFTPClient, path: string, to: string, signal: AbortSignal): Promise<void> {
  const source = await client.realpath(path, { signal });
  const target = await client.realpath(to, { signal }).catch((error: unknown) => {
    // Not there yet; a server may say so.
    if (error instanceof SFTPError) return null;
    throw error;
  });
  if (target === source) throw new CopyError('EINVAL', `is the same file as '${shown(to)}'`, path);
}

function transfer(
  from: SFTPClient | null,
  path: string,
  to: SFTPClient | null,
  dest: string,
  options: TransferOptions,
): Promise<TransferResult> {
  if (from === null) return (to as SFTPClient).put(path, dest, options);
  return to === null ? from.get(path, dest, options) : copyBetween(from, path, to, dest, options);
}

/** What people see of a path: the part below the folder that the source is in. */
function under(source: string): (path: string) => string {
  const bare = source.replace(/[/\\]+$/, '');
  const start = Math.max(bare.lastIndexOf('/'), process.platform === 'win32' ? bare.lastIndexOf('\\') : -1) + 1;
  const prefix = bare.slice(0, start);
  return (path) => (path.startsWith(prefix) ? path.slice(start) : path);
}
