// Paths as callers give them, made into the names that go to the server, and the working folder that the protocol does not have:
// relative paths are joined to it here. Names are only ever joined with '/', never resolved: '..' is the server's to understand,
// since it knows the links.

import { UsageError } from '../../errors.ts';
import { encodeName, type Path, textOf } from '../protocol/names.ts';

/** @throws UsageError for what is no path, and for a NUL: no file has it in its name, and servers end the session over it */
export function nameOf(path: Path): string {
  const name = textOf(path);
  if (name.includes('\0')) throw new UsageError('a path holds a NUL character');
  return name;
}

/** What names come as: text, in which bytes that are not UTF-8 are U+DC80 to U+DCFF, or the bytes, or those in other digits. */
export type NameEncoding = BufferEncoding | 'buffer' | null;

/** As fs gives out names. */
export function inEncoding(name: string, encoding: NameEncoding | undefined): string | Buffer {
  if (isPlain(encoding)) return name;
  const bytes = Buffer.from(encodeName(name));
  return encoding === 'buffer' ? bytes : bytes.toString(encoding as BufferEncoding);
}

/** Whether names come as text. */
export function isPlain(encoding: NameEncoding | undefined): boolean {
  return encoding === undefined || encoding === null || encoding === 'utf8' || encoding === 'utf-8';
}

/** The path of what is called `name` in `folder`. */
export function join(folder: string, name: string): string {
  if (folder === '' || name.startsWith('/')) return name;
  return folder.endsWith('/') ? folder + name : `${folder}/${name}`;
}

/** The folder that a path is in, as text: '.' for a bare name, '/' for what is below the root. */
export function parentOf(name: string): string {
  const bare = withoutTrailingSlashes(name);
  const slash = bare.lastIndexOf('/');
  if (slash < 0) return '.';
  return slash === 0 ? '/' : withoutTrailingSlashes(bare.slice(0, slash));
}

/** What stands behind the last '/'. */
export function baseOf(name: string): string {
  const bare = withoutTrailingSlashes(name);
  return bare.slice(bare.lastIndexOf('/') + 1);
}

export function withoutTrailingSlashes(name: string): string {
  let end = name.length;
  while (end > 1 && name[end - 1] === '/') end--;
  return name.slice(0, end);
}

/** Where relative paths begin; null for wherever the server has them begin. */
export class WorkingFolder {
  current: string | null = null;

  at(path: Path): string {
    const name = nameOf(path);
    return this.current === null ? name : join(this.current, name);
  }
}
