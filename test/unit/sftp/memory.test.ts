// MemoryFileSystem: a POSIX file system in memory, seen by sessions and by the program that serves it, within so many bytes; and the
// same answers as from a FolderFileSystem over a real folder, for the same requests.
import { constants } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../src/errors.ts';
import { ST_RDONLY } from '../../../src/sftp/protocol/extensions.ts';
import { SFTP_EOF, SFTP_OK, statusOfErrno } from '../../../src/sftp/protocol/status.ts';
import type { SFTPServerInterface } from '../../../src/sftp/server/interface.ts';
import { MemoryFileSystem, type MemoryOptions } from '../../../src/sftp/server/memory.ts';
import { MemoryContent } from '../../../src/sftp/server/memory-content.ts';
import { type MemoryFiles, memoryFiles } from '../../../src/sftp/server/memory-files.ts';
import type { MemoryHandle } from '../../../src/sftp/server/memory-handle.ts';
import { MemorySpace } from '../../../src/sftp/server/memory-space.ts';
import { ServerInterface } from '../../../src/transport/server-interface.ts';
import { Dice } from '../../support/seeded-crypto.ts';
import { attributes, codeFrom, contentOf, listOf, makeWorld, namesIn, readText, withFile } from './folder-world.ts';

const { O_APPEND, O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } = constants;

function serve(files: MemoryFiles = memoryFiles(), options: MemoryOptions = {}): MemoryFileSystem {
  return new MemoryFileSystem(new ServerInterface(), files, options);
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}

describe('files in memory, for the program', () => {
  it('are made of names and contents, folders as objects or in paths', () => {
    const files = memoryFiles({ 'readme.txt': 'hello', 'dir/a.bin': Uint8Array.of(1, 2), empty: {}, dir: { sub: { b: '' } } });
    expect(files.list('/').sort()).toEqual(['dir', 'empty', 'readme.txt']);
    expect(files.list('/dir').sort()).toEqual(['a.bin', 'sub']);
    expect(text(files.readFile('readme.txt'))).toBe('hello');
    expect(files.readFile('/dir/a.bin')).toEqual(Uint8Array.of(1, 2));
    const odd = memoryFiles(JSON.parse('{"__proto__": {"x": "1"}, "constructor": "2"}'));
    expect(text(odd.readFile('__proto__/x'))).toBe('1');
    expect(odd.list('/')).toEqual(['__proto__', 'constructor']);
  });

  it('are written, linked and removed with all that is below', () => {
    const files = memoryFiles();
    const empty = files.usedBytes;
    files.writeFile('/a/b/c', 'one');
    files.writeFile('/a/b/c', 'two');
    files.symlink('b/c', '/a/l');
    expect(text(files.readFile('/a/l'))).toBe('two');
    files.writeFile('/a/l', 'three');
    expect(text(files.readFile('/a/b/c'))).toBe('three');
    files.symlink('/x/../y', '/dangling');
    expect(() => files.readFile('/dangling')).toThrow(expect.objectContaining({ code: 'ENOENT' }));
    expect(() => files.readFile('/a')).toThrow(expect.objectContaining({ code: 'EISDIR' }));
    expect(() => files.writeFile('/a/b', '')).toThrow(expect.objectContaining({ code: 'EISDIR' }));
    expect(() => files.writeFile('/a/b/c/d', '')).toThrow(expect.objectContaining({ code: 'ENOTDIR' }));
    expect(() => files.symlink('x', '/a')).toThrow(expect.objectContaining({ code: 'EEXIST' }));
    expect(() => files.remove('/')).toThrow(expect.objectContaining({ code: 'EBUSY' }));
    expect(() => files.list('/a/b/c')).toThrow(expect.objectContaining({ code: 'ENOTDIR' }));
    files.remove('/a');
    files.remove('/dangling');
    files.remove('/none');
    expect(files.list('/')).toEqual([]);
    expect(files.usedBytes).toBe(empty);
  });

  it('take no more than they may', () => {
    expect(() => memoryFiles({}, { maxBytes: -1 })).toThrow(UsageError);
    expect(() => memoryFiles({ big: new Uint8Array(100_000) }, { maxBytes: 50_000 })).toThrow(
      expect.objectContaining({ code: 'ENOSPC' }),
    );
  });
});

describe('a MemoryFileSystem', () => {
  it('reads and writes what the program sees, at any offset, appending, truncating', async () => {
    const shared = memoryFiles({ f: 'hello' }, { now: () => 5_000 });
    const files = serve(shared);
    expect(await readText(files, '/f')).toBe('hello');
    await withFile(files, '/f', O_RDWR, async (handle) => {
      expect(await handle.write(7, Buffer.from('x'))).toBe(SFTP_OK);
      expect(text(shared.readFile('/f'))).toBe('hello\0\0x');
      expect(await handle.read(8, 10)).toBe(SFTP_EOF);
      const target = new Uint8Array(4).fill(9);
      expect(await handle.readInto?.(target, 6)).toBe(2);
      expect([...target]).toEqual([0, 120, 9, 9]);
      expect(await handle.chattr(attributes({ stSize: 2, stMode: 0o4600 }))).toBe(SFTP_OK);
      expect(await handle.stat()).toMatchObject({ stSize: 2, stMode: 0o104600, stMtime: 5 });
      expect(await handle.sync()).toBe(SFTP_OK);
    });
    await withFile(serve(shared), '/f', O_WRONLY | O_APPEND, async (handle) => {
      await handle.write(0, Buffer.from('y'));
      expect(await codeFrom(() => handle.readInto?.(new Uint8Array(1), 0))).toBe('EBADF');
    });
    await withFile(files, '/f', O_RDONLY, async (handle) => {
      expect(await codeFrom(() => handle.write(0, Buffer.from('y')))).toBe('EBADF');
    });
    expect(text(shared.readFile('/f'))).toBe('hey');
    await withFile(files, '/f', O_WRONLY | O_TRUNC, () => {});
    expect(shared.readFile('/f')).toHaveLength(0);
  });

  it('keeps an open file that has no name any more, and its bytes until it is closed', async () => {
    const shared = memoryFiles();
    const files = serve(shared);
    const empty = shared.usedBytes;
    await withFile(files, '/f', O_RDWR | O_CREAT, async (handle) => {
      await handle.write(0, new Uint8Array(100_000).fill(1));
      const used = shared.usedBytes;
      expect(used).toBeGreaterThan(100_000);
      files.remove('/f');
      expect(shared.usedBytes).toBeGreaterThan(100_000);
      // Another file under the old name is another file.
      await withFile(files, '/f', O_RDWR | O_CREAT | O_EXCL, () => {});
      expect((await contentOf(handle)).every((byte) => byte === 1)).toBe(true);
    });
    files.remove('/f');
    expect(shared.usedBytes).toBe(empty);
  });

  it('frees what is replaced, and what had two names with the last of them', async () => {
    const shared = memoryFiles({ a: 'a', b: new Uint8Array(70_000) });
    const files = serve(shared);
    files.link('/b', '/c');
    const full = shared.usedBytes;
    files.posixRename('/a', '/b');
    expect(shared.usedBytes).toBeGreaterThan(70_000);
    expect(shared.readFile('/c')).toHaveLength(70_000);
    files.posixRename('/b', '/c');
    expect(full - shared.usedBytes).toBeGreaterThan(70_000);
    expect(text(shared.readFile('/c'))).toBe('a');
  });

  it('is read-only where that is wanted', async () => {
    const files = serve(memoryFiles({ f: 'x', d: {} }), { readOnly: true });
    for (const work of [
      () => files.open('/f', O_WRONLY, attributes()),
      () => files.open('/f', O_RDONLY | O_TRUNC, attributes()),
      () => files.open('/n', O_RDONLY | O_CREAT, attributes()),
      () => files.mkdir('/n', attributes()),
      () => files.rmdir('/d'),
      () => files.remove('/f'),
      () => files.rename('/f', '/g'),
      () => files.posixRename('/f', '/g'),
      () => files.symlink('x', '/n'),
      () => files.link('/f', '/n'),
      () => files.chattr('/f', attributes({ stMode: 0 })),
      () => files.lchattr('/f', attributes({ stMode: 0 })),
    ])
      expect(await codeFrom(work), String(work)).toBe('EROFS');
    const handle = files.open('/f', O_RDONLY, attributes()) as MemoryHandle;
    expect(await codeFrom(() => handle.chattr(attributes({ stMode: 0 })))).toBe('EROFS');
    expect(await codeFrom(() => handle.write(0, Uint8Array.of(1)))).toBe('EROFS');
    expect(Number(files.statvfs().flag) & ST_RDONLY).toBe(ST_RDONLY);
    await handle.close();
    expect(files.homeDirectory('')).toBe('/');
  });

  it('refuses what does not fit, and is whole after it', async () => {
    const shared = memoryFiles({}, { maxBytes: 200_000 });
    const files = serve(shared);
    const before = shared.usedBytes;
    const handle = files.open('/f', O_RDWR | O_CREAT, attributes());
    if (typeof handle === 'number') throw new Error('refused');
    expect(await codeFrom(() => handle.write(0, new Uint8Array(300_000).fill(7)))).toBe('ENOSPC');
    // What fitted is there, as after a short write(2).
    const { stSize = 0 } = (await handle.stat()) as { stSize?: number };
    expect(stSize).toBeGreaterThan(100_000);
    expect((await contentOf(handle)).every((byte) => byte === 7)).toBe(true);
    expect(files.statvfs()).toMatchObject({ blocks: 48n, bavail: BigInt(Math.floor((200_000 - shared.usedBytes) / 4096)) });
    let made = 0;
    let code = 'none';
    while (code === 'none') {
      code = await codeFrom(() => files.mkdir(`/${'n'.repeat(200)}${made}`, attributes()));
      made++;
    }
    expect(code).toBe('ENOSPC');
    expect(made).toBeLessThan(300);
    expect(await codeFrom(() => files.symlink('x'.repeat(3000), '/l'))).toBe('ENOSPC');
    expect(await codeFrom(() => files.symlink('x'.repeat(5000), '/l'))).toBe('ENAMETOOLONG');
    for (const name of shared.list('/')) shared.remove(name);
    await handle.close();
    expect(shared.usedBytes).toBe(before);
  });

  it('pays for what is written and not for holes, up to 16 TiB', async () => {
    const shared = memoryFiles();
    const files = serve(shared);
    const before = shared.usedBytes;
    await withFile(files, '/f', O_RDWR | O_CREAT, async (handle) => {
      await handle.write(2 ** 40, Buffer.from('far'));
      expect(shared.usedBytes - before).toBeLessThan(2_000);
      expect(await handle.stat()).toMatchObject({ stSize: 2 ** 40 + 3 });
      expect(await handle.read(2 ** 40 - 2, 10)).toEqual(Uint8Array.from([0, 0, ...Buffer.from('far')]));
      expect(await codeFrom(() => handle.write(2 ** 44, Buffer.from('x')))).toBe('EFBIG');
      expect(await codeFrom(() => handle.chattr(attributes({ stSize: 2 ** 50 })))).toBe('EFBIG');
      await handle.chattr(attributes({ stSize: 0 }));
      await handle.chattr(attributes({ stSize: 2 ** 41 }));
      expect(await handle.read(2 ** 40, 3)).toEqual(new Uint8Array(3));
    });
  });

  it('lists what was there when the listing began, whatever is added meanwhile', () => {
    const shared = memoryFiles({ a: '', b: '' });
    const seen: unknown[] = [];
    for (const entry of serve(shared).listFolder('/')) {
      seen.push(entry.filename);
      if (seen.length < 100) shared.writeFile(`new${seen.length}`, '');
    }
    expect(seen).toEqual(['a', 'b']);
  });

  it('refuses a folder that is no folder when it is opened', async () => {
    expect(await codeFrom(() => serve(memoryFiles({ f: '' })).listFolder('/f'))).toBe('ENOTDIR');
  });
});

describe('the content of a file', () => {
  it('is what an array would be, for any writes and cuts', () => {
    const dice = new Dice(20_260_801);
    for (let round = 0; round < 50; round++) {
      const space = new MemorySpace(10_000_000);
      const content = new MemoryContent(space);
      let model = Buffer.alloc(0);
      for (let step = 0; step < 30; step++) {
        const at = dice.below(200_000);
        if (dice.once(4)) {
          content.truncate(at);
          model = at < model.length ? model.subarray(0, at) : Buffer.concat([model, Buffer.alloc(at - model.length)]);
        } else {
          const data = dice.bytes(dice.below(dice.once(3) ? 100_000 : 300));
          content.write(data, at);
          if (data.length > 0 && at + data.length > model.length)
            model = Buffer.concat([model, Buffer.alloc(at + data.length - model.length)]);
          model = Buffer.from(model);
          model.set(data, at < model.length ? at : 0);
        }
        const from = dice.below(200_000);
        const target = new Uint8Array(dice.below(150_000)).fill(99);
        const count = content.read(target, from);
        expect(content.size).toBe(model.length);
        expect(count).toBe(Math.max(0, Math.min(target.length, model.length - from)));
        expect(Buffer.compare(target.subarray(0, count), model.subarray(from, from + count))).toBe(0);
        expect(Buffer.compare(target.subarray(count), Buffer.alloc(target.length - count, 99))).toBe(0);
      }
      content.truncate(0);
      expect(space.used).toBe(0);
    }
  });

  it('grows in linear time', () => {
    const content = new MemoryContent(new MemorySpace(2 ** 28));
    const piece = new Uint8Array(100);
    const start = performance.now();
    for (let at = 0; at < 20_000_000; at += piece.length) content.write(piece, at);
    // Copying all of it for each piece would be 2,000,000,000,000 bytes.
    expect(performance.now() - start).toBeLessThan(5_000);
    expect(content.size).toBe(20_000_000);
  });
});

describe.runIf(process.platform === 'linux')('a MemoryFileSystem and a FolderFileSystem', () => {
  it('answer the same requests alike', async () => {
    const seed = Number(process.env['AMIKO_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
    const dice = new Dice(seed);
    const { serve: serveFolder } = await makeWorld();
    const real = serveFolder({ readOnly: false });
    const made = serve();
    const NAMES = ['a', 'b', 'c', 'd'];
    const path = (): string => {
      let result = dice.once(4) ? '' : '/';
      for (let count = dice.below(4); count > 0; count--) result += `${dice.pick([...NAMES, ...NAMES, '..', '.'])}/`;
      return result + dice.pick([...NAMES, ...NAMES, ...NAMES, '..', '.', '']);
    };
    const ask = async (files: SFTPServerInterface, what: number, from: string, to: string, flags: number): Promise<unknown> => {
      switch (what) {
        case 0:
        case 1:
          return files.mkdir(from, attributes({ stMode: 0o700 }));
        case 2:
          return files.rmdir(from);
        case 3:
          return files.remove(from);
        case 4:
          return files.rename(from, to);
        case 5:
          return files.posixRename(from, to);
        case 6:
          return files.symlink(to === '' ? 'a' : to, from);
        case 7:
          return files.link(from, to);
        case 8:
          return files.readlink(from);
        case 9:
          return files.canonicalize(from);
        case 10:
          return namesIn(files, from);
        case 11:
        case 12: {
          const stats = what === 11 ? await files.stat(from) : await files.lstat(from);
          if (typeof stats === 'number') return stats;
          return [stats.isDirectory(), stats.isSymbolicLink(), stats.isFile() ? [stats.stMode, stats.stSize] : null];
        }
        case 13:
          return files.chattr(from, attributes({ stSize: flags & 15 }));
        default:
          return withFile(
            files,
            from,
            flags,
            async (handle) => {
              if ((flags & 3) === O_WRONLY) await handle.write(2, Buffer.from('abc'));
              return (flags & 3) === O_RDONLY ? (await contentOf(handle)).toString() : '';
            },
            { stMode: 0o600 },
          );
      }
    };
    const settle = async (work: Promise<unknown>): Promise<unknown> =>
      work.catch((error: { code?: string }) => `status ${statusOfErrno(error.code ?? '').status}`);
    const steps: string[] = [];
    let worked = 0;
    for (let step = 0; step < 3_000; step++) {
      const [what, from, to] = [dice.below(18), path(), path()];
      const flags =
        dice.pick([O_RDONLY, O_RDONLY, O_WRONLY]) | dice.pick([0, O_CREAT, O_CREAT | O_EXCL, O_CREAT | O_TRUNC, O_TRUNC]);
      steps.push(`${what} ${JSON.stringify([from, to, flags])}`);
      const answer = await settle(ask(real, what, from, to, flags));
      const other = await settle(ask(made, what, from, to, flags));
      // The order in which two mistakes of one request are found is nobody's business: refused is refused.
      const refused = (value: unknown): boolean => typeof value === 'string' && value.startsWith('status ');
      if (!refused(answer)) worked++;
      const alike = refused(answer) ? 'refused' : answer;
      expect(refused(other) ? 'refused' : other, `AMIKO_SEED=${seed}, after ${steps.slice(-5).join('; ')}`).toEqual(alike);
    }
    expect(worked).toBeGreaterThan(300);
    expect((await listOf(made, '/')).length).toBe((await listOf(real, '/')).length);
  }, 60_000);
});
