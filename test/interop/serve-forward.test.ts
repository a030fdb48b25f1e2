// OpenSSH's forwarding options against our server, in this process.

import { once } from 'node:events';
import { createServer as createTcpServer, type Socket, type Server as TcpServer, connect as tcpConnect } from 'node:net';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type PublicKey, ServerInterface, type Transport } from '../../src/index.ts';
import { generateKey, parsePublicKey } from '../../src/keys.ts';
import { ServerForwarding } from '../../src/server/forwarding.ts';
import { createServer, type Server } from '../../src/server/server.ts';
import {
  describePeer,
  freePort,
  keyPair,
  peerCommand,
  randomBytes,
  runPeer,
  sha256,
  startProcess,
  tempDir,
} from '../support/peers.ts';

const user = keyPair('ed25519');
const userKey: PublicKey = parsePublicKey(user.publicLine);

class Gateway extends ServerInterface {
  readonly #forwarding: ServerForwarding;

  constructor(transport: Transport) {
    super();
    this.#forwarding = new ServerForwarding(transport);
  }

  override getAllowedAuths() {
    return ['publickey'];
  }
  override checkAuthPublickey(_username: string, key: PublicKey) {
    return key.equals(userKey) ? ('successful' as const) : ('failed' as const);
  }
  override checkChannelDirectTcpipRequest(_id: number, _origin: unknown, [host, port]: readonly [string, number]) {
    return this.#forwarding.connect({ host, port });
  }
  override checkChannelDirectStreamlocalRequest(_id: number, path: string) {
    return this.#forwarding.connect({ path });
  }
  override checkPortForwardRequest(address: string, port: number) {
    return this.#forwarding.listen(address, port);
  }
  override cancelPortForwardRequest(address: string, port: number) {
    this.#forwarding.cancel(address, port);
  }
  override checkStreamlocalForwardRequest(path: string) {
    return this.#forwarding.listenUnix(path);
  }
  override cancelStreamlocalForwardRequest(path: string) {
    this.#forwarding.cancelUnix(path);
  }
}

async function gateway(): Promise<{ server: Server; port: number }> {
  const server = createServer({ hostKeys: [await generateKey('ed25519')], server: ({ transport }) => new Gateway(transport) });
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  return { server, port };
}

async function echo(where: { port: number; host: string } | { path: string }): Promise<{ server: TcpServer; port: number }> {
  const server = createTcpServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    socket.pipe(socket);
  });
  server.listen(where);
  await once(server, 'listening');
  const address = server.address();
  return { server, port: typeof address === 'object' && address !== null ? address.port : 0 };
}

async function roundTrip(socket: Socket, data: Uint8Array): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.end(data);
  await once(socket, 'end');
  return sha256(Buffer.concat(chunks));
}

const MIB = 1024 * 1024;

function ssh(port: number, ...args: string[]): [string, string[]] {
  const common = ['-F', 'none', '-N', '-v', '-i', user.path, '-o', 'IdentitiesOnly=yes', '-o', 'UserKnownHostsFile=/dev/null'];
  return [
    peerCommand('ssh', [])[0],
    [...common, '-o', 'StrictHostKeyChecking=no', '-o', 'ExitOnForwardFailure=yes', '-p', `${port}`, ...args, 'u@127.0.0.1'],
  ];
}

describePeer('ssh', "OpenSSH's forwards through our server", () => {
  it('-L and -D', async () => {
    const { server, port } = await gateway();
    const target = await echo({ host: '127.0.0.1', port: 0 });
    const [local, dynamic] = [await freePort(), await freePort()];
    const forwards = ['-L', `127.0.0.1:${local}:127.0.0.1:${target.port}`, '-D', `127.0.0.1:${dynamic}`];
    await using client = await startProcess(...ssh(port, ...forwards));
    await client.waitForLog(/Entering interactive session|Local forwarding listening.*\n[\s\S]*Entering/);
    const data = randomBytes(64 * MIB, 1);
    const socket = tcpConnect({ host: '127.0.0.1', port: local, allowHalfOpen: true });
    expect(await roundTrip(socket, data)).toBe(sha256(data));
    const many = await Promise.all(
      Array.from({ length: 200 }, async (_, index) => {
        const piece = randomBytes(5_000 + index, index);
        const one = tcpConnect({ host: '127.0.0.1', port: local, allowHalfOpen: true });
        return (await roundTrip(one, piece)) === sha256(piece);
      }),
    );
    expect(many.every(Boolean)).toBe(true);
    const refused = await runPeer('curl', ['-sS', '--socks5-hostname', `127.0.0.1:${dynamic}`, 'http://127.0.0.1:1/']);
    expect(refused.code).not.toBe(0);
    const { createServer: createWebServer } = await import('node:http');
    const web = createWebServer((_request, response) => response.end('through'));
    web.listen(0, '127.0.0.1');
    await once(web, 'listening');
    const url = `http://localhost:${(web.address() as { port: number }).port}/`;
    const fetched = await runPeer('curl', ['-sS', '--socks5-hostname', `127.0.0.1:${dynamic}`, url]);
    expect(fetched.stdout.toString()).toBe('through');
    web.close();
    target.server.close();
    await server.close();
  });

  it('-R, also with port 0, and cancel while in use', async () => {
    const { server, port } = await gateway();
    const target = await echo({ host: '127.0.0.1', port: 0 });
    const remote = await freePort();
    const forwards = ['-R', `127.0.0.1:${remote}:127.0.0.1:${target.port}`, '-R', `0:127.0.0.1:${target.port}`];
    await using client = await startProcess(...ssh(port, ...forwards));
    await client.waitForLog(/Allocated port (\d+) for remote forward/);
    await client.waitForLog(/remote forward success/);
    const allocated = Number(/Allocated port (\d+) for remote forward/.exec(client.log())?.[1]);
    const data = randomBytes(64 * MIB, 2);
    for (const at of [remote, allocated]) {
      const socket = tcpConnect({ host: '127.0.0.1', port: at, allowHalfOpen: true });
      expect(await roundTrip(socket, data)).toBe(sha256(data));
    }
    await client.stop();
    const late = tcpConnect({ host: '127.0.0.1', port: remote });
    await expect(once(late, 'connect')).rejects.toThrow('ECONNREFUSED');
    target.server.close();
    await server.close();
  });

  it('unix sockets both ways', async () => {
    await using dir = tempDir();
    const { server, port } = await gateway();
    const target = await echo({ path: join(dir.path, 'echo') });
    const [here, there] = [join(dir.path, 'here'), join(dir.path, 'there')];
    const forwards = ['-L', `${here}:${join(dir.path, 'echo')}`, '-R', `${there}:${join(dir.path, 'echo')}`];
    await using client = await startProcess(...ssh(port, ...forwards));
    await client.waitForLog(/remote forward success|Entering interactive session/);
    await client.waitForLog(/remote forward success/);
    const data = randomBytes(MIB, 3);
    for (const path of [here, there]) expect(await roundTrip(tcpConnect({ path, allowHalfOpen: true }), data)).toBe(sha256(data));
    target.server.close();
    await server.close();
  });
});
