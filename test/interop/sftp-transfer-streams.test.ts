// Files from and into streams of every kind, with a real sshd.

import { once } from 'node:events';
import { createReadStream, createWriteStream, readFileSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { PassThrough, Readable, Writable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { describePeer, randomBytes, sha256 } from '../support/peers.ts';
import { openOnServer, type SFTPLogin, sftpLogin } from '../support/sftp-login.ts';

const SIZE = 10_000_001;
const data = randomBytes(SIZE, 1);

async function* pieces(length: number): AsyncGenerator<Uint8Array> {
  // One buffer for all, as a careful generator may have.
  const own = Buffer.alloc(length);
  for (let at = 0; at < SIZE; at += length) {
    const count = data.copy(own, 0, at);
    yield own.subarray(0, count);
    // Whoever still looks at it sees the next piece's bytes, or these.
    own.fill(0xee);
  }
}

describePeer('sshd', 'putfo', () => {
  const sources: readonly (readonly [name: string, source: (login: SFTPLogin) => Parameters<SFTPLogin['sftp']['putfo']>[0]])[] = [
    ['a buffer', () => data],
    ['an ArrayBuffer', () => new Uint8Array(data).buffer],
    ['a Blob', () => new Blob([data])],
    ['an array of pieces', () => [data.subarray(0, 10), '', data.subarray(10)]],
    ['a generator of small pieces', () => pieces(777)],
    ['a generator of large pieces', () => pieces(3_000_000)],
    ['a Node stream', ({ folder }) => createReadStream(folder.join('source'))],
    ['a web stream', () => new Blob([data]).stream()],
    [
      'a web stream of text and bytes',
      () => ReadableStream.from([data.subarray(0, 10), data.subarray(10)]) as ReadableStream<Uint8Array>,
    ],
  ];

  it.each(sources)('takes %s', async (_name, source) => {
    await using login = await sftpLogin();
    const { sftp, folder } = login;
    folder.write('source', data);
    const target = folder.join('target');
    const seen: [number, number][] = [];
    const callback = (transferred: number, total: number) => void seen.push([transferred, total]);
    const attributes = await sftp.putfo(source(login), target, { fileSize: SIZE, callback });
    expect(attributes).toMatchObject({ stSize: SIZE });
    expect(sha256(readFileSync(target))).toBe(sha256(data));
    expect(seen.at(-1)).toEqual([SIZE, SIZE]);
    expect(await openOnServer(login, target)).toBe(0);
  });

  it('takes files that are open, from where they stand', async () => {
    await using login = await sftpLogin();
    const { sftp, folder } = login;
    const local = await open(folder.write('source', data));
    await local.read(Buffer.alloc(100), 0, 100, null);
    await sftp.putfo(local, folder.join('one'), { verify: 'hash' });
    await local.close();
    await using remote = await sftp.open(folder.join('source'));
    await remote.seek(100);
    await sftp.putfo(remote, folder.join('two'));
    for (const name of ['one', 'two']) expect(sha256(readFileSync(folder.join(name)))).toBe(sha256(data.subarray(100)));
  });

  it('takes text, and nothing at all', async () => {
    await using login = await sftpLogin();
    const { sftp, folder } = login;
    await sftp.putfo('tëxt', folder.join('text'));
    expect(await sftp.putfo([], folder.join('nothing'), { confirm: false })).toMatchObject({ stSize: 0 });
    expect(readFileSync(folder.join('text'), 'utf8')).toBe('tëxt');
    expect(statSync(folder.join('nothing')).size).toBe(0);
    // A piece that is none is no end either: what follows it would be missing.
    for (const wrong of [null, 7, {}, [7], ['a', null, 'b'], Readable.from([{}])]) {
      await expect(sftp.putfo(wrong as never, folder.join('wrong'))).rejects.toMatchObject({ name: 'UsageError' });
    }
  });

  it('passes on what a source fails with, and leaves what came before', async () => {
    await using login = await sftpLogin();
    const { sftp, folder } = login;
    const target = folder.join('target');
    const failure = new RangeError('the source is broken');
    const sources = [
      Readable.from(failing(failure)),
      failing(failure),
      ReadableStream.from(failing(failure)) as ReadableStream<Uint8Array>,
    ];
    for (const source of sources) {
      await expect(sftp.putfo(source, target)).rejects.toBe(failure);
      const left = readFileSync(target);
      expect(left.length % 261_120).toBe(0);
      expect(sha256(left)).toBe(sha256(data.subarray(0, left.length)));
    }
    expect(await openOnServer(login, target)).toBe(0);
  });

  it('ends its source when it is given up, or refused', async () => {
    await using login = await sftpLogin();
    const { sftp, folder } = login;
    // Sources that never say anything.
    for (const refused of [false, true]) {
      const stop = new AbortController();
      const stream = new PassThrough();
      let cancelled: unknown;
      const web = new ReadableStream<Uint8Array>({
        pull: () => new Promise(() => {}),
        cancel: (reason) => {
          cancelled = reason;
        },
      });
      let returned = false;
      const iterable = {
        [Symbol.asyncIterator]: () => ({
          next: () => {
            setImmediate(() => stop.abort(new RangeError('enough')));
            return new Promise<never>(() => {});
          },
          return: async () => {
            returned = true;
            return { done: true as const, value: undefined };
          },
        }),
      };
      const target = refused ? folder.join('no', 'folder') : folder.join('target');
      const all = [stream, web, iterable].map((source) => sftp.putfo(source, target, { signal: stop.signal }));
      const outcomes = Promise.allSettled(all);
      const closed = once(stream, 'close').catch((error: unknown) => error);
      const wanted = refused ? { code: 'ENOENT' } : { message: 'enough' };
      expect(await outcomes).toMatchObject([1, 2, 3].map(() => ({ status: 'rejected', reason: wanted })));
      await closed;
      expect(stream.destroyed).toBe(true);
      expect(cancelled).toMatchObject(wanted);
      // An iterable that was not begun has nothing to return.
      expect(returned).toBe(!refused);
    }
    expect(await openOnServer(login, folder.join('target'))).toBe(0);
  });

  it('ends no process where a Node stream fails before it is read, or the server refuses', async () => {
    await using login = await sftpLogin();
    const { sftp, folder } = login;
    const uncaught: unknown[] = [];
    const catchIt = (error: unknown) => void uncaught.push(error);
    process.prependListener('uncaughtException', catchIt);
    try {
      const [nowhere, target] = [folder.join('no', 'folder'), folder.join('target')];
      const source = folder.write('source', 'text');
      // Destroyed without an error, they say nothing; with one, nobody else listens.
      const sending = [
        (from: Readable, to: string) => sftp.putfo(from, to),
        (from: Readable, to: string) => sftp.writeFile(to, from),
      ];
      for (const send of sending) {
        const refused = createReadStream(source);
        await expect(send(refused, nowhere)).rejects.toMatchObject({ name: 'SFTPError', code: 'ENOENT' });
        await new Promise<void>((resolve) => (refused.closed ? resolve() : refused.on('close', resolve)));
        expect(refused.destroyed).toBe(true);
        // It fails while the file is being opened on the server.
        const failing = new PassThrough();
        const sent = send(failing, target);
        failing.destroy(new RangeError('broken'));
        await expect(sent).rejects.toMatchObject({ message: 'broken' });
        await sftp.realpath('.');
      }
      expect(await openOnServer(login, target)).toBe(0);
    } finally {
      process.off('uncaughtException', catchIt);
    }
    expect(uncaught).toEqual([]);
  });

  it('does not read far ahead of the server', async () => {
    await using login = await sftpLogin({ config: { Subsystem: 'sftp /usr/lib/openssh/sftp-server' } });
    const { sftp, folder, sshd } = login;
    const servers = sshd.processes().filter((pid) => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sftp-server\n');
    expect(servers).toHaveLength(1);
    for (const pid of servers) process.kill(pid, 'SIGSTOP');
    await using other = await login.client.sftp();
    let given = 0;
    async function* source() {
      for (; given < 100; given++) yield data.subarray(0, 1_000_000);
    }
    const put = sftp.putfo(source(), folder.join('target'));
    // Another session is answered, and the source is left alone in the meantime.
    for (let turn = 0; turn < 50; turn++) await other.stat('/');
    expect(given).toBeLessThan(40);
    for (const pid of servers) process.kill(pid, 'SIGCONT');
    expect(await put).toMatchObject({ stSize: 100_000_000 });
    expect(given).toBe(100);
  });
});

async function* failing(error: Error): AsyncGenerator<Uint8Array> {
  yield data.subarray(0, 3_000_000);
  throw error;
}

describePeer('sshd', 'getfo', () => {
  it('fills streams, files and buffers', async () => {
    await using login = await sftpLogin();
    const { sftp, folder } = login;
    const source = folder.write('source', data);
    const check = (received: Uint8Array) => expect(sha256(received)).toBe(sha256(data));

    const file = createWriteStream(folder.join('stream'));
    expect(await sftp.getfo(source, file)).toBe(SIZE);
    expect(file.writableFinished).toBe(true);
    check(readFileSync(folder.join('stream')));

    const chunks: Uint8Array[] = [];
    const web = new WritableStream<Uint8Array>({ write: (chunk) => void chunks.push(chunk) });
    expect(await sftp.getfo(source, web, { verify: 'hash' })).toBe(SIZE);
    check(Buffer.concat(chunks));
    expect(web.locked).toBe(true);

    const handle = await open(folder.join('handle'), 'w');
    await handle.write('before ');
    expect(await sftp.getfo(source, handle)).toBe(SIZE);
    await handle.close();
    check(readFileSync(folder.join('handle')).subarray(7));

    const remote = await sftp.open(folder.join('remote'), 'w');
    await sftp.getfo(source, remote);
    await remote.close();
    check(readFileSync(folder.join('remote')));

    const target = new Uint8Array(SIZE + 5);
    expect(await sftp.getfo(source, target)).toBe(SIZE);
    check(target.subarray(0, SIZE));
    await expect(sftp.getfo(source, new Uint8Array(SIZE - 1))).rejects.toMatchObject({
      name: 'UsageError',
      message: expect.stringMatching(/too small/),
    });

    const kept: Uint8Array[] = [];
    // What an array says to its push is no number of bytes.
    await sftp.getfo(source, { write: (chunk: Uint8Array) => kept.push(chunk) });
    check(Buffer.concat(kept));
    for (const wrong of [null, 7, {}, 'text']) {
      await expect(sftp.getfo(source, wrong as never)).rejects.toMatchObject({ name: 'UsageError' });
    }
  });

  it('leaves a stream open where that is wanted, and those of the process always', async () => {
    await using login = await sftpLogin();
    const { sftp, folder } = login;
    const source = folder.write('source', data);
    const both = new PassThrough();
    const received = buffer(both);
    const listeners = () => ['error', 'close', 'drain'].map((event) => both.listenerCount(event));
    const before = listeners();
    await sftp.getfo(source, both, { end: false });
    await sftp.getfo(source, both, { end: false });
    expect(both.writableEnded).toBe(false);
    expect(listeners()).toEqual(before);
    both.end();
    expect(sha256(await received)).toBe(sha256(Buffer.concat([data, data])));
    await sftp.getfo(folder.write('empty', ''), process.stderr);
    expect(process.stderr.writableEnded).toBe(false);
    const web = new WritableStream<Uint8Array>();
    await sftp.getfo(source, web, { end: false });
    expect(web.locked).toBe(false);
    await web.close();
  });

  it('waits for a sink that takes its time, and gives it no more', async () => {
    await using login = await sftpLogin();
    const { sftp, folder } = login;
    const source = folder.write('source', data);
    let go: () => void = () => {};
    let waiting = 0;
    let taken = 0;
    const slow = new Writable({
      highWaterMark: 1,
      write(chunk: Uint8Array, _encoding, done) {
        waiting++;
        taken += chunk.length;
        go = done;
      },
    });
    const received = sftp.getfo(source, slow);
    await expect.poll(() => waiting).toBe(1);
    // Others get their answers in the meantime, and nothing is written to it.
    for (let turn = 0; turn < 20; turn++) await sftp.stat(source);
    expect(slow.writableLength).toBe(taken);
    const drain = setInterval(() => {
      const next = go;
      go = () => {};
      next();
    }, 0);
    expect(await received).toBe(SIZE);
    clearInterval(drain);
    expect(taken).toBe(SIZE);
  });

  it('ends with the sink, whatever it is', async () => {
    await using login = await sftpLogin();
    const { sftp, folder } = login;
    const source = folder.write('source', data);
    const failure = new RangeError('the sink is broken');
    const failingStream = new Writable({ write: (_chunk, _encoding, done) => done(failure) });
    const failingWeb = new WritableStream<Uint8Array>({ write: () => Promise.reject(failure) });
    const failingFile = { write: async () => Promise.reject(failure) };
    for (const sink of [failingStream, failingWeb, failingFile]) await expect(sftp.getfo(source, sink)).rejects.toBe(failure);
    const closed = new Writable({ write: () => {} });
    const going = sftp.getfo(source, closed);
    closed.destroy();
    await expect(going).rejects.toThrow(/closed before the end/);
    await expect(sftp.getfo(source, closed)).rejects.toThrow(/closed before the end/);
    expect(await openOnServer(login, source)).toBe(0);
  });

  it('destroys its sink when it fails or is given up', async () => {
    await using login = await sftpLogin();
    const { sftp, folder } = login;
    const source = folder.write('source', data);
    const stream = new Writable({ write: () => {} });
    await expect(sftp.getfo(folder.join('missing'), stream)).rejects.toMatchObject({ code: 'ENOENT' });
    expect(stream.errored).toMatchObject({ code: 'ENOENT' });
    const stop = new AbortController();
    const stuck = new Writable({ write: () => stop.abort(new RangeError('enough')) });
    await expect(sftp.getfo(source, stuck, { signal: stop.signal })).rejects.toThrow('enough');
    expect(stuck.errored).toMatchObject({ message: 'enough' });
    const aborted: unknown[] = [];
    const web = new WritableStream<Uint8Array>({ abort: (reason) => void aborted.push(reason) });
    await expect(sftp.getfo(folder.join('missing'), web)).rejects.toMatchObject({ code: 'ENOENT' });
    await expect.poll(() => aborted).toMatchObject([{ code: 'ENOENT' }]);
    expect(await openOnServer(login, source)).toBe(0);
  });
});
