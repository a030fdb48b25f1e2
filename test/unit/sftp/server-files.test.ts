// What the server brings for real files: setFileAttr, the default SFTPHandle, errors of the system as statuses, lines of listings.
import { constants, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { constants as osConstants } from 'node:os';
import { describe, expect, it } from 'vitest';
import { SFTPError } from '../../../src/errors.ts';
import { Fsetstat, Fstat, FXF_APPEND, FXF_CREAT, FXF_READ, FXF_WRITE, Read, Write } from '../../../src/sftp/protocol/messages.ts';
import { longname } from '../../../src/sftp/server/longname.ts';
import {
  SFTP_BAD_MESSAGE,
  SFTP_EOF,
  SFTP_FAILURE,
  SFTP_NO_SUCH_FILE,
  SFTP_OK,
  SFTP_OP_UNSUPPORTED,
  SFTP_PERMISSION_DENIED,
  SFTPAttributes,
  SFTPHandle,
  SFTPServer,
  SFTPServerInterface,
} from '../../../src/sftp.ts';
import type { ServerInterface } from '../../../src/transport/server-interface.ts';
import { tempDir } from '../../support/peers.ts';
import { attributesOf, handleOf, serveInMemory, statusOf, textOf } from '../../support/sftp-raw.ts';

const attributes = (values: Partial<SFTPAttributes>) => Object.assign(new SFTPAttributes(), values);
const bytes = (text: string) => new TextEncoder().encode(text);
const isRoot = process.getuid?.() === 0;

describe('SFTPServer.setFileAttr', () => {
  it('cuts and grows a file without losing what stays', async () => {
    await using folder = tempDir();
    const file = folder.write('a', 'hello world');
    await SFTPServer.setFileAttr(file, attributes({ stSize: 5 }));
    expect(readFileSync(file, 'latin1')).toBe('hello');
    await SFTPServer.setFileAttr(file, attributes({ stSize: 7 }));
    expect(readFileSync(file, 'latin1')).toBe('hello\0\0');
    await SFTPServer.setFileAttr(file, attributes({ stSize: 7 }));
    expect(readFileSync(file, 'latin1')).toBe('hello\0\0');
  });

  it('changes what is set and nothing else', async () => {
    await using folder = tempDir();
    const file = folder.write('a', 'text', 0o644);
    const before = statSync(file);
    await SFTPServer.setFileAttr(file, new SFTPAttributes());
    expect(statSync(file)).toMatchObject({ mode: before.mode, mtimeMs: before.mtimeMs, ctimeMs: before.ctimeMs });
    // The kind that a mode says is not the client's to choose.
    await SFTPServer.setFileAttr(file, attributes({ stMode: 0o040751 }));
    expect(statSync(file)).toMatchObject({ mode: 0o100751, size: 4, mtimeMs: before.mtimeMs });
    await SFTPServer.setFileAttr(file, attributes({ stSize: 2, stAtime: 1_000, stMtime: 2_000 }));
    expect(statSync(file)).toMatchObject({ size: 2, atimeMs: 1_000_000, mtimeMs: 2_000_000 });
    await SFTPServer.setFileAttr(file, attributes({ stMtime: 3_000 }));
    expect(statSync(file)).toMatchObject({ atimeMs: 3_000_000, mtimeMs: 3_000_000 });
  });

  it.skipIf(!isRoot)('changes the owner last, so that it takes what a new owner must not get', async () => {
    await using folder = tempDir();
    const file = folder.write('a', 'text', 0o755);
    await SFTPServer.setFileAttr(file, attributes({ stMode: 0o104755, stUid: 12_345, stGid: 54_321 }));
    expect(statSync(file)).toMatchObject({ uid: 12_345, gid: 54_321, mode: 0o100755 });
  });

  it('follows links and fails as the system does', async () => {
    await using folder = tempDir();
    const file = folder.write('a', 'text');
    symlinkSync('a', folder.join('l'));
    await SFTPServer.setFileAttr(folder.join('l'), attributes({ stSize: 1 }));
    expect(statSync(file).size).toBe(1);
    const missing = SFTPServer.setFileAttr(folder.join('no'), attributes({ stMode: 0o600 }));
    await expect(missing).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('SFTPServer.convertErrno', () => {
  it.each([
    ['ENOENT', SFTP_NO_SUCH_FILE],
    ['EACCES', SFTP_PERMISSION_DENIED],
    ['EPERM', SFTP_PERMISSION_DENIED],
    ['ENAMETOOLONG', SFTP_BAD_MESSAGE],
    ['ENOSYS', SFTP_OP_UNSUPPORTED],
    ['ENOSPC', SFTP_FAILURE],
    ['E?', SFTP_FAILURE],
    [osConstants.errno.ENOENT, SFTP_NO_SUCH_FILE],
    [-osConstants.errno.EACCES, SFTP_PERMISSION_DENIED],
    [99_999, SFTP_FAILURE],
    [Object.assign(new Error('x'), { code: 'ENOTDIR' }), SFTP_NO_SUCH_FILE],
    [new SFTPError('ENOENT', 'no', { operation: 'stat', status: 2 }), SFTP_NO_SUCH_FILE],
    [new Error('x'), SFTP_FAILURE],
    [undefined, SFTP_FAILURE],
  ])('of %s is %i', (error, status) => {
    expect(SFTPServer.convertErrno(error)).toBe(status);
  });
});

describe('the default SFTPHandle', () => {
  /** Opens real files in a folder, as the smallest interface would. */
  class Files extends SFTPServerInterface {
    readonly folder: string;
    constructor(folder: string) {
      super({} as ServerInterface);
      this.folder = folder;
    }

    override async open(path: string, flags: number): Promise<SFTPHandle> {
      const handle = new SFTPHandle(flags);
      const file = await open(`${this.folder}${path}`, flags);
      if ((flags & constants.O_WRONLY) === 0) handle.readfile = file;
      if (flags & (constants.O_WRONLY | constants.O_RDWR)) handle.writefile = file;
      return handle;
    }
  }

  it('reads, writes, tells and changes a real file', async () => {
    await using folder = tempDir();
    const { client, log } = await serveInMemory(new Files(folder.path));
    const handle = handleOf(await client.open('/a', FXF_READ | FXF_WRITE | FXF_CREAT, new SFTPAttributes()));
    expect(statusOf(await client.ask(Write, { handle, offset: 2, data: bytes('hello') }))).toBe(SFTP_OK);
    expect(textOf(await client.ask(Read, { handle, offset: 0, length: 100 }))).toBe('\0\0hello');
    expect(textOf(await client.ask(Read, { handle, offset: 4, length: 2 }))).toBe('ll');
    expect(statusOf(await client.ask(Read, { handle, offset: 7, length: 2 }))).toBe(SFTP_EOF);
    const times = { stAtime: 1_000, stMtime: 2_000 };
    const change = attributes({ stSize: 4, stMode: 0o600, ...times });
    expect(statusOf(await client.ask(Fsetstat, { handle, attributes: change }))).toBe(SFTP_OK);
    expect(attributesOf(await client.ask(Fstat, { handle }))).toMatchObject({ stSize: 4, stMode: 0o100600, ...times });
    expect(readFileSync(folder.join('a'), 'latin1')).toBe('\0\0he');
    expect(log).toEqual([]);
  });

  it('appends where it was opened for that, and does not read what is only written', async () => {
    await using folder = tempDir();
    folder.write('a', 'abc');
    const { client } = await serveInMemory(new Files(folder.path));
    const handle = handleOf(await client.open('/a', FXF_WRITE | FXF_APPEND, new SFTPAttributes()));
    await client.ask(Write, { handle, offset: 0, data: bytes('def') });
    expect(readFileSync(folder.join('a'), 'latin1')).toBe('abcdef');
    expect(attributesOf(await client.ask(Fstat, { handle })).size).toBe(6);
  });

  it('closes both its files, once each, and the second also where the first fails', async () => {
    await using folder = tempDir();
    writeFileSync(folder.join('a'), '');
    const handle = new SFTPHandle();
    const [reader, writer] = [await open(folder.join('a')), await open(folder.join('a'))];
    Object.assign(handle, { readfile: { close: () => Promise.reject(new Error('stuck')) }, writefile: writer });
    await expect(handle.close()).rejects.toThrow('stuck');
    expect(writer.fd).toBe(-1);
    const same = new SFTPHandle();
    same.readfile = reader;
    same.writefile = reader;
    await same.close();
    expect(reader.fd).toBe(-1);
  });

  it('without files supports nothing', async () => {
    const handle = new SFTPHandle();
    const unsupported = SFTP_OP_UNSUPPORTED;
    expect(await handle.read(0, 1)).toBe(unsupported);
    expect(await handle.write(0, bytes('x'))).toBe(unsupported);
    expect(await handle.stat()).toBe(unsupported);
    expect(await handle.chattr(new SFTPAttributes())).toBe(unsupported);
    expect(await handle.sync()).toBe(unsupported);
    expect(await handle.statvfs()).toBe(unsupported);
    await handle.close();
    expect(handle.flags).toBe(0);
  });
});

describe('the line of a listing', () => {
  const line = (values: Partial<SFTPAttributes>, now: number, name = 'name') =>
    Buffer.from(longname(attributes(values), bytes(name), now)).toString();
  const local = (...parts: [number, number, number, number?, number?]) => new Date(...parts).getTime() / 1000;
  const now = local(2024, 6, 1, 12, 0);
  const file = { stMode: 0o100644, stSize: 5, stUid: 1000, stGid: 100 };

  it('is that of OpenSSH', () => {
    const mtime = local(2024, 5, 3, 4, 5);
    expect(line({ ...file, stMtime: mtime }, now)).toBe('-rw-r--r--    1 1000     100             5 Jun  3 04:05 name');
    expect(line({ ...file, stMtime: local(2024, 4, 23, 14, 55) }, now)).toContain(' May 23 14:55 name');
  });

  it('has the year for what is old or not yet there', () => {
    expect(line({ ...file, stMtime: local(2023, 5, 3) }, now)).toBe(
      '-rw-r--r--    1 1000     100             5 Jun  3  2023 name',
    );
    expect(line({ ...file, stMtime: local(2024, 6, 2) }, now)).toContain(' Jul  2  2024 name');
    expect(line({ ...file, stMtime: now }, now)).toContain(' Jul  1 12:00 name');
  });

  it('gives way to large numbers, and shows kinds and special bits', () => {
    const large = { stMode: 0o041777, stSize: 123_456_789_012, stUid: 4_294_967_294, stGid: 1, stMtime: now };
    expect(line(large, now)).toBe('drwxrwxrwt    1 4294967294 1        123456789012 Jul  1 12:00 name');
    expect(line({ stMode: 0o120777 }, now).slice(0, 10)).toBe('lrwxrwxrwx');
    expect(line({}, now)).toMatch(/^\?--------- {4}1 0 {8}0 {15}0 \w{3} [ \d]\d {2}19(70|69) name$/);
  });

  it('keeps the bytes of the name', () => {
    const name = new Uint8Array([0xff, 0x0a, 0x80]);
    expect(longname(attributes(file), name, now).subarray(-3)).toEqual(name);
  });
});
