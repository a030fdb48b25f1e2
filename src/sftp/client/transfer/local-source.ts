// A local file that is being sent: read straight into the buffers that it is sent from, one read under way, so that the disk works
// while the network does. What is read is sent in order, which keeps what is at the server a beginning of the file.

import fs, { constants } from 'node:fs';
import type { SSHError } from '../../../errors.ts';
import { SFTPAttributes } from '../../protocol/attributes.ts';
import { HEADER_ROOM_BYTES } from '../upload.ts';
import type { TransferCall } from './call.ts';
import { fileError, type TransferName } from './failure.ts';
import { close, errno, fstat, open } from './local-fs.ts';
import { forNode } from './local-path.ts';
import type { RemoteTarget } from './remote-target.ts';

/** Buffers that one read fills. */
const GATHER = 4;

/** What a listing has said of a file. */
export interface KnownFile {
  readonly attributes: SFTPAttributes;
  /** It is what a symbolic link leads to. */
  readonly followed: boolean;
}

export class LocalSource {
  readonly path: string;
  readonly fd: number;
  readonly attributes: SFTPAttributes;

  /** Of a folder's file `known` is what a moment ago was a file. @throws Node's errors; SFTPError EISDIR, ELOOP; `signal.reason` */
  static async open(call: TransferCall, path: string, name: TransferName, known?: KnownFile): Promise<LocalSource> {
    if (known === undefined) {
      const fd = await call.untilFd(open(forNode(path), constants.O_RDONLY));
      try {
        const stats = await fstat(fd);
        if (stats.isDirectory()) throw fileError('EISDIR', 'is a directory', name);
        return new LocalSource(path, fd, SFTPAttributes.fromStat(stats));
      } catch (error) {
        await close(fd);
        throw error;
      }
    }
    // Should it have become something else, opening it must neither wait nor lead elsewhere.
    const careful = (constants.O_NONBLOCK ?? 0) | (known.followed ? 0 : (constants.O_NOFOLLOW ?? 0));
    const fd = await open(forNode(path), constants.O_RDONLY | careful).catch((error: unknown) => {
      throw errno(error) === 'ELOOP' ? fileError('ELOOP', 'has become a symbolic link', name) : error;
    });
    return new LocalSource(path, fd, known.attributes);
  }

  private constructor(path: string, fd: number, attributes: SFTPAttributes) {
    this.path = path;
    this.fd = fd;
    this.attributes = attributes;
  }

  get size(): number {
    return this.attributes.size;
  }

  close(): Promise<void> {
    return close(this.fd);
  }

  /**
   * Sends everything from `start` on and resolves with where the file ended; what was sent is not yet acknowledged then. Rejects
   * when no read is under way any more, so that the file may be closed.
   * @throws what the server refused, Node's errors, `signal.reason`
   */
  send(call: TransferCall, start: number, target: RemoteTarget, sent: (bytes: number) => void): Promise<number> {
    const regular = this.attributes.isFile();
    const { requestBytes } = target.upload;
    // A small file with a byte of room behind it, so that one read finds its end.
    const frames = call.frames.for(regular ? this.size - start + 1 : requestBytes, requestBytes);
    const { signal } = call;
    return new Promise<number>((resolve, reject) => {
      let position = start;
      let reading = false;
      let over = false;
      let failed = false;
      let failure: unknown;
      const settle = () => {
        if (over || reading) return;
        over = true;
        target.onRoom = null;
        forget();
        if (failed) reject(failure);
        else resolve(position);
      };
      const fail = (error: unknown) => {
        if (!failed) failure = error;
        failed = true;
        settle();
      };
      const abort = () => fail(signal.reason);
      const forget = call.onStop(abort);
      const acknowledged = (frame: Buffer, count: number) => (error: SSHError | null) => {
        frames.giveBack(frame);
        if (error !== null) fail(error);
        else if (!failed && !signal.aborted) sent(count);
      };
      const took = (taken: readonly Buffer[], count: number) => {
        let rest = count;
        for (const frame of taken) {
          const bytes = Math.min(rest, frames.dataBytes);
          if (bytes === 0 || failed) frames.giveBack(frame);
          else target.sendFrame(frame, bytes, acknowledged(frame, bytes));
          rest -= bytes;
        }
        position += count;
        // Less than was asked for is the end, except of files that do not know their size (/proc).
        return count === 0 || (this.size > 0 && count < taken.length * frames.dataBytes && position >= this.size);
      };
      const next = () => {
        if (over || reading || !target.roomy) return;
        if (failed) return settle();
        const many = Math.ceil((this.size - position + 1) / frames.dataBytes);
        const taken = Array.from({ length: regular ? Math.max(1, Math.min(GATHER, many)) : 1 }, () => frames.take());
        reading = true;
        const after = (error: Error | null, count: number) => {
          reading = false;
          if (error !== null) fail(error);
          else if (took(taken, count)) settle();
          else next();
          if (failed) settle();
        };
        const [first] = taken as [Buffer];
        const at = regular ? position : null;
        if (taken.length === 1) fs.read(this.fd, first, HEADER_ROOM_BYTES, frames.dataBytes, at, after);
        else
          fs.readv(
            this.fd,
            taken.map((frame) => frame.subarray(HEADER_ROOM_BYTES)),
            at,
            after,
          );
      };
      if (signal.aborted) return abort();
      target.onRoom = next;
      next();
    });
  }
}
