// What can be done with an open file besides reading and writing it: its attributes, its time limit, its end.

import { SFTPError, SSHTimeoutError, UsageError } from '../../errors.ts';
import type { CallOptions } from '../../io/waiting.ts';
import type { SFTPAttributes } from '../protocol/attributes.ts';
import { fsync, type Statvfs } from '../protocol/extensions.ts';
import { type Changes, fsetstat } from './changes.ts';
import { checkOpenFile } from './check-file.ts';
import { performExtended } from './extended.ts';
import type { Opened } from './handles.ts';
import { ownerChanges } from './owner.ts';
import { fstat } from './questions.ts';
import type { SFTPSession } from './session.ts';
import { fstatvfs } from './space.ts';
import { type Mode, modeOf, secondsOf, sizeOf, type Time } from './values.ts';

export abstract class OpenFile implements Opened, AsyncDisposable {
  /** @internal */
  readonly session: SFTPSession;
  /** @internal What the server calls it. */
  readonly handle: Uint8Array;
  /** As it was sent to the server. */
  readonly path: string;
  #timeout: number | null = null;
  #closed: Promise<void> | null = null;

  protected constructor(session: SFTPSession, handle: Uint8Array, path: string) {
    this.session = session;
    this.handle = handle;
    this.path = path;
  }

  /** Of the file that is open, whatever its name is now. */
  async stat(options?: CallOptions): Promise<SFTPAttributes> {
    return fstat(this.session, this.handle, this.path, this.call(options));
  }

  /** Permissions. @throws SFTPError EACCES, ... */
  async chmod(mode: Mode, options?: CallOptions): Promise<void> {
    await this.#change({ stMode: modeOf(mode) }, options);
  }

  /** As fs: -1 leaves the user or the group as it is. */
  async chown(uid: number, gid: number, options?: CallOptions): Promise<void> {
    const { path } = this;
    await this.#change(await ownerChanges(uid, gid, { operation: 'chown', path }, () => this.stat(options)), options);
  }

  /** As the seed: both times in seconds since 1970, or null for now. */
  async utime(times: readonly [atime: number, mtime: number] | null, options?: CallOptions): Promise<void> {
    const now = Date.now() / 1000;
    await this.utimes(times?.[0] ?? now, times?.[1] ?? now, options);
  }

  /** As fs: seconds since 1970 or Dates. The protocol has whole seconds. */
  async utimes(atime: Time, mtime: Time, options?: CallOptions): Promise<void> {
    await this.#change({ stAtime: secondsOf(atime), stMtime: secondsOf(mtime) }, options);
  }

  /** Cuts the file to so many bytes, or fills it up with zeros. */
  async truncate(size = 0, options?: CallOptions): Promise<void> {
    await this.#change({ stSize: sizeOf(size) }, options);
  }

  /** Resolves when what was written is on the server's disk (fsync@openssh.com). @throws SFTPError ENOTSUP */
  async sync(options?: CallOptions): Promise<void> {
    const { session, handle, path } = this;
    await performExtended(session, { operation: 'fsync', path }, fsync, { handle }, this.call(options));
  }

  /** The protocol knows no difference: {@link sync}. */
  async datasync(options?: CallOptions): Promise<void> {
    await this.sync(options);
  }

  /** Size and free room of the file system that it is on. @throws SFTPError ENOTSUP */
  async statvfs(options?: CallOptions): Promise<Statvfs> {
    return fstatvfs(this, this.call(options));
  }

  /**
   * Has the server compute hashes of the file: of `length` bytes (0 for all) from `offset` on, one for each `blockSize` bytes (0 for
   * one over everything), one behind the other. Several algorithms are tried in their order.
   * @throws SFTPError ENOTSUP where the server can't; most can't
   */
  async check(
    hashAlgorithm: string | readonly string[],
    offset = 0,
    length = 0,
    blockSize = 0,
    options?: CallOptions,
  ): Promise<Uint8Array> {
    const algorithms = typeof hashAlgorithm === 'string' ? [hashAlgorithm] : hashAlgorithm;
    const { hashes } = await checkOpenFile(this, { algorithms, start: offset, length, blockSize, ...this.call(options) });
    return hashes;
  }

  /**
   * Limits how long each call on this file waits that has no limit of its own, milliseconds (the seed has seconds). null for ever,
   * the default; 0 not at all: whatever has to ask the server then rejects.
   * @throws UsageError for anything else
   */
  settimeout(milliseconds: number | null): void {
    if (milliseconds !== null && !(milliseconds >= 0)) throw new UsageError(`not a time limit: ${milliseconds}`);
    this.#timeout = milliseconds;
  }

  /** The limit of {@link settimeout}, milliseconds. */
  gettimeout(): number | null {
    return this.#timeout;
  }

  /** As in the seed: false is `settimeout(0)`, true is `settimeout(null)`. */
  setblocking(blocking: boolean): void {
    this.settimeout(blocking ? null : 0);
  }

  /**
   * Closes the file; may be called again. What the server could not keep of what was written may show only here.
   * @throws SFTPError
   */
  close(options?: CallOptions): Promise<void> {
    this.#closed ??= this.finish(this.#limited(options));
    return this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.close();
    } catch (error) {
      // Where the session has ended, whoever worked with the file has heard of it, and that is the error to see.
      if (!this.session.isClosed || this.mayOwe) throw error;
    }
  }

  /** Whether there are writes that nobody has waited for. */
  protected abstract get mayOwe(): boolean;

  /** Ends what is under way, and closes the file on the server. */
  protected abstract finish(options?: CallOptions): Promise<void>;

  /** The options for one call. @throws SSHTimeoutError where nothing may wait; SFTPError EBADF where the file is closed */
  protected call(options: CallOptions | undefined): CallOptions {
    if (this.#closed !== null) throw new SFTPError('EBADF', 'the file is closed', { operation: 'file', path: this.path });
    if (this.#timeout === 0 && !options?.timeout) throw new SSHTimeoutError('a call on a file', 0);
    return this.#limited(options);
  }

  /** With the file's own limit, where there is one and the call has none. */
  #limited(options: CallOptions | undefined): CallOptions {
    return options?.timeout || !this.#timeout ? (options ?? {}) : { ...options, timeout: this.#timeout };
  }

  async #change(changes: Changes, options: CallOptions | undefined): Promise<void> {
    await fsetstat(this.session, this.handle, this.path, changes, this.call(options));
  }
}
