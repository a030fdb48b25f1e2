// Bytes of an open file, into memory of ours: what READ, copy-data and check-file have in common. Never more than asked for.

import type { FileHandle } from 'node:fs/promises';
import { SFTP_EOF } from '../protocol/status.ts';
import { SFTPHandle } from './handle.ts';
import { refusalOf } from './outcome.ts';

/** Resolves with how many bytes there are now in `target`, 0 at the end. @throws Refusal, what the hook throws */
export async function readFileInto(file: SFTPHandle, target: Uint8Array, offset: number): Promise<number> {
  if (file.readInto !== undefined) return counted(await file.readInto(target, offset), target);
  if (file.read === SFTPHandle.prototype.read && file.readfile !== null) {
    return readDirectly(file.readfile, target, offset);
  }
  const data = await file.read(offset, target.length);
  if (typeof data === 'number') {
    if (data === SFTP_EOF) return 0;
    throw refusalOf(data);
  }
  const count = Math.min(data.length, target.length);
  target.set(count === data.length ? data : data.subarray(0, count));
  return count;
}

/** The default of SFTPHandle.read, without the array that it would make. */
async function readDirectly(file: FileHandle, target: Uint8Array, offset: number): Promise<number> {
  const { bytesRead } = await file.read(target, 0, target.length, offset);
  return bytesRead;
}

/** What a hook says it has read. Out of range it would send memory that is somebody else's. */
function counted(count: number, target: Uint8Array): number {
  if (!Number.isInteger(count) || count < 0 || count > target.length) throw new TypeError(`a hook has read ${count} bytes`);
  return count;
}
