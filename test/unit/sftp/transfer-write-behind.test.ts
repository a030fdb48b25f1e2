// Writing a local file behind what comes in: in order, whole, and with an answer for each piece, whatever the system does.

import fs, { closeSync, openSync, readFileSync, statSync } from 'node:fs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { WriteBehind } from '../../../src/sftp/client/transfer/write-behind.ts';
import { randomBytes, tempDir } from '../../support/peers.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

describe('WriteBehind', () => {
  type Written = (error: Error | null, count: number) => void;

  async function write(pieces: readonly Uint8Array[], options: { position?: number | null; sparse?: boolean } = {}) {
    const folder = tempDir();
    const fd = openSync(folder.join('file'), 'w');
    const writer = new WriteBehind(fd, options.position === undefined ? 0 : options.position, options.sparse);
    const order: number[] = [];
    const outcomes = await Promise.all(
      pieces.map(
        (piece, index) =>
          new Promise<Error | undefined>((resolve) => {
            writer.push(piece, (error) => {
              order.push(index);
              resolve(error);
            });
          }),
      ),
    );
    await writer.idle();
    closeSync(fd);
    const content = readFileSync(folder.join('file'));
    const blocks = statSync(folder.join('file')).blocks;
    await folder.remove();
    return { outcomes, order, content, written: writer.written, blocks };
  }

  const pieces = Array.from({ length: 20 }, (_, index) => randomBytes(100_000 + index, index));
  const whole = Buffer.concat(pieces);

  it('writes everything, in order, several pieces at once', async () => {
    const single = vi.spyOn(fs, 'write');
    const gathered = vi.spyOn(fs, 'writev');
    const { outcomes, order, content, written } = await write(pieces);
    expect(outcomes).toEqual(pieces.map(() => undefined));
    expect(order).toEqual(pieces.map((_, index) => index));
    expect(content.equals(whole)).toBe(true);
    expect(written).toBe(whole.length);
    expect(single.mock.calls.length + gathered.mock.calls.length).toBeLessThan(5);
  });

  it('begins where it is told to, or where the file stands', async () => {
    expect((await write([Buffer.from('text')], { position: 3 })).content.toString()).toBe('\0\0\0text');
    expect((await write([Buffer.from('te'), Buffer.from('xt')], { position: null })).content.toString()).toBe('text');
  });

  it('goes on where the system has taken a part only', async () => {
    const { write: one, writev: many } = fs;
    vi.spyOn(fs, 'write').mockImplementation(((
      fd: number,
      data: Uint8Array,
      offset: number,
      length: number,
      at: number,
      done: Written,
    ) => one(fd, data, offset, Math.ceil(length / 3), at, done)) as typeof fs.write);
    vi.spyOn(fs, 'writev').mockImplementation(((fd: number, all: Uint8Array[], at: number, done: Written) =>
      many(fd, [...all.slice(0, 2), (all[2] ?? Buffer.alloc(0)).subarray(0, 777)], at, done)) as typeof fs.writev);
    const { outcomes, order, content } = await write(pieces);
    expect(content.equals(whole)).toBe(true);
    expect(outcomes.every((error) => error === undefined)).toBe(true);
    expect(order).toEqual(pieces.map((_, index) => index));
  });

  it('says of each piece whether it was written, when the disk is full', async () => {
    const { writev: many } = fs;
    let room = 3;
    const full = Object.assign(new Error('no space'), { code: 'ENOSPC' });
    vi.spyOn(fs, 'write').mockImplementation(((_fd: number, ...rest: unknown[]) => {
      room--;
      const done = rest.at(-1) as Written;
      queueMicrotask(() => done(full, 0));
    }) as typeof fs.write);
    vi.spyOn(fs, 'writev').mockImplementation(((fd: number, all: Uint8Array[], at: number, done: Written) => {
      room--;
      if (room < 0) queueMicrotask(() => done(full, 0));
      else many(fd, [(all[0] as Uint8Array).subarray(0, 50_000)], at, done);
    }) as typeof fs.writev);
    const { outcomes, content, written } = await write(pieces.slice(1));
    expect(outcomes.every((error) => error === full)).toBe(true);
    expect(written).toBe(content.length);
    expect(content.equals(Buffer.concat(pieces.slice(1)).subarray(0, content.length))).toBe(true);
  });

  it('does not turn for ever where nothing is taken', async () => {
    vi.spyOn(fs, 'write').mockImplementation(((...all: unknown[]) => {
      queueMicrotask(() => (all.at(-1) as Written)(null, 0));
    }) as typeof fs.write);
    const { outcomes } = await write([Buffer.from('text')]);
    expect(outcomes[0]?.message).toBe('the system writes nothing');
  });

  it('leaves holes for zeros, and only for those', async () => {
    const zeros = Buffer.alloc(1_000_000);
    const almost = Buffer.alloc(1_000_000);
    almost[999_999] = 1;
    const parts = [zeros, Buffer.from('x'), zeros, zeros, almost];
    const { content, written, blocks, outcomes } = await write(parts, { sparse: true });
    expect(content.equals(Buffer.concat(parts))).toBe(true);
    expect(written).toBe(content.length);
    expect(blocks * 512).toBeLessThan(2_000_000);
    expect(outcomes).toHaveLength(5);
    expect((await write([zeros], { sparse: true })).content).toHaveLength(0);
  });

  it('stops, and what is being written is finished', async () => {
    await using folder = tempDir();
    const fd = openSync(folder.join('file'), 'w');
    const writer = new WriteBehind(fd, 0);
    const seen: (Error | undefined)[] = [];
    for (const piece of pieces) writer.push(piece, (error) => seen.push(error));
    const stop = new Error('stop');
    writer.stop(stop);
    expect(seen).toHaveLength(pieces.length - 1);
    await writer.idle();
    expect(seen.filter((error) => error === undefined).length).toBeLessThanOrEqual(1);
    writer.push(Buffer.from('more'), (error) => seen.push(error));
    expect(seen.at(-1)).toBe(stop);
    closeSync(fd);
    expect(statSync(folder.join('file')).size).toBe(writer.written);
  });
});
