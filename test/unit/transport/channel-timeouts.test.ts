// Which channels are closed when nothing moves on them, and when: on a clock of our own.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { UsageError } from '../../../src/errors.ts';
import type { Channel } from '../../../src/transport/channel.ts';
import { type ChannelTimeout, ChannelTimeouts } from '../../../src/transport/channel-timeouts.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** What a channel is to the one who watches it. */
class Watched {
  readonly kind: string;
  purpose: string | null = null;
  activity = 0;
  queuedBytes = 0;
  closedAt: number | null = null;
  readonly closed: Promise<undefined>;
  #over = (_: undefined) => {};

  constructor(kind: string) {
    this.kind = kind;
    this.closed = new Promise((resolve) => {
      this.#over = resolve;
    });
  }

  abandon(): void {
    this.closedAt ??= performance.now();
    this.#over(undefined);
  }

  /** Something moves every so often. */
  move(every: number): NodeJS.Timeout {
    return setInterval(() => {
      this.activity++;
    }, every);
  }
}

function watch(limits: readonly ChannelTimeout[], ...channels: readonly Watched[]): string[] {
  const log: string[] = [];
  const timeouts = new ChannelTimeouts(limits, (message) => log.push(message));
  for (const channel of channels) timeouts.watch(channel as unknown as Channel);
  return log;
}

const limit = (type: string, milliseconds: number): ChannelTimeout => ({ type, milliseconds });
const alike = (kind: string, purpose: string): Watched => Object.assign(new Watched(kind), { purpose });

describe('an idle channel', () => {
  it('is closed a tenth of the limit late at most, one that moves is not', async () => {
    const [idle, busy] = [new Watched('session'), new Watched('session')];
    const since = performance.now();
    const moving = busy.move(900);
    const log = watch([limit('session', 1_000)], idle, busy);
    await vi.advanceTimersByTimeAsync(5_000);
    expect((idle.closedAt ?? 0) - since).toBeGreaterThanOrEqual(1_000);
    expect((idle.closedAt ?? 0) - since).toBeLessThanOrEqual(1_100);
    expect(log).toEqual([expect.stringContaining('has been idle for 1000 ms')]);
    expect(busy.closedAt).toBeNull();
    clearInterval(moving);
    await vi.advanceTimersByTimeAsync(1_200);
    expect(busy.closedAt).not.toBeNull();
    // With the last channel the timer is gone.
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each<[string, readonly ChannelTimeout[], Watched, boolean]>([
    ['by its kind', [limit('direct-tcpip', 100)], new Watched('direct-tcpip'), true],
    ['of another kind', [limit('direct-tcpip', 100)], new Watched('session'), false],
    ['by a pattern', [limit('*-tcpip', 100)], new Watched('forwarded-tcpip'), true],
    ['by the name that OpenSSH has for it', [limit('agent-connection', 100)], new Watched('auth-agent@openssh.com'), true],
    ['of X11', [limit('x11-connection', 100)], new Watched('x11'), true],
    ['by what a session runs', [limit('session:command', 100)], alike('session', 'command'), true],
    ['by another thing that a session runs', [limit('session:shell', 100)], alike('session', 'command'), false],
    ['of a subsystem', [limit('session:subsystem:s?tp', 100)], alike('session', 'subsystem:sftp'), true],
    ['as any session', [limit('session', 100)], alike('session', 'command'), true],
    ['whose first limit is none', [limit('session:command', 0), limit('*', 100)], alike('session', 'command'), false],
    ['whose first limit is long', [limit('sess*', 60_000), limit('*', 100)], alike('session', 'command'), false],
    ['where global is no pattern', [limit('glob*', 100)], new Watched('global'), true],
    ['where nothing is limited', [limit('*', 0)], new Watched('session'), false],
  ])('%s', async (_, limits, channel, closed) => {
    watch(limits, channel);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(channel.closedAt !== null).toBe(closed);
  });

  it('does not end what is being sent', async () => {
    const channel = new Watched('session');
    channel.queuedBytes = 100;
    watch([limit('session', 1_000)], channel);
    const sending = setInterval(() => channel.queuedBytes--, 500);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(channel.closedAt).toBeNull();
    clearInterval(sending);
    await vi.advanceTimersByTimeAsync(1_200);
    expect(channel.closedAt).not.toBeNull();
  });

  it('global: all end together when nothing has moved on any of them', async () => {
    const [idle, busy] = [new Watched('session'), new Watched('direct-tcpip')];
    const moving = busy.move(500);
    watch([limit('global', 1_000)], idle, busy);
    await vi.advanceTimersByTimeAsync(10_000);
    expect([idle.closedAt, busy.closedAt]).toEqual([null, null]);
    clearInterval(moving);
    await vi.advanceTimersByTimeAsync(1_200);
    expect(idle.closedAt).not.toBeNull();
    expect(busy.closedAt).toBe(idle.closedAt);
  });

  it('is looked at no more often than makes sense, and a limit has to be a time', () => {
    const channel = new Watched('session');
    watch([limit('session', 0.001)], channel);
    vi.advanceTimersByTime(19);
    expect(channel.closedAt).toBeNull();
    vi.advanceTimersByTime(1);
    expect(channel.closedAt).not.toBeNull();
    expect(() => watch([limit('session', -1)])).toThrow(UsageError);
    expect(() => watch([limit('session', Number.NaN)])).toThrow(UsageError);
  });
});
