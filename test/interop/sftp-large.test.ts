// Much of it, both ways: a tree of 10,000 files with odd names, a file of 5 GB; and with the newest OpenSSH server what
// sftp-transfer-trouble.test.ts shows with Debian's: a disk that is full, a server that dies, and going on after it.

import { spawnSync } from 'node:child_process';
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect, TransferError } from '../../src/index.ts';
import { readPrivateKey } from '../../src/keys.ts';
import type { SFTPClient } from '../../src/sftp.ts';
import { startAmikoServe } from '../support/amiko-serve.ts';
import { Cli, type Login, loginArgs } from '../support/cli.ts';
import { join, treeOf } from '../support/foreign-sftp.ts';
import { canUnshare, describePeer, peer, randomBytes, sha256, startSshd, type TempDir, tempDir } from '../support/peers.ts';
import { sftpLogin } from '../support/sftp-login.ts';

const FILES = 10_000;

/** Of every kind a hundredth; the others are plain. */
function oddName(index: number): Buffer {
  switch (index % 100) {
    case 0:
      return Buffer.from(`with  space ${index} `);
    case 1:
      return Buffer.from(`new\nline\r\t${index}`);
    case 2:
      return Buffer.concat([Buffer.from(`bytes ${index} `), Buffer.of(0xff, 0xfe, 0x80 + (index % 64))]);
    case 3:
      return Buffer.from(`-ünïcödé 😀 ${index}`);
    case 4:
      return Buffer.from(`*[${index}]?"'\\`);
    default:
      return Buffer.from(`file-${index}`);
  }
}

describe('a tree of 10,000 files', () => {
  let source: TempDir;
  let lines: string[];

  beforeAll(() => {
    source = tempDir();
    const data = randomBytes(FILES + 512, 'tree');
    // 20 folders, some below others, the names of some as odd as those of the files.
    const folders = Array.from({ length: 20 }, (_, index) => {
      const parent = index % 4 === 3 ? `folder-${index - 1}` : '';
      return join(source.join(parent), index % 4 === 3 ? oddName(index * 100 + (index % 3)) : `folder-${index}`);
    });
    for (const folder of folders) mkdirSync(folder);
    for (let index = 0; index < FILES; index++) {
      const path = Buffer.concat([folders[index % 20] as Buffer, Buffer.from('/'), oddName(index)]);
      // Also empty ones.
      writeFileSync(path, data.subarray(index, index + (index % 512)));
    }
    lines = treeOf(source.path);
    expect(lines).toHaveLength(FILES + 20);
  });

  afterAll(() => source.remove());

  /** There under one name and back under another; `at` is what the server calls our folder. */
  async function thereAndBack(sftp: SFTPClient, folder: TempDir, at: string): Promise<void> {
    const put = await sftp.put(source.path, `${at}/there`, { recursive: true });
    expect(put).toMatchObject({ files: FILES, folders: 21, skipped: 0 });
    expect(treeOf(folder.join('there'))).toEqual(lines);
    const got = await sftp.get(`${at}/there`, folder.join('back'), { recursive: true });
    expect(got).toMatchObject({ files: FILES, folders: 21, skipped: 0 });
    expect(treeOf(folder.join('back'))).toEqual(lines);
    let walked = 0;
    for await (const _ of sftp.walk(`${at}/there`)) walked++;
    expect(walked).toBe(FILES + 20);
    await sftp.rm(`${at}/there`, { recursive: true });
    expect(await sftp.listdir(at)).toEqual(['back']);
  }

  if (peer('sshd').available) {
    it("goes there and back with Debian's sshd", { timeout: 120_000 }, async () => {
      await using login = await sftpLogin();
      await thereAndBack(login.sftp, login.folder, login.folder.path);
    });
  }

  it('goes there and back with amiko serve', { timeout: 120_000 }, async () => {
    await using folder = tempDir();
    await using server = await startAmikoServe({ args: ['--write', folder.path] });
    const privateKey = await readPrivateKey(server.identity.path);
    const { port, user } = server;
    const client = await connect({ host: '127.0.0.1', port, username: user, privateKey, hostKey: 'ignore' });
    try {
      await thereAndBack(await client.sftp(), folder, '/');
    } finally {
      await client.close();
    }
  });

  describePeer('sshd-trixie', 'with the newest sshd', () => {
    it('goes there and back by amiko cp', { timeout: 120_000 }, async () => {
      await using cli = new Cli();
      await using folder = tempDir();
      await using sshd = await startSshd({ trixie: true });
      const copy = async (from: string, to: string) =>
        expect(await cli.run(['cp', '-r', '-q', ...loginArgs(sshd), from, to], { timeoutMs: 60_000 })).toMatchObject({
          code: 0,
          stderr: '',
        });
      await copy(source.path, `127.0.0.1:${folder.join('there')}`);
      expect(treeOf(folder.join('there'))).toEqual(lines);
      await copy(`127.0.0.1:${folder.join('there')}`, folder.join('back'));
      expect(treeOf(folder.join('back'))).toEqual(lines);
    });
  });
});

describePeer('sshd', 'a file of 5 GB', () => {
  it('arrives whole, and its holes are holes', { timeout: 240_000 }, async () => {
    await using login = await sftpLogin();
    const { sftp, folder } = login;
    const size = 5_000_004_321;
    const mark = randomBytes(10_000, 'mark');
    // Around every power of two that a position may not fit into, at both ends, and in between.
    const marks = [0, 2 ** 31 - 5_000, 2 ** 32 - 5_000, 3_000_000_001, size - mark.length];
    const file = openSync(folder.join('source'), 'w');
    ftruncateSync(file, size);
    for (const at of marks) writeSync(file, mark, 0, mark.length, at);
    closeSync(file);
    const result = await sftp.get(folder.join('source'), folder.join('target'), { sparse: true });
    expect(result).toMatchObject({ files: 1, bytes: size });
    const { size: arrived, blocks } = statSync(folder.join('target'));
    expect(arrived).toBe(size);
    const target = openSync(folder.join('target'), 'r');
    const found = Buffer.alloc(mark.length);
    for (const at of marks) {
      readSync(target, found, 0, found.length, at);
      expect(found.equals(mark), `at ${at}`).toBe(true);
    }
    closeSync(target);
    // What is not there is zeros: there is no room in it for anything else but the blocks around the marks.
    expect(blocks * 512).toBeLessThan(marks.length * (mark.length + 2 * 262_144));
  });
});

describePeer('sshd-trixie', 'trouble with the newest sshd', () => {
  const SIZE = 60_000_000;
  const DIRECTIONS = ['down', 'up'] as const;
  const cli = new Cli();
  afterAll(() => cli[Symbol.asyncDispose]());

  const copy = (login: Login, direction: 'down' | 'up', from: string, to: string, ...more: string[]) => {
    const ends = direction === 'down' ? [`127.0.0.1:${from}`, to] : [from, `127.0.0.1:${to}`];
    return cli.run(['cp', ...loginArgs(login), ...more, ...ends], { timeoutMs: 60_000 });
  };

  it.skipIf(!canUnshare())('a disk that is full: the error says what is left, and that is left', async () => {
    await using disk = tempDir();
    expect(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'amiko-test', disk.path]).status).toBe(0);
    try {
      // It sees what was mounted before it began.
      await using login = await sftpLogin({ trixie: true });
      const data = randomBytes(SIZE, 'full');
      const source = login.folder.write('source', data);
      const target = disk.join('target');
      const error = await login.sftp.put(source, target).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(TransferError);
      const { code, partial, message } = error as TransferError;
      expect(code).toBe('ERR_SSH_SFTP_FAILURE');
      expect(message).toContain(`holds its first ${partial.bytes} bytes`);
      const left = readFileSync(target);
      expect(partial).toEqual({ side: 'remote', path: target, bytes: left.length });
      expect(left.length).toBeGreaterThan(2_000_000);
      expect(sha256(left)).toBe(sha256(data.subarray(0, left.length)));
      const told = await copy(login.sshd, 'up', source, disk.join('other'));
      expect(told.code).toBe(1);
      expect(told.stderr).toMatch(/'.*\/other' (holds its first \d+ bytes|is empty)/);
    } finally {
      expect(spawnSync('umount', [disk.path]).status).toBe(0);
    }
  });

  it.each(DIRECTIONS)('killed in the middle of a transfer %s: --resume goes on to an equal sha256', async (direction) => {
    await using folder = tempDir();
    const data = randomBytes(SIZE, direction);
    const [source, target] = [folder.write('source', data), folder.join('target')];
    await using first = await startSshd({ trixie: true });
    // 20 MB a second: slow enough to be caught in the middle.
    const cut = copy(first, direction, source, target, '-l', '160000');
    await expect
      .poll(() => statSync(target, { throwIfNoEntry: false })?.size ?? 0, { timeout: 20_000, interval: 5 })
      .toBeGreaterThan(SIZE / 4);
    await first.stop();
    const ended = await cut;
    expect(ended.code).toBe(255);
    expect(ended.stderr).toMatch(/holds its first \d+ bytes; --resume goes on with it/);
    const left = statSync(target).size;
    expect(left).toBeLessThan(SIZE);
    await using second = await startSshd({ trixie: true });
    const resumed = await copy(second, direction, source, target, '--resume', '--json');
    expect(resumed).toMatchObject({ code: 0, stderr: '' });
    expect(sha256(readFileSync(target))).toBe(sha256(data));
    const done = JSON.parse(resumed.stdout.toString().trimEnd().split('\n').at(-1) ?? '') as { bytes: number };
    expect(done.bytes).toBe(SIZE - left);
  });
});
