// An open file of a MemoryFileSystem. It holds the file, not its name: removed or replaced, it can still be read and written.

import { constants } from 'node:fs';
import type { SFTPAttributes } from '../protocol/attributes.ts';
import type { Statvfs } from '../protocol/extensions.ts';
import { SFTP_EOF, SFTP_OK, type SFTPStatus } from '../protocol/status.ts';
import { SFTPHandle } from './handle.ts';
import { refusal } from './jail-refusal.ts';
import { changeMemoryNode } from './memory-change.ts';
import type { MemoryFile } from './memory-nodes.ts';

const { O_APPEND, O_RDONLY, O_WRONLY } = constants;
const O_ACCMODE = 3;

/** What a handle needs of its file system. */
export interface MemoryHandleHost {
  now(): number;
  /** @throws where the file system is read-only */
  mayChange(): void;
  statvfs(): Statvfs;
}

export class MemoryHandle extends SFTPHandle {
  readonly #file: MemoryFile;
  readonly #host: MemoryHandleHost;

  constructor(flags: number, file: MemoryFile, host: MemoryHandleHost) {
    super(flags);
    this.#file = file;
    this.#host = host;
    file.opened();
  }

  override async close(): Promise<void> {
    this.#file.closed();
  }

  override read(offset: number, length: number): Uint8Array | SFTPStatus {
    const count = Math.max(0, Math.min(length, this.#file.size - offset));
    const target = new Uint8Array(count);
    return this.readInto(target, offset) === 0 ? SFTP_EOF : target;
  }

  override readInto(target: Uint8Array, offset: number): number {
    if ((this.flags & O_ACCMODE) === O_WRONLY) throw refusal('EBADF');
    return this.#file.content.read(target, offset);
  }

  override write(offset: number, data: Uint8Array): SFTPStatus {
    this.#host.mayChange();
    if ((this.flags & O_ACCMODE) === O_RDONLY) throw refusal('EBADF');
    this.#file.content.write(data, this.flags & O_APPEND ? this.#file.size : offset);
    this.#file.mtimeMs = this.#host.now();
    return SFTP_OK;
  }

  override stat(): SFTPAttributes {
    return this.#file.attributes();
  }

  override chattr(attributes: SFTPAttributes): SFTPStatus {
    this.#host.mayChange();
    changeMemoryNode(this.#file, attributes, this.#host.now());
    return SFTP_OK;
  }

  override sync(): SFTPStatus {
    return SFTP_OK;
  }

  override statvfs(): Statvfs {
    return this.#host.statvfs();
  }
}
