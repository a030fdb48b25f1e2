// An open file whose bytes are counted, for the log: what was read and written is known when it is closed.

import { SFTPHandle } from '../../sftp/server/handle.ts';

export interface ByteCounts {
  read: number;
  written: number;
}

export class CountedHandle extends SFTPHandle {
  readonly #handle: SFTPHandle;
  readonly #onClose: (counts: ByteCounts) => void;
  readonly #counts: ByteCounts = { read: 0, written: 0 };

  constructor(handle: SFTPHandle, onClose: (counts: ByteCounts) => void) {
    super(handle.flags);
    this.#handle = handle;
    this.#onClose = onClose;
    const readInto = handle.readInto?.bind(handle);
    if (readInto === undefined) return;
    this.readInto = async (target, offset) => {
      const bytes = await readInto(target, offset);
      this.#counts.read += bytes;
      return bytes;
    };
  }

  override async read(...args: Parameters<SFTPHandle['read']>) {
    const result = await this.#handle.read(...args);
    if (typeof result !== 'number') this.#counts.read += result.length;
    return result;
  }

  override async write(...args: Parameters<SFTPHandle['write']>) {
    const bytes = args[1].length;
    const status = await this.#handle.write(...args);
    if (status === 0) this.#counts.written += bytes;
    return status;
  }

  override stat() {
    return this.#handle.stat();
  }

  override chattr(...args: Parameters<SFTPHandle['chattr']>) {
    return this.#handle.chattr(...args);
  }

  override sync() {
    return this.#handle.sync();
  }

  override statvfs() {
    return this.#handle.statvfs();
  }

  override async close(): Promise<void> {
    try {
      await this.#handle.close();
    } finally {
      this.#onClose(this.#counts);
    }
  }
}
