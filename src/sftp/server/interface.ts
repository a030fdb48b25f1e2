// What an SFTP server can be asked for, as hooks: the file system behind it. As it stands it refuses everything.

import type { ServerInterface } from '../../transport/server-interface.ts';
import type { SFTPAttributes } from '../protocol/attributes.ts';
import type { Statvfs } from '../protocol/extensions.ts';
import { SFTP_OP_UNSUPPORTED, type SFTPStatus } from '../protocol/status.ts';
import type { SFTPHandle } from './handle.ts';

/** A value now or later. */
export type Eventually<T> = T | Promise<T>;

/** Entries of a folder with `filename` set; "." and ".." need not be among them. An iterable is read as the client asks for more. */
export type Listing = Iterable<SFTPAttributes> | AsyncIterable<SFTPAttributes>;

/**
 * The file system that an SFTP session sees: one object per session. Override what it should be able to do; what is left
 * answers SFTP_OP_UNSUPPORTED, and its extensions are not announced. A hook returns its result or a status, or throws: an
 * error of Node's (`code: 'ENOENT'`, ...) or an SFTPError becomes the fitting status, anything else SFTP_FAILURE.
 *
 * Paths are what the client sent, made absolute by {@link canonicalize} only if the hook does so: never hand one to a real file
 * system without looking; `FolderFileSystem` is the one that does. The server has turned '' into '.', and refused those with a
 * NUL in them or of 4,096 characters or more. Bytes of a name that are not UTF-8 come as U+DC80 to U+DCFF (`encodeName` turns them
 * back).
 *
 * Hooks are called side by side, up to 128 at once, as far as they are not about the same file.
 *
 * @example
 * class Motd extends SFTPServerInterface {
 *   override listFolder() { return [Object.assign(new SFTPAttributes(), { filename: 'motd', stMode: 0o100444, stSize: 5 })]; }
 *   override open() { return new Hello(); }
 * }
 * transport.setSubsystemHandler('sftp', SFTPServer, Motd);
 */
export class SFTPServerInterface {
  /** The server object that allowed the session. */
  protected readonly server: ServerInterface;

  /** What was given to `setSubsystemHandler` beyond the class follows here. */
  constructor(server: ServerInterface, ..._args: readonly unknown[]) {
    this.server = server;
  }

  /** The session begins; nothing has been asked yet. */
  sessionStarted(): Eventually<void> {}

  /** The session is over; every handle has been closed. Called exactly once. */
  sessionEnded(): Eventually<void> {}

  /**
   * Opens, and with O_CREAT makes, a file. `flags` as in `fs.constants`; `attributes` are those that a new file should have.
   */
  open(_path: string, _flags: number, _attributes: SFTPAttributes): Eventually<SFTPHandle | SFTPStatus> {
    return SFTP_OP_UNSUPPORTED;
  }

  /** What is in a folder. */
  listFolder(_path: string): Eventually<Listing | SFTPStatus> {
    return SFTP_OP_UNSUPPORTED;
  }

  /** Of what a symbolic link leads to. */
  stat(_path: string): Eventually<SFTPAttributes | SFTPStatus> {
    return SFTP_OP_UNSUPPORTED;
  }

  /** Of the link itself. */
  lstat(_path: string): Eventually<SFTPAttributes | SFTPStatus> {
    return SFTP_OP_UNSUPPORTED;
  }

  /** Removes a file or a link, not a folder. */
  remove(_path: string): Eventually<SFTPStatus> {
    return SFTP_OP_UNSUPPORTED;
  }

  /** Must fail where `newPath` exists. */
  rename(_oldPath: string, _newPath: string): Eventually<SFTPStatus> {
    return SFTP_OP_UNSUPPORTED;
  }

  /** Replaces what is at `newPath`, as rename(2) does (posix-rename@openssh.com). */
  posixRename(_oldPath: string, _newPath: string): Eventually<SFTPStatus> {
    return SFTP_OP_UNSUPPORTED;
  }

  /** Makes a folder; `attributes` are those that it should have. */
  mkdir(_path: string, _attributes: SFTPAttributes): Eventually<SFTPStatus> {
    return SFTP_OP_UNSUPPORTED;
  }

  /** Removes an empty folder. */
  rmdir(_path: string): Eventually<SFTPStatus> {
    return SFTP_OP_UNSUPPORTED;
  }

  /** Changes what is set in `attributes`: size, owner, mode, times. */
  chattr(_path: string, _attributes: SFTPAttributes): Eventually<SFTPStatus> {
    return SFTP_OP_UNSUPPORTED;
  }

  /** As {@link chattr}, of a symbolic link itself (lsetstat@openssh.com). */
  lchattr(_path: string, _attributes: SFTPAttributes): Eventually<SFTPStatus> {
    return SFTP_OP_UNSUPPORTED;
  }

  /** The path in its absolute form. The default resolves `.` and `..` by name alone, below `/`. */
  canonicalize(path: string): Eventually<string | SFTPStatus> {
    const kept: string[] = [];
    for (const part of path.split('/')) {
      if (part === '..') kept.pop();
      else if (part !== '' && part !== '.') kept.push(part);
    }
    return `/${kept.join('/')}`;
  }

  /** What a symbolic link says. */
  readlink(_path: string): Eventually<string | SFTPStatus> {
    return SFTP_OP_UNSUPPORTED;
  }

  /** Makes a symbolic link at `path` that says `targetPath`. */
  symlink(_targetPath: string, _path: string): Eventually<SFTPStatus> {
    return SFTP_OP_UNSUPPORTED;
  }

  /** Makes a second name for a file (hardlink@openssh.com). */
  link(_oldPath: string, _newPath: string): Eventually<SFTPStatus> {
    return SFTP_OP_UNSUPPORTED;
  }

  /** Size and free room of the file system (statvfs@openssh.com). */
  statvfs(_path: string): Eventually<Statvfs | SFTPStatus> {
    return SFTP_OP_UNSUPPORTED;
  }

  /** The home folder of a user, the session's own for '' (home-directory, and `~` in expand-path@openssh.com). */
  homeDirectory(_username: string): Eventually<string | SFTPStatus> {
    return SFTP_OP_UNSUPPORTED;
  }

  /** Names for numbers, '' for those that nobody has, as many as were asked for (users-groups-by-id@openssh.com). */
  usersGroupsById(
    _uids: readonly number[],
    _gids: readonly number[],
  ): Eventually<{ usernames: readonly string[]; groupnames: readonly string[] } | SFTPStatus> {
    return SFTP_OP_UNSUPPORTED;
  }
}
