// A folder to serve, with a folder beside it that must not be reached, and what tests ask about them.
import { readdirSync, readlinkSync, realpathSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { SFTPAttributes } from '../../../src/sftp/protocol/attributes.ts';
import { SFTP_EOF } from '../../../src/sftp/protocol/status.ts';
import { FolderFileSystem, type FolderOptions } from '../../../src/sftp/server/folder.ts';
import type { SFTPHandle } from '../../../src/sftp/server/handle.ts';
import type { SFTPServerInterface } from '../../../src/sftp/server/interface.ts';
import { ServerInterface } from '../../../src/transport/server-interface.ts';

export interface World {
  /** What is served. */
  readonly root: string;
  /** What must not be reached; `secret` is a file in it. */
  readonly outside: string;
  /** A session's file system over `root`; it ends with the test. */
  serve(options?: FolderOptions & { readonly mechanism?: 'paths' }): FolderFileSystem;
}

export async function makeWorld(): Promise<World> {
  const base = await mkdtemp(join(realpathSync(tmpdir()), 'amiko-folder-'));
  onTestFinished(() => rm(base, { recursive: true, force: true }));
  const [root, outside] = [join(base, 'root'), join(base, 'outside')];
  await mkdir(root);
  await mkdir(outside);
  await writeFile(join(outside, 'secret'), 'SECRET');
  return {
    root,
    outside,
    serve(options = {}) {
      const files = new FolderFileSystem(new ServerInterface(), root, options);
      onTestFinished(() => files.sessionEnded());
      return files;
    },
  };
}

export function attributes(values: Partial<SFTPAttributes> = {}): SFTPAttributes {
  return Object.assign(new SFTPAttributes(), values);
}

/** All that an open file holds. */
export async function contentOf(handle: SFTPHandle): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for (let offset = 0; ; ) {
    const piece = await handle.read(offset, 32_768);
    if (piece === SFTP_EOF) break;
    if (typeof piece === 'number') throw new Error(`status ${piece}`);
    pieces.push(piece);
    offset += piece.length;
  }
  return Buffer.concat(pieces);
}

/** Opens, uses and closes. Anything else than a handle is a failure. */
export async function withFile<T>(
  files: SFTPServerInterface,
  path: string,
  flags: number,
  use: (handle: SFTPHandle) => Promise<T> | T,
  wanted: Partial<SFTPAttributes> = {},
): Promise<T> {
  const handle = await files.open(path, flags, attributes(wanted));
  if (typeof handle === 'number') throw new Error(`status ${handle}`);
  try {
    return await use(handle);
  } finally {
    await handle.close();
  }
}

export async function readText(files: SFTPServerInterface, path: string): Promise<string> {
  return (await withFile(files, path, 0, contentOf)).toString();
}

/** The entries of a folder, sorted by name. */
export async function listOf(files: SFTPServerInterface, path: string): Promise<SFTPAttributes[]> {
  const listing = await files.listFolder(path);
  if (typeof listing === 'number') throw new Error(`status ${listing}`);
  const entries: SFTPAttributes[] = [];
  for await (const entry of listing) entries.push(entry);
  return entries.sort((a, b) => ((a.filename ?? '') < (b.filename ?? '') ? -1 : 1));
}

export async function namesIn(files: SFTPServerInterface, path: string): Promise<(string | undefined)[]> {
  return (await listOf(files, path)).map((entry) => entry.filename);
}

/** The descriptors of this process that lead below a folder. Linux only. */
export function descriptorsBelow(folder: string): string[] {
  const found: string[] = [];
  for (const number of readdirSync('/proc/self/fd')) {
    try {
      const target = readlinkSync(`/proc/self/fd/${number}`);
      if (target.startsWith(folder)) found.push(target);
    } catch {
      // The one that reads the folder is gone again.
    }
  }
  return found;
}

/** What a promise or a hook that throws at once rejects with: the code. 'none' where it does not. */
export async function codeFrom(work: () => unknown): Promise<string> {
  try {
    await work();
    return 'none';
  } catch (error) {
    return String((error as { code?: unknown }).code);
  }
}
