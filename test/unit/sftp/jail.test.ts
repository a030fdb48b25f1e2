// The jail: nothing outside of its root is reachable by any path, link or rename; every descriptor is closed; what a path costs is
// bounded; and swaps between the check and the use find nothing to swap. Random trees are in test/property, real races in
// test/adversary.
import { execFileSync } from 'node:child_process';
import { constants, existsSync } from 'node:fs';
import { lstat, mkdir, readdir, readFile, rename, rm, rmdir, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { FOLLOW, Jail, lstatOf } from '../../../src/sftp/server/jail.ts';
import { isName } from '../../../src/sftp/server/jail-paths.ts';
import { Route } from '../../../src/sftp/server/jail-route.ts';
import { attributes, codeFrom, contentOf, descriptorsBelow, makeWorld, namesIn, readText, withFile } from './folder-world.ts';

const { O_APPEND, O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } = constants;
const linux = process.platform === 'linux';
const isRoot = process.getuid?.() === 0;

for (const mechanism of linux ? ([undefined, 'paths'] as const) : (['paths'] as const)) {
  const held = mechanism === undefined ? {} : { mechanism };
  const writable = { ...held, readOnly: false };

  describe(`a jail, held by ${mechanism ?? 'descriptors'}`, () => {
    it('shows nothing outside to any operation, whatever leads there', async () => {
      const { root, outside, serve } = await makeWorld();
      const before = await outsideState(outside);
      await mkdir(join(root, 'd/e'), { recursive: true });
      // Beside the root, and with its name as the beginning of its own.
      await mkdir(`${root}2`);
      await writeFile(`${root}2/secret`, 'SECRET');
      await symlink(outside, join(root, 'absolute'));
      await symlink('../outside', join(root, 'relative'));
      await symlink('../../../outside', join(root, 'd/e/relative'));
      await symlink('../root2', join(root, 'd/sibling'));
      await symlink(join(outside, 'secret'), join(root, 'file'));
      await symlink('../outside/secret', join(root, 'd/file'));
      await symlink(join(outside, 'new'), join(root, 'dangling'));
      await symlink('absolute', join(root, 'chain'));
      await symlink(`/proc/self/root${outside}`, join(root, 'magic'));
      await symlink('/proc/self/cwd', join(root, 'cwd'));
      const files = serve(writable);
      const folders = ['/absolute', '/relative', '/d/e/relative', '/d/sibling', '/chain', '/magic', '/cwd', '/..', '/../outside'];
      const ways = [
        ...folders.map((folder) => `${folder}/secret`),
        ...['/file', '/d/file', '/dangling', '/dangling/', `/${outside}/secret`, `${outside}/secret`, `../..${outside}/secret`],
        ...['/d/../../outside/secret', 'd/e/../../../outside/secret', '/./../root2/secret', `/proc/self/root${outside}/secret`],
      ];
      for (const path of ways) {
        expect(await codeFrom(() => files.open(path, O_RDONLY, attributes())), path).toBe('ENOENT');
        expect(await codeFrom(() => files.stat(path)), path).toBe('ENOENT');
        expect(await codeFrom(() => files.chattr(path, attributes({ stMode: 0o777 }))), path).toBe('ENOENT');
        expect(await codeFrom(() => files.open(path, O_WRONLY | O_TRUNC, attributes())), path).toBe('ENOENT');
        expect(await codeFrom(() => files.listFolder(path)), path).toBe('ENOENT');
        expect(await codeFrom(() => files.statvfs(path)), path).toBe('ENOENT');
        const canonical = await files.canonicalize(path);
        expect(canonical.startsWith('/') && !/(^|\/)\.\.?(\/|$)/.test(canonical), canonical).toBe(true);
      }
      for (const folder of folders) {
        if (folder === '/..') continue;
        const inside = `${folder}/new`;
        for (const work of [
          () => files.mkdir(inside, attributes()),
          () => files.symlink('x', inside),
          () => files.rename('/d', inside),
          () => files.posixRename('/d', inside),
          () => files.link('/d', inside),
          () => files.rename(`${folder}/secret`, '/stolen'),
          () => files.posixRename(`${folder}/secret`, '/stolen'),
          () => files.link(`${folder}/secret`, '/stolen'),
          () => files.remove(`${folder}/secret`),
          () => files.rmdir(inside),
          () => files.open(inside, O_WRONLY | O_CREAT, attributes()),
          () => files.open(inside, O_WRONLY | O_CREAT | O_EXCL, attributes()),
          () => files.lchattr(`${folder}/secret`, attributes({ stMode: 0o777 })),
        ])
          expect(await codeFrom(work), `${folder} ${work}`).toBe('ENOENT');
      }
      expect(await outsideState(outside)).toEqual(before);
      expect(await readdir(`${root}2`)).toEqual(['secret']);
    });

    it('works on links themselves where a link is meant', async () => {
      const { root, outside, serve } = await makeWorld();
      const before = await outsideState(outside);
      const files = serve(writable);
      for (const name of ['a', 'b', 'c']) await symlink(join(outside, 'secret'), join(root, name));
      await writeFile(join(root, 'f'), 'inside');
      expect((await files.lstat('/a')).isSymbolicLink()).toBe(true);
      expect(await files.readlink('/a')).toBe(join(outside, 'secret'));
      await files.rename('/a', '/a2');
      await files.posixRename('/f', '/b');
      expect(await readText(files, '/b')).toBe('inside');
      await files.remove('/c');
      await files.lchattr('/a2', attributes({ stMtime: 5, stAtime: 5 }));
      expect(await codeFrom(() => files.open('/a2', O_WRONLY | O_CREAT | O_EXCL, attributes()))).toBe('EEXIST');
      expect(await codeFrom(() => files.mkdir('/a2', attributes()))).toBe('EEXIST');
      expect(await codeFrom(() => files.rmdir('/a2'))).toBe('ENOTDIR');
      // A second name for a link is a link: by descriptors that is what comes of it, by paths it is not tried.
      expect(await codeFrom(() => files.link('/a2', '/a3'))).toBe(mechanism === undefined ? 'none' : 'EPERM');
      if (mechanism === undefined) expect((await lstat(join(root, 'a3'))).isSymbolicLink()).toBe(true);
      expect(await outsideState(outside)).toEqual(before);
    });

    it('reads links as after chroot: absolute ones begin at the root', async () => {
      const { root, serve } = await makeWorld();
      const files = serve(writable);
      await mkdir(join(root, 'srv/data'), { recursive: true });
      await writeFile(join(root, 'srv/data/f'), 'inside');
      await symlink('/srv/data', join(root, 'data'));
      await symlink('/data/../data//', join(root, 'again'));
      await symlink('../../../../data/f', join(root, 'srv/up'));
      await symlink('/srv/data/new', join(root, 'dangling'));
      for (const path of ['/data/f', '/again/f', '/srv/up', '/data/../up']) expect(await readText(files, path)).toBe('inside');
      // Making a file through a link that leads nowhere makes it where the link says, inside.
      await withFile(files, '/dangling', O_WRONLY | O_CREAT, (handle) => handle.write(0, Buffer.from('made')));
      expect(await readFile(join(root, 'srv/data/new'), 'utf8')).toBe('made');
      expect(await codeFrom(() => files.open('/dangling', O_WRONLY | O_CREAT | O_EXCL, attributes()))).toBe('EEXIST');
      await files.chattr('/data/', attributes({ stMode: 0o711 }));
      expect((await stat(join(root, 'srv/data'))).mode & 0o777).toBe(0o711);
    });

    it('follows 40 links and no more, and no loop', async () => {
      const { root, serve } = await makeWorld();
      const files = serve(held);
      await writeFile(join(root, 'l0'), 'end');
      for (let index = 1; index <= 41; index++) await symlink(`l${index - 1}`, join(root, `l${index}`));
      expect(await readText(files, '/l40')).toBe('end');
      expect(await codeFrom(() => files.stat('/l41'))).toBe('ELOOP');
      await symlink('loop', join(root, 'loop'));
      await symlink('/loop2/x', join(root, 'loop2'));
      await symlink('./loop3/.', join(root, 'loop3'));
      for (const path of ['/loop', '/loop/x', '/loop2', '/loop3/', '/loop3/../x'])
        expect(await codeFrom(() => files.open(path, O_RDONLY, attributes())), path).toBe('ELOOP');
    });

    it('follows none where that is wanted', async () => {
      const { root, serve } = await makeWorld();
      const files = serve({ ...held, followSymlinks: false });
      await mkdir(join(root, 'd'));
      await writeFile(join(root, 'd/f'), 'f');
      await symlink('d', join(root, 'l'));
      expect(await codeFrom(() => files.stat('/l/f'))).toBe('ELOOP');
      expect(await codeFrom(() => files.stat('/l'))).toBe('ELOOP');
      expect((await files.lstat('/l')).isSymbolicLink()).toBe(true);
      expect(await readText(files, '/d/../d/f')).toBe('f');
    });

    it('takes slashes and dots at the end for what they mean', async () => {
      const { root, serve } = await makeWorld();
      const files = serve(writable);
      await mkdir(join(root, 'd'));
      await writeFile(join(root, 'f'), 'f');
      await symlink('d', join(root, 'ld'));
      await symlink('f', join(root, 'lf'));
      for (const path of ['/d/', '/d/.', '/ld/', '/ld/.', '/d/../d', '/ld//', '', '/', '.', '..'])
        expect((await files.lstat(path)).isDirectory(), path).toBe(true);
      for (const path of ['/f/', '/f/.', '/f/..', '/lf/', '/f/x', '/lf/../f']) {
        expect(await codeFrom(() => files.stat(path)), path).toBe('ENOTDIR');
        expect(await codeFrom(() => files.lstat(path)), path).toBe('ENOTDIR');
        expect(await codeFrom(() => files.chattr(path, attributes({ stMode: 0 }))), path).toBe('ENOTDIR');
      }
      for (const path of ['/f/', '/lf/.']) expect(await codeFrom(() => files.open(path, O_RDONLY, attributes()))).toBe('ENOTDIR');
      expect(await codeFrom(() => files.open('/new/', O_WRONLY | O_CREAT, attributes()))).toBe('EISDIR');
      expect(await codeFrom(() => files.open('/none/../f', O_RDONLY, attributes()))).toBe('ENOENT');
      expect(await codeFrom(() => files.rmdir('/ld/'))).toBe('ENOTDIR');
    });

    it('refuses NUL, and paths and names that are too long', async () => {
      const { root, serve } = await makeWorld();
      const files = serve(writable);
      await writeFile(join(root, 'f'), 'f');
      for (const path of ['/f\0', '\0', '/f\0/../../x']) {
        expect(await codeFrom(() => files.open(path, O_RDONLY, attributes()))).toBe('EINVAL');
        expect(await codeFrom(() => files.canonicalize(path))).toBe('EINVAL');
      }
      const longest = 'n'.repeat(255);
      await files.mkdir(`/${longest}`, attributes());
      await files.rename(`/${longest}`, `/${longest.replace('n', 'm')}`);
      expect(await codeFrom(() => files.mkdir(`/${longest}n`, attributes()))).toBe('ENAMETOOLONG');
      expect(await codeFrom(() => files.stat(`/${longest}n/x`))).toBe('ENAMETOOLONG');
      expect(await codeFrom(() => files.stat(`/${'./'.repeat(2048)}f`))).toBe('ENAMETOOLONG');
      expect(await codeFrom(() => files.stat('é'.repeat(2049)))).toBe('ENAMETOOLONG');
      expect((await files.stat(`/${'./'.repeat(2000)}f`)).stSize).toBe(1);
    });

    it('serves a folder that others have opened up to and no other', async () => {
      const { root, outside, serve } = await makeWorld();
      await writeFile(join(root, 'f'), 'inside');
      await symlink(root, `${root}-link`);
      const before = serve(held);
      expect(await readText(before, '/f')).toBe('inside');
      // The root is removed while it is being served, and another one put in its place.
      await rm(root, { recursive: true });
      expect(await codeFrom(() => before.stat('/f'))).toBe('ENOENT');
      await rename(outside, root);
      expect(await codeFrom(() => before.open('/secret', O_RDONLY, attributes()))).toBe('ENOENT');
      expect(await codeFrom(() => before.listFolder('/secret'))).toBe('ENOENT');
      await rename(root, outside);
    });

    it('takes a root that is a link for what it leads to, once', async () => {
      const { root, outside, serve } = await makeWorld();
      await rmdir(root);
      await mkdir(`${root}-real`);
      await writeFile(`${root}-real/f`, 'inside');
      await symlink(`${root}-real`, root);
      const files = serve(held);
      await rm(root);
      await symlink(outside, root);
      expect(await readText(files, '/f')).toBe('inside');
      expect(await codeFrom(() => files.stat('/secret'))).toBe('ENOENT');
    });

    it('opens regular files only: FIFOs, devices and sockets neither hang nor notice', async () => {
      const { root, serve } = await makeWorld();
      const files = serve(writable);
      if (process.platform === 'win32') return;
      execFileSync('mkfifo', [join(root, 'fifo')]);
      const names = ['fifo', 'socket'];
      const server = createServer().listen(join(root, 'socket'));
      await new Promise((resolve) => server.once('listening', resolve));
      if (isRoot && linux) {
        // As /dev/null, and a disk.
        execFileSync('mknod', [join(root, 'device'), 'c', '1', '3']);
        execFileSync('mknod', [join(root, 'block'), 'b', '7', '250']);
        names.push('device', 'block');
      }
      for (const name of names) {
        for (const flags of [O_RDONLY, O_WRONLY, O_RDWR, O_WRONLY | O_CREAT | O_TRUNC, O_WRONLY | O_APPEND])
          expect(await codeFrom(() => files.open(`/${name}`, flags, attributes())), name).toBe('EACCES');
        expect(await codeFrom(() => files.chattr(`/${name}`, attributes({ stSize: 0 })))).toBe('EINVAL');
        await files.chattr(`/${name}`, attributes({ stMode: 0o600 }));
        expect((await files.stat(`/${name}`)).isFile()).toBe(false);
        expect(await codeFrom(() => files.open(`/${name}`, O_WRONLY | O_CREAT | O_EXCL, attributes()))).toBe('EEXIST');
      }
      expect(await namesIn(files, '/')).toEqual([...names].sort());
      for (const name of names) {
        await files.rename(`/${name}`, `/${name}2`);
        await files.remove(`/${name}2`);
      }
      expect(await readdir(root)).toEqual([]);
      await new Promise((resolve) => server.close(resolve));
      expect(await codeFrom(() => files.open('/', O_RDONLY, attributes()))).toBe('EISDIR');
    });

    it.runIf(linux)('closes every descriptor, whatever happens', async () => {
      const { root, serve } = await makeWorld();
      await mkdir(join(root, 'a/b/c'), { recursive: true });
      await writeFile(join(root, 'a/b/f'), 'f');
      await symlink('/a/b', join(root, 'a/l'));
      await symlink('loop', join(root, 'loop'));
      execFileSync('mkfifo', [join(root, 'a/fifo')]);
      const files = serve(writable);
      const own = descriptorsBelow(root);
      expect(own).toHaveLength(mechanism === undefined ? 1 : 0);
      const paths = [
        '/a/b/f',
        '/a/l/f',
        '/a/b/f/x',
        '/a/l/../b/none',
        '/loop',
        '/a/fifo',
        '/a/b/',
        '',
        '/a/l',
        '/none/x',
        '/a/l/c/',
      ];
      for (let round = 0; round < 3; round++) {
        for (const path of paths) {
          await codeFrom(() => withFile(files, path, O_RDONLY, contentOf));
          await codeFrom(() => withFile(files, path, O_RDWR | O_CREAT, () => {}));
          await codeFrom(() => withFile(files, path, O_RDWR | O_CREAT | O_EXCL, () => {}));
          await codeFrom(() => namesIn(files, path));
          await codeFrom(() => files.stat(path));
          await codeFrom(() => files.lstat(path));
          await codeFrom(() => files.readlink(path));
          await codeFrom(() => files.canonicalize(path));
          await codeFrom(() => files.statvfs(path));
          await codeFrom(() => files.chattr(path, attributes({ stMode: 0o777, stSize: 1 })));
          await codeFrom(() => files.lchattr(path, attributes({ stMtime: 1, stAtime: 1 })));
          await codeFrom(() => files.mkdir(path, attributes()));
          await codeFrom(() => files.rename(path, '/a/b/c/n'));
          await codeFrom(() => files.rename('/a/b/c/n', path));
          await codeFrom(() => files.posixRename(path, '/a/l/m'));
          await codeFrom(() => files.posixRename('/a/l/m', path));
          await codeFrom(() => files.link(path, '/a/b/c/h'));
          await codeFrom(() => files.remove('/a/b/c/h'));
          await codeFrom(() => files.symlink('x', `${path}/s`));
          await codeFrom(() => files.remove(`${path}/s`));
          await codeFrom(() => files.rmdir(`${path}/s`));
        }
        expect(descriptorsBelow(root)).toEqual(own);
      }
      // Together, so that one could close what another is using.
      await mkdir(join(root, 'x/y'), { recursive: true });
      await writeFile(join(root, 'x/y/f'), 'together');
      await symlink('/x/y', join(root, 'x/l'));
      const texts = await Promise.all(Array.from({ length: 200 }, () => readText(files, '/x/l/../l/f')));
      expect(new Set(texts)).toEqual(new Set(['together']));
      expect(descriptorsBelow(root)).toEqual(own);
      files.sessionEnded();
      expect(descriptorsBelow(root)).toEqual([]);
    });

    it('ends when what is under way is over, and refuses what comes after', async () => {
      const { root } = await makeWorld();
      await writeFile(join(root, 'f'), 'inside');
      const jail = new Jail(root, held);
      const codes: string[] = [];
      await jail.walk('/f', async (spot) => {
        jail.close();
        jail.close();
        codes.push(await codeFrom(() => jail.walk('/f', lstatOf)));
        expect((await lstatOf(spot)).size).toBe(6);
        if (linux) expect(descriptorsBelow(root)).toHaveLength(mechanism === undefined ? 1 : 0);
      });
      codes.push(await codeFrom(() => jail.walk('/f', lstatOf)), await codeFrom(() => jail.canonical('/f')));
      expect(codes).toEqual(['EBADF', 'EBADF', 'EBADF']);
      if (linux) expect(descriptorsBelow(root)).toEqual([]);
    });

    it('finds what it has found, or nothing, when a folder is swapped between the check and the use', async () => {
      const { root, outside } = await makeWorld();
      await mkdir(join(root, 'd'));
      await writeFile(join(root, 'd/secret'), 'inside');
      const jail = new Jail(root, held);
      onTestFinished(() => jail.close());
      const swap = async (): Promise<void> => {
        await rename(join(root, 'd'), join(root, 'moved'));
        await symlink(outside, join(root, 'd'));
      };
      const back = async (): Promise<void> => {
        await rm(join(root, 'd'));
        await rename(join(root, 'moved'), join(root, 'd'));
      };
      const code = await codeFrom(() =>
        jail.walk('/d/secret', async ({ folder, name }) => {
          const file = await folder.hold(name);
          await swap();
          try {
            const opened = await file.open(O_RDONLY);
            expect(await opened.readFile('utf8').finally(() => opened.close())).toBe('inside');
          } finally {
            file.release();
          }
        }),
      );
      expect(code).toBe(mechanism === undefined ? 'none' : 'ENOENT');
      await back();
      const creating = await codeFrom(() =>
        jail.walk('/d/new', async ({ folder, name }) => {
          // Between the walk and the visit nothing can be put in; what can is caught by looking again.
          if (mechanism === undefined) await swap();
          const made = await folder.create(name, O_WRONLY, 0o600);
          await made.close();
        }),
      );
      expect(creating).toBe('none');
      expect(await readdir(outside)).toEqual(['secret']);
    });

    it('goes on in a folder that is moved out of the root only if it is in it already', async () => {
      const { root, outside } = await makeWorld();
      await mkdir(join(root, 'd/e'), { recursive: true });
      await writeFile(join(root, 'd/e/f'), 'was inside');
      const jail = new Jail(root, held);
      onTestFinished(() => jail.close());
      const code = await codeFrom(() =>
        jail.walk('/d/e/f', async ({ folder, name }) => {
          await rename(join(root, 'd'), join(outside, 'd'));
          await symlink(join(outside, 'd'), join(root, 'd'));
          const file = await folder.hold(name);
          file.release();
        }),
      );
      expect(code).toBe(mechanism === undefined ? 'none' : 'ENOENT');
      expect(await codeFrom(() => jail.walk('/d/e/f', lstatOf))).toBe('ENOENT');
    });
  });
}

describe('a path that is meant to be expensive', () => {
  it('is given up', async () => {
    const { root, serve } = await makeWorld();
    const files = serve();
    let folder = root;
    for (let depth = 0; depth < 700; depth++) folder = join(folder, 'a');
    await mkdir(folder, { recursive: true });
    const down = 'a/'.repeat(700);
    expect((await files.stat(down)).isDirectory()).toBe(true);
    // Every "../a" walks the whole way again.
    expect(await codeFrom(() => files.stat(`${down}${'../a/'.repeat(500)}`))).toBe('ELOOP');
    expect((await files.stat(`${down}../../../a/../`)).isDirectory()).toBe(true);
    expect((await files.stat('../'.repeat(1300))).isDirectory()).toBe(true);
    // Forty links that say as much as a link can.
    for (let index = 0; index < 40; index++)
      await symlink(`${'a/'.repeat(650)}${'../'.repeat(650)}l${index + 1}`, join(root, `l${index}`));
    expect(await codeFrom(() => files.stat('/l0'))).toBe('ELOOP');
  });
});

describe('a visit', () => {
  it('that goes on asking for a link where there is none comes to an end', async () => {
    const { root } = await makeWorld();
    await writeFile(join(root, 'f'), '');
    const jail = new Jail(root);
    onTestFinished(() => jail.close());
    let visits = 0;
    const code = await codeFrom(() =>
      jail.walk('/f', async () => {
        visits++;
        return FOLLOW;
      }),
    );
    expect([code, visits]).toEqual(['ELOOP', 41]);
  });
});

describe('a route', () => {
  it('goes by name where nothing can be looked at', () => {
    expect(new Route('a/../../b/./c//', ['home', 'me'], 40).byName()).toBe('/home/b/c');
    expect(new Route('/../../x', ['home'], 40).byName()).toBe('/x');
  });
});

describe('names on Windows', () => {
  it('are refused where they mean more than one file in a folder', () => {
    const bad = [
      '..',
      '.',
      '',
      'a\\b',
      'C:',
      'file:stream',
      'a.',
      'a ',
      'NUL',
      'con',
      'aux.txt',
      'COM1',
      'lpt9.x',
      'com\u00b9',
      'nul .t',
    ];
    expect([...bad, 'a\x01', 'a*', 'CONIN$', 'x\udc80'].filter((name) => isName(name, 'win32'))).toEqual([]);
    const good = ['a', 'a.txt', '.a', 'console', 'com', 'com10', 'é', 'nulx', 'a b'];
    expect(good.filter((name) => !isName(name, 'win32'))).toEqual([]);
    expect(['a\\b', 'C:', 'NUL', 'x\udc80', 'a.'].filter((name) => !isName(name, 'linux'))).toEqual([]);
    expect(['..', '.', '', 'a/b'].filter((name) => isName(name, 'linux'))).toEqual([]);
  });
});

describe.runIf(linux && existsSync('/proc/self/root'))('a jail over /proc', () => {
  it('does not take its magic links for ways out', async () => {
    const jail = new Jail('/proc');
    onTestFinished(() => jail.close());
    // As text they say "/", which is /proc here.
    expect(await jail.canonical('/self/root/etc/passwd')).toBe('/etc/passwd');
    expect(await codeFrom(() => jail.walk('/self/root/etc/passwd', lstatOf))).toBe('ENOENT');
    expect(await codeFrom(() => jail.walk('/self/cwd/package.json', lstatOf))).toBe('ENOENT');
    expect(await jail.canonical('/self/fd/..')).toBe(`/${process.pid}`);
  });
});

async function outsideState(outside: string): Promise<unknown> {
  const names = ['.', ...(await readdir(outside)).sort()];
  return Promise.all(
    names.map(async (name) => {
      const { ino, mode, uid, nlink, size, mtimeNs, ctimeNs } = await lstat(join(outside, name), { bigint: true });
      return { name, ino, mode, uid, nlink, size, mtimeNs, ctimeNs };
    }),
  );
}
