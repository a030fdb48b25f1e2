// X11 and agent forwarding between our client and our server: requests, cookies, single connections, refusals.
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { agentForwarding } from '../../src/forward/agent.ts';
import { couple } from '../../src/forward/couple.ts';
import { forwardRemote } from '../../src/forward/remote.ts';
import { listenRemote } from '../../src/forward/remote-listener.ts';
import { X11Forwarding } from '../../src/forward/x11.ts';
import { AgentError, type Channel, ChannelOpenError, ChannelRequestError, UsageError } from '../../src/index.ts';
import { deferred, ExecServer, loopback, OpenServer, text } from '../support/loopback.ts';
import { tempDir } from '../support/peers.ts';

interface X11Request {
  readonly single: boolean;
  readonly protocol: string;
  readonly cookie: string;
  readonly screen: number;
}

class Forwarding extends OpenServer {
  readonly requests: X11Request[] = [];
  grant = true;

  override checkChannelX11Request(_channel: Channel, single: boolean, protocol: string, cookie: string, screen: number) {
    this.requests.push({ single, protocol, cookie, screen });
    return this.grant;
  }

  override checkChannelForwardAgentRequest(_channel: Channel) {
    return this.grant;
  }
}

/** A setup in little endian with this cookie, hexadecimal. */
function setup(cookie: string): Buffer {
  const data = Buffer.from(cookie, 'hex');
  const head = Buffer.from([0x6c, 0, 11, 0, 0, 0, 18, 0, data.length, 0, 0, 0]);
  return Buffer.concat([head, Buffer.from('MIT-MAGIC-COOKIE-1\0\0'), data]);
}

const REAL = new Uint8Array(16).fill(0x5e);

/** Says what it got, and echoes. */
async function display(path: string): Promise<{ server: Server; connections: () => number }> {
  let connections = 0;
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    connections++;
    socket.on('error', () => {});
    socket.pipe(socket);
  });
  server.listen(path);
  await once(server, 'listening');
  return { server, connections: () => connections };
}

describe('X11 forwarding', () => {
  it('asks with a made-up cookie and puts the real one in its place', async () => {
    await using dir = tempDir();
    const { server } = await display(dir.join('display:7'));
    const hooks = new Forwarding();
    await using pair = await loopback({ server: hooks });
    const authorization = { protocol: 'MIT-MAGIC-COOKIE-1', data: REAL };
    const x11 = new X11Forwarding({ display: `${dir.join('display')}:7.3`, authorization });
    const session = await pair.client.openSession();
    const cookie = await session.requestX11(x11);
    expect(cookie).toMatch(/^[0-9a-f]{32}$/);
    expect(hooks.requests).toEqual([{ single: false, protocol: 'MIT-MAGIC-COOKIE-1', cookie, screen: 3 }]);

    const program = await pair.server.openX11Channel(['127.0.0.1', 1234]);
    await program.write(setup(cookie).subarray(0, 20));
    await program.write(Buffer.concat([setup(cookie).subarray(20), Buffer.from('request')]));
    program.shutdownWrite();
    const echoed = await program.stdout.readAll();
    expect(Buffer.from(echoed)).toEqual(Buffer.concat([setup(Buffer.from(REAL).toString('hex')), Buffer.from('request')]));
    server.close();
  });

  it('lets nobody with another cookie near the display', async () => {
    await using dir = tempDir();
    const { server, connections } = await display(dir.join('display:0'));
    await using pair = await loopback({ server: new Forwarding() });
    const failed = deferred<unknown>();
    const x11 = new X11Forwarding({ display: `${dir.join('display')}:0`, onFailure: ({ error }) => failed.resolve(error) });
    const session = await pair.client.openSession();
    await session.requestX11(x11);
    const program = await pair.server.openX11Channel(['127.0.0.1', 1234]);
    await program.write(setup('00'.repeat(16)));
    expect(text(await program.stdout.readAll())).toContain('Authentication failed');
    expect(await failed.promise).toMatchObject({
      code: 'ERR_SSH_AUTHENTICATION',
      message: expect.stringContaining('wrong X11 cookie'),
    });
    await program.closed;
    expect(connections()).toBe(0);
    server.close();
  });

  it('takes one connection only where that was agreed', async () => {
    const hooks = new Forwarding();
    await using pair = await loopback({ server: hooks });
    const session = await pair.client.openSession();
    const taken = deferred<readonly [string, number]>();
    await session.requestX11({ singleConnection: true, handler: (_channel, origin) => taken.resolve(origin) });
    expect(hooks.requests[0]?.single).toBe(true);
    await pair.server.openX11Channel(['10.0.0.1', 99]);
    expect(await taken.promise).toEqual(['10.0.0.1', 99]);
    await expect(pair.server.openX11Channel(['10.0.0.1', 99])).rejects.toThrow(ChannelOpenError);
  });

  it('gives connections to accept where there is no handler', async () => {
    await using pair = await loopback({ server: new Forwarding() });
    const session = await pair.client.openSession();
    expect(await session.requestX11({ authCookie: 'ABCD' })).toBe('ABCD');
    const [program, accepted] = await Promise.all([pair.server.openX11Channel(['h', 1]), pair.client.accept()]);
    expect(accepted?.kind).toBe('x11');
    await accepted?.write('hello');
    expect(text(await program.recv(5))).toBe('hello');
  });

  it('offers nothing where the server refuses, nor without a request', async () => {
    const hooks = new Forwarding();
    await using pair = await loopback({ server: hooks });
    await expect(pair.server.openX11Channel(['h', 1])).rejects.toThrow(ChannelOpenError);
    const session = await pair.client.openSession();
    hooks.grant = false;
    await expect(session.requestX11({ handler: () => {} })).rejects.toThrow(ChannelRequestError);
    await expect(pair.server.openX11Channel(['h', 1])).rejects.toThrow(ChannelOpenError);
    await expect(session.requestX11({ authCookie: 'no hex' })).rejects.toThrow(UsageError);
    // A cookie that is none never reaches the hook.
    hooks.grant = true;
    const before = hooks.requests.length;
    const bytes = (value: string) => Buffer.concat([Buffer.from([0, 0, 0, value.length]), Buffer.from(value)]);
    const data = Buffer.concat([Buffer.from([0]), bytes('MIT-MAGIC-COOKIE-1'), bytes(';id'), Buffer.alloc(4)]);
    await expect(session.request('x11-req', data)).rejects.toThrow(ChannelRequestError);
    expect(hooks.requests).toHaveLength(before);
  });
});

describe('agent forwarding', () => {
  it('joins connections to the agent’s socket', async () => {
    await using dir = tempDir();
    const { server } = await display(dir.join('agent'));
    await using pair = await loopback({ server: new Forwarding() });
    const session = await pair.client.openSession();
    await session.requestForwardAgent(agentForwarding(dir.join('agent')));
    const agent = await pair.server.openForwardAgentChannel();
    await agent.write('sign this');
    agent.shutdownWrite();
    expect(text(await agent.stdout.readAll())).toBe('sign this');
    server.close();
  });

  it('is not there before it was asked for, nor where the server refuses', async () => {
    const hooks = new Forwarding();
    hooks.grant = false;
    await using pair = await loopback({ server: hooks });
    const session = await pair.client.openSession();
    await expect(session.requestForwardAgent(() => {})).rejects.toThrow(ChannelRequestError);
    await expect(pair.server.openForwardAgentChannel()).rejects.toThrow(ChannelOpenError);
  });

  it('tells of an agent that is not there', async () => {
    await using dir = tempDir();
    await using pair = await loopback({ server: new Forwarding() });
    const session = await pair.client.openSession();
    const failed = deferred<unknown>();
    await session.requestForwardAgent(agentForwarding(dir.join('nobody'), { onFailure: failed.resolve }));
    const agent = await pair.server.openForwardAgentChannel();
    expect(await failed.promise).toMatchObject({ code: 'ENOENT' });
    await agent.closed;
    expect(() => agentForwarding('')).toThrow(AgentError);
  });

  it('is for sessions of a client', async () => {
    await using pair = await loopback({ server: new Forwarding() });
    const session = await pair.client.openSession();
    expect(session.getTransport()).toBe(pair.client);
    const opened = await pair.server.accept();
    await expect(opened?.requestForwardAgent(() => {})).rejects.toThrow(UsageError);
    await expect(opened?.requestX11()).rejects.toThrow(UsageError);
  });
});

describe('couple', () => {
  /** A session on which the server says 'tail' and closes. */
  async function ending() {
    const pair = await loopback({
      server: new ExecServer(async (channel) => {
        await channel.write('tail');
        channel.close();
      }),
    });
    const channel = await pair.client.openSession();
    await channel.execCommand('x');
    return { pair, channel };
  }

  it('lets a slow socket take everything before it is closed', async () => {
    const { pair, channel } = await ending();
    await using _pair = pair;
    let taken = () => {};
    let finished = false;
    const slow = new Duplex({
      read() {
        this.push(null);
      },
      write(_chunk, _encoding, done) {
        taken = done;
      },
      final(done) {
        finished = true;
        done();
      },
    });
    const coupled = couple(channel, slow);
    await channel.closed;
    await new Promise(setImmediate);
    taken();
    await coupled;
    expect(finished).toBe(true);
  });

  it('closes a socket whose other end goes on when the channel is over', async () => {
    const { pair, channel } = await ending();
    await using _pair = pair;
    const endless = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
    const closed = once(endless, 'close');
    await couple(channel, endless);
    await closed;
  });
});

describe('a remote listener that is closed', () => {
  it('closes connections that still come, until the server has stopped', async () => {
    const stopped = deferred<void>();
    class Listening extends OpenServer {
      override checkPortForwardRequest() {
        return 4_321;
      }
      override cancelPortForwardRequest() {
        return stopped.promise;
      }
    }
    await using pair = await loopback({ server: new Listening() });
    const listener = await listenRemote(pair.client, { host: 'localhost', port: 0 });
    const closing = listener.close();
    const late = await pair.server.openForwardedTcpipChannel(['', 0], ['localhost', 4_321]);
    await late.closed;
    stopped.resolve();
    await closing;
  });

  it('so does a remote forward', async () => {
    const stopped = deferred<void>();
    class Listening extends OpenServer {
      override checkPortForwardRequest() {
        return 4_321;
      }
      override cancelPortForwardRequest() {
        return stopped.promise;
      }
    }
    await using dir = tempDir();
    const { server, connections } = await display(dir.join('target'));
    await using pair = await loopback({ server: new Listening() });
    const forward = await forwardRemote(pair.client, { host: 'localhost', port: 0 }, { path: dir.join('target') });
    const closing = forward.close({ now: true });
    const late = await pair.server.openForwardedTcpipChannel(['', 0], ['localhost', 4_321]);
    await late.closed;
    expect(connections()).toBe(0);
    stopped.resolve();
    await closing;
    server.close();
  });
});
