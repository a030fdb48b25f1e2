// An open file of an SFTP server. The default implementation reads and writes Node file handles; override what should be otherwise.

import type { FileHandle } from 'node:fs/promises';
import { SFTPAttributes } from '../protocol/attributes.ts';
import type { Statvfs } from '../protocol/extensions.ts';
import { SFTP_EOF, SFTP_OK, SFTP_OP_UNSUPPORTED, type SFTPStatus } from '../protocol/status.ts';
import type { Eventually } from './interface.ts';
import { changeFile } from './real-file.ts';

/**
 * What `SFTPServerInterface.open` returns for a file. Requests on one handle are made one after the other, in the order in which
 * the client sent them (writes and closes wait for what came before; reads may overlap). The server lets the client read only
 * what it has opened for reading, and write or change only what it has opened for writing. Each method returns a status, or
 * throws an error of Node's (`ENOENT`, ...) or an SFTPError, which becomes one.
 *
 * @example
 * class Clock extends SFTPHandle {
 *   override read(offset: number, length: number) {
 *     return new TextEncoder().encode(new Date().toISOString()).subarray(offset, offset + length);
 *   }
 * }
 */
export class SFTPHandle {
  /** The flags that the file was opened with, as in `fs.constants` (O_RDONLY, O_APPEND, ...). */
  readonly flags: number;
  /** What the default {@link read} and {@link stat} work on. */
  readfile: FileHandle | null = null;
  /** What the default {@link write} and {@link chattr} work on. */
  writefile: FileHandle | null = null;

  constructor(flags = 0) {
    this.flags = flags;
  }

  /** The client is done with the file, or gone. Called exactly once. */
  async close(): Promise<void> {
    const files = [...new Set([this.readfile, this.writefile])];
    const closed = await Promise.allSettled(files.map((file) => file?.close()));
    for (const each of closed) if (each.status === 'rejected') throw each.reason;
  }

  /**
   * At most `length` bytes from `offset`; fewer where there are no more. An empty array or SFTP_EOF is the end. Each call returns
   * memory of its own: the next may be made before it has been looked at.
   */
  read(offset: number, length: number): Eventually<Uint8Array | SFTPStatus> {
    return this.#readFile(offset, length);
  }

  /**
   * As {@link read}, into `target`; resolves with the number of bytes, 0 at the end. Optional: with it the server saves a copy.
   * A negative number stands for nothing: to refuse, throw.
   */
  readInto?(target: Uint8Array, offset: number): Eventually<number>;

  /** Writes all of `data` at `offset`; the buffer is the server's again when this has settled. */
  write(offset: number, data: Uint8Array): Eventually<SFTPStatus> {
    return this.#writeFile(offset, data);
  }

  /** Of the open file, whatever its name is now. */
  stat(): Eventually<SFTPAttributes | SFTPStatus> {
    const file = this.readfile ?? this.writefile;
    return file === null ? SFTP_OP_UNSUPPORTED : file.stat().then((stat) => SFTPAttributes.fromStat(stat));
  }

  /** Changes what is set in `attributes`. */
  chattr(attributes: SFTPAttributes): Eventually<SFTPStatus> {
    const file = this.writefile;
    return file === null ? SFTP_OP_UNSUPPORTED : changeFile(file, attributes).then(() => SFTP_OK);
  }

  /** fsync@openssh.com: what was written is on the disk when this has settled. */
  sync(): Eventually<SFTPStatus> {
    const file = this.writefile ?? this.readfile;
    return file === null ? SFTP_OP_UNSUPPORTED : file.sync().then(() => SFTP_OK);
  }

  /** fstatvfs@openssh.com. */
  statvfs(): Eventually<Statvfs | SFTPStatus> {
    return SFTP_OP_UNSUPPORTED;
  }

  async #readFile(offset: number, length: number): Promise<Uint8Array | SFTPStatus> {
    if (this.readfile === null) return SFTP_OP_UNSUPPORTED;
    const target = new Uint8Array(length);
    const { bytesRead } = await this.readfile.read(target, 0, length, offset);
    return bytesRead === 0 ? SFTP_EOF : target.subarray(0, bytesRead);
  }

  async #writeFile(offset: number, data: Uint8Array): Promise<SFTPStatus> {
    if (this.writefile === null) return SFTP_OP_UNSUPPORTED;
    for (let done = 0; done < data.length; ) {
      const { bytesWritten } = await this.writefile.write(data, done, data.length - done, offset + done);
      done += bytesWritten;
    }
    return SFTP_OK;
  }
}
