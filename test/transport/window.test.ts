// Which window a transport asks for, what counts as read on a channel, and a server of ours that sees a long way to its client.
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ChannelMachine } from '../../src/connection/channel-machine.ts';
import { ReceiveWindow } from '../../src/connection/window.ts';
import { Engine } from '../../src/engine/engine.ts';
import { Transport, type TransportOptions, UsageError } from '../../src/index.ts';
import { Channel } from '../../src/transport/channel.ts';
import { channelSizes } from '../../src/transport/options.ts';
import { delayingProxy } from '../support/delaying-proxy.ts';
import { deferred, ExecServer, hostKey } from '../support/loopback.ts';

const MiB = 1_048_576;

afterEach(() => {
  vi.restoreAllMocks();
});

describe('the options', () => {
  const sizes = (...options: Parameters<typeof channelSizes>) => {
    const { windowBytes, maxWindowBytes } = channelSizes(...options);
    return [windowBytes, maxWindowBytes];
  };

  it('begin with 2 MiB and end with 64, unless they say otherwise', () => {
    expect(sizes({})).toEqual([2 * MiB, 64 * MiB]);
    expect(sizes({ defaultWindowSize: 100_000 })).toEqual([100_000, 64 * MiB]);
    expect(sizes({ defaultWindowSize: 100_000, maxWindowSize: 200_000 })).toEqual([100_000, 200_000]);
    expect(sizes({ maxWindowSize: 8 * MiB }, { windowSize: 4 * MiB })).toEqual([4 * MiB, 8 * MiB]);
    expect(sizes({ maxWindowSize: 2 ** 40 })).toEqual([2 * MiB, 0xffff_ffff]);
  });

  it('make a window fixed where it may not grow', () => {
    for (const maxWindowSize of [0, 1, 2 * MiB]) expect(sizes({ maxWindowSize })).toEqual([2 * MiB, 2 * MiB]);
    expect(sizes({ defaultWindowSize: 100 * MiB })).toEqual([100 * MiB, 100 * MiB]);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, 1.5])('do not take %f', (maxWindowSize) => {
    expect(() => sizes({ maxWindowSize })).toThrow(UsageError);
  });
});

describe('a channel', () => {
  /** A channel without a connection, and what it tells the layer below about data. */
  function channel() {
    const told: [string, number][] = [];
    const machine = {
      open: true,
      consume: (bytes: number) => void told.push(['read', bytes]),
      credit: (bytes: number) => void told.push(['let go', bytes]),
    };
    const transport = { peerVersion: 'SSH-2.0-test' } as unknown as Transport;
    const one = new Channel({ transport, kind: 'session', windowBytes: 1_000, onRequest: () => {} });
    one.attach(machine as unknown as ChannelMachine);
    const receive = (bytes: number, type: 0 | 1) => one.handler.onData(new Uint8Array(bytes), type);
    return { one, told, receive };
  }

  it('has read what its user took, and nothing before', () => {
    const { one, told, receive } = channel();
    receive(300, 0);
    expect(told).toEqual([]);
    one.stdout.take();
    expect(told).toEqual([['read', 300]]);
  });

  it('lets stderr go that nobody reads, kept or dropped, without having read it', () => {
    const { one, told, receive } = channel();
    for (let i = 0; i < 5; i++) receive(300, 1);
    expect(told).toEqual(Array.from({ length: 5 }, () => ['let go', 300]));
    expect(one.stderrDropped).toBe(600);
  });

  it('has read the stderr for which the peer has had no credit yet', () => {
    const { one, told, receive } = channel();
    const { stderr } = one;
    for (let i = 0; i < 4; i++) receive(300, 1);
    expect(told).toEqual(Array.from({ length: 3 }, () => ['let go', 300]));
    for (let i = 0; i < 4; i++) stderr.take();
    expect(told.slice(3)).toEqual([['read', 300]]);
  });

  it('lets go what comes after its user has stopped reading', () => {
    const { one, told, receive } = channel();
    one.shutdownRead();
    receive(300, 0);
    receive(200, 1);
    expect(told).toEqual([
      ['let go', 300],
      ['let go', 200],
    ]);
  });
});

describe('over a socket', { timeout: 30_000 }, () => {
  /** Sends 16 MiB over fifty milliseconds, and gives the largest window that there has been. */
  async function largest(
    direction: 'up' | 'down',
    options: { readonly client: number; readonly server: number },
  ): Promise<number> {
    const tune = vi.spyOn(ReceiveWindow.prototype, 'tune');
    const BYTES = 16 * MiB;
    const send = async (channel: Channel) => {
      const chunk = new Uint8Array(MiB);
      for (let sent = 0; sent < BYTES; sent += chunk.length) await channel.write(chunk);
      channel.shutdownWrite();
    };
    const receive = async (channel: Channel) => {
      let bytes = 0;
      for await (const chunk of channel) bytes += chunk.length;
      return bytes;
    };
    const received = deferred<number>();
    const server = new ExecServer(async (channel) => {
      if (direction === 'up') received.resolve(await receive(channel));
      else await send(channel);
      channel.close();
    });
    const key = await hostKey();
    const quick: TransportOptions = { algorithms: { kex: ['curve25519-sha256'] } };
    const listener = createServer((socket) => {
      const transport = new Transport(socket, { ...quick, maxWindowSize: options.server });
      transport.addServerKey(key);
      transport.startServer(server).catch(received.reject);
    });
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    try {
      await using proxy = await delayingProxy((listener.address() as AddressInfo).port, 25);
      await using client = new Transport(['127.0.0.1', proxy.port], { ...quick, maxWindowSize: options.client });
      await client.connect({ hostKey: 'ignore', username: 'u', password: 'p' });
      await using channel = await client.openSession();
      await channel.execCommand('go');
      if (direction === 'up') await send(channel);
      else received.resolve(await receive(channel));
      expect(await received.promise).toBe(BYTES);
    } finally {
      listener.close();
    }
    await once(listener, 'close');
    return Math.max(0, ...(tune.mock.contexts as ReceiveWindow[]).map(({ limit }) => limit));
  }

  it('a client’s window grows, and the server’s', async () => {
    expect(await largest('down', { client: 64 * MiB, server: 0 })).toBeGreaterThan(2 * MiB);
    vi.restoreAllMocks();
    expect(await largest('up', { client: 0, server: 64 * MiB })).toBeGreaterThan(2 * MiB);
  });

  it('nobody’s does who does not want it', async () => {
    const flush = vi.spyOn(Engine.prototype, 'flush');
    expect(await largest('down', { client: 2 * MiB, server: 64 * MiB })).toBe(0);
    // The driver says what time it is, or round trips would begin with the last input.
    expect(flush.mock.calls.length).toBeGreaterThan(100);
    expect(flush.mock.calls.filter(([now]) => typeof now !== 'number')).toEqual([]);
  });
});
