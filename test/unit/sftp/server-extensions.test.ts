// Each extension over raw packets, as OpenSSH's PROTOCOL file and the extensions draft write them down.
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { concat } from '../../../src/bytes/bytes.ts';
import * as extensions from '../../../src/sftp/protocol/extensions.ts';
import { Close, ExtendedReply, FXF_READ, FXF_WRITE, Read } from '../../../src/sftp/protocol/messages.ts';
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
  SFTPServerInterface,
} from '../../../src/sftp.ts';
import type { ServerInterface } from '../../../src/transport/server-interface.ts';
import { Writer } from '../../../src/wire/writer.ts';
import { MapFiles, SPACE } from '../../support/sftp-map.ts';
import { eventually, handleOf, namesOf, type RawSftp, serveInMemory, statusAndText, statusOf } from '../../support/sftp-raw.ts';

const none = new SFTPAttributes();
const HANDLE = new Uint8Array(8);

const open = async (client: RawSftp, path: string, flags = FXF_READ) => handleOf(await client.open(path, flags, none));

function replyOf(packet: Uint8Array): Uint8Array {
  return ExtendedReply.decode(packet).data;
}

describe('of OpenSSH', () => {
  it('posix-rename, hardlink and lsetstat reach their hooks', async () => {
    const files = new MapFiles({ '/a': 'a', '/b': 'b', '/l': { link: '/a' } });
    const { client } = await serveInMemory(files);
    const attributes = Object.assign(new SFTPAttributes(), { stMode: 0o120700 });
    const { posixRename, hardlink, lsetstat } = extensions;
    const asked = [
      client.extended(posixRename.name, posixRename.request.encode({ from: '/a', to: '/b' })),
      client.extended(hardlink.name, hardlink.request.encode({ from: '/b', to: '/c' })),
      client.extended(lsetstat.name, lsetstat.request.encode({ path: '/l', attributes })),
    ];
    expect((await Promise.all(asked)).map(statusOf)).toEqual([SFTP_OK, SFTP_OK, SFTP_OK]);
    expect(files.calls).toEqual(['posixRename /a /b', 'lchattr /l', 'link /b /c']);
    expect([files.nodes.get('/b'), files.nodes.get('/c'), files.modes.get('/l')]).toEqual(['a', 'a', 0o120700]);
  });

  it('fsync is for any open file', async () => {
    const files = new MapFiles({ '/a': 'a' });
    const { client } = await serveInMemory(files);
    const handle = await open(client, '/a');
    expect(statusOf(await client.extended('fsync@openssh.com', extensions.fsync.request.encode({ handle })))).toBe(SFTP_OK);
    expect(files.calls).toEqual(['open /a', 'sync /a']);
    const stale = client.extended('fsync@openssh.com', extensions.fsync.request.encode({ handle: HANDLE }));
    expect(statusAndText(await stale)).toEqual([SFTP_FAILURE, 'Invalid handle']);
  });

  it('statvfs and fstatvfs tell the same, the latter by the name unless the handle knows', async () => {
    const files = new MapFiles({ '/a': 'a' });
    const { client } = await serveInMemory(files);
    const { statvfs, fstatvfs } = extensions;
    const byPath = await client.extended(statvfs.name, statvfs.request.encode({ path: '/' }));
    expect(statvfs.reply.decode(replyOf(byPath))).toEqual(SPACE);
    const handle = await open(client, '/a');
    const byHandle = await client.extended(fstatvfs.name, fstatvfs.request.encode({ handle }));
    expect(statvfs.reply.decode(replyOf(byHandle))).toEqual(SPACE);
    expect(files.calls).toEqual(['statvfs /', 'open /a', 'statvfs /a']);

    class Knowing extends SFTPHandle {
      override statvfs() {
        return { ...SPACE, fsid: 8n };
      }
    }
    files.open = async () => new Knowing();
    const knowing = await open(client, '/a');
    const known = await client.extended(fstatvfs.name, fstatvfs.request.encode({ handle: knowing }));
    expect(statvfs.reply.decode(replyOf(known)).fsid).toBe(8n);
  });

  it('limits says what is really so', async () => {
    const { client } = await serveInMemory(new MapFiles(), { maxOpenHandles: 7 });
    const reply = replyOf(await client.extended('limits@openssh.com', new Uint8Array(0)));
    expect(extensions.limits.reply.decode(reply)).toEqual({
      maxPacketLength: 262_144n,
      maxReadLength: 261_120n,
      maxWriteLength: 261_120n,
      maxOpenHandles: 7n,
    });
  });

  it('expand-path and home-directory know where people live', async () => {
    const { client } = await serveInMemory(new MapFiles());
    const expand = async (path: string) => {
      const answer = await client.extended('expand-path@openssh.com', extensions.expandPath.request.encode({ path }));
      return namesOf(answer)[0]?.filename;
    };
    expect(await expand('~')).toBe('/home/me');
    expect(await expand('~/x/../y')).toBe('/home/me/y');
    expect(await expand('~you/z')).toBe('/home/you/z');
    expect(await expand('/a/~/b')).toBe('/a/~/b');
    expect(await expand('')).toBe('/');
    const nobody = client.extended('expand-path@openssh.com', extensions.expandPath.request.encode({ path: '~nobody/z' }));
    expect(statusOf(await nobody)).toBe(SFTP_NO_SUCH_FILE);
    const home = (username: string) => client.extended('home-directory', extensions.homeDirectory.request.encode({ username }));
    expect(namesOf(await home(''))[0]?.filename).toBe('/home/me');
    expect(statusOf(await home('nobody'))).toBe(SFTP_NO_SUCH_FILE);
  });

  it('users-groups-by-id gives names in the order of the numbers', async () => {
    const { client } = await serveInMemory(new MapFiles());
    const { usersGroupsById } = extensions;
    const asked = await client.extended(usersGroupsById.name, usersGroupsById.request.encode({ uids: [5, 0], gids: [1] }));
    expect(usersGroupsById.reply.decode(replyOf(asked))).toEqual({ usernames: ['', 'root'], groupnames: ['group1'] });
    // Half a number.
    const half = await client.extended(usersGroupsById.name, new Writer().string(new Uint8Array(3)).string('').finish());
    expect(statusOf(half)).toBe(SFTP_BAD_MESSAGE);
  });

  it('are refused where the hook is missing, and malformed ones are told so', async () => {
    const { client } = await serveInMemory(new SFTPServerInterface({} as ServerInterface));
    const path = '/a';
    const requests: [string, Uint8Array][] = [
      ['posix-rename@openssh.com', extensions.posixRename.request.encode({ from: path, to: path })],
      ['statvfs@openssh.com', extensions.statvfs.request.encode({ path })],
      ['hardlink@openssh.com', extensions.hardlink.request.encode({ from: path, to: path })],
      ['lsetstat@openssh.com', extensions.lsetstat.request.encode({ path, attributes: none })],
      ['expand-path@openssh.com', extensions.expandPath.request.encode({ path: '~' })],
      ['home-directory', extensions.homeDirectory.request.encode({ username: '' })],
      ['users-groups-by-id@openssh.com', extensions.usersGroupsById.request.encode({ uids: [], gids: [] })],
    ];
    for (const [name, data] of requests) {
      expect(statusOf(await client.extended(name, data)), name).toBe(SFTP_OP_UNSUPPORTED);
      expect(statusOf(await client.extended(name, data.subarray(1))), name).toBe(SFTP_BAD_MESSAGE);
      expect(statusOf(await client.extended(name, concat(data, new Uint8Array(1)))), name).toBe(SFTP_BAD_MESSAGE);
    }
  });
});

describe('copy-data', () => {
  const { copyData } = extensions;
  type Values = Parameters<typeof copyData.request.encode>[0];

  async function copy(client: RawSftp, values: Partial<Values> & Pick<Values, 'readHandle' | 'writeHandle'>) {
    const all = { readOffset: 0, length: 0, writeOffset: 0, ...values };
    return statusAndText(await client.extended('copy-data', copyData.request.encode(all)));
  }

  it('copies to the end, or a part, and says EOF where there is less', async () => {
    const files = new MapFiles({ '/a': 'hello world', '/b': '' });
    const { client } = await serveInMemory(files);
    const [readHandle, writeHandle] = [await open(client, '/a'), await open(client, '/b', FXF_WRITE)];
    expect(await copy(client, { readHandle, writeHandle })).toEqual([SFTP_OK, 'Success']);
    expect(files.nodes.get('/b')).toBe('hello world');
    expect(await copy(client, { readHandle, writeHandle, readOffset: 6, length: 2, writeOffset: 1 })).toEqual([0, 'Success']);
    expect(files.nodes.get('/b')).toBe('hwolo world');
    expect(await copy(client, { readHandle, writeHandle, readOffset: 9, length: 100 })).toEqual([SFTP_EOF, 'End of file']);
    expect(files.nodes.get('/b')).toBe('ldolo world');
    expect(await copy(client, { readHandle, writeHandle, readOffset: 20 })).toEqual([SFTP_OK, 'Success']);
  });

  it('takes many pieces for a large file', async () => {
    const text = Array.from({ length: 100_000 }, (_, i) => `line ${i}\n`).join('');
    const files = new MapFiles({ '/a': text, '/b': '' });
    const { client } = await serveInMemory(files);
    const [readHandle, writeHandle] = [await open(client, '/a'), await open(client, '/b', FXF_WRITE)];
    expect(await copy(client, { readHandle, writeHandle })).toEqual([SFTP_OK, 'Success']);
    expect(files.nodes.get('/b') === text).toBe(true);
    expect(files.calls.filter((call) => call.startsWith('write'))).toHaveLength(Math.ceil(text.length / 261_120));
  });

  it('never onto the same file, and only what was opened for it', async () => {
    const { client } = await serveInMemory(new MapFiles({ '/a': 'text', '/b': '' }));
    const both = await open(client, '/a', FXF_READ | FXF_WRITE);
    const second = await open(client, '//./a', FXF_READ | FXF_WRITE);
    const same = [SFTP_FAILURE, 'Cannot copy a file onto itself'];
    expect(await copy(client, { readHandle: both, writeHandle: both })).toEqual(same);
    expect(await copy(client, { readHandle: both, writeHandle: second })).toEqual(same);
    const reader = await open(client, '/b');
    expect(await copy(client, { readHandle: both, writeHandle: reader })).toEqual([SFTP_PERMISSION_DENIED, 'Permission denied']);
    expect(await copy(client, { readHandle: HANDLE, writeHandle: both })).toEqual([SFTP_FAILURE, 'Invalid handle']);
  });

  it('by two names that cannot be told to be one ends with what there was', async () => {
    let size = 4;
    class Same extends SFTPHandle {
      override stat() {
        return Object.assign(new SFTPAttributes(), { stSize: size });
      }

      override read(offset: number, length: number) {
        return new Uint8Array(Math.min(length, Math.max(0, size - offset)));
      }

      override write(offset: number, data: Uint8Array) {
        size = Math.max(size, offset + data.length);
        return SFTP_OK;
      }
    }
    class Files extends SFTPServerInterface {
      override open() {
        return new Same();
      }
    }
    const { client } = await serveInMemory(new Files({} as ServerInterface));
    const [readHandle, writeHandle] = [await open(client, '/one'), await open(client, '/two', FXF_WRITE)];
    expect(await copy(client, { readHandle, writeHandle, writeOffset: 4 })).toEqual([SFTP_OK, 'Success']);
    expect(size).toBe(8);
  });

  it('stops with the session, and tells what failed', async () => {
    let reads = 0;
    class Endless extends SFTPHandle {
      override stat() {
        return SFTP_OP_UNSUPPORTED;
      }

      override read(_offset: number, length: number) {
        reads++;
        return new Uint8Array(length);
      }

      override write(offset: number) {
        return offset === 1 ? SFTP_NO_SUCH_FILE : SFTP_OK;
      }
    }
    class Files extends SFTPServerInterface {
      override open() {
        return new Endless();
      }
    }
    const { client, channel, session } = await serveInMemory(new Files({} as ServerInterface));
    const [readHandle, writeHandle] = [await open(client, '/one'), await open(client, '/two', FXF_WRITE)];
    expect(await copy(client, { readHandle, writeHandle, writeOffset: 1 })).toEqual([2, 'No such file or directory']);
    void copy(client, { readHandle, writeHandle });
    // Hooks that never wait leave room for the others.
    await eventually(() => reads).toBeGreaterThan(10);
    channel.cut();
    await session.end();
  });
});

describe('check-file', () => {
  const { checkFileHandle, checkFileName } = extensions;
  const text = Array.from({ length: 60_000 }, (_, i) => `line ${i}\n`).join('');
  const hash = (name: string, part: string) => createHash(name).update(part).digest();
  const files = () => new MapFiles({ '/a': text, '/empty': '' });

  async function check(client: RawSftp, path: string, values: Partial<Parameters<typeof checkFileName.request.encode>[0]>) {
    const all = { path, algorithms: 'sha256', offset: 0, length: 0, blockSize: 0, ...values };
    return client.extended('check-file-name', checkFileName.request.encode(all));
  }

  it.each(['sha256', 'sha384', 'sha512', 'sha1', 'md5'])('has %s, by name and by handle', async (algorithm) => {
    const map = files();
    const { client } = await serveInMemory(map);
    const expected = { extension: 'check-file', algorithm, hashes: new Uint8Array(hash(algorithm, text)) };
    const byName = await check(client, '/a', { algorithms: `nonsense,${algorithm},md5` });
    expect(checkFileName.reply.decode(replyOf(byName))).toEqual(expected);
    expect([map.opened, map.closed]).toEqual([1, 1]);
    const handle = await open(client, '/a');
    const request = checkFileHandle.request.encode({ handle, algorithms: algorithm, offset: 0, length: 0, blockSize: 0 });
    // The draft's name, and the seed's.
    for (const name of ['check-file-handle', 'check-file']) {
      expect(checkFileHandle.reply.decode(replyOf(await client.extended(name, request)))).toEqual(expected);
    }
  });

  it('hashes a part, and block by block', async () => {
    const { client } = await serveInMemory(files());
    const part = await check(client, '/a', { offset: 10, length: 400_000 });
    expect(checkFileName.reply.decode(replyOf(part)).hashes).toEqual(new Uint8Array(hash('sha256', text.slice(10, 400_010))));
    const blocks = await check(client, '/a', { algorithms: 'md5', offset: 3, length: 300_001, blockSize: 1_000 });
    const expected = Array.from({ length: 301 }, (_, i) =>
      hash('md5', text.slice(3 + i * 1_000, Math.min(300_004, 1_003 + i * 1_000))),
    );
    expect(checkFileName.reply.decode(replyOf(blocks)).hashes).toEqual(concat(...expected));
    // Beyond the end there is nothing more to hash.
    const over = await check(client, '/a', { offset: text.length - 300, length: 1_000, blockSize: 256 });
    const ends = [text.slice(-300, -44), text.slice(-44)];
    expect(checkFileName.reply.decode(replyOf(over)).hashes).toEqual(concat(...ends.map((end) => hash('sha256', end))));
  });

  it('hashes nothing to the hash of nothing', async () => {
    const { client } = await serveInMemory(files());
    const empty = await check(client, '/empty', {});
    expect(checkFileName.reply.decode(replyOf(empty)).hashes).toEqual(new Uint8Array(hash('sha256', '')));
    const none = await check(client, '/empty', { blockSize: 256 });
    expect(checkFileName.reply.decode(replyOf(none)).hashes).toHaveLength(0);
  });

  it('refuses what it has no answer to', async () => {
    const map = files();
    const { client } = await serveInMemory(map, { maxOpenHandles: 1 });
    const refused = async (values: Parameters<typeof check>[2], path = '/a') => statusAndText(await check(client, path, values));
    expect(await refused({ algorithms: 'crc32,sha3' })).toEqual([SFTP_FAILURE, 'No supported hash algorithm']);
    expect(await refused({ blockSize: 255 })).toEqual([SFTP_FAILURE, 'Block size too small']);
    expect(await refused({ blockSize: 256, length: 3_000_000 })).toEqual([SFTP_FAILURE, 'Too many blocks']);
    expect(await refused({}, '/no')).toEqual([SFTP_NO_SUCH_FILE, 'No such file or directory']);
    map.nodes.set('/long', 'x'.repeat(3_000_000));
    expect(await refused({ blockSize: 256 }, '/long')).toEqual([SFTP_FAILURE, 'Too many blocks']);
    expect([map.opened, map.closed]).toEqual([1, 1]);
    // It is an open file like any other.
    const handle = await open(client, '/a');
    expect(await refused({})).toEqual([SFTP_FAILURE, 'Too many open files']);
    expect(statusOf(await client.ask(Close, { handle }))).toBe(SFTP_OK);
    expect((await check(client, '/a', {}))[0]).toBe(ExtendedReply.number);
    const writer = await open(client, '/a', FXF_WRITE);
    const request = { handle: writer, algorithms: 'md5', offset: 0, length: 0, blockSize: 0 };
    const byWriter = client.extended('check-file-handle', checkFileHandle.request.encode(request));
    expect(statusOf(await byWriter)).toBe(SFTP_PERMISSION_DENIED);
  });

  it('stops with the session', async () => {
    class Endless extends SFTPHandle {
      override read(_offset: number, length: number) {
        return new Uint8Array(length);
      }
    }
    class Files extends SFTPServerInterface {
      override open() {
        return new Endless();
      }
    }
    const { client, channel, session } = await serveInMemory(new Files({} as ServerInterface));
    void check(client, '/zero', {});
    const handle = await open(client, '/zero');
    // Others are served meanwhile.
    expect((await client.ask(Read, { handle, offset: 0, length: 1 }))[0]).toBe(103);
    channel.cut();
    await session.end();
  });
});
