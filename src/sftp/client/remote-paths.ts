// What an SFTP client does to files by their paths without opening them. One half of SFTPClient, apart because it is long.

import { constants } from 'node:fs';
import { SFTPError } from '../../errors.ts';
import type { CallOptions } from '../../io/waiting.ts';
import type { SFTPAttributes } from '../protocol/attributes.ts';
import type { Statvfs } from '../protocol/extensions.ts';
import type { Path } from '../protocol/names.ts';
import { access, exists } from './access.ts';
import * as changes from './changes.ts';
import { makeFolders, makeTemporaryFolder } from './make-folders.ts';
import { expandPath, homeDirectory, namesById, type UsersGroups } from './names-by-id.ts';
import { ownerChanges } from './owner.ts';
import { inEncoding, type NameEncoding, nameOf, WorkingFolder } from './paths.ts';
import * as questions from './questions.ts';
import { explained, whetherNoLink } from './reasons.ts';
import { type RmOptions, rm } from './remove-tree.ts';
import type { SFTPSession } from './session.ts';
import { type SFTPStatFs, statfs, statvfs } from './space.ts';
import { within } from './time-limit.ts';
import { type Mode, modeOf, secondsOf, sizeOf, type Time } from './values.ts';

export interface MkdirOptions extends CallOptions {
  /** Permissions; default what the server does, 0o777 without its umask. */
  readonly mode?: Mode;
  /** Parents, too; no failure where the folder is there. */
  readonly recursive?: boolean;
}

export interface NameOptions extends CallOptions {
  /** What the name comes as; `'buffer'` gives its bytes. */
  readonly encoding?: NameEncoding;
}

/** For names as text; `'buffer'` is {@link BytesAsked}. */
type TextAsked = BufferEncoding | null | (CallOptions & { readonly encoding?: BufferEncoding | null });
type BytesAsked = 'buffer' | (CallOptions & { readonly encoding: 'buffer' });

/**
 * Paths are text, or bytes for names that are not UTF-8; relative ones are counted from {@link chdir}'s folder, else from wherever
 * the server begins (usually the user's home). All calls may be under way at once.
 */
export abstract class RemotePaths {
  /** @internal */
  readonly session: SFTPSession;
  readonly #cwd = new WorkingFolder();

  protected constructor(session: SFTPSession) {
    this.session = session;
  }

  /** @internal The name that the server gets for a path. @throws UsageError for a NUL in it */
  at(path: Path): string {
    return this.#cwd.at(path);
  }

  // ---- questions ----------------------------------------------------------------------------------------------------

  /** Of what a symbolic link leads to. @throws SFTPError ENOENT, EACCES, ... */
  async stat(path: Path, options?: CallOptions): Promise<SFTPAttributes> {
    return questions.stat(this.session, this.at(path), options);
  }

  /** Of a symbolic link itself. */
  async lstat(path: Path, options?: CallOptions): Promise<SFTPAttributes> {
    return questions.lstat(this.session, this.at(path), options);
  }

  /**
   * Resolves where the file may be used as `mode` says (`fs.constants`: F_OK by default, R_OK, W_OK, X_OK). SFTP has no question for
   * it: a regular file is opened for a moment, a folder is looked into; whether a folder may be written to, or a file run, is told
   * by its mode alone, so it is a refusal only where nobody may.
   * @throws SFTPError ENOENT, EACCES, ...
   */
  async access(path: Path, mode: number = constants.F_OK, options?: CallOptions): Promise<void> {
    const name = this.at(path);
    await within('access', options, (call) => access(this.session, name, mode, call));
  }

  /** False where the server says that it is not there, or a link that leads nowhere. @throws SFTPError where it does not let us know */
  async exists(path: Path, options?: CallOptions): Promise<boolean> {
    return exists(this.session, this.at(path), options);
  }

  /** The absolute path, as the server sees it. */
  realpath(path: Path, options?: TextAsked): Promise<string>;
  realpath(path: Path, options: BytesAsked): Promise<Buffer>;
  async realpath(path: Path, options?: TextAsked | BytesAsked): Promise<string | Buffer> {
    const { encoding, ...call }: NameOptions = typeof options === 'string' ? { encoding: options } : (options ?? {});
    return inEncoding(await questions.realpath(this.session, this.at(path), call), encoding);
  }

  /** As {@link realpath}. */
  async normalize(path: Path, options?: CallOptions): Promise<string> {
    return this.realpath(path, options);
  }

  /** What a symbolic link says. It is the server's word: look at it before you follow it. @throws SFTPError EINVAL, ENOENT, ... */
  readlink(path: Path, options?: TextAsked): Promise<string>;
  readlink(path: Path, options: BytesAsked): Promise<Buffer>;
  async readlink(path: Path, options?: TextAsked | BytesAsked): Promise<string | Buffer> {
    const { encoding, ...own }: NameOptions = typeof options === 'string' ? { encoding: options } : (options ?? {});
    const name = this.at(path);
    const says = await within('readlink', own, (call) => {
      const asked = questions.readlink(this.session, name, call);
      // OpenSSH sends EINVAL as "bad message".
      return explained(asked, () => whetherNoLink(this.session, name, call), ['ERR_SSH_SFTP_FAILURE', 'EBADMSG']);
    });
    return inEncoding(says, encoding);
  }

  /** Size and free room of a file system. @throws SFTPError ENOTSUP where the server can't say */
  async statvfs(path: Path, options?: CallOptions): Promise<Statvfs> {
    return statvfs(this.session, this.at(path), options);
  }

  /** {@link statvfs} in the shape of fs. */
  async statfs(path: Path, options?: CallOptions): Promise<SFTPStatFs> {
    return statfs(this.session, this.at(path), options);
  }

  /** Resolves `~` and `~user` (expand-path@openssh.com). @throws SFTPError ENOTSUP */
  async expandPath(path: Path, options?: CallOptions): Promise<string> {
    return expandPath(this.session, nameOf(path), options);
  }

  /** A user's home folder, by default our own. @throws SFTPError ENOTSUP */
  async homeDirectory(username = '', options?: CallOptions): Promise<string> {
    return homeDirectory(this.session, username, options);
  }

  /** Names for numbers, '' where there is none (users-groups-by-id@openssh.com). @throws SFTPError ENOTSUP */
  async usersGroupsById(uids: readonly number[], gids: readonly number[], options?: CallOptions): Promise<UsersGroups> {
    return namesById(this.session, uids, gids, options);
  }

  // ---- working folder -----------------------------------------------------------------------------------------------

  /** Has relative paths begin in this folder; null: wherever the server begins. @throws SFTPError ENOTDIR, ENOENT, ... */
  async chdir(path: Path | null = null, options?: CallOptions): Promise<void> {
    if (path === null) {
      this.#cwd.current = null;
      return;
    }
    const name = this.at(path);
    const [attributes, real] = await Promise.all([
      questions.stat(this.session, name, options),
      questions.realpath(this.session, name, options),
    ]);
    if (!attributes.isDirectory()) throw new SFTPError('ENOTDIR', 'not a directory', { operation: 'chdir', path: name });
    this.#cwd.current = real;
  }

  /** The folder of {@link chdir}, or null. */
  getcwd(): string | null {
    return this.#cwd.current;
  }

  // ---- making and removing ------------------------------------------------------------------------------------------

  /**
   * Makes a folder. With `recursive`, resolves with the first one that was made, undefined where none had to be, as fs does.
   * @throws SFTPError EEXIST, ENOENT, ...
   */
  async mkdir(path: Path, options?: Mode | MkdirOptions, callOptions?: CallOptions): Promise<string | undefined> {
    const { mode, recursive, ...own }: MkdirOptions =
      typeof options === 'object' ? options : { ...(options !== undefined && { mode: options }) };
    const name = this.at(path);
    const permissions = modeOf(mode);
    return within('mkdir', { ...own, ...callOptions }, async (call) => {
      if (recursive) return makeFolders(this.session, name, permissions, call);
      await changes.mkdir(this.session, name, permissions, call);
      return undefined;
    });
  }

  /** Makes a folder for us alone, called `prefix` and six characters, and resolves with its path. */
  async mkdtemp(prefix: string, options?: CallOptions): Promise<string> {
    return within('mkdtemp', options, (call) => makeTemporaryFolder(this.session, this.at(prefix), call));
  }

  /** Removes an empty folder. @throws SFTPError ENOTEMPTY, ENOTDIR, ENOENT, ... */
  async rmdir(path: Path, options?: CallOptions): Promise<void> {
    const name = this.at(path);
    await within('rmdir', options, (call) => changes.rmdir(this.session, name, call));
  }

  /** Removes a file or a link. @throws SFTPError EISDIR, ENOENT, ... */
  async remove(path: Path, options?: CallOptions): Promise<void> {
    const name = this.at(path);
    await within('unlink', options, (call) => changes.remove(this.session, name, call));
  }

  /** As {@link remove}. */
  async unlink(path: Path, options?: CallOptions): Promise<void> {
    await this.remove(path, options);
  }

  /**
   * Removes a file, with `recursive` also a folder with all that is in it. Links are removed and not followed.
   * @throws SFTPError EISDIR for a folder without `recursive`, ENOENT without `force`, ...
   */
  async rm(path: Path, options: RmOptions = {}): Promise<void> {
    const { recursive, force, ...own } = options;
    const name = this.at(path);
    const how = { ...(recursive && { recursive }), ...(force && { force }) };
    await within('rm', own, (call) => rm(this.session, name, { ...how, ...call }));
  }

  /** Fails where `newPath` exists, EEXIST; {@link posixRename} replaces it. */
  async rename(oldPath: Path, newPath: Path, options?: CallOptions): Promise<void> {
    const [from, to] = [this.at(oldPath), this.at(newPath)];
    await within('rename', options, (call) => changes.rename(this.session, from, to, call));
  }

  /** Replaces what is at `newPath`, at once, as fs.rename does. @throws SFTPError ENOTSUP where the server can't */
  async posixRename(oldPath: Path, newPath: Path, options?: CallOptions): Promise<void> {
    const [from, to] = [this.at(oldPath), this.at(newPath)];
    await within('rename', options, (call) => changes.posixRename(this.session, from, to, call));
  }

  /** Makes a symbolic link at `path` that says `target`, as it is. @throws SFTPError EEXIST, ... */
  async symlink(target: Path, path: Path, options?: CallOptions): Promise<void> {
    const [says, name] = [nameOf(target), this.at(path)];
    await within('symlink', options, (call) => changes.symlink(this.session, says, name, call));
  }

  /** Makes a second name for a file. @throws SFTPError ENOTSUP, EEXIST, ... */
  async link(existingPath: Path, newPath: Path, options?: CallOptions): Promise<void> {
    const [from, to] = [this.at(existingPath), this.at(newPath)];
    await within('link', options, (call) => changes.link(this.session, from, to, call));
  }

  // ---- attributes ---------------------------------------------------------------------------------------------------

  /** Permissions; of what a symbolic link leads to. @throws SFTPError ENOENT, EACCES, ... */
  async chmod(path: Path, mode: Mode, options?: CallOptions): Promise<void> {
    await changes.setstat(this.session, this.at(path), { stMode: modeOf(mode) }, options);
  }

  /** Of a symbolic link itself; few systems can. @throws SFTPError ENOTSUP, ... */
  async lchmod(path: Path, mode: Mode, options?: CallOptions): Promise<void> {
    await changes.lsetstat(this.session, this.at(path), { stMode: modeOf(mode) }, options);
  }

  /** As fs: -1 leaves the user or the group as it is. */
  async chown(path: Path, uid: number, gid: number, options?: CallOptions): Promise<void> {
    const name = this.at(path);
    await within('chown', options, async (call) => {
      const look = () => questions.stat(this.session, name, call);
      const owner = await ownerChanges(uid, gid, { operation: 'chown', path: name }, look);
      await changes.setstat(this.session, name, owner, call);
    });
  }

  /** Of a symbolic link itself. @throws SFTPError ENOTSUP, ... */
  async lchown(path: Path, uid: number, gid: number, options?: CallOptions): Promise<void> {
    const name = this.at(path);
    await within('lchown', options, async (call) => {
      const look = () => questions.lstat(this.session, name, call);
      const owner = await ownerChanges(uid, gid, { operation: 'lchown', path: name }, look);
      await changes.lsetstat(this.session, name, owner, call);
    });
  }

  /** As the seed: both times in seconds since 1970, or null for now. */
  async utime(path: Path, times: readonly [atime: number, mtime: number] | null, options?: CallOptions): Promise<void> {
    const now = Date.now() / 1000;
    await this.utimes(path, times?.[0] ?? now, times?.[1] ?? now, options);
  }

  /** As fs: seconds since 1970 or Dates. The protocol has whole seconds, from 1970 to 2106. */
  async utimes(path: Path, atime: Time, mtime: Time, options?: CallOptions): Promise<void> {
    await changes.setstat(this.session, this.at(path), { stAtime: secondsOf(atime), stMtime: secondsOf(mtime) }, options);
  }

  /** Of a symbolic link itself. @throws SFTPError ENOTSUP, ... */
  async lutimes(path: Path, atime: Time, mtime: Time, options?: CallOptions): Promise<void> {
    await changes.lsetstat(this.session, this.at(path), { stAtime: secondsOf(atime), stMtime: secondsOf(mtime) }, options);
  }

  /** Cuts a file to so many bytes, or fills it up with zeros. */
  async truncate(path: Path, size = 0, options?: CallOptions): Promise<void> {
    await changes.setstat(this.session, this.at(path), { stSize: sizeOf(size) }, options);
  }
}
