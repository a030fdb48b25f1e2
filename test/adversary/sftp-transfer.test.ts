// Servers that lie while files are transferred: about names, sizes, links, and what they have written. Nothing is written outside of
// the target, nothing is taken for complete that is not, and whoever gives up gets away.

import { createHash } from 'node:crypto';
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { encodeUtf8 } from '../../src/bytes/bytes.ts';
import { CHECK_FILE, checkFileHandle } from '../../src/sftp/protocol/extensions.ts';
import {
  Attrs,
  Close,
  Data,
  Extended,
  ExtendedReply,
  Fsetstat,
  Fstat,
  Handle,
  Mkdir,
  Open,
  Opendir,
  Read,
  Readdir,
  Readlink,
  Realpath,
  Setstat,
  Stat,
  Symlink,
  Write,
} from '../../src/sftp/protocol/messages.ts';
import { SFTP_EOF, SFTP_FAILURE, SFTP_NO_SUCH_FILE, SFTP_OK, SFTP_OP_UNSUPPORTED } from '../../src/sftp/protocol/status.ts';
import type { SFTPAttributes } from '../../src/sftp.ts';
import { randomBytes, tempDir } from '../support/peers.ts';
import { type Answers, attributesOf, behave, entry, nameFor, scriptedClient } from '../support/scripted-client.ts';
import { idOf, statusFor } from '../support/scripted-sftp.ts';

const FOLDER = 0o040755;
const FILE = 0o100644;
const LINK = 0o120777;

const says =
  (attributes: SFTPAttributes): Answers =>
  (packet) => [Attrs.encode({ id: idOf(packet), attributes })];
const refuses =
  (status: number): Answers =>
  (packet) => [statusFor(packet, status)];
const isFolder = says(attributesOf({ stMode: FOLDER }));
const isFile = (stSize?: number) => says(attributesOf({ stMode: FILE, ...(stSize !== undefined && { stSize }) }));

/** Folders by their path, each given out once per OPENDIR; all other requests are answered as by a server with one small file. */
function folders(tree: Readonly<Record<string, readonly SFTPAttributes[]>>) {
  const open: { entries: readonly SFTPAttributes[]; given: boolean }[] = [];
  return [
    [Stat, isFolder],
    [
      Opendir,
      (packet) => {
        const { path } = Opendir.decode(packet);
        open.push({ entries: tree[path] ?? [], given: false });
        return [Handle.encode({ id: idOf(packet), handle: Uint8Array.of(200, open.length >> 8, open.length & 255) })];
      },
    ],
    [
      Readdir,
      (packet) => {
        const [, high = 0, low = 0] = Readdir.decode(packet).handle;
        const folder = open[high * 256 + low - 1];
        if (folder === undefined || folder.given) return [statusFor(packet, SFTP_EOF)];
        folder.given = true;
        return [nameFor(packet, ...folder.entries)];
      },
    ],
  ] as [{ readonly number: number }, Answers][];
}

/** The same entries in every folder. */
function everywhere(entries: readonly SFTPAttributes[]): Record<string, readonly SFTPAttributes[]> {
  return new Proxy({}, { get: () => entries });
}

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

describe('a server whose file is received', () => {
  const pieces =
    (content: Uint8Array, most: number): Answers =>
    (packet) => {
      const { offset, length } = Read.decode(packet);
      const data = content.subarray(offset, offset + Math.min(length, most));
      return [data.length === 0 ? statusFor(packet, SFTP_EOF) : Data.encode({ id: idOf(packet), data })];
    };

  it('may give less than asked for each time', async () => {
    await using folder = tempDir();
    const content = randomBytes(200_003, 1);
    for (const [size, most] of [
      [200_003, 1_000],
      [undefined, 5_000],
      [10, 7_000],
      [0, 9_000],
    ] as const) {
      const { sftp } = await scriptedClient([
        [Stat, isFile(size)],
        [Fstat, isFile(size)],
        [Read, pieces(content, most)],
      ]);
      expect(await sftp.get('/r', folder.join('t'))).toMatchObject({ bytes: 200_003 });
      expect(readFileSync(folder.join('t')).equals(content)).toBe(true);
    }
  });

  it('may not end before the end, be it silent about it', async () => {
    await using folder = tempDir();
    const content = randomBytes(200_000, 2);
    for (const end of ['EOF', 'nothing']) {
      const short: Answers = (packet, server) => {
        if (Read.decode(packet).offset < 150_000) return pieces(content.subarray(0, 150_000), 32_768)(packet, server);
        return [end === 'EOF' ? statusFor(packet, SFTP_EOF) : Data.encode({ id: idOf(packet), data: new Uint8Array(0) })];
      };
      const { sftp, count, settled } = await scriptedClient([
        [Stat, isFile(200_000)],
        [Read, short],
      ]);
      await expect(sftp.get('/r', folder.join('t'))).rejects.toMatchObject({
        code: 'ERR_SSH_SFTP_INCOMPLETE',
        partial: { side: 'local', path: folder.join('t'), bytes: 150_000 },
      });
      expect(statSync(folder.join('t')).size).toBe(150_000);
      await settled();
      expect(count(Close)).toBe(count(Open));
    }
  });

  it('may fail in the middle; what came before stays', async () => {
    await using folder = tempDir();
    const content = randomBytes(500_000, 3);
    const failing: Answers = (packet, server) =>
      Read.decode(packet).offset < 300_000
        ? pieces(content, 32_768)(packet, server)
        : [statusFor(packet, SFTP_FAILURE, 'Input/output error')];
    const { sftp } = await scriptedClient([
      [Stat, isFile(500_000)],
      [Read, failing],
    ]);
    const bytes = Math.ceil(300_000 / 32_768) * 32_768;
    await expect(sftp.get('/r', folder.join('t'))).rejects.toMatchObject({ code: 'EIO', partial: { bytes } });
    expect(readFileSync(folder.join('t')).equals(content.subarray(0, bytes))).toBe(true);
  });

  it('may never stop; whoever gives up gets away, and it hears no more', async () => {
    await using folder = tempDir();
    const data = new Uint8Array(32_768).fill(1);
    const { sftp, count, settled } = await scriptedClient([
      [Stat, isFile(undefined)],
      [Fstat, isFile(undefined)],
      [Read, (packet) => [Data.encode({ id: idOf(packet), data })]],
    ]);
    const stop = new AbortController();
    const callback = (transferred: number) => {
      if (transferred > 2_000_000) stop.abort(new RangeError('enough'));
    };
    await expect(sftp.get('/r', folder.join('t'), { signal: stop.signal, callback })).rejects.toThrow('enough');
    await settled();
    const reads = count(Read);
    await settled();
    expect(count(Read)).toBe(reads);
    expect(count(Close)).toBe(1);
  });

  it('may say nothing at all; the limit of time holds, and a handle that comes late is closed', async () => {
    await using folder = tempDir();
    let late: (() => void) | null = null;
    const { sftp, count, settled } = await scriptedClient([
      [
        Open,
        (packet, server) => {
          late = () => server.reply(Handle.encode({ id: idOf(packet), handle: Uint8Array.of(9) }));
          return [];
        },
      ],
    ]);
    const start = performance.now();
    await expect(sftp.get('/r', folder.join('t'), { timeout: 50 })).rejects.toMatchObject({ name: 'SSHTimeoutError' });
    await expect(sftp.put(folder.write('s', 'x'), '/r', { timeout: 50 })).rejects.toMatchObject({ name: 'SSHTimeoutError' });
    expect(performance.now() - start).toBeLessThan(5_000);
    expect(existsSync(folder.join('t'))).toBe(false);
    expect(count(Close)).toBe(0);
    (late as unknown as () => void)();
    await settled();
    expect(count(Close)).toBe(1);
  });
});

describe('a server that is sent a file', () => {
  const size = 1_000_000;

  /** Refuses the writes that begin between two positions, and writes down what it was told to do behind that. */
  function writing(refuse: (offset: number) => boolean, extra: readonly [{ readonly number: number }, Answers][] = []) {
    const seen: string[] = [];
    const rest: readonly [{ readonly number: number }, Answers][] = [
      [
        Write,
        (packet) => {
          const { offset, data } = Write.decode(packet);
          seen.push(`write ${offset} ${data.length}`);
          return [statusFor(packet, refuse(offset) ? SFTP_FAILURE : SFTP_OK, refuse(offset) ? 'No space left on device' : '')];
        },
      ],
      [
        Fsetstat,
        (packet) => {
          seen.push(`cut ${Fsetstat.decode(packet).attributes.stSize}`);
          return [statusFor(packet, SFTP_OK)];
        },
      ],
      [
        Setstat,
        (packet) => {
          seen.push(`cut by name ${Setstat.decode(packet).attributes.stSize}`);
          return [statusFor(packet, SFTP_OK)];
        },
      ],
      [
        Close,
        (packet) => {
          seen.push('close');
          return [statusFor(packet, SFTP_OK)];
        },
      ],
      [Fstat, isFile(size)],
      [Stat, isFile(size)],
      ...extra,
    ];
    return { seen, answers: rest };
  }

  it('keeps only what comes before the first gap', async () => {
    await using folder = tempDir();
    const source = folder.write('s', randomBytes(size, 4));
    // One piece fails, and others behind it do not.
    const { seen, answers } = writing((offset) => offset === 10 * 32_768);
    const { sftp, settled } = await scriptedClient(answers);
    await expect(sftp.put(source, '/t')).rejects.toMatchObject({
      name: 'TransferError',
      code: 'ENOSPC',
      operation: 'put',
      partial: { side: 'remote', path: '/t', bytes: 10 * 32_768 },
    });
    await settled();
    expect(seen.length).toBeGreaterThan(12);
    // It was closed before anybody knew.
    expect(seen.slice(-2).join()).toMatch(/^(close,cut by name 327680|cut 327680,close)$/);
  });

  it('has to have what it says it has', async () => {
    await using folder = tempDir();
    const source = folder.write('s', randomBytes(size, 5));
    const wrong = { code: 'ERR_SSH_SFTP_MISMATCH', message: expect.stringMatching(/the server has 999999 bytes of 1000000/) };
    const less = isFile(size - 1);
    const { sftp } = await scriptedClient(writing(() => false, [[Fstat, less]]).answers);
    await expect(sftp.put(source, '/t')).rejects.toMatchObject(wrong);
    expect(await sftp.put(source, '/t', { verify: false })).toMatchObject({ files: 1, attributes: null });
    expect(await sftp.put(source, '/t', { confirm: false })).toMatchObject({ files: 1 });
    // Where it can't tell of an open file it is asked again when that is closed.
    const extra: [{ readonly number: number }, Answers][] = [
      [Fstat, refuses(SFTP_OP_UNSUPPORTED)],
      [Stat, less],
    ];
    const other = await scriptedClient(writing(() => false, extra).answers);
    await expect(other.sftp.put(source, '/t')).rejects.toMatchObject(wrong);
    await expect(other.sftp.putfo(readFileSync(source), '/t')).rejects.toMatchObject(wrong);
  });

  it('may find out when it closes the file', async () => {
    await using folder = tempDir();
    const source = folder.write('s', randomBytes(size, 6));
    const late = (packet: Uint8Array) => [statusFor(packet, SFTP_FAILURE, 'Disk quota exceeded')];
    const { sftp } = await scriptedClient(writing(() => false, [[Close, late]]).answers);
    await expect(sftp.put(source, '/t')).rejects.toMatchObject({ code: 'EDQUOT', partial: { bytes: size } });
  });

  it('may not want the attributes', async () => {
    await using folder = tempDir();
    const source = folder.write('s', randomBytes(size, 7));
    const never = refuses(SFTP_OP_UNSUPPORTED);
    const { sftp } = await scriptedClient(writing(() => false, [[Fsetstat, never]]).answers);
    await expect(sftp.put(source, '/t', { preserve: true })).rejects.toMatchObject({ code: 'ENOTSUP', partial: { bytes: size } });
  });

  it('may stop answering; the caller gets away', async () => {
    await using folder = tempDir();
    const source = folder.write('s', randomBytes(size, 8));
    const { sftp, count, settled } = await scriptedClient(writing(() => false, [[Write, () => []]]).answers);
    const stop = new AbortController();
    const put = sftp.put(source, '/t', { signal: stop.signal });
    await expect.poll(() => count(Write)).toBeGreaterThan(0);
    stop.abort(new RangeError('enough'));
    await expect(put).rejects.toThrow('enough');
    await settled();
    expect(count(Close)).toBe(1);
  });

  it('gets folders only where it has none', async () => {
    await using folder = tempDir();
    mkdirSync(folder.join('s', 'd'), { recursive: true });
    folder.write('s/d/f', '1234567');
    for (const [kind, code] of [
      [FOLDER, null],
      [FILE, 'ENOTDIR'],
    ] as const) {
      const { sftp, count } = await scriptedClient([
        [Mkdir, refuses(SFTP_FAILURE)],
        [Stat, says(attributesOf({ stMode: kind, stSize: 7 }))],
      ]);
      const put = sftp.put(folder.join('s'), '/t', { recursive: true });
      if (code === null) expect(await put).toMatchObject({ files: 1, folders: 2 });
      else await expect(put).rejects.toMatchObject({ code });
      expect(count(Symlink)).toBe(0);
    }
    const refused = await scriptedClient([
      [Mkdir, refuses(SFTP_NO_SUCH_FILE)],
      [Stat, refuses(SFTP_NO_SUCH_FILE)],
    ]);
    await expect(refused.sftp.put(folder.join('s'), '/a/b/c', { recursive: true })).rejects.toMatchObject({ code: 'ENOENT' });
    expect(refused.count(Mkdir)).toBeLessThan(10);
  });
});

describe('a server that hashes its files', () => {
  const content = encodeUtf8('content');
  const announced = new Map([[CHECK_FILE, encodeUtf8('sha256,md5')]]);
  const hashing =
    (algorithm: string, hashes: Uint8Array): Answers =>
    (packet) => {
      expect(Extended.decode(packet).request).toBe(checkFileHandle.name);
      const data = checkFileHandle.reply.encode({ extension: 'check-file', algorithm, hashes });
      return [ExtendedReply.encode({ id: idOf(packet), data })];
    };

  it('is believed when they are the same, and only then', async () => {
    await using folder = tempDir();
    const right = createHash('sha256').update(content).digest();
    const good = await scriptedClient([[Extended, hashing('sha256', right)]], announced);
    expect(await good.sftp.get('/r', folder.join('t'), { verify: 'hash' })).toMatchObject({ bytes: 7 });
    const reads = good.count(Read);
    expect(await good.sftp.put(folder.join('t'), '/r', { verify: 'hash' })).toMatchObject({ bytes: 7 });
    expect(good.count(Read)).toBe(reads);
    const bad = await scriptedClient([[Extended, hashing('sha256', new Uint8Array(32))]], announced);
    const wrong = { code: 'ERR_SSH_SFTP_MISMATCH' };
    await expect(bad.sftp.get('/r', folder.join('t'), { verify: 'hash' })).rejects.toMatchObject(wrong);
    await expect(bad.sftp.put(folder.join('t'), '/r', { verify: 'hash' })).rejects.toMatchObject(wrong);
    await expect(bad.sftp.putfo('content', '/r', { verify: 'hash' })).rejects.toMatchObject(wrong);
  });

  it('is asked for the file itself where the answer is of no use', async () => {
    await using folder = tempDir();
    const useless = [
      hashing('crc32', new Uint8Array(4)),
      hashing('sha256', new Uint8Array(3)),
      hashing('sha256', new Uint8Array(64)),
    ];
    for (const answer of [...useless, refuses(SFTP_FAILURE)]) {
      const { sftp, count } = await scriptedClient([[Extended, answer]], announced);
      await sftp.get('/r', folder.join('t'), { verify: 'hash' });
      expect(count(Read)).toBeGreaterThan(1);
    }
  });
});
