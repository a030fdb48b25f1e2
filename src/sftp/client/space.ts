// How much room a file system has: statvfs as POSIX has it, and statfs in the shape of fs.

import type { CallOptions } from '../../io/waiting.ts';
import { fstatvfs as fstatvfsExtension, type Statvfs, statvfs as statvfsExtension } from '../protocol/extensions.ts';
import { askExtended } from './extended.ts';
import type { Opened } from './handles.ts';
import type { SFTPSession } from './session.ts';

/** As `fs.StatFs`; counted in blocks of `bsize` bytes. */
export interface SFTPStatFs {
  /** The kind of file system; servers don't say, so 0. */
  readonly type: number;
  readonly bsize: number;
  readonly blocks: number;
  readonly bfree: number;
  readonly bavail: number;
  readonly files: number;
  readonly ffree: number;
}

/** @throws SFTPError ENOTSUP where the server lacks it */
export function statvfs(session: SFTPSession, path: string, options?: CallOptions): Promise<Statvfs> {
  return askExtended(session, { operation: 'statvfs', path }, statvfsExtension, { path }, options);
}

export function fstatvfs({ session, handle, path }: Opened, options?: CallOptions): Promise<Statvfs> {
  return askExtended(session, { operation: 'fstatvfs', path }, fstatvfsExtension, { handle }, options);
}

export async function statfs(session: SFTPSession, path: string, options?: CallOptions): Promise<SFTPStatFs> {
  const { frsize, blocks, bfree, bavail, files, ffree } = await statvfs(session, path, options);
  const number = (value: bigint) => Number(value);
  // statvfs counts in fragments; fs's statfs in blocks of bsize.
  return {
    type: 0,
    bsize: number(frsize),
    blocks: number(blocks),
    bfree: number(bfree),
    bavail: number(bavail),
    files: number(files),
    ffree: number(ffree),
  };
}
