// FolderFileSystem as a file system: what each hook does to real files, and that it refuses every change unless told otherwise.
import { constants } from 'node:fs';
import { chmod, lstat, mkdir, open, readdir, readFile, readlink, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../src/errors.ts';
import { ST_RDONLY } from '../../../src/sftp/protocol/extensions.ts';
import { decodeName } from '../../../src/sftp/protocol/names.ts';
import { SFTP_OK } from '../../../src/sftp/protocol/status.ts';
import { FolderFileSystem } from '../../../src/sftp/server/folder.ts';
import { FolderHandle } from '../../../src/sftp/server/folder-handle.ts';
import { ServerInterface } from '../../../src/transport/server-interface.ts';
import {
  attributes,
  codeFrom,
  contentOf,
  descriptorsBelow,
  listOf,
  makeWorld,
  namesIn,
  readText,
  withFile,
} from './folder-world.ts';

const { O_APPEND, O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } = constants;
const linux = process.platform === 'linux';
const root = process.getuid?.() === 0;

for (const mechanism of linux ? ([undefined, 'paths'] as const) : (['paths'] as const)) {
  const held = mechanism === undefined ? {} : { mechanism };
  const writable = { ...held, readOnly: false };

  describe(`a folder, ${mechanism === undefined ? 'held by descriptors' : 'held by paths'}`, () => {
    it('uses the mechanism that this is about', async () => {
      const { serve } = await makeWorld();
      expect(serve(held).isRaceFree).toBe(mechanism === undefined);
    });

    describe('files', () => {
      it('are read, whole and in parts, also straight into the buffer that is sent', async () => {
        const { root, serve } = await makeWorld();
        await mkdir(join(root, 'a/b'), { recursive: true });
        await writeFile(join(root, 'a/b/c'), 'hello world');
        const files = serve(held);
        expect(await readText(files, '/a/b/c')).toBe('hello world');
        await withFile(files, 'a/b/c', O_RDONLY, async (handle) => {
          const target = new Uint8Array(5);
          expect(await handle.readInto?.(target, 6)).toBe(5);
          expect(Buffer.from(target).toString()).toBe('world');
          expect(await handle.readInto?.(target, 8)).toBe(3);
          expect(await handle.readInto?.(target, 11)).toBe(0);
          expect((await handle.stat()) as object).toMatchObject({ stSize: 11 });
          expect(await codeFrom(() => handle.write(0, target))).toBe('EROFS');
        });
      });

      it('are made, written at any offset, appended to, emptied and synced', async () => {
        const { root, serve } = await makeWorld();
        const files = serve(writable);
        await withFile(
          files,
          '/new',
          O_RDWR | O_CREAT | O_EXCL,
          async (handle) => {
            expect(await handle.write(3, Buffer.from('def'))).toBe(SFTP_OK);
            expect(await handle.write(0, Buffer.from('abc'))).toBe(SFTP_OK);
            expect(await handle.sync()).toBe(SFTP_OK);
            expect((await contentOf(handle)).toString()).toBe('abcdef');
          },
          { stMode: 0o640 },
        );
        expect((await stat(join(root, 'new'))).mode & 0o7777).toBe(0o640);
        await withFile(files, '/new', O_WRONLY | O_APPEND, async (handle) => {
          await handle.write(0, Buffer.from('gh'));
          expect(await codeFrom(() => handle.readInto?.(new Uint8Array(1), 0))).toBe('EBADF');
        });
        expect(await readFile(join(root, 'new'), 'utf8')).toBe('abcdefgh');
        await withFile(files, '/new', O_WRONLY | O_CREAT | O_TRUNC, (handle) => handle.write(0, Buffer.from('x')));
        expect(await readFile(join(root, 'new'), 'utf8')).toBe('x');
        expect(await codeFrom(() => files.open('/new', O_WRONLY | O_CREAT | O_EXCL, attributes()))).toBe('EEXIST');
        expect(await codeFrom(() => files.open('/nowhere', O_WRONLY, attributes()))).toBe('ENOENT');
        expect(await codeFrom(() => files.open('/new', 3, attributes()))).toBe('EINVAL');
      });

      it('never begin with setuid, setgid and sticky bits, and get a mask of ours besides that of the process', async () => {
        const { root, serve } = await makeWorld();
        const files = serve({ ...writable, umask: 0o027 });
        await withFile(files, '/f', O_WRONLY | O_CREAT, () => {}, { stMode: 0o7777 });
        await files.mkdir('/d', attributes({ stMode: 0o7777 }));
        for (const name of ['f', 'd']) expect((await stat(join(root, name))).mode & 0o7777).toBe(0o750);
      });

      it('take no flags that SFTP does not have', async () => {
        const { root, serve } = await makeWorld();
        await writeFile(join(root, 'f'), 'x');
        // Such as O_DIRECTORY, O_PATH, O_TMPFILE: they would do something else than open a file.
        const everything = 0x7fff_ffff & ~(3 | O_APPEND | O_CREAT | O_EXCL | O_TRUNC);
        expect(await withFile(serve(held), '/f', everything, contentOf)).toEqual(Buffer.from('x'));
      });
    });

    describe('attributes', () => {
      it('are changed: size, owner, mode and times, all at once', async () => {
        const { root: folder, serve } = await makeWorld();
        const path = join(folder, 'f');
        await writeFile(path, 'hello');
        const files = serve(writable);
        const [stUid, stGid] = root ? [1234, 2345] : [process.getuid?.(), process.getgid?.()];
        const wanted = { stSize: 2, stUid, stGid, stMode: 0o100604, stAtime: 1_000_000_001, stMtime: 1_000_000_002 };
        await files.chattr('/f', attributes(wanted));
        expect(await readFile(path, 'utf8')).toBe('he');
        expect(await files.stat('/f')).toMatchObject({ ...wanted, stAtime: expect.any(Number) });
        // Through the handle as well.
        const again = { ...wanted, stSize: 4, stMode: 0o100600, stMtime: 1_000_000_003 };
        await withFile(files, '/f', O_WRONLY, (handle) => handle.chattr(attributes(again)));
        expect(await files.stat('/f')).toMatchObject({ ...again, stAtime: expect.any(Number) });
        expect(await readFile(path)).toEqual(Buffer.from('he\0\0'));
      });

      it('that are alone leave the others: one time of two, one owner of two', async () => {
        const { root, serve } = await makeWorld();
        await writeFile(join(root, 'f'), 'hello');
        await utimes(join(root, 'f'), 1000, 2000);
        const files = serve(writable);
        const before = await stat(join(root, 'f'));
        await files.chattr('/f', attributes({ stMtime: 3000, stUid: 77 }));
        const after = await stat(join(root, 'f'));
        expect([after.atimeMs, after.mtimeMs, after.uid, after.mode]).toEqual([1_000_000, 3_000_000, before.uid, before.mode]);
        await files.chattr('/f', attributes({ stAtime: 4000 }));
        expect((await stat(join(root, 'f'))).mtimeMs).toBe(3_000_000);
      });

      it('never get setuid, setgid or sticky: files lose them, folders keep what they have', async () => {
        const { root, serve } = await makeWorld();
        await writeFile(join(root, 'f'), '');
        await chmod(join(root, 'f'), 0o6755);
        await mkdir(join(root, 'd'));
        await chmod(join(root, 'd'), 0o3777);
        await mkdir(join(root, 'e'));
        const files = serve(writable);
        for (const name of ['f', 'd', 'e']) await files.chattr(`/${name}`, attributes({ stMode: 0o7700 }));
        const modes = await Promise.all(['f', 'd', 'e'].map(async (name) => (await stat(join(root, name))).mode & 0o7777));
        expect(modes).toEqual([0o700, 0o3700, 0o700]);
      });

      it('of a link itself: owner and times, not mode and size', async () => {
        const { root: folder, serve } = await makeWorld();
        await writeFile(join(folder, 'f'), 'hello');
        await symlink('f', join(folder, 'l'));
        const before = await stat(join(folder, 'f'));
        const files = serve(writable);
        await files.lchattr('/l', attributes({ stAtime: 1000, stMtime: 2000, ...(root ? { stUid: 12, stGid: 34 } : {}) }));
        const link = await lstat(join(folder, 'l'));
        expect([link.mtimeMs, root ? link.uid : 12]).toEqual([2_000_000, 12]);
        expect(await codeFrom(() => files.lchattr('/l', attributes({ stMode: 0o777 })))).toBe('ENOTSUP');
        expect(await codeFrom(() => files.lchattr('/l', attributes({ stSize: 0 })))).toBe('EINVAL');
        const { mtimeMs, uid, mode, size } = await stat(join(folder, 'f'));
        expect([mtimeMs, uid, mode, size]).toEqual([before.mtimeMs, before.uid, before.mode, before.size]);
        // Of what is no link it is chattr.
        await files.lchattr('/f', attributes({ stMode: 0o600 }));
        expect((await stat(join(folder, 'f'))).mode & 0o777).toBe(0o600);
      });

      it('of folders: no size, and the rest all the same', async () => {
        const { root, serve } = await makeWorld();
        await mkdir(join(root, 'd'));
        const wanted = attributes({ stSize: 0, stMode: 0o710, stMtime: 7, stAtime: 8 });
        expect(await codeFrom(() => serve(writable).chattr('/d', wanted))).toBe('EISDIR');
        const { mode, mtimeMs } = await stat(join(root, 'd'));
        expect([mode & 0o777, mtimeMs]).toEqual([0o710, 7000]);
      });
    });

    describe('folders', () => {
      it('are listed entry by entry, with the links themselves, many or none', async () => {
        const { root, serve } = await makeWorld();
        const files = serve(held);
        expect(await namesIn(files, '/')).toEqual([]);
        const names = Array.from({ length: 300 }, (_, index) => `f${index}`).sort();
        for (const name of names) await writeFile(join(root, name), name);
        await symlink('nowhere', join(root, 'link'));
        await mkdir(join(root, 'sub'));
        const entries = await listOf(files, '/');
        expect(entries.map((entry) => entry.filename)).toEqual([...names, 'link', 'sub']);
        expect(entries.every((entry) => entry.isFile() === entry.filename?.startsWith('f'))).toBe(true);
        expect(entries.find((entry) => entry.filename === 'link')?.isSymbolicLink()).toBe(true);
        expect(entries.find((entry) => entry.filename === 'f123')).toMatchObject({ stSize: 4 });
        expect(await codeFrom(() => files.listFolder('/f1'))).toBe('ENOTDIR');
        expect(await codeFrom(() => files.listFolder('/none'))).toBe('ENOENT');
      });

      it('are read no further than they are asked for, and let go when nobody wants the rest', async () => {
        const { root, serve } = await makeWorld();
        for (let index = 0; index < 200; index++) await writeFile(join(root, `f${index}`), '');
        const files = serve(held);
        const listing = (await files.listFolder('/'))[Symbol.asyncIterator]();
        await listing.next();
        // What goes before it is looked at is left out.
        for (const name of await readdir(root)) await rm(join(root, name));
        let count = 1;
        while (count < 5) {
          await listing.next();
          count++;
        }
        await listing.return?.();
        expect(await listing.next()).toEqual({ done: true, value: undefined });
        if (linux) expect(descriptorsBelow(root)).toHaveLength(mechanism === undefined ? 1 : 0);
      });

      it('leave out what has gone meanwhile', async () => {
        const { root, serve } = await makeWorld();
        for (let index = 0; index < 200; index++) await writeFile(join(root, `f${index}`), '');
        const files = serve(held);
        const listing = await files.listFolder('/');
        for (const name of await readdir(root)) await rm(join(root, name));
        const seen: unknown[] = [];
        for await (const entry of listing) seen.push(entry);
        expect(seen).toEqual([]);
      });

      it('are made and removed', async () => {
        const { root, serve } = await makeWorld();
        const files = serve(writable);
        expect(await files.mkdir('/d/', attributes({ stMode: 0o700 }))).toBe(SFTP_OK);
        expect((await stat(join(root, 'd'))).mode & 0o7777).toBe(0o700);
        expect(await codeFrom(() => files.mkdir('/d', attributes()))).toBe('EEXIST');
        await writeFile(join(root, 'd/f'), '');
        expect(await codeFrom(() => files.rmdir('/d'))).toBe('ENOTEMPTY');
        expect(await codeFrom(() => files.rmdir('/d/f'))).toBe('ENOTDIR');
        expect(await codeFrom(() => files.remove('/d'))).toBe('EISDIR');
        expect(await codeFrom(() => files.remove('/d/f/'))).toBe('ENOTDIR');
        expect(await files.remove('/d/f')).toBe(SFTP_OK);
        expect(await files.rmdir('/d/')).toBe(SFTP_OK);
        expect(await readdir(root)).toEqual([]);
      });
    });

    describe('rename', () => {
      it('moves files, links and folders to names that are free', async () => {
        const { root, serve } = await makeWorld();
        const files = serve(writable);
        await writeFile(join(root, 'f'), 'f');
        await symlink('f2', join(root, 'l'));
        await mkdir(join(root, 'd'));
        await writeFile(join(root, 'd/g'), 'g');
        expect(await files.rename('/f', '/f2')).toBe(SFTP_OK);
        expect(await files.rename('/l', '/l2')).toBe(SFTP_OK);
        expect(await files.rename('/d/', '/d2/')).toBe(SFTP_OK);
        expect((await readdir(root)).sort()).toEqual(['d2', 'f2', 'l2']);
        expect(await readFile(join(root, 'd2/g'), 'utf8')).toBe('g');
        expect(await readlink(join(root, 'l2'))).toBe('f2');
      });

      it('never replaces anything, not even an empty folder or a link that leads nowhere', async () => {
        const { root, serve } = await makeWorld();
        const files = serve(writable);
        await writeFile(join(root, 'f'), 'f');
        await writeFile(join(root, 'g'), 'g');
        await mkdir(join(root, 'd'));
        await mkdir(join(root, 'e'));
        await symlink('nowhere', join(root, 'l'));
        for (const from of ['/f', '/d', '/l'])
          for (const to of ['/g', '/e', '/l', '/f', '/d'])
            expect(await codeFrom(() => files.rename(from, to)), `${from} ${to}`).toBe('EEXIST');
        expect((await readdir(root)).sort()).toEqual(['d', 'e', 'f', 'g', 'l']);
        expect(await readFile(join(root, 'g'), 'utf8')).toBe('g');
        expect(await codeFrom(() => files.rename('/none', '/new'))).toBe('ENOENT');
        expect(await codeFrom(() => files.rename('/f/', '/new'))).toBe('ENOTDIR');
        expect(await codeFrom(() => files.rename('/f', '/new/'))).toBe('ENOTDIR');
      });

      it('lets one of many win', async () => {
        const { root, serve } = await makeWorld();
        const files = serve(writable);
        const names = Array.from({ length: 20 }, (_, index) => `n${index}`);
        for (const kind of ['file', 'folder']) {
          for (const name of names) {
            if (kind === 'file') await writeFile(join(root, name), name);
            else await mkdir(join(root, name));
          }
          const codes = await Promise.all(names.map((name) => codeFrom(() => files.rename(`/${name}`, `/${kind}`))));
          expect(codes.filter((code) => code === 'none')).toHaveLength(1);
          expect(codes.filter((code) => code === 'EEXIST')).toHaveLength(19);
          expect(await readdir(root)).toHaveLength(kind === 'file' ? 20 : 21);
          for (const name of names) await rm(join(root, name), { recursive: true, force: true });
        }
      });

      it('does not put a folder into itself, and leaves nothing behind when it fails', async () => {
        const { root, serve } = await makeWorld();
        const files = serve(writable);
        await mkdir(join(root, 'd/e'), { recursive: true });
        expect(await codeFrom(() => files.rename('/d', '/d/e/f'))).toBe('EINVAL');
        expect(await codeFrom(() => files.posixRename('/d', '/d/e/f'))).toBe('EINVAL');
        expect(await readdir(join(root, 'd/e'))).toEqual([]);
      });

      it('refuses the root, and names that are dots', async () => {
        const { root, serve } = await makeWorld();
        const files = serve(writable);
        await mkdir(join(root, 'd/e'), { recursive: true });
        for (const work of [files.rename.bind(files), files.posixRename.bind(files), files.link.bind(files)]) {
          expect(await codeFrom(() => work('/', '/x'))).toBe('EBUSY');
          expect(await codeFrom(() => work('/d', '/'))).toBe('EBUSY');
          for (const dots of ['/d/.', '/d/..', '/d/e/..', '..', '.']) {
            expect(await codeFrom(() => work(dots, '/x'))).toBe('EINVAL');
            expect(await codeFrom(() => work('/d', dots))).toBe('EINVAL');
          }
        }
        for (const work of [() => files.rmdir('/d/e/.'), () => files.remove('/d/..'), () => files.mkdir('/x/..', attributes())])
          expect(await codeFrom(work)).toMatch(/^(EINVAL|ENOENT)$/);
        expect(await codeFrom(() => files.rmdir('/'))).toBe('EBUSY');
        expect(await readdir(join(root, 'd'))).toEqual(['e']);
      });
    });

    it('posixRename replaces', async () => {
      const { root, serve } = await makeWorld();
      const files = serve(writable);
      await writeFile(join(root, 'f'), 'f');
      await writeFile(join(root, 'g'), 'g');
      await mkdir(join(root, 'd'));
      expect(await files.posixRename('/f', '/g')).toBe(SFTP_OK);
      expect(await readFile(join(root, 'g'), 'utf8')).toBe('f');
      expect(await codeFrom(() => files.posixRename('/g', '/d'))).toBe('EISDIR');
      expect(await codeFrom(() => files.posixRename('/g/', '/h'))).toBe('ENOTDIR');
      expect(await codeFrom(() => files.posixRename('/d', '/g'))).toBe('ENOTDIR');
    });

    it('links: symbolic ones say what they were told, hard ones are the file', async () => {
      const { root, serve } = await makeWorld();
      const files = serve(writable);
      await writeFile(join(root, 'f'), 'f');
      await mkdir(join(root, 'd'));
      expect(await files.symlink('../f', '/d/l')).toBe(SFTP_OK);
      expect(await files.readlink('/d/l')).toBe('../f');
      expect(await readText(files, '/d/l')).toBe('f');
      expect(await files.link('/f', '/d/h')).toBe(SFTP_OK);
      expect((await stat(join(root, 'd/h'))).ino).toBe((await stat(join(root, 'f'))).ino);
      expect(await codeFrom(() => files.link('/f', '/d/h'))).toBe('EEXIST');
      expect(await codeFrom(() => files.link('/d', '/e'))).toBe('EPERM');
      expect(await codeFrom(() => files.symlink('x', '/f'))).toBe('EEXIST');
      expect(await codeFrom(() => files.symlink('x', '/n/'))).toBe('ENOENT');
      expect(await codeFrom(() => files.symlink('x\0y', '/n'))).toBe('EINVAL');
      expect(await codeFrom(() => files.readlink('/f'))).toBe('EINVAL');
      expect(await codeFrom(() => files.readlink('/'))).toBe('EINVAL');
      const refusing = serve({ ...writable, makeSymlinks: false });
      expect(await codeFrom(() => refusing.symlink('x', '/n'))).toBe('EPERM');
    });

    it('names that are not UTF-8 are listed, opened, made, linked and removed', async () => {
      const { root, serve } = await makeWorld();
      const files = serve(writable);
      const bytes = Buffer.from([0x66, 0xff, 0xc3, 0x28, 0xed, 0xa0, 0x80]);
      const name = decodeName(bytes);
      // macOS has UTF-8 names only.
      if (!linux) return;
      await withFile(files, `/${name}`, O_WRONLY | O_CREAT, (handle) => handle.write(0, Buffer.from('x')));
      expect(await readdir(root, { encoding: 'buffer' })).toEqual([bytes]);
      expect(await namesIn(files, '/')).toEqual([name]);
      expect(await readText(files, name)).toBe('x');
      expect(await files.canonicalize(`a/../${name}`)).toBe(`/${name}`);
      await files.symlink(name, '/l');
      expect(await files.readlink('/l')).toBe(name);
      expect(await readText(files, '/l')).toBe('x');
      await files.mkdir(`/d${name}`, attributes());
      await files.rename(name, `/d${name}/e${name}`);
      expect(await namesIn(files, `/d${name}`)).toEqual([`e${name}`]);
      await files.remove(`/d${name}/e${name}`);
      await files.rmdir(`/d${name}`);
      expect(await namesIn(files, '/')).toEqual(['l']);
      expect(await codeFrom(() => files.stat('/\ud800'))).toBe('EINVAL');
    });

    it('canonicalize resolves links, dots and slashes, and what is not there by name', async () => {
      const { root, serve } = await makeWorld();
      const files = serve(held);
      await mkdir(join(root, 'a/b'), { recursive: true });
      await writeFile(join(root, 'a/f'), '');
      await symlink('/a/b', join(root, 'l'));
      await symlink('loop', join(root, 'loop'));
      await symlink('nowhere', join(root, 'a/dangling'));
      const cases = [
        ['', '/'],
        ['.', '/'],
        ['/', '/'],
        ['//a///b/', '/a/b'],
        ['/../../..', '/'],
        ['a/./b/..', '/a'],
        ['l', '/a/b'],
        ['l/..', '/a'],
        ['l/../f', '/a/f'],
        ['l/new', '/a/b/new'],
        ['none/x/../y', '/none/y'],
        ['l/none/../../x', '/a/x'],
        ['a/f/x', '/a/f/x'],
        ['loop/../a', '/a'],
        ['a/dangling', '/a/nowhere'],
      ] as const;
      for (const [path, expected] of cases) expect(await files.canonicalize(path), path).toBe(expected);
    });

    it('begins at home', async () => {
      const { root, serve } = await makeWorld();
      await mkdir(join(root, 'home/me'), { recursive: true });
      await writeFile(join(root, 'home/me/f'), 'mine');
      const files = serve({ ...held, home: '/home/x/../me/' });
      expect(await files.canonicalize('.')).toBe('/home/me');
      expect(await readText(files, 'f')).toBe('mine');
      expect(await readText(files, '../me/f')).toBe('mine');
      expect(await codeFrom(() => files.stat('/f'))).toBe('ENOENT');
      expect(await files.canonicalize('../../../../..')).toBe('/');
      expect(files.homeDirectory('')).toBe('/home/me');
      expect(await codeFrom(() => files.homeDirectory('root'))).toBe('ENOENT');
    });

    it('statvfs tells the room there is, by path and by handle, and whether it can be used', async () => {
      const { root, serve } = await makeWorld();
      await writeFile(join(root, 'f'), '');
      for (const [options, flag] of [
        [held, ST_RDONLY],
        [writable, 0],
      ] as const) {
        const files = serve(options);
        const byPath = await files.statvfs('/f');
        expect(byPath.blocks).toBeGreaterThan(0n);
        expect(byPath.bavail <= byPath.blocks && byPath.frsize > 0n).toBe(true);
        expect(Number(byPath.flag) & ST_RDONLY).toBe(flag);
        const byHandle = await withFile(files, '/f', O_RDONLY, (handle) => handle.statvfs());
        expect(byHandle).toMatchObject({ blocks: byPath.blocks, flag: byPath.flag });
        expect(await codeFrom(() => files.statvfs('/none'))).toBe('ENOENT');
      }
    });

    it('read-only refuses every way to write, and does nothing', async () => {
      const { root, serve } = await makeWorld();
      await mkdir(join(root, 'd'));
      await writeFile(join(root, 'f'), 'hello');
      await symlink('f', join(root, 'l'));
      const before = await snapshot(root);
      for (const options of [held, { ...held, readOnly: true }]) {
        const files = serve(options);
        const attempts: [string, () => unknown][] = [O_WRONLY, O_RDWR, O_CREAT, O_TRUNC, O_APPEND, O_CREAT | O_EXCL].flatMap(
          (flags) =>
            ['/f', '/new', '/l'].map((path): [string, () => unknown] => [
              `open ${path} ${flags}`,
              () => files.open(path, flags, attributes()),
            ]),
        );
        for (const wanted of [{ stSize: 0 }, { stMode: 0o600 }, { stMtime: 1, stAtime: 1 }, { stUid: 1, stGid: 1 }, {}]) {
          attempts.push(['chattr', () => files.chattr('/f', attributes(wanted))]);
          attempts.push(['lchattr', () => files.lchattr('/l', attributes(wanted))]);
        }
        const handle = (await files.open('/f', O_RDONLY, attributes())) as FolderHandle;
        attempts.push(
          ['fchattr', () => handle.chattr(attributes({ stMode: 0o600 }))],
          ['write', () => handle.write(0, Buffer.from('x'))],
          ['mkdir', () => files.mkdir('/new', attributes())],
          ['rmdir', () => files.rmdir('/d')],
          ['remove', () => files.remove('/f')],
          ['rename', () => files.rename('/f', '/g')],
          ['posixRename', () => files.posixRename('/f', '/g')],
          ['symlink', () => files.symlink('x', '/n')],
          ['link', () => files.link('/f', '/n')],
        );
        for (const [name, work] of attempts) expect(await codeFrom(work), name).toBe('EROFS');
        // A sync changes nothing.
        expect(await handle.sync()).toBe(SFTP_OK);
        await handle.close();
      }
      expect(await snapshot(root)).toEqual(before);
    });

    it('names of users and groups are told only where that is wanted', async () => {
      const { serve } = await makeWorld();
      const none = { usernames: ['', ''], groupnames: [''] };
      expect(await serve(held).usersGroupsById([0, 4_000_000], [0])).toEqual(none);
      const told = await serve({ ...held, userNames: true }).usersGroupsById([0, 4_000_000], [0]);
      if (linux) expect(told).toEqual({ usernames: ['root', ''], groupnames: ['root'] });
    });
  });
}

describe('a FolderFileSystem', () => {
  it('is not made over what is no folder', async () => {
    const { root } = await makeWorld();
    await writeFile(join(root, 'f'), '');
    const make = (path: string) => () => new FolderFileSystem(new ServerInterface(), path);
    expect(make('')).toThrow(UsageError);
    expect(make(join(root, 'f'))).toThrow(/ENOTDIR/);
    expect(make(join(root, 'none'))).toThrow(/ENOENT/);
  });

  it('has a handle that reads and writes while the file has no name any more', async () => {
    const { root, serve } = await makeWorld();
    await writeFile(join(root, 'f'), 'hello');
    await withFile(serve({ readOnly: false }), '/f', O_RDWR, async (handle) => {
      await rm(join(root, 'f'));
      await handle.write(5, Buffer.from('!'));
      expect((await contentOf(handle)).toString()).toBe('hello!');
      expect(handle).toBeInstanceOf(FolderHandle);
    });
  });

  it('reads what another program is writing', async () => {
    const { root, serve } = await makeWorld();
    const writer = await open(join(root, 'f'), 'w');
    await withFile(serve(), '/f', O_RDONLY, async (handle) => {
      await writer.write('one');
      expect((await contentOf(handle)).toString()).toBe('one');
      await writer.write('two');
      expect((await contentOf(handle)).toString()).toBe('onetwo');
    });
    await writer.close();
  });
});

async function snapshot(folder: string): Promise<unknown> {
  const names = (await readdir(folder, { recursive: true })).sort();
  return Promise.all(
    ['', ...names].map(async (name) => {
      const { ino, mode, uid, gid, size, nlink, mtimeNs, ctimeNs } = await lstat(join(folder, name), { bigint: true });
      return { name, ino, mode, uid, gid, size, nlink, mtimeNs, ctimeNs };
    }),
  );
}
