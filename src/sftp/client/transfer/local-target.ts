// A local file that is being received. Where the transfer fails it stays, with what has come so far, as OpenSSH's sftp and scp leave
// it, so that `resume` can go on.

import { constants } from 'node:fs';
import type { SFTPAttributes } from '../../protocol/attributes.ts';
import type { TransferCall } from './call.ts';
import { fileError, type TransferName, transferError } from './failure.ts';
import { close, errno, fchmod, fstat, fsync, ftruncate, futimes, open } from './local-fs.ts';
import { forNode } from './local-path.ts';
import type { Taker } from './remote-source.ts';
import { WriteBehind } from './write-behind.ts';

export interface LocalTargetPlan {
  readonly path: string;
  /** What is in a folder that is received must not be a link that leads out of it. */
  readonly insideFolder: boolean;
  readonly resume: boolean;
}

/** Inside of a folder: neither through a link nor waiting for the other end of a pipe. Not every system has them. */
const CAREFUL = (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

export class LocalTarget {
  readonly path: string;
  readonly #fd: number;
  readonly #regular: boolean;
  /** Bytes that it had when it was opened. */
  readonly existing: number;
  #writer: WriteBehind | null = null;
  #start = 0;
  #closed = false;

  /**
   * Opens the file, and makes it where it is missing. Without `resume` it is empty then.
   * @throws Node's errors; SFTPError ELOOP; `signal.reason`
   */
  static async open(
    call: TransferCall,
    plan: LocalTargetPlan,
    attributes: SFTPAttributes | null,
    name: TransferName,
  ): Promise<LocalTarget> {
    const { O_WRONLY, O_RDWR, O_CREAT, O_TRUNC } = constants;
    const flags = (plan.resume ? O_RDWR : O_WRONLY | O_TRUNC) | O_CREAT | (plan.insideFolder ? CAREFUL : 0);
    let fd: number;
    try {
      fd = await call.untilFd(open(forNode(plan.path), flags, creationMode(attributes?.stMode)));
    } catch (error) {
      if (plan.insideFolder && errno(error) === 'ELOOP') throw fileError('ELOOP', 'a symbolic link stands in the way', name);
      throw error;
    }
    // Empty, then: nothing is to be asked.
    if (!plan.resume && plan.insideFolder) return new LocalTarget(plan.path, fd, true, 0);
    const stat = await fstat(fd);
    return new LocalTarget(plan.path, fd, stat.isFile(), plan.resume ? stat.size : 0);
  }

  private constructor(path: string, fd: number, regular: boolean, existing: number) {
    this.path = path;
    this.#fd = fd;
    this.#regular = regular;
    this.existing = existing;
  }

  /** For reading what is there. */
  get fd(): number {
    return this.#fd;
  }

  /** Everything from here on comes in order to the taker. */
  receive(call: TransferCall, start: number): Taker {
    this.#start = start;
    const writer = new WriteBehind(this.#fd, this.#regular ? start : null, call.options.sparse);
    this.#writer = writer;
    return (data, _position, done) => writer.push(data, done);
  }

  /** Everything up to `end` has been written. @throws Node's errors */
  async finish(call: TransferCall, end: number, attributes: SFTPAttributes | null): Promise<void> {
    const { preserve, fsync: sync, sparse, resume } = call.options;
    // A hole at the end, or a file that was longer than what came. To do it for nothing would change its time.
    if (this.#regular && (sparse || (resume && this.existing > end))) await ftruncate(this.#fd, end);
    if (preserve && this.#regular) await preserveLocal(this.#fd, attributes);
    if (sync && this.#regular) await fsync(this.#fd);
    this.#closed = true;
    await close(this.#fd);
  }

  /** After a failure: what there is stays. Returns the error that says so. */
  async abandon(call: TransferCall, error: unknown, name: TransferName): Promise<unknown> {
    // What has come is kept, unless the caller wants to be gone.
    if (call.signal.aborted) this.#writer?.stop(new Error('given up'));
    await this.#writer?.idle();
    const written = this.#start + (this.#writer?.written ?? 0);
    if (!this.#closed) {
      this.#closed = true;
      await close(this.#fd).catch(() => {});
    }
    // Nothing has been done to it yet.
    if (this.#writer === null) return error;
    return transferError(error, name, { side: 'local', path: this.path, bytes: Math.max(written, this.#kept) });
  }

  /** Bytes of an earlier transfer: what is written again at their end replaces the same. */
  get #kept(): number {
    return this.#start > 0 ? this.existing : 0;
  }
}

/** As OpenSSH: never wider than at the source, the umask takes its part, and whoever transfers may read and write it. */
export function creationMode(mode: number | undefined): number {
  return mode === undefined ? 0o666 : (mode & 0o777) | 0o600;
}

/** @throws Node's errors */
export async function preserveLocal(fd: number, attributes: SFTPAttributes | null): Promise<void> {
  if (attributes?.stMode !== undefined) await fchmod(fd, attributes.stMode & 0o777);
  if (attributes?.stMtime !== undefined) await futimes(fd, attributes.stAtime ?? attributes.stMtime, attributes.stMtime);
}
