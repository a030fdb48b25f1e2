// Local names. Inside, a path is a string in which bytes that are not UTF-8 are lone surrogates, as for remote names (`names.ts`):
// such a name arrives as the same bytes. What the server calls a file becomes a local name here and nowhere else, and only where
// it names an entry of the folder that it is listed in: the class of CVE-2019-6111 and JSch CVE-2016-5725.

import { dirname, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { printable, SFTPError, UsageError } from '../../../errors.ts';
import { encodeName, isText, textOf } from '../../protocol/names.ts';
import type { LocalPath } from './options.ts';

const windows = process.platform === 'win32';

/** @throws UsageError for a NUL and for what is no path, TypeError for a URL of another kind */
export function localPath(path: LocalPath): string {
  // What other libraries take in the same place.
  if (typeof path === 'object' && path !== null && !(path instanceof URL || path instanceof Uint8Array)) {
    throw new UsageError('not a local path; streams and all else that gives or takes bytes are for putfo and getfo');
  }
  const text = path instanceof URL ? fileURLToPath(path) : textOf(path);
  if (text.includes('\0')) throw new UsageError('a path holds a NUL character');
  if (text === '') throw new UsageError('an empty local path');
  return text;
}

/** What Node's file functions take. */
export function forNode(path: string): string | Buffer {
  return windows || isText(path) ? path : Buffer.from(encodeName(path));
}

/** The path of an entry of a folder. Nothing is resolved: `x/..` is not here where `x` is a link. */
export function join(folder: string, name: string): string {
  return folder.endsWith('/') || folder.endsWith(sep) ? folder + name : folder + sep + name;
}

/** Names of devices, in every folder of Windows and with any extension. */
const DEVICES = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?$/i;

/** The path of what is to be called `name` in `folder`. @throws SFTPError EINVAL for what is no name of an entry here */
export function localEntry(folder: string, name: string): string {
  if (!isLocalName(name, windows)) {
    throw new SFTPError('EINVAL', `no file here can be called '${printable(name)}'`, { operation: 'get', path: folder });
  }
  return join(folder, name);
}

/** Whether a name stands for an entry of a folder, and for nothing else. */
export function isLocalName(name: string, onWindows: boolean): boolean {
  if (name === '' || name === '.' || name === '..' || name.includes('/') || name.includes('\0')) return false;
  if (!onWindows) return true;
  // Streams (a:b), drives (c:), other separators; and what Windows drops silently from the end, which makes one name of two.
  if (/[\\:*?"<>|]/.test(name) || /[. ]$/.test(name) || DEVICES.test(name)) return false;
  return [...name].every((character) => character >= ' ');
}

export { dirname as parent };
