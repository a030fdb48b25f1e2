// The SFTP file system over files in memory (memory-files.ts): for tests, and for servers that make up what they show. It behaves
// as a POSIX file system for a single user who may do everything; modes and owners are kept, not enforced.

import { constants } from 'node:fs';
import type { ServerInterface } from '../../transport/server-interface.ts';
import type { SFTPAttributes } from '../protocol/attributes.ts';
import { ST_NOSUID, ST_RDONLY, type Statvfs } from '../protocol/extensions.ts';
import { SFTP_OK, type SFTPStatus } from '../protocol/status.ts';
import type { SFTPHandle } from './handle.ts';
import { SFTPServerInterface } from './interface.ts';
import { refusal } from './jail-refusal.ts';
import { changeMemoryNode } from './memory-change.ts';
import { type Follow, MemoryFiles, type MemorySpot } from './memory-files.ts';
import { MemoryHandle } from './memory-handle.ts';
import { MemoryFile, MemoryFolder, MemoryLink, type MemoryNode } from './memory-nodes.ts';

const { O_APPEND, O_CREAT, O_EXCL, O_RDONLY, O_TRUNC } = constants;
const O_ACCMODE = 3;

/** The unit of statvfs, in bytes. */
const BLOCK = 4096;

export interface MemoryOptions {
  /** Whether everything that would change something is refused. Default false. */
  readonly readOnly?: boolean;
}

/**
 * Files in memory as everything that a session sees. Give all sessions the same {@link MemoryFiles}, or each its own.
 *
 * @example
 * const files = memoryFiles({ 'readme.txt': 'hello\n' });
 * transport.setSubsystemHandler('sftp', SFTPServer, MemoryFileSystem, files, { readOnly: true });
 */
export class MemoryFileSystem extends SFTPServerInterface {
  readonly files: MemoryFiles;
  readonly #options: MemoryOptions;

  constructor(server: ServerInterface, files: MemoryFiles = new MemoryFiles(), options: MemoryOptions = {}) {
    super(server);
    this.files = files;
    this.#options = options;
  }

  override open(path: string, flags: number, attributes: SFTPAttributes): SFTPHandle {
    const access = flags & O_ACCMODE;
    if (access === O_ACCMODE) throw refusal('EINVAL', path);
    if (access !== O_RDONLY || flags & (O_APPEND | O_CREAT | O_TRUNC)) this.#mayChange(path);
    const exclusive = (flags & (O_CREAT | O_EXCL)) === (O_CREAT | O_EXCL);
    const spot = this.files.find(path, exclusive ? 'never' : 'always');
    if (spot.node !== undefined && exclusive) throw refusal('EEXIST', path);
    if (spot.node === undefined && !(flags & O_CREAT)) throw refusal('ENOENT', path);
    if (spot.node instanceof MemoryFolder || (spot.node === undefined && spot.mustBeFolder)) throw refusal('EISDIR', path);
    const file = spot.node ?? new MemoryFile(this.files.space, attributes.stMode ?? 0o644, this.files.now());
    if (!(file instanceof MemoryFile)) throw refusal('ELOOP', path);
    if (spot.node === undefined) this.files.place(spot, file);
    if (flags & O_TRUNC) file.truncate(0, this.files.now());
    return new MemoryHandle(flags, file, {
      now: this.files.now,
      mayChange: () => this.#mayChange(path),
      statvfs: () => this.statvfs(),
    });
  }

  override listFolder(path: string): Iterable<SFTPAttributes> {
    const node = this.#found(path, 'always');
    if (!(node instanceof MemoryFolder)) throw refusal('ENOTDIR', path);
    return listing(node);
  }

  override stat(path: string): SFTPAttributes {
    return this.#found(path, 'always').attributes();
  }

  override lstat(path: string): SFTPAttributes {
    return this.#found(path, 'folders').attributes();
  }

  override remove(path: string): SFTPStatus {
    const { folder, name, node } = this.#toChange(path);
    if (node === undefined) throw refusal('ENOENT', path);
    if (node instanceof MemoryFolder) throw refusal('EISDIR', path);
    folder.drop(name, this.files.now());
    return SFTP_OK;
  }

  override rename(oldPath: string, newPath: string): SFTPStatus {
    return this.#rename(oldPath, newPath, false);
  }

  override posixRename(oldPath: string, newPath: string): SFTPStatus {
    return this.#rename(oldPath, newPath, true);
  }

  override mkdir(path: string, attributes: SFTPAttributes): SFTPStatus {
    const spot = this.#toChange(path);
    if (spot.node !== undefined) throw refusal('EEXIST', path);
    this.files.place(spot, new MemoryFolder(this.files.space, attributes.stMode ?? 0o755, this.files.now()));
    return SFTP_OK;
  }

  override rmdir(path: string): SFTPStatus {
    const { folder, name, node } = this.#toChange(path);
    if (node === undefined) throw refusal('ENOENT', path);
    if (!(node instanceof MemoryFolder)) throw refusal('ENOTDIR', path);
    if (!node.isEmpty) throw refusal('ENOTEMPTY', path);
    folder.drop(name, this.files.now());
    return SFTP_OK;
  }

  override chattr(path: string, attributes: SFTPAttributes): SFTPStatus {
    this.#mayChange(path);
    changeMemoryNode(this.#found(path, 'always'), attributes, this.files.now());
    return SFTP_OK;
  }

  override lchattr(path: string, attributes: SFTPAttributes): SFTPStatus {
    this.#mayChange(path);
    changeMemoryNode(this.#found(path, 'folders'), attributes, this.files.now());
    return SFTP_OK;
  }

  override canonicalize(path: string): string {
    return this.files.canonical(path);
  }

  override readlink(path: string): string {
    const node = this.#found(path, 'folders');
    if (!(node instanceof MemoryLink)) throw refusal('EINVAL', path);
    return node.target;
  }

  override symlink(targetPath: string, path: string): SFTPStatus {
    const spot = this.#toChange(path);
    if (spot.node !== undefined) throw refusal('EEXIST', path);
    this.files.place(spot, new MemoryLink(this.files.space, targetPath, this.files.now()));
    return SFTP_OK;
  }

  override link(oldPath: string, newPath: string): SFTPStatus {
    const { node } = this.#toChange(oldPath);
    const made = this.#toChange(newPath);
    if (node === undefined) throw refusal('ENOENT', oldPath);
    if (node instanceof MemoryFolder) throw refusal('EPERM', oldPath);
    if (made.node !== undefined) throw refusal('EEXIST', newPath);
    if (made.mustBeFolder) throw refusal('ENOENT', newPath);
    made.folder.add(made.name, node, this.files.now());
    return SFTP_OK;
  }

  override statvfs(): Statvfs {
    const { limit, used } = this.files.space;
    const free = BigInt(Math.floor((limit - used) / BLOCK));
    return {
      bsize: BigInt(BLOCK),
      frsize: BigInt(BLOCK),
      blocks: BigInt(Math.floor(limit / BLOCK)),
      bfree: free,
      bavail: free,
      files: 0n,
      ffree: 0n,
      favail: 0n,
      fsid: 0n,
      flag: BigInt(ST_NOSUID | (this.#options.readOnly ? ST_RDONLY : 0)),
      namemax: 255n,
    };
  }

  override homeDirectory(username: string): string {
    if (username !== '') throw refusal('ENOENT');
    return '/';
  }

  /** The one place that decides whether something may be changed. @throws SFTPError EROFS */
  #mayChange(path: string): void {
    if (this.#options.readOnly) throw refusal('EROFS', path);
  }

  /** A name that is to be made, removed or replaced. */
  #toChange(path: string): MemorySpot {
    this.#mayChange(path);
    const spot = this.files.find(path, 'never');
    if (spot.endsInDots) throw refusal('EINVAL', path);
    if (spot.name === '') throw refusal('EBUSY', path);
    return spot;
  }

  #found(path: string, follow: Follow): MemoryNode {
    const { node } = this.files.find(path, follow);
    if (node === undefined) throw refusal('ENOENT', path);
    return node;
  }

  /** As rename(2); without `replace`, whatever is at the new name is in the way. */
  #rename(oldPath: string, newPath: string, replace: boolean): SFTPStatus {
    const from = this.#toChange(oldPath);
    const to = this.#toChange(newPath);
    if (from.node === undefined) throw refusal('ENOENT', oldPath);
    const isFolder = from.node instanceof MemoryFolder;
    if (to.mustBeFolder && !isFolder) throw refusal('ENOTDIR', oldPath);
    if (from.node instanceof MemoryFolder && to.folder.isWithin(from.node)) throw refusal('EINVAL', newPath);
    if (to.node !== undefined) {
      if (!replace) throw refusal('EEXIST', newPath);
      // Two names of one file: nothing happens.
      if (to.node === from.node) return SFTP_OK;
      if (to.node instanceof MemoryFolder && !isFolder) throw refusal('EISDIR', newPath);
      if (!(to.node instanceof MemoryFolder) && isFolder) throw refusal('ENOTDIR', newPath);
      if (to.node instanceof MemoryFolder && !to.node.isEmpty) throw refusal('ENOTEMPTY', newPath);
    }
    const now = this.files.now();
    to.folder.drop(to.name, now);
    from.folder.detach(from.name, now);
    try {
      to.folder.add(to.name, from.node, now);
    } catch (error) {
      from.folder.add(from.name, from.node, now);
      throw error;
    }
    return SFTP_OK;
  }
}

/** Of what was there at the beginning; attributes as they are when they are asked for. */
function* listing(folder: MemoryFolder): Iterable<SFTPAttributes> {
  for (const [name, node] of folder.entries()) yield node.attributes(name);
}
