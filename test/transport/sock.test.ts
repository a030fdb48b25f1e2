// Every form of `sock` that a Transport takes, and what is said where it cannot connect.
import dns from 'node:dns';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { describe, expect, it, vi } from 'vitest';
import { ConnectError, type SocketLike, Transport, type TransportSocket, UsageError } from '../../src/index.ts';
import { hostKey, OpenServer, socketPair } from '../support/loopback.ts';
import { freePort } from '../support/peers.ts';

type LookupDone = (error: Error | null, addresses: readonly { address: string; family: number }[]) => void;

const quick = { algorithms: { kex: ['curve25519-sha256'] as const } };

/** A server of ours behind a listener. */
async function listening(host: string): Promise<{ server: Server; port: number }> {
  const key = await hostKey();
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    const transport = new Transport(socket, quick);
    transport.addServerKey(key);
    transport.startServer(new OpenServer()).catch(() => {});
  });
  server.listen(0, host);
  await once(server, 'listening');
  return { server, port: (server.address() as AddressInfo).port };
}

async function logsIn(sock: TransportSocket): Promise<readonly [string, number]> {
  await using client = new Transport(sock, quick);
  await client.connect({ hostKey: (await hostKey()).publicKey, username: 'u', password: 'p' });
  await client.ping();
  return client.getpeername();
}

/** The other end of `socket`, served. */
async function served(): Promise<Socket> {
  const [left, right] = await socketPair();
  const transport = new Transport(right, quick);
  transport.addServerKey(await hostKey());
  transport.startServer(new OpenServer()).catch(() => {});
  return left;
}

describe('an address', () => {
  it.each([
    ['host:port', (port: number) => `127.0.0.1:${port}`],
    ['a name and a port', (port: number) => `localhost:${port}`],
    ['[host, port]', (port: number) => ['127.0.0.1', port] as const],
    ['{ host, port }', (port: number) => ({ host: '127.0.0.1', port })],
    ['{ host, port, family }', (port: number) => ({ host: 'localhost', port, family: 4 as const })],
  ])('as %s', async (_form, sock) => {
    const { server, port } = await listening('127.0.0.1');
    expect(await logsIn(sock(port))).toEqual(['127.0.0.1', port]);
    server.close();
  });

  it.each([
    ['[v6]:port', (port: number) => `[::1]:${port}`],
    ['[v6, port]', (port: number) => ['::1', port] as const],
  ])('as %s', async (_form, sock) => {
    const { server, port } = await listening('::1');
    expect(await logsIn(sock(port))).toEqual(['::1', port]);
    server.close();
  });

  it('without a port means 22', async () => {
    const lines: string[] = [];
    const log = (_level: number, line: string) => lines.push(line);
    for (const sock of ['nosuchhost.invalid', '::1']) {
      const controller = new AbortController();
      const started = new Transport(sock, { log }).startClient({ signal: controller.signal });
      controller.abort(new Error('seen enough'));
      await expect(started).rejects.toThrow();
    }
    expect(lines).toContain('connecting to nosuchhost.invalid port 22');
    expect(lines).toContain('connecting to ::1 port 22');
  });

  it('that answers nowhere gives one error that names every address tried', async () => {
    const port = await freePort();
    const addresses = [
      { address: '127.0.0.1', family: 4 },
      { address: '127.0.0.2', family: 4 },
      { address: '::1', family: 6 },
    ];
    const lookup = vi
      .spyOn(dns, 'lookup')
      .mockImplementation(((_host: string, _options: unknown, done: LookupDone) =>
        process.nextTick(done, null, addresses)) as unknown as typeof dns.lookup);
    try {
      const error = await new Transport(['three.example', port]).startClient().catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(ConnectError);
      const { errors, message } = error as ConnectError;
      expect(errors).toHaveLength(3);
      expect(message).toContain(`cannot connect to three.example port ${port}`);
      for (const { address } of addresses) expect(message).toContain(`ECONNREFUSED ${address}:${port}`);
    } finally {
      lookup.mockRestore();
    }
  });

  it.each([['host:'], ['a b'], [{ host: '', port: 22 }], [{ host: 'h', port: 0 }], [['h', 70_000]], [{}], [[1, 2, 3]]])(
    'that is none is refused: %j',
    async (sock) => {
      await expect(async () => new Transport(sock as unknown as TransportSocket).startClient()).rejects.toThrow(UsageError);
    },
  );
});

describe('a stream', () => {
  it('as a socket', async () => {
    const socket = await served();
    expect(await logsIn(socket)).toEqual(['127.0.0.1', socket.remotePort]);
  });

  it('as any Duplex', async () => {
    const socket = await served();
    expect(await logsIn(Duplex.from({ readable: socket, writable: socket }))).toEqual(['unknown', 0]);
  });

  it('as an object with send, recv, close and settimeout, promised or not', async () => {
    for (const eager of [true, false]) {
      const socket = await served();
      const chunks: (Uint8Array | null)[] = [];
      let wake = () => {};
      socket.on('data', (chunk) => {
        chunks.push(chunk);
        wake();
      });
      socket.on('end', () => {
        chunks.push(null);
        wake();
      });
      let closed = 0;
      const sock: SocketLike = {
        // One byte less than given, as sockets may do.
        send(data) {
          const count = Math.max(1, data.length - 1);
          if (eager) {
            socket.write(data.slice(0, count));
            return count;
          }
          return new Promise((resolve) => socket.write(data.slice(0, count), () => resolve(count)));
        },
        async recv(count) {
          while (chunks.length === 0) {
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
          }
          const chunk = chunks.shift() ?? null;
          if (chunk === null || chunk.length <= count) return chunk;
          chunks.unshift(chunk.subarray(count));
          return chunk.subarray(0, count);
        },
        close() {
          closed++;
          socket.destroy();
        },
        settimeout: () => expect.unreachable('the transport does its own waiting'),
        getpeername: () => ['a serial line', 7],
      };
      expect(await logsIn(sock)).toEqual(['a serial line', 7]);
      expect(closed).toBe(1);
    }
  });

  it('given paused is read', async () => {
    const [left, right] = await socketPair();
    left.pause();
    const transport = new Transport(right, quick);
    transport.addServerKey(await hostKey());
    transport.startServer(new OpenServer()).catch(() => {});
    expect(await logsIn(left)).toEqual(['127.0.0.1', left.remotePort]);
  });
});
