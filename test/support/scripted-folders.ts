// Answers of scripted servers that have folders with entries of all kinds, and files of any size.

import { Attrs, Handle, Opendir, Readdir, Stat } from '../../src/sftp/protocol/messages.ts';
import { SFTP_EOF } from '../../src/sftp/protocol/status.ts';
import type { SFTPAttributes } from '../../src/sftp.ts';
import { type Answers, attributesOf, nameFor } from './scripted-client.ts';
import { idOf, statusFor } from './scripted-sftp.ts';

export const FOLDER = 0o040755;
export const FILE = 0o100644;
export const LINK = 0o120777;

export const says =
  (attributes: SFTPAttributes): Answers =>
  (packet) => [Attrs.encode({ id: idOf(packet), attributes })];
export const refuses =
  (status: number): Answers =>
  (packet) => [statusFor(packet, status)];
export const isFolder = says(attributesOf({ stMode: FOLDER }));
export const isFile = (stSize?: number) => says(attributesOf({ stMode: FILE, ...(stSize !== undefined && { stSize }) }));

/** Folders by their path, each given out once per OPENDIR; all other requests are answered as by a server with one small file. */
export function folders(tree: Readonly<Record<string, readonly SFTPAttributes[]>>) {
  const open: { entries: readonly SFTPAttributes[]; given: boolean }[] = [];
  return [
    [Stat, isFolder],
    [
      Opendir,
      (packet) => {
        const { path } = Opendir.decode(packet);
        open.push({ entries: tree[path] ?? [], given: false });
        return [Handle.encode({ id: idOf(packet), handle: Uint8Array.of(200, open.length >> 8, open.length & 255) })];
      },
    ],
    [
      Readdir,
      (packet) => {
        const [, high = 0, low = 0] = Readdir.decode(packet).handle;
        const folder = open[high * 256 + low - 1];
        if (folder === undefined || folder.given) return [statusFor(packet, SFTP_EOF)];
        folder.given = true;
        return [nameFor(packet, ...folder.entries)];
      },
    ],
  ] as [{ readonly number: number }, Answers][];
}

/** The same entries in every folder. */
export function everywhere(entries: readonly SFTPAttributes[]): Record<string, readonly SFTPAttributes[]> {
  return new Proxy({}, { get: () => entries });
}
