// Transfers that go wrong, with a real sshd: disks that are full, servers that die, callers that change their mind. What is left is
// what the error says, nothing stays open, and what was begun can be finished.

import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TransferError } from '../../src/index.ts';
import type { TransferOptions } from '../../src/sftp.ts';
import { canUnshare, describePeer, randomBytes, sha256, startSshd, type TempDir, tempDir } from '../support/peers.ts';
import { loginTo, openOnServer, sftpLogin } from '../support/sftp-login.ts';

/** Whichever of its processes is gone first. */
const LOST = /^ERR_SSH_(CONNECTION_LOST|CHANNEL_CLOSED)$/;
const DIRECTIONS = ['get', 'put'] as const;
const SIZE = 60_000_000;

/** Descriptors of this process that are files below a folder. */
function openHere(folder: TempDir): string[] {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return spawnSync('readlink', [`/proc/${process.pid}/fd/${fd}`], { encoding: 'utf8' }).stdout.startsWith(folder.path);
    } catch {
      return false;
    }
  });
}

describePeer('sshd', 'a disk that is full', () => {
  // A few megabytes of memory, for both sides.
  let disk: TempDir;
  const mounts = canUnshare();

  beforeAll(() => {
    disk = tempDir();
    if (mounts) spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', disk.path]);
  });

  afterAll(async () => {
    if (mounts) spawnSync('umount', [disk.path]);
    await disk.remove();
  });

  it.skipIf(!mounts).each(DIRECTIONS)('ends the transfer, and the error says what is left: %s', async (direction) => {
    await using login = await sftpLogin();
    const data = randomBytes(SIZE, 1);
    const source = login.folder.write('source', data);
    const target = disk.join(direction);
    const failed = login.sftp[direction](source, target);
    const error = await failed.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(TransferError);
    const { code, partial, cause, message } = error as TransferError;
    // OpenSSH's server has one word for it.
    expect(code).toBe(direction === 'get' ? 'ENOSPC' : 'ERR_SSH_SFTP_FAILURE');
    expect(cause).toMatchObject(
      direction === 'get' ? { syscall: expect.stringMatching(/^writev?$/) } : { name: 'SFTPError', operation: 'write' },
    );
    expect(partial).toMatchObject({ side: direction === 'get' ? 'local' : 'remote', path: target });
    expect(message).toContain(`holds its first ${partial.bytes} bytes`);
    const left = readFileSync(target);
    expect(partial.bytes).toBeGreaterThan(0);
    expect(left.length).toBe(partial.bytes);
    expect(sha256(left)).toBe(sha256(data.subarray(0, left.length)));
    expect(openHere(disk)).toEqual([]);
    expect(await openOnServer(login, target)).toBe(0);
    spawnSync('rm', [target]);
    expect((await login.sftp.stat(source)).stSize).toBe(SIZE);
  });

  it.skipIf(!mounts)('is told of each file of a folder', async () => {
    await using login = await sftpLogin();
    const { sftp, folder } = login;
    await sftp.mkdir(folder.join('source'));
    for (const name of ['a', 'b', 'c']) folder.write(`source/${name}`, randomBytes(3_000_000, name));
    for (const direction of DIRECTIONS) {
      const told: unknown[] = [];
      const onError = (error: unknown) => {
        told.push((error as TransferError).partial.bytes < 3_000_000);
        return 'skip' as const;
      };
      const result = await sftp[direction](folder.join('source'), disk.join('folder'), {
        recursive: true,
        concurrency: 1,
        onError,
      });
      expect({ ...result, told }).toMatchObject({ files: 1, skipped: 2, told: [true, true] });
      spawnSync('rm', ['-r', disk.join('folder')]);
    }
  });
});

describePeer('sshd', 'a server that dies', () => {
  it.each(DIRECTIONS)('leaves a beginning of the file, from which the next one goes on: %s', async (direction) => {
    await using folder = tempDir();
    const data = randomBytes(SIZE, 2);
    const source = folder.write('source', data);
    const target = folder.join('target');
    const sshd = await startSshd();
    const client = await loginTo(sshd);
    const sftp = await client.sftp();
    let killed = false;
    const callback = (transferred: number) => {
      if (killed || transferred < SIZE / 3) return;
      killed = true;
      for (const pid of sshd.processes().reverse()) process.kill(pid, 'SIGKILL');
    };
    const error = await sftp[direction](source, target, { callback }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(TransferError);
    expect(error).toMatchObject({ code: expect.stringMatching(LOST), operation: direction, path: source, dest: target });
    const { partial } = error as TransferError;
    expect(partial).toMatchObject({ side: direction === 'get' ? 'local' : 'remote', path: target });
    expect(partial.bytes).toBeGreaterThanOrEqual(SIZE / 3);
    expect(partial.bytes).toBeLessThan(SIZE);
    // The server may have written more than it could still say.
    const left = readFileSync(target);
    if (direction === 'get') expect(left.length).toBe(partial.bytes);
    else expect(left.length).toBeGreaterThanOrEqual(partial.bytes);
    expect(sha256(left)).toBe(sha256(data.subarray(0, left.length)));
    expect(openHere(folder)).toEqual([]);
    await client.close();
    await sshd.stop();

    await using again = await sftpLogin();
    const result = await again.sftp[direction](source, target, { resume: true });
    expect(result.bytes).toBe(SIZE - left.length);
    expect(sha256(readFileSync(target))).toBe(sha256(data));
    // Nothing is left to do, and a longer target is another file.
    expect(await again.sftp[direction](source, target, { resume: true })).toMatchObject({ files: 1, bytes: 0 });
    spawnSync('sh', ['-c', 'echo >> "$1"', 'sh', target]);
    await expect(again.sftp[direction](source, target, { resume: true })).rejects.toMatchObject({
      name: 'SFTPError',
      code: 'ERR_SSH_SFTP_MISMATCH',
    });
    expect(statSync(target).size).toBe(SIZE + 1);
  });

  it('ends a folder with one error', async () => {
    await using folder = tempDir();
    const sshd = await startSshd();
    const client = await loginTo(sshd);
    const sftp = await client.sftp();
    await sftp.mkdir(folder.join('source'));
    for (let file = 0; file < 200; file++) folder.write(`source/${file}`, randomBytes(100_000, file));
    for (const direction of DIRECTIONS) {
      let told = 0;
      const onError = () => {
        told++;
        return 'skip' as const;
      };
      const onProgress = ({ files }: { files: number }) => {
        if (files !== 20 || direction === 'get') return;
        for (const pid of sshd.processes().reverse()) process.kill(pid, 'SIGKILL');
      };
      const outcome = sftp[direction](folder.join('source'), folder.join('target'), { recursive: true, onError, onProgress });
      if (direction === 'get') {
        await outcome;
        continue;
      }
      await expect(outcome).rejects.toMatchObject({ code: expect.stringMatching(LOST) });
      expect(told).toBe(0);
    }
    expect(openHere(folder)).toEqual([]);
    await client.close();
    await sshd.stop();
  });
});

describePeer('sshd', 'a transfer that is given up', () => {
  it.each(DIRECTIONS)('stops, closes everything and leaves the session as it was: %s', async (direction) => {
    await using login = await sftpLogin();
    const { sftp, folder } = login;
    const data = randomBytes(SIZE, 3);
    const source = folder.write('source', data);
    const target = folder.join('target');
    const reason = new Error('changed my mind');
    const stop = new AbortController();
    let heard = 0;
    const callback = (transferred: number) => {
      expect(stop.signal.aborted).toBe(false);
      heard = transferred;
      if (transferred > SIZE / 4) stop.abort(reason);
    };
    await expect(sftp[direction](source, target, { callback, signal: stop.signal })).rejects.toBe(reason);
    expect(heard).toBeLessThan(SIZE);
    expect(openHere(folder)).toEqual([]);
    expect(await openOnServer(login, source)).toBe(0);
    expect(await openOnServer(login, target)).toBe(0);
    const left = readFileSync(target);
    expect(left.length).toBeGreaterThanOrEqual(heard);
    expect(left.length).toBeLessThan(SIZE);
    expect(sha256(left)).toBe(sha256(data.subarray(0, left.length)));
    expect(await sftp[direction](source, target, { resume: true })).toMatchObject({ bytes: SIZE - left.length });
    expect(sha256(readFileSync(target))).toBe(sha256(data));
  });

  it.each(DIRECTIONS)('does so for the files of a folder: %s', async (direction) => {
    await using login = await sftpLogin();
    const { sftp, folder } = login;
    await sftp.mkdir(folder.join('source'));
    for (let file = 0; file < 500; file++) folder.write(`source/${file}`, randomBytes(30_000, file));
    const stop = new AbortController();
    const options: TransferOptions = {
      recursive: true,
      signal: stop.signal,
      onProgress: ({ files }) => {
        if (files === 50) stop.abort();
      },
    };
    const failed = sftp[direction](folder.join('source'), folder.join('target'), options);
    await expect(failed).rejects.toMatchObject({ name: 'AbortError' });
    expect(openHere(folder)).toEqual([]);
    for (const name of readdirSync(folder.join('target'))) expect(await openOnServer(login, folder.join('target', name))).toBe(0);
    expect(await sftp[direction](folder.join('source'), folder.join('target'), { recursive: true })).toMatchObject({
      files: 500,
    });
  });

  it('does not begin', async () => {
    await using login = await sftpLogin();
    const { sftp, folder } = login;
    const source = folder.write('source', 'text');
    const signal = AbortSignal.abort(new RangeError('before'));
    for (const direction of DIRECTIONS) {
      await expect(sftp[direction](source, folder.join('target'), { signal })).rejects.toThrow(new RangeError('before'));
    }
    expect(readdirSync(folder.path)).toEqual(['source']);
  });

  it.each(DIRECTIONS)('is given up when its time is over: %s', async (direction) => {
    await using login = await sftpLogin();
    const { sftp, folder } = login;
    const source = folder.write('source', randomBytes(SIZE, 4));
    // So slow that it can't be done in time: the callback takes longer than that.
    const callback = () => {
      const until = performance.now() + 40;
      while (performance.now() < until);
    };
    await expect(sftp[direction](source, folder.join('target'), { timeout: 100, callback })).rejects.toMatchObject({
      name: 'SSHTimeoutError',
      milliseconds: 100,
    });
    expect(openHere(folder)).toEqual([]);
    expect(await openOnServer(login, folder.join('target'))).toBe(0);
  });
});
