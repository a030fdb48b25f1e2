// A folder as a world of its own: finds what a path names below a root and hands it to an operation, in a form in which the
// operation can't reach anything else. Nothing outside of the root is reachable: `..` of the root is the root, absolute paths
// and absolute links begin at the root (as after chroot(2)), and links are read and walked here, never by the system.
//
// Knows nothing of SFTP. jail-route.ts has the rules for paths, jail-descriptors.ts and jail-paths.ts what holds on to files.

import type { PathLike, Stats } from 'node:fs';
import { type FileHandle, lstat, readlink } from 'node:fs/promises';
import { decodeName } from '../protocol/names.ts';
import { DescriptorHeld } from './jail-descriptors.ts';
import type { Held } from './jail-held.ts';
import { PathHeld } from './jail-paths.ts';
import { codeOf, refusal } from './jail-refusal.ts';
import { Route } from './jail-route.ts';

/** What a visit returns where it has met a symbolic link and wants what the link leads to. */
export const FOLLOW: unique symbol = Symbol('follow');

/** As many links in one path as Linux follows. */
const MAX_LINKS = 40;

/** Paths for which `canonical` has an answer although they can't be walked to their end. */
const LEADS_NOWHERE: readonly (string | undefined)[] = ['ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP'];

export interface JailOptions {
  /** Where relative paths begin; absolute, inside. Default `/`. */
  readonly home?: string;
  /** False: a path through a link leads nowhere (ELOOP). Default true. */
  readonly followSymlinks?: boolean;
  /** `paths` is for the tests. Default: descriptors where the system has them. */
  readonly mechanism?: 'paths';
}

/** Where a path has led: a name in a folder that is inside; there may or may not be something under it, a link for example. */
export interface Spot {
  readonly folder: Held;
  /** One component; '' for the root itself. */
  readonly name: string;
  /** The names from the root to here, this one included; none is a link, but this one may be. */
  readonly names: readonly string[];
  /** The path ended in a slash or in dots. */
  readonly mustBeFolder: boolean;
  /** The path ended in `.` or `..`. */
  readonly endsInDots: boolean;
}

export class Jail {
  readonly #root: Held;
  readonly #home: readonly string[];
  readonly #maxLinks: number;
  /** Operations under way. The root stays until they are over: its descriptor's number would soon mean another folder. */
  #users = 0;
  #closed = false;

  /** The folder is the one that is at `root` now; another that comes to be there later is not served. @throws errors of Node's */
  constructor(root: string, options: JailOptions = {}) {
    this.#home = new Route(options.home ?? '/', [], 0).byName().split('/').filter(Boolean);
    this.#maxLinks = options.followSymlinks === false ? 0 : MAX_LINKS;
    this.#root = (options.mechanism === 'paths' ? null : DescriptorHeld.root(root)) ?? PathHeld.root(root);
  }

  /** Whether no race can lead out: see jail-paths.ts for what is the case otherwise. */
  get isRaceFree(): boolean {
    return this.#root instanceof DescriptorHeld;
  }

  /** Where relative paths begin. */
  get home(): string {
    return `/${this.#home.join('/')}`;
  }

  /**
   * Walks to `path` and calls `visit` there. What the spot names is valid until the visit has settled. A visit may return
   * {@link FOLLOW}, and is then made again at what the link leads to, which may be nothing.
   *
   * @throws SFTPError EINVAL, ENAMETOOLONG, ELOOP, EBADF after {@link close}; errors of Node's; what `visit` throws
   */
  async walk<T>(path: string, visit: (spot: Spot) => Promise<T | typeof FOLLOW>): Promise<T> {
    return this.#walk(new Route(path, this.#home, this.#maxLinks), visit);
  }

  /** The path without links, `.` and `..`. Where it leads nowhere: as far as it can be told, and the rest by name. */
  async canonical(path: string): Promise<string> {
    const route = new Route(path, this.#home, this.#maxLinks);
    try {
      return await this.#walk(route, async ({ folder, name, names }) =>
        name !== '' && (await linkText(folder, name)) !== null ? FOLLOW : `/${names.join('/')}`,
      );
    } catch (error) {
      if (LEADS_NOWHERE.includes(codeOf(error))) return route.byName();
      throw error;
    }
  }

  /** What statfs takes for the file system of a file that was opened here. */
  pathOfFile(file: FileHandle): PathLike {
    return this.#root.pathOfFile(file);
  }

  /** Lets go of the root when what is under way is over. Once is enough, more do no harm. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#users === 0) this.#root.release();
  }

  async #walk<T>(route: Route, visit: (spot: Spot) => Promise<T | typeof FOLLOW>): Promise<T> {
    if (this.#closed) throw refusal('EBADF');
    this.#users++;
    try {
      for (;;) {
        const result = await this.#fromRoot(route, visit);
        if (result !== FOLLOW) return result;
      }
    } finally {
      if (--this.#users === 0 && this.#closed) this.#root.release();
    }
  }

  /** Once along the route; FOLLOW where `..` or a link has changed it. */
  async #fromRoot<T>(route: Route, visit: (spot: Spot) => Promise<T | typeof FOLLOW>): Promise<T | typeof FOLLOW> {
    let folder = this.#root;
    try {
      for (let at = 0; ; at++) {
        const name = route.names[at] ?? '';
        if (name === '..') {
          route.up(at);
          return FOLLOW;
        }
        if (at >= route.names.length - 1) {
          await folder.check?.();
          const result = await visit(spotOf(route, folder, name));
          if (result !== FOLLOW) return result;
          await followLink(route, at, folder, name);
          return FOLLOW;
        }
        route.step();
        const next = await enter(folder, name);
        if (next === null) {
          await followLink(route, at, folder, name);
          return FOLLOW;
        }
        if (folder !== this.#root) folder.release();
        folder = next;
      }
    } finally {
      if (folder !== this.#root) folder.release();
    }
  }
}

/** Of the thing itself, not of what a link leads to. */
export function lstatOf({ folder, name }: Spot): Promise<Stats> {
  return name === '' ? folder.stat() : lstat(folder.entry(name));
}

/** What is at the spot, itself, for a function that does not follow links. @throws SFTPError EBUSY for the root, EINVAL for dots */
export function entryOf({ folder, name, endsInDots }: Spot): PathLike {
  if (endsInDots) throw refusal('EINVAL');
  if (name === '') throw refusal('EBUSY');
  return folder.entry(name);
}

function spotOf(route: Route, folder: Held, name: string): Spot {
  const { names, mustBeFolder, endsInDots } = route;
  return { folder, name, names, mustBeFolder, endsInDots };
}

/** Null for a link. @throws ENOTDIR for anything else that is no folder */
async function enter(folder: Held, name: string): Promise<Held | null> {
  try {
    return await folder.enter(name);
  } catch (error) {
    if (codeOf(error) !== 'ENOTDIR') throw error;
    if ((await linkText(folder, name)) === null) throw error;
    return null;
  }
}

async function followLink(route: Route, at: number, folder: Held, name: string): Promise<void> {
  const text = await linkText(folder, name);
  // Where the link has just been replaced by something else, that is what is looked at next; it counts, or it could go on so.
  if (text === null) route.countLink();
  else route.follow(at, text);
}

/** What a link says, null for what is no link or is not there. */
async function linkText(folder: Held, name: string): Promise<string | null> {
  try {
    return decodeName(await readlink(folder.entry(name), { encoding: 'buffer' }));
  } catch (error) {
    const code = codeOf(error);
    // UNKNOWN is Windows' word for "no link".
    if (code === 'EINVAL' || code === 'ENOENT' || code === 'UNKNOWN') return null;
    throw error;
  }
}
