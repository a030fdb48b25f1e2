// What a session may take: requests at once, bytes, handles, names in an answer; and that a download reuses its memory. The other
// end of the channel is stopped and started by hand.
import { describe, expect, it } from 'vitest';
import { concat } from '../../../src/bytes/bytes.ts';
import { writeHeaderBytes } from '../../../src/sftp/protocol/data.ts';
import { frame } from '../../../src/sftp/protocol/framing.ts';
import { Close, Data, FXF_READ, FXF_WRITE, Opendir, Read, Readlink, Stat, Write } from '../../../src/sftp/protocol/messages.ts';
import { ReplyQueue } from '../../../src/sftp/server/reply-queue.ts';
import { SFTP_FAILURE, SFTP_OK, SFTPAttributes, SFTPHandle, SFTPServerInterface } from '../../../src/sftp.ts';
import type { ServerInterface } from '../../../src/transport/server-interface.ts';
import { deferred } from '../../support/loopback.ts';
import { liveBytes } from '../../support/measure.ts';
import { MapFiles } from '../../support/sftp-map.ts';
import { eventually, handleOf, MemoryChannel, serveInMemory, statusAndText, statusOf } from '../../support/sftp-raw.ts';

const none = new SFTPAttributes();
const MIB = 1_048_576;

/** Endless files of zeros; counts what is asked of them. */
class Zeros extends SFTPServerInterface {
  readonly lengths: number[] = [];
  readonly targets = new Set<ArrayBufferLike>();
  underWay = 0;
  most = 0;
  gate: Promise<void> = Promise.resolve();
  written = 0;

  constructor() {
    super({} as ServerInterface);
  }

  override open(): SFTPHandle {
    const enter = async () => {
      this.underWay++;
      this.most = Math.max(this.most, this.underWay);
      await this.gate;
      this.underWay--;
    };
    const file = new SFTPHandle();
    file.readInto = async (target) => {
      this.lengths.push(target.length);
      this.targets.add(target.buffer);
      await enter();
      return target.length;
    };
    file.write = async (_offset, data) => {
      this.written += data.length;
      await enter();
      return SFTP_OK;
    };
    return file;
  }
}

describe('requests at once', () => {
  it.each([1, 7, 128])('are %i, and the channel is not read beyond that', async (maxPendingRequests) => {
    const files = new MapFiles({ '/a': '' });
    const { client, channel } = await serveInMemory(files, { maxPendingRequests });
    const hold = deferred<void>();
    files.gate = () => hold.promise;
    const answers: Promise<Uint8Array>[] = [];
    // One piece with more than that, then one piece each.
    client.together(() => {
      for (let i = 0; i < maxPendingRequests + 5; i++) answers.push(client.ask(Stat, { path: '/a' }));
    });
    for (let i = 0; i < 20; i++) answers.push(client.ask(Stat, { path: '/a' }));
    await eventually(() => files.calls.length).toBe(maxPendingRequests);
    for (let i = 0; i < 50; i++) await new Promise(setImmediate);
    expect(files.calls.length).toBe(maxPendingRequests);
    expect(channel.waiting).toBe(20);
    hold.resolve();
    await Promise.all(answers);
    expect(files.calls.length).toBe(maxPendingRequests + 25);
  });

  it('count while they wait for their turn', async () => {
    const files = new MapFiles({ '/a': '' });
    const { client } = await serveInMemory(files, { maxPendingRequests: 4 });
    const handle = handleOf(await client.open('/a', FXF_WRITE, none));
    const hold = deferred<void>();
    files.gate = () => hold.promise;
    const data = new Uint8Array(1);
    const writes = client.together(() => Array.from({ length: 4 }, (_, offset) => client.ask(Write, { handle, offset, data })));
    const other = client.ask(Stat, { path: '/' });
    await eventually(() => files.calls.at(-1)).toBe('write /a 0 1');
    for (let i = 0; i < 50; i++) await new Promise(setImmediate);
    expect(files.calls.filter((call) => call.startsWith('stat'))).toEqual([]);
    hold.resolve();
    await Promise.all([...writes, other]);
  });
});

describe('bytes at once', () => {
  it('of reads are 4 MiB, whatever is asked for', async () => {
    const files = new Zeros();
    const { client } = await serveInMemory(files);
    const handle = handleOf(await client.open('/zero', FXF_READ, none));
    const hold = deferred<void>();
    files.gate = hold.promise;
    const answers = client.together(() =>
      Array.from({ length: 100 }, () => client.ask(Read, { handle, offset: 0, length: 0xffff_ffff })),
    );
    await eventually(() => files.underWay).toBe(17);
    for (let i = 0; i < 50; i++) await new Promise(setImmediate);
    expect(files.underWay).toBe(17);
    hold.resolve();
    const packets = await Promise.all(answers);
    expect(new Set(packets.map((packet) => Data.decode(packet).data.length))).toEqual(new Set([261_120]));
    expect(new Set(files.lengths)).toEqual(new Set([261_120]));
    expect(files.most).toBe(17);
  });

  it('of writes are 4 MiB', async () => {
    const files = new Zeros();
    const { client, channel } = await serveInMemory(files);
    const handles: Uint8Array[] = [];
    for (let i = 0; i < 40; i++) handles.push(handleOf(await client.open(`/${i}`, FXF_WRITE, none)));
    const hold = deferred<void>();
    files.gate = hold.promise;
    const data = new Uint8Array(200_000);
    const answers = handles.map((handle) => client.ask(Write, { handle, offset: 0, data }));
    await eventually(() => files.underWay).toBe(21);
    for (let i = 0; i < 50; i++) await new Promise(setImmediate);
    expect([files.underWay, channel.waiting]).toEqual([21, 19]);
    hold.resolve();
    expect((await Promise.all(answers)).map(statusOf)).toEqual(handles.map(() => SFTP_OK));
  });

  it('of answers that nobody takes are 4 MiB, and then nothing more is started', async () => {
    const files = new Zeros();
    const { client, channel } = await serveInMemory(files);
    const handle = handleOf(await client.open('/zero', FXF_READ, none));
    channel.stop();
    const length = 32_768;
    const answers: Promise<Uint8Array>[] = [];
    for (let i = 0; i < 1_000; i++) answers.push(client.ask(Read, { handle, offset: i * length, length }));
    const bound = Math.ceil((4 * MIB) / (length + 13));
    await eventually(() => files.lengths.length).toBe(bound);
    for (let i = 0; i < 50; i++) await new Promise(setImmediate);
    expect(files.lengths.length).toBe(bound);
    expect(channel.queuedBytes).toBeLessThan(4 * MIB + length + 13);
    // A little room is not yet a reason to go on; when nearly all has gone, it is.
    channel.flow(3 * MIB);
    for (let i = 0; i < 50; i++) await new Promise(setImmediate);
    expect(files.lengths.length).toBe(bound);
    channel.flow(MIB - 64_000);
    await eventually(() => files.lengths.length).toBeGreaterThan(bound);
    channel.flow();
    await Promise.all(answers);
  });

  it('of a download are the same ones again and again', async () => {
    const files = new Zeros();
    const { client } = await serveInMemory(files);
    const handle = handleOf(await client.open('/zero', FXF_READ, none));
    const transfer = async (count: number) => {
      for (let i = 0; i < count; i += 8) {
        const reads = Array.from({ length: 8 }, (_, k) => client.ask(Read, { handle, offset: i + k, length: 261_120 }));
        await Promise.all(reads);
      }
    };
    await transfer(64);
    const before = liveBytes();
    const buffers = files.targets.size;
    await transfer(512);
    expect(files.targets.size).toBe(buffers);
    expect(buffers).toBeLessThanOrEqual(17);
    expect(liveBytes() - before).toBeLessThan(2 * MIB);
  });

  it('of reads that fail, or find nothing, are the same ones again', async () => {
    const targets = new Set<ArrayBufferLike>();
    class Broken extends SFTPServerInterface {
      override open() {
        const file = new SFTPHandle();
        file.readInto = (target, offset) => {
          targets.add(target.buffer);
          if (offset === 0) throw Object.assign(new Error('x'), { code: 'EIO' });
          return 0;
        };
        return file;
      }
    }
    const { client } = await serveInMemory(new Broken({} as ServerInterface));
    const handle = handleOf(await client.open('/a', FXF_READ, none));
    for (let i = 0; i < 10; i++) {
      expect(statusOf(await client.ask(Read, { handle, offset: i % 2, length: 10_000 }))).toBe(i % 2 ? 1 : SFTP_FAILURE);
    }
    expect(targets.size).toBe(1);
  });

  it('of uploads are the same ones again and again', async () => {
    const buffers = new Set<ArrayBufferLike>();
    class Sink extends SFTPServerInterface {
      override open() {
        const file = new SFTPHandle();
        file.write = async (_offset, data) => {
          buffers.add(data.buffer);
          await new Promise(setImmediate);
          return SFTP_OK;
        };
        return file;
      }
    }
    const { client, channel } = await serveInMemory(new Sink({} as ServerInterface));
    const handle = handleOf(await client.open('/a', FXF_WRITE, none));
    const data = new Uint8Array(100_000);
    for (let i = 0; i < 60; i += 4) {
      const answers: Promise<Uint8Array>[] = [];
      const stream = concat(
        ...Array.from({ length: 4 }, (_, k) => {
          const id = 1_000 + i + k;
          answers.push(client.answer(id));
          return frame(Write.encode({ id, handle, offset: 0, data }));
        }),
      );
      // As a channel brings it.
      for (let at = 0; at < stream.length; at += 32_768) channel.feed(stream.subarray(at, at + 32_768));
      await Promise.all(answers);
    }
    expect(writeHeaderBytes(handle.length)).toBe(33);
    expect(buffers.size).toBeLessThanOrEqual(8);
  });
});

describe('buffers for answers', () => {
  it('are given out again when they have been sent, not before, and in any order of sizes', () => {
    const channel = new MemoryChannel();
    const queue = new ReplyQueue(channel);
    channel.stop();
    const first = queue.borrow(10_000);
    queue.post(first);
    const second = queue.borrow(10_000);
    expect(second.buffer).not.toBe(first.buffer);
    queue.post(new Uint8Array(5));
    queue.post(second.subarray(0, 100));
    channel.flow(9_999);
    expect(queue.borrow(10_000).buffer).not.toBe(first.buffer);
    channel.flow(1);
    const third = queue.borrow(9_000);
    expect(third.buffer).toBe(first.buffer);
    expect(third.length).toBe(9_000);
    channel.flow(104);
    expect(queue.borrow(10_000).buffer).not.toBe(second.buffer);
    channel.flow(1);
    expect(queue.borrow(10_000).buffer).toBe(second.buffer);
    expect(queue.bytes).toBe(0);
    // Back without being sent.
    queue.back(third);
    expect(queue.borrow(10_000).buffer).toBe(third.buffer);
    queue.back(new Uint8Array(10_000));
    expect(queue.borrow(20_000)).toHaveLength(20_000);
    expect(queue.borrow(10)).toHaveLength(10);
  });

  it('of another size are made anew, and the old ones let go', () => {
    const queue = new ReplyQueue(new MemoryChannel());
    const large = queue.borrow(200_000);
    const small = queue.borrow(40_000);
    queue.back(large);
    queue.back(small);
    expect(queue.borrow(40_000).buffer).toBe(small.buffer);
    expect(small.buffer.byteLength).toBe(40_000);
  });
});

describe('handles', () => {
  it('are at most so many, of files and folders together, whatever comes at once', async () => {
    const files = new MapFiles({ '/a': '' });
    const { client } = await serveInMemory(files, { maxOpenHandles: 10 });
    const answers = await Promise.all(
      client.together(() =>
        Array.from({ length: 30 }, (_, i) => (i % 2 ? client.open('/a', FXF_READ, none) : client.ask(Opendir, { path: '/' }))),
      ),
    );
    const opened = answers.filter((answer) => answer[0] === 102);
    expect(opened).toHaveLength(10);
    const refused = answers.filter((answer) => answer[0] !== 102);
    expect(refused.map(statusAndText)).toEqual(refused.map(() => [SFTP_FAILURE, 'Too many open files']));
    // The hook was not even asked.
    expect(files.calls).toHaveLength(10);
    const [first] = opened.map(handleOf);
    expect(statusOf(await client.ask(Close, { handle: first as Uint8Array }))).toBe(SFTP_OK);
    expect((await client.open('/a', FXF_READ, none))[0]).toBe(102);
    expect(statusOf(await client.open('/a', FXF_READ, none))).toBe(SFTP_FAILURE);
  });

  it('that could not be opened do not count', async () => {
    const { client } = await serveInMemory(new MapFiles({ '/a': '' }), { maxOpenHandles: 1 });
    for (let i = 0; i < 5; i++) {
      expect(statusOf(await client.open('/no', FXF_READ, none))).toBe(2);
      expect(statusOf(await client.ask(Opendir, { path: '/a' }))).toBe(2);
    }
    expect((await client.open('/a', FXF_READ, none))[0]).toBe(102);
  });

  it('of something that is no file are not given out', async () => {
    class Files extends SFTPServerInterface {
      override open() {
        return { close() {} } as unknown as SFTPHandle;
      }
    }
    const { client, log } = await serveInMemory(new Files({} as ServerInterface));
    expect(statusAndText(await client.open('/a', FXF_READ, none))).toEqual([SFTP_FAILURE, 'Failure']);
    expect(log).toEqual(['a hook of the SFTP server failed: a hook opened something that is no SFTPHandle']);
  });

  it('are never the same, and 8 bytes', async () => {
    const { client } = await serveInMemory(new MapFiles({ '/a': '' }));
    const seen = new Set<string>();
    for (let i = 0; i < 500; i++) {
      const handle = handleOf(await client.open('/a', FXF_READ, none));
      expect(handle).toHaveLength(8);
      seen.add(Buffer.from(handle).toString('hex').slice(8));
      await client.ask(Close, { handle });
    }
    // 500 of 2^32: a second 500 would have been as likely to hold a pair.
    expect(seen.size).toBeGreaterThan(497);
  });
});

describe('an answer', () => {
  it('longer than a packet is refused', async () => {
    class Files extends SFTPServerInterface {
      override readlink() {
        return 'x'.repeat(200_000);
      }
    }
    const { client } = await serveInMemory(new Files({} as ServerInterface));

    expect(statusAndText(await client.ask(Readlink, { path: '/' }))).toEqual([SFTP_FAILURE, 'The answer is too long']);
  });
});
