// Port forwarding of our client against real sshds, and through our own server.

import { once } from 'node:events';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket, connect as tcpConnect } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { forwardDynamic } from '../../src/forward/dynamic.ts';
import type { Forward } from '../../src/forward/forward.ts';
import { forwardLocal } from '../../src/forward/local.ts';
import { forwardRemote } from '../../src/forward/remote.ts';
import { forwardRemoteDynamic } from '../../src/forward/remote-dynamic.ts';
import { listenRemote } from '../../src/forward/remote-listener.ts';
import { ChannelOpenError, Transport } from '../../src/index.ts';
import { readPrivateKey } from '../../src/keys.ts';
import { describePeer, randomBytes, runPeer, type Sshd, sha256, startSshd, tempDir } from '../support/peers.ts';

/** Echoes until the other side ends, then ends. */
async function echoServer(path?: string): Promise<{ server: Server; port: number }> {
  const server = createTcpServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    socket.pipe(socket);
  });
  server.listen(path === undefined ? { host: '127.0.0.1', port: 0 } : { path });
  await once(server, 'listening');
  const address = server.address();
  return { server, port: typeof address === 'object' && address !== null ? address.port : 0 };
}

/** A web server that says one thing. */
async function webServer(text: string): Promise<{ web: HttpServer; port: number }> {
  const web = createHttpServer((_request, response) => response.end(text));
  web.listen(0, '127.0.0.1');
  await once(web, 'listening');
  return { web, port: (web.address() as AddressInfo).port };
}

async function login(sshd: Sshd): Promise<Transport> {
  const transport = new Transport([sshd.host, sshd.port]);
  await transport.connect({ hostKey: 'ignore', username: sshd.user, privateKey: await readPrivateKey(sshd.identity.path) });
  return transport;
}

/** Sends everything and half-closes; resolves with what came back up to the end. */
async function roundTrip(socket: Socket, data: Uint8Array): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.end(data);
  await once(socket, 'end');
  return Buffer.concat(chunks);
}

function dial(forward: Forward): Socket {
  const { address } = forward;
  return 'path' in address
    ? tcpConnect({ path: address.path, allowHalfOpen: true })
    : tcpConnect({ host: '127.0.0.1', port: address.port, allowHalfOpen: true });
}

const MIB = 1024 * 1024;

describePeer('sshd', 'port forwarding against sshd', () => {
  it('-L: 64 MiB there and back, half-close kept', async () => {
    await using sshd = await startSshd();
    await using transport = await login(sshd);
    const { server, port } = await echoServer();
    await using forward = await forwardLocal(transport, { host: '127.0.0.1', port: 0 }, { host: '127.0.0.1', port });
    const data = randomBytes(64 * MIB, 1);
    const back = await roundTrip(dial(forward), data);
    expect(sha256(back)).toBe(sha256(data));
    server.close();
  });

  it('-L: 200 connections at once, one refused target is that connection’s affair only', async () => {
    await using sshd = await startSshd();
    await using transport = await login(sshd);
    const { server, port } = await echoServer();
    await using forward = await forwardLocal(transport, { host: '127.0.0.1', port: 0 }, { host: '127.0.0.1', port });
    const failures: unknown[] = [];
    await using broken = await forwardLocal(
      transport,
      { host: '127.0.0.1', port: 0 },
      { host: '127.0.0.1', port: 1 },
      { onFailure: ({ error }) => failures.push(error) },
    );
    const results = await Promise.all(
      Array.from({ length: 200 }, async (_, index) => {
        const data = randomBytes(10_000 + index, index);
        return Buffer.compare(await roundTrip(dial(forward), data), data) === 0;
      }),
    );
    expect(results.every(Boolean)).toBe(true);
    const refused = dial(broken);
    const [error] = (await once(refused, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNRESET');
    expect(failures).toHaveLength(1);
    expect(failures[0]).toBeInstanceOf(ChannelOpenError);
    expect((failures[0] as ChannelOpenError).reason).toBe(2);
    expect(await roundTrip(dial(forward), Buffer.from('still there'))).toEqual(Buffer.from('still there'));
    server.close();
  });

  it('-R 0: the server chooses the port; cancel in use lets connections go on', async () => {
    await using sshd = await startSshd();
    await using transport = await login(sshd);
    const { server, port } = await echoServer();
    const forward = await forwardRemote(transport, { host: '127.0.0.1', port: 0 }, { host: '127.0.0.1', port });
    const data = randomBytes(64 * MIB, 2);
    expect(sha256(await roundTrip(dial(forward), data))).toBe(sha256(data));
    const open = dial(forward);
    open.write('before');
    await once(open, 'data');
    await forward.close();
    open.write('after');
    const [after] = (await once(open, 'data')) as [Buffer];
    expect(after.toString()).toBe('after');
    const late = dial(forward);
    await expect(once(late, 'connect')).rejects.toThrow('ECONNREFUSED');
    open.destroy();
    server.close();
  });

  it('unix sockets at either end', async () => {
    await using sshd = await startSshd();
    await using dir = tempDir();
    await using transport = await login(sshd);
    const { server } = await echoServer(join(dir.path, 'echo'));
    await using local = await forwardLocal(transport, { path: join(dir.path, 'local') }, { path: join(dir.path, 'echo') });
    await using remote = await forwardRemote(transport, { path: join(dir.path, 'remote') }, { path: join(dir.path, 'echo') });
    for (const forward of [local, remote]) {
      const data = randomBytes(MIB, 3);
      expect(sha256(await roundTrip(dial(forward), data))).toBe(sha256(data));
    }
    server.close();
  });

  it('-D: SOCKS 4, 4A and 5 as curl speaks them', async () => {
    await using sshd = await startSshd();
    await using transport = await login(sshd);
    const { web, port } = await webServer('hello through socks');
    await using forward = await forwardDynamic(transport, { host: '127.0.0.1', port: 0 });
    const proxy = 'port' in forward.address ? `127.0.0.1:${forward.address.port}` : '';
    for (const kind of ['--socks4', '--socks4a', '--socks5', '--socks5-hostname']) {
      const result = await runPeer('curl', ['-sS', '--max-time', '20', kind, proxy, `http://127.0.0.1:${port}/`]);
      expect([kind, result.code, result.stdout.toString()]).toEqual([kind, 0, 'hello through socks']);
    }
    const refused = await runPeer('curl', ['-sS', '--socks5', proxy, 'http://127.0.0.1:1/']);
    expect(refused.code).toBe(97);
    web.close();
  });

  it('-R without a destination: SOCKS on the server, as far as it is permitted', async () => {
    await using sshd = await startSshd();
    await using transport = await login(sshd);
    const { web, port } = await webServer('hello from here');
    const failures: string[] = [];
    await using forward = await forwardRemoteDynamic(
      transport,
      { host: '127.0.0.1', port: 0 },
      {
        permit: (host, at) => host === 'localhost' || (host === '127.0.0.1' && at === port),
        onFailure: ({ error }) => failures.push(String(error)),
      },
    );
    const proxy = 'port' in forward.address ? `127.0.0.1:${forward.address.port}` : '';
    const get = (kind: string, url: string) => runPeer('curl', ['-sS', '--max-time', '20', kind, proxy, url]);
    for (const [kind, host] of [
      ['--socks4', '127.0.0.1'],
      ['--socks4a', 'localhost'],
      ['--socks5', '127.0.0.1'],
      ['--socks5-hostname', 'localhost'],
    ] as const) {
      const result = await get(kind, `http://${host}:${port}/`);
      expect([kind, result.code, result.stdout.toString()]).toEqual([kind, 0, 'hello from here']);
    }
    // Denied, and nobody there: both are an answer by SOCKS.
    expect((await get('--socks5', `http://127.0.0.2:${port}/`)).code).toBe(97);
    expect(failures.splice(0)).toEqual([expect.stringMatching(`connections to 127\\.0\\.0\\.2 port ${port} are not permitted`)]);
    expect((await get('--socks5-hostname', 'http://localhost:1/')).code).toBe(97);
    expect(failures.splice(0)).toEqual([expect.stringMatching('ECONNREFUSED')]);
    // No SOCKS at all, and one who goes away in the middle, are the affair of whoever connected.
    for (const words of ['GET / HTTP/1.0\r\n\r\n', '\x05\x01']) {
      const socket = dial(forward).end(words, 'latin1');
      expect((await buffer(socket)).toString()).toBe('');
    }
    await expect.poll(() => forward.connectionCount).toBe(0);
    expect((await get('--socks5', `http://127.0.0.1:${port}/`)).code).toBe(0);
    web.close();
  });

  it('a remote listener is iterated over; leaving the loop cancels it', async () => {
    await using sshd = await startSshd();
    await using transport = await login(sshd);
    const listener = await listenRemote(transport, { host: '127.0.0.1', port: 0 });
    const port = 'port' in listener.address ? listener.address.port : 0;
    const answers = [1, 2, 3].map(async (number) => {
      const socket = tcpConnect({ host: '127.0.0.1', port, allowHalfOpen: true });
      return (await roundTrip(socket, Buffer.from(`${number}`))).toString();
    });
    let count = 0;
    for await (const { channel, origin } of listener) {
      expect(origin[0]).toBe('127.0.0.1');
      const asked = Buffer.from(await channel.stdout.readAll()).toString();
      await channel.write(`${asked} served`);
      channel.close();
      if (++count === 3) break;
    }
    expect((await Promise.all(answers)).sort()).toEqual(['1 served', '2 served', '3 served']);
    const late = tcpConnect({ host: '127.0.0.1', port });
    await expect(once(late, 'connect')).rejects.toThrow('ECONNREFUSED');
  });
});
