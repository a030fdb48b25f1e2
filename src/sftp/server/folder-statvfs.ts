// statvfs@openssh.com over Node's statfs.

import type { PathLike } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { ST_NOSUID, ST_RDONLY, type Statvfs } from '../protocol/extensions.ts';

export async function statvfsOf(path: PathLike, readOnly: boolean): Promise<Statvfs> {
  const { bsize, blocks, bfree, bavail, files, ffree } = await statfs(path, { bigint: true });
  return {
    bsize,
    frsize: bsize,
    blocks,
    bfree,
    bavail,
    files,
    ffree,
    favail: ffree,
    // Which file system it is among those of the machine is nobody's business.
    fsid: 0n,
    flag: BigInt(ST_NOSUID | (readOnly ? ST_RDONLY : 0)),
    namemax: 255n,
  };
}
