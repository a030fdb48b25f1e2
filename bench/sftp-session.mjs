// One SFTP session of any client, and one transfer by it that is timed and checked: the four SFTP measures differ only in what
// they transfer, at which server.
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { startEnd } from './end.mjs';
import { filePlace, hashFile, hashFolder, touchPages } from './files.mjs';
import { openSftp } from './openssh-sftp.mjs';

export const OPENSSH = 'OpenSSH';
export const CIPHER = 'aes128-gcm@openssh.com';
export const DIRECTIONS = ['get', 'put'];

export const cli = fileURLToPath(new URL('amiko-cli.mjs', import.meta.url));

/** Whether this build of amiko has an SFTP client. */
export async function hasSftpClient(dist) {
  const { Client } = await import(pathToFileURL(join(dist, 'index.js')).href);
  return typeof Client.prototype.sftp === 'function';
}

/** Whether `amiko serve` of this build serves a folder. */
export function hasSftpServer(dist) {
  const { stdout } = spawnSync(process.execPath, [cli, dist, 'serve', '--help'], { encoding: 'utf8' });
  return stdout.includes('--write');
}

/** A session of `client`, 'amiko' or a peer, at the server on `port`; `body` gets its `transfer`. Ends it. */
export async function withSftp(context, client, port, body) {
  if (client === OPENSSH) {
    const session = await openSftp(context, { port, cipher: CIPHER });
    try {
      const result = await body((options) => session.transfer(options));
      await session.close();
      return result;
    } finally {
      await session.destroy();
    }
  }
  const end = await startEnd(client, context);
  try {
    await end.call('keys', context.keys);
    await end.call('sftpConnect', { port, username: context.username, cipher: CIPHER });
    const result = await body((options) => end.call('sftpTransfer', options));
    await end.call('sftpDisconnect');
    return result;
  } finally {
    await end[Symbol.asyncDispose]();
  }
}

/** The path at the server is the path here, unless `remote` says otherwise. */
const samePath = (path) => path;

/** Gets or puts a file to a place where nothing is yet, and compares. MB/s and, of the client, CPU seconds per GB. */
export async function transferFile(context, transfer, { direction, how = direction, file, remote = samePath }) {
  const { milliseconds, cpuSeconds } = await checked(context, transfer, { direction, how, source: file, remote, hash: hashFile });
  return { speed: file.size / 1e3 / milliseconds, cpu: cpuSeconds === null ? null : (cpuSeconds / file.size) * 1e9 };
}

/** The same with a folder: files per second. */
export async function transferFolder(context, transfer, { direction, folder }) {
  const how = `${direction}Folder`;
  const result = await checked(context, transfer, { direction, how, source: folder, remote: samePath, hash: hashFolder });
  return { speed: (folder.count / result.milliseconds) * 1e3, cpu: result.cpuSeconds };
}

async function checked(context, transfer, { direction, how, source, remote, hash }) {
  const copy = join(filePlace(context), 'copy');
  const [from, to] = direction === 'get' ? [remote(source.path), copy] : [source.path, remote(copy)];
  try {
    touchPages(context, source.size);
    const result = await transfer({ how, from, to });
    if (!existsSync(copy) || hash(copy) !== source.sha256) throw new Error(`${how}: what arrived is not what was sent`);
    return result;
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

/** One figure of all runs of a case. Null where there is none: the CPU time of OpenSSH's programs is known on Linux alone. */
export function samplesOf(samples, name, direction, key) {
  const found = samples[name]?.map((sample) => sample[direction][key]) ?? [];
  return found.length === 0 || found.includes(null) ? null : found;
}
