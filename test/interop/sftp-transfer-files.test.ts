// Single files both ways, with a real sshd: every byte of every size, modes and times, what is compared, what callbacks hear.

import {
  closeSync,
  constants,
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { PassThrough } from 'node:stream';
import { expect, it, vi } from 'vitest';
import type { TransferProgress } from '../../src/sftp.ts';
import { describePeer, randomBytes, run, sha256 } from '../support/peers.ts';
import { openOnServer, sftpLogin } from '../support/sftp-login.ts';

/** What a link says, undefined where it is gone. */
function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

const SIZES = [0, 1, 4_096, 16_383, 16_384, 16_385, 32_768, 261_119, 261_120, 261_121, 1_048_577, 104_857_601];

describePeer('sshd', 'files', () => {
  it.each(SIZES)('of %i bytes arrive, both ways', async (size) => {
    await using login = await sftpLogin();
    const { sftp, folder } = login;
    const data = randomBytes(size, size);
    const source = folder.write('source', data);
    const got = await sftp.get(source, folder.join('got'));
    expect(sha256(readFileSync(folder.join('got')))).toBe(sha256(data));
    const put = await sftp.put(source, folder.join('put'));
    expect(sha256(readFileSync(folder.join('put')))).toBe(sha256(data));
    expect([got, put]).toMatchObject([
      { files: 1, bytes: size, skipped: 0, attributes: null },
      { files: 1, bytes: size, skipped: 0, attributes: { stSize: size } },
    ]);
    expect(await openOnServer(login, source)).toBe(0);
    expect(await openOnServer(login, folder.join('put'))).toBe(0);
  });

  it('replace what was there, also where it was longer', async () => {
    await using login = await sftpLogin();
    const { sftp, folder } = login;
    const short = folder.write('short', 'short');
    const here = folder.write('here', randomBytes(100_000, 1));
    const there = folder.write('there', randomBytes(100_000, 2));
    await sftp.get(short, here);
    await sftp.put(short, there);
    expect([here, there].map((path) => readFileSync(path, 'utf8'))).toEqual(['short', 'short']);
  });

  it('have any name', async () => {
    await using login = await sftpLogin();
    const { sftp, folder } = login;
    const names = [
      'with space',
      "quote's",
      'new\nline',
      '-rf',
      'ünïcödé 😀',
      '\\',
      '*',
      '%s',
      Buffer.from([0x66, 0xff, 0xfe, 0x80]),
    ];
    for (const name of names) {
      const source = Buffer.concat([Buffer.from(`${folder.path}/`), Buffer.from(name)]);
      writeFileSync(source, `this is ${name}`);
      await sftp.get(source, Buffer.concat([source, Buffer.from('.got')]));
      await sftp.put(source, Buffer.concat([source, Buffer.from('.put')]));
      for (const suffix of ['.got', '.put']) {
        expect(readFileSync(Buffer.concat([source, Buffer.from(suffix)]), 'utf8')).toBe(`this is ${name}`);
      }
    }
    expect(readdirSync(folder.path)).toHaveLength(3 * names.length);
  });

  it('are found by file: URLs, too', async () => {
    await using login = await sftpLogin();
    const { sftp, folder } = login;
    const source = folder.write('a b', 'text');
    await sftp.put(new URL(`file://${folder.path}/a%20b`), `${source}2`);
    await sftp.get(source, new URL(`file://${folder.path}/a%20b3`));
    expect([2, 3].map((n) => readFileSync(`${source}${n}`, 'utf8'))).toEqual(['text', 'text']);
  });

  it('keep no more rights than they had, and with preserve the same, and their times', async () => {
    await using login = await sftpLogin();
    const { sftp, folder } = login;
    const before = process.umask(0o022);
    try {
      for (const mode of [0o600, 0o640, 0o755, 0o777, 0o444, 0o4755]) {
        const source = folder.write('source', 'text', mode & 0o777);
        // The mode of an open call is narrowed by the umask.
        await run('chmod', [mode.toString(8), source]);
        for (const preserve of [false, true]) {
          const [here, there] = [folder.join(`got-${mode}-${preserve}`), folder.join(`put-${mode}-${preserve}`)];
          // Reading it changes one of them.
          utimesSync(source, 1_000_000_000, 1_100_000_000);
          await sftp.get(source, here, { preserve });
          utimesSync(source, 1_000_000_000, 1_100_000_000);
          await sftp.put(source, there, { preserve });
          const wanted = preserve ? mode & 0o777 : ((mode & 0o777) | 0o600) & ~0o022;
          for (const path of [here, there]) {
            const { mode: found, atimeMs, mtimeMs } = statSync(path);
            expect((found & 0o7777).toString(8)).toBe(wanted.toString(8));
            if (preserve) expect([atimeMs, mtimeMs]).toEqual([1_000_000_000_000, 1_100_000_000_000]);
            else expect(mtimeMs).toBeGreaterThan(1_200_000_000_000);
          }
        }
      }
    } finally {
      process.umask(before);
    }
  });

  it('reach positions beyond 4 GiB, and leave holes where that is wanted', async () => {
    await using login = await sftpLogin();
    const { sftp, folder } = login;
    const size = 5 * 2 ** 30 + 12_345;
    const tail = randomBytes(1_048_576, 'tail');
    const make = (name: string, end: number) => {
      const fd = openSync(folder.join(name), 'w');
      ftruncateSync(fd, end);
      if (end === size) writeSync(fd, tail, 0, tail.length, size - tail.length);
      closeSync(fd);
      return folder.join(name);
    };
    const source = make('source', size);
    // All but the end is there: resuming is what makes the test short.
    const results = [
      await sftp.get(source, make('got', size - tail.length - 1), { resume: true }),
      await sftp.put(source, make('put', size - tail.length - 1), { resume: true }),
    ];
    expect(results.map(({ bytes }) => bytes)).toEqual([tail.length + 1, tail.length + 1]);
    for (const name of ['got', 'put']) {
      expect(statSync(folder.join(name)).size).toBe(size);
      const fd = openSync(folder.join(name), 'r');
      const end = Buffer.alloc(tail.length);
      readSync(fd, end, 0, end.length, size - end.length);
      closeSync(fd);
      expect(end.equals(tail)).toBe(true);
    }
    const zeros = folder.join('zeros');
    writeFileSync(zeros, Buffer.concat([Buffer.alloc(3_000_000), Buffer.from('x'), Buffer.alloc(3_000_000)]));
    await sftp.get(zeros, folder.join('sparse'), { sparse: true });
    await sftp.get(zeros, folder.join('full'));
    expect(readFileSync(folder.join('sparse')).equals(readFileSync(zeros))).toBe(true);
    expect(statSync(folder.join('sparse')).blocks * 512).toBeLessThan(1_000_000);
    expect(statSync(folder.join('full')).blocks * 512).toBeGreaterThan(5_999_999);
  });

  it('that have no size are read to their end', async () => {
    await using login = await sftpLogin();
    const { sftp, folder } = login;
    const result = await sftp.get('/proc/version', folder.join('got'));
    expect(readFileSync(folder.join('got'), 'utf8')).toBe(readFileSync('/proc/version', 'utf8'));
    expect(result.bytes).toBe(readFileSync('/proc/version').length);
    // It says that it has 4096 bytes.
    const odd = '/sys/kernel/mm/transparent_hugepage/enabled';
    await expect(sftp.get(odd, folder.join('odd'))).rejects.toMatchObject({
      name: 'TransferError',
      code: 'ERR_SSH_SFTP_INCOMPLETE',
      partial: { side: 'local', path: folder.join('odd'), bytes: readFileSync(odd).length },
      message: expect.stringMatching(/the file has 4096 bytes and ended after \d+ .*; '.*odd' holds its first \d+ bytes$/),
    });
    await sftp.get(odd, folder.join('odd'), { verify: false });
    expect(readFileSync(folder.join('odd'))).toEqual(readFileSync(odd));
  });

  it('may be pipes and devices', async () => {
    await using login = await sftpLogin();
    const { sftp, folder } = login;
    const source = folder.write('source', randomBytes(500_000, 3));
    await sftp.get(source, '/dev/null');
    expect((await sftp.put(source, '/dev/null')).bytes).toBe(500_000);
    const pipe = folder.join('pipe');
    await run('mkfifo', [pipe]);
    const [read] = await Promise.all([run('sha256sum', [pipe]), sftp.get(source, pipe)]);
    expect(read.stdout.toString()).toContain(sha256(readFileSync(source)));
    const [, put] = await Promise.all([
      run('sh', ['-c', 'cat "$1" > "$2"', 'sh', source, pipe]),
      sftp.put(pipe, folder.join('put')),
    ]);
    expect(put.bytes).toBe(500_000);
    expect(sha256(readFileSync(folder.join('put')))).toBe(sha256(readFileSync(source)));
  });

  it('that are pipes and devices at the server are refused, and the server still answers', async () => {
    await using login = await sftpLogin();
    const { sftp, folder } = login;
    const pipe = folder.join('pipe');
    await run('mkfifo', [pipe]);
    const here = folder.join('here');
    await using other = await login.client.sftp();
    const refused = { name: 'SFTPError', code: 'ENOTSUP', message: expect.stringContaining('not a regular file') };
    for (const source of [pipe, '/dev/zero']) {
      await expect(sftp.get(source, here)).rejects.toMatchObject(refused);
      await expect(sftp.get(source, here, { recursive: true })).rejects.toMatchObject(refused);
      await expect(sftp.getfo(source, new PassThrough())).rejects.toMatchObject(refused);
      await expect(sftp.cp(source, here)).rejects.toMatchObject(refused);
      await expect(sftp.copyTo(source, other, here)).rejects.toMatchObject(refused);
      await expect(sftp.copyFile(source, here)).rejects.toMatchObject(refused);
    }
    expect(existsSync(here)).toBe(false);
    expect((await sftp.stat(pipe)).isFIFO()).toBe(true);
  });

  it('that are pipes here with nobody at the other end can be given up', async () => {
    await using login = await sftpLogin();
    const { sftp, folder } = login;
    const source = folder.write('source', 'text');
    const from = (pipe: string) => sftp.put(pipe, folder.join('put'), { timeout: 200 });
    const into = (pipe: string) => sftp.get(source, pipe, { timeout: 200 });
    for (const transfer of [from, into]) {
      const pipe = folder.join(transfer.name);
      await run('mkfifo', [pipe]);
      await expect(transfer(pipe)).rejects.toMatchObject({ name: 'SSHTimeoutError' });
      expect(await openOnServer(login, source)).toBe(0);
      // Somebody comes, and finds that nobody is there any more.
      const both = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK);
      const opened = () => readdirSync('/proc/self/fd').filter((fd) => linkOf(`/proc/self/fd/${fd}`) === pipe).length;
      await vi.waitFor(() => expect(opened()).toBe(1));
      closeSync(both);
    }
  });

  it('are refused with the reason, and nothing is left where nothing began', async () => {
    await using login = await sftpLogin();
    const { sftp, folder } = login;
    const missing = folder.join('missing');
    await expect(sftp.get(missing, folder.join('got'))).rejects.toMatchObject({
      name: 'SFTPError',
      code: 'ENOENT',
      path: missing,
    });
    await expect(sftp.put(missing, folder.join('put'))).rejects.toMatchObject({ code: 'ENOENT', syscall: 'open' });
    await expect(sftp.get(folder.path, folder.join('got'))).rejects.toMatchObject({ name: 'SFTPError', code: 'EISDIR' });
    await expect(sftp.put(folder.path, folder.join('put'))).rejects.toMatchObject({ name: 'SFTPError', code: 'EISDIR' });
    expect(readdirSync(folder.path)).toEqual([]);
    const source = folder.write('source', 'text');
    mkdirSync(folder.join('folder'));
    await expect(sftp.get(source, folder.join('folder'))).rejects.toMatchObject({ code: 'EISDIR' });
    await expect(sftp.put(source, folder.join('folder'))).rejects.toMatchObject({ name: 'SFTPError', code: 'EISDIR' });
    await expect(sftp.get(source, folder.join('no', 'such'))).rejects.toMatchObject({ code: 'ENOENT', syscall: 'open' });
    await expect(sftp.put(source, folder.join('no', 'such'))).rejects.toMatchObject({ name: 'SFTPError', code: 'ENOENT' });
    expect(await openOnServer(login, source)).toBe(0);
    // The session is as good as before.
    expect((await sftp.get(source, folder.join('got'))).bytes).toBe(4);
  });

  it('go through links that are named themselves', async () => {
    await using login = await sftpLogin();
    const { sftp, folder } = login;
    folder.write('file', 'text');
    const link = folder.join('link');
    symlinkSync('file', link);
    await sftp.get(link, folder.join('got'));
    await sftp.put(link, folder.join('put'));
    symlinkSync('got2', folder.join('to'));
    await sftp.get(link, folder.join('to'));
    expect(['got', 'put', 'got2'].map((name) => readFileSync(folder.join(name), 'utf8'))).toEqual(['text', 'text', 'text']);
  });

  it('are verified by their contents where that is asked for', async () => {
    await using login = await sftpLogin();
    const { sftp, folder } = login;
    const source = folder.write('source', randomBytes(3_000_000, 4));
    await sftp.get(source, folder.join('got'), { verify: 'hash', fsync: true });
    await sftp.put(source, folder.join('put'), { verify: 'hash', fsync: true });
    expect(sha256(readFileSync(folder.join('put')))).toBe(sha256(readFileSync(source)));
    // Someone else changes the target as soon as it is complete; the hashes are computed behind that.
    const spoil = (path: string) => ({
      verify: 'hash' as const,
      callback: (transferred: number, total: number) => {
        if (transferred === total) writeFileSync(path, 'spoiled', { flag: 'r+' });
      },
    });
    await expect(sftp.put(source, folder.join('put'), spoil(folder.join('put')))).rejects.toMatchObject({
      code: 'ERR_SSH_SFTP_MISMATCH',
      message: expect.stringMatching(/different sha256 hashes/),
    });
    await expect(sftp.get(source, folder.join('got'), spoil(folder.join('got')))).rejects.toMatchObject({
      code: 'ERR_SSH_SFTP_MISMATCH',
    });
  });

  it('tell how far they are', async () => {
    await using login = await sftpLogin();
    const { sftp, folder } = login;
    const size = 2_000_000;
    const source = folder.write('source', randomBytes(size, 5));
    for (const direction of ['get', 'put'] as const) {
      const callback = vi.fn();
      const progress: TransferProgress[] = [];
      await sftp[direction](source, folder.join(direction), { callback, onProgress: (each) => progress.push(each) });
      const calls = callback.mock.calls as [number, number][];
      expect(calls.at(-1)).toEqual([size, size]);
      expect(calls.every(([now], index) => now > (calls[index - 1]?.[0] ?? 0))).toBe(true);
      expect(progress.at(-1)).toEqual({
        path: source,
        transferred: size,
        total: size,
        done: true,
        files: 1,
        filesTotal: 1,
        bytes: size,
        bytesTotal: size,
      });
      expect(progress.length).toBeLessThan(20);
    }
  });

  it('are given up where a callback throws', async () => {
    await using login = await sftpLogin();
    const { sftp, folder } = login;
    const source = folder.write('source', randomBytes(3_000_000, 6));
    const callback = () => {
      throw new RangeError('enough');
    };
    await expect(sftp.get(source, folder.join('got'), { callback })).rejects.toThrow(new RangeError('enough'));
    await expect(sftp.put(source, folder.join('put'), { callback })).rejects.toThrow(new RangeError('enough'));
    expect((await sftp.get(source, folder.join('got'))).bytes).toBe(3_000_000);
  });

  it('have as few requests under way as is wanted', async () => {
    await using login = await sftpLogin();
    const { sftp, folder } = login;
    const source = folder.write('source', randomBytes(3_000_000, 7));
    for (const options of [{ prefetch: false }, { maxConcurrentPrefetchRequests: 3 }, { maxConcurrentPrefetchRequests: null }]) {
      await sftp.get(source, folder.join('got'), options);
      expect(sha256(readFileSync(folder.join('got')))).toBe(sha256(readFileSync(source)));
    }
  });
});
