// The SFTP file system over a real folder: each hook is one visit of the jail (jail.ts), which sees to it that nothing outside
// of the folder is reachable; what is done there is Node's function for it. Changes are refused in one place, #mayChange.

import { constants, type PathLike, type Stats } from 'node:fs';
import { type FileHandle, link, lstat, mkdir, readlink, rename, rmdir, symlink, unlink } from 'node:fs/promises';
import { UsageError } from '../../errors.ts';
import type { ServerInterface } from '../../transport/server-interface.ts';
import { SFTPAttributes } from '../protocol/attributes.ts';
import type { Statvfs } from '../protocol/extensions.ts';
import { decodeName, encodeName, isText } from '../protocol/names.ts';
import { SFTP_OK, type SFTPStatus } from '../protocol/status.ts';
import { changeAttributes, changeLinkAttributes, PERMISSIONS } from './folder-attributes.ts';
import { FolderHandle } from './folder-handle.ts';
import { FolderListing } from './folder-listing.ts';
import { namesOf } from './folder-names.ts';
import { renameToFreeName } from './folder-rename.ts';
import { statvfsOf } from './folder-statvfs.ts';
import type { SFTPHandle } from './handle.ts';
import { SFTPServerInterface } from './interface.ts';
import { entryOf, FOLLOW, Jail, lstatOf, type Spot } from './jail.ts';
import type { Held } from './jail-held.ts';
import { codeOf, refusal } from './jail-refusal.ts';

const { O_APPEND, O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } = constants;
/** The part of the flags that says what for; `fs.constants` lacks it. */
const O_ACCMODE = 3;
/** What a client can ask for; other bits mean other things on other systems. */
const ASKABLE = O_ACCMODE | O_APPEND | O_CREAT | O_EXCL | O_TRUNC;
/** How often a file may come and go while it is being opened. */
const OPEN_ATTEMPTS = 10;

/** What a {@link FolderFileSystem} is like. */
export interface FolderOptions {
  /** Whether everything that would change something is refused. Default true. */
  readonly readOnly?: boolean;
  /**
   * Whether paths may go through symbolic links, which then lead to other places inside: an absolute one begins at the root, as
   * after chroot(2). With false they can be seen and read as links only. Default true.
   */
  readonly followSymlinks?: boolean;
  /**
   * Whether the session may make symbolic links. They may say what they like, as with OpenSSH: they lead nowhere out in this
   * file system, but other programs on the machine that follow links would follow them. Default true.
   */
  readonly makeSymlinks?: boolean;
  /** Permissions that new files and folders don't get, beyond the umask of the process. Default 0. */
  readonly umask?: number;
  /** Where a session begins and relative paths start from: an absolute path inside. Default `/`. */
  readonly home?: string;
  /** Whether the names of the machine's users and groups are told for numbers (`ls -l`). Default false. */
  readonly userNames?: boolean;
}

/**
 * A folder of the real file system as everything that a session sees. Read-only unless `readOnly: false`.
 *
 * Nothing outside of the folder is reachable, whatever a path, a link or a rename says. On Linux this also holds while others
 * move folders and links about; elsewhere there is a short moment between the check and the use ({@link isRaceFree}). A hard link
 * or a mount that is inside is inside, wherever its data may be besides. Only regular files can be opened: FIFOs, sockets and
 * devices are listed and can be renamed and removed, never opened. The session can set permissions, but not the setuid, setgid
 * and sticky bits: files lose theirs at a change of mode, folders keep theirs. Owners are changed as far as the system lets this
 * process do it.
 *
 * @throws UsageError, or an error of Node's where there is no such folder
 *
 * @example
 * transport.setSubsystemHandler('sftp', SFTPServer, FolderFileSystem, '/srv/files', { readOnly: true });
 */
export class FolderFileSystem extends SFTPServerInterface {
  readonly #jail: Jail;
  readonly #options: FolderOptions;

  constructor(server: ServerInterface, root: string, options: FolderOptions = {}) {
    super(server);
    if (typeof root !== 'string' || root === '') throw new UsageError('a FolderFileSystem needs the path of a folder');
    this.#options = options;
    this.#jail = new Jail(root, options);
  }

  /** False where another program that moves folders at the right moment could make an operation work outside. */
  get isRaceFree(): boolean {
    return this.#jail.isRaceFree;
  }

  override sessionEnded(): void {
    this.#jail.close();
  }

  override async open(path: string, asked: number, attributes: SFTPAttributes): Promise<SFTPHandle> {
    const flags = asked & ASKABLE;
    const access = flags & O_ACCMODE;
    if (access !== O_RDONLY && access !== O_WRONLY && access !== O_RDWR) throw refusal('EINVAL', path);
    if (flags !== O_RDONLY) this.#mayChange(path);
    const mode = this.#newMode(attributes, 0o666);
    const file = await this.#jail.walk(path, (spot) => openAt(spot, flags, mode));
    return new FolderHandle(
      flags,
      file,
      () => this.#mayChange(path),
      () => this.#statvfs(this.#jail.pathOfFile(file)),
    );
  }

  override listFolder(path: string): Promise<FolderListing> {
    return this.#reach(path, (folder) => FolderListing.of(folder), 'keep');
  }

  override stat(path: string): Promise<SFTPAttributes> {
    return this.#jail.walk(path, async (spot) => {
      const stats = await lstatOf(spot);
      return stats.isSymbolicLink() ? FOLLOW : SFTPAttributes.fromStat(asAsked(spot, stats));
    });
  }

  override lstat(path: string): Promise<SFTPAttributes> {
    return this.#jail.walk(path, async (spot) => {
      const stats = await lstatOf(spot);
      if (spot.mustBeFolder && stats.isSymbolicLink()) return FOLLOW;
      return SFTPAttributes.fromStat(asAsked(spot, stats));
    });
  }

  override remove(path: string): Promise<SFTPStatus> {
    // Of folders the system refuses it; other systems than Linux let root unlink one.
    return this.#change(path, async (spot, entry) => {
      if ((await lstat(entry)).isDirectory()) throw refusal('EISDIR', path);
      if (spot.mustBeFolder) throw refusal('ENOTDIR', path);
      await unlink(entry);
    });
  }

  override rename(oldPath: string, newPath: string): Promise<SFTPStatus> {
    return this.#changeBoth(oldPath, newPath, async (from, to, mustBeFolder) => {
      const stats = await lstat(from);
      if (mustBeFolder && !stats.isDirectory()) throw refusal('ENOTDIR', oldPath);
      await renameToFreeName(from, to, stats);
    });
  }

  override posixRename(oldPath: string, newPath: string): Promise<SFTPStatus> {
    return this.#changeBoth(oldPath, newPath, async (from, to, mustBeFolder) => {
      if (mustBeFolder && !(await lstat(from)).isDirectory()) throw refusal('ENOTDIR', oldPath);
      await rename(from, to);
    });
  }

  override mkdir(path: string, attributes: SFTPAttributes): Promise<SFTPStatus> {
    return this.#change(path, (_spot, entry) => mkdir(entry, this.#newMode(attributes, 0o777)));
  }

  override rmdir(path: string): Promise<SFTPStatus> {
    return this.#change(path, (_spot, entry) => rmdir(entry));
  }

  override async chattr(path: string, attributes: SFTPAttributes): Promise<SFTPStatus> {
    this.#mayChange(path);
    return this.#reach(path, async (held, stats) => {
      await changeAttributes(held, stats, attributes);
      return SFTP_OK;
    });
  }

  override async lchattr(path: string, attributes: SFTPAttributes): Promise<SFTPStatus> {
    this.#mayChange(path);
    const isLink = await this.#jail.walk(path, async (spot) => {
      if (spot.mustBeFolder || !(await lstatOf(spot)).isSymbolicLink()) return false;
      await changeLinkAttributes(entryOf(spot), attributes);
      return true;
    });
    // What has become a link since is followed, inside.
    return isLink ? SFTP_OK : this.chattr(path, attributes);
  }

  override canonicalize(path: string): Promise<string> {
    return this.#jail.canonical(path);
  }

  override readlink(path: string): Promise<string> {
    return this.#jail.walk(path, async (spot) => {
      if (spot.mustBeFolder || spot.name === '') throw refusal('EINVAL', path);
      return decodeName(await readlink(entryOf(spot), { encoding: 'buffer' }));
    });
  }

  override async symlink(targetPath: string, path: string): Promise<SFTPStatus> {
    if (this.#options.makeSymlinks === false) throw refusal('EPERM', path);
    if (targetPath.includes('\0')) throw refusal('EINVAL', path);
    return this.#change(path, async (spot, entry) => {
      if (spot.mustBeFolder) throw refusal('ENOENT', path);
      await symlink(isText(targetPath) ? targetPath : Buffer.from(encodeName(targetPath)), entry);
    });
  }

  override link(oldPath: string, newPath: string): Promise<SFTPStatus> {
    return this.#changeBoth(oldPath, newPath, async (from, to, mustBeFolder) => {
      if (mustBeFolder) throw refusal('ENOENT', newPath);
      // Linux makes a second name for the link itself; others may follow it.
      if (!this.isRaceFree && (await lstat(from)).isSymbolicLink()) throw refusal('EPERM', oldPath);
      await link(from, to);
    });
  }

  override statvfs(path: string): Promise<Statvfs> {
    return this.#reach(path, (held) => this.#statvfs(held.path));
  }

  override homeDirectory(username: string): string {
    // Of other users nothing is known: they see other folders, if any.
    if (username !== '') throw refusal('ENOENT');
    return this.#jail.home;
  }

  override async usersGroupsById(
    uids: readonly number[],
    gids: readonly number[],
  ): Promise<{ usernames: readonly string[]; groupnames: readonly string[] }> {
    const told = this.#options.userNames === true;
    const [usernames, groupnames] = await Promise.all([
      told ? namesOf('/etc/passwd', uids) : uids.map(() => ''),
      told ? namesOf('/etc/group', gids) : gids.map(() => ''),
    ]);
    return { usernames, groupnames };
  }

  /** The one place that decides whether something may be changed. @throws SFTPError EROFS */
  #mayChange(path: string): void {
    if (this.#options.readOnly !== false) throw refusal('EROFS', path);
  }

  /** A change of a name in a folder; a link there is the name's, and never followed. */
  async #change(path: string, change: (spot: Spot, entry: PathLike) => Promise<unknown>): Promise<SFTPStatus> {
    this.#mayChange(path);
    await this.#jail.walk(path, (spot) => change(spot, entryOf(spot)));
    return SFTP_OK;
  }

  /** `mustBeFolder`: one of the two paths can only be a folder's. */
  #changeBoth(
    oldPath: string,
    newPath: string,
    change: (from: PathLike, to: PathLike, mustBeFolder: boolean) => Promise<void>,
  ): Promise<SFTPStatus> {
    return this.#change(oldPath, (old, from) =>
      this.#change(newPath, (made, to) => change(from, to, old.mustBeFolder || made.mustBeFolder)),
    );
  }

  /** What `path` leads to, links followed, held on to while `use` runs, or with 'keep', where that succeeds, for good. */
  #reach<T>(path: string, use: (held: Held, stats: Stats) => Promise<T>, release?: 'keep'): Promise<T> {
    return this.#jail.walk(path, async (spot) => {
      const held = await spot.folder.hold(spot.name);
      let kept = false;
      try {
        const stats = await held.stat();
        if (stats.isSymbolicLink()) return FOLLOW;
        const result = await use(held, asAsked(spot, stats));
        kept = release === 'keep';
        return result;
      } finally {
        if (!kept) held.release();
      }
    });
  }

  #statvfs(path: PathLike): Promise<Statvfs> {
    return statvfsOf(path, this.#options.readOnly !== false);
  }

  #newMode(attributes: SFTPAttributes, otherwise: number): number {
    return (attributes.stMode ?? otherwise) & PERMISSIONS & ~(this.#options.umask ?? 0);
  }
}

/** @throws SFTPError ENOTDIR where the path ended as only a folder's may */
function asAsked(spot: Spot, stats: Stats): Stats {
  if (spot.mustBeFolder && !stats.isDirectory()) throw refusal('ENOTDIR');
  return stats;
}

/** As open(2), for regular files: neither a FIFO nor a device notices that somebody has tried. */
async function openAt(spot: Spot, flags: number, mode: number): Promise<FileHandle | typeof FOLLOW> {
  for (let attempt = 0; ; attempt++) {
    try {
      if ((flags & (O_CREAT | O_EXCL)) === (O_CREAT | O_EXCL)) return await createAt(spot, flags, mode);
      return await openExisting(spot, flags & ~(O_CREAT | O_EXCL));
    } catch (error) {
      if (!(flags & O_CREAT) || flags & O_EXCL || codeOf(error) !== 'ENOENT') throw error;
    }
    try {
      return await createAt(spot, flags, mode);
    } catch (error) {
      // Somebody else has just made it.
      if (codeOf(error) !== 'EEXIST' || attempt === OPEN_ATTEMPTS) throw error;
    }
  }
}

async function openExisting(spot: Spot, flags: number): Promise<FileHandle | typeof FOLLOW> {
  const held = await spot.folder.hold(spot.name);
  try {
    const stats = await held.stat();
    if (stats.isSymbolicLink()) return FOLLOW;
    if (stats.isDirectory()) throw refusal('EISDIR');
    if (!asAsked(spot, stats).isFile()) throw refusal('EACCES');
    return await held.open(flags);
  } finally {
    held.release();
  }
}

async function createAt(spot: Spot, flags: number, mode: number): Promise<FileHandle> {
  if (spot.mustBeFolder || spot.name === '') throw refusal('EISDIR');
  return spot.folder.create(spot.name, flags, mode);
}
