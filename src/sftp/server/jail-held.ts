// Something inside of a jail that is held on to while an operation works on it. Two implementations: by descriptor where the
// system has /proc/self/fd (jail-descriptors.ts: no race can lead out), by path elsewhere (jail-paths.ts: it can, see there).

import type { PathLike, Stats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';

export interface Held {
  /** For functions of Node's that follow links: leads to this very thing, which is not a symbolic link. Valid until release. */
  readonly path: PathLike;

  /**
   * For functions that do not follow links (lstat, readlink, unlink, rename, mkdir, rmdir, symlink, link, lchown, lutimes): an
   * entry of this folder. `name` is one component, neither empty nor `.` nor `..`. Valid until release.
   */
  entry(name: string): PathLike;

  /** A folder in this folder. @throws ENOTDIR for anything else, a link to a folder included */
  enter(name: string): Promise<Held>;

  /** An entry of this folder whatever it is, a link itself if it is one; '' for this folder once more. Has no side effect. */
  hold(name: string): Promise<Held>;

  stat(): Promise<Stats>;

  /** Opens what is held, which the caller knows to be a regular file. Never with O_CREAT or O_EXCL. */
  open(flags: number): Promise<FileHandle>;

  /** Makes and opens a regular file in this folder. @throws EEXIST where the name is taken, by whatever it may be */
  create(name: string, flags: number, mode: number): Promise<FileHandle>;

  /** What statfs takes for the file system of a file opened here. */
  pathOfFile(file: FileHandle): PathLike;

  /** Looks again whether this is still where it was. Absent where it cannot be otherwise. @throws ENOENT */
  check?(): Promise<void>;

  /** Lets go; nothing of the above may be used after it. Once. */
  release(): void;
}
