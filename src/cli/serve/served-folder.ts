// The folder that `amiko serve` shows to SFTP, and what happens in it as events: which files were read and written, how much of
// them, what was changed, what failed. Looking around makes none.

import type { SFTPAttributes } from '../../sftp/protocol/attributes.ts';
import { SFTP_OK, type SFTPStatus, statusName } from '../../sftp/protocol/status.ts';
import { FolderFileSystem, type FolderOptions } from '../../sftp/server/folder.ts';
import type { SFTPHandle } from '../../sftp/server/handle.ts';
import type { ServerInterface } from '../../transport/server-interface.ts';
import { CountedHandle } from './counted-handle.ts';

/** What one session has done, at its end. Bytes of file contents. */
export interface SftpCounts {
  filesRead: number;
  filesWritten: number;
  bytesRead: number;
  bytesWritten: number;
  /** Names that were removed, made, renamed, and attributes that were set. */
  changes: number;
  /** What was asked for and not done: not there, not allowed, no room. */
  failed: number;
}

export type SftpEvent =
  | { readonly operation: 'start' }
  /** A file was closed. */
  | { readonly operation: 'file'; readonly path: string; readonly bytesRead: number; readonly bytesWritten: number }
  | {
      readonly operation: 'open' | 'remove' | 'rename' | 'mkdir' | 'rmdir' | 'setstat' | 'symlink' | 'link';
      readonly path: string;
      /** The new name, or what a symbolic link says. */
      readonly dest?: string;
      /** Why it was not done. */
      readonly error?: string;
    }
  | ({ readonly operation: 'end' } & SftpCounts);

type Change = Extract<SftpEvent, { error?: string }>['operation'];

export class ServedFolder extends FolderFileSystem {
  readonly #onEvent: (event: SftpEvent) => void;
  readonly #counts: SftpCounts = { filesRead: 0, filesWritten: 0, bytesRead: 0, bytesWritten: 0, changes: 0, failed: 0 };

  constructor(server: ServerInterface, root: string, options: FolderOptions, onEvent: (event: SftpEvent) => void) {
    super(server, root, options);
    this.#onEvent = onEvent;
  }

  override sessionStarted(): void {
    this.#onEvent({ operation: 'start' });
  }

  override sessionEnded(): void {
    super.sessionEnded();
    this.#onEvent({ operation: 'end', ...this.#counts });
  }

  override async open(path: string, flags: number, attributes: SFTPAttributes): Promise<SFTPHandle> {
    let handle: SFTPHandle;
    try {
      handle = await super.open(path, flags, attributes);
    } catch (error) {
      this.#failed('open', path, undefined, error);
      throw error;
    }
    return new CountedHandle(handle, ({ read, written }) => {
      const counts = this.#counts;
      if (read > 0) counts.filesRead++;
      if (handle.writefile !== null) counts.filesWritten++;
      counts.bytesRead += read;
      counts.bytesWritten += written;
      this.#onEvent({ operation: 'file', path: absolute(path), bytesRead: read, bytesWritten: written });
    });
  }

  override remove(path: string): Promise<SFTPStatus> {
    return this.#change('remove', path, undefined, () => super.remove(path));
  }

  override rename(oldPath: string, newPath: string): Promise<SFTPStatus> {
    return this.#change('rename', oldPath, newPath, () => super.rename(oldPath, newPath));
  }

  override posixRename(oldPath: string, newPath: string): Promise<SFTPStatus> {
    return this.#change('rename', oldPath, newPath, () => super.posixRename(oldPath, newPath));
  }

  override mkdir(path: string, attributes: SFTPAttributes): Promise<SFTPStatus> {
    return this.#change('mkdir', path, undefined, () => super.mkdir(path, attributes));
  }

  override rmdir(path: string): Promise<SFTPStatus> {
    return this.#change('rmdir', path, undefined, () => super.rmdir(path));
  }

  override chattr(path: string, attributes: SFTPAttributes): Promise<SFTPStatus> {
    return this.#change('setstat', path, undefined, () => super.chattr(path, attributes));
  }

  override symlink(targetPath: string, path: string): Promise<SFTPStatus> {
    return this.#change('symlink', path, targetPath, () => super.symlink(targetPath, path));
  }

  override link(oldPath: string, newPath: string): Promise<SFTPStatus> {
    return this.#change('link', oldPath, newPath, () => super.link(oldPath, newPath));
  }

  async #change(operation: Change, path: string, dest: string | undefined, work: () => Promise<SFTPStatus>): Promise<SFTPStatus> {
    let status: SFTPStatus;
    try {
      status = await work();
    } catch (error) {
      this.#failed(operation, path, dest, error);
      throw error;
    }
    if (status === SFTP_OK) {
      this.#counts.changes++;
      this.#onEvent({ operation, ...named(operation, path, dest) });
    } else {
      this.#failed(operation, path, dest, { code: statusName(status) });
    }
    return status;
  }

  #failed(operation: Change, path: string, dest: string | undefined, error: unknown): void {
    this.#counts.failed++;
    const code = (error as { code?: unknown } | null)?.code;
    const reason = typeof code === 'string' ? code : 'failed';
    this.#onEvent({ operation, ...named(operation, path, dest), error: reason });
  }
}

/** Relative paths begin at the root here. */
function absolute(path: string): string {
  return path.startsWith('/') ? path : `/${path}`;
}

function named(operation: Change, path: string, dest: string | undefined): { path: string; dest?: string } {
  if (dest === undefined) return { path: absolute(path) };
  // What a symbolic link says is no path of ours.
  return { path: absolute(path), dest: operation === 'symlink' ? dest : absolute(dest) };
}
