// An open file of a FolderFileSystem. It holds the file itself, not a path: what happens to names and folders since does not
// matter to it.

import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import type { SFTPAttributes } from '../protocol/attributes.ts';
import type { Statvfs } from '../protocol/extensions.ts';
import { SFTP_OK, type SFTPStatus } from '../protocol/status.ts';
import { changeOpenFile } from './folder-attributes.ts';
import { SFTPHandle } from './handle.ts';
import { refusal } from './jail-refusal.ts';

const { O_APPEND, O_RDONLY, O_WRONLY } = constants;
const O_ACCMODE = 3;

export class FolderHandle extends SFTPHandle {
  readonly #file: FileHandle;
  readonly #mayChange: () => void;
  readonly #statvfs: () => Promise<Statvfs>;

  /** `mayChange` throws where the file system is read-only. */
  constructor(flags: number, file: FileHandle, mayChange: () => void, statvfs: () => Promise<Statvfs>) {
    super(flags);
    this.#file = file;
    this.#mayChange = mayChange;
    this.#statvfs = statvfs;
    if ((flags & O_ACCMODE) !== O_WRONLY) this.readfile = file;
    if ((flags & O_ACCMODE) !== O_RDONLY) this.writefile = file;
  }

  /** One read(2): it may be short, as at the end of the file. */
  override async readInto(target: Uint8Array, offset: number): Promise<number> {
    if (this.readfile === null) throw refusal('EBADF');
    const { bytesRead } = await this.readfile.read(target, 0, target.length, offset);
    return bytesRead;
  }

  override async write(offset: number, data: Uint8Array): Promise<SFTPStatus> {
    this.#mayChange();
    if (this.writefile === null) throw refusal('EBADF');
    // Without a position, because with one only Linux appends.
    const append = (this.flags & O_APPEND) !== 0;
    for (let done = 0; done < data.length; ) {
      const { bytesWritten } = await this.writefile.write(data, done, data.length - done, append ? null : offset + done);
      done += bytesWritten;
    }
    return SFTP_OK;
  }

  override async chattr(attributes: SFTPAttributes): Promise<SFTPStatus> {
    this.#mayChange();
    await changeOpenFile(this.#file, attributes);
    return SFTP_OK;
  }

  override statvfs(): Promise<Statvfs> {
    return this.#statvfs();
  }
}
