// copy-data (OpenSSH PROTOCOL section 4.10): from one open file to another without the network in between, a piece at a time, and
// no further than the session lives.

import { setImmediate } from 'node:timers/promises';
import type { copyData } from '../protocol/extensions.ts';
import { SFTP_EOF, SFTP_FAILURE, SFTP_OK, type SFTPStatus } from '../protocol/status.ts';
import type { OpenFile } from './handle-table.ts';
import { Refusal } from './outcome.ts';
import { MAX_DATA_BYTES, type Plan, type Serving } from './plan.ts';
import { readFileInto } from './reading.ts';
import { statusReply } from './replies.ts';

type Request = ReturnType<(typeof copyData)['request']['decode']>;

/** @throws Refusal */
export function planCopy(serving: Serving, id: number, request: Request): Plan {
  const source = serving.handles.readable(request.readHandle);
  const target = serving.handles.writable(request.writeHandle);
  // A file that grows while it is copied onto itself would have no end.
  if (sameFile(source, target)) throw new Refusal(SFTP_FAILURE, 'Cannot copy a file onto itself');
  return {
    touches: [...source.reading, ...target.writing],
    bytes: MAX_DATA_BYTES,
    serve: async () => statusReply(id, await copy(serving, source, target, request)),
  };
}

function sameFile(a: OpenFile, b: OpenFile): boolean {
  const keys = a.reading.map(({ key }) => key).filter((key) => key !== '');
  return a.file === b.file || b.reading.some(({ key }) => keys.includes(key));
}

async function copy(serving: Serving, source: OpenFile, target: OpenFile, request: Request): Promise<SFTPStatus> {
  const { readOffset, writeOffset } = request;
  const toTheEnd = request.length === 0;
  const length = toTheEnd ? await bytesFrom(source, readOffset) : request.length;
  const buffer = serving.replies.borrow(MAX_DATA_BYTES);
  try {
    for (let done = 0; done < length; ) {
      const wanted = Math.min(buffer.length, length - done);
      const count = await readFileInto(source.file, buffer.subarray(0, wanted), readOffset + done);
      if (count === 0) return toTheEnd ? SFTP_OK : SFTP_EOF;
      const status = await target.file.write(writeOffset + done, buffer.subarray(0, count));
      if (status !== SFTP_OK) return status;
      done += count;
      // Hooks that never wait must not keep everybody else waiting.
      await setImmediate();
      if (serving.over) return SFTP_FAILURE;
    }
    return SFTP_OK;
  } finally {
    serving.replies.back(buffer);
  }
}

/**
 * How much there is to copy, as of now: of two names for one file no more than that is copied. Files that are made up as they are
 * read have no size, and an end of their own.
 */
async function bytesFrom({ file }: OpenFile, offset: number): Promise<number> {
  const attributes = await file.stat();
  const size = typeof attributes === 'number' ? 0 : attributes.size;
  return size === 0 ? Number.POSITIVE_INFINITY : Math.max(0, size - offset);
}
