// A folder of this machine as an SFTP server's `/`, with nothing that keeps anybody inside: for tests of the server with real
// files and real clients. What is meant for use is FolderFileSystem.
import * as fs from 'node:fs/promises';
import { join, posix } from 'node:path';
import type { ServerInterface } from '../../src/index.ts';
import {
  type Listing,
  SFTP_FAILURE,
  SFTP_OK,
  SFTPAttributes,
  SFTPHandle,
  SFTPServer,
  SFTPServerInterface,
  type SFTPStatus,
  type Statvfs,
} from '../../src/sftp.ts';

/** The folder `root` of this machine as `/`. */
export class RealFiles extends SFTPServerInterface {
  readonly #root: string;

  constructor(server: ServerInterface, root: string) {
    super(server);
    this.#root = root;
  }

  override async open(path: string, flags: number, { stMode = 0o644 }: SFTPAttributes): Promise<SFTPHandle> {
    const handle = new SFTPHandle(flags);
    handle.readfile = handle.writefile = await fs.open(this.#real(path), flags, stMode & 0o777);
    return handle;
  }

  override async listFolder(path: string): Promise<Listing> {
    const folder = await fs.opendir(this.#real(path));
    const at = (name: string) => this.lstat(posix.join(path, name));
    return (async function* () {
      for await (const { name } of folder) yield Object.assign(await at(name), { filename: name });
    })();
  }

  override async stat(path: string): Promise<SFTPAttributes> {
    return SFTPAttributes.fromStat(await fs.stat(this.#real(path)));
  }

  override async lstat(path: string): Promise<SFTPAttributes> {
    return SFTPAttributes.fromStat(await fs.lstat(this.#real(path)));
  }

  override async remove(path: string): Promise<SFTPStatus> {
    await fs.unlink(this.#real(path));
    return SFTP_OK;
  }

  override async rename(from: string, to: string): Promise<SFTPStatus> {
    const taken = await fs.lstat(this.#real(to)).then(
      () => true,
      () => false,
    );
    return taken ? SFTP_FAILURE : this.posixRename(from, to);
  }

  override async posixRename(from: string, to: string): Promise<SFTPStatus> {
    await fs.rename(this.#real(from), this.#real(to));
    return SFTP_OK;
  }

  override async mkdir(path: string): Promise<SFTPStatus> {
    await fs.mkdir(this.#real(path));
    return SFTP_OK;
  }

  override async rmdir(path: string): Promise<SFTPStatus> {
    await fs.rmdir(this.#real(path));
    return SFTP_OK;
  }

  override async chattr(path: string, attributes: SFTPAttributes): Promise<SFTPStatus> {
    await SFTPServer.setFileAttr(this.#real(path), attributes);
    return SFTP_OK;
  }

  override readlink(path: string): Promise<string> {
    return fs.readlink(this.#real(path));
  }

  override async symlink(target: string, path: string): Promise<SFTPStatus> {
    await fs.symlink(target, this.#real(path));
    return SFTP_OK;
  }

  override async link(from: string, to: string): Promise<SFTPStatus> {
    await fs.link(this.#real(from), this.#real(to));
    return SFTP_OK;
  }

  override async statvfs(path: string): Promise<Statvfs> {
    const { bsize, blocks, bfree, bavail, files, ffree } = await fs.statfs(this.#real(path), { bigint: true });
    const sizes = { bsize, frsize: bsize, blocks, bfree, bavail, files, ffree, favail: ffree };
    return { ...sizes, fsid: 0n, flag: 0n, namemax: 255n };
  }

  override homeDirectory(username: string): string {
    return username === '' ? '/home' : `/home/${username}`;
  }

  #real(path: string): string {
    return join(this.#root, posix.resolve('/', path));
  }
}
