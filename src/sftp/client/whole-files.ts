// Files read or written as a whole, by their path. A small file costs two round trips: opening it, and everything else; closing
// after reading waits for nobody, and after writing it goes out right behind the last byte.

import type { CallOptions } from '../../io/waiting.ts';
import { FXF_APPEND, FXF_READ } from '../protocol/messages.ts';
import { endUnread, type FileContent, heedErrors } from './chunks.ts';
import { openHandle } from './handles.ts';
import { type OpenFlags, openFlags } from './open-flags.ts';
import { fstat } from './questions.ts';
import { type ReadWholeOptions, readWhole } from './reading.ts';
import type { SFTPSession } from './session.ts';
import type { SideSessions } from './side-sessions.ts';
import { type Mode, modeOf } from './values.ts';
import { writeContent } from './writing.ts';

export interface ReadFileOptions extends ReadWholeOptions {
  /** Without one the result is a Buffer. */
  readonly encoding?: BufferEncoding | null;
}

export interface WriteFileOptions extends CallOptions {
  /** Of text; default `utf8`. */
  readonly encoding?: BufferEncoding | null;
  /** Permissions of a file that is made; default what the server does, 0o666 without its umask. */
  readonly mode?: Mode;
  /** Default `'w'`. */
  readonly flag?: OpenFlags;
}

export async function readPath(session: SFTPSession, path: string, options: ReadWholeOptions): Promise<Buffer> {
  const { maxBytes, ...call } = options;
  const handle = await openHandle(session, path, FXF_READ, undefined, call);
  try {
    return await readWhole({ session, handle, path }, 0, options);
  } finally {
    session.release(handle);
  }
}

export async function writePath(
  session: SFTPSession,
  sides: SideSessions,
  path: string,
  content: FileContent,
  options: WriteFileOptions,
): Promise<void> {
  const { encoding, mode, flag = 'w', ...call } = options;
  heedErrors(content);
  const opening = openForWriting(session, sides, path, openFlags(flag), modeOf(mode), call);
  const start = await opening.catch((error: unknown) => {
    endUnread(content);
    throw error;
  });
  await writeContent(start, content, start.position, { ...call, encoding, close: true });
}

/** A file and where writing to it begins: at its end where it was opened so. */
export async function openForWriting(
  session: SFTPSession,
  sides: SideSessions,
  path: string,
  flags: number,
  mode: number | undefined,
  call: CallOptions,
) {
  const handle = await openHandle(session, path, flags, mode, call);
  if ((flags & FXF_APPEND) === 0) return { session, handle, path, sides, position: 0 };
  try {
    // Servers that know O_APPEND ignore the position; others need it. Only one lane can know where the end is.
    const { stSize = 0 } = await fstat(session, handle, path, call);
    return { session, handle, path, sides: null, position: stSize };
  } catch (error) {
    session.release(handle);
    throw error;
  }
}
