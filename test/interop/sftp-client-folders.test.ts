// Folders through the SFTP client, against OpenSSH's server: listing, walking, patterns, watching.

import { mkdirSync, renameSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { SFTPAttributes, type SFTPClient, SFTPDirent, type WatchEvent } from '../../src/sftp.ts';
import { describePeer, type PeerName } from '../support/peers.ts';
import { openOnServer, type SFTPLogin, sftpLogin } from '../support/sftp-login.ts';

const servers: PeerName[] = ['sshd', 'sshd-trixie'];

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

for (const server of servers) {
  describePeer(server, `SFTP folders on ${server}`, () => {
    let login: SFTPLogin;
    let sftp: SFTPClient;
    let dir: string;
    let tests = 0;

    /** Files and, with a slash at the end, folders. */
    function make(...names: string[]): void {
      for (const name of names) {
        const path = join(dir, name);
        mkdirSync(name.endsWith('/') ? path : join(path, '..'), { recursive: true });
        if (!name.endsWith('/')) writeFileSync(path, name);
      }
    }

    beforeAll(async () => {
      login = await sftpLogin({ trixie: server.endsWith('-trixie') });
      sftp = login.sftp;
    });
    afterAll(() => login[Symbol.asyncDispose]());
    beforeEach(() => {
      dir = login.folder.join(`test${tests++}`);
      mkdirSync(dir);
    });

    it('lists folders of any size, in every way', async () => {
      for (const count of [0, 1, 99, 100, 101, 1_234]) {
        const folder = join(dir, `${count}`);
        mkdirSync(folder);
        const names = Array.from({ length: count }, (_, i) => `name ${i}`).sort();
        for (const name of names) writeFileSync(join(folder, name), '');
        expect((await sftp.listdir(folder)).sort()).toEqual(names);
        expect((await all(sftp.listdirIter(folder, { readAheads: 1 }))).map((entry) => entry.filename).sort()).toEqual(names);
        const attributes = await sftp.listdirAttr(folder);
        expect(attributes.every((entry) => entry instanceof SFTPAttributes && entry.isFile() && entry.longname !== '')).toBe(
          true,
        );
        expect((await all(await sftp.opendir(folder))).map((entry) => entry.name).sort()).toEqual(names);
      }
      await expect(sftp.listdir(join(dir, 'none'))).rejects.toMatchObject({ code: 'ENOENT', operation: 'opendir' });
      await expect(all(sftp.listdirIter(join(dir, 'none')))).rejects.toMatchObject({ code: 'ENOENT' });
      writeFileSync(join(dir, 'file'), '');
      for (const read of [sftp.readdir(join(dir, 'file')), sftp.opendir(join(dir, 'file')), all(sftp.walk(join(dir, 'file')))]) {
        await expect(read).rejects.toMatchObject({ code: 'ENOTDIR', message: expect.stringContaining('not a directory') });
      }
    });

    it('readdir as fs has it', async () => {
      make('file', 'sub/inner/x', 'sub/y');
      symlinkSync('file', join(dir, 'link'));
      expect((await sftp.readdir(dir)).sort()).toEqual(['file', 'link', 'sub']);
      expect((await sftp.readdir(dir, { recursive: true })).sort()).toEqual([
        'file',
        'link',
        'sub',
        'sub/inner',
        'sub/inner/x',
        'sub/y',
      ]);
      expect((await sftp.readdir(dir, 'buffer')).map((name) => name.toString()).sort()).toEqual(['file', 'link', 'sub']);
      const entries = await sftp.readdir(dir, { withFileTypes: true, recursive: true });
      const described = entries.map((entry) => {
        const kind = entry.isDirectory() ? 'folder' : entry.isSymbolicLink() ? 'link' : 'file';
        expect(entry).toBeInstanceOf(SFTPDirent);
        expect(entry.path).toBe(join(entry.parentPath, entry.name));
        return `${kind} ${entry.path.slice(dir.length)}`;
      });
      expect(described.sort()).toEqual([
        'file /file',
        'file /sub/inner/x',
        'file /sub/y',
        'folder /sub',
        'folder /sub/inner',
        'link /link',
      ]);
      await sftp.chdir(dir);
      const [entry] = await sftp.readdir('sub', { withFileTypes: true });
      expect(entry?.parentPath).toBe('sub');
      await sftp.chdir(null);
    });

    it('an opened folder closes itself', async () => {
      make(...Array.from({ length: 500 }, (_, i) => `${i}`));
      for await (const entry of await sftp.opendir(dir)) {
        expect(entry.isFile()).toBe(true);
        break;
      }
      const folder = await sftp.opendir(dir);
      expect((await folder.read())?.isFile()).toBe(true);
      await folder.close();
      await folder.close();
      // To say that there are no more entries would not be true.
      await expect(folder.read()).rejects.toMatchObject({ name: 'SFTPError', code: 'EBADF' });
      expect(await openOnServer(login, dir)).toBe(0);
    });

    it('walks a tree, parents first, without following links', async () => {
      const names: string[] = [];
      for (let i = 0; i < 30; i++) names.push(`d${i}/`, `d${i}/e/`, `d${i}/e/f`, `d${i}/g`);
      make(...names, 'h');
      symlinkSync('.', join(dir, 'loop'));
      const found = await all(sftp.walk(dir));
      const paths = found.map((entry) => `${entry.path.slice(dir.length + 1)}${entry.isDirectory() ? '/' : ''}`);
      expect([...paths].sort()).toEqual([...names, 'h', 'loop'].sort());
      for (const path of paths) {
        const parent = path.replace(/[^/]+\/?$/, '');
        if (parent !== '') expect(paths.indexOf(parent)).toBeLessThan(paths.indexOf(path));
      }
      await sftp.chdir(dir);
      expect((await all(sftp.walk('d1'))).map((entry) => entry.path).sort()).toEqual(['d1/e', 'd1/e/f', 'd1/g']);
      await sftp.chdir(null);
      for await (const entry of sftp.walk(dir)) {
        expect(entry.filename).toBeDefined();
        break;
      }
    });

    it('glob finds what shells find', async () => {
      make('a.txt', 'b.txt', 'c.md', '.hidden.txt', 'x/a.txt', 'x/y/a.txt', 'x/y/z/', '.dot/a.txt', 'odd [1]*', 'w{1}');
      symlinkSync('x', join(dir, 'link'));
      await sftp.chdir(dir);
      const glob = async (pattern: string, options = {}) => (await all(sftp.glob(pattern, options))).sort();
      expect(await glob('*.txt')).toEqual(['a.txt', 'b.txt']);
      expect(await glob('*.txt', { dot: true })).toEqual(['.hidden.txt', 'a.txt', 'b.txt']);
      expect(await glob('.*.txt')).toEqual(['.hidden.txt']);
      expect(await glob('?.{txt,md}')).toEqual(['a.txt', 'b.txt', 'c.md']);
      expect(await glob('[!a-b].*')).toEqual(['c.md']);
      expect(await glob('{a,a,?}.txt')).toEqual(['a.txt', 'b.txt']);
      expect(await glob('**/a.txt')).toEqual(['a.txt', 'x/a.txt', 'x/y/a.txt']);
      expect(await glob('**/a.txt', { dot: true })).toEqual(['.dot/a.txt', 'a.txt', 'x/a.txt', 'x/y/a.txt']);
      expect(await glob('**/y/**')).toEqual(['x/y/a.txt', 'x/y/z']);
      expect(await glob('**/**/**/z')).toEqual(['x/y/z']);
      expect(await glob('*/a.txt')).toEqual(['link/a.txt', 'x/a.txt']);
      expect(await glob('*/')).toEqual(['link/', 'x/']);
      expect(await glob('odd \\[1\\]\\*')).toEqual(['odd [1]*']);
      expect(await glob('w\\{1\\}')).toEqual(['w{1}']);
      expect(await glob('w{1}')).toEqual(['w{1}']);
      expect(await glob('x/../a.txt')).toEqual(['x/../a.txt']);
      expect(await glob('none/*')).toEqual([]);
      expect(await glob('a.txt/*')).toEqual([]);
      expect(await glob('')).toEqual([]);
      await sftp.chdir(null);
      expect(await glob(`${dir}/x/**/*.txt`)).toEqual([`${dir}/x/a.txt`, `${dir}/x/y/a.txt`]);
      expect(await glob('/e*/passwd')).toEqual(['/etc/passwd']);
      expect(await glob('/')).toEqual(['/']);
    });

    /** Changes the file's size again and again until `seen` is settled. */
    async function changeUntil(path: string, seen: Promise<unknown>): Promise<void> {
      let settled = false;
      void seen.finally(() => {
        settled = true;
      });
      for (let size = 1; !settled; size++) {
        writeFileSync(path, 'x'.repeat(size));
        await sftp.stat(path);
      }
    }

    it('watch tells what has come, gone and changed', async () => {
      make('same', 'grows', 'goes', 'moves', 'sub/inner');
      const stop = new AbortController();
      const events = sftp.watch(dir, { interval: 5, recursive: true, signal: stop.signal });
      const next = async () => (await events.next()).value as WatchEvent;
      // Until it is seen: the first look may not be over yet.
      const first = next();
      await changeUntil(join(dir, 'grows'), first);
      expect(await first).toEqual({ eventType: 'change', filename: 'grows' });
      /** What it was changed to last may be seen only now. */
      const other = async () => {
        for (;;) {
          const event = await next();
          if (event.filename !== 'grows') return event;
        }
      };
      renameSync(join(dir, 'moves'), join(dir, 'moved'));
      expect([await other(), await other()]).toEqual([
        { eventType: 'rename', filename: 'moves' },
        { eventType: 'rename', filename: 'moved' },
      ]);
      utimesSync(join(dir, 'sub', 'inner'), 1, 1);
      expect(await other()).toEqual({ eventType: 'change', filename: 'sub/inner' });
      const waiting = next();
      stop.abort(new Error('enough'));
      await expect(waiting).rejects.toThrow('enough');
      await expect(sftp.watch(join(dir, 'none')).next()).rejects.toMatchObject({ code: 'ENOENT' });
      const one = sftp.watch(join(dir, 'same'), { interval: 5 });
      const change = one.next();
      await changeUntil(join(dir, 'same'), change);
      expect((await change).value).toEqual({ eventType: 'change', filename: 'same' });
      await one.return();
    });
  });
}
