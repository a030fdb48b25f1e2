// Transfers between this machine and a server, as callers see them: the functions behind `SFTPClient.get` and `put`.

import { SFTPAttributes } from '../../protocol/attributes.ts';
import { stat } from '../questions.ts';
import { FAR_MS } from '../upload.ts';
import { TransferCall } from './call.ts';
import { copyBetweenServers } from './copy-between.ts';
import { transferFolder } from './folder.ts';
import { getFile } from './get-file.ts';
import { receiveInto } from './getfo.ts';
import { refuseInsideItself } from './inside-itself.ts';
import { stat as statLocal } from './local-fs.ts';
import { forNode, localPath } from './local-path.ts';
import { LocalSourceTree, LocalTargetTree } from './local-tree.ts';
import type { LocalPath, RemoteEnd, TransferOptions, TransferResult } from './options.ts';
import { putFile } from './put-file.ts';
import { sendFrom } from './putfo.ts';
import { RemoteSourceTree, RemoteTargetTree } from './remote-tree.ts';
import { isCompleteHere } from './resume.ts';
import type { TransferSink } from './sinks.ts';
import { getSmall, isSmallGet } from './small-get.ts';
import { isSmallPut, putSmall } from './small-put.ts';
import type { TransferSource } from './sources.ts';
import { Spread } from './spread.ts';
import type { FileJob } from './trees.ts';

/**
 * Receives a file, or with `recursive` a folder: what is in it comes into the folder `local`, which is made where it is missing.
 * @throws SFTPError, Node's errors for local files, TransferError where a file is left incomplete, `signal.reason`
 */
export function get(from: RemoteEnd, path: string, local: LocalPath, options: TransferOptions = {}): Promise<TransferResult> {
  return TransferCall.run(`get '${path}'`, options, async (call) => {
    const target = localPath(local);
    const attributes = options.recursive ? await stat(from.session, path, call.call) : undefined;
    if (attributes?.isDirectory()) {
      await getFolder(call, from, path, target, attributes);
      return call.tally.result();
    }
    const count = call.tally.found(path, attributes?.size ?? 0);
    await getFile(call, { from, path, local: target, insideFolder: false, count, ...(attributes && { attributes }) });
    return call.tally.result();
  });
}

/**
 * Sends a file, or with `recursive` a folder: what is in it comes into the folder `path`, which is made where it is missing.
 * @throws SFTPError, Node's errors for local files, TransferError where a file is left incomplete, `signal.reason`
 */
export function put(local: LocalPath, to: RemoteEnd, path: string, options: TransferOptions = {}): Promise<TransferResult> {
  return TransferCall.run(`put '${path}'`, options, async (call) => {
    const source = localPath(local);
    const attributes = options.recursive ? SFTPAttributes.fromStat(await statLocal(forNode(source))) : undefined;
    if (attributes?.isDirectory()) {
      await putFolder(call, source, to, path, attributes);
      return call.tally.result();
    }
    const count = call.tally.found(source, attributes?.size ?? 0);
    const written = await putFile(call, { local: source, to, path, count });
    return call.tally.result(written);
  });
}

/**
 * Receives a file into a stream, a file-like object or a buffer, and resolves with the number of bytes when that has taken them.
 * @throws SFTPError, the sink's error, `signal.reason`
 */
export function getfo(from: RemoteEnd, path: string, sink: TransferSink, options: TransferOptions = {}): Promise<number> {
  return TransferCall.run(`get '${path}'`, options, (call) => receiveInto(call, from, path, sink));
}

/**
 * Sends what a stream, a file-like object, an iterable, a buffer or text holds. Resolves with what the server says of the file, or
 * with nothing but its size where it was not asked.
 * @throws SFTPError, the source's error, TransferError where the file is left incomplete, `signal.reason`
 */
export function putfo(
  source: TransferSource,
  to: RemoteEnd,
  path: string,
  options: TransferOptions = {},
): Promise<SFTPAttributes> {
  return TransferCall.run(`put '${path}'`, options, (call) => sendFrom(call, source, to, path));
}

/**
 * Copies a file, or with `recursive` a folder, from one server to another, through this machine.
 * @throws SFTPError, EINVAL for a folder into itself on one server, TransferError where a file is left incomplete, `signal.reason`
 */
export function copyBetween(
  from: RemoteEnd,
  path: string,
  to: RemoteEnd,
  dest: string,
  options: TransferOptions = {},
): Promise<TransferResult> {
  return TransferCall.run(`copy '${path}'`, options, async (call) => {
    const attributes = options.recursive ? await stat(from.session, path, call.call) : undefined;
    if (attributes?.isDirectory()) {
      if (from.session === to.session) await refuseInsideItself(call, from.session, path, dest);
      await copyFolder(call, from, path, to, dest, attributes);
      return call.tally.result();
    }
    const count = call.tally.found(path, attributes?.size ?? 0);
    return call.tally.result(await copyBetweenServers(call, { from, path, to, dest, count }));
  });
}

async function copyFolder(
  call: TransferCall,
  from: RemoteEnd,
  path: string,
  to: RemoteEnd,
  dest: string,
  attributes: SFTPAttributes,
): Promise<void> {
  const limits = await call.until(Promise.all([from.session.knowLimits(), to.session.knowLimits()]));
  const handles = limits.map(({ maxOpenHandles }) => maxOpenHandles || Number.POSITIVE_INFINITY);
  const most = Math.min(...handles);
  const sides = {
    source: new RemoteSourceTree(call, from.session),
    target: new RemoteTargetTree(call, to.session, true),
    mostHandles: Number.isFinite(most) ? most : 0,
    far: Math.max(from.session.roundTripMs, to.session.roundTripMs) >= FAR_MS,
    gone: () => from.session.isClosed || to.session.isClosed,
    move: async (job: FileJob) => {
      await copyBetweenServers(call, { from, path: job.from, to, dest: job.to, known: job.attributes, count: job.count });
    },
  };
  await transferFolder(call, sides, path, dest, attributes);
}

async function getFolder(
  call: TransferCall,
  from: RemoteEnd,
  path: string,
  local: string,
  attributes: SFTPAttributes,
): Promise<void> {
  const { session } = from;
  const { maxOpenHandles } = await call.until(session.knowLimits());
  const sides = {
    source: new RemoteSourceTree(call, session),
    target: new LocalTargetTree(call),
    mostHandles: maxOpenHandles,
    far: session.roundTripMs >= FAR_MS,
    gone: () => session.isClosed,
    move: async (job: FileJob) => {
      const { from: source, to, attributes: found, count } = job;
      if (isSmallGet(call, session, job) && (await getSmall(call, session, job))) return;
      if (call.options.resume && (await isCompleteHere(call, to, found))) {
        call.tally.already(count, found.size);
        call.finished(count);
        return;
      }
      await getFile(call, { from, path: source, local: to, attributes: found, insideFolder: true, count });
    },
  };
  await transferFolder(call, sides, path, local, attributes);
}

async function putFolder(
  call: TransferCall,
  local: string,
  to: RemoteEnd,
  path: string,
  attributes: SFTPAttributes,
): Promise<void> {
  const { session } = to;
  const { maxOpenHandles } = await call.until(session.knowLimits());
  const spread = new Spread(to);
  const sides = {
    source: new LocalSourceTree(call),
    target: new RemoteTargetTree(call, session, false),
    mostHandles: maxOpenHandles,
    far: session.roundTripMs >= FAR_MS,
    gone: () => session.isClosed,
    move: async (job: FileJob) => {
      const end = spread.pick();
      if (isSmallPut(call, end.session, job) && (await putSmall(call, end.session, job))) return;
      const { from, to: target, attributes: found, followed, count } = job;
      const way = end.session.isClosed ? spread.pick() : end;
      await putFile(call, { local: from, to: way, path: target, known: { attributes: found, followed }, count });
    },
  };
  try {
    await transferFolder(call, sides, local, path, attributes);
  } finally {
    spread.end();
  }
}
