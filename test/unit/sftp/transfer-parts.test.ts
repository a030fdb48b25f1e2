// The parts of transfers that need neither a server nor a network: gaps, crews, names, counts, errors.

import { PassThrough } from 'node:stream';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ChannelClosedError, SFTPError, TransferError, UsageError } from '../../../src/index.ts';
import { TransferCall } from '../../../src/sftp/client/transfer/call.ts';
import { Crew } from '../../../src/sftp/client/transfer/crew.ts';
import { Extent } from '../../../src/sftp/client/transfer/extent.ts';
import { transferError } from '../../../src/sftp/client/transfer/failure.ts';
import { FramePool } from '../../../src/sftp/client/transfer/frames.ts';
import { isLocalName, localEntry, localPath } from '../../../src/sftp/client/transfer/local-path.ts';
import { Tally } from '../../../src/sftp/client/transfer/progress.ts';
import { HEADER_ROOM_BYTES } from '../../../src/sftp/client/upload.ts';
import type { TransferProgress } from '../../../src/sftp.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

describe('Extent', () => {
  it('is what is there without a gap, whatever comes first', () => {
    const extent = new Extent(100);
    expect(extent.safe).toBe(100);
    const there = Array.from({ length: 300 }, (_, index) => extent.sent(110 + 10 * index));
    const order = there.map((_, index) => (index * 7) % 300);
    const done = new Set<number>();
    for (const index of order) {
      there[index]?.();
      done.add(index);
      let first = 0;
      while (done.has(first)) first++;
      expect(extent.safe).toBe(100 + 10 * first);
    }
    expect(extent.safe).toBe(3_100);
  });
});

describe('Crew', () => {
  function deferred() {
    let resolve: () => void = () => {};
    let reject: (error: unknown) => void = () => {};
    const promise = new Promise<void>((yes, no) => {
      resolve = yes;
      reject = no;
    });
    return { promise, resolve, reject };
  }

  it('has so many at once, and so many bytes', async () => {
    for (const [most, bytes, far, together] of [
      [3, 1, false, 3],
      [100, 8_388_608, false, 2],
      [100, 2 ** 40, false, 2],
      [100, 2 ** 40, true, 8],
      [1, 0, true, 1],
    ] as const) {
      const crew = new Crew(most, far, () => {});
      let running = 0;
      let peak = 0;
      for (let task = 0; task < 20; task++) {
        await crew.begin(bytes, async () => {
          peak = Math.max(peak, ++running);
          await new Promise(setImmediate);
          running--;
        });
      }
      await crew.done();
      expect({ peak, running: crew.running }).toEqual({ peak: together, running: 0 });
    }
  });

  it('begins nothing more after a failure, and waits for what runs', async () => {
    const failed = vi.fn();
    const crew = new Crew(2, false, failed);
    const [one, two] = [deferred(), deferred()];
    await crew.begin(0, () => one.promise);
    await crew.begin(0, () => two.promise);
    const third = vi.fn(async () => {});
    const waiting = crew.begin(0, third);
    one.reject(new RangeError('first'));
    await waiting;
    expect(third).not.toHaveBeenCalled();
    expect(failed.mock.calls).toEqual([[new RangeError('first')]]);
    let over = false;
    const done = crew.done().finally(() => {
      over = true;
    });
    await new Promise(setImmediate);
    expect(over).toBe(false);
    two.reject(new RangeError('second'));
    await expect(done).rejects.toThrow('first');
    expect(failed).toHaveBeenCalledTimes(1);
  });
});

describe('local names', () => {
  it.each(['', '.', '..', 'a/b', '/', 'a\0'])('%j is none anywhere', (name) => {
    expect([isLocalName(name, false), isLocalName(name, true)]).toEqual([false, false]);
    expect(() => localEntry('/folder', name)).toThrow(SFTPError);
  });

  it.each([
    'a\\b',
    '..\\x',
    'c:',
    'c:x',
    'file:stream',
    'CON',
    'con.txt',
    'Lpt1',
    'nul',
    'x.',
    '...',
    'x ',
    'a*',
    'a?',
    'a\tb',
    '<',
  ])('%j is none on Windows', (name) => {
    expect([isLocalName(name, false), isLocalName(name, true)]).toEqual([true, false]);
  });

  it.each(['a', '.a', 'console', 'lpt', 'ü', 'a b', '-x', '\udcff'])('%j is one', (name) => {
    expect([isLocalName(name, false), isLocalName(name, true)]).toEqual([true, true]);
  });

  it('come as text, bytes and URLs', () => {
    expect(localPath(Buffer.from([0x61, 0xff]))).toBe('a\udcff');
    expect(localPath(new URL('file:///a%20b'))).toBe('/a b');
    for (const wrong of ['', 'a\0b', undefined, null, 7]) expect(() => localPath(wrong as string)).toThrow(UsageError);
    expect(() => localPath(new PassThrough() as never)).toThrow(/putfo/);
    expect(() => localPath(new URL('https://example.org/'))).toThrow(TypeError);
  });
});

describe('Tally', () => {
  it('counts, and tells ten times a second', () => {
    let now = 1_000;
    vi.spyOn(performance, 'now').mockImplementation(() => now);
    const seen: TransferProgress[] = [];
    const callback = vi.fn();
    const tally = new Tally({ onProgress: (progress) => seen.push(progress), callback });
    const one = tally.found('/one', 100);
    const two = tally.found('/two', 10);
    tally.already(one, 40);
    for (let byte = 0; byte < 60; byte++) {
      now += 10;
      tally.add(one, 1);
    }
    tally.done(one);
    tally.add(two, 5);
    tally.dropped(two);
    expect(seen).toHaveLength(7);
    expect(seen[0]).toEqual({
      path: '/one',
      transferred: 41,
      total: 100,
      done: false,
      files: 0,
      filesTotal: 2,
      bytes: 41,
      bytesTotal: 110,
    });
    expect(seen.at(-1)).toMatchObject({ path: '/one', transferred: 100, done: true, files: 1, filesTotal: 2, bytes: 100 });
    expect(callback).toHaveBeenCalledTimes(61);
    expect(tally.result()).toEqual({ files: 1, folders: 0, links: 0, skipped: 1, bytes: 65, attributes: null });
    const rest = tally.found('/grows', 0);
    tally.add(rest, 7);
    tally.done(rest);
    expect(seen.at(-1)).toEqual({
      path: '/grows',
      transferred: 7,
      total: 7,
      done: true,
      files: 2,
      filesTotal: 2,
      bytes: 107,
      bytesTotal: 107,
    });
  });
});

describe('what a transfer fails with', () => {
  const name = { operation: 'get', path: '/a\n', dest: 'b' } as const;
  const partial = { side: 'local', path: 'b', bytes: 7 } as const;

  it('keeps the code and the cause, and says what is left', () => {
    const cause = new ChannelClosedError('the channel is closed');
    const error = transferError(cause, name, partial);
    expect(error).toBeInstanceOf(TransferError);
    expect(error).toMatchObject({
      name: 'TransferError',
      code: 'ERR_SSH_CHANNEL_CLOSED',
      cause,
      partial,
      message: expect.stringMatching(/^get '\/a\\x0a' -> 'b': the channel is closed; 'b' holds its first 7 bytes$/),
    });
    const full = Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC', errno: -28, syscall: 'write' });
    expect(transferError(full, name, partial)).toMatchObject({ code: 'ENOSPC', cause: full });
    expect(transferError(error, name, partial)).toBe(error);
  });

  it('is left as it is where it came from elsewhere', () => {
    for (const other of [new RangeError('callback'), new UsageError('source'), 'text', undefined]) {
      expect(transferError(other, name, partial)).toBe(other);
    }
  });
});

describe('FramePool', () => {
  it('gives small files small buffers, and the same ones again', () => {
    const pool = new FramePool();
    const [small, large] = [pool.for(4_097, 261_120), pool.for(3_000_000, 261_120)];
    expect([small.dataBytes, large.dataBytes]).toEqual([16_384, 261_120]);
    expect(pool.for(1, 1_000).dataBytes).toBe(1_000);
    const frame = small.take();
    expect(frame.length).toBe(16_384 + HEADER_ROOM_BYTES);
    small.giveBack(frame);
    expect(pool.for(9, 261_120).take()).toBe(frame);
  });
});

describe('TransferCall', () => {
  it('has one listener on the caller’s signal, and none behind', async () => {
    const stop = new AbortController();
    const add = vi.spyOn(stop.signal, 'addEventListener');
    const remove = vi.spyOn(stop.signal, 'removeEventListener');
    const body = async (call: TransferCall) => {
      const warned = vi.spyOn(process, 'emitWarning');
      const waits = Array.from({ length: 50 }, () => call.until(Promise.resolve()));
      for (let listener = 0; listener < 50; listener++) call.signal.addEventListener('abort', () => {});
      await Promise.all(waits);
      await new Promise(setImmediate);
      expect(warned).not.toHaveBeenCalled();
      return 7;
    };
    expect(await TransferCall.run('test', { signal: stop.signal }, body)).toBe(7);
    expect([add.mock.calls.length, remove.mock.calls.length]).toEqual([1, 1]);
  });

  it('rejects with the reason, whatever the body makes of it', async () => {
    const stop = new AbortController();
    const body = (call: TransferCall) =>
      new Promise<void>((_resolve, reject) => {
        call.signal.addEventListener('abort', () => reject(new Error('something else')));
        stop.abort('reason');
      });
    await expect(TransferCall.run('test', { signal: stop.signal }, body)).rejects.toBe('reason');
    const late = (call: TransferCall) => call.until(new Promise(() => {}));
    await expect(TransferCall.run('test', { timeout: 5 }, late)).rejects.toMatchObject({
      name: 'SSHTimeoutError',
      milliseconds: 5,
    });
    expect(() => TransferCall.run('test', { signal: stop.signal }, body).catch(() => {})).not.toThrow();
  });
});
