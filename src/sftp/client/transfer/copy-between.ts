// From one server to another, through this machine and without a file on it: what is read of the one is written to the other. On one
// and the same session the server copies, where it can.

import type { SFTPAttributes } from '../../protocol/attributes.ts';
import { setstat } from '../changes.ts';
import { copyFile } from '../copy-file.ts';
import type { TransferCall } from './call.ts';
import { cutShort } from './failure.ts';
import type { RemoteEnd } from './options.ts';
import type { FileCount } from './progress.ts';
import { RemoteSource } from './remote-source.ts';
import { preserved, RemoteTarget } from './remote-target.ts';
import { refuseLink } from './remote-tree.ts';
import { resumeCopy } from './resume.ts';
import { compareRemote, remoteFingerprint } from './verify.ts';

export interface CopyBetween {
  readonly from: RemoteEnd;
  readonly path: string;
  readonly to: RemoteEnd;
  readonly dest: string;
  /** For a file of a folder. */
  readonly known?: SFTPAttributes;
  readonly count: FileCount;
}

/** Resolves with what the target's server says of it, null where it was not asked. @throws SFTPError, TransferError */
export async function copyBetweenServers(call: TransferCall, file: CopyBetween): Promise<SFTPAttributes | null> {
  const { from, path, to, dest, known, count } = file;
  if (known !== undefined) await refuseLink(call, to.session, dest);
  const source = await RemoteSource.open(call, from.session, path, known);
  try {
    if (source.size !== undefined) call.tally.resize(count, source.size);
    return await (from.session === to.session ? copyOnServer(call, source, file) : copyThrough(call, source, file));
  } finally {
    source.close();
  }
}

async function copyOnServer(call: TransferCall, { attributes }: RemoteSource, file: CopyBetween): Promise<null> {
  const { from, path, to, dest, count } = file;
  await copyFile(from.session, to.sides ?? null, path, dest, 0, call.call);
  const changes = attributes === null ? null : preserved(call, attributes);
  if (changes !== null) await setstat(to.session, dest, changes, call.call);
  call.count(count, count.total);
  call.finished(count);
  return null;
}

async function copyThrough(call: TransferCall, source: RemoteSource, file: CopyBetween): Promise<SFTPAttributes | null> {
  const { path, to, dest, count } = file;
  const { attributes, size } = source;
  const name = { operation: 'copy', path, dest } as const;
  let start = 0;
  if (call.options.resume) {
    const point = await resumeCopy(call, to, dest, source, name);
    start = point.start;
    if (start > 0) call.tally.already(count, start);
    if (start === size && point.attributes !== null) {
      const changes = attributes === null ? null : preserved(call, attributes);
      if (changes !== null) await setstat(to.session, dest, changes, call.call);
      call.finished(count);
      return point.attributes;
    }
  }
  const mode = attributes?.stMode === undefined ? undefined : attributes.stMode & 0o777;
  const target = await RemoteTarget.open(call, to, dest, { start, size: size ?? Number.POSITIVE_INFINITY, mode });
  try {
    const end = await pass(call, source, start, target, (bytes) => call.count(count, bytes));
    if (call.verifies !== false && size !== undefined && end < size) throw cutShort(name, end, size);
    const written = await target.finish(call, attributes === null ? null : preserved(call, attributes), name);
    if (call.verifies === 'hash') {
      const { algorithm, digest } = await remoteFingerprint(call, source, end);
      await compareRemote(call, to.session, dest, end, async () => digest, name, algorithm);
    }
    call.finished(count);
    return written;
  } catch (error) {
    throw await target.abandon(call, error, name);
  }
}

/** Resolves with where the source ended, when everything has been sent. */
function pass(
  call: TransferCall,
  source: RemoteSource,
  start: number,
  target: RemoteTarget,
  sent: (bytes: number) => void,
): Promise<number> {
  // More is asked of the source as soon as there is room on the way to the target, however long that is.
  let waiting: (() => void)[] = [];
  target.onRoom = () => {
    if (waiting.length === 0 || !target.roomy) return;
    const all = waiting;
    waiting = [];
    for (const go of all) go();
  };
  return source.pour(call, start, (data, _position, done) => {
    target.send(data, (error) => {
      if (error !== null) done(error);
      else if (!call.signal.aborted) sent(data.length);
    });
    // The packet is still on its way out: it is not to be used again.
    const go = () => done(undefined, true);
    if (target.roomy) go();
    else waiting.push(go);
  });
}
