// Writing to an open file as promises, over `Upload`. Nothing counts as written before the server has said so.

import { Readable } from 'node:stream';
import type { ReadableStream as WebStream } from 'node:stream/web';
import { type CallOptions, waitFor } from '../../io/waiting.ts';
import { chunksOf, endUnread, type FileContent, heedErrors } from './chunks.ts';
import type { Opened } from './handles.ts';
import { closeHandle } from './handles.ts';
import { Lanes } from './lanes.ts';
import type { SideSessions } from './side-sessions.ts';
import { Upload } from './upload.ts';

export interface WritableFile extends Opened {
  /** Where more lanes come from; null for a file that is written at its end. */
  readonly sides: SideSessions | null;
}

export interface WriteContentOptions extends CallOptions {
  readonly encoding?: BufferEncoding | null | undefined;
  /** Close the file, however it goes: behind the last byte in the same flight, since a server handles a file's requests in order. */
  readonly close?: boolean;
}

/** An upload to a file, with more lanes where that helps. */
export function uploadTo({ session, handle, path, sides }: WritableFile): { upload: Upload; lanes: Lanes | null } {
  const lanes = sides === null ? null : new Lanes(sides, path);
  const narrow = lanes === null ? {} : { onNarrow: () => void lanes.widen(upload) };
  const upload: Upload = new Upload({ session, handle }, { operation: 'write', path }, narrow);
  return { upload, lanes };
}

/**
 * Writes all of `given` from `position` on and resolves with the number of bytes when the server has acknowledged them.
 * @throws SFTPError as soon as the server refuses, the source's error
 */
export function writeContent(
  file: WritableFile,
  given: FileContent,
  position: number,
  options: WriteContentOptions,
): Promise<number> {
  const { encoding, close = false, ...call } = options;
  // A web stream can be ended by its reader only, and not while it is being waited for.
  const content = given instanceof ReadableStream ? Readable.fromWeb(given as WebStream, { objectMode: true }) : given;
  heedErrors(content);
  if (call.signal?.aborted) {
    // Between the opening and this.
    endUnread(content);
    if (close) file.session.release(file.handle);
    return Promise.reject(call.signal.reason);
  }
  return waitFor<number>('writing', call, ({ resolve, reject }) => {
    const { upload, lanes } = uploadTo(file);
    let over = false;
    let closing = false;
    const stop = () => {
      if (over) return;
      over = true;
      lanes?.close();
      if (close && !closing) file.session.release(file.handle);
      if (content instanceof Readable) content.destroy();
    };
    // A source that takes its time must not hide that the server has refused.
    const answered = () => {
      if (upload.error === null) return;
      reject(upload.error);
      stop();
    };
    const run = async () => {
      let at = position;
      for await (const chunk of chunksOf(content, encoding)) {
        // In pieces: a large buffer must not be queued as a whole.
        for (let from = 0; from < chunk.length && !over; from += upload.requestBytes) {
          if (!upload.roomy) await upload.room();
          const piece = chunk.subarray(from, from + upload.requestBytes);
          upload.send(piece, at, answered);
          at += piece.length;
        }
        if (over) break;
      }
      if (over) return at - position;
      closing = close;
      const closed = close ? closeHandle(file.session, file.handle, file.path) : null;
      closed?.catch(() => {});
      await upload.finish();
      await closed;
      await lanes?.finish(call);
      return at - position;
    };
    run().then(resolve, reject).finally(stop);
    return stop;
  });
}
