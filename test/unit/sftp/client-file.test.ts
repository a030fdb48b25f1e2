// SFTPFile, its streams and the side sessions against a server with one file in memory that answers as it likes: short, late, or not.

import { once } from 'node:events';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { decodeText } from '../../../src/bytes/bytes.ts';
import { SFTPSession } from '../../../src/sftp/client/session.ts';
import { SideSessions } from '../../../src/sftp/client/side-sessions.ts';
import { writeOf } from '../../../src/sftp/protocol/data.ts';
import { Attrs, Close, Data, Fsetstat, Fstat, Handle, Open, Read, Version, Write } from '../../../src/sftp/protocol/messages.ts';
import { SFTP_EOF, SFTP_FAILURE, SFTP_OK } from '../../../src/sftp/protocol/status.ts';
import { SFTPClient } from '../../../src/sftp.ts';
import { type Answers, attributesOf, behave, scriptedClient } from '../../support/scripted-client.ts';
import { idOf, scriptedSftp, statusFor } from '../../support/scripted-sftp.ts';

/** A file in memory. `most` bytes come for one READ. */
class MemoryFile {
  bytes: Uint8Array;
  most = Number.POSITIVE_INFINITY;

  constructor(bytes: Uint8Array = new Uint8Array(0)) {
    this.bytes = bytes;
  }

  get answers(): [{ number: number }, Answers][] {
    return [
      [
        Fstat,
        (packet) => [
          Attrs.encode({ id: idOf(packet), attributes: attributesOf({ stMode: 0o100644, stSize: this.bytes.length }) }),
        ],
      ],
      [Fsetstat, (packet) => this.#resize(packet)],
      [Read, (packet) => this.#read(packet)],
      [Write, (packet) => this.#write(packet)],
    ];
  }

  #read(packet: Uint8Array): Uint8Array[] {
    const { offset, length } = Read.decode(packet);
    if (offset >= this.bytes.length) return [statusFor(packet, SFTP_EOF)];
    return [Data.encode({ id: idOf(packet), data: this.bytes.subarray(offset, offset + Math.min(length, this.most)) })];
  }

  #write(packet: Uint8Array): Uint8Array[] {
    const { offset, data } = writeOf(packet);
    this.#grow(offset + data.length);
    this.bytes.set(data, offset);
    return [statusFor(packet, SFTP_OK)];
  }

  #resize(packet: Uint8Array): Uint8Array[] {
    const { stSize } = Fsetstat.decode(packet).attributes;
    this.bytes = this.bytes.slice(0, stSize);
    this.#grow(stSize ?? 0);
    return [statusFor(packet, SFTP_OK)];
  }

  #grow(size: number): void {
    if (size <= this.bytes.length) return;
    const larger = new Uint8Array(size);
    larger.set(this.bytes);
    this.bytes = larger;
  }
}

const pattern = (length: number) => Uint8Array.from({ length }, (_, i) => (i % 17 === 0 ? 10 : 65 + (i % 50)));

describe('an open file', () => {
  type Step = { readonly kind: string; readonly a: number; readonly b: number };
  const step: fc.Arbitrary<Step> = fc.record({
    kind: fc.constantFrom(
      'read',
      'readInto',
      'readAt',
      'line',
      'seek',
      'write',
      'writeAt',
      'truncate',
      'prefetch',
      'pipelined',
      'flush',
      'stat',
    ),
    a: fc.nat(400),
    b: fc.nat(120),
  });

  it('holds what a file of the same history holds, whatever the server answers at once', { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), fc.integer({ min: 1, max: 60 }), async (steps, most) => {
        const file = new MemoryFile(pattern(300));
        file.most = most;
        const { sftp } = await scriptedClient(file.answers);
        const handle = await sftp.open('x', 'r+');
        const model = new MemoryFile(pattern(300));
        let position = 0;
        for (const { kind, a, b } of steps) {
          const rest = model.bytes.subarray(position);
          if (kind === 'read') {
            const read = await handle.read(a);
            expect([...read]).toEqual([...rest.subarray(0, a)]);
            position += read.length;
          } else if (kind === 'readInto') {
            const { bytesRead, buffer } = await handle.read(new Uint8Array(a));
            expect([...buffer.subarray(0, bytesRead)]).toEqual([...rest.subarray(0, bytesRead)]);
            expect(bytesRead > 0).toBe(a > 0 && rest.length > 0);
            position += bytesRead;
          } else if (kind === 'readAt') {
            const { bytesRead, buffer } = await handle.read(new Uint8Array(b), 0, b, a);
            expect([...buffer.subarray(0, bytesRead)]).toEqual([...model.bytes.subarray(a, a + bytesRead)]);
          } else if (kind === 'line') {
            const line = await handle.readline();
            const end = rest.indexOf(10);
            expect(line).toBe(decodeText(end < 0 ? rest : rest.subarray(0, end + 1)));
            position += line.length;
          } else if (kind === 'seek') {
            position = await handle.seek(a);
          } else if (kind === 'write' || kind === 'writeAt') {
            const at = kind === 'write' ? position : a;
            const bytes = pattern(b).map((byte) => byte + 1);
            await handle.write(bytes, 0, b, kind === 'write' ? null : a);
            if (kind === 'write') position += b;
            const larger = new Uint8Array(Math.max(model.bytes.length, b > 0 ? at + b : 0));
            larger.set(model.bytes);
            larger.set(bytes, Math.min(at, larger.length - b));
            model.bytes = larger;
          } else if (kind === 'truncate') {
            await handle.truncate(a);
            const resized = new Uint8Array(a);
            resized.set(model.bytes.subarray(0, a));
            model.bytes = resized;
          } else if (kind === 'prefetch') {
            await handle.prefetch(a % 2 === 0 ? null : a, (b % 3) + 1);
          } else if (kind === 'pipelined') {
            handle.setPipelined(a % 2 === 0);
          } else if (kind === 'flush') {
            await handle.flush();
          } else {
            expect((await handle.stat()).size).toBe(model.bytes.length);
          }
          expect(handle.tell()).toBe(position);
        }
        await handle.close();
        expect([...file.bytes]).toEqual([...model.bytes]);
        sftp.close();
      }),
      { numRuns: 300 },
    );
  });

  it('what is read ahead has what was written before, pipelined or not', async () => {
    const file = new MemoryFile(pattern(300));
    const { sftp } = await scriptedClient(file.answers);
    const handle = await sftp.open('x', 'r+');
    handle.setPipelined();
    await handle.write(Uint8Array.of(99), 0, 1, 0);
    await handle.prefetch(13);
    expect((await handle.read(1))[0]).toBe(99);
    await handle.write(Uint8Array.of(98), 0, 1, 1);
    const [streamed] = await once(handle.createReadStream({ start: 1, end: 1, autoClose: false }), 'data');
    expect([...streamed]).toEqual([98]);
  });

  it('a line goes on behind what prefetch was told', async () => {
    const file = new MemoryFile(pattern(300));
    const { sftp } = await scriptedClient(file.answers);
    const handle = await sftp.open('x');
    const whole = decodeText(pattern(300));
    const [first = ''] = whole.split('\n');
    await handle.prefetch(first.length - 2);
    expect(await handle.readline()).toBe(`${first}\n`);
    expect(handle.tell()).toBe(first.length + 1);
    expect(await handle.readline()).toBe(`${whole.split('\n')[1]}\n`);
  });

  it('prefetch asks for no more than it may, and goes on as bytes are taken', async () => {
    const file = new MemoryFile(pattern(3_000_000));
    const { sftp, count, settled } = await scriptedClient(file.answers);
    const handle = await sftp.open('x');
    await handle.prefetch(null, 4);
    await settled();
    expect(count(Read)).toBe(4);
    expect((await handle.read(40_000)).length).toBe(40_000);
    await settled();
    expect(count(Read)).toBe(6);
    await handle.seek(2_000_000);
    expect((await handle.read(3)).length).toBe(3);
    await settled();
    // The rest of what was asked for ahead is not asked for any more.
    expect(count(Read)).toBeLessThanOrEqual(8);
    await handle.close();
  });

  it('lines and reads after a time limit go on where they were', async () => {
    const file = new MemoryFile(pattern(3_000_000));
    let silent = false;
    const answers = file.answers.map(([message, answer]): [{ number: number }, Answers] => [
      message,
      (packet, server) => (silent && packet[0] === Read.number ? [] : answer(packet, server)),
    ]);
    const { sftp } = await scriptedClient(answers);
    const handle = await sftp.open('x');
    const first = await handle.readline();
    silent = true;
    await handle.seek(2_500_000);
    await expect(handle.readline(null, { timeout: 10 })).rejects.toMatchObject({ code: 'ERR_SSH_TIMEOUT' });
    await expect(handle.read(10, { timeout: 10 })).rejects.toMatchObject({ code: 'ERR_SSH_TIMEOUT' });
    handle.settimeout(10);
    await expect(handle.read(new Uint8Array(10))).rejects.toMatchObject({ code: 'ERR_SSH_TIMEOUT' });
    handle.settimeout(null);
    expect(handle.tell()).toBe(2_500_000);
    silent = false;
    await handle.seek(0);
    expect(await handle.readline()).toBe(first);
  });

  it('a line without end does not fill the memory', { timeout: 30_000 }, async () => {
    const endless: Answers = (packet) => [
      Data.encode({ id: idOf(packet), data: new Uint8Array(Read.decode(packet).length).fill(65) }),
    ];
    const { sftp } = await scriptedClient([[Read, endless]]);
    const handle = await sftp.open('x');
    expect((await handle.readline(100_000)).length).toBe(100_000);
    await expect(handle.readline()).rejects.toMatchObject({ code: 'EFBIG' });
  });

  it('pipelined writes do not wait, and a refusal shows in the next write, in flush and in close', async () => {
    const held: Uint8Array[] = [];
    const later: Answers = (packet) => {
      held.push(packet);
      return [];
    };
    const { sftp, server, settled } = await scriptedClient([[Write, later]]);
    const handle = await sftp.open('x', 'w');
    handle.setPipelined();
    for (let i = 0; i < 10; i++) await handle.write(new Uint8Array(20_000));
    await settled();
    // In requests of full size; the rest waits for company.
    expect(held).toHaveLength(6);
    server.reply(
      ...held.splice(0).map((packet, i) => statusFor(packet, i === 3 ? SFTP_FAILURE : SFTP_OK, 'No space left on device')),
    );
    await settled();
    await expect(handle.write('more')).rejects.toMatchObject({ code: 'ENOSPC', operation: 'write' });
    await expect(handle.flush()).rejects.toMatchObject({ code: 'ENOSPC' });
    await handle.flush();
    await handle.write('again');
    const closing = handle.close();
    await settled();
    server.reply(...held.splice(0).map((packet) => statusFor(packet, SFTP_FAILURE, 'Disk quota exceeded')));
    await expect(closing).rejects.toMatchObject({ code: 'EDQUOT' });
  });

  it('readv leaves nothing behind where it is left', async () => {
    const file = new MemoryFile(pattern(100_000));
    const { sftp, count, settled } = await scriptedClient(file.answers);
    const handle = await sftp.open('x');
    const ranges = Array.from({ length: 1_000 }, (_, i): [number, number] => [i * 100, 100]);
    for await (const bytes of handle.readv(ranges, 8)) {
      expect(bytes.length).toBe(100);
      break;
    }
    await settled();
    expect(count(Read)).toBeLessThanOrEqual(10);
    await expect(handle.readv([[-1, 5]]).next()).rejects.toMatchObject({ code: 'ERR_SSH_USAGE' });
    const beyond = await handle.readv([[99_990, 50]]).next();
    expect((beyond.value as Buffer).length).toBe(10);
  });
});

describe('streams', () => {
  it('that nobody reads ask for a bounded number of bytes', async () => {
    const endless: Answers = (packet) => [Data.encode({ id: idOf(packet), data: new Uint8Array(Read.decode(packet).length) })];
    const size: Answers = (packet) => [Attrs.encode({ id: idOf(packet), attributes: attributesOf({ stSize: 2 ** 40 }) })];
    const { sftp, count, settled } = await scriptedClient([
      [Read, endless],
      [Fstat, size],
    ]);
    const stream = sftp.createReadStream('x');
    await once(stream, 'readable');
    for (let i = 0; i < 50; i++) await settled();
    const before = count(Read);
    for (let i = 0; i < 50; i++) await settled();
    expect(count(Read)).toBe(before);
    expect(before).toBeLessThan(200);
    stream.destroy();
    await once(stream, 'close');
    await settled();
    expect(count(Close)).toBe(1);
  });

  it('deliver a file that shrinks or grows meanwhile as far as it goes', async () => {
    for (const claimed of [10, 50_000, 200_000]) {
      const file = new MemoryFile(pattern(100_000));
      file.most = 30_000;
      const claim: Answers = (packet) => [Attrs.encode({ id: idOf(packet), attributes: attributesOf({ stSize: claimed }) })];
      const { sftp } = await scriptedClient([...file.answers, [Fstat, claim]]);
      const chunks: Buffer[] = [];
      for await (const chunk of sftp.createReadStream('x')) chunks.push(chunk);
      expect(Buffer.concat(chunks).equals(file.bytes)).toBe(true);
      expect((await sftp.readFile('x')).equals(file.bytes)).toBe(true);
    }
  });

  it('hand out chunks that stay as they are', async () => {
    const file = new MemoryFile(pattern(2_000_000));
    const { sftp } = await scriptedClient(file.answers);
    const chunks: Buffer[] = [];
    for await (const chunk of sftp.createReadStream('x')) chunks.push(chunk);
    await sftp.readFile('x');
    expect(Buffer.concat(chunks).equals(file.bytes)).toBe(true);
  });

  it('finish when every byte has been acknowledged and the file is closed, not before', async () => {
    const order: string[] = [];
    let writes: Uint8Array[] = [];
    const { sftp, server, settled } = await scriptedClient([
      [
        Write,
        (packet) => {
          writes.push(packet);
          return [];
        },
      ],
      [
        Close,
        (packet, self) => {
          order.push('closed');
          return behave(packet, self);
        },
      ],
    ]);
    const stream = sftp.createWriteStream('x');
    stream.on('finish', () => order.push('finish'));
    stream.write(Buffer.alloc(100_000));
    stream.end('end');
    await settled();
    // Before the write that is missing: closing went out behind it.
    expect(order).toEqual(['closed']);
    expect(stream.bytesWritten).toBe(0);
    const last = writes.pop() as Uint8Array;
    server.reply(...writes.map((packet) => statusFor(packet, SFTP_OK)));
    writes = [];
    await settled();
    expect(order).toEqual(['closed']);
    server.reply(statusFor(last, SFTP_OK));
    await once(stream, 'close');
    expect(order).toEqual(['closed', 'finish']);
    expect(stream.bytesWritten).toBe(100_003);
  });

  it('say when they have enough', async () => {
    const { sftp, server, settled, count } = await scriptedClient([[Write, () => []]]);
    const stream = sftp.createWriteStream('x');
    stream.on('error', () => {});
    let written = 0;
    const piece = Buffer.alloc(65_536);
    for (let i = 0; i < 1_000; i++) {
      written += piece.length;
      if (!stream.write(piece)) {
        await settled();
        if (stream.writableNeedDrain) break;
      }
    }
    // Two megabytes under way, and what the stream's own buffer holds.
    expect(written).toBeLessThan(4_000_000);
    expect(count(Write)).toBeGreaterThan(10);
    server.end();
    await new Promise((resolve) => stream.on('close', resolve));
    expect(stream.errored).toMatchObject({ code: 'ERR_SSH_CHANNEL_CLOSED' });
  });

  it('that write are destroyed without leaving their file open', async () => {
    const { sftp, settled, count } = await scriptedClient([[Write, () => []]]);
    const waiting = sftp.createWriteStream('x');
    waiting.write('some');
    waiting.destroy();
    await once(waiting, 'close');
    const under = sftp.createWriteStream('x');
    await once(under, 'open');
    under.end(Buffer.alloc(100_000));
    await settled();
    const closes = count(Close);
    under.destroy();
    await once(under, 'close');
    await settled();
    expect(closes).toBe(count(Open));
    expect(count(Close)).toBe(count(Open));
  });

  it('can be destroyed while the server leaves the opening without an answer', async () => {
    const late: Uint8Array[] = [];
    const open: Answers = (packet) => {
      late.push(Handle.encode({ id: idOf(packet), handle: Uint8Array.of(1) }));
      return [];
    };
    const { sftp, server, settled, count } = await scriptedClient([[Open, open]]);
    const make = [
      (signal?: AbortSignal) => sftp.createReadStream('x', { ...(signal && { signal }) }),
      (signal?: AbortSignal) => sftp.createWriteStream('x', { ...(signal && { signal }) }),
    ];
    for (const stream of make) {
      const plain = stream();
      const seen: unknown[] = [];
      plain.on('error', (error) => seen.push(error));
      await settled();
      plain.destroy();
      await once(plain, 'close');
      expect(seen).toEqual([]);
      const stop = new AbortController();
      const stopped = stream(stop.signal);
      await settled();
      stop.abort();
      await expect(once(stopped, 'close')).rejects.toMatchObject({ name: 'AbortError' });
      // Before it has begun.
      await expect(once(stream(AbortSignal.abort()), 'close')).rejects.toMatchObject({ name: 'AbortError' });
    }
    expect(count(Open)).toBe(4);
    // What was opened in the end is closed.
    server.reply(...late);
    await settled();
    expect(count(Close)).toBe(4);
  });
});

describe('a limit of time', () => {
  it('holds for what a server announces and then keeps to itself, and for closing', async () => {
    const limits = new Map([['limits@openssh.com', Uint8Array.of(49)]]);
    const silent = await SFTPClient.open(scriptedSftp(() => {}, { extensions: limits }).channel);
    await expect(silent.limits({ timeout: 20 })).rejects.toMatchObject({ name: 'SSHTimeoutError' });
    await expect(silent.limits({ signal: AbortSignal.timeout(20) })).rejects.toMatchObject({ name: 'TimeoutError' });
    silent.close();
    const { sftp } = await scriptedClient([[Close, () => []]]);
    const file = await sftp.open('x', 'w');
    file.settimeout(20);
    await expect(file.close()).rejects.toMatchObject({ name: 'SSHTimeoutError' });
    const other = await sftp.open('x', 'w');
    other.settimeout(20);
    await expect(other.close({ timeout: 30 })).rejects.toMatchObject({ message: expect.stringContaining('30 ms') });
  });
});

describe('side sessions', () => {
  afterEach(() => void vi.useRealTimers());

  const another = () => SFTPSession.open(scriptedSftp(() => {}).channel);

  it('are opened when they are needed, shared, and closed together', async () => {
    let opened = 0;
    const sides = new SideSessions(async () => {
      opened++;
      return another();
    });
    const [two, four] = await Promise.all([sides.borrow(2), sides.borrow(4)]);
    expect([two.length, four.length, opened]).toEqual([2, 4, 4]);
    expect(four.slice(0, 2)).toEqual(two);
    expect((await sides.borrow(100)).length).toBe(7);
    expect(opened).toBe(7);
    const all = await sides.borrow(7);
    sides.close();
    await Promise.all(all.map((session) => session.closed));
    expect(await sides.borrow(3)).toEqual([]);
  });

  it('are closed when nobody has needed them for a while, and opened anew', async () => {
    let opened = 0;
    const open = async () => {
      opened++;
      return another();
    };
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const sides = new SideSessions(open, 1_000);
    const first = await sides.borrow(2);
    await sides.borrow(1);
    sides.giveBack();
    vi.advanceTimersByTime(10_000);
    // Somebody still has them.
    expect(first.map((session) => session.isClosed)).toEqual([false, false]);
    sides.giveBack();
    vi.advanceTimersByTime(500);
    await sides.borrow(1);
    sides.giveBack();
    vi.advanceTimersByTime(999);
    expect(first.map((session) => session.isClosed)).toEqual([false, false]);
    vi.advanceTimersByTime(1);
    vi.useRealTimers();
    await Promise.all(first.map((session) => session.closed));
    const again = await sides.borrow(2);
    expect(again.map((session) => session.isClosed)).toEqual([false, false]);
    expect(opened).toBe(4);
    sides.close();
  });

  it('are as many as there are', async () => {
    let opened = 0;
    const sides = new SideSessions(async () => {
      if (++opened > 3) throw new Error('no more');
      return another();
    });
    expect((await sides.borrow(7)).length).toBe(3);
    const asked = opened;
    expect((await sides.borrow(7)).length).toBe(3);
    expect(opened).toBe(asked);
    expect(await new SideSessions(null).borrow(3)).toEqual([]);
    sides.close();
  });

  it('that turn out to have no SFTP are not lent, and no more are asked for', async () => {
    let opened = 0;
    const first = await another();
    const refuses = () => scriptedSftp(() => {}, { greet: (server) => server.end() }).channel;
    const sides = new SideSessions(async () => {
      opened++;
      return SFTPSession.beside(first, opened < 3 ? scriptedSftp(() => {}).channel : refuses());
    });
    expect((await sides.borrowEarly(4)).length).toBe(4);
    expect((await sides.borrow(4)).length).toBe(2);
    expect((await sides.borrow(7)).length).toBe(2);
    expect(opened).toBe(4);
    sides.close();
  });

  it('that are ready too late are closed', async () => {
    let go: () => void = () => {};
    const ready = new Promise<void>((resolve) => {
      go = resolve;
    });
    const server = scriptedSftp(() => {});
    const sides = new SideSessions(async () => {
      await ready;
      return SFTPSession.open(server.channel);
    });
    const asked = sides.borrow(1);
    sides.close();
    go();
    expect(await asked).toEqual([]);
    await server.channel.closed;
  });

  it('carry an upload whose channel is too narrow, and give their handles back', async () => {
    // What has been posted is not sent for a long time, from a server that is far.
    const far = (server: ReturnType<typeof scriptedSftp>) => ({
      ...server.channel,
      queuedBytes: 8_000_000,
    });
    const late: Answers = (packet, server) => {
      const answers = behave(packet, server);
      setTimeout(() => server.reply(...answers), 10);
      return [];
    };
    const greet = (server: ReturnType<typeof scriptedSftp>) => {
      setTimeout(() => server.reply(Version.encode({ version: 3, extensions: new Map() })), 10);
    };
    const main = scriptedSftp((packet, self) => void late(packet, self), { greet });
    const others: ReturnType<typeof scriptedSftp>[] = [];
    const more = async () => {
      const other = scriptedSftp((packet, self) => void late(packet, self));
      others.push(other);
      return other.channel;
    };
    await using sftp = await SFTPClient.open(far(main), { more });
    await sftp.writeFile('x', new Uint8Array(20_000_000));
    const count = (server: ReturnType<typeof scriptedSftp>, { number }: { number: number }) =>
      server.requests.filter((packet) => packet[0] === number).length;
    const all = [main, ...others];
    expect(others).toHaveLength(7);
    expect(others.some((other) => count(other, Write) > 0)).toBe(true);
    const bytes = all
      .flatMap(({ requests }) => requests)
      .filter((packet) => packet[0] === Write.number)
      .map((packet) => writeOf(packet).data.length);
    expect(bytes.reduce((sum, length) => sum + length, 0)).toBe(20_000_000);
    // Closing goes out at the end of the turn.
    await expect.poll(() => all.map((server) => [count(server, Open), count(server, Close)])).toEqual(all.map(() => [1, 1]));
  });
});

describe('opening', () => {
  it('a client on a server that says nothing ends in time, and closes the channel', async () => {
    const server = scriptedSftp(() => {}, { greet: () => {} });
    await expect(SFTPClient.open(server.channel, { timeout: 10 })).rejects.toMatchObject({ code: 'ERR_SSH_TIMEOUT' });
    expect(server.closed).toBe(true);
    const stop = new AbortController();
    const other = scriptedSftp(() => {}, { greet: () => {} });
    const opening = SFTPClient.open(other.channel, { signal: stop.signal });
    stop.abort(new Error('enough'));
    await expect(opening).rejects.toThrow('enough');
    expect(other.closed).toBe(true);
  });

  it('over a transport: the subsystem is asked for, and a refusal closes the channel', async () => {
    const asked: string[] = [];
    const transport = (refuse: boolean) => {
      const server = scriptedSftp(() => {});
      const open = async () => ({
        ...server.channel,
        invokeSubsystem: async (name: string) => {
          asked.push(name);
          if (refuse) throw new RangeError('refused');
        },
      });
      return { server, opener: { openSession: open } };
    };
    const good = transport(false);
    await using sftp = await SFTPClient.fromTransport(good.opener, { windowSize: 100_000 });
    expect(sftp.getcwd()).toBeNull();
    const bad = transport(true);
    await expect(SFTPClient.fromTransport(bad.opener)).rejects.toThrow('refused');
    expect(bad.server.closed).toBe(true);
    expect(asked).toEqual(['sftp', 'sftp']);
  });
});
