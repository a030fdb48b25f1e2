// An SFTP session against a server that does what it should not.

import { describe, expect, it } from 'vitest';
import { EMPTY, encodeUtf8 } from '../../../src/bytes/bytes.ts';
import { ChannelClosedError, ConnectionLostError, ProtocolError, SFTPError, SSHTimeoutError } from '../../../src/errors.ts';
import { SFTPSession } from '../../../src/sftp/client/session.ts';
import { SFTPAttributes } from '../../../src/sftp/protocol/attributes.ts';
import { limits } from '../../../src/sftp/protocol/extensions.ts';
import { Close, Data, ExtendedReply, Handle, Open, Realpath, Status, Version } from '../../../src/sftp/protocol/messages.ts';
import { idOf, type ScriptedServer, scriptedSftp, statusFor } from '../../support/scripted-sftp.ts';

const what = { operation: 'realpath', path: 'a' };
const realpath = (id: number) => Realpath.encode({ id, path: 'a' });
const noAttributes = new SFTPAttributes();

describe('the greeting', () => {
  it('takes VERSION 3 and its extensions', async () => {
    const server = scriptedSftp(() => {}, { extensions: new Map([['x@y', encodeUtf8('1')]]) });
    const session = await SFTPSession.open(server.channel);
    expect(session.supports('x@y')).toBe(true);
    expect(session.supports('limits@openssh.com')).toBe(false);
  });

  it.each([0, 2, 4, 6])('refuses version %i in words', async (version) => {
    const server = scriptedSftp(() => {}, { greet: (s) => s.reply(Version.encode({ version, extensions: new Map() })) });
    await expect(SFTPSession.open(server.channel)).rejects.toMatchObject({
      code: 'ERR_SSH_PROTOCOL',
      message: expect.stringContaining(`version ${version}`),
    });
    expect(server.closed).toBe(true);
  });

  it('shows the text that start-up files print', async () => {
    const greet = (s: ScriptedServer) => s.send(encodeUtf8('Welcome to \x1b[1mhost\n'));
    await expect(SFTPSession.open(scriptedSftp(() => {}, { greet }).channel)).rejects.toMatchObject({
      message: expect.stringContaining("'Welcome to \\x1b[1mhost'"),
    });
  });

  it.each([
    ['another packet', (s: ScriptedServer) => s.reply(Status.encode({ id: 3, status: 0, message: '', language: '' }))],
    ['half an extension', (s: ScriptedServer) => s.reply(Uint8Array.of(2, 0, 0, 0, 3, 0, 0, 0, 9, 1))],
    ['an empty packet', (s: ScriptedServer) => s.send(new Uint8Array(4))],
  ])('refuses %s', async (_name, greet) => {
    await expect(SFTPSession.open(scriptedSftp(() => {}, { greet }).channel)).rejects.toThrow(ProtocolError);
  });

  it('tells that there is no such subsystem, and waits no longer than it is told', async () => {
    const gone = scriptedSftp(() => {}, { greet: (s) => s.end() });
    await expect(SFTPSession.open(gone.channel)).rejects.toMatchObject({ message: expect.stringContaining('subsystem') });
    const silent = scriptedSftp(() => {}, { greet: () => {} });
    await expect(SFTPSession.open(silent.channel, { timeout: 20 })).rejects.toThrow(SSHTimeoutError);
    expect(silent.closed).toBe(true);
  });
});

describe('a further session with the same server', () => {
  const first = () => SFTPSession.open(scriptedSftp(() => {}, { extensions: new Map([['x@y', encodeUtf8('1')]]) }).channel);

  it('asks before VERSION has come, and knows what the first knows', async () => {
    // It says nothing before the request is there.
    const server = scriptedSftp(
      (packet, s) => s.reply(Version.encode({ version: 3, extensions: new Map() }), statusFor(packet, 0)),
      { greet: () => {} },
    );
    const session = SFTPSession.beside(await first(), server.channel);
    expect(session.supports('x@y')).toBe(true);
    await session.perform(what, realpath);
    await expect(session.ready).resolves.toBe(true);
  });

  it.each([
    ['text', (s: ScriptedServer) => s.send(encodeUtf8('Welcome'))],
    ['another version', (s: ScriptedServer) => s.reply(Version.encode({ version: 4, extensions: new Map() }))],
    ['another packet', (s: ScriptedServer) => s.reply(Status.encode({ id: 1, status: 0, message: '', language: '' }))],
    ['half an extension', (s: ScriptedServer) => s.reply(Uint8Array.of(2, 0, 0, 0, 3, 0, 0, 0, 9, 1))],
    ['the end', (s: ScriptedServer) => s.end()],
  ])('is over where %s comes in the place of VERSION', async (_name, greet) => {
    const server = scriptedSftp(() => {}, { greet });
    const session = SFTPSession.beside(await first(), server.channel);
    await expect(session.perform(what, realpath)).rejects.toMatchObject({
      name: expect.stringMatching(/^(Protocol|ChannelClosed)Error$/),
    });
    await expect(session.ready).resolves.toBe(false);
    expect(server.closed).toBe(true);
  });
});

describe('answers', () => {
  it('are matched by number, in any order, and those to nothing are dropped', async () => {
    const seen: Uint8Array[] = [];
    const server = scriptedSftp((packet, s) => {
      seen.push(packet);
      if (seen.length < 3) return;
      s.reply(
        Handle.encode({ id: 77_777, handle: EMPTY }),
        ...seen.reverse().map((request) => Handle.encode({ id: idOf(request), handle: Uint8Array.of(idOf(request)) })),
        Handle.encode({ id: idOf(packet), handle: EMPTY }),
      );
    });
    const session = await SFTPSession.open(server.channel);
    const handles = await Promise.all([1, 2, 3].map(() => session.askHandle(what, realpath)));
    expect(handles.map((handle) => handle[0])).toEqual([1, 2, 3]);
    expect(session.isClosed).toBe(false);
  });

  it('that are a status become errors that explain themselves', async () => {
    const statuses = [
      [2, 'No such file', 'ENOENT', "realpath 'a': no such file or directory"],
      [3, '', 'EACCES', "realpath 'a': permission denied"],
      [4, 'Failure', 'ERR_SSH_SFTP_FAILURE', "realpath 'a': the server does not say why"],
      [4, 'Disk on fire', 'ERR_SSH_SFTP_FAILURE', "realpath 'a': failed at the server (Disk on fire)"],
      [4, 'No space left on device', 'ENOSPC', "realpath 'a': no space left on device"],
      [2, 'Not a directory', 'ENOTDIR', "realpath 'a': not a directory"],
      [3, 'File exists', 'EACCES', "realpath 'a': permission denied (File exists)"],
      [14, 'x\x1b[2J', 'ENOSPC', "realpath 'a': no space left on device (x\\x1b[2J)"],
      [9_999, '?', 'ERR_SSH_SFTP_FAILURE', "realpath 'a': failed at the server (?)"],
      [0, '', 'ERR_SSH_PROTOCOL', 'realpath: an answer of another type to realpath'],
    ] as const;
    for (const [status, message, code, text] of statuses) {
      const server = scriptedSftp((packet, s) => s.reply(statusFor(packet, status, message)));
      const session = await SFTPSession.open(server.channel);
      const error = await session.askHandle(what, realpath).catch((one: unknown) => one);
      expect(error).toMatchObject({ code, message: text });
      if (error instanceof SFTPError) expect(error).toMatchObject({ status, operation: 'realpath', path: 'a' });
    }
  });

  it('may leave the words of a status out', async () => {
    const server = scriptedSftp((packet, s) => s.reply(statusFor(packet, 3).slice(0, 9)));
    const session = await SFTPSession.open(server.channel);
    await expect(session.perform(what, realpath)).rejects.toMatchObject({ code: 'EACCES' });
  });

  it.each([
    ['of another type', (packet: Uint8Array) => Data.encode({ id: idOf(packet), data: EMPTY })],
    ['of no type', (packet: Uint8Array) => Uint8Array.of(250, ...packet.subarray(1, 5))],
    ['cut short', (packet: Uint8Array) => statusFor(packet, 3, 'abc').slice(0, 12)],
    ['without a number', () => Uint8Array.of(101, 0, 0)],
  ])('%s end the session, and everything that waits', async (_name, answer) => {
    const server = scriptedSftp((packet, s) => s.requests.length === 2 && s.reply(answer(packet)));
    const session = await SFTPSession.open(server.channel);
    const asked = await Promise.allSettled([session.perform(what, realpath), session.perform(what, realpath)]);
    for (const one of asked) expect(one).toMatchObject({ status: 'rejected', reason: { code: 'ERR_SSH_PROTOCOL' } });
    expect(await session.closed).toBeInstanceOf(ProtocolError);
    expect(server.closed).toBe(true);
    await expect(session.perform(what, realpath)).rejects.toThrow(ProtocolError);
  });
});

describe('the end', () => {
  it('by the server rejects what waits, by us resolves', async () => {
    const server = scriptedSftp((_packet, s) => s.end(new ConnectionLostError('gone')));
    const session = await SFTPSession.open(server.channel);
    await expect(session.perform(what, realpath)).rejects.toThrow(ConnectionLostError);
    expect(await session.closed).toBeInstanceOf(ConnectionLostError);
    const quiet = await SFTPSession.open(scriptedSftp((_packet, s) => s.end()).channel);
    await expect(quiet.perform(what, realpath)).rejects.toThrow(ChannelClosedError);
    const ours = await SFTPSession.open(scriptedSftp(() => {}).channel);
    const waiting = ours.perform(what, realpath);
    ours.close();
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_SSH_CLOSED' });
    expect(await ours.closed).toBeUndefined();
    ours.close();
  });
});

describe('a request that nobody waits for any more', () => {
  it('has its handle closed when it still comes', async () => {
    let late: (() => void) | undefined;
    const server = scriptedSftp((packet, s) => {
      if (packet[0] === Open.number) late = () => s.reply(Handle.encode({ id: idOf(packet), handle: Uint8Array.of(9) }));
    });
    const session = await SFTPSession.open(server.channel);
    const open = (id: number) => Open.encode({ id, path: 'a', flags: 1, attributes: noAttributes });
    await expect(session.askHandle(what, open, { timeout: 20 })).rejects.toThrow(SSHTimeoutError);
    late?.();
    await expect.poll(() => server.requests.length).toBe(2);
    expect(Close.decode(server.requests[1] as Uint8Array).handle).toEqual(Uint8Array.of(9));
  });
});

describe('limits@openssh.com', () => {
  const most = 261_120;
  it.each([
    [{ packet: 262_144n, read: 261_120n, write: 261_120n }, most, most],
    [{ packet: 0n, read: 0n, write: 0n }, most, most],
    [{ packet: 34_000n, read: 0n, write: 32_768n }, 32_976, 32_768],
    [{ packet: 2n ** 63n, read: 2n ** 63n, write: 1n }, most, 1],
    [{ packet: 1n, read: 0n, write: 0n }, 32_768, 32_768],
  ])('%o', async (said, read, write) => {
    const data = { maxPacketLength: said.packet, maxReadLength: said.read, maxWriteLength: said.write, maxOpenHandles: 0n };
    const server = scriptedSftp(
      (packet, s) => s.reply(ExtendedReply.encode({ id: idOf(packet), data: limits.reply.encode(data) })),
      { extensions: new Map([[limits.name, encodeUtf8('1')]]) },
    );
    const session = await SFTPSession.open(server.channel);
    expect(await session.knowLimits()).toMatchObject({ maxReadLength: read, maxWriteLength: write });
  });

  it('may be refused', async () => {
    const extensions = new Map([[limits.name, encodeUtf8('1')]]);
    const server = scriptedSftp((packet, s) => s.reply(statusFor(packet, 4)), { extensions });
    const session = await SFTPSession.open(server.channel);
    expect(await session.knowLimits()).toMatchObject({ maxReadLength: 32_768 });
    expect(session.isClosed).toBe(false);
  });
});
