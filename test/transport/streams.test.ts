// A channel as Node Duplex and as web streams: all bytes in order both ways, half-close, a slow reader that holds everybody back instead
// of filling the memory, and ends of every kind that nobody need listen for.
import { once } from 'node:events';
import { pipeline } from 'node:stream/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { type Channel, Client } from '../../src/index.ts';
import { Dice } from '../support/seeded-crypto.ts';
import { closePair, connectedPair, OpenServer, type TransportPair } from '../support/transport-pair.ts';

const open: TransportPair[] = [];

afterEach(async () => {
  for (const pair of open.splice(0)) await closePair(pair);
});

async function running(serve?: (channel: Channel) => void): Promise<{ pair: TransportPair; channel: Channel }> {
  const server = new OpenServer();
  if (serve) server.serve = serve;
  const pair = await connectedPair({ interface: server });
  open.push(pair);
  const channel = await pair.client.openSession();
  await channel.execCommand('x');
  return { pair, channel };
}

const noise = (count: number): Buffer => Buffer.from(new Dice(5).bytes(count));

describe('toNode', () => {
  it('carries all bytes in order, both ways, and ends when both have', async () => {
    const { channel } = await running();
    const duplex = channel.toNode();
    const data = noise(1_000_000);
    const got: Buffer[] = [];
    await Promise.all([
      pipeline(
        function* () {
          for (let at = 0; at < data.length; at += 7_777) yield data.subarray(at, at + 7_777);
        },
        duplex,
        async (source: AsyncIterable<Buffer>) => {
          for await (const chunk of source) got.push(chunk);
        },
      ),
    ]);
    expect(Buffer.concat(got).equals(data)).toBe(true);
    expect((await channel.exited).code).toBe(0);
  });

  it('lets one side end while the other goes on', async () => {
    let eof: () => void = () => {};
    const sawEof = new Promise<void>((resolve) => {
      eof = resolve;
    });
    const { channel } = await running(async (served) => {
      for await (const _ of served);
      eof();
      await served.write('after your end');
      served.close();
    });
    const duplex = channel.toNode();
    duplex.end('mine');
    await sawEof;
    const got: Buffer[] = [];
    for await (const chunk of duplex) got.push(chunk as Buffer);
    expect(Buffer.concat(got).toString()).toBe('after your end');
  });

  it('holds the writer back while nobody reads: memory stays within the window', async () => {
    let written = 0;
    const { pair, channel } = await running(async (served) => {
      const chunk = new Uint8Array(65_536);
      for (let i = 0; i < 200; i++) {
        await served.write(chunk);
        written += chunk.length;
      }
      served.close();
    });
    const duplex = channel.toNode();
    await once(duplex, 'readable');
    // Pings go the same way: after some of them the writer has had every chance.
    for (let i = 0; i < 50; i++) await pair.client.ping();
    expect(written).toBeGreaterThan(1_000_000);
    expect(written).toBeLessThan(2_097_152 + 131_072 + 65_536 + 1);
    let count = 0;
    for await (const chunk of duplex) count += (chunk as Buffer).length;
    expect(count).toBe(200 * 65_536);
  });

  it('says by its callback and by drain when there is room', async () => {
    const { channel } = await running();
    const duplex = channel.toNode();
    let drains = 0;
    duplex.on('drain', () => drains++);
    for (let i = 0; i < 50; i++) if (!duplex.write(new Uint8Array(50_000))) await once(duplex, 'drain');
    duplex.end();
    let count = 0;
    for await (const chunk of duplex) count += (chunk as Buffer).length;
    expect(count).toBe(50 * 50_000);
    expect(drains).toBeGreaterThan(5);
  });

  it('closes the channel when it is destroyed, and only that', async () => {
    const { pair, channel } = await running();
    channel.toNode().destroy();
    expect(await channel.closed).toBeUndefined();
    expect(await pair.client.ping()).toBeGreaterThan(0);
  });

  it('is destroyed with the error of a connection that breaks, and needs nobody who listens', async () => {
    const { pair, channel } = await running();
    const duplex = channel.toNode();
    duplex.resume();
    pair.clientEnd.destroy(new Error('the cable'));
    await pair.client.closed;
    await new Promise(setImmediate);
    expect(duplex.destroyed).toBe(true);
    expect(duplex.errored).toMatchObject({ code: 'ERR_SSH_CONNECTION_LOST' });
  });
});

describe('write', () => {
  it.each([10, 100_000, 500_000])('has let go of the buffer of %i bytes when it resolves, sent or not', async (size) => {
    const { pair, channel } = await running();
    // Nothing can be sent while keys are exchanged.
    pair.clientEnd.hold();
    const rekeyed = pair.client.renegotiateKeys();
    const buffer = Buffer.alloc(size, 'A');
    const writing = channel.write(buffer);
    if (size > 200_000) setImmediate(() => pair.clientEnd.release());
    await writing;
    buffer.fill('B');
    pair.clientEnd.release();
    await rekeyed;
    channel.shutdownWrite();
    expect(Buffer.from(await channel.stdout.readAll()).equals(Buffer.alloc(size, 'A'))).toBe(true);
  });

  it('has let go of it also where it failed', async () => {
    const { pair, channel } = await running();
    pair.clientEnd.hold();
    const rekeyed = pair.client.renegotiateKeys();
    const buffer = Buffer.alloc(200_000, 'A');
    await expect(channel.write(buffer, { timeout: 10 })).rejects.toMatchObject({ code: 'ERR_SSH_TIMEOUT' });
    buffer.fill('B');
    pair.clientEnd.release();
    await rekeyed;
    channel.shutdownWrite();
    expect(Buffer.from(await channel.stdout.readAll()).includes('B')).toBe(false);
  });
});

describe('toWeb', () => {
  it('carries all bytes in order, both ways', async () => {
    const { channel } = await running();
    const { readable, writable } = channel.toWeb();
    const data = noise(500_000);
    const writing = (async () => {
      const writer = writable.getWriter();
      for (let at = 0; at < data.length; at += 9_999) await writer.write(data.subarray(at, at + 9_999));
      await writer.close();
    })();
    const got: Uint8Array[] = [];
    for await (const chunk of readable) got.push(chunk);
    await writing;
    expect(Buffer.concat(got).equals(data)).toBe(true);
  });

  it('reads nothing in advance: the window stays as it is until somebody reads', async () => {
    let written = 0;
    const { pair, channel } = await running(async (served) => {
      for (let i = 0; i < 100; i++) {
        await served.write(new Uint8Array(65_536));
        written += 65_536;
      }
      served.close();
    });
    const { readable } = channel.toWeb();
    for (let i = 0; i < 50; i++) await pair.client.ping();
    expect(written).toBeLessThan(2_097_152 + 131_072 + 65_536 + 1);
    let count = 0;
    for await (const chunk of readable) count += chunk.length;
    expect(count).toBe(100 * 65_536);
  });

  it('may be cancelled and aborted', async () => {
    const { pair, channel } = await running();
    const { readable, writable } = channel.toWeb();
    await readable.cancel();
    await writable.abort();
    expect(await channel.closed).toBeUndefined();
    expect(await pair.client.ping()).toBeGreaterThan(0);
  });

  it('errors where the connection breaks', async () => {
    const { pair, channel } = await running();
    const { readable, writable } = channel.toWeb();
    const reading = readable.getReader().read();
    pair.clientEnd.destroy();
    await expect(reading).rejects.toMatchObject({ code: 'ERR_SSH_CONNECTION_LOST' });
    await expect(writable.getWriter().write(new Uint8Array(1))).rejects.toMatchObject({ code: 'ERR_SSH_CONNECTION_LOST' });
  });
});

describe('stderr', () => {
  it('that nobody reads does not stop stdout, also beyond a window', { timeout: 20_000 }, async () => {
    const { channel } = await running(async (served) => {
      for (let i = 0; i < 80; i++) {
        await served.writeStderr(new Uint8Array(65_536));
        await served.write(new Uint8Array(10));
      }
      served.close();
    });
    expect(await channel.stdout.readAll()).toHaveLength(800);
    expect(channel.stderrDropped).toBeGreaterThan(0);
    const kept = await channel.stderr.readAll();
    expect(kept.length + channel.stderrDropped).toBe(80 * 65_536);
  });

  it('that is read comes whole', async () => {
    const { channel } = await running(async (served) => {
      for (let i = 0; i < 60; i++) await served.writeStderr(new Uint8Array(65_536).fill(i));
      served.close();
    });
    const [errors] = await Promise.all([channel.stderr.readAll(), channel.stdout.readAll()]);
    expect(errors).toHaveLength(60 * 65_536);
    expect(channel.stderrDropped).toBe(0);
  });
});

it('exec is over when the command is, whatever its input still waits for', async () => {
  const pair = await connectedPair();
  pair.interface.serve = (channel) => {
    channel.sendExitStatus(0);
    channel.close();
  };
  const input: AsyncIterable<Uint8Array> = { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) };
  expect((await new Client(pair.client).exec('true', { input })).code).toBe(0);
  await closePair(pair);
});
