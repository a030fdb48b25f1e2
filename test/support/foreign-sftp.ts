// What the tests of foreign SFTP clients share: a folder that `amiko serve` shows twice, to write and to read only; files whose
// names are hard to carry; and whole trees as lines, so that "the same on both sides" is one comparison.

import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { type AmikoServe, startAmikoServe } from './amiko-serve.ts';
import { randomBytes, sha256, type TempDir, tempDir } from './peers.ts';

export interface ServedTwice extends AsyncDisposable {
  /** What is served. */
  readonly root: TempDir;
  readonly writable: AmikoServe;
  /** The same folder without `--write`. */
  readonly readOnly: AmikoServe;
  /** A new folder for one test: `there` is the server's, as we see it, `remote` as the client does, `here` the client's own. */
  place(name: string): { here: string; there: string; remote: string };
}

/** `args` are for both servers. */
export async function serveTwice(args: readonly string[] = []): Promise<ServedTwice> {
  const [root, local] = [tempDir(), tempDir()];
  const dispose = async (servers: readonly AmikoServe[]) => {
    for (const server of servers) await server[Symbol.asyncDispose]();
    await Promise.all([root.remove(), local.remove()]);
  };
  const servers: AmikoServe[] = [];
  try {
    for (const more of [['--write'], []]) servers.push(await startAmikoServe({ args: [...more, ...args, root.path] }));
  } catch (error) {
    await dispose(servers);
    throw error;
  }
  const [writable, readOnly] = servers as [AmikoServe, AmikoServe];
  return {
    root,
    writable,
    readOnly,
    place(name) {
      const [here, there] = [local.join(name), root.join(name)];
      for (const folder of [here, there]) mkdirSync(folder);
      return { here, there, remote: `/${name}` };
    },
    [Symbol.asyncDispose]: () => dispose([writable, readOnly]),
  };
}

/** A file that takes many requests. Bytes. */
export const BLOB_BYTES = 20_000_000;
let blob: Buffer | undefined;

export function blobBytes(): Buffer {
  blob ??= randomBytes(BLOB_BYTES, 'foreign');
  return blob;
}

/** The line of {@link treeOf} for it. */
export function blobLine(name: string): string {
  return `${name} ${BLOB_BYTES} ${sha256(blobBytes())}`;
}

/** The environment of a client that finds no settings but those of the test. */
export function homeAt(path: string): Readonly<Record<string, string | undefined>> {
  return { HOME: path, XDG_CONFIG_HOME: undefined, XDG_CACHE_HOME: undefined, XDG_DATA_HOME: undefined };
}

/** Joins a folder and the bytes of a name. */
export function join(folder: string, name: Uint8Array | string): Buffer {
  return Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(name)]);
}

/** A name that is not UTF-8. */
export const LATIN = Buffer.from('lat\xe9n', 'latin1');
/** What a name can hold; {@link LATIN} besides. */
export const NAMES = ['with space', 'ünïcödé 😀', 'new\nline', '-dash', "quote's", 'percent%41'] as const;

/** Makes `folder` with a large file, an empty one, one of each name, and folders below. */
export function fill(folder: string, names: readonly (string | Uint8Array)[] = [...NAMES, LATIN]): void {
  mkdirSync(`${folder}/sub/deeper`, { recursive: true });
  writeFileSync(`${folder}/blob`, blobBytes());
  writeFileSync(`${folder}/empty`, '');
  writeFileSync(`${folder}/sub/deeper/file`, 'below\n', { mode: 0o755 });
  for (const name of names) writeFileSync(join(folder, name), Buffer.concat([Buffer.from('this is '), Buffer.from(name)]));
}

/** Everything below a folder, one line each, by the bytes of the names. */
export function treeOf(folder: string | Buffer): string[] {
  const names = readdirSync(folder, { encoding: 'buffer' }).sort(Buffer.compare);
  return names.flatMap((bytes) => {
    const path = Buffer.concat([Buffer.from(folder), Buffer.from('/'), bytes]);
    const name = bytes.toString('latin1');
    const stats = lstatSync(path);
    if (stats.isSymbolicLink()) return [`${name} -> ${readlinkSync(path)}`];
    if (stats.isDirectory()) return [`${name}/`, ...treeOf(path).map((line) => `${name}/${line}`)];
    return [`${name} ${stats.size} ${sha256(readFileSync(path))}`];
  });
}

/** What the server's log says of the changes that it refused: `mkdir EROFS` and the like, each once. */
export function refusals(server: AmikoServe): string[] {
  const refused = server.events().filter(({ event, error }) => event === 'sftp' && error !== undefined);
  return [...new Set(refused.map(({ operation, error }) => `${operation} ${error}`))].sort();
}
