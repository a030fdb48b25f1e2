// Servers that lie to the SFTP client: about names, counts, sizes, numbers and types. Nothing of it leads out of a folder, takes
// memory that was not sent, ends another request, or leaves a promise or a handle behind.

import { describe, expect, it } from 'vitest';
import { encodeUtf8 } from '../../src/bytes/bytes.ts';
import { ProtocolError } from '../../src/index.ts';
import {
  Attrs,
  Close,
  Data,
  Extended,
  ExtendedReply,
  Fstat,
  Handle,
  Lstat,
  Mkdir,
  Name,
  Open,
  Opendir,
  Read,
  Readdir,
  Readlink,
  Realpath,
  Remove,
  Rename,
  Rmdir,
  Setstat,
  Stat,
  Symlink,
  Version,
  Write,
} from '../../src/sftp/protocol/messages.ts';
import { SFTP_EOF, SFTP_FAILURE, SFTP_OK } from '../../src/sftp/protocol/status.ts';
import type { SFTPClient } from '../../src/sftp.ts';
import { Writer } from '../../src/wire/writer.ts';
import { type Answers, attributesOf, behave, entry, folderOf, nameFor, scriptedClient } from '../support/scripted-client.ts';
import { idOf, statusFor } from '../support/scripted-sftp.ts';

const FOLDER = 0o040755;

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

describe('names in listings', () => {
  const hostile = ['../up', '/etc/passwd', 'a/b', '..\0', '\0', '', '/'];

  const ways: [string, (sftp: SFTPClient) => Promise<unknown>][] = [
    ['listdir', (sftp) => sftp.listdir('folder')],
    ['listdirAttr', (sftp) => sftp.listdirAttr('folder')],
    ['listdirIter', (sftp) => all(sftp.listdirIter('folder'))],
    ['readdir', (sftp) => sftp.readdir('folder', { withFileTypes: true })],
    ['readdir recursive', (sftp) => sftp.readdir('folder', { recursive: true })],
    ['opendir', async (sftp) => all(await sftp.opendir('folder'))],
    ['walk', (sftp) => all(sftp.walk('folder'))],
    ['glob', (sftp) => all(sftp.glob('folder/*'))],
    ['glob **', (sftp) => all(sftp.glob('folder/**', { dot: true }))],
    ['rm', (sftp) => sftp.rm('folder', { recursive: true })],
    ['watch', (sftp) => sftp.watch('folder').next()],
  ];
  const isFolder: Answers = (packet) => [Attrs.encode({ id: idOf(packet), attributes: attributesOf({ stMode: FOLDER }) })];

  it.each(ways.flatMap(([way, run]) => hostile.map((name) => [way, JSON.stringify(name), name, run] as const)))(
    '%s refuses %s and closes the folder',
    async (_way, _shown, name, run) => {
      const answers: [{ number: number }, Answers][] = [
        [Lstat, isFolder],
        [Stat, isFolder],
        [Readdir, folderOf(entry('good'), entry(name))],
      ];
      const { sftp, count, settled } = await scriptedClient(answers);
      const error = await run(sftp).then(
        () => null,
        (failure) => failure,
      );
      expect(error).toMatchObject({ name: 'SFTPError', code: 'EBADMSG', operation: 'readdir', path: 'folder', status: null });
      expect(error.message).not.toContain('\0');
      await settled();
      expect(count(Close)).toBe(count(Opendir));
      // Nothing was removed on the word of such a listing but what stands beside it, and the session goes on.
      expect(count(Rmdir)).toBe(0);
      expect((await sftp.stat('x')).mode).toBe(FOLDER);
    },
  );

  it("'.' and '..' are left out; control characters and backslashes stay", async () => {
    const names = ['.', '..', '...', '\u001b[2J', 'a\nb', 'c\\d', '\u202eexe', '\udcff'];
    const { sftp } = await scriptedClient([[Readdir, folderOf(...names.map((name) => entry(name)))]]);
    expect(await sftp.listdir()).toEqual(names.slice(2));
  });

  it('paths in messages are printable', async () => {
    const { sftp } = await scriptedClient([[Stat, (packet) => [statusFor(packet, SFTP_FAILURE, '\u001b]0;owned\u0007')]]]);
    const error = await sftp.stat('\u001b[31mred\n').catch((failure) => failure);
    expect(error.path).toBe('\u001b[31mred\n');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
    expect(error.message).not.toMatch(/[\u0000-\u001f]/);
  });

  it('a longname may be empty, and attributes may say nothing', async () => {
    const bare = attributesOf({ filename: 'bare', longname: '' });
    const answers: [{ number: number }, Answers][] = [
      [Readdir, folderOf(bare, entry('dir', FOLDER))],
      [Lstat, (packet) => [Attrs.encode({ id: idOf(packet), attributes: attributesOf({ stMode: 0o120777 }) })]],
    ];
    const { sftp, count } = await scriptedClient(answers);
    const walked = sftp.walk('folder');
    const first = (await walked.next()).value as { filename: string; isSymbolicLink(): boolean };
    // What the listing does not say is asked for.
    expect([first.filename, first.isSymbolicLink(), count(Lstat)]).toEqual(['bare', true, 1]);
    await walked.return();
  });

  it('flags of attributes that nobody knows are no reason to give up', async () => {
    const strange: Answers = (packet) => {
      const writer = new Writer()
        .u8(Attrs.number)
        .u32(idOf(packet))
        .u32(0x4000_0f00 | 4)
        .u32(0o100600);
      return [writer.finish()];
    };
    const { sftp } = await scriptedClient([[Stat, strange]]);
    expect((await sftp.stat('x')).mode).toBe(0o100600);
  });

  it('a folder without end can be looked at, and is read no further than asked', async () => {
    let next = 0;
    const endless: Answers = (packet) => [nameFor(packet, ...Array.from({ length: 10 }, () => entry(`${next++}`)))];
    const { sftp, count, settled } = await scriptedClient([[Readdir, endless]]);
    let taken = 0;
    for await (const _entry of sftp.listdirIter('folder', { readAheads: 5 })) if (++taken === 1_000) break;
    await settled();
    expect(count(Readdir)).toBeLessThanOrEqual(100 + 5);
    expect(count(Close)).toBe(1);
    const folder = await sftp.opendir('folder');
    await folder.read();
    await settled();
    const before = count(Readdir);
    await settled();
    expect(count(Readdir)).toBe(before);
    expect(before).toBeLessThan(200);
    await folder.close();
  });

  it('a folder that answers with nothing is at its end', async () => {
    const { sftp, count, settled } = await scriptedClient([[Readdir, (packet) => [nameFor(packet)]]]);
    expect(await sftp.listdir('folder')).toEqual([]);
    await settled();
    expect(count(Readdir)).toBeLessThan(10);
    expect(count(Close)).toBe(1);
  });

  it('a tree without a bottom comes to an end', { timeout: 60_000 }, async () => {
    const deeper: Answers = (packet) => [nameFor(packet, entry('d'.repeat(255), FOLDER))];
    const { sftp, count, settled } = await scriptedClient([[Readdir, deeper]]);
    await expect(all(sftp.walk('top'))).rejects.toMatchObject({ code: 'ENAMETOOLONG' });
    await settled();
    expect(count(Close)).toBe(count(Opendir));
    expect(count(Opendir)).toBeLessThan(200);
  });
});

describe('counts and sizes that lie', () => {
  it('a NAME of four billion names ends the session and takes no memory', async () => {
    const many: Answers = (packet) => [
      new Writer().u8(Name.number).u32(idOf(packet)).u32(0xffff_ffff).string('x').string('').u32(0).finish(),
    ];
    const { sftp, server } = await scriptedClient([[Readdir, many]]);
    const other = sftp.listdir('y').catch((error) => error);
    const before = process.memoryUsage().heapUsed;
    await expect(sftp.listdir('x')).rejects.toBeInstanceOf(ProtocolError);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(50_000_000);
    expect(await other).toBeInstanceOf(ProtocolError);
    expect(server.closed).toBe(true);
    expect(await sftp.closed).toBeInstanceOf(ProtocolError);
  });

  it('names cut short end the session', async () => {
    const cut: Answers = (packet) => [new Writer().u8(Name.number).u32(idOf(packet)).u32(1).string('x').finish()];
    const { sftp } = await scriptedClient([[Readdir, cut]]);
    await expect(sftp.listdir('x')).rejects.toBeInstanceOf(ProtocolError);
  });

  it('a file of 8 PB that ends after some bytes is those bytes', async () => {
    const huge: Answers = (packet) => [
      Attrs.encode({ id: idOf(packet), attributes: attributesOf({ stMode: 0o100644, stSize: Number.MAX_SAFE_INTEGER }) }),
    ];
    const { sftp, count, settled } = await scriptedClient([[Fstat, huge]]);
    const before = process.memoryUsage().arrayBuffers;
    const read = await sftp.readFile('x');
    expect(read.toString()).toBe('content');
    expect(read.buffer.byteLength).toBeLessThan(20_000);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(200_000_000);
    await settled();
    expect(count(Close)).toBe(1);
    await expect(sftp.readFile('x', { maxBytes: 3 })).rejects.toMatchObject({ code: 'EFBIG' });
  });

  it('a size that Number can not hold ends the session', async () => {
    const huge: Answers = (packet) => [
      new Writer()
        .u8(Attrs.number)
        .u32(idOf(packet))
        .u32(1)
        .u64(2n ** 63n)
        .finish(),
    ];
    const { sftp } = await scriptedClient([[Stat, huge]]);
    await expect(sftp.stat('x')).rejects.toBeInstanceOf(ProtocolError);
  });

  it('a file without end is read up to the limit only', async () => {
    const endless: Answers = (packet) => [Data.encode({ id: idOf(packet), data: new Uint8Array(Read.decode(packet).length) })];
    const { sftp, count, settled } = await scriptedClient([[Read, endless]]);
    await expect(sftp.readFile('x', { maxBytes: 1_000_000 })).rejects.toMatchObject({ code: 'EFBIG', path: 'x' });
    const file = await sftp.open('x');
    await expect(file.read(null, { maxBytes: 10_000 })).rejects.toMatchObject({ code: 'EFBIG' });
    await file.close();
    await settled();
    expect(count(Close)).toBe(2);
    expect(count(Read)).toBeLessThan(400);
  });

  it('more data than was asked for overruns nothing', async () => {
    const more: Answers = (packet) => [Data.encode({ id: idOf(packet), data: new Uint8Array(100).fill(7) })];
    const { sftp } = await scriptedClient([[Read, more]]);
    const file = await sftp.open('x');
    const buffer = new Uint8Array(10);
    expect(await file.read(buffer, 2, 3, 0)).toMatchObject({ bytesRead: 3 });
    expect([...buffer]).toEqual([0, 0, 7, 7, 7, 0, 0, 0, 0, 0]);
    expect((await file.read(4)).length).toBe(4);
    const large = new Uint8Array(100_000);
    await file.read(large, 0, 70_000, 5);
    expect(large.subarray(70_000).every((byte) => byte === 0)).toBe(true);
  });

  it('data that comes after a read was given up goes nowhere', async () => {
    const held: Uint8Array[] = [];
    const late: Answers = (packet) => {
      held.push(Data.encode({ id: idOf(packet), data: new Uint8Array(Read.decode(packet).length).fill(7) }));
      return [];
    };
    const { sftp, server, settled } = await scriptedClient([[Read, late]]);
    const file = await sftp.open('x');
    const stop = new AbortController();
    const buffer = new Uint8Array(100_000);
    const read = file.read(buffer, 0, 100_000, 0, { signal: stop.signal });
    const small = file.read(buffer, 0, 10, 0, { signal: stop.signal });
    await settled();
    stop.abort(new Error('enough'));
    await expect(read).rejects.toThrow('enough');
    await expect(small).rejects.toThrow('enough');
    server.reply(...held);
    await settled();
    expect(buffer.every((byte) => byte === 0)).toBe(true);
  });

  it('another number of names than was asked for ends the session', async () => {
    const fewer: Answers = (packet) => {
      const names = (...list: string[]) => list.reduce((writer, name) => writer.string(name), new Writer()).finish();
      return [ExtendedReply.encode({ id: idOf(packet), data: new Writer().string(names('root')).string(names()).finish() })];
    };
    const extensions = new Map([['users-groups-by-id@openssh.com', encodeUtf8('1')]]);
    const { sftp } = await scriptedClient([[Extended, fewer]], extensions);
    await expect(sftp.usersGroupsById([0, 1], [])).rejects.toBeInstanceOf(ProtocolError);
  });
});

describe('answers of the wrong kind', () => {
  const id = idOf;
  const kinds: [string, (packet: Uint8Array) => Uint8Array][] = [
    ['HANDLE', (packet) => Handle.encode({ id: id(packet), handle: Uint8Array.of(1) })],
    ['DATA', (packet) => Data.encode({ id: id(packet), data: Uint8Array.of(1) })],
    ['NAME', (packet) => nameFor(packet, entry('x'))],
    ['ATTRS', (packet) => Attrs.encode({ id: id(packet), attributes: attributesOf({}) })],
    ['STATUS OK', (packet) => statusFor(packet, SFTP_OK)],
    ['EXTENDED_REPLY', (packet) => ExtendedReply.encode({ id: id(packet), data: new Uint8Array(0) })],
    ['a NAME without names', (packet) => nameFor(packet)],
    ['a STATUS cut short', (packet) => statusFor(packet, SFTP_FAILURE).subarray(0, 7)],
    ['an unknown message', (packet) => new Writer().u8(250).u32(id(packet)).finish()],
    ['a request', (packet) => Close.encode({ id: id(packet), handle: Uint8Array.of(1) })],
  ];
  /** With the answer that is right, which is not tried. */
  const calls: [string, { number: number }, readonly string[], (sftp: SFTPClient) => Promise<unknown>][] = [
    ['stat', Stat, ['ATTRS'], (sftp) => sftp.stat('x')],
    ['lstat', Lstat, ['ATTRS'], (sftp) => sftp.lstat('x')],
    ['open', Open, ['HANDLE'], (sftp) => sftp.open('x')],
    ['opendir', Opendir, ['HANDLE'], (sftp) => sftp.opendir('x')],
    ['readdir', Readdir, ['NAME', 'a NAME without names'], (sftp) => sftp.listdir('x')],
    ['read', Read, ['DATA'], (sftp) => sftp.readFile('x')],
    ['write', Write, ['STATUS OK'], (sftp) => sftp.writeFile('x', 'y')],
    ['close', Close, ['STATUS OK'], (sftp) => sftp.writeFile('x', 'y')],
    ['realpath', Realpath, ['NAME'], (sftp) => sftp.realpath('x')],
    ['readlink', Readlink, ['NAME'], (sftp) => sftp.readlink('x')],
    ['mkdir', Mkdir, ['STATUS OK'], (sftp) => sftp.mkdir('x')],
    ['rmdir', Rmdir, ['STATUS OK'], (sftp) => sftp.rmdir('x')],
    ['unlink', Remove, ['STATUS OK'], (sftp) => sftp.unlink('x')],
    ['rename', Rename, ['STATUS OK'], (sftp) => sftp.rename('x', 'y')],
    ['symlink', Symlink, ['STATUS OK'], (sftp) => sftp.symlink('x', 'y')],
    ['setstat', Setstat, ['STATUS OK'], (sftp) => sftp.chmod('x', 0o600)],
  ];

  it.each(
    calls.flatMap(([name, message, right, run]) =>
      kinds.filter(([kind]) => !right.includes(kind)).map(([kind, make]) => [name, kind, message, make, run] as const),
    ),
  )('%s answered with %s ends the session', async (_name, _kind, message, make, run) => {
    const { sftp, server } = await scriptedClient([[message, (packet) => [make(packet)]]]);
    await expect(run(sftp)).rejects.toBeInstanceOf(ProtocolError);
    expect(server.closed).toBe(true);
    await expect(sftp.stat('x')).rejects.toBeInstanceOf(ProtocolError);
  });

  it('FSTAT that is refused does not stop a file from being read', async () => {
    const { sftp } = await scriptedClient([[Fstat, (packet) => [statusFor(packet, 8)]]]);
    expect(await sftp.readFile('x', 'utf8')).toBe('content');
  });
});

describe('answers to nothing', () => {
  it('are ignored: wrong numbers, second answers, a second VERSION', async () => {
    const noisy: Answers = (packet) => {
      const right = behave(packet, null as never)[0] as Uint8Array;
      const wrong = new Uint8Array(right);
      wrong[1] = 0x7f;
      return [
        wrong,
        // Its version stands where numbers are; none this high has been given.
        Version.encode({ version: 0x7000_0000, extensions: new Map() }),
        right,
        right,
        statusFor(packet, SFTP_EOF),
      ];
    };
    const messages = [Open, Fstat, Read, Close, Stat, Readdir, Opendir];
    const { sftp } = await scriptedClient(messages.map((message) => [message, noisy]));
    const results = await Promise.all(
      Array.from({ length: 100 }, () => [sftp.readFile('x', 'utf8'), sftp.stat('y')] as const).flat(),
    );
    expect(results.filter((result) => result === 'content')).toHaveLength(100);
    await sftp.stat('x');
  });

  it('a server that never answers costs only those who wait, and for as long as they say', async () => {
    const never: Answers = () => [];
    const { sftp } = await scriptedClient([Stat, Open, Opendir, Mkdir].map((message) => [message, never]));
    const slow = [
      sftp.stat('x', { timeout: 20 }),
      sftp.readFile('x', { timeout: 20 }),
      sftp.listdir('x', { timeout: 20 }),
      sftp.mkdir('x', { recursive: true, timeout: 20 }),
      sftp.open('x', 'r', { timeout: 20 }),
      sftp.writeFile('x', 'y', { timeout: 20 }),
      sftp.copyFile('x', 'y', 0, { timeout: 20 }),
    ];
    for (const call of slow) await expect(call).rejects.toMatchObject({ code: 'ERR_SSH_TIMEOUT', milliseconds: 20 });
    expect((await sftp.lstat('x')).isFile()).toBe(true);
    const waiting = sftp.stat('x').catch((error) => error.code);
    sftp.close();
    expect(await waiting).toBe('ERR_SSH_CLOSED');
  });
});

describe('handles', () => {
  it('that come after the call was given up are closed', async () => {
    const held: Uint8Array[] = [];
    const late: Answers = (packet) => {
      held.push(Handle.encode({ id: idOf(packet), handle: Uint8Array.of(held.length) }));
      return [];
    };
    const { sftp, server, count, settled } = await scriptedClient([
      [Open, late],
      [Opendir, late],
    ]);
    const stop = new AbortController();
    const { signal } = stop;
    const calls = [
      sftp.open('x', 'r', { signal }),
      sftp.readFile('x', { signal }),
      sftp.writeFile('x', 'y', { signal }),
      sftp.opendir('x', { signal }),
      sftp.listdir('x', { signal }),
      sftp.open('x', 'a', { timeout: 5 }),
    ];
    const ended = Promise.allSettled(calls);
    const stream = sftp.createReadStream('x');
    await settled();
    stop.abort();
    stream.destroy();
    expect((await ended).every(({ status }) => status === 'rejected')).toBe(true);
    server.reply(...held);
    await settled();
    expect(held).toHaveLength(7);
    const closed = server.requests.filter((packet) => packet[0] === Close.number).map((packet) => Close.decode(packet).handle[0]);
    expect(closed.sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(count(Write) + count(Read) + count(Readdir)).toBe(0);
  });

  it('are closed whatever goes wrong behind them', async () => {
    const refuse: Answers = (packet) => [statusFor(packet, SFTP_FAILURE)];
    const { sftp, count, settled } = await scriptedClient([
      [Fstat, refuse],
      [Read, refuse],
      [Write, refuse],
      [Readdir, refuse],
    ]);
    await expect(sftp.readFile('x')).rejects.toMatchObject({ operation: 'read' });
    await expect(sftp.writeFile('x', 'y')).rejects.toMatchObject({ operation: 'write' });
    await expect(sftp.appendFile('x', 'y')).rejects.toMatchObject({ operation: 'fstat' });
    await expect(sftp.open('x', 'a')).rejects.toMatchObject({ operation: 'fstat' });
    await expect(sftp.listdir('x')).rejects.toMatchObject({ operation: 'readdir' });
    await expect(sftp.copyFile('x', 'y')).rejects.toMatchObject({ operation: 'fstat' });
    await settled();
    expect(count(Close)).toBe(count(Open) + count(Opendir));
  });

  it('a refusal to close shows where something was written, and only there', async () => {
    const { sftp } = await scriptedClient([[Close, (packet) => [statusFor(packet, SFTP_FAILURE, 'No space left on device')]]]);
    await expect(sftp.writeFile('x', 'y')).rejects.toMatchObject({ code: 'ENOSPC', operation: 'close', path: 'x' });
    expect(await sftp.readFile('x', 'utf8')).toBe('content');
    await (await sftp.open('x')).close();
    const file = await sftp.open('x', 'r+');
    await expect(file.close()).rejects.toMatchObject({ code: 'ENOSPC' });
  });

  it('a refused write is heard of while the source still thinks', async () => {
    const { sftp, count, settled } = await scriptedClient([
      [Write, (packet) => [statusFor(packet, SFTP_FAILURE, 'Disk quota exceeded')]],
    ]);
    async function* stalled() {
      yield 'first';
      await new Promise(() => {});
    }
    await expect(sftp.writeFile('x', stalled())).rejects.toMatchObject({ code: 'EDQUOT' });
    await settled();
    expect(count(Close)).toBe(1);
    // One that can be told is told.
    let cancelled = 0;
    const pull = (controller: ReadableStreamDefaultController<string>) =>
      pulls++ === 0 ? controller.enqueue('first') : new Promise<void>(() => {});
    let pulls = 0;
    const web = new ReadableStream<string>({ pull, cancel: () => void cancelled++ });
    await expect(sftp.writeFile('x', web)).rejects.toMatchObject({ code: 'EDQUOT' });
    await settled();
    expect(cancelled).toBe(1);
    const stop = new AbortController();
    const given = sftp.writeFile('x', stalled(), { signal: stop.signal });
    stop.abort(new Error('enough'));
    await expect(given).rejects.toThrow('enough');
  });
});
