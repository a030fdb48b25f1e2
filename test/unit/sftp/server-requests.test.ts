// Each request of version 3 over raw packets: which hook it reaches with what, and what the client gets for what the hook says.
import { constants } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  Close,
  Fsetstat,
  Fstat,
  FXF_APPEND,
  FXF_CREAT,
  FXF_EXCL,
  FXF_READ,
  FXF_TRUNC,
  FXF_WRITE,
  Lstat,
  Mkdir,
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
  Write,
} from '../../../src/sftp/protocol/messages.ts';
import { sendsLinkFirst } from '../../../src/sftp/server/symlink-order.ts';
import {
  SFTP_BAD_MESSAGE,
  SFTP_EOF,
  SFTP_FAILURE,
  SFTP_NO_SUCH_FILE,
  SFTP_OK,
  SFTP_PERMISSION_DENIED,
  SFTPAttributes,
  SFTPHandle,
  SFTPServerInterface,
  type SFTPStatus,
} from '../../../src/sftp.ts';
import type { ServerInterface } from '../../../src/transport/server-interface.ts';
import { MapFiles } from '../../support/sftp-map.ts';
import { attributesOf, handleOf, namesOf, serveInMemory, statusAndText, statusOf, textOf } from '../../support/sftp-raw.ts';

const none = new SFTPAttributes();
const bytes = (text: string) => new TextEncoder().encode(text);
const withMode = (stMode: number) => Object.assign(new SFTPAttributes(), { stMode });
const withSize = (stSize: number) => Object.assign(new SFTPAttributes(), { stSize });

describe('files', () => {
  it('are opened, written, read, asked about, changed and closed', async () => {
    const files = new MapFiles();
    const { client } = await serveInMemory(files);
    const handle = handleOf(await client.open('/new', FXF_READ | FXF_WRITE | FXF_CREAT, withMode(0o100600)));
    expect(files.modes.get('/new')).toBe(0o100600);
    expect(statusAndText(await client.ask(Write, { handle, offset: 0, data: bytes('hello world') }))).toEqual([0, 'Success']);
    expect(textOf(await client.ask(Read, { handle, offset: 6, length: 3 }))).toBe('wor');
    expect(textOf(await client.ask(Read, { handle, offset: 6, length: 300 }))).toBe('world');
    expect(attributesOf(await client.ask(Fstat, { handle })).size).toBe(11);
    expect(statusOf(await client.ask(Fsetstat, { handle, attributes: withSize(5) }))).toBe(SFTP_OK);
    expect(statusAndText(await client.ask(Read, { handle, offset: 5, length: 1 }))).toEqual([SFTP_EOF, 'End of file']);
    expect(statusOf(await client.ask(Close, { handle }))).toBe(SFTP_OK);
    expect(files.nodes.get('/new')).toBe('hello');
    expect(files.calls).toEqual([
      'open /new',
      'write /new 0 11',
      'read /new 6 3',
      'read /new 6 300',
      'fstat /new',
      'fchattr /new',
      'read /new 5 1',
      'close /new',
    ]);
  });

  it('get the data that a WRITE says, whatever stands behind it in the packet, as with OpenSSH', async () => {
    const files = new MapFiles();
    const { client } = await serveInMemory(files);
    const handle = handleOf(await client.open('/new', FXF_WRITE | FXF_CREAT, none));
    const write = (id: number, offset: number, data: string, more: number) => {
      const answer = client.answer(id);
      const packet = Write.encode({ id, handle, offset, data: bytes(data) });
      client.packet(Uint8Array.of(...packet, ...new Uint8Array(more).fill(0x58)));
      return answer;
    };
    // What rclone 1.60 of Debian 12 sends: its buffer is larger than what it has read.
    expect(statusOf(await write(1_000, 0, 'hello ', 28_672))).toBe(SFTP_OK);
    expect(statusOf(await write(1_001, 6, 'world', 1))).toBe(SFTP_OK);
    expect(files.nodes.get('/new')).toBe('hello world');
  });

  it('are read for nothing where nothing is asked for: neither the hook nor EOF', async () => {
    const files = new MapFiles({ '/a': 'text' });
    const { client } = await serveInMemory(files);
    const handle = handleOf(await client.open('/a', FXF_READ, none));
    expect(textOf(await client.ask(Read, { handle, offset: 99, length: 0 }))).toBe('');
    expect(files.calls).toEqual(['open /a']);
  });

  it('can be read only if opened for it, and changed only if opened for that', async () => {
    const files = new MapFiles({ '/a': 'text' });
    const { client } = await serveInMemory(files);
    const denied = [SFTP_PERMISSION_DENIED, 'Permission denied'];
    const reader = handleOf(await client.open('/a', FXF_READ, none));
    const data = bytes('x');
    expect(statusAndText(await client.ask(Write, { handle: reader, offset: 0, data }))).toEqual(denied);
    expect(statusAndText(await client.ask(Fsetstat, { handle: reader, attributes: withSize(0) }))).toEqual(denied);
    const writer = handleOf(await client.open('/a', FXF_WRITE, none));
    expect(statusAndText(await client.ask(Read, { handle: writer, offset: 0, length: 1 }))).toEqual(denied);
    // Neither flag: open(2) has no such thing, and takes it for reading.
    const neither = handleOf(await client.open('/a', 0, none));
    expect(textOf(await client.ask(Read, { handle: neither, offset: 0, length: 1 }))).toBe('t');
    expect(statusAndText(await client.ask(Write, { handle: neither, offset: 0, data }))).toEqual(denied);
    expect(files.calls.filter((call) => !call.startsWith('open'))).toEqual(['read /a 0 1']);
  });

  it.each([
    [FXF_READ, constants.O_RDONLY],
    [0, constants.O_RDONLY],
    [FXF_WRITE, constants.O_WRONLY],
    [FXF_READ | FXF_WRITE, constants.O_RDWR],
    [FXF_WRITE | FXF_CREAT | FXF_TRUNC, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC],
    [FXF_WRITE | FXF_CREAT | FXF_EXCL, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL],
    [FXF_WRITE | FXF_APPEND, constants.O_WRONLY | constants.O_APPEND],
    [FXF_READ | FXF_CREAT, constants.O_RDONLY | constants.O_CREAT],
    // What empties a file is not for readers.
    [FXF_READ | FXF_TRUNC | FXF_APPEND, constants.O_RDONLY],
    [0xffff_ffc0 | FXF_WRITE, constants.O_WRONLY],
  ])('are opened with flags %i as %i', async (flags, expected) => {
    const seen: number[] = [];
    class Flags extends SFTPServerInterface {
      override open(_path: string, openFlags: number): SFTPStatus {
        seen.push(openFlags);
        return SFTP_FAILURE;
      }
    }
    const { client } = await serveInMemory(new Flags({} as ServerInterface));
    expect(statusOf(await client.open('/a', flags >>> 0, none))).toBe(SFTP_FAILURE);
    expect(seen).toEqual([expected]);
  });

  it('are read by whichever way the handle has, and never more than was asked for', async () => {
    class Into extends SFTPHandle {
      override readInto = (target: Uint8Array, offset: number) => {
        target.fill(65 + offset);
        return Math.min(target.length, 5);
      };
    }
    class Generous extends SFTPHandle {
      override read() {
        return bytes('more than that');
      }
    }
    class Ended extends SFTPHandle {
      override read() {
        return SFTP_EOF;
      }
    }
    class Denied extends SFTPHandle {
      override read() {
        return SFTP_PERMISSION_DENIED;
      }
    }
    class Liar extends SFTPHandle {
      claim: number;
      constructor(claim: number) {
        super();
        this.claim = claim;
      }
      override readInto = () => this.claim;
    }
    const handles: Record<string, SFTPHandle> = {
      '/into': new Into(),
      '/generous': new Generous(),
      '/ended': new Ended(),
      '/denied': new Denied(),
      '/long': new Liar(11),
      '/minus': new Liar(-1),
      '/half': new Liar(1.5),
      '/nothing': new Liar(0),
    };
    class Files extends SFTPServerInterface {
      override open(path: string) {
        return handles[path] ?? SFTP_NO_SUCH_FILE;
      }
    }
    const { client, log } = await serveInMemory(new Files({} as ServerInterface));
    const read = async (path: string, length = 10) => {
      const handle = handleOf(await client.open(path, FXF_READ, none));
      return client.ask(Read, { handle, offset: 1, length });
    };
    expect(textOf(await read('/into'))).toBe('BBBBB');
    expect(textOf(await read('/into', 3))).toBe('BBB');
    expect(textOf(await read('/generous'))).toBe('more than ');
    expect(statusOf(await read('/ended'))).toBe(SFTP_EOF);
    expect(statusOf(await read('/nothing'))).toBe(SFTP_EOF);
    expect(statusOf(await read('/denied'))).toBe(SFTP_PERMISSION_DENIED);
    expect(log).toEqual([]);
    for (const path of ['/long', '/minus', '/half']) expect(statusOf(await read(path))).toBe(SFTP_FAILURE);
    expect(log).toHaveLength(3);
  });
});

describe('paths', () => {
  const files = () => new MapFiles({ '/a': 'text', '/d': null, '/d/x': '12', '/l': { link: '/a' } });

  it('are asked about', async () => {
    const { client } = await serveInMemory(files());
    const [link, target] = await Promise.all([client.ask(Lstat, { path: '/l' }), client.ask(Stat, { path: '/l' })]);
    expect(attributesOf(link).isSymbolicLink()).toBe(true);
    expect(attributesOf(target).isFile()).toBe(true);
    expect(attributesOf(target).size).toBe(4);
    expect(statusAndText(await client.ask(Stat, { path: '/no' }))).toEqual([SFTP_NO_SUCH_FILE, 'No such file or directory']);
  });

  it('are made, changed, renamed and removed', async () => {
    const map = files();
    const { client } = await serveInMemory(map);
    const ok = async (answer: Promise<Uint8Array>) => expect(statusAndText(await answer)).toEqual([SFTP_OK, 'Success']);
    await ok(client.ask(Mkdir, { path: '/n', attributes: withMode(0o700) }));
    await ok(client.ask(Setstat, { path: '/a', attributes: withSize(2) }));
    await ok(client.ask(Rename, { from: '/d/x', to: '/n/y' }));
    await ok(client.ask(Rmdir, { path: '/d' }));
    await ok(client.ask(Symlink, { target: '../a', link: '/n/z' }));
    await ok(client.ask(Remove, { path: '/l' }));
    expect(Object.fromEntries(map.nodes)).toEqual({ '/': null, '/a': 'te', '/n': null, '/n/y': '12', '/n/z': { link: '../a' } });
    expect(map.modes.get('/n')).toBe(0o700);
    expect(map.calls).toEqual(['mkdir /n', 'chattr /a', 'rename /d/x /n/y', 'rmdir /d', 'symlink ../a /n/z', 'remove /l']);
    expect(statusAndText(await client.ask(Rmdir, { path: '/n' }))).toEqual([SFTP_FAILURE, 'Directory not empty']);
    expect(statusAndText(await client.ask(Mkdir, { path: '/n', attributes: none }))).toEqual([SFTP_FAILURE, 'File exists']);
  });

  it('are linked by the two names in the order in which this client sends them', async () => {
    const map = files();
    const { client } = await serveInMemory(map, { linkFirst: true });
    // In the packet, "target" is what comes first.
    expect(statusOf(await client.ask(Symlink, { target: '/new', link: '../a' }))).toBe(SFTP_OK);
    expect(map.calls).toEqual(['symlink ../a /new']);
  });

  it.each([
    ['SSH-2.0-AsyncSSH_2.10.1', true],
    ['SSH-2.0-libssh_0.10.6', true],
    ['SSH-2.0-libssh-0.6.3', true],
    ['SSH-2.0-ssh2js1.16.0', true],
    ['SSH-2.0-WinSCP_release_6.3.3', true],
    ['SSH-2.0-libssh2_1.10.0', false],
    ['SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u7', false],
    ['SSH-2.0-paramiko_2.12.0', false],
    ['SSH-2.0-Go AsyncSSH_', false],
    ['', false],
    [null, false],
  ])('%s has the link first: %s', (version, expected) => {
    expect(sendsLinkFirst(version)).toBe(expected);
  });

  it('are made absolute, and links read, with one name for an answer', async () => {
    const { client } = await serveInMemory(files());
    const [real] = namesOf(await client.ask(Realpath, { path: 'x/./../y//z' }));
    expect([real?.filename, real?.longname, real?.stMode]).toEqual(['/y/z', '/y/z', undefined]);
    expect(namesOf(await client.ask(Readlink, { path: '/l' })).map((name) => name.filename)).toEqual(['/a']);
    expect(statusOf(await client.ask(Readlink, { path: '/a' }))).toBe(SFTP_BAD_MESSAGE);
  });

  it('that are empty stand for the default folder', async () => {
    const map = files();
    const { client } = await serveInMemory(map);
    expect(attributesOf(await client.ask(Stat, { path: '' })).isDirectory()).toBe(true);
    expect(namesOf(await client.ask(Realpath, { path: '' }))[0]?.filename).toBe('/');
    await client.ask(Symlink, { target: '', link: '/e' });
    expect(map.calls).toEqual(['stat .', 'symlink  /e']);
  });

  it('keep bytes that are not UTF-8', async () => {
    const map = files();
    const { client } = await serveInMemory(map);
    const name = new Uint8Array([0x2f, 0x66, 0xff, 0xc3, 0xa4]);
    // The row wants text; the bytes go in by hand.
    const packet = Uint8Array.from([16, 0, 0, 0, 1, 0, 0, 0, 5, ...name]);
    const answer = client.answer(1);
    client.packet(packet);
    const [real] = namesOf(await answer);
    expect(real?.asBytes()).toEqual(name);
  });
});

describe('folders', () => {
  it('are listed, with lines as OpenSSH prints them', async () => {
    const { client } = await serveInMemory(new MapFiles({ '/d': null, '/d/a': 'text', '/d/b': null, '/d/b/c': '' }));
    const handle = handleOf(await client.ask(Opendir, { path: '/d' }));
    const names = namesOf(await client.ask(Readdir, { handle }));
    expect(names.map(({ filename, size, longname }) => [filename, size, longname])).toEqual([
      ['a', 4, expect.stringMatching(/^-rw-r--r-- {4}1 0 {8}0 {15}4 Jan {2}1 {2}19(70|69) a$|^-rw-r--r-- .* Dec 31 {2}1969 a$/)],
      ['b', 0, expect.stringMatching(/^drwxr-xr-x .* b$/)],
    ]);
    expect(statusAndText(await client.ask(Readdir, { handle }))).toEqual([SFTP_EOF, 'End of file']);
    expect(statusOf(await client.ask(Readdir, { handle }))).toBe(SFTP_EOF);
    expect(statusOf(await client.ask(Close, { handle }))).toBe(SFTP_OK);
    expect(statusAndText(await client.ask(Opendir, { path: '/d/a' }))).toEqual([SFTP_NO_SUCH_FILE, 'Not a directory']);
  });

  it('and files have handles of their own kind', async () => {
    const { client } = await serveInMemory(new MapFiles({ '/a': '' }));
    const file = handleOf(await client.open('/a', FXF_READ | FXF_WRITE, none));
    const folder = handleOf(await client.ask(Opendir, { path: '/' }));
    const invalid = [SFTP_FAILURE, 'Invalid handle'];
    expect(statusAndText(await client.ask(Readdir, { handle: file }))).toEqual(invalid);
    expect(statusAndText(await client.ask(Read, { handle: folder, offset: 0, length: 1 }))).toEqual(invalid);
    expect(statusAndText(await client.ask(Write, { handle: folder, offset: 0, data: bytes('x') }))).toEqual(invalid);
    expect(statusAndText(await client.ask(Fstat, { handle: folder }))).toEqual(invalid);
    expect(statusAndText(await client.ask(Fsetstat, { handle: folder, attributes: none }))).toEqual(invalid);
  });
});
