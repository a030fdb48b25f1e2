// The two trees in which patterns are looked for: the server's files, and ours.

import { readdir, stat } from 'node:fs/promises';
import { SFTPError } from '../../errors.ts';
import type { CallOptions } from '../../io/waiting.ts';
import type { SFTPClient } from '../../sftp/client/sftp-client.ts';
import { forNode } from '../../sftp/client/transfer/local-path.ts';
import { decodeName } from '../../sftp/protocol/names.ts';
import type { GlobTree } from './glob.ts';

/** The server's files. Only what SFTP itself answers counts as "not there"; a broken connection is an error. */
export function remoteTree(client: SFTPClient, call: CallOptions): GlobTree {
  return {
    async list(folder) {
      const entries = await orNull(client.listdirAttr(folder, call));
      return (entries ?? []).map((entry) => ({
        name: entry.filename ?? '',
        folder: entry.stMode === undefined || entry.isSymbolicLink() ? null : entry.isDirectory(),
      }));
    },
    async kind(path) {
      // A link that leads nowhere is there all the same.
      const attributes = (await orNull(client.stat(path, call))) ?? (await orNull(client.lstat(path, call)));
      return attributes === null ? null : attributes.isDirectory() ? 'folder' : 'other';
    },
  };
}

/** Our files; `locate` makes a path that was typed an absolute one. Names are strings without loss (`names.ts`). */
export function localTree(locate: (path: string) => string): GlobTree {
  return {
    async list(folder) {
      const place = forNode(locate(folder));
      const entries = await readdir(place, { withFileTypes: true, encoding: 'buffer' as never }).catch(() => []);
      return entries.map((entry) => ({
        name: decodeName(entry.name as unknown as Uint8Array),
        folder: entry.isSymbolicLink() ? null : entry.isDirectory(),
      }));
    },
    async kind(path) {
      const stats = await stat(forNode(locate(path))).catch(() => null);
      return stats === null ? null : stats.isDirectory() ? 'folder' : 'other';
    },
  };
}

async function orNull<T>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof SFTPError) return null;
    throw error;
  }
}
