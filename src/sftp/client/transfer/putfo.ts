// A stream, or something else that gives bytes, into a remote file. Pieces are gathered in the buffers that requests are sent from:
// what the source does with its own afterwards does not matter, and many small pieces are as good as a large one.

import type { SSHError } from '../../../errors.ts';
import type { SFTPAttributes } from '../../protocol/attributes.ts';
import { attributesOf } from '../changes.ts';
import { HEADER_ROOM_BYTES } from '../upload.ts';
import { BlockHash } from './block-hash.ts';
import type { TransferCall } from './call.ts';
import type { RemoteEnd } from './options.ts';
import { RemoteTarget } from './remote-target.ts';
import { sourceOf, type TransferSource } from './sources.ts';
import { compareRemote } from './verify.ts';

/** @throws SFTPError, the source's error as it is, TransferError, `signal.reason` */
export async function sendFrom(call: TransferCall, from: TransferSource, to: RemoteEnd, path: string): Promise<SFTPAttributes> {
  const source = sourceOf(from);
  const { fileSize = 0 } = call.options;
  const name = { operation: 'put', path: 'stream', dest: path } as const;
  let target: RemoteTarget | null = null;
  try {
    target = await RemoteTarget.open(call, to, path, { start: 0, size: fileSize || Number.POSITIVE_INFINITY, mode: undefined });
    const count = call.tally.found(path, fileSize);
    const hash = call.verifies === 'hash' ? new BlockHash('sha256') : null;
    const { upload } = target;
    const frames = call.frames.for(upload.requestBytes, upload.requestBytes);
    // A source that takes its time must not hide that the server has refused.
    let refuse: (error: SSHError) => void = () => {};
    const refused = new Promise<never>((_resolve, reject) => {
      refuse = reject;
    });
    refused.catch(() => {});
    let end = 0;
    for (;;) {
      while (!target.roomy && upload.error === null) await call.until(target.room());
      if (upload.error !== null) throw upload.error;
      const frame = frames.take();
      const bytes = await call.until(Promise.race([source.fill(frame.subarray(HEADER_ROOM_BYTES)), refused]));
      if (bytes === 0) break;
      hash?.update(frame.subarray(HEADER_ROOM_BYTES, HEADER_ROOM_BYTES + bytes));
      end += bytes;
      target.sendFrame(frame, bytes, (error) => {
        frames.giveBack(frame);
        if (error !== null) refuse(error);
        else if (!call.signal.aborted) call.count(count, bytes);
      });
    }
    const written = await target.finish(call, null, name);
    if (hash !== null) await compareRemote(call, to.session, path, end, async () => hash.digest(), name, 'sha256');
    source.close();
    call.finished(count);
    return written ?? attributesOf({ stSize: end });
  } catch (error) {
    const reason = call.signal.aborted ? call.signal.reason : error;
    source.close(reason);
    throw target === null ? error : await target.abandon(call, error, name);
  }
}
