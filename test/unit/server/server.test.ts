// The listener: its limits, its timers and its end, over real sockets on loopback. What is counted is looked at from outside: by
// what a peer sees and by what the callbacks tell.

import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  AuthenticationError,
  ChannelOpenError,
  DisconnectedError,
  generateKey,
  NegotiationError,
  ServerInterface,
  Transport,
  UsageError,
} from '../../../src/index.ts';
import { createServer, type Server, type ServerOptions, serverAlgorithms } from '../../../src/server.ts';

const hostKey = await generateKey('ed25519');

class Secret extends ServerInterface {
  override checkAuthPassword(user: string, password: string) {
    return user === 'u' && password === 'p' ? ('successful' as const) : ('failed' as const);
  }
  override checkChannelRequest(kind: string) {
    return kind === 'session';
  }
}

/** A listening server, and a record of what its callbacks were told. */
async function start(options: Partial<ServerOptions> = {}) {
  const events: string[] = [];
  const watchers = new Set<() => void>();
  const record = (event: string) => {
    events.push(event);
    for (const watcher of watchers) watcher();
  };
  const server = createServer({
    hostKeys: [hostKey],
    server: () => new Secret(),
    authFailureDelay: 0,
    onConnection: ({ id }) => record(`connection ${id}`),
    onLogin: ({ id }, { username, method }) => record(`login ${id} ${username} ${method}`),
    onClose: ({ id }, { by, username }) => record(`close ${id} ${by} ${username}`),
    onRefused: ({ reason, remoteAddress }) => record(`refused ${reason} ${remoteAddress}`),
    onError: (error) => record(`error ${(error as Error).message}`),
    ...options,
  });
  onTestFinished(() => server.close());
  const { host, port } = await server.listen();
  const until = (event: string) =>
    new Promise<void>((resolve) => {
      const check = () => {
        if (!events.includes(event)) return;
        watchers.delete(check);
        resolve();
      };
      watchers.add(check);
      check();
    });
  return { server, host, port, events, until };
}

/** A socket and what comes out of it. */
function rawClient(port: number): { socket: Socket; ended: Promise<string> } {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  onTestFinished(() => void socket.destroy());
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
  });
  const ended = once(socket, 'close').then(() => text);
  return { socket, ended };
}

/** Waits for the identification, so that the connection has been accepted. */
async function accepted(port: number): Promise<Socket> {
  const { socket } = rawClient(port);
  await once(socket, 'data');
  return socket;
}

async function login({ host, port }: { host: string; port: number }, password = 'p'): Promise<Transport> {
  const transport = new Transport({ host, port });
  onTestFinished(() => transport.close());
  await transport.connect({ hostKey: hostKey.publicKey, username: 'u', password });
  return transport;
}

describe('createServer', () => {
  it('wants a host key, a factory and whole numbers', () => {
    const server = () => new ServerInterface();
    expect(() => createServer({ hostKeys: [], server })).toThrow(UsageError);
    expect(() => createServer({ hostKeys: [hostKey], server: undefined as never })).toThrow(UsageError);
    expect(() => createServer({ hostKeys: [hostKey], server, maxStartups: -1 })).toThrow(/maxStartups/);
    expect(() => createServer({ hostKeys: [hostKey], server, maxPerSource: 1.5 })).toThrow(/maxPerSource/);
  });

  it('knows the algorithms before the first connection, and chooses from its own defaults', () => {
    const make = (algorithms: ServerOptions['algorithms']) => () =>
      createServer({ hostKeys: [hostKey], server: () => new ServerInterface(), ...(algorithms && { algorithms }) });
    expect(make({ kex: 'curve25519-sha265' })).toThrow(
      "unknown key exchange 'curve25519-sha265'; did you mean 'curve25519-sha256'?",
    );
    expect(make({ macs: '-*' })).toThrow('no macs algorithm is left');
    const { kex, macs } = serverAlgorithms();
    expect(kex[0]).toBe('mlkem768x25519-sha256');
    expect(kex.filter((name) => /nistp|group14|group-exchange/.test(name))).toEqual([]);
    expect(macs).toEqual(['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com']);
  });

  it.each([
    ['nothing', undefined, false],
    ['+', '+ecdh-sha2-nistp256', true],
    ['^', '^ecdh-sha2-nistp256', true],
    ['a list', 'ecdh-sha2-nistp256', true],
  ])('offers an algorithm that is not a default by %s: %s', async (_, kex, offered) => {
    const where = await start(kex === undefined ? {} : { algorithms: { kex } });
    const transport = new Transport(where, { algorithms: { kex: ['ecdh-sha2-nistp256'] } });
    onTestFinished(() => transport.close());
    const connected = transport.connect({ hostKey: hostKey.publicKey });
    if (offered) await connected;
    else await expect(connected).rejects.toThrow(NegotiationError);
  });
});

describe('listen', () => {
  it('binds the loopback address and tells the port', async () => {
    const { server, host, port } = await start();
    expect(host).toBe('127.0.0.1');
    expect(port).toBeGreaterThan(0);
    expect(server.address).toEqual({ host, port, path: null });
    await expect(server.listen()).rejects.toThrow(UsageError);
  });

  it('rejects where it cannot, and may be tried again', async () => {
    const { port } = await start();
    const other = createServer({ hostKeys: [hostKey], server: () => new Secret() });
    onTestFinished(() => other.close());
    await expect(other.listen({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    expect((await other.listen({ port: 0 })).port).toBeGreaterThan(0);
  });

  it('serves on a unix socket, where all come from one place', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'amiko-server-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const path = join(directory, 'socket');
    const server = createServer({ hostKeys: [hostKey], server: () => new Secret(), maxPerSource: 1 });
    onTestFinished(() => server.close());
    expect(await server.listen({ path })).toEqual({ host: '', port: 0, path });
    const first = connect(path);
    onTestFinished(() => void first.destroy());
    await once(first, 'data');
    const transport = new Transport(connect(path));
    onTestFinished(() => transport.close());
    await transport.connect({ hostKey: hostKey.publicKey, username: 'u', password: 'p' });
    expect(transport.isAuthenticated()).toBe(true);
  });
});

describe('connections', () => {
  it('are told apart, each with decisions of its own', async () => {
    const made: ServerInterface[] = [];
    const { until, events, ...where } = await start({
      server: () => {
        made.push(new Secret());
        return made.at(-1) as ServerInterface;
      },
    });
    const first = await login(where);
    await login(where);
    expect(new Set(made).size).toBe(2);
    expect(where.server.connections.map(({ id }) => id)).toEqual([1, 2]);
    expect(where.server.connections[0]).toMatchObject({ remoteAddress: '127.0.0.1', localPort: where.port });
    await first.close();
    await until('close 1 peer u');
    expect(events).toEqual(
      expect.arrayContaining(['connection 1', 'login 1 u password', 'connection 2', 'login 2 u password', 'close 1 peer u']),
    );
    expect(where.server.connections.map(({ id }) => id)).toEqual([2]);
  });

  it('may share one object with private fields, whose own authenticated() is called too', async () => {
    class Shared extends Secret {
      #logins = 0;
      override authenticated() {
        this.#logins++;
      }
      get logins() {
        return this.#logins;
      }
    }
    const shared = new Shared();
    const where = await start({ server: () => shared });
    await login(where);
    await login(where);
    expect(shared.logins).toBe(2);
  });

  it('survive callbacks that throw', async () => {
    const errors: unknown[] = [];
    const broken = () => {
      throw new Error('broken');
    };
    const where = await start({
      onConnection: broken,
      onLogin: broken,
      onClose: broken,
      onError: (error) => {
        errors.push(error);
        broken();
      },
    });
    const transport = await login(where);
    expect(transport.isAuthenticated()).toBe(true);
    await transport.close();
    await where.server.close();
    expect(errors).toHaveLength(3);
  });

  it('end where no decisions can be made, and the next is served', async () => {
    let calls = 0;
    const where = await start({
      server: () => {
        if (calls++ === 0) throw new Error('no decisions');
        return new Secret();
      },
    });
    const { ended } = rawClient(where.port);
    await ended;
    expect(where.events).toContain('error no decisions');
    expect((await login(where)).isAuthenticated()).toBe(true);
  });

  it('that are reset or talk nonsense harm nobody', async () => {
    const where = await start();
    for (let i = 0; i < 5; i++) {
      const socket = await accepted(where.port);
      socket.resetAndDestroy();
      await where.until(`close ${2 * i + 1} error null`);
      const { socket: other, ended } = rawClient(where.port);
      other.write('GET / HTTP/1.1\r\n\r\n');
      await ended;
      await where.until(`close ${2 * i + 2} error null`);
    }
    expect((await login(where)).isAuthenticated()).toBe(true);
    expect(where.server.startups).toBe(0);
  });
});

describe('limits', () => {
  it('maxStartups closes what is above at once, with a line to read, and no identification', async () => {
    const where = await start({ maxStartups: 2, maxPerSource: 0 });
    const first = await accepted(where.port);
    await accepted(where.port);
    expect(where.server.startups).toBe(2);
    const { ended } = rawClient(where.port);
    expect(await ended).toMatch(/^Too many connections[^\r\n]*\r\n$/);
    expect(where.events).toContain('refused max-startups 127.0.0.1');
    first.destroy();
    await where.until('close 1 error null');
    expect((await login(where)).isAuthenticated()).toBe(true);
  });

  it('a refused peer that goes on sending is closed all the same', async () => {
    const where = await start({ maxStartups: 1 });
    await accepted(where.port);
    const { socket, ended } = rawClient(where.port);
    socket.write(Buffer.alloc(1 << 20));
    await ended;
    expect(where.events).toContain('refused max-startups 127.0.0.1');
  });

  it('do not count who has logged in', async () => {
    const where = await start({ maxStartups: 1 });
    for (let i = 0; i < 3; i++) await login(where);
    expect(where.server.connections).toHaveLength(3);
    expect(where.server.startups).toBe(0);
    await accepted(where.port);
    expect(where.server.startups).toBe(1);
  });

  it('maxPerSource counts per address, and an address again from nothing when its connections have gone', async () => {
    const where = await start({ maxPerSource: 2 });
    const sockets = [await accepted(where.port), await accepted(where.port)];
    await rawClient(where.port).ended;
    expect(where.events).toContain('refused max-per-source 127.0.0.1');
    // Another address of the loopback network.
    const other = connect({ port: where.port, host: '127.0.0.1', localAddress: '127.0.0.2' });
    onTestFinished(() => void other.destroy());
    const [identification] = (await once(other, 'data')) as [Buffer];
    expect(identification.toString()).toMatch(/^SSH-2\.0-amiko/);
    for (const socket of sockets) socket.destroy();
    await where.until('close 1 error null');
    await where.until('close 2 error null');
    await login(where);
  });

  it('are ten per address by default, and 0 is none', async () => {
    const where = await start();
    for (let i = 0; i < 10; i++) await accepted(where.port);
    await rawClient(where.port).ended;
    expect(where.events.filter((event) => event.startsWith('refused'))).toEqual(['refused max-per-source 127.0.0.1']);
    const open = await start({ maxPerSource: 0, maxStartups: 0 });
    for (let i = 0; i < 12; i++) await accepted(open.port);
    expect(open.server.startups).toBe(12);
  });

  it('maxSessions refuses further sessions with resource shortage, and counts anew when one is closed', async () => {
    const where = await start({ maxSessions: 2 });
    const transport = await login(where);
    const first = await transport.openSession();
    await transport.openSession();
    const error = await transport.openSession().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ChannelOpenError);
    expect(error).toMatchObject({ reason: 4 });
    first.close();
    await first.closed;
    await transport.openSession();
  });

  it('maxAuthTries ends a connection with DISCONNECT at the last failure', async () => {
    const where = await start({ maxAuthTries: 2 });
    const transport = new Transport({ host: where.host, port: where.port });
    onTestFinished(() => transport.close());
    await transport.connect({ hostKey: hostKey.publicKey });
    await expect(transport.authPassword('u', 'wrong')).rejects.toThrow(AuthenticationError);
    await expect(transport.authPassword('u', 'wrong')).rejects.toThrow(DisconnectedError);
    expect((await transport.closed).error).toMatchObject({ code: 'ERR_SSH_DISCONNECTED', reason: 14 });
    await where.until('close 1 error null');
  });
});

describe('timers', () => {
  it('end a connection that says nothing', async () => {
    const where = await start({ timeouts: { handshake: 60 } });
    const { ended } = rawClient(where.port);
    expect(await ended).toMatch(/^SSH-2\.0-amiko/);
    await where.until('close 1 error null');
    expect(where.server.startups).toBe(0);
  });

  it('end a connection that has keys and does not log in', async () => {
    const where = await start({ timeouts: { login: 300 } });
    const transport = new Transport({ host: where.host, port: where.port });
    onTestFinished(() => transport.close());
    await transport.connect({ hostKey: hostKey.publicKey });
    expect((await transport.closed).by).toBe('peer');
    await where.until('close 1 error null');
  });

  it('leave alone who has logged in', async () => {
    const where = await start({ timeouts: { login: 300, handshake: 300 } });
    const transport = await login(where);
    const slow = rawClient(where.port);
    // When the one that came later has been timed out, the time of the first has long passed.
    await slow.ended;
    expect(await transport.ping()).toBeGreaterThan(0);
  });
});

describe('close', () => {
  it('stops accepting, says goodbye and resolves when all are gone', async () => {
    const where = await start();
    const transport = await login(where);
    const { socket, ended } = rawClient(where.port);
    await once(socket, 'data');
    await where.server.close();
    expect(where.server.connections).toEqual([]);
    expect(where.server.address).toBeNull();
    expect(where.events).toEqual(expect.arrayContaining(['close 1 us u', 'close 2 us null']));
    const { error } = await transport.closed;
    expect(error).toBeInstanceOf(DisconnectedError);
    expect(error).toMatchObject({ reason: 11, description: 'the server is shutting down' });
    await ended;
    const late = connect(where.port, '127.0.0.1');
    await expect(once(late, 'connect')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('is the same for whoever calls it again, before listening too', async () => {
    const where = await start();
    await login(where);
    const first = where.server.close();
    expect(where.server.close()).toBe(first);
    await first;
    const unused: Server = createServer({ hostKeys: [hostKey], server: () => new Secret() });
    await unused.close();
    await expect(unused.listen()).rejects.toThrow(UsageError);
  });

  it('does not wait for a peer that has stopped reading', async () => {
    const where = await start();
    const socket = await accepted(where.port);
    socket.pause();
    const since = performance.now();
    await where.server.close();
    expect(performance.now() - since).toBeLessThan(5_000);
  });

  it('destroy() drops everybody', async () => {
    const where = await start();
    const transport = await login(where);
    where.server.destroy();
    expect((await transport.closed).error).toMatchObject({ code: 'ERR_SSH_CONNECTION_LOST' });
    await where.server.close();
  });
});

describe('a server that is closed while it starts', () => {
  it('does not listen', async () => {
    const server = createServer({ hostKeys: [hostKey], server: () => new Secret() });
    const listening = server.listen().catch((error: unknown) => error);
    await server.close();
    expect(await listening).toBeInstanceOf(UsageError);
    expect(server.address).toBeNull();
  });
});

describe('options that no connection could be made with', () => {
  it.each<Partial<ServerOptions>>([{ disabledAlgorithms: { bogus: ['x'] } }, { gssKex: ['bogus' as never] }])(
    'are refused before the first one comes: %j',
    (options) => {
      expect(() => createServer({ hostKeys: [hostKey], server: () => new Secret(), ...options })).toThrow(UsageError);
    },
  );
});
