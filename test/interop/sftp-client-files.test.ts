// Reading and writing files through the SFTP client, against OpenSSH's server: whole, in parts, by lines, beyond 4 GiB, many at once.

import { createHash } from 'node:crypto';
import { constants, existsSync, mkdirSync, readFileSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { SFTPClient } from '../../src/sftp.ts';
import { describePeer, type PeerName, randomBytes, startSshd } from '../support/peers.ts';
import { loginTo, openOnServer, type SFTPLogin, sftpLogin } from '../support/sftp-login.ts';

const servers: PeerName[] = ['sshd', 'sshd-trixie'];
const sha256 = (data: Uint8Array) => createHash('sha256').update(data).digest('hex');

for (const server of servers) {
  describePeer(server, `SFTP files on ${server}`, () => {
    let login: SFTPLogin;
    let sftp: SFTPClient;
    let dir: string;
    let file: string;
    let tests = 0;

    beforeAll(async () => {
      login = await sftpLogin({ trixie: server.endsWith('-trixie') });
      sftp = login.sftp;
    });
    afterAll(() => login[Symbol.asyncDispose]());
    beforeEach(() => {
      dir = login.folder.join(`test ${tests++}`);
      mkdirSync(dir);
      file = join(dir, 'file');
    });

    it('readFile and writeFile, of any size', async () => {
      await sftp.limits();
      for (const size of [0, 1, 32_768, 261_119, 261_120, 261_121, 522_240, 5_000_001]) {
        const data = randomBytes(size, size);
        await sftp.writeFile(file, data);
        expect(statSync(file).size).toBe(size);
        const read = await sftp.readFile(file);
        expect(read.equals(data)).toBe(true);
        expect(read.buffer.byteLength).toBeLessThan(2 * size + 8_193);
      }
      await sftp.writeFile(file, 'täxt\n');
      expect(await sftp.readFile(file, 'utf8')).toBe('täxt\n');
      expect(await sftp.readFile(file, { encoding: 'hex' })).toBe('74c3a478740a');
      await sftp.writeFile(file, '74c3', 'hex');
      await sftp.appendFile(file, '\xa4', 'latin1');
      await sftp.appendFile(file, 'xt');
      expect(readFileSync(file, 'utf8')).toBe('täxt');
      await sftp.writeFile(file, 'neu', { mode: 0o600 });
      expect(readFileSync(file, 'utf8')).toBe('neu');
      await sftp.writeFile(`${file}2`, '', { mode: 0o600 });
      expect(statSync(`${file}2`).mode & 0o777).toBe(0o600);
    });

    it('writeFile takes whatever gives out bytes', async () => {
      const parts = [randomBytes(100_000, 1), randomBytes(300_000, 2), randomBytes(1, 3)];
      const whole = Buffer.concat(parts);
      async function* generator() {
        // The same buffer again and again.
        const buffer = new Uint8Array(300_000);
        for (const part of parts) {
          buffer.set(part);
          yield buffer.subarray(0, part.length);
        }
      }
      const sources = [
        () => parts,
        generator,
        () => Readable.from(parts),
        () => new Blob(parts.map((part) => new Uint8Array(part))).stream(),
        () => new DataView(whole.buffer, whole.byteOffset, whole.length) as unknown as Uint8Array,
      ];
      for (const source of sources) {
        await sftp.writeFile(file, source());
        expect(sha256(readFileSync(file))).toBe(sha256(whole));
      }
      await sftp.writeFile(file, ['a', Buffer.from('b'), 'ç']);
      expect(readFileSync(file, 'utf8')).toBe('abç');
      await expect(sftp.writeFile(file, 5 as unknown as string)).rejects.toMatchObject({ code: 'ERR_SSH_USAGE' });
      const failing = async function* () {
        yield 'x';
        throw new RangeError('no more');
      };
      await expect(sftp.writeFile(file, failing())).rejects.toThrow(new RangeError('no more'));
    });

    it('says why a file can not be read or written', async () => {
      await expect(sftp.readFile(dir)).rejects.toMatchObject({ code: 'EISDIR' });
      await expect(sftp.writeFile(dir, 'x')).rejects.toMatchObject({ code: 'EISDIR', operation: 'open', path: dir });
      await expect(sftp.readFile(file)).rejects.toMatchObject({ code: 'ENOENT' });
      await sftp.writeFile(file, 'x', { flag: 'wx' });
      await expect(sftp.writeFile(file, 'y', { flag: 'wx' })).rejects.toMatchObject({ code: 'EEXIST', status: 4 });
      await expect(sftp.open(file, 'q')).rejects.toMatchObject({ code: 'ERR_SSH_USAGE' });
      await expect(sftp.writeFile('/dev/full', 'x')).rejects.toMatchObject({ name: 'SFTPError', operation: 'write' });
      await expect(sftp.readFile(file, { maxBytes: 0 })).rejects.toMatchObject({ code: 'EFBIG' });
      expect(readFileSync(file, 'utf8')).toBe('x');
    });

    it('reads files without a size', async () => {
      const status = await sftp.readFile('/proc/self/status', 'utf8');
      expect(status).toMatch(/^Name:\s+sshd/);
      await expect(sftp.readFile('/dev/zero', { maxBytes: 1_000_000 })).rejects.toMatchObject({ code: 'EFBIG' });
      await sftp.copyFile('/proc/self/status', file);
      expect(readFileSync(file, 'utf8')).toMatch(/^Name:\s+sshd/);
    });

    it('reads and writes beyond 4 GiB', async () => {
      const far = 5_000_000_000;
      await sftp.writeFile(file, '');
      await sftp.truncate(file, far + 100);
      expect((await sftp.stat(file)).size).toBe(far + 100);
      await using handle = await sftp.open(file, 'r+');
      await handle.write('here', far);
      expect((await handle.read(Buffer.alloc(10), 0, 10, far - 3)).buffer.toString('latin1')).toBe('\0\0\0here\0\0\0');
      await handle.seek(-100, 2);
      expect(handle.tell()).toBe(far);
      expect((await handle.read()).toString('latin1').slice(0, 5)).toBe('here\0');
      expect(handle.tell()).toBe(far + 100);
      truncateSync(file, 0);
    });

    it('an open file has a position', async () => {
      await using handle = await sftp.open(file, 'w+');
      expect([handle.readable(), handle.writable(), handle.seekable(), handle.tell()]).toEqual([true, true, true, 0]);
      expect(await handle.write('0123456789')).toEqual({ bytesWritten: 10, buffer: '0123456789' });
      expect(handle.tell()).toBe(10);
      expect((await handle.read(5)).length).toBe(0);
      expect(await handle.seek(2)).toBe(2);
      expect((await handle.read(3)).toString()).toBe('234');
      expect(await handle.seek(-2, 1)).toBe(3);
      expect((await handle.read()).toString()).toBe('3456789');
      const buffer = Buffer.alloc(4, '-');
      expect(await handle.read(buffer, 1, 2, 5)).toEqual({ bytesRead: 2, buffer });
      expect(buffer.toString()).toBe('-56-');
      expect(handle.tell()).toBe(10);
      await handle.seek(8);
      expect(await handle.read({ buffer })).toEqual({ bytesRead: 2, buffer });
      expect(await handle.read(buffer, { position: 0, length: 1 })).toEqual({ bytesRead: 1, buffer });
      expect(await handle.write(Buffer.from('abcdef'), 2, 2, 0)).toMatchObject({ bytesWritten: 2 });
      // Those without a position follow each other.
      await handle.seek(0);
      const [one, two, three] = await Promise.all([handle.read(1), handle.read(2), handle.read(3)]);
      expect([one.toString(), two.toString(), three.toString()]).toEqual(['c', 'd2', '345']);
      await Promise.all([handle.write('A'), handle.write('B'), handle.write('C')]);
      expect(readFileSync(file, 'utf8')).toBe('cd2345ABC9');
      const pieces = [Buffer.from('x'), new Uint16Array([0x7a79])] as const;
      expect(await handle.writev(pieces, 2)).toEqual({ bytesWritten: 3, buffers: pieces });
      await handle.writev([Buffer.from('!')]);
      expect(readFileSync(file, 'utf8')).toBe('cdxyz5ABC!');
      await expect(handle.seek(-1)).rejects.toMatchObject({ code: 'ERR_SSH_USAGE' });
      await expect(handle.seek(0, 3 as 2)).rejects.toMatchObject({ code: 'ERR_SSH_USAGE' });
      await expect(handle.read(Buffer.alloc(1), 0, 2)).rejects.toMatchObject({ code: 'ERR_SSH_USAGE' });
    });

    it('append begins at the end and stays there', async () => {
      writeFileSync(file, 'one\n');
      await using handle = await sftp.open(file, 'a+');
      expect(handle.tell()).toBe(4);
      await handle.write('two\n');
      await handle.write('three\n');
      await handle.seek(0);
      expect((await handle.read()).toString()).toBe('one\ntwo\nthree\n');
      await handle.writeFile('four\n');
      expect(readFileSync(file, 'utf8')).toBe('one\ntwo\nthree\nfour\n');
      await sftp.appendFile(file, ['five', '\n']);
      expect(readFileSync(file, 'utf8')).toBe('one\ntwo\nthree\nfour\nfive\n');
    });

    it('an open file has attributes, and an end', async () => {
      const handle = await sftp.open(file, 'w', 0o640);
      await handle.chmod(0o600);
      await handle.utime([1, 2]);
      await handle.truncate(1_000);
      expect(statSync(file)).toMatchObject({ mode: 0o100600, size: 1_000 });
      expect((await handle.stat()).size).toBe(1_000);
      await handle.utimes(new Date(3_000), 4);
      expect(statSync(file)).toMatchObject({ atimeMs: 3_000, mtimeMs: 4_000 });
      await handle.sync();
      await handle.datasync();
      expect((await handle.statvfs()).blocks).toBeGreaterThan(0n);
      await expect(handle.check('sha256')).rejects.toMatchObject({ code: 'ENOTSUP' });
      await expect(handle.read(1)).rejects.toMatchObject({ code: 'EBADF' });
      await handle.close();
      await handle.close();
      await expect(handle.stat()).rejects.toMatchObject({ code: 'EBADF' });
      const readOnly = await sftp.open(file);
      await expect(readOnly.write('x')).rejects.toMatchObject({ code: 'EBADF' });
      readOnly.setblocking(false);
      expect(readOnly.gettimeout()).toBe(0);
      await expect(readOnly.read(1)).rejects.toMatchObject({ code: 'ERR_SSH_TIMEOUT' });
      readOnly.settimeout(30_000);
      expect((await readOnly.read(1)).length).toBe(1);
      await readOnly.close();
    });

    it('large reads and writes of an open file', async () => {
      const data = randomBytes(3_000_000, 9);
      await using handle = await sftp.open(file, 'w+');
      await handle.write(data);
      expect(sha256(readFileSync(file))).toBe(sha256(data));
      const target = new Uint8Array(4_000_000);
      expect(await handle.read(target, 7, 3_999_000, 1_000_000)).toMatchObject({ bytesRead: 2_000_000 });
      expect(sha256(target.subarray(7, 2_000_007))).toBe(sha256(data.subarray(1_000_000)));
      await handle.seek(100);
      expect(sha256(await handle.read(2_000_000))).toBe(sha256(data.subarray(100, 2_000_100)));
      expect(sha256(await handle.readFile())).toBe(sha256(data.subarray(2_000_100)));
      const ranges: [number, number][] = [];
      for (let at = 2_999_000; at > 0; at -= 10_007) ranges.push([at, 2_000]);
      let part = 0;
      for await (const bytes of handle.readv(ranges, 10)) {
        const [offset] = ranges[part++] as [number, number];
        expect(bytes.equals(data.subarray(offset, offset + 2_000))).toBe(true);
      }
      expect(part).toBe(ranges.length);
    });

    it('prefetch and lines', async () => {
      const lines = Array.from({ length: 50_000 }, (_, i) => `line ${i} ${'x'.repeat(i % 100)}\n`);
      lines.push('the last one, without an end');
      writeFileSync(file, lines.join(''));
      await using handle = await sftp.open(file);
      await handle.prefetch();
      let at = 0;
      const whole = readFileSync(file);
      for (let bytes = await handle.read(70_001); bytes.length > 0; bytes = await handle.read(70_001)) {
        expect(bytes.equals(whole.subarray(at, at + 70_001))).toBe(true);
        at += bytes.length;
      }
      expect(at).toBe(whole.length);
      await handle.seek(0);
      await handle.prefetch(whole.length, 3);
      // Elsewhere, and within what was asked for.
      expect((await handle.read(10)).toString()).toBe(whole.subarray(0, 10).toString());
      await handle.seek(100, 1);
      expect((await handle.read(10)).equals(whole.subarray(110, 120))).toBe(true);
      await handle.seek(1_000_000);
      expect((await handle.read(10)).equals(whole.subarray(1_000_000, 1_000_010))).toBe(true);
      await handle.seek(0);
      const read: string[] = [];
      for await (const line of handle) read.push(line);
      expect(read).toEqual(lines);
      await handle.seek(0);
      expect(await handle.readline()).toBe('line 0 \n');
      expect(await handle.readline(3)).toBe('lin');
      expect(await handle.readline()).toBe('e 1 x\n');
      expect((await handle.read(6)).toString()).toBe('line 2');
      expect(await handle.readlines(20)).toEqual([' xx\n', 'line 3 xxx\n', 'line 4 xxxx\n']);
    });

    it('pipelined writes show what was refused at the end', async () => {
      const data = randomBytes(2_000_000, 4);
      const handle = await sftp.open(file, 'w+');
      handle.setPipelined();
      for (let from = 0; from < data.length; from += 1_001) await handle.write(data.subarray(from, from + 1_001));
      // What was written is found, flushed or not.
      expect((await handle.stat()).size).toBe(data.length);
      await handle.flush();
      const scratch = Buffer.from('tail');
      await handle.write(scratch);
      scratch.fill('-');
      await handle.writelines(['one\n', 'two\n']);
      await handle.close();
      expect(sha256(readFileSync(file))).toBe(sha256(Buffer.concat([data, Buffer.from('tailone\ntwo\n')])));
      const full = await sftp.open('/dev/full', 'w');
      full.setPipelined();
      await full.write('x');
      await expect(full.flush()).rejects.toMatchObject({ name: 'SFTPError', operation: 'write' });
      await full.flush();
      await full.write('x');
      await expect(full.close()).rejects.toMatchObject({ name: 'SFTPError', operation: 'write' });
    });

    it('copyFile copies on the server, and never loses what it copies', async () => {
      const data = randomBytes(40_000_000, 5);
      writeFileSync(file, data, { mode: 0o640 });
      const copy = join(dir, 'copy');
      await sftp.copyFile(file, copy);
      expect(sha256(readFileSync(copy))).toBe(sha256(data));
      expect(statSync(copy).mode & 0o777).toBe(0o640);
      await expect(sftp.copyFile(file, copy, constants.COPYFILE_EXCL)).rejects.toMatchObject({ code: 'EEXIST' });
      truncateSync(file, 1_000);
      await sftp.copyFile(file, copy);
      expect(readFileSync(copy).equals(data.subarray(0, 1_000))).toBe(true);
      // Onto itself, by its own name and by others.
      symlinkSync('file', join(dir, 'link'));
      await sftp.link(file, join(dir, 'hard'));
      await sftp.copyFile(file, file);
      await sftp.copyFile(file, join(dir, 'link'));
      await sftp.copyFile(file, join(dir, 'hard'));
      await sftp.copyFile(join(dir, 'hard'), file);
      expect(readFileSync(file).equals(data.subarray(0, 1_000))).toBe(true);
      await expect(sftp.copyFile(dir, copy)).rejects.toMatchObject({ code: 'EISDIR' });
      await expect(sftp.copyFile(join(dir, 'none'), join(dir, 'x'))).rejects.toMatchObject({ code: 'ENOENT' });
      expect(existsSync(join(dir, 'x'))).toBe(false);
      writeFileSync(file, '');
      await sftp.copyFile(file, copy);
      expect(statSync(copy).size).toBe(0);
    });

    it('thousands of calls at once on one session', async () => {
      const names = Array.from({ length: 2_000 }, (_, i) => join(dir, `${i}`));
      await Promise.all(names.map((name, i) => sftp.writeFile(name, `content of ${i}`)));
      const contents = await Promise.all(names.map((name) => sftp.readFile(name, 'utf8')));
      expect(contents).toEqual(names.map((_, i) => `content of ${i}`));
      const stats = await Promise.all(names.map((name) => sftp.stat(name)));
      expect(stats.every((stat, i) => stat.size === `content of ${i}`.length)).toBe(true);
    });

    it('one signal ends them all, and what was open is closed', async () => {
      writeFileSync(file, randomBytes(1_000, 1));
      const stop = new AbortController();
      const calls = Array.from({ length: 200 }, () => sftp.readFile(file, { signal: stop.signal }));
      const files = Array.from({ length: 200 }, () => sftp.open(file, 'r', { signal: stop.signal }));
      stop.abort(new Error('enough'));
      for (const call of [...calls, ...files]) await expect(call).rejects.toThrow('enough');
      await expect(sftp.stat(file, { signal: stop.signal })).rejects.toThrow('enough');
      expect(await openOnServer(login, file)).toBe(0);
    });
  });
}

describePeer('sshd', 'SFTP sessions', () => {
  it('close rejects what waits, once', async () => {
    await using login = await sftpLogin();
    const sftp = await login.client.sftp();
    const waiting = [sftp.stat('.'), sftp.readFile('/etc/passwd'), sftp.listdir('.')].map((call) =>
      call.catch((error) => error.code),
    );
    sftp.close();
    sftp.close();
    expect(await Promise.all(waiting)).toEqual(['ERR_SSH_CLOSED', 'ERR_SSH_CLOSED', 'ERR_SSH_CLOSED']);
    expect(await sftp.closed).toBeUndefined();
    await expect(sftp.stat('.')).rejects.toMatchObject({ code: 'ERR_SSH_CLOSED' });
    // The connection lives on.
    expect((await login.client.exec('echo here')).stdout).toBe('here\n');
  });

  it('a lost connection rejects what waits with its error', async () => {
    await using login = await sftpLogin();
    const { sftp } = login;
    const waiting = Promise.allSettled([sftp.readFile('/dev/zero'), sftp.opendir('/')]);
    await login.sshd.stop();
    const codes = (await waiting).map((each) => (each.status === 'rejected' ? each.reason.code : 'fulfilled'));
    expect(codes[0]).toMatch(/^ERR_SSH_(CONNECTION_LOST|DISCONNECTED)$/);
    expect(await sftp.closed).toBeInstanceOf(Error);
  });

  it('a server without SFTP says so', async () => {
    await using sshd = await startSshd({ config: { Subsystem: [] } });
    await using client = await loginTo(sshd);
    await expect(client.sftp()).rejects.toMatchObject({ code: 'ERR_SSH_CHANNEL_REQUEST' });
  });
});
