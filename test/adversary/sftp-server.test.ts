// A client that does not keep to the protocol, against an SFTP server: wrong frames cost the channel, wrong requests an answer, and
// nothing costs more memory than the limits, an exception that nobody catches, or the connection.
// The classes: Erlang/OTP CVE-2025-48038 to 48041 (long handles and paths, packets without bound, handles without bound), and
// answers that nobody has asked for.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat } from '../../src/bytes/bytes.ts';
import { ProtocolError } from '../../src/errors.ts';
import { frame, MAX_PACKET_BYTES } from '../../src/sftp/protocol/framing.ts';
import * as messages from '../../src/sftp/protocol/messages.ts';
import { SFTP_BAD_MESSAGE, SFTP_FAILURE, SFTPAttributes, SFTPServer } from '../../src/sftp.ts';
import type { ServerInterface } from '../../src/transport/server-interface.ts';
import { Writer } from '../../src/wire/writer.ts';
import { loopback } from '../support/loopback.ts';
import { liveBytes } from '../support/measure.ts';
import { MapFiles, type Node } from '../support/sftp-map.ts';
import { eventually, handleOf, namesOf, rawSftpOn, serveInMemory, statusAndText, statusOf, textOf } from '../support/sftp-raw.ts';

const { Init, Open, Close, Read, Write, Stat, Fstat, Readdir, Realpath, Rename, Symlink, Extended, FXF_READ, FXF_WRITE } =
  messages;
const none = new SFTPAttributes();
const u32 = (value: number) => new Writer().u32(value).finish();
const nodes: Record<string, Node> = { '/a': 'text' };

describe('frames', () => {
  const init = frame(Init.encode({ version: 3, extensions: new Map() }));

  it.each([
    ['an empty packet', true, u32(0)],
    ['a packet of one byte too many', true, u32(MAX_PACKET_BYTES + 1)],
    ['a packet of 4 GiB', true, u32(0xffff_ffff)],
    ['a packet that is too short for a number', true, concat(u32(4), Uint8Array.from([17, 0, 0, 0]))],
    ['a second INIT', true, init],
    ['a request before INIT', false, frame(Stat.encode({ id: 1, path: '/' }))],
    ['an empty packet before INIT', false, u32(0)],
    ['an answer before INIT', false, frame(messages.Version.encode({ version: 3, extensions: new Map() }))],
    ['INIT without a version', false, frame(Uint8Array.from([1]))],
    ['INIT with half an extension', false, frame(concat(Uint8Array.from([1]), u32(3), u32(3), new Uint8Array(3)))],
    ['text of a shell', false, new TextEncoder().encode('Welcome to this host!\n')],
  ])('%s ends the session', async (_title, greet, bytes) => {
    const files = new MapFiles(nodes);
    const { client, served, session, log } = await serveInMemory(files, { greet });
    client.raw(bytes);
    expect(await served).toBeInstanceOf(ProtocolError);
    await session.end();
    // Nothing after that is looked at.
    client.packet(Stat.encode({ id: 9, path: '/' }));
    await new Promise(setImmediate);
    expect(files.calls).toEqual([]);
    expect(log).toEqual([]);
  });

  it('what ends within a packet is broken', async () => {
    for (const rest of [Uint8Array.from([0]), u32(5), concat(u32(5), new Uint8Array(4))]) {
      const { client, channel, served } = await serveInMemory(new MapFiles());
      client.raw(rest);
      channel.end();
      expect(await served).toBeInstanceOf(ProtocolError);
    }
  });

  it('the answers to what came before are not lost, and those to what comes after never made', async () => {
    const { client, served } = await serveInMemory(new MapFiles(nodes));
    expect(statusOf(await client.ask(Close, { handle: new Uint8Array(8) }))).toBe(SFTP_FAILURE);
    client.raw(concat(frame(Stat.encode({ id: 77, path: '/a' })), u32(0)));
    expect(await served).toBeInstanceOf(ProtocolError);
    expect(client.unasked).toEqual([]);
  });

  it('may come byte by byte', async () => {
    const { client, channel } = await serveInMemory(new MapFiles(nodes), { greet: false });
    for (const byte of init) channel.feed(Uint8Array.of(byte));
    expect((await client.next())[0]).toBe(messages.Version.number);
    const answer = client.answer(5);
    for (const byte of frame(Stat.encode({ id: 5, path: '/a' }))) channel.feed(Uint8Array.of(byte));
    expect((await answer)[0]).toBe(messages.Attrs.number);
  });

  it('of the longest packet that is allowed are served', async () => {
    const { client } = await serveInMemory(new MapFiles(nodes));
    const handle = handleOf(await client.open('/a', FXF_WRITE, none));
    const data = new Uint8Array(MAX_PACKET_BYTES - 29 - handle.length + 8).fill(65);
    const packet = Write.encode({ id: 1_000, handle, offset: 0, data });
    expect(packet).toHaveLength(MAX_PACKET_BYTES);
    const answer = client.answer(1_000);
    client.packet(packet);
    expect(statusOf(await answer)).toBe(0);
  });
});

describe('requests', () => {
  it('with handles that are no handles get FAILURE', async () => {
    const files = new MapFiles(nodes);
    const { client } = await serveInMemory(files);
    const real = handleOf(await client.open('/a', FXF_READ | FXF_WRITE, none));
    const wrong: Uint8Array[] = [0, 1, 4, 7, 9, 16, 256, 257, 300, 65_536, 250_000].map((length) => new Uint8Array(length));
    wrong.push(concat(real, new Uint8Array(1)), real.subarray(0, 7));
    for (let bit = 0; bit < 64; bit++) {
      const flipped = new Uint8Array(real);
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      wrong.push(flipped);
    }
    const invalid = [SFTP_FAILURE, 'Invalid handle'];
    for (const handle of wrong) {
      expect(statusAndText(await client.ask(Read, { handle, offset: 0, length: 5 }))).toEqual(invalid);
      expect(statusAndText(await client.ask(Write, { handle, offset: 0, data: new Uint8Array(1) }))).toEqual(invalid);
      expect(statusAndText(await client.ask(Fstat, { handle }))).toEqual(invalid);
      expect(statusAndText(await client.ask(Readdir, { handle }))).toEqual(invalid);
      expect(statusAndText(await client.ask(Close, { handle }))).toEqual(invalid);
    }
    await client.ask(Close, { handle: real });
    expect(statusAndText(await client.ask(Close, { handle: real }))).toEqual(invalid);
    expect(files.calls).toEqual(['open /a', 'close /a']);
  });

  it('with paths that no system takes are not handed on', async () => {
    const files = new MapFiles(nodes);
    const { client } = await serveInMemory(files);
    for (const path of ['x'.repeat(4_096), `/${'d/'.repeat(100_000)}`, 'a\0', '\0', '/a\0.txt']) {
      const text = path.includes('\0') ? 'Invalid argument' : 'File name too long';
      const bad = [SFTP_BAD_MESSAGE, text];
      expect(statusAndText(await client.open(path, FXF_READ, none))).toEqual(bad);
      expect(statusAndText(await client.ask(Stat, { path }))).toEqual(bad);
      expect(statusAndText(await client.ask(Realpath, { path }))).toEqual(bad);
      const short = path.slice(0, 100_000);
      expect(statusAndText(await client.ask(Rename, { from: '/a', to: short }))).toEqual(bad);
      expect(statusAndText(await client.ask(Symlink, { target: short, link: '/l' }))).toEqual(bad);
      const data = new Writer().string(path).finish();
      expect(statusAndText(await client.extended('statvfs@openssh.com', data))).toEqual(bad);
    }
    expect(files.calls).toEqual([]);
    expect(namesOf(await client.ask(Realpath, { path: 'x'.repeat(4_095) }))).toHaveLength(1);
  });

  it('cut short or with something behind them get BAD_MESSAGE under their number', async () => {
    const files = new MapFiles(nodes);
    const { client } = await serveInMemory(files);
    const id = 5_000;
    const handle = new Uint8Array(8);
    const path = '/a';
    const packets = [
      Open.encode({ id, path, flags: 1, attributes: Object.assign(new SFTPAttributes(), { stMode: 1, stSize: 2 }) }),
      Close.encode({ id, handle }),
      Read.encode({ id, handle, offset: 0, length: 1 }),
      Write.encode({ id, handle, offset: 0, data: new Uint8Array(3) }),
      Stat.encode({ id, path }),
      Rename.encode({ id, from: path, to: path }),
      messages.Mkdir.encode({ id, path, attributes: none }),
    ];
    const bad = [SFTP_BAD_MESSAGE, 'Bad message'];
    for (const packet of packets) {
      for (let length = 5; length < packet.length; length++) {
        const answer = client.answer(id);
        client.packet(packet.subarray(0, length));
        expect(statusAndText(await answer), `${packet[0]} of ${length}`).toEqual(bad);
      }
      // Behind the data of a WRITE there may be more (test/unit/sftp/server-requests.test.ts).
      if (packet[0] === Write.number) continue;
      const answer = client.answer(id);
      client.packet(concat(packet, new Uint8Array(1)));
      expect(statusAndText(await answer)).toEqual(bad);
    }
    expect(files.calls).toEqual([]);
  });

  it('with numbers beyond what there is get BAD_MESSAGE, and cost nothing', async () => {
    const { client } = await serveInMemory(new MapFiles(nodes));
    const handle = handleOf(await client.open('/a', FXF_READ | FXF_WRITE, none));
    const huge = new Uint8Array(8).fill(0xff);
    const send = async (...parts: Uint8Array[]) => {
      const answer = client.answer(0x0100_0000);
      client.packet(concat(...parts));
      return statusOf(await answer);
    };
    const withHandle = (type: number) => [Uint8Array.from([type, 1, 0, 0, 0]), u32(8), handle];
    expect(await send(...withHandle(Read.number), huge, u32(1))).toBe(SFTP_BAD_MESSAGE);
    expect(await send(...withHandle(Write.number), huge, u32(0))).toBe(SFTP_BAD_MESSAGE);
    // An attribute count of 2^32 - 1, a size of 2^64 - 1, a string of 4 GiB.
    const path = concat(u32(2), new TextEncoder().encode('/b'));
    const mkdir = Uint8Array.from([14, 1, 0, 0, 0]);
    expect(await send(mkdir, path, u32(0x8000_0000), u32(0xffff_ffff))).toBe(SFTP_BAD_MESSAGE);
    expect(await send(mkdir, path, u32(1), huge)).toBe(SFTP_BAD_MESSAGE);
    expect(await send(Uint8Array.from([17, 1, 0, 0, 0]), u32(0xffff_ffff))).toBe(SFTP_BAD_MESSAGE);
    // The session is none the worse.
    expect(textOf(await client.ask(Read, { handle, offset: Number.MAX_SAFE_INTEGER, length: 0 }))).toBe('');
    expect(textOf(await client.ask(Read, { handle, offset: 0, length: 0xffff_ffff }))).toBe('text');
  });

  it('under one number are answered each', async () => {
    const { client } = await serveInMemory(new MapFiles(nodes));
    const first = client.answer(7);
    client.raw(concat(...Array.from({ length: 3 }, () => frame(Stat.encode({ id: 7, path: '/a' })))));
    await first;
    await client.next();
    expect((await client.next())[0]).toBe(messages.Attrs.number);
  });

  it('with 50,000 ids for names are refused or answered within a packet', async () => {
    const { client } = await serveInMemory(new MapFiles(nodes));
    const ids = new Writer(240_000);
    for (let i = 0; i < 50_000; i++) ids.u32(i);
    const data = new Writer().string(new Uint8Array(0)).string(ids.finish()).finish();
    expect(statusOf(await client.extended('users-groups-by-id@openssh.com', data))).toBe(SFTP_FAILURE);
  });
});

describe('floods', () => {
  it('of requests whose answers nobody reads leave a bounded session', { timeout: 30_000 }, async () => {
    const { client, channel } = await serveInMemory(new MapFiles(nodes));
    channel.stop();
    const request = frame(Extended.encode({ id: 1, request: 'x'.repeat(100), data: new Uint8Array(0) }));
    const piece = concat(...Array.from({ length: 200 }, () => request));
    const before = liveBytes();
    for (let i = 0; i < 2_000; i++) client.raw(piece);
    // What the server has not taken is the channel's window to bound.
    for (let last = -1; last !== channel.waiting; ) {
      last = channel.waiting;
      for (let i = 0; i < 20; i++) await new Promise(setImmediate);
    }
    expect(channel.waiting).toBeGreaterThan(1_000);
    expect(channel.queuedBytes).toBeLessThan(4_500_000);
    expect(liveBytes() - before).toBeLessThan(60_000_000);
  });

  it('of opened files stop at the limit, over a real connection, which lives on', async () => {
    const made: MapFiles[] = [];
    class Files extends MapFiles {
      constructor(server: ServerInterface) {
        super(nodes, server);
        made.push(this);
      }
    }
    await using pair = await loopback({
      prepare: (_client, server) => server.setSubsystemHandler('sftp', SFTPServer, Files),
    });
    const channel = await pair.client.openSession();
    await channel.invokeSubsystem('sftp');
    const client = rawSftpOn(channel);
    await client.greet();
    const answers = await Promise.all(
      client.together(() => Array.from({ length: 1_100 }, () => client.open('/a', FXF_READ, none))),
    );
    expect(answers.filter((answer) => answer[0] === messages.Handle.number)).toHaveLength(1_024);
    client.raw(u32(MAX_PACKET_BYTES + 1));
    expect(await channel.exited).toMatchObject({ code: 1 });
    await channel.closed;
    await eventually(() => made[0]?.ended).toBe(1);
    expect([made[0]?.opened, made[0]?.closed]).toEqual([1_024, 1_024]);
    // Another session is as good as the first.
    const again = await pair.client.openSession();
    await again.invokeSubsystem('sftp');
    expect((await rawSftpOn(again).greet()).version).toBe(3);
  });

  it('of stderr data are ignored and credited', async () => {
    await using pair = await loopback({
      prepare: (_client, server) => server.setSubsystemHandler('sftp', SFTPServer),
    });
    const channel = await pair.client.openSession();
    await channel.invokeSubsystem('sftp');
    // More than a window: without credit this would never end.
    for (let i = 0; i < 100; i++) await channel.writeStderr(new Uint8Array(65_536));
    expect((await rawSftpOn(channel).greet()).version).toBe(3);
  });
});

describe('any bytes', () => {
  it('end in answers or in the end, never in anything else', { timeout: 60_000 }, async () => {
    const types = messages.messages.map((message) => message.number);
    const packet = fc.oneof(
      { weight: 6, arbitrary: fc.tuple(fc.constantFrom(...types), fc.uint8Array({ maxLength: 60 })) },
      { weight: 1, arbitrary: fc.tuple(fc.nat(255), fc.uint8Array({ maxLength: 300 })) },
    );
    const framed = packet.map(([type, body]) => frame(concat(Uint8Array.of(type, 0, 0, 0, 1), body)));
    const stream = fc.array(fc.oneof({ weight: 10, arbitrary: framed }, { weight: 1, arbitrary: fc.uint8Array() }), {
      maxLength: 20,
    });
    await fc.assert(
      fc.asyncProperty(stream, fc.nat(50), async (parts, cut) => {
        const files = new MapFiles(nodes);
        const { channel, served, session, log } = await serveInMemory(files);
        const bytes = concat(...parts);
        for (let at = 0; at < bytes.length; at += cut + 1) channel.feed(bytes.subarray(at, at + cut + 1));
        channel.end();
        const violation = await served;
        if (violation !== null) expect(violation).toBeInstanceOf(ProtocolError);
        await session.end();
        expect(files.opened).toBe(files.closed);
        expect(log).toEqual([]);
      }),
      { numRuns: 1_500 },
    );
  });
});
