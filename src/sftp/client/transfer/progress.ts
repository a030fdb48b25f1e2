// The count of one transfer, and who is told of it. `callback` hears of every piece; `onProgress` at most every tenth of a second
// and of each file that is complete, so that it costs nothing per packet.

import type { TransferOptions, TransferProgress, TransferResult } from './options.ts';

const INTERVAL_MS = 100;

/** One file of the transfer. */
export interface FileCount {
  readonly path: string;
  /** Bytes at the target so far. */
  transferred: number;
  total: number;
}

export class Tally {
  readonly #options: TransferOptions;
  #toldAt = Number.NEGATIVE_INFINITY;
  files = 0;
  filesTotal = 0;
  folders = 0;
  links = 0;
  skipped = 0;
  /** Bytes that went over the wire. */
  moved = 0;
  /** Bytes at the target. */
  bytes = 0;
  bytesTotal = 0;

  constructor(options: TransferOptions) {
    this.#options = options;
  }

  /** A file was found. `total` is what is known of its size. */
  found(path: string, total: number): FileCount {
    this.filesTotal++;
    this.bytesTotal += total;
    return { path, transferred: 0, total };
  }

  /** What is known of the size has changed. */
  resize(file: FileCount, total: number): void {
    this.bytesTotal += total - file.total;
    file.total = total;
  }

  /** So many bytes are at the target already, from an earlier transfer. */
  already(file: FileCount, bytes: number): void {
    file.transferred += bytes;
    this.bytes += bytes;
  }

  /** So many more bytes are at the target. @throws what the callbacks throw */
  add(file: FileCount, bytes: number): void {
    file.transferred += bytes;
    this.bytes += bytes;
    this.moved += bytes;
    // A file that grows while it is read.
    if (file.transferred > file.total) this.resize(file, file.transferred);
    this.#options.callback?.(file.transferred, file.total);
    if (this.#options.onProgress === undefined) return;
    const now = performance.now();
    if (now - this.#toldAt < INTERVAL_MS) return;
    this.#toldAt = now;
    this.#options.onProgress(this.#progress(file, false));
  }

  /** The file is complete. */
  done(file: FileCount): void {
    this.files++;
    this.resize(file, file.transferred);
    this.#options.onProgress?.(this.#progress(file, true));
  }

  /** The file will not come: what it has counted for is taken back. */
  dropped(file: FileCount): void {
    this.filesTotal--;
    this.skipped++;
    this.resize(file, 0);
    this.bytes -= file.transferred;
  }

  result(attributes: TransferResult['attributes'] = null): TransferResult {
    const { files, folders, links, skipped, moved } = this;
    return { files, folders, links, skipped, bytes: moved, attributes };
  }

  #progress({ path, transferred, total }: FileCount, done: boolean): TransferProgress {
    const { files, filesTotal, bytes, bytesTotal } = this;
    return { path, transferred, total, done, files, filesTotal, bytes, bytesTotal };
  }
}
