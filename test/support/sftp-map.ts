// A file system of a Map, small enough to be obviously right: what tests of the SFTP server serve. Every hook is there, every call
// is written down, and a test can hold any of them back.
import { constants } from 'node:fs';
import {
  type Eventually,
  type Listing,
  SFTP_FAILURE,
  SFTP_NO_SUCH_FILE,
  SFTP_OK,
  SFTPAttributes,
  SFTPHandle,
  SFTPServerInterface,
  type SFTPStatus,
  type Statvfs,
} from '../../src/sftp.ts';
import { ServerInterface } from '../../src/transport/server-interface.ts';

/** Text is a file, null a folder, an object a symbolic link. */
export type Node = string | null | { readonly link: string };

export class MapFiles extends SFTPServerInterface {
  readonly nodes: Map<string, Node>;
  readonly modes = new Map<string, number>();
  /** `mkdir /a`, in the order in which the hooks were called. */
  readonly calls: string[] = [];
  /** Is waited for before a call does anything. */
  gate: (call: string) => Eventually<unknown> = () => {};
  opened = 0;
  closed = 0;
  started = 0;
  ended = 0;

  constructor(nodes: Readonly<Record<string, Node>> = {}, server: ServerInterface = new ServerInterface()) {
    super(server);
    this.nodes = new Map(Object.entries({ '/': null, ...nodes }));
  }

  override sessionStarted(): void {
    this.started++;
  }

  override sessionEnded(): void {
    this.calls.push('ended');
    this.ended++;
  }

  override async open(name: string, flags: number, attributes: SFTPAttributes): Promise<SFTPHandle | SFTPStatus> {
    const path = await this.call('open', name);
    const node = this.nodes.get(path);
    if (node === undefined && !(flags & constants.O_CREAT)) return SFTP_NO_SUCH_FILE;
    if (node === null) throw errno('EISDIR');
    if (node !== undefined && flags & constants.O_EXCL) throw errno('EEXIST');
    this.#inFolder(path);
    if (node === undefined || flags & constants.O_TRUNC) this.nodes.set(path, '');
    if (attributes.stMode !== undefined) this.modes.set(path, attributes.stMode);
    this.opened++;
    return new MapHandle(this, path, flags);
  }

  override async listFolder(name: string): Promise<Listing | SFTPStatus> {
    const path = await this.call('listFolder', name);
    if (this.nodes.get(path) !== null) throw errno('ENOTDIR');
    const below = path === '/' ? '/' : `${path}/`;
    const names = [...this.nodes.keys()].filter((each) => each.startsWith(below) && each.length > below.length);
    const own = names.map((each) => each.slice(below.length)).filter((each) => !each.includes('/'));
    return own.sort().map((each) => Object.assign(this.about(below + each), { filename: each }));
  }

  override async stat(name: string): Promise<SFTPAttributes | SFTPStatus> {
    const path = await this.call('stat', name);
    const node = this.nodes.get(path);
    return this.about(typeof node === 'object' && node !== null ? node.link : path);
  }

  override async lstat(name: string): Promise<SFTPAttributes | SFTPStatus> {
    return this.about(await this.call('lstat', name));
  }

  override async remove(name: string): Promise<SFTPStatus> {
    const path = await this.call('remove', name);
    if (this.nodes.get(path) === null) throw errno('EISDIR');
    return this.nodes.delete(path) ? SFTP_OK : SFTP_NO_SUCH_FILE;
  }

  override async rename(from: string, to: string): Promise<SFTPStatus> {
    await this.call('rename', from, to);
    if (this.nodes.has(absolute(to))) return SFTP_FAILURE;
    return this.#move(absolute(from), absolute(to));
  }

  override async posixRename(from: string, to: string): Promise<SFTPStatus> {
    await this.call('posixRename', from, to);
    return this.#move(absolute(from), absolute(to));
  }

  override async mkdir(name: string, attributes: SFTPAttributes): Promise<SFTPStatus> {
    const path = await this.call('mkdir', name);
    if (this.nodes.has(path)) throw errno('EEXIST');
    this.#inFolder(path);
    this.nodes.set(path, null);
    if (attributes.stMode !== undefined) this.modes.set(path, attributes.stMode);
    return SFTP_OK;
  }

  override async rmdir(name: string): Promise<SFTPStatus> {
    const path = await this.call('rmdir', name);
    if (this.nodes.get(path) !== null) throw errno(this.nodes.has(path) ? 'ENOTDIR' : 'ENOENT');
    for (const each of this.nodes.keys()) if (each.startsWith(`${path}/`)) throw errno('ENOTEMPTY');
    this.nodes.delete(path);
    return SFTP_OK;
  }

  override async chattr(name: string, attributes: SFTPAttributes): Promise<SFTPStatus> {
    const path = await this.call('chattr', name);
    return this.change(path, attributes);
  }

  override async lchattr(name: string, attributes: SFTPAttributes): Promise<SFTPStatus> {
    const path = await this.call('lchattr', name);
    return this.change(path, attributes);
  }

  override async readlink(name: string): Promise<string | SFTPStatus> {
    const node = this.nodes.get(await this.call('readlink', name));
    if (typeof node !== 'object' || node === null) throw errno('EINVAL');
    return node.link;
  }

  override async symlink(target: string, name: string): Promise<SFTPStatus> {
    await this.call('symlink', target, name);
    this.nodes.set(absolute(name), { link: target });
    return SFTP_OK;
  }

  override async link(from: string, to: string): Promise<SFTPStatus> {
    await this.call('link', from, to);
    this.nodes.set(absolute(to), this.nodes.get(absolute(from)) ?? '');
    return SFTP_OK;
  }

  override async statvfs(name: string): Promise<Statvfs | SFTPStatus> {
    await this.call('statvfs', name);
    return SPACE;
  }

  override async homeDirectory(username: string): Promise<string | SFTPStatus> {
    await this.call('homeDirectory', username);
    return username === '' ? '/home/me' : username === 'you' ? '/home/you' : SFTP_NO_SUCH_FILE;
  }

  override async usersGroupsById(uids: readonly number[], gids: readonly number[]) {
    await this.call('usersGroupsById', `${uids} ${gids}`);
    return { usernames: uids.map((id) => (id === 0 ? 'root' : '')), groupnames: gids.map((id) => `group${id}`) };
  }

  // ---- for the handles and the tests

  /** Writes the call down, waits at the gate, and resolves with the first path in its absolute form. */
  async call(name: string, ...paths: readonly string[]): Promise<string> {
    const call = [name, ...paths].join(' ');
    this.calls.push(call);
    await this.gate(call);
    return absolute(paths[0] ?? '');
  }

  about(path: string): SFTPAttributes {
    const node = this.nodes.get(path);
    if (node === undefined) throw errno('ENOENT');
    const attributes = new SFTPAttributes();
    const kind = node === null ? 0o040755 : typeof node === 'string' ? 0o100644 : 0o120777;
    attributes.stMode = this.modes.get(path) ?? kind;
    attributes.stSize = typeof node === 'string' ? node.length : 0;
    return attributes;
  }

  change(path: string, attributes: SFTPAttributes): SFTPStatus {
    const node = this.nodes.get(path);
    if (node === undefined) throw errno('ENOENT');
    if (attributes.stMode !== undefined) this.modes.set(path, attributes.stMode);
    if (attributes.stSize !== undefined && typeof node === 'string') {
      this.nodes.set(path, node.slice(0, attributes.stSize).padEnd(attributes.stSize, '\0'));
    }
    return SFTP_OK;
  }

  #inFolder(path: string): void {
    if (this.nodes.get(path.slice(0, path.lastIndexOf('/')) || '/') !== null) throw errno('ENOENT');
  }

  #move(from: string, to: string): SFTPStatus {
    const moved = [...this.nodes].filter(([path]) => path === from || path.startsWith(`${from}/`));
    if (moved.length === 0) return SFTP_NO_SUCH_FILE;
    for (const [path, node] of moved) {
      this.nodes.delete(path);
      this.nodes.set(to + path.slice(from.length), node);
    }
    return SFTP_OK;
  }
}

class MapHandle extends SFTPHandle {
  readonly #files: MapFiles;
  readonly #path: string;
  #closed = false;

  constructor(files: MapFiles, path: string, flags: number) {
    super(flags);
    this.#files = files;
    this.#path = path;
  }

  override async close(): Promise<void> {
    await this.#files.call('close', this.#path);
    if (this.#closed) throw new Error('closed twice');
    this.#closed = true;
    this.#files.closed++;
  }

  override async read(offset: number, length: number): Promise<Uint8Array> {
    await this.#call('read', offset, length);
    return new TextEncoder().encode(this.#text().slice(offset, offset + length));
  }

  override async write(offset: number, data: Uint8Array): Promise<SFTPStatus> {
    const written = Buffer.from(data).toString();
    await this.#call('write', offset, data.length);
    const text = this.#text().padEnd(offset, '\0');
    const at = this.flags & constants.O_APPEND ? text.length : offset;
    this.#files.nodes.set(this.#path, text.slice(0, at) + written + text.slice(at + written.length));
    return SFTP_OK;
  }

  override async stat(): Promise<SFTPAttributes> {
    await this.#call('fstat');
    return this.#files.about(this.#path);
  }

  override async chattr(attributes: SFTPAttributes): Promise<SFTPStatus> {
    await this.#call('fchattr');
    return this.#files.change(this.#path, attributes);
  }

  override async sync(): Promise<SFTPStatus> {
    await this.#call('sync');
    return SFTP_OK;
  }

  async #call(name: string, ...numbers: readonly number[]): Promise<void> {
    if (this.#closed) throw new Error(`${name} after close`);
    await this.#files.call(name, this.#path, ...numbers.map(String));
    if (this.#closed) throw new Error(`closed under ${name}`);
  }

  #text(): string {
    const node = this.#files.nodes.get(this.#path);
    return typeof node === 'string' ? node : '';
  }
}

export const SPACE: Statvfs = {
  bsize: 4096n,
  frsize: 4096n,
  blocks: 1000n,
  bfree: 600n,
  bavail: 500n,
  files: 100n,
  ffree: 50n,
  favail: 50n,
  fsid: 7n,
  flag: 1n,
  namemax: 255n,
};

/** An error as Node's file functions throw it. */
export function errno(code: string): Error {
  return Object.assign(new Error(`${code}: something secret, /etc/shadow`), { code });
}

/** The path below `/`, `.` and empty parts taken out. */
function absolute(path: string): string {
  return `/${path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/')}`;
}
