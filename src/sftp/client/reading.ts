// Reading from an open file as promises, over `Download`. A small file takes one flight: its attributes and its first bytes are
// asked for together, and where they agree that this is all there is, nobody asks again.

import { SFTPError, type SSHError } from '../../errors.ts';
import { type CallOptions, waitFor } from '../../io/waiting.ts';
import type { SFTPAttributes } from '../protocol/attributes.ts';
import { dataOf } from '../protocol/data.ts';
import { Data, Read } from '../protocol/messages.ts';
import { Collector } from './collector.ts';
import { Download, type DownloadOptions } from './download.ts';
import type { Opened } from './handles.ts';
import { fstat } from './questions.ts';
import { withReason } from './reasons.ts';
import type { Answer, Operation } from './session.ts';

const NOTHING = new Uint8Array(0);

export interface ReadWholeOptions extends CallOptions {
  /** Most bytes that are put together; EFBIG above it. Default 2^31 - 1, as for fs. */
  readonly maxBytes?: number;
}

/** What the first answers say: `size` is 0 where the server does not know, or has a file without one (/proc). */
export interface FirstLook {
  readonly attributes: SFTPAttributes | null;
  readonly data: Uint8Array;
  readonly size: number;
  /** Nothing comes behind `data`. */
  readonly complete: boolean;
}

/** Asks for the attributes and the first bytes at once. @throws SFTPError EISDIR, ... */
export async function firstLook(file: Opened, position: number, most: number, call: CallOptions): Promise<FirstLook> {
  const { session, handle, path } = file;
  const length = Math.min(session.limits.maxReadLength, most);
  const asked = fstat(session, handle, path, call).catch(() => null);
  const read = readOnce(file, position, length, call);
  // Both are waited for: a folder's read fails without saying why.
  const [attributes, data] = await Promise.all([asked, read.catch((error: SSHError) => error)]);
  if (attributes?.isDirectory()) throw folderError(path, data);
  if (!(data instanceof Uint8Array)) throw data;
  const size = attributes?.stSize ?? 0;
  return { attributes, data, size, complete: data.length === 0 || data.length === most || position + data.length === size };
}

/** One READ; `take` must be done with the bytes when it returns. Resolves with their number, 0 at the end of the file. */
async function readWith(
  { session, handle, path }: Opened,
  offset: number,
  length: number,
  call: CallOptions,
  take: (bytes: Uint8Array) => void,
): Promise<number> {
  const answer: Answer<number> = {
    decode(packet) {
      // Not more than there is room for, whatever has come.
      const bytes = dataOf(packet[0] === Data.number ? packet : NOTHING).subarray(0, length);
      take(bytes);
      session.recycle(packet);
      return bytes.length;
    },
  };
  try {
    return await session.ask({ operation: 'read', path }, (id) => Read.encode({ id, handle, offset, length }), answer, call);
  } catch (error) {
    if (error instanceof SFTPError && error.code === 'ERR_SSH_SFTP_EOF') return 0;
    throw error;
  }
}

/** One READ, its bytes; none at the end of the file. */
export async function readOnce(file: Opened, offset: number, length: number, call: CallOptions): Promise<Uint8Array> {
  let read = NOTHING;
  await readWith(file, offset, length, call, (bytes) => {
    read = new Uint8Array(bytes);
  });
  return read;
}

/** Everything from `start` on. */
export async function readWhole(file: Opened, start: number, options: ReadWholeOptions = {}): Promise<Buffer> {
  const { maxBytes, ...call } = options;
  const what: Operation = { operation: 'read', path: file.path };
  const { data, size, complete } = await firstLook(file, start, Number.POSITIVE_INFINITY, call);
  const collector = new Collector(what, complete ? data.length : Math.max(size - start, data.length), maxBytes);
  collector.add(data);
  if (!complete) {
    const range = { start: start + data.length, expected: size };
    await downloadInto(file, range, (bytes) => collector.add(bytes), call);
  }
  return collector.finish();
}

/** At most `length` bytes from `position` on; fewer only where the file ends. */
export async function readSome(file: Opened, position: number, length: number, call: CallOptions): Promise<Buffer> {
  const collector = new Collector({ operation: 'read', path: file.path }, length);
  const end = position + length;
  await downloadInto(file, { start: position, end, expected: end }, (bytes) => collector.add(bytes), call);
  return collector.finish();
}

/** As {@link readSome}, into `target`, as many bytes as it has room for. Resolves with their number. */
export async function readInto(file: Opened, position: number, target: Uint8Array, call: CallOptions): Promise<number> {
  // Where one request will do, what it brings will do, as for read(2).
  if (target.length <= file.session.limits.maxReadLength) {
    return readWith(file, position, target.length, call, (bytes) => target.set(bytes));
  }
  const end = position + target.length;
  const put = (bytes: Uint8Array, at: number) => target.set(bytes, at - position);
  return (await downloadInto(file, { start: position, end, expected: end }, put, call)) - position;
}

/** Hands over what is read, in order; `take` must be done with it when it returns. Resolves with the position of the end. */
export function downloadInto(
  { session, handle, path }: Opened,
  range: DownloadOptions,
  take: (bytes: Uint8Array, position: number) => void,
  call?: CallOptions,
): Promise<number> {
  const what: Operation = { operation: 'read', path };
  return waitFor<number>('reading', call, ({ resolve, reject }) => {
    const data = (bytes: Uint8Array, position: number, packet: Uint8Array) => {
      try {
        take(bytes, position);
        download.release(bytes.length, packet);
      } catch (error) {
        // The caller's mistake or limit; the session goes on.
        download.stop();
        reject(error);
      }
    };
    const download = new Download(session, handle, what, { data, end: resolve, fail: reject }, range);
    download.start();
    return () => download.stop();
  });
}

function folderError(path: string, failure: Uint8Array | SSHError): SFTPError {
  const own = failure instanceof SFTPError ? failure : new SFTPError('EISDIR', 'is a directory', { operation: 'read', path });
  return withReason(own, 'EISDIR');
}
