// A copy of a file on the server: by the server itself where it can (copy-data), else through us. The target is never emptied
// first: where both are names of one file, that would lose it.

import { constants } from 'node:fs';
import { SFTPError } from '../../errors.ts';
import type { CallOptions } from '../../io/waiting.ts';
import { copyData } from '../protocol/extensions.ts';
import { FXF_CREAT, FXF_EXCL, FXF_READ, FXF_WRITE } from '../protocol/messages.ts';
import { fsetstat } from './changes.ts';
import { performExtended } from './extended.ts';
import { closeHandle, mustBeFile, openHandle } from './handles.ts';
import { fstat, stat } from './questions.ts';
import { ReadAhead } from './read-ahead.ts';
import type { SFTPSession } from './session.ts';
import type { SideSessions } from './side-sessions.ts';
import { writeContent } from './writing.ts';

/** One request copies so much, bytes: OpenSSH does nothing else in the meantime. */
const PIECE = 33_554_432;

interface Copy {
  readonly session: SFTPSession;
  readonly sides: SideSessions | null;
  readonly from: string;
  readonly to: string;
  readonly call: CallOptions;
}

/** `mode` as for fs: COPYFILE_EXCL refuses a target that exists. @throws SFTPError */
export async function copyFile(
  session: SFTPSession,
  sides: SideSessions | null,
  from: string,
  to: string,
  mode: number,
  call: CallOptions,
): Promise<void> {
  const what = { operation: 'copyfile', path: from, dest: to };
  // Where it can't be looked at, opening it says why.
  const seen = await stat(session, from, call).catch(() => null);
  mustBeFile(seen, what);
  const source = await openHandle(session, from, FXF_READ, undefined, call);
  try {
    const attributes = seen ?? (await fstat(session, source, from, call));
    mustBeFile(attributes, what);
    const exclusive = mode & constants.COPYFILE_EXCL ? FXF_EXCL : 0;
    if (from === to && !exclusive) return;
    const flags = FXF_WRITE | FXF_CREAT | exclusive;
    const permissions = attributes.stMode === undefined ? undefined : attributes.stMode & 0o777;
    const target = await openHandle(session, to, flags, permissions, call);
    let closing = false;
    try {
      const size = attributes.stSize ?? 0;
      const before = (await fstat(session, target, to, call)).stSize ?? 0;
      const copy: Copy = { session, sides, from, to, call };
      const copied = (await copyThere(copy, source, target, size)) ?? (await copyThrough(copy, source, target, size));
      if (before > copied) await fsetstat(session, target, to, { stSize: copied }, call);
      closing = true;
      await closeHandle(session, target, to, call);
    } finally {
      if (!closing) session.release(target);
    }
  } finally {
    session.release(source);
  }
}

/** By the server. Resolves with the number of bytes, or null where this has to be done otherwise. */
async function copyThere(copy: Copy, readHandle: Uint8Array, writeHandle: Uint8Array, size: number): Promise<number | null> {
  const { session, from, to, call } = copy;
  // A file without a size (/proc) ends where it ends.
  if (!session.supports(copyData.name) || size === 0) return null;
  const what = { operation: 'copyfile', path: from, dest: to };
  for (let at = 0; at < size; at += PIECE) {
    const length = Math.min(PIECE, size - at);
    const values = { readHandle, readOffset: at, length, writeHandle, writeOffset: at };
    try {
      await performExtended(session, what, copyData, values, call);
    } catch (error) {
      if (!(error instanceof SFTPError)) throw error;
      // Refused: both may be names of one file, which OpenSSH does not copy. We can: every byte is written where it was read.
      if (error.code !== 'ERR_SSH_SFTP_EOF') return null;
      throw new SFTPError('ERR_SSH_SFTP_INCOMPLETE', 'the file shrank while it was copied', { ...what, cause: error });
    }
  }
  return size;
}

async function copyThrough(copy: Copy, readHandle: Uint8Array, handle: Uint8Array, expected: number): Promise<number> {
  const { session, sides, from, to, call } = copy;
  const ahead = new ReadAhead({ session, handle: readHandle, path: from }, { expected });
  try {
    return await writeContent({ session, handle, path: to, sides }, pieces(ahead, call), 0, call);
  } finally {
    ahead.stop();
  }
}

/** Writing copies each before it asks for the next, so its buffer is free by then. */
async function* pieces(ahead: ReadAhead, call: CallOptions): AsyncGenerator<Uint8Array, void> {
  for (let piece = await ahead.peek(call); piece !== null; piece = await ahead.peek(call)) {
    yield piece;
    ahead.take(piece.length);
  }
}
