// What a transfer of a folder needs of either side. There is one plan (`folder.ts`) for all directions; which side is here and which
// is there it does not know.

import type { SFTPAttributes } from '../../protocol/attributes.ts';
import type { FileCount } from './progress.ts';

export interface Entry {
  readonly name: string;
  /** Of the entry itself, not of what a link leads to. */
  readonly attributes: SFTPAttributes;
}

export interface SourceTree {
  join(folder: string, name: string): string;
  /** Some entries at a time, without '.' and '..'. */
  list(folder: string): AsyncIterable<readonly Entry[]>;
  /** Of what a link leads to. */
  stat(path: string): Promise<SFTPAttributes>;
  readlink(path: string): Promise<string>;
  /** Without any links in it: two paths lead to one folder if these are the same. */
  realpath(path: string): Promise<string>;
}

export interface TargetTree {
  /** @throws where nothing on this side can be called so */
  join(folder: string, name: string): string;
  /** Makes it where it is missing. Only the topmost folder may be a link to one. */
  makeFolder(path: string, attributes: SFTPAttributes, topmost: boolean): Promise<void>;
  makeLink(path: string, target: string): Promise<void>;
  /** Mode and times of a folder into which nothing more comes. */
  finishFolder(path: string, attributes: SFTPAttributes): Promise<void>;
}

/** One file of a folder. */
export interface FileJob {
  /** What it is in. */
  readonly folder: { readonly from: string; readonly to: string };
  readonly from: string;
  readonly to: string;
  readonly attributes: SFTPAttributes;
  /** It was found behind a symbolic link. */
  readonly followed: boolean;
  readonly count: FileCount;
}
