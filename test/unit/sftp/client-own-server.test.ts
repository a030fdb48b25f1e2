// The SFTP client on this library's own server, with files in memory: the tour, and what OpenSSH's server lacks.

import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { MemoryFileSystem } from '../../../src/sftp/server/memory.ts';
import { SFTPServer } from '../../../src/sftp/server/sftp-server.ts';
import type { SFTPClient } from '../../../src/sftp.ts';
import { randomBytes } from '../../support/peers.ts';
import { tour } from '../../support/sftp-tour.ts';
import { transportPair } from '../../support/transport-pair.ts';

async function withClient(run: (sftp: SFTPClient) => Promise<void>): Promise<void> {
  const { client, server } = transportPair();
  server.setSubsystemHandler('sftp', SFTPServer, MemoryFileSystem);
  await client.connect({ hostKey: 'ignore', username: 'u', password: 'p' });
  const sftp = await client.openSftpClient();
  await run(sftp);
  sftp.close();
  await client.close();
}

it('takes the tour', () => withClient((sftp) => tour(sftp, '.')));

it('check: hashes by the server', () =>
  withClient(async (sftp) => {
    const data = randomBytes(100_000, 1);
    await sftp.writeFile('x', data);
    const hash = (algorithm: string, part: Uint8Array) => createHash(algorithm).update(part).digest();
    const whole = await sftp.checkFile('x');
    expect(whole.algorithm).toBe('sha256');
    expect(Buffer.from(whole.hashes)).toEqual(hash('sha256', data));
    const blocks = await sftp.checkFile('x', { algorithms: ['none', 'sha1'], start: 1_000, length: 5_000, blockSize: 2_000 });
    const parts = [data.subarray(1_000, 3_000), data.subarray(3_000, 5_000), data.subarray(5_000, 6_000)];
    expect(blocks.algorithm).toBe('sha1');
    expect(Buffer.from(blocks.hashes)).toEqual(Buffer.concat(parts.map((part) => hash('sha1', part))));
    await using file = await sftp.open('x');
    expect(Buffer.from(await file.check('md5', 10, 20))).toEqual(hash('md5', data.subarray(10, 30)));
    await expect(file.check(['none'])).rejects.toMatchObject({ name: 'SFTPError', operation: 'check-file' });
    await expect(sftp.checkFile('none')).rejects.toMatchObject({ code: 'ENOENT' });
  }));

it('posixRename, link, statvfs and the like work as with OpenSSH', () =>
  withClient(async (sftp) => {
    await sftp.writeFile('a', 'a');
    await sftp.writeFile('b', 'b');
    await sftp.posixRename('a', 'b');
    expect(await sftp.readFile('b', 'utf8')).toBe('a');
    await sftp.link('b', 'c');
    await sftp.appendFile('c', '!');
    expect(await sftp.readFile('b', 'utf8')).toBe('a!');
    expect((await sftp.statvfs('.')).namemax).toBeGreaterThan(0n);
    expect(await sftp.expandPath('~')).toBe(await sftp.homeDirectory());
    await using file = await sftp.open('b', 'r+');
    await file.sync();
    expect((await file.statvfs()).blocks).toBeGreaterThan(0n);
  }));

it('cp copies trees on the server', () =>
  withClient(async (sftp) => {
    await sftp.mkdir('from/deep', { recursive: true });
    await sftp.writeFile('from/a', 'a');
    await sftp.writeFile('from/deep/b', randomBytes(500_000, 1));
    const { files, folders } = await sftp.cp('from', 'to', { recursive: true });
    expect({ files, folders }).toEqual({ files: 2, folders: 2 });
    expect((await sftp.readFile('to/deep/b')).equals(randomBytes(500_000, 1))).toBe(true);
    expect((await sftp.readdir('to', { recursive: true })).sort()).toEqual(['a', 'deep', 'deep/b']);
  }));
