// What a tree of files in memory is made of. A name is an entry of a folder's map and counts as a link of what it leads to; what
// has neither a name nor an open handle is freed.

import { S_IFDIR, S_IFLNK, S_IFREG, SFTPAttributes } from '../protocol/attributes.ts';
import { encodeName } from '../protocol/names.ts';
import { refusal } from './jail-refusal.ts';
import { MemoryContent } from './memory-content.ts';
import type { MemorySpace } from './memory-space.ts';

/** Bytes that a file, folder or link costs beside its content and its name. */
const NODE_BYTES = 512;
/** As on Linux. */
const MAX_NAME_BYTES = 255;

/** All permissions, setuid, setgid and sticky included: nothing runs from here. */
export const MODE_BITS = 0o7777;

/** What a file, a folder and a link have in common. */
abstract class Node {
  readonly kind: number;
  permissions: number;
  uid = 0;
  gid = 0;
  atimeMs: number;
  mtimeMs: number;
  /** Names in folders. */
  names = 0;
  readonly space: MemorySpace;
  readonly #cost: number;

  /** `bytes`: what it costs beside itself. @throws SFTPError ENOSPC */
  constructor(space: MemorySpace, kind: number, permissions: number, now: number, bytes = 0) {
    this.#cost = NODE_BYTES + bytes;
    space.take(this.#cost);
    this.space = space;
    this.kind = kind;
    this.permissions = permissions & MODE_BITS;
    this.atimeMs = now;
    this.mtimeMs = now;
  }

  abstract get size(): number;

  attributes(filename?: string): SFTPAttributes {
    const { size, uid, gid, atimeMs, mtimeMs } = this;
    return SFTPAttributes.fromStat({ size, uid, gid, mode: this.kind | this.permissions, atimeMs, mtimeMs }, filename);
  }

  /** The last name is gone. */
  free(): void {
    this.space.give(this.#cost);
  }
}

export class MemoryFile extends Node {
  readonly content: MemoryContent;
  #handles = 0;

  constructor(space: MemorySpace, permissions: number, now: number) {
    super(space, S_IFREG, permissions, now);
    this.content = new MemoryContent(space);
  }

  override get size(): number {
    return this.content.size;
  }

  /** @throws SFTPError EFBIG */
  truncate(size: number, now: number): void {
    this.content.truncate(size);
    this.mtimeMs = now;
  }

  opened(): void {
    this.#handles++;
  }

  closed(): void {
    this.#handles--;
    if (this.names === 0) this.free();
  }

  /** Without names it lives on as long as it is open. */
  override free(): void {
    if (this.#handles > 0) return;
    this.content.truncate(0);
    super.free();
  }
}

export class MemoryLink extends Node {
  readonly target: string;

  constructor(space: MemorySpace, target: string, now: number) {
    const bytes = encodeName(target).length;
    if (bytes === 0) throw refusal('ENOENT');
    if (bytes > 4095) throw refusal('ENAMETOOLONG');
    super(space, S_IFLNK, 0o777, now, bytes);
    this.target = target;
  }

  override get size(): number {
    return encodeName(this.target).length;
  }
}

export class MemoryFolder extends Node {
  /** Null for the root, and for a folder that has been removed. */
  parent: MemoryFolder | null = null;
  readonly #entries = new Map<string, MemoryNode>();

  constructor(space: MemorySpace, permissions: number, now: number) {
    super(space, S_IFDIR, permissions, now);
  }

  override get size(): number {
    return 4096;
  }

  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  /** What is there now. */
  entries(): readonly (readonly [name: string, node: MemoryNode])[] {
    return [...this.#entries];
  }

  get(name: string): MemoryNode | undefined {
    return this.#entries.get(name);
  }

  /** Gives `node` a name here; the name is free. @throws SFTPError ENOSPC, ENAMETOOLONG */
  add(name: string, node: MemoryNode, now: number): void {
    const bytes = encodeName(name).length;
    if (bytes > MAX_NAME_BYTES) throw refusal('ENAMETOOLONG');
    this.space.take(bytes);
    this.#entries.set(name, node);
    node.names++;
    if (node instanceof MemoryFolder) node.parent = this;
    this.mtimeMs = now;
  }

  /** Takes the name away; what it led to is freed if that was the last one. */
  drop(name: string, now: number): void {
    const node = this.detach(name, now);
    if (node?.names === 0) node.free();
  }

  /** Takes the name away from something that will get another. */
  detach(name: string, now: number): MemoryNode | undefined {
    const node = this.#entries.get(name);
    if (node === undefined) return undefined;
    this.#entries.delete(name);
    this.space.give(encodeName(name).length);
    node.names--;
    if (node instanceof MemoryFolder) node.parent = null;
    this.mtimeMs = now;
    return node;
  }

  /** Whether this is `folder` or below it. */
  isWithin(folder: MemoryFolder): boolean {
    for (let at: MemoryFolder | null = this; at !== null; at = at.parent) if (at === folder) return true;
    return false;
  }
}

export type MemoryNode = MemoryFile | MemoryFolder | MemoryLink;
