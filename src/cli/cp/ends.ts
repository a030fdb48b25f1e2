// The two kinds of places that files are copied from and to, seen alike: what is there, what a pattern means, how paths are put
// together.

import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { SFTPError } from '../../errors.ts';
import type { CallOptions } from '../../io/waiting.ts';
import type { SFTPClient } from '../../sftp/client/sftp-client.ts';
import { forNode, localEntry } from '../../sftp/client/transfer/local-path.ts';
import { glob, hasMagic } from '../transfer/glob.ts';
import { expandHome } from '../transfer/home.ts';
import { remoteTree } from '../transfer/trees.ts';

export type Kind = 'folder' | 'file' | 'other';

export interface End {
  /** Null for this machine. */
  readonly client: SFTPClient | null;
  /** What a path leads to, links followed; null where there is nothing. @throws where that cannot be told */
  kind(path: string): Promise<Kind | null>;
  /** The paths that are meant; those of a pattern, or the one as it is. Empty where a pattern fits nothing. */
  expand(path: string): Promise<readonly string[]>;
  /** The last name of a path; empty where it is `.` or `..` or the root: what is in it is meant then. */
  nameOf(path: string): string;
  /** @throws where nothing at this end can be called so */
  entry(folder: string, name: string): string;
}

export const localEnd: End = {
  client: null,
  async kind(path) {
    try {
      const stats = await stat(forNode(path));
      return stats.isDirectory() ? 'folder' : stats.isFile() ? 'file' : 'other';
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
  },
  // The shell has expanded what was a pattern.
  expand: async (path) => [path],
  nameOf: (path) => real(basename(path)),
  entry: (folder, name) => (name === '' ? folder : localEntry(folder, name)),
};

export function remoteEnd(client: SFTPClient, call: CallOptions): End {
  return {
    client,
    async kind(path) {
      try {
        const attributes = await client.stat(path, call);
        // A server that says nothing about kinds has files.
        if (attributes.stMode === undefined || attributes.isFile()) return 'file';
        return attributes.isDirectory() ? 'folder' : 'other';
      } catch (error) {
        if (error instanceof SFTPError && error.code === 'ENOENT') return null;
        throw error;
      }
    },
    async expand(path) {
      const place = await expandHome(client, path, call);
      if (!hasMagic(place)) return [place.replace(/\\(.)/gsu, '$1')];
      const found = await glob(place, remoteTree(client, call));
      if (found.length > 0) return found;
      // A file may be called like a pattern.
      return (await client.exists(place, call)) ? [place] : [];
    },
    nameOf: (path) => real(path.replace(/\/+$/, '').split('/').at(-1) as string),
    entry: (folder, name) => (name === '' ? folder : join(folder, name)),
  };
}

function real(name: string): string {
  return name === '.' || name === '..' || name === '/' ? '' : name;
}
