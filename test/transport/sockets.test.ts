// What a transport can run over, and the ways to begin and end: socket-like objects, IPv4 and IPv6 addresses, ports where nobody is,
// close in every state and twice, `await using`.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import { ClosedError, ConnectError, type SocketLike, Transport, UsageError } from '../../src/index.ts';
import { dial } from '../../src/io/dial.ts';
import { socketPair } from '../support/loopback.ts';
import { closePair, connectedPair, credentials, hostKey, OpenServer, pipe, transportPair } from '../support/transport-pair.ts';

const servers: Server[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.close();
    await once(server, 'close');
  }
});

/** An SSH server on a port of its own. */
async function listening(host: string): Promise<number> {
  const server = createServer((socket) => {
    const transport = new Transport(socket, { algorithms: { kex: ['curve25519-sha256'] } });
    transport.addServerKey(hostKey);
    transport.startServer(new OpenServer()).catch(() => {});
  });
  servers.push(server);
  server.listen(0, host);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

const hasIpv6 = Object.values(networkInterfaces()).some((addresses) => addresses?.some((one) => one.address === '::1'));

describe('an address', () => {
  it('is host:port, a pair, or an object', async () => {
    const port = await listening('127.0.0.1');
    for (const address of [`127.0.0.1:${port}`, ['127.0.0.1', port] as const, { host: '127.0.0.1', port }]) {
      await using client = new Transport(address);
      await client.connect(credentials);
      expect(client.isAuthenticated()).toBe(true);
      expect(client.getpeername()).toEqual(['127.0.0.1', port]);
    }
  });

  it.skipIf(!hasIpv6)('is an IPv6 literal', async () => {
    const port = await listening('::1');
    for (const address of [`[::1]:${port}`, ['::1', port] as const]) {
      await using client = new Transport(address);
      await client.connect(credentials);
      expect(client.getpeername()).toEqual(['::1', port]);
    }
  });

  it('where nobody is gives an error that names it, with one entry per address', async () => {
    const port = await listening('127.0.0.1');
    const server = servers.pop() as Server;
    server.close();
    await once(server, 'close');
    const client = new Transport(`127.0.0.1:${port}`);
    const error = await client.connect(credentials).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ConnectError);
    const { errors, message, phase } = error as ConnectError;
    expect(errors).toHaveLength(1);
    expect(phase).toBe('connect');
    expect(message).toContain(`127.0.0.1`);
    expect(message).toContain(String(port));
    expect(message).toContain('ECONNREFUSED');
    await client.close();
  });

  it.each(['', 'a b', '-oProxyCommand=x', 'host:0', 'host:65536', 'host:x', '[::1', 'a\0b'])(
    'is refused before anything is done: %j',
    (text) => {
      expect(() => new Transport(text)).toThrow(UsageError);
    },
  );
});

/** A socket-like object over one end of a pipe: promises, partial sends, short reads. */
function socketLike(end: ReturnType<typeof pipe>[0], atMost: number): SocketLike & { closed: number } {
  const chunks: Buffer[] = [];
  let ended = false;
  let wake: () => void = () => {};
  end.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    wake();
  });
  const over = () => {
    ended = true;
    wake();
  };
  end.on('end', over).on('close', over);
  end.on('error', () => {});
  return {
    closed: 0,
    async recv(count) {
      while (chunks.length === 0 && !ended) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      const all = Buffer.concat(chunks.splice(0));
      const size = Math.min(count, atMost);
      if (all.length > size) chunks.push(all.subarray(size));
      return all.subarray(0, size);
    },
    async send(data) {
      if (end.destroyed) return 0;
      const piece = Buffer.from(data.subarray(0, atMost));
      await new Promise<void>((resolve) => {
        end.write(piece, () => resolve());
      });
      return piece.length;
    },
    close() {
      this.closed++;
      end.destroy();
    },
  };
}

describe('a socket-like object', () => {
  it.each([100_000, 1_000])('carries a session, in pieces of at most %i', { timeout: 20_000 }, async (atMost) => {
    const [clientEnd, serverEnd] = pipe();
    const socket = socketLike(clientEnd, atMost);
    const client = new Transport(socket);
    const server = new Transport(serverEnd);
    server.addServerKey(hostKey);
    const started = server.startServer(new OpenServer());
    await client.connect(credentials);
    await started;
    const channel = await client.openSession();
    await channel.execCommand('cat');
    const writing = channel.write(new Uint8Array(300_000).fill(7)).then(() => channel.shutdownWrite());
    expect(await channel.stdout.readAll()).toHaveLength(300_000);
    await writing;
    await client.close();
    await server.closed;
    expect(socket.closed).toBe(1);
    await server.close();
  });

  it('that fails to send or to receive ends the connection, once', async () => {
    for (const broken of ['send', 'recv'] as const) {
      const [end, other] = pipe();
      const socket = socketLike(end, 1_000);
      Object.assign(socket, { [broken]: () => Promise.reject(new Error('broken')) });
      const client = new Transport(socket);
      await expect(client.startClient()).rejects.toMatchObject({ code: 'ERR_SSH_CONNECTION_LOST', cause: { message: 'broken' } });
      expect((await client.closed).by).toBe('error');
      expect(socket.closed).toBe(1);
      other.destroy();
    }
  });
});

describe('close', () => {
  it('may be called before anything began, and again', async () => {
    const [end, other] = pipe();
    const client = new Transport(end);
    await client.close();
    await client.close();
    expect(await client.closed).toMatchObject({ by: 'us' });
    await expect(client.startClient()).rejects.toBeInstanceOf(ClosedError);
    expect(end.destroyed).toBe(true);
    other.destroy();
  });

  it('may be called in the middle of the handshake, and again', async () => {
    const pair = transportPair();
    // The identification comes through, the key exchange does not.
    pair.clientEnd.once('data', () => pair.clientEnd.hold());
    const starting = pair.client.startClient();
    starting.catch(() => {});
    await new Promise(setImmediate);
    await Promise.all([pair.client.close(), pair.client.close()]);
    await expect(starting).rejects.toBeInstanceOf(ClosedError);
    pair.clientEnd.release();
    await closePair(pair);
  });

  it('may be called at any time by either side, while everything is pending', async () => {
    for (const side of ['client', 'server'] as const) {
      const pair = await connectedPair();
      const channel = await pair.client.openSession();
      const pending = [channel.read(), pair.client.accept(), pair.server.accept().then(() => pair.server.accept())];
      await Promise.all([pair[side].close(), pair[side].close(), pair[side].close()]);
      const results = await Promise.allSettled(pending);
      expect(results.map((result) => result.status)).not.toContain('pending');
      expect((await pair[side].closed).by).toBe('us');
      expect((await pair[side === 'client' ? 'server' : 'client'].closed).by).toBe('peer');
      await closePair(pair);
    }
  });

  it('sends what was written before it', async () => {
    const pair = await connectedPair();
    const channel = await pair.client.openSession();
    const served = await pair.server.accept();
    await channel.write(new Uint8Array(100_000));
    await pair.client.close();
    let count = 0;
    for (let chunk = await served?.read(); chunk; chunk = await served?.read().catch(() => null)) count += chunk.length;
    expect(count).toBe(100_000);
    await closePair(pair);
  });

  it('does not wait for a peer that is gone', async () => {
    const pair = await connectedPair();
    pair.serverEnd.hold();
    pair.clientEnd.hold();
    const since = performance.now();
    await pair.client.close();
    expect(performance.now() - since).toBeLessThan(2_500);
    pair.serverEnd.release();
    pair.clientEnd.release();
    await closePair(pair);
  });

  it('is what `await using` does', async () => {
    const pair = await connectedPair();
    {
      await using client = pair.client;
      expect(client.isActive()).toBe(true);
    }
    expect(pair.client.isActive()).toBe(false);
    expect((await pair.server.closed).by).toBe('peer');
    await closePair(pair);
  });

  it('destroy is at once, and tells everybody', async () => {
    const pair = await connectedPair();
    const reading = (await pair.client.openSession()).read();
    pair.client.destroy();
    await expect(reading).rejects.toBeInstanceOf(ClosedError);
    expect(pair.clientEnd.destroyed).toBe(true);
    pair.client.destroy();
    await closePair(pair);
  });

  it('leaves no timer that keeps on running', async () => {
    const pair = await connectedPair();
    pair.client.setKeepalive(1_000);
    pair.server.setKeepalive(1_000);
    await closePair(pair);
    pair.client.setKeepalive(1);
    const turns = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    for (let i = 0; i < 20; i++) await new Promise(setImmediate);
    expect(process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length).toBeLessThanOrEqual(turns);
  });
});

describe('connecting', () => {
  it('that fails ends the transport, with its error', async () => {
    const port = await listening('127.0.0.1');
    const server = servers.pop() as Server;
    server.close();
    await once(server, 'close');
    const client = new Transport(`127.0.0.1:${port}`);
    const error = await client.connect(credentials).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ConnectError);
    expect((await client.closed).error).toBe(error);
    expect(client.getException()).toBe(error);
  });

  it('ends when the transport is closed', async () => {
    // Takes nobody, and has room for two that wait: a third gets no answer.
    const program = `require('node:net').createServer().listen(0, '127.0.0.1', 1, function () {
      require('node:fs').writeSync(1, String(this.address().port));
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    });`;
    const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
    const exited = once(child, 'exit');
    const port = Number(String((await once(child.stdout, 'data'))[0]));
    const waiting = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')];
    for (const socket of waiting) {
      socket.on('error', () => {});
      await once(socket, 'connect');
    }
    const client = new Transport(['127.0.0.1', port]);
    const started = client.connect(credentials);
    const failed = expect(started).rejects.toBeInstanceOf(ClosedError);
    await new Promise(setImmediate);
    await client.close();
    await failed;
    for (const socket of waiting) socket.destroy();
    child.kill('SIGKILL');
    await exited;
  });

  it('takes in no more than a buffer before somebody reads', async () => {
    const SENT = 64 * 1024 * 1024;
    const server = createServer();
    servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const accepted = once(server, 'connection') as Promise<[Socket]>;
    const { port } = server.address() as AddressInfo;
    const stream = await dial({ host: '127.0.0.1', port });
    const [flooding] = await accepted;
    flooding.on('error', () => {});
    flooding.write(new Uint8Array(SENT));
    // Turns of the event loop with I/O in them, more than reading everything takes.
    const [left, right] = await socketPair();
    right.on('data', (chunk) => right.write(chunk));
    left.resume();
    right.resume();
    for (let turn = 0; turn < 1_000; turn++) {
      left.write('x');
      await once(left, 'data');
    }
    expect(flooding.writableLength).toBe(SENT);
    for (const socket of [flooding, left, right]) socket.destroy();
    stream.destroy();
  });
});
