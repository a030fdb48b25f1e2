// Folders as Node programs see them: entries with their kind, one by one (SFTPDir) or below each other (`recursive`).

import { SFTPError } from '../../errors.ts';
import type { SFTPAttributes } from '../protocol/attributes.ts';
import { FolderReader, type ListOptions } from './listing.ts';
import { join } from './paths.ts';
import type { SFTPSession } from './session.ts';

/**
 * One entry of a folder, as `fs.Dirent`.
 *
 * @example
 * for (const entry of await sftp.readdir('.', { withFileTypes: true })) {
 *   console.log(entry.isDirectory() ? `${entry.name}/` : entry.name);
 * }
 */
export class SFTPDirent {
  /** Without its folder. Bytes that are not UTF-8 are U+DC80 to U+DCFF; what is printed should be escaped. */
  readonly name: string;
  /** The folder, as it was asked for. */
  readonly parentPath: string;
  /** Of the entry itself, not of what a link leads to. */
  readonly attributes: SFTPAttributes;

  /** @internal */
  constructor(parentPath: string, attributes: SFTPAttributes) {
    this.name = attributes.filename ?? '';
    this.parentPath = parentPath;
    this.attributes = attributes;
  }

  /** The folder and the name. */
  get path(): string {
    return join(this.parentPath, this.name);
  }

  isFile(): boolean {
    return this.attributes.isFile();
  }

  isDirectory(): boolean {
    return this.attributes.isDirectory();
  }

  isSymbolicLink(): boolean {
    return this.attributes.isSymbolicLink();
  }

  isFIFO(): boolean {
    return this.attributes.isFIFO();
  }

  isSocket(): boolean {
    return this.attributes.isSocket();
  }

  isBlockDevice(): boolean {
    return this.attributes.isBlockDevice();
  }

  isCharacterDevice(): boolean {
    return this.attributes.isCharacterDevice();
  }
}

/**
 * A folder that is being read, as `fs.Dir`. Reading ahead is bounded, so a folder without end can be looked at, too. It closes
 * itself at its end, and when an iteration is left.
 *
 * @example
 * await using folder = await sftp.opendir('incoming');
 * for await (const entry of folder) console.log(entry.name);
 */
export class SFTPDir implements AsyncDisposable {
  /** As it was asked for. */
  readonly path: string;
  readonly #reader: FolderReader;
  #entries: readonly SFTPAttributes[] = [];
  #at = 0;
  #closed = false;

  /** @internal */
  constructor(path: string, reader: FolderReader) {
    this.path = path;
    this.#reader = reader;
  }

  /** The next entry, or null at the end. @throws SFTPError, EBADF where the folder is closed */
  async read(): Promise<SFTPDirent | null> {
    // Null would say that there are no more.
    if (this.#closed) throw new SFTPError('EBADF', 'the folder is closed', { operation: 'readdir', path: this.path });
    while (this.#at === this.#entries.length) {
      const entries = await this.#reader.next();
      if (entries === null) return null;
      this.#entries = entries;
      this.#at = 0;
    }
    return new SFTPDirent(this.path, this.#entries[this.#at++] as SFTPAttributes);
  }

  /** May be called again. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#reader.close();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<SFTPDirent, void> {
    try {
      for (let entry = await this.read(); entry !== null; entry = await this.read()) yield entry;
    } finally {
      await this.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

export async function openFolder(session: SFTPSession, path: string, shown: string, options?: ListOptions): Promise<SFTPDir> {
  return new SFTPDir(shown, await FolderReader.open(session, path, options));
}
