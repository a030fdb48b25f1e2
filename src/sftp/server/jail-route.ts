// The way from the root of a jail to what a path names, component by component, and how `..` and symbolic links change it. Only
// text: who walks it looks at the files. `/` is the root and `..` of the root is the root, as after chroot(2).
//
// Invariant: when the walker has reached `names[at]`, all names before it are folders, none is `..`, and none is a link. So `..`
// means "without the last of these", and the walker begins again at the root; it never asks the system for `..`.

import { encodeName, isText } from '../protocol/names.ts';
import { refusal } from './jail-refusal.ts';

/** Bytes of a path, as Linux has it; also of what a link says. */
const MAX_PATH_BYTES = 4096;
/**
 * Folders that the walk for one path may enter, over all of its beginnings: `..` and links begin it again, and a client could
 * otherwise make thousands of look-ups of each byte of a path.
 */
const MAX_STEPS = 4096;

export class Route {
  /** What is to be walked, in order. */
  names: string[];
  /** The path ends as only a folder's may: in a slash, or a dot or two. */
  mustBeFolder = false;
  /** The path ends in `.` or `..`: fine to look at, not a name that could be made or removed. */
  endsInDots = false;
  #links = 0;
  #steps = 0;
  readonly #maxLinks: number;
  readonly #path: string;

  /** `home` is where a relative path begins. @throws SFTPError EINVAL, ENAMETOOLONG */
  constructor(path: string, home: readonly string[], maxLinks: number) {
    this.#path = path;
    this.#maxLinks = maxLinks;
    // The system would take a NUL for the end: what was checked would not be what is opened.
    if (path.includes('\0')) throw refusal('EINVAL');
    if (!isText(path) && !hasBytes(path)) throw refusal('EINVAL');
    if (path.length * 3 > MAX_PATH_BYTES && encodeName(path).length > MAX_PATH_BYTES) throw refusal('ENAMETOOLONG');
    this.names = path.startsWith('/') ? [] : [...home];
    this.#append(path);
    const last = path.slice(path.lastIndexOf('/') + 1);
    this.endsInDots = last === '.' || last === '..';
  }

  /** Counts a folder that is entered. @throws SFTPError ELOOP */
  step(): void {
    if (++this.#steps > MAX_STEPS) throw refusal('ELOOP', this.#path);
  }

  /** `names[at]` is `..`. */
  up(at: number): void {
    this.names.splice(Math.max(0, at - 1), at === 0 ? 1 : 2);
  }

  /** `names[at]` is a link that says `target`. @throws SFTPError ELOOP */
  follow(at: number, target: string): void {
    this.countLink();
    const rest = this.names.slice(at + 1);
    this.names.length = target.startsWith('/') ? 0 : at;
    const mustBeFolder = this.mustBeFolder;
    this.#append(target);
    // A slash at the end of a target says something about the path only where the target is its end.
    if (rest.length > 0) this.mustBeFolder = mustBeFolder;
    this.names.push(...rest);
  }

  /** @throws SFTPError ELOOP */
  countLink(): void {
    if (++this.#links > this.#maxLinks) throw refusal('ELOOP', this.#path);
  }

  /** What can be said without looking: for paths that lead nowhere. */
  byName(): string {
    const kept: string[] = [];
    for (const name of this.names) {
      if (name === '..') kept.pop();
      else kept.push(name);
    }
    return `/${kept.join('/')}`;
  }

  #append(path: string): void {
    const parts = path.split('/');
    const last = parts.at(-1);
    if (last === '' || last === '.' || last === '..') this.mustBeFolder = true;
    for (const part of parts) if (part !== '' && part !== '.') this.names.push(part);
  }
}

function hasBytes(path: string): boolean {
  try {
    encodeName(path);
    return true;
  } catch {
    return false;
  }
}
