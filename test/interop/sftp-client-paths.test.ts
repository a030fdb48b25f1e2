// What the SFTP client does to files by their paths, against OpenSSH's server: every call, and every reason that can be told.

import { Buffer } from 'node:buffer';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { SFTPError } from '../../src/index.ts';
import type { SFTPClient } from '../../src/sftp.ts';
import { canMakeUsers, describePeer, ensureTestUser, type PeerName, startSshd } from '../support/peers.ts';
import { loginTo, type SFTPLogin, sftpLogin } from '../support/sftp-login.ts';

const servers: PeerName[] = ['sshd', 'sshd-trixie'];

for (const server of servers) {
  describePeer(server, `SFTP paths on ${server}`, () => {
    let login: SFTPLogin;
    let sftp: SFTPClient;
    /** A new folder for each test. */
    let dir: string;
    let tests = 0;

    beforeAll(async () => {
      login = await sftpLogin({ trixie: server.endsWith('-trixie') });
      sftp = login.sftp;
    });
    afterAll(() => login[Symbol.asyncDispose]());
    beforeEach(() => {
      dir = login.folder.join(`test ${tests++}`);
      mkdirSync(dir);
    });

    it('stat and lstat tell what is there', async () => {
      writeFileSync(join(dir, 'file'), '12345', { mode: 0o640 });
      symlinkSync('file', join(dir, 'link'));
      const stat = await sftp.stat(join(dir, 'link'));
      const real = statSync(join(dir, 'file'));
      expect(stat).toMatchObject({
        size: 5,
        mode: 0o100640,
        uid: real.uid,
        gid: real.gid,
        mtimeMs: Math.floor(real.mtimeMs / 1000) * 1000,
      });
      expect(stat.isFile()).toBe(true);
      expect((await sftp.lstat(join(dir, 'link'))).isSymbolicLink()).toBe(true);
      expect(await sftp.readlink(join(dir, 'link'))).toBe('file');
      expect((await sftp.stat(dir)).isDirectory()).toBe(true);
      await expect(sftp.stat(join(dir, 'none'))).rejects.toMatchObject({
        name: 'SFTPError',
        code: 'ENOENT',
        status: 2,
        operation: 'stat',
        path: join(dir, 'none'),
      });
    });

    it('mkdir makes folders, one or many', async () => {
      expect(await sftp.mkdir(join(dir, 'a'), 0o700)).toBeUndefined();
      expect(statSync(join(dir, 'a')).mode & 0o777).toBe(0o700);
      await expect(sftp.mkdir(join(dir, 'a'))).rejects.toMatchObject({ code: 'EEXIST', status: 4, operation: 'mkdir' });
      await expect(sftp.mkdir(join(dir, 'x', 'y'))).rejects.toMatchObject({ code: 'ENOENT' });
      expect(await sftp.mkdir(join(dir, 'b', 'c', 'd/'), { recursive: true, mode: '750' })).toBe(join(dir, 'b'));
      expect(statSync(join(dir, 'b', 'c', 'd')).mode & 0o777).toBe(0o750);
      expect(await sftp.mkdir(join(dir, 'b', 'c', 'e'), { recursive: true })).toBe(join(dir, 'b', 'c', 'e'));
      expect(await sftp.mkdir(join(dir, 'b', 'c'), { recursive: true })).toBeUndefined();
      writeFileSync(join(dir, 'file'), '');
      await expect(sftp.mkdir(join(dir, 'file'), { recursive: true })).rejects.toMatchObject({ code: 'EEXIST' });
      await expect(sftp.mkdir(join(dir, 'file', 'below', 'it'), { recursive: true })).rejects.toMatchObject({ code: 'ENOTDIR' });
      // Many at once, of the same folders.
      const many = Array.from({ length: 20 }, () => sftp.mkdir(join(dir, 'same', 'for', 'all'), { recursive: true }));
      const first = await Promise.all(many);
      expect(first.filter((made) => made === join(dir, 'same'))).toHaveLength(1);
    });

    it('mkdtemp makes a folder of our own', async () => {
      const made = await sftp.mkdtemp(join(dir, 'mine-'));
      expect(made).toMatch(/mine-[A-Za-z0-9]{6}$/);
      expect(statSync(made).mode & 0o777).toBe(0o700);
    });

    it('rmdir and remove say why they fail', async () => {
      mkdirSync(join(dir, 'full', 'inner'), { recursive: true });
      writeFileSync(join(dir, 'file'), '');
      await expect(sftp.rmdir(join(dir, 'full'))).rejects.toMatchObject({ code: 'ENOTEMPTY', status: 4 });
      await expect(sftp.rmdir(join(dir, 'file'))).rejects.toMatchObject({ code: 'ENOTDIR' });
      await expect(sftp.rmdir(join(dir, 'none'))).rejects.toMatchObject({ code: 'ENOENT' });
      await expect(sftp.remove(join(dir, 'full'))).rejects.toMatchObject({ code: 'EISDIR' });
      await expect(sftp.unlink(join(dir, 'none'))).rejects.toMatchObject({ code: 'ENOENT' });
      await sftp.rmdir(join(dir, 'full', 'inner'));
      await sftp.unlink(join(dir, 'file'));
      expect(readdirSync(dir)).toEqual(['full']);
    });

    it('rm removes files, and with recursive whole trees without following links', async () => {
      const outside = join(dir, 'outside');
      mkdirSync(outside);
      writeFileSync(join(outside, 'keep'), '');
      const tree = join(dir, 'tree');
      for (let i = 0; i < 12; i++) {
        mkdirSync(join(tree, `folder ${i}`, 'deep', 'deeper'), { recursive: true });
        for (let j = 0; j < 30; j++) writeFileSync(join(tree, `folder ${i}`, `file\n${j}`), '');
        symlinkSync(outside, join(tree, `folder ${i}`, 'deep', 'link'));
      }
      await expect(sftp.rm(tree)).rejects.toMatchObject({ code: 'EISDIR' });
      await sftp.rm(tree, { recursive: true });
      expect(readdirSync(dir)).toEqual(['outside']);
      expect(readdirSync(outside)).toEqual(['keep']);
      await expect(sftp.rm(tree, { recursive: true })).rejects.toMatchObject({ code: 'ENOENT' });
      await sftp.rm(tree, { recursive: true, force: true });
      await sftp.rm(join(dir, 'none'), { force: true });
      symlinkSync(outside, join(dir, 'link'));
      // With a slash at the end systems follow it.
      await expect(sftp.rm(`${dir}/link//`, { recursive: true })).rejects.toMatchObject({ code: 'ENOTDIR' });
      expect(readdirSync(outside)).toEqual(['keep']);
      await sftp.rm(join(dir, 'link'), { recursive: true });
      mkdirSync(join(dir, 'a', 'b'), { recursive: true });
      await sftp.rm(`${dir}/a/`, { recursive: true });
      await sftp.rm(join(outside, 'keep'));
      expect(readdirSync(dir)).toEqual(['outside']);
    });

    it('rename fails where the target exists, posixRename replaces it', async () => {
      writeFileSync(join(dir, 'a'), 'a');
      writeFileSync(join(dir, 'b'), 'b');
      await expect(sftp.rename(join(dir, 'a'), join(dir, 'b'))).rejects.toMatchObject({
        code: 'EEXIST',
        operation: 'rename',
        path: join(dir, 'a'),
        dest: join(dir, 'b'),
      });
      await sftp.posixRename(join(dir, 'a'), join(dir, 'b'));
      expect(readFileSync(join(dir, 'b'), 'utf8')).toBe('a');
      await sftp.rename(join(dir, 'b'), join(dir, 'c'));
      await expect(sftp.rename(join(dir, 'b'), join(dir, 'd'))).rejects.toMatchObject({ code: 'ENOENT' });
      mkdirSync(join(dir, 'full', 'x'), { recursive: true });
      mkdirSync(join(dir, 'other'));
      await expect(sftp.posixRename(join(dir, 'c'), join(dir, 'full'))).rejects.toMatchObject({ code: 'EISDIR' });
      await expect(sftp.posixRename(join(dir, 'other'), join(dir, 'full'))).rejects.toMatchObject({ code: 'ENOTEMPTY' });
      await sftp.posixRename(join(dir, 'full'), join(dir, 'other'));
      expect(readdirSync(dir)).toEqual(['c', 'other']);
      // A folder into itself.
      const inside = [join(dir, 'other'), join(dir, 'other', 'x', 'y')] as const;
      await expect(sftp.rename(...inside)).rejects.toMatchObject({ code: 'EINVAL' });
      await expect(sftp.posixRename(...inside)).rejects.toMatchObject({ code: 'EINVAL' });
    });

    it('symlink and link make names', async () => {
      writeFileSync(join(dir, 'file'), 'data');
      await sftp.symlink('no/such/../place', join(dir, 'link'));
      expect(readlinkSync(join(dir, 'link'))).toBe('no/such/../place');
      await expect(sftp.symlink('x', join(dir, 'link'))).rejects.toMatchObject({
        code: 'EEXIST',
        path: 'x',
        dest: join(dir, 'link'),
      });
      await sftp.link(join(dir, 'file'), join(dir, 'second'));
      expect(statSync(join(dir, 'second')).nlink).toBe(2);
      await expect(sftp.link(join(dir, 'file'), join(dir, 'second'))).rejects.toMatchObject({ code: 'EEXIST' });
      await expect(sftp.readlink(join(dir, 'file'))).rejects.toMatchObject({ name: 'SFTPError', code: 'EINVAL' });
      await expect(sftp.readlink(join(dir, 'none'))).rejects.toMatchObject({ code: 'ENOENT' });
      symlinkSync(Buffer.of(0x78, 0xff), join(dir, 'bytes'));
      expect(await sftp.readlink(join(dir, 'bytes'))).toBe('x\udcff');
      expect(await sftp.readlink(join(dir, 'bytes'), 'buffer')).toEqual(Buffer.of(0x78, 0xff));
      expect(await sftp.readlink(join(dir, 'bytes'), { encoding: 'latin1' })).toBe('xÿ');
      expect(await sftp.realpath(dir, 'buffer')).toEqual(Buffer.from(dir));
      expect(await sftp.realpath(dir, { encoding: 'utf8', timeout: 10_000 })).toBe(dir);
    });

    it('changes attributes', async () => {
      const file = join(dir, 'file');
      writeFileSync(file, 'x'.repeat(100));
      symlinkSync('file', join(dir, 'link'));
      await sftp.chmod(file, 0o100604);
      expect(statSync(file).mode).toBe(0o100604);
      await sftp.chmod(file, '644');
      expect(statSync(file).mode & 0o7777).toBe(0o644);
      await sftp.utime(file, [1_000_000_000, 1_100_000_000]);
      expect(statSync(file)).toMatchObject({ atimeMs: 1e12, mtimeMs: 1.1e12 });
      await sftp.utimes(file, new Date(5_000), '7.9');
      expect(statSync(file)).toMatchObject({ atimeMs: 5_000, mtimeMs: 7_000 });
      await sftp.lutimes(join(dir, 'link'), 1, 2);
      expect(lstatSync(join(dir, 'link'))).toMatchObject({ atimeMs: 1_000, mtimeMs: 2_000 });
      expect(statSync(file).mtimeMs).toBe(7_000);
      const before = Math.floor(Date.now() / 1000) * 1000;
      await sftp.utime(file, null);
      expect(statSync(file).mtimeMs).toBeGreaterThanOrEqual(before);
      await sftp.truncate(file, 10);
      expect(statSync(file).size).toBe(10);
      await sftp.truncate(file);
      expect(statSync(file).size).toBe(0);
      const { uid, gid } = statSync(file);
      await sftp.chown(file, uid, gid);
      await sftp.lchown(join(dir, 'link'), uid, gid);
      await expect(sftp.chmod(join(dir, 'none'), 0o600)).rejects.toMatchObject({ code: 'ENOENT', operation: 'setstat' });
      for (const wrong of [
        () => sftp.chmod(file, 'rwx'),
        () => sftp.utimes(file, Number.NaN, 0),
        () => sftp.truncate(file, -1),
        () => sftp.chown(file, -2, 0),
      ]) {
        await expect(wrong()).rejects.toMatchObject({ code: 'ERR_SSH_USAGE' });
      }
    });

    it.skipIf(process.getuid?.() !== 0)('changes owners', async () => {
      const file = join(dir, 'file');
      writeFileSync(file, '');
      symlinkSync('file', join(dir, 'link'));
      await sftp.chown(file, 1234, 5678);
      await sftp.lchown(join(dir, 'link'), 4321, 8765);
      expect(statSync(file)).toMatchObject({ uid: 1234, gid: 5678 });
      expect(lstatSync(join(dir, 'link'))).toMatchObject({ uid: 4321, gid: 8765 });
      // As fs: -1 is no change.
      await sftp.chown(file, -1, 99);
      await sftp.lchown(join(dir, 'link'), 77, -1);
      expect(statSync(file)).toMatchObject({ uid: 1234, gid: 99 });
      expect(lstatSync(join(dir, 'link'))).toMatchObject({ uid: 77, gid: 8765 });
      await using handle = await sftp.open(file, 'r+');
      await handle.chown(88, -1);
      expect(statSync(file)).toMatchObject({ uid: 88, gid: 99 });
      await expect(sftp.chown(join(dir, 'none'), -1, -1)).rejects.toMatchObject({ code: 'ENOENT' });
    });

    it('counts relative paths from the folder of chdir', async () => {
      mkdirSync(join(dir, 'sub'));
      writeFileSync(join(dir, 'sub', 'file'), 'here');
      expect(sftp.getcwd()).toBeNull();
      await sftp.chdir(dir);
      expect(sftp.getcwd()).toBe(dir);
      await sftp.chdir('sub');
      expect(sftp.getcwd()).toBe(join(dir, 'sub'));
      expect(await sftp.readFile('file', 'utf8')).toBe('here');
      expect(await sftp.listdir()).toEqual(['file']);
      expect(await sftp.normalize('../sub/./file')).toBe(join(dir, 'sub', 'file'));
      expect(await sftp.readFile(join(dir, 'sub', 'file'), 'utf8')).toBe('here');
      await expect(sftp.chdir('file')).rejects.toMatchObject({ code: 'ENOTDIR' });
      await expect(sftp.chdir('none')).rejects.toMatchObject({ code: 'ENOENT' });
      expect(sftp.getcwd()).toBe(join(dir, 'sub'));
      await sftp.chdir(null);
      expect(sftp.getcwd()).toBeNull();
    });

    it('takes names with anything in them, also what is not UTF-8', async () => {
      const names: (string | Uint8Array)[] = [
        ' with spaces ',
        'line\nbreak\r\ttab',
        '-rf *',
        'ünïcode \u{1f600} ﷽',
        '\\back\\slash',
        Uint8Array.of(0xff, 0xfe, 0x41, 0xc3),
        Uint8Array.of(0xed, 0xa0, 0x80),
      ];
      const bytes = names.map((name) => Buffer.from(name)).sort(Buffer.compare);
      for (const name of names) {
        const path = Buffer.concat([Buffer.from(`${dir}/`), Buffer.from(name)]);
        await sftp.writeFile(path, 'x');
        expect(await sftp.readFile(path, 'utf8')).toBe('x');
      }
      expect(readdirSync(dir, { encoding: 'buffer' }).sort(Buffer.compare)).toEqual(bytes);
      expect((await sftp.readdir(dir, 'buffer')).sort(Buffer.compare)).toEqual(bytes);
      const hex = await sftp.readdir(dir, { encoding: 'hex' });
      expect(hex.map((name) => Buffer.from(name, 'hex')).sort(Buffer.compare)).toEqual(bytes);
      const asked = sftp.readdir(dir, { withFileTypes: true, encoding: 'buffer' } as never);
      await expect(asked).rejects.toMatchObject({ name: 'UsageError' });
      const listed = await sftp.listdir(dir);
      // What was listed is found again.
      for (const name of listed) expect((await sftp.lstat(join(dir, name))).size).toBe(1);
      expect(listed).toContain('\udcff\udcfeA\udcc3');
      await sftp.rename(join(dir, '\udcff\udcfeA\udcc3'), join(dir, 'plain'));
      await sftp.mkdir(join(dir, 'new\udc80'));
      expect(existsSync(Buffer.concat([Buffer.from(`${dir}/new`), Buffer.of(0x80)]))).toBe(true);
      expect(await sftp.realpath(join(dir, 'new\udc80'))).toBe(join(dir, 'new\udc80'));
      await sftp.rm(dir, { recursive: true });
      expect(existsSync(dir)).toBe(false);
    });

    it('never sends a NUL, which would end the session, nor half of a character', async () => {
      const before = sftp.getChannel();
      for (const path of ['a\0b', Uint8Array.of(97, 0, 98), '\ud800']) {
        await expect(sftp.stat(path)).rejects.toMatchObject({ code: 'ERR_SSH_USAGE' });
        await expect(sftp.readFile(path)).rejects.toMatchObject({ code: 'ERR_SSH_USAGE' });
        await expect(sftp.mkdir(path, { recursive: true })).rejects.toMatchObject({ code: 'ERR_SSH_USAGE' });
      }
      expect(before).toBe(sftp.getChannel());
      expect((await sftp.stat(dir)).isDirectory()).toBe(true);
    });

    it('exists says whether', async () => {
      writeFileSync(join(dir, 'file'), '');
      symlinkSync('nowhere', join(dir, 'dangling'));
      expect(await sftp.exists(join(dir, 'file'))).toBe(true);
      expect(await sftp.exists(join(dir, 'none'))).toBe(false);
      expect(await sftp.exists(join(dir, 'file', 'below'))).toBe(false);
      expect(await sftp.exists(join(dir, 'dangling'))).toBe(false);
      await sftp.access(join(dir, 'file'));
      await expect(sftp.access(join(dir, 'none'))).rejects.toMatchObject({ code: 'ENOENT' });
    });

    it('extensions: statvfs, expand-path, home-directory, users-groups-by-id', async () => {
      const space = await sftp.statvfs(dir);
      expect(space.blocks).toBeGreaterThan(0n);
      expect(space.namemax).toBe(255n);
      const { bsize, blocks } = await sftp.statfs(dir);
      expect(BigInt(blocks) * BigInt(bsize)).toBe(space.blocks * space.frsize);
      const home = await sftp.realpath('.');
      expect(await sftp.expandPath('~/x')).toBe(`${home}/x`);
      expect(await sftp.homeDirectory(login.sshd.user)).toBe(home);
      expect(await sftp.homeDirectory()).toBe(home);
      await expect(sftp.homeDirectory('nobody of this name')).rejects.toBeInstanceOf(SFTPError);
      expect(await sftp.usersGroupsById([0, 54_321], [0])).toEqual({ users: ['root', ''], groups: ['root'] });
      const { maxReadLength, maxPacketLength } = await sftp.limits();
      expect({ maxReadLength, maxPacketLength }).toEqual({ maxReadLength: 261_120, maxPacketLength: 262_144 });
      await expect(sftp.checkFile(dir)).rejects.toMatchObject({ code: 'ENOTSUP', status: null });
    });
  });
}

describePeer('sshd', 'SFTP as somebody who may not', () => {
  it.skipIf(!canMakeUsers)('access and errors tell that permission is missing', async () => {
    await using user = await ensureTestUser();
    await using sshd = await startSshd({ user });
    await using client = await loginTo(sshd);
    await using sftp = await client.sftp();
    await sftp.writeFile('mine', 'x');
    await sftp.access('mine', 6);
    await expect(sftp.access('mine', 1)).rejects.toMatchObject({ code: 'EACCES' });
    await sftp.chmod('mine', 0o400);
    await sftp.access('mine', 4);
    await expect(sftp.access('mine', 2)).rejects.toMatchObject({ code: 'EACCES', path: 'mine' });
    await expect(sftp.writeFile('mine', 'y')).rejects.toMatchObject({ code: 'EACCES' });
    await expect(sftp.readFile('/etc/shadow')).rejects.toMatchObject({ code: 'EACCES', status: 3 });
    await expect(sftp.mkdir('/etc/amiko')).rejects.toMatchObject({ code: 'EACCES' });
    await sftp.mkdir('closed', 0o600);
    await expect(sftp.access('closed', 1)).rejects.toMatchObject({ code: 'EACCES' });
    await sftp.access('closed', 4);
    await expect(sftp.exists('closed/inside')).rejects.toMatchObject({ code: 'EACCES' });
    chmodSync(join(user.home, 'closed'), 0o700);
    await sftp.access('closed', 7);
    await expect(sftp.chown('mine', 0, 0)).rejects.toMatchObject({ code: 'EACCES' });
  });
});
