// Held by path, where there is no /proc/self/fd (macOS, Windows, a container without /proc).
//
// What this guarantees: no name and no link leads out, as long as nobody moves folders while an operation runs. What it does
// not: whoever may rename inside of the root on this machine (another program, or a second session with write access) and
// swaps a folder for a link at the right moment, between the check and the use, may make one operation work on a file
// outside. The check is repeated right before each operation and after each opening of a file (it must be the very file that
// was looked at, and still be inside), and a file is truncated only after that, so the moment is short and has to be met more
// than once; but it exists. Where that matters, serve from Linux.

import { constants, lstatSync, type PathLike, realpathSync, type Stats } from 'node:fs';
import { type FileHandle, lstat, open, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { encodeName, isText } from '../protocol/names.ts';
import type { Held } from './jail-held.ts';
import { refusal } from './jail-refusal.ts';

// Windows has none of these.
const { O_CREAT, O_EXCL, O_NOCTTY = 0, O_NOFOLLOW = 0, O_NONBLOCK = 0, O_TRUNC } = constants;

/** Which file it is. */
interface Identity {
  readonly dev: bigint;
  readonly ino: bigint;
}

export class PathHeld implements Held {
  readonly #root: string;
  readonly #path: string;
  readonly #identity: Identity;

  private constructor(root: string, path: string, identity: Identity) {
    this.#root = root;
    this.#path = path;
    this.#identity = identity;
  }

  /** @throws an error of Node's where there is no such folder */
  static root(path: string): PathHeld {
    const root = realpathSync.native(path);
    const found = lstatSync(root, { bigint: true });
    if (!found.isDirectory()) throw refusal('ENOTDIR');
    return new PathHeld(root, root, found);
  }

  get path(): PathLike {
    return asPath(this.#path);
  }

  entry(name: string): PathLike {
    return asPath(this.#join(name));
  }

  async enter(name: string): Promise<Held> {
    const path = this.#join(name);
    const found = await lstat(asPath(path), { bigint: true });
    if (!found.isDirectory()) throw refusal('ENOTDIR');
    return new PathHeld(this.#root, path, found);
  }

  async hold(name: string): Promise<Held> {
    if (name === '') return this;
    const path = this.#join(name);
    const found = await lstat(asPath(path), { bigint: true });
    await this.check();
    return new PathHeld(this.#root, path, found);
  }

  async stat(): Promise<Stats> {
    const stats = await lstat(this.path);
    await this.check();
    return stats;
  }

  async open(flags: number): Promise<FileHandle> {
    const file = await open(this.path, (flags & ~O_TRUNC) | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
    try {
      if (!same(await file.stat({ bigint: true }), this.#identity)) throw refusal('ENOENT');
      await this.check();
      if (flags & O_TRUNC) await file.truncate();
      return file;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async create(name: string, flags: number, mode: number): Promise<FileHandle> {
    const file = await open(this.entry(name), flags | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, mode);
    try {
      await this.check();
      return file;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  pathOfFile(): PathLike {
    return asPath(this.#root);
  }

  async check(): Promise<void> {
    // A link itself is where its folder is; everything else must still be what it was.
    const path = await lstat(this.path, { bigint: true });
    if (!same(path, this.#identity)) throw refusal('ENOENT');
    if (path.isSymbolicLink()) return;
    const real = await realpath(this.path, { encoding: 'buffer' });
    if (!isInside(real, this.#root) || !same(await lstat(real, { bigint: true }), this.#identity)) throw refusal('ENOENT');
  }

  release(): void {}

  #join(name: string): string {
    if (!isName(name, process.platform)) throw refusal('ENOENT');
    return join(this.#path, name);
  }
}

/** @internal Whether the system takes this for one name of one file, and for nothing else. */
export function isName(name: string, platform: NodeJS.Platform): boolean {
  if (name === '' || name === '.' || name === '..' || name.includes('/')) return false;
  if (platform !== 'win32') return true;
  // Separators, drives and streams (`C:`, `file:stream`), what Windows cuts off at the end, and devices, which are in every folder.
  if (/[\\/:*?"<>|]/.test(name) || hasControl(name) || /[. ]$/.test(name) || !isText(name)) return false;
  return !/^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9\u00b9\u00b2\u00b3])[ ]*(\.|$)/i.test(name);
}

function hasControl(name: string): boolean {
  for (let at = 0; at < name.length; at++) if (name.charCodeAt(at) < 0x20) return true;
  return false;
}

function asPath(path: string): PathLike {
  return isText(path) ? path : Buffer.from(encodeName(path));
}

function isInside(real: Buffer, root: string): boolean {
  const folder = Buffer.from(root.endsWith(sep) ? root : root + sep);
  return real.equals(Buffer.from(root)) || real.subarray(0, folder.length).equals(folder);
}

function same(one: Identity, other: Identity): boolean {
  return one.dev === other.dev && one.ino === other.ino;
}
