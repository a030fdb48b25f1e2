// A tree of files in memory: what MemoryFileSystem shows to sessions, and what a program fills and looks at besides. Paths mean
// what they mean in a real file system, links and `..` included (jail-route.ts).

import { encodeUtf8 } from '../../bytes/bytes.ts';
import { UsageError } from '../../errors.ts';
import { codeOf, refusal } from './jail-refusal.ts';
import { Route } from './jail-route.ts';
import { MemoryFile, MemoryFolder, MemoryLink, type MemoryNode } from './memory-nodes.ts';
import { MemorySpace } from './memory-space.ts';

const MAX_LINKS = 40;
/** Paths that have a canonical form although they can't be walked to their end. */
const LEADS_NOWHERE: readonly (string | undefined)[] = ['ENOENT', 'ENOTDIR', 'ELOOP'];
const DEFAULT_BYTES = 256 * 1024 * 1024;

/** Files by name: text or bytes are a file, an object is a folder; a key may be a path, and its folders are made. */
export interface MemoryContents {
  readonly [name: string]: string | Uint8Array | MemoryContents;
}

export interface MemoryFilesOptions {
  /** Bytes that all files, folders and names may take together. Default 256 MiB. */
  readonly maxBytes?: number;
  /** The clock, in milliseconds since 1970. Default `Date.now`. */
  readonly now?: () => number;
}

export type Follow = 'always' | 'folders' | 'never';

/** Where a path has led. */
export interface MemorySpot {
  readonly folder: MemoryFolder;
  /** '' for the root. */
  readonly name: string;
  readonly node: MemoryNode | undefined;
  /** The path ended in a slash or in dots. */
  readonly mustBeFolder: boolean;
  /** The path ended in `.` or `..`. */
  readonly endsInDots: boolean;
}

/**
 * Files in memory, shared by all sessions that are given them. The methods are for the program that serves them, and throw
 * errors with Node's codes (`ENOENT`, ...).
 *
 * @example
 * const files = memoryFiles({ 'readme.txt': 'hello\n', data: { 'a.bin': new Uint8Array(1024) } });
 * transport.setSubsystemHandler('sftp', SFTPServer, MemoryFileSystem, files);
 * files.writeFile('/data/b.txt', 'added while it is being served');
 */
export class MemoryFiles {
  readonly root: MemoryFolder;
  readonly space: MemorySpace;
  readonly now: () => number;

  constructor(contents: MemoryContents = {}, options: MemoryFilesOptions = {}) {
    const { maxBytes = DEFAULT_BYTES, now = Date.now } = options;
    if (!Number.isSafeInteger(maxBytes) || maxBytes < 0) throw new UsageError('maxBytes is not a number of bytes');
    this.now = now;
    this.space = new MemorySpace(maxBytes);
    this.root = new MemoryFolder(this.space, 0o755, now());
    this.root.names = 1;
    this.#fill('', contents);
  }

  /** Bytes that the tree takes, of the `maxBytes` that it may. */
  get usedBytes(): number {
    return this.space.used;
  }

  /** A copy of a file's content. @throws SFTPError */
  readFile(path: string): Uint8Array {
    const { node } = this.find(path);
    if (node === undefined) throw refusal('ENOENT', path);
    if (!(node instanceof MemoryFile)) throw refusal('EISDIR', path);
    const content = new Uint8Array(node.size);
    node.content.read(content, 0);
    return content;
  }

  /** Makes a file, with the folders above it, or replaces its content. @throws SFTPError */
  writeFile(path: string, content: string | Uint8Array): void {
    const bytes = typeof content === 'string' ? encodeUtf8(content) : content;
    this.mkdir(path.slice(0, Math.max(0, path.lastIndexOf('/'))));
    const spot = this.find(path);
    if (spot.node instanceof MemoryFolder) throw refusal('EISDIR', path);
    const file = spot.node instanceof MemoryFile ? spot.node : new MemoryFile(this.space, 0o644, this.now());
    if (spot.node === undefined) this.place(spot, file);
    file.content.truncate(0);
    file.content.write(bytes, 0);
    file.mtimeMs = this.now();
  }

  /** Makes a folder, with those above it; one that is there already is fine. @throws SFTPError */
  mkdir(path: string): void {
    let made = path.startsWith('/') ? '/' : '';
    for (const name of path.split('/')) {
      if (name === '') continue;
      made += `${name}/`;
      const spot = this.find(made);
      if (spot.node === undefined) this.place(spot, new MemoryFolder(this.space, 0o755, this.now()));
    }
  }

  /** Makes a symbolic link that says `target`. @throws SFTPError */
  symlink(target: string, path: string): void {
    const spot = this.find(path, 'never');
    if (spot.node !== undefined) throw refusal('EEXIST', path);
    this.place(spot, new MemoryLink(this.space, target, this.now()));
  }

  /** Removes a file, a link, or a folder with all that is in it; what is not there is fine. @throws SFTPError EBUSY for the root */
  remove(path: string): void {
    const { folder, name, node } = this.find(path, 'never');
    if (name === '') throw refusal('EBUSY', path);
    if (node === undefined) return;
    const empty = (inner: MemoryFolder): void => {
      for (const [entry, below] of inner.entries()) {
        if (below instanceof MemoryFolder) empty(below);
        inner.drop(entry, this.now());
      }
    };
    if (node instanceof MemoryFolder) empty(node);
    folder.drop(name, this.now());
  }

  /** The names in a folder. @throws SFTPError */
  list(path: string): string[] {
    const { node } = this.find(path);
    if (node === undefined) throw refusal('ENOENT', path);
    if (!(node instanceof MemoryFolder)) throw refusal('ENOTDIR', path);
    return node.entries().map(([name]) => name);
  }

  /**
   * @internal Walks to `path`. A link at its end is followed always, where the path ends as only a folder's may, or never, which
   * is for names that are made, removed or replaced. @throws SFTPError
   */
  find(path: string, follow: Follow = 'always'): MemorySpot {
    return this.#find(new Route(path, [], MAX_LINKS), follow);
  }

  /** @internal The path without links, `.` and `..`; where it leads nowhere, the rest by name. @throws SFTPError */
  canonical(path: string): string {
    const route = new Route(path, [], MAX_LINKS);
    try {
      this.#find(route, 'always');
    } catch (error) {
      if (!LEADS_NOWHERE.includes(codeOf(error))) throw error;
    }
    return route.byName();
  }

  /** @internal Gives something new the free name that a path has led to. @throws SFTPError, and then `node` is freed */
  place({ folder, name, mustBeFolder }: MemorySpot, node: MemoryNode): void {
    try {
      if (mustBeFolder && !(node instanceof MemoryFolder)) throw refusal('ENOENT', name);
      folder.add(name, node, this.now());
    } catch (error) {
      node.free();
      throw error;
    }
  }

  #find(route: Route, follow: Follow): MemorySpot {
    for (;;) {
      const spot = this.#walk(route, follow);
      if (spot !== null) return spot;
    }
  }

  /** Once along the route from the root; null where `..` or a link has changed it. */
  #walk(route: Route, follow: Follow): MemorySpot | null {
    const { names, mustBeFolder, endsInDots } = route;
    let folder = this.root;
    for (let at = 0; ; at++) {
      const name = names[at] ?? '';
      if (name === '..') {
        route.up(at);
        return null;
      }
      const isLast = at >= names.length - 1;
      const node = name === '' ? folder : folder.get(name);
      if (node instanceof MemoryLink && (!isLast || follow === 'always' || (follow === 'folders' && mustBeFolder))) {
        route.follow(at, node.target);
        return null;
      }
      if (isLast) {
        if (mustBeFolder && node !== undefined && !(node instanceof MemoryFolder)) throw refusal('ENOTDIR');
        return { folder, name, node, mustBeFolder, endsInDots };
      }
      if (node === undefined) throw refusal('ENOENT');
      if (!(node instanceof MemoryFolder)) throw refusal('ENOTDIR');
      route.step();
      folder = node;
    }
  }

  #fill(folder: string, contents: MemoryContents): void {
    for (const [name, content] of Object.entries(contents)) {
      const path = `${folder}/${name}`;
      if (typeof content === 'string' || content instanceof Uint8Array) {
        this.writeFile(path, content);
      } else {
        this.mkdir(path);
        this.#fill(path, content);
      }
    }
  }
}

/** A tree of files in memory; see {@link MemoryFiles}. */
export function memoryFiles(contents: MemoryContents = {}, options: MemoryFilesOptions = {}): MemoryFiles {
  return new MemoryFiles(contents, options);
}
