// Servers that lie while a folder is received: about names, links and kinds. Nothing is written outside of the target, and it ends.

import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  Close,
  Data,
  Fstat,
  Handle,
  Open,
  Opendir,
  Read,
  Readlink,
  Realpath,
  Stat,
  Write,
} from '../../src/sftp/protocol/messages.ts';
import { tempDir } from '../support/peers.ts';
import { type Answers, attributesOf, behave, entry, nameFor, scriptedClient } from '../support/scripted-client.ts';
import { everywhere, FOLDER, folders, isFile, isFolder, LINK } from '../support/scripted-folders.ts';

describe('a server whose folder is received', () => {
  it.each(['..', '../x', '/etc/x', 'a/../../x', 'x/y', '', 'x\0y'])(
    'does not get a file out of the target by the name %j',
    async (name) => {
      await using folder = tempDir();
      mkdirSync(folder.join('target', 'deep'), { recursive: true });
      const { sftp } = await scriptedClient(folders({ '/r': [entry('good'), entry(name), entry('good too')] }));
      const target = folder.join('target', 'deep');
      const got = sftp.get('/r', target, { recursive: true });
      if (name === '..') await got;
      else await expect(got).rejects.toMatchObject({ code: 'EBADMSG' });
      expect(readdirSync(folder.path)).toEqual(['target']);
      expect(readdirSync(folder.join('target'))).toEqual(['deep']);
      expect(readdirSync(target).every((each) => each.startsWith('good'))).toBe(true);
    },
  );

  it('does not get a file out of it through a link of the same name, whichever comes first', async () => {
    for (const first of ['link', 'folder']) {
      await using folder = tempDir();
      mkdirSync(folder.join('outside'));
      const both = [entry('a', LINK), entry('a', FOLDER)];
      if (first === 'folder') both.reverse();
      const { sftp } = await scriptedClient([
        ...folders({ '/r': [...both, entry('b', LINK), entry('b')], '/r/a': [entry('passwd')] }),
        [Readlink, (packet) => [nameFor(packet, entry('../outside'))]],
      ]);
      const errors: unknown[] = [];
      const onError = (error: unknown) => {
        errors.push((error as NodeJS.ErrnoException).code);
        return 'skip' as const;
      };
      await sftp.get('/r', folder.join('target'), { recursive: true, onError });
      expect(readdirSync(folder.join('outside'))).toEqual([]);
      expect(readdirSync(folder.join('target', 'a'))).toEqual(['passwd']);
      expect(lstatSync(folder.join('target', 'b')).isFile()).toBe(true);
      expect(errors).toEqual(['EEXIST', 'EEXIST']);
    }
  });

  it('does not get one out by a link that an earlier transfer has made', async () => {
    await using folder = tempDir();
    mkdirSync(folder.join('outside'));
    const link: [{ readonly number: number }, Answers] = [Readlink, (packet) => [nameFor(packet, entry('../outside'))]];
    const first = await scriptedClient([...folders({ '/r': [entry('a', LINK), entry('b', LINK)] }), link]);
    expect(await first.sftp.get('/r', folder.join('target'), { recursive: true })).toMatchObject({ links: 2 });
    expect(readlinkSync(folder.join('target', 'a'))).toBe('../outside');
    for (const preserve of [false, true]) {
      const second = await scriptedClient(folders({ '/r': [entry('a', FOLDER), entry('b')], '/r/a': [entry('passwd')] }));
      const errors: unknown[] = [];
      const onError = (error: unknown) => {
        errors.push((error as NodeJS.ErrnoException).code);
        return 'skip' as const;
      };
      await second.sftp.get('/r', folder.join('target'), { recursive: true, preserve, resume: preserve, onError });
      expect(errors).toEqual(['ELOOP', 'ELOOP']);
      expect(readdirSync(folder.join('outside'))).toEqual([]);
    }
  });

  it('gives nobody more rights than a file may have', async () => {
    await using folder = tempDir();
    const rights = (mode: number) => attributesOf({ filename: 'x', longname: '', stMode: mode, stSize: 7, stMtime: 1 });
    const { sftp } = await scriptedClient(folders({ '/r': [rights(0o106777)] }));
    await sftp.get('/r', folder.join('target'), { recursive: true, preserve: true });
    expect(statSync(folder.join('target', 'x')).mode & 0o7777).toBe(0o777);
  });

  it('can list folders without end, and it ends', async () => {
    await using folder = tempDir();
    const { sftp, count } = await scriptedClient(folders(everywhere([entry('d', FOLDER)])));
    await expect(sftp.get('/r', folder.join('t'), { recursive: true })).rejects.toMatchObject({ code: 'ELOOP' });
    expect(count(Opendir)).toBeGreaterThan(100);
    expect(count(Opendir)).toBeLessThan(300);
  });

  it('can lead links in circles that look new each time, and it ends', async () => {
    await using folder = tempDir();
    let real = 0;
    const { sftp, count } = await scriptedClient([
      ...folders(everywhere([entry('l', LINK)])),
      [Realpath, (packet) => [nameFor(packet, entry(`/real-${real++}`))]],
    ]);
    const got = sftp.get('/r', folder.join('t'), { recursive: true, links: 'follow' });
    await expect(got).rejects.toMatchObject({ code: 'ELOOP' });
    expect(count(Opendir)).toBeLessThan(300);
  });

  it('can have links with targets that no link can have', async () => {
    await using folder = tempDir();
    const { sftp } = await scriptedClient([
      ...folders({ '/r': [entry('a', LINK), entry('b')] }),
      [Readlink, (packet) => [nameFor(packet, entry('x\0y'))]],
    ]);
    const told: string[] = [];
    const onError = (_error: unknown, path: string) => {
      told.push(path);
      return 'skip' as const;
    };
    expect(await sftp.get('/r', folder.join('t'), { recursive: true, onError })).toMatchObject({
      files: 1,
      links: 0,
      skipped: 1,
    });
    expect(told).toEqual(['/r/a']);
  });

  it.each([
    ['a handle', Open],
    ['data', Read],
  ] as const)('may answer with %s that cannot be understood', async (_what, message) => {
    await using folder = tempDir();
    const garbage: Answers = (packet) => {
      const [a = 0, b = 0, c = 0, d = 0] = packet.subarray(1, 5);
      return [Uint8Array.of(message === Open ? Handle.number : Data.number, a, b, c, d, 255, 255, 255, 255, 1)];
    };
    const { sftp } = await scriptedClient([...folders({ '/r': [entry('a'), entry('b')] }), [message, garbage]]);
    const got = sftp.get('/r', folder.join('t'), { recursive: true, onError: () => 'skip' });
    await expect(got).rejects.toMatchObject({ code: 'ERR_SSH_PROTOCOL' });
    expect(await sftp.closed).toMatchObject({ name: 'ProtocolError' });
  });

  it('may leave out what kind its entries are', async () => {
    await using folder = tempDir();
    const nameless = (filename: string) => attributesOf({ filename, longname: '' });
    const kinds: Answers = (packet) => {
      const { path } = Stat.decode(packet);
      return (path.endsWith('f') ? isFile(7) : isFolder)(packet, null as never);
    };
    const { sftp } = await scriptedClient([
      ...folders({ '/r': [nameless('d'), nameless('f')], '/r/d': [nameless('f')] }),
      [Stat, kinds],
    ]);
    expect(await sftp.get('/r', folder.join('t'), { recursive: true })).toMatchObject({ files: 2, folders: 2 });
    expect(readFileSync(folder.join('t', 'd', 'f'), 'utf8')).toBe('content');
  });
});

describe('a folder whose transfer is given up', () => {
  it.each(['get', 'put'] as const)('is given up at once, whenever that is: %s', async (direction) => {
    await using folder = tempDir();
    mkdirSync(folder.join('s'));
    const names = Array.from({ length: 150 }, (_, index) => entry(`f${index}`));
    const sized = names.map((each) => Object.assign(each, { stSize: 7 }));
    for (const { filename } of sized) folder.write(`s/${filename}`, 'content');
    for (let at = 1; at <= 30; at++) {
      const stop = new AbortController();
      let silent = false;
      const answers = folders({ '/r': sized });
      // From the moment on the server says nothing more.
      const quiet = [Open, Read, Write, Close, Fstat].map(
        (message) =>
          [message, (packet, server) => (silent ? [] : behave(packet, server))] as [{ readonly number: number }, Answers],
      );
      const { sftp } = await scriptedClient([...answers, ...quiet, [Fstat, isFile(7)]]);
      const onProgress = ({ files }: { files: number }) => {
        if (files !== at) return;
        silent = true;
        stop.abort(new RangeError(`enough after ${at}`));
      };
      const options = { recursive: true, signal: stop.signal, onProgress };
      const going = direction === 'get' ? sftp.get('/r', folder.join('t'), options) : sftp.put(folder.join('s'), '/r', options);
      await expect(going).rejects.toThrow(`enough after ${at}`);
      sftp.close();
    }
  });
});
