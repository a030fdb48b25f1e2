// Streams of the SFTP client, Node's and the web's, against OpenSSH's server.

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { SFTPClient } from '../../src/sftp.ts';
import { describePeer, randomBytes } from '../support/peers.ts';
import { openOnServer, type SFTPLogin, sftpLogin } from '../support/sftp-login.ts';

const sha256 = (data: Uint8Array) => createHash('sha256').update(data).digest('hex');

describePeer('sshd', 'SFTP streams', () => {
  let login: SFTPLogin;
  let sftp: SFTPClient;
  let dir: string;
  let file: string;
  let tests = 0;

  /** Whether the server has this file open. */
  const isOpen = async (path: string) => (await openOnServer(login, path)) > 0;

  beforeAll(async () => {
    login = await sftpLogin();
    sftp = login.sftp;
  });
  afterAll(() => login[Symbol.asyncDispose]());
  beforeEach(() => {
    dir = login.folder.join(`test${tests++}`);
    mkdirSync(dir);
    file = join(dir, 'file');
  });

  it.for([0, 1, 65_536, 261_120, 261_121, 12_345_678])('read and write %i bytes', async (size, { expect }) => {
    const source = join(dir, 'source');
    const data = randomBytes(size, size);
    writeFileSync(source, data);
    const writing = sftp.createWriteStream(file);
    await pipeline(createReadStream(source), writing);
    expect(writing.bytesWritten).toBe(size);
    // Acknowledged before it was finished.
    expect(sha256(readFileSync(file))).toBe(sha256(data));
    const reading = sftp.createReadStream(file);
    const hash = createHash('sha256');
    await pipeline(reading, hash);
    expect(hash.digest('hex')).toBe(sha256(data));
    expect(reading.bytesRead).toBe(size);
    expect(await isOpen(file)).toBe(false);
  });

  it('have the events and fields of fs streams', async () => {
    const writing = sftp.createWriteStream(file, { mode: 0o600 });
    expect([writing.path, writing.pending]).toEqual([file, true]);
    const seen: string[] = [];
    for (const event of ['open', 'ready', 'finish', 'close']) writing.on(event, () => seen.push(event));
    writing.write('eins');
    writing.end('zwei');
    await once(writing, 'close');
    expect(seen).toEqual(['open', 'ready', 'finish', 'close']);
    expect(writing.pending).toBe(false);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const reading = sftp.createReadStream(file, 'utf8');
    const events: string[] = [];
    for (const event of ['open', 'ready', 'end', 'close']) reading.on(event, () => events.push(event));
    reading.on('data', (chunk) => events.push(String(chunk)));
    await once(reading, 'close');
    expect(events).toEqual(['open', 'ready', 'einszwei', 'end', 'close']);
  });

  it('take start, end and flags as fs does', async () => {
    writeFileSync(file, '0123456789');
    expect(await text(sftp.createReadStream(file, { start: 3, end: 5 }))).toBe('345');
    expect(await text(sftp.createReadStream(file, { start: 8 }))).toBe('89');
    expect(await text(sftp.createReadStream(file, { end: 0 }))).toBe('0');
    expect(await text(sftp.createReadStream(file, { start: 10 }))).toBe('');
    expect(() => sftp.createReadStream(file, { start: 5, end: 4 })).toThrow('from byte 5 to byte 4');
    await pipeline(Readable.from(['ab']), sftp.createWriteStream(file, { flags: 'r+', start: 4 }));
    expect(readFileSync(file, 'utf8')).toBe('0123ab6789');
    await pipeline(Readable.from(['xy']), sftp.createWriteStream(file, { flags: 'a' }));
    expect(readFileSync(file, 'utf8')).toBe('0123ab6789xy');
    writeFileSync(file, randomBytes(1_000_000, 1));
    const part = await buffer(sftp.createReadStream(file, { start: 100_000, end: 899_999 }));
    expect(part.equals(readFileSync(file).subarray(100_000, 900_000))).toBe(true);
  });

  it('of small pieces are written in large requests', async () => {
    const lines = Array.from({ length: 200_000 }, (_, i) => `${i}\n`);
    await pipeline(Readable.from(lines), sftp.createWriteStream(file));
    expect(readFileSync(file, 'utf8')).toBe(lines.join(''));
  });

  it('report failures once, where fs does', async () => {
    await expect(buffer(sftp.createReadStream(file))).rejects.toMatchObject({ code: 'ENOENT', path: file });
    await expect(buffer(sftp.createReadStream(dir))).rejects.toMatchObject({ code: 'EISDIR' });
    const missing = sftp.createWriteStream(join(dir, 'none', 'x'));
    missing.end('x');
    expect((await once(missing, 'error'))[0]).toMatchObject({ code: 'ENOENT' });
    const full = sftp.createWriteStream('/dev/full');
    const writing = pipeline(Readable.from(['x'.repeat(100_000)]), full);
    await expect(writing).rejects.toMatchObject({ name: 'SFTPError', operation: 'write' });
    // Also while nothing more is written.
    const idle = sftp.createWriteStream('/dev/full');
    idle.write('x');
    expect((await once(idle, 'error'))[0]).toMatchObject({ operation: 'write' });
    expect(await isOpen('/dev/full')).toBe(false);
  });

  it('that are destroyed ask for no more and close their files', async () => {
    writeFileSync(file, randomBytes(30_000_000, 1));
    const reading = sftp.createReadStream(file);
    await once(reading, 'data');
    reading.destroy();
    await once(reading, 'close');
    expect(reading.bytesRead).toBeLessThan(30_000_000);
    const early = sftp.createReadStream(file);
    early.destroy();
    await once(early, 'close');
    const writing = sftp.createWriteStream(join(dir, 'out'));
    await once(writing, 'ready');
    writing.write('some');
    writing.destroy();
    await once(writing, 'close');
    for await (const _chunk of sftp.createReadStream(file)) break;
    const stop = new AbortController();
    const aborted = buffer(sftp.createReadStream(file, { signal: stop.signal }));
    stop.abort();
    await expect(aborted).rejects.toMatchObject({ code: 'ABORT_ERR' });
    expect(await isOpen(file)).toBe(false);
    expect(await isOpen(join(dir, 'out'))).toBe(false);
  });

  it('that nobody reads ask for a bounded number of bytes', async () => {
    const size = 20_000_000;
    writeFileSync(file, randomBytes(size, 1));
    const slow = sftp.createReadStream(file);
    const iterator = slow[Symbol.asyncIterator]();
    await iterator.next();
    // Long enough for a server on this machine to have sent all of it.
    for (let i = 0; i < 3; i++) await sftp.readFile(file);
    expect(slow.bytesRead).toBeLessThan(size / 2);
    let bytes = 0;
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) bytes += next.value.length;
    expect(slow.bytesRead).toBe(size);
    expect(bytes).toBeGreaterThan(size - 300_000);
  });

  it('of open files begin at the position, and keep the file open where they should', async () => {
    writeFileSync(file, '0123456789');
    const handle = await sftp.open(file, 'r+');
    await handle.seek(4);
    expect(await text(handle.createReadStream({ autoClose: false }))).toBe('456789');
    const writing = handle.createWriteStream({ autoClose: false, start: 0 });
    writing.end('ab');
    await once(writing, 'finish');
    expect(await text(handle.readableWebStream({ start: 0 }))).toBe('ab23456789');
    expect((await handle.stat()).size).toBe(10);
    const last = handle.createReadStream({ start: 8 });
    expect(await text(last)).toBe('89');
    await expect(handle.stat()).rejects.toMatchObject({ code: 'EBADF' });
    expect(await isOpen(file)).toBe(false);
  });

  it('of the web', async () => {
    const data = randomBytes(3_000_000, 7);
    writeFileSync(file, data);
    const copy = join(dir, 'copy');
    await sftp.readable(file).pipeTo(sftp.writable(copy));
    expect(sha256(readFileSync(copy))).toBe(sha256(data));
    const writer = sftp.writable(copy).getWriter();
    await writer.write('text ');
    await writer.write(new Uint8Array([104, 105]));
    await writer.close();
    expect(readFileSync(copy, 'utf8')).toBe('text hi');
    await expect(text(sftp.readable(join(dir, 'none')))).rejects.toMatchObject({ code: 'ENOENT' });
    const refused = sftp.writable(join(dir, 'none', 'x')).getWriter();
    await expect(refused.write('x')).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(refused.closed).rejects.toMatchObject({ code: 'ENOENT' });
    const reader = sftp.readable(file).getReader();
    expect((await reader.read()).done).toBe(false);
    await reader.cancel();
    const given = sftp.writable(copy).getWriter();
    await given.write('x');
    await given.abort();
    expect(await isOpen(file)).toBe(false);
    expect(await isOpen(copy)).toBe(false);
  });

  it('of the web that are given what no file holds, or that nobody reads, leave nothing open and end no process', async () => {
    const uncaught: unknown[] = [];
    const catchIt = (error: unknown) => void uncaught.push(error);
    process.prependListener('uncaughtException', catchIt);
    try {
      const writer = sftp.writable(file).getWriter();
      await expect(writer.write({} as never)).rejects.toBeInstanceOf(TypeError);
      await expect(writer.closed).rejects.toBeInstanceOf(TypeError);
      expect(await isOpen(file)).toBe(false);
      // The file is opened at once, and the answer comes before anybody reads.
      const unread = sftp.readable(join(dir, 'none'));
      await sftp.realpath('.');
      await sftp.realpath('.');
      await expect(text(unread)).rejects.toMatchObject({ code: 'ENOENT' });
    } finally {
      process.off('uncaughtException', catchIt);
    }
    expect(uncaught).toEqual([]);
  });
});
