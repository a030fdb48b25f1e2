// The bandwidth limit: honest over time, whatever the sizes of the pieces, and nothing is lost behind it.
import { describe, expect, it } from 'vitest';
import { LimitedChannel } from '../../../../src/cli/transfer/limited-channel.ts';
import { Limiter } from '../../../../src/cli/transfer/limiter.ts';
import type { ByteChannel } from '../../../../src/sftp/byte-channel.ts';

describe('a limiter', () => {
  it.each([
    [1_000, 10],
    [1_000, 5_000],
    [100_000, 32_768],
    [100_000_000, 261_120],
  ])('lets %i bytes a second through, in pieces of %i', (bytesPerSecond, piece) => {
    let now = 0;
    const limiter = new Limiter(bytesPerSecond, () => now);
    let sent = 0;
    while (now < 100_000) {
      const { wait } = limiter;
      if (wait > 0) {
        now += wait;
        continue;
      }
      limiter.spend(piece);
      sent += piece;
      now += 0.01;
    }
    expect(sent / 100 / bytesPerSecond).toBeGreaterThan(0.95);
    expect((sent - piece) / 100 / bytesPerSecond).toBeLessThan(1.05);
  });

  it('does not make up for a pause', () => {
    let now = 0;
    const limiter = new Limiter(1_000, () => now);
    now = 3_600_000;
    let sent = 0;
    while (limiter.wait === 0) {
      limiter.spend(10);
      sent += 10;
    }
    expect(sent).toBeLessThanOrEqual(110);
  });
});

/** A channel whose other end is an array. */
function fakeChannel() {
  const inbound: Uint8Array[] = [];
  const outbound: number[] = [];
  let listener: (() => void) | null = null;
  let close = () => {};
  const closed = new Promise<undefined>((resolve) => {
    close = () => resolve(undefined);
  });
  const channel: ByteChannel = {
    stdout: {
      take: () => inbound.shift() ?? null,
      watch: (next) => {
        listener = next;
      },
      get ended() {
        return inbound.length === 0;
      },
    },
    post: (data) => {
      outbound.push(...data);
      return true;
    },
    queuedBytes: 0,
    watchDrain: () => {},
    close,
    closed,
  };
  return {
    channel,
    outbound,
    receive: (data: Uint8Array) => {
      inbound.push(data);
      listener?.();
    },
  };
}

const bytes = (count: number) => Uint8Array.from({ length: count }, (_, index) => index);

describe('a limited channel', () => {
  it('takes in at the rate, all of it and in order', async () => {
    const { channel, receive } = fakeChannel();
    const limited = new LimitedChannel(channel, 100_000);
    const taken: number[] = [];
    const start = performance.now();
    const all = new Promise<void>((resolve) => {
      limited.stdout.watch(() => {
        for (let piece = limited.stdout.take(); piece !== null; piece = limited.stdout.take()) taken.push(...piece);
        if (taken.length === 30_000) resolve();
      });
    });
    for (let piece = 0; piece < 30; piece++) receive(bytes(1_000));
    await all;
    const seconds = (performance.now() - start) / 1_000;
    expect(seconds).toBeGreaterThan(0.17);
    expect(seconds).toBeLessThan(0.6);
    expect(taken).toEqual(Array.from({ length: 30 }, () => [...bytes(1_000)]).flat());
  });

  it('gives out at the rate, all of it and in order, and says when it has room', async () => {
    const { channel, outbound } = fakeChannel();
    const limited = new LimitedChannel(channel, 1_000_000);
    const start = performance.now();
    const drained = new Promise<void>((resolve) => limited.watchDrain(resolve));
    expect(limited.post(bytes(1_000))).toBe(true);
    expect(limited.post(bytes(200_000))).toBe(false);
    expect(limited.queuedBytes).toBeGreaterThan(100_000);
    await drained;
    expect(outbound.length).toBeGreaterThan(100_000);
    while (limited.queuedBytes > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const seconds = (performance.now() - start) / 1_000;
    expect(seconds).toBeGreaterThan(0.08);
    expect(seconds).toBeLessThan(0.5);
    expect(outbound.length).toBe(201_000);
    expect(outbound.slice(1_000)).toEqual([...bytes(200_000)]);
  });

  it('leaves nothing behind when it is closed', async () => {
    const { channel } = fakeChannel();
    const limited = new LimitedChannel(channel, 1_000);
    limited.post(bytes(100_000));
    limited.close();
    await limited.closed;
    expect(limited.queuedBytes).toBe(0);
  });
});
