// Every call that waits takes a time limit and an AbortSignal: against a peer that says nothing more, each ends by either, and one that
// was aborted before it began does nothing at all.
import { Duplex } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type ByteStream,
  type CallOptions,
  type Channel,
  ClosedError,
  SSHTimeoutError,
  Transport,
  UsageError,
} from '../../src/index.ts';
import { closePair, connectedPair, pipe, type TransportPair, transportPair } from '../support/transport-pair.ts';

const open: TransportPair[] = [];

afterEach(async () => {
  for (const pair of open.splice(0)) {
    pair.clientEnd.release();
    pair.serverEnd.release();
    await closePair(pair);
  }
});

interface Silent extends TransportPair {
  readonly channel: Channel;
}

/** Logged in, with a channel that runs something, and then not a word from the server. */
async function silent(): Promise<Silent> {
  const pair = await connectedPair();
  pair.interface.serve = () => {};
  open.push(pair);
  const channel = await pair.client.openSession();
  await channel.execCommand('x');
  pair.clientEnd.hold();
  return { ...pair, channel };
}

const calls: [string, (all: Silent, options: CallOptions) => Promise<unknown>][] = [
  ['openSession', ({ client }, options) => client.openSession(options)],
  ['ping', ({ client }, options) => client.ping(options)],
  ['globalRequest', ({ client }, options) => client.globalRequest('x', undefined, options)],
  ['renegotiateKeys', ({ client }, options) => client.renegotiateKeys(options)],
  ['read', ({ channel }, options) => channel.read(options)],
  ['recv', ({ channel }, options) => channel.recv(10, options)],
  ['recvStderr', ({ channel }, options) => channel.recvStderr(10, options)],
  ['readAll', ({ channel }, options) => channel.stdout.readAll(1_000, options)],
  ['write', ({ channel }, options) => channel.write(new Uint8Array(4_000_000), options)],
  ['setEnvironmentVariable', ({ channel }, options) => channel.setEnvironmentVariable('A', 'b', options)],
  ['request', ({ channel }, options) => channel.request('x', undefined, options)],
  ['recvExitStatus', ({ channel }, options) => channel.recvExitStatus(options)],
];

describe.each(calls)('%s', (_name, call) => {
  it('ends at its time limit', async () => {
    const all = await silent();
    await expect(call(all, { timeout: 20 })).rejects.toBeInstanceOf(SSHTimeoutError);
    expect(all.client.isActive()).toBe(true);
  });

  it('ends by its signal, with its reason', async () => {
    const all = await silent();
    const controller = new AbortController();
    const pending = call(all, { signal: controller.signal });
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(pending).rejects.toBe(reason);
    expect(all.client.isActive()).toBe(true);
  });

  it('does not begin with a signal that is aborted', async () => {
    const all = await silent();
    const reason = new Error('before');
    await expect(call(all, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});

it('a write with a signal that is aborted sends nothing, be it large or small', async () => {
  const pair = await connectedPair();
  open.push(pair);
  const channel = await pair.client.openSession();
  await channel.execCommand('cat');
  for (const size of [1, 4_000_000]) {
    await expect(channel.write(new Uint8Array(size), { signal: AbortSignal.abort(new Error('no')) })).rejects.toThrow('no');
  }
  await channel.write('yes');
  channel.shutdownWrite();
  expect(Buffer.from(await channel.stdout.readAll()).toString()).toBe('yes');
});

describe('accept', () => {
  it('gives null at its time limit, and rejects by its signal', async () => {
    const { server } = await silent();
    // The channel that is there.
    expect(await server.accept({ timeout: 20 })).not.toBeNull();
    expect(await server.accept({ timeout: 20 })).toBeNull();
    await expect(server.accept({ signal: AbortSignal.abort(new Error('x')) })).rejects.toThrow('x');
  });
});

describe('the handshake', () => {
  it('ends at the time limit of the call, and takes the connection with it', async () => {
    const [end, other] = pipe();
    const client = new Transport(end);
    await expect(client.startClient({ timeout: 30 })).rejects.toBeInstanceOf(SSHTimeoutError);
    expect(client.isActive()).toBe(false);
    await client.closed;
    expect(end.destroyed).toBe(true);
    other.destroy();
  });

  it('ends at the time limit of the transport', async () => {
    const [end, other] = pipe();
    const client = new Transport(end, { timeouts: { handshake: 30 } });
    await expect(client.startClient()).rejects.toMatchObject({ code: 'ERR_SSH_TIMEOUT', phase: 'version' });
    other.destroy();
    await client.closed;
  });

  it('ends by its signal', async () => {
    const [end, other] = pipe();
    const client = new Transport(end);
    const controller = new AbortController();
    const pending = client.startClient({ signal: controller.signal });
    setImmediate(() => controller.abort(new Error('enough')));
    await expect(pending).rejects.toThrow('enough');
    await client.closed;
    other.destroy();
  });
});

describe('the login', () => {
  it('ends at its time limit, or by its signal', async () => {
    const pair = transportPair();
    open.push(pair);
    await pair.client.startClient();
    pair.clientEnd.hold();
    await expect(pair.client.authPassword('u', 'p', { timeout: 20, fallback: false })).rejects.toBeInstanceOf(SSHTimeoutError);
    const other = transportPair();
    open.push(other);
    await other.client.startClient();
    other.clientEnd.hold();
    const controller = new AbortController();
    const pending = other.client.authPassword('u', 'p', { signal: controller.signal, fallback: false });
    setImmediate(() => controller.abort(new Error('enough')));
    await expect(pending).rejects.toThrow('enough');
  });
});

it('a late answer to a request that timed out is not taken for the answer to the next', async () => {
  const { client, clientEnd, server } = await silent();
  const first = client.globalRequest('x', undefined, { timeout: 20 });
  await expect(first).rejects.toBeInstanceOf(SSHTimeoutError);
  let second = 'pending';
  const next = client.globalRequest('y').then((answer) => {
    second = 'answered';
    return answer;
  });
  expect(server.isActive()).toBe(true);
  clientEnd.release();
  // Both are refused by the server, in order: the first refusal belongs to the request that nobody waits for.
  expect(await next).toBeNull();
  expect(second).toBe('answered');
  expect(await client.ping()).toBeGreaterThan(0);
});

it('an attempt to log in behind one that is never answered has a time limit and a signal of its own', async () => {
  const pair = transportPair();
  open.push(pair);
  await pair.client.startClient();
  pair.clientEnd.hold();
  const attempt = (options: CallOptions) => pair.client.authPassword('u', 'p', { ...options, fallback: false });
  await expect(attempt({ timeout: 20 })).rejects.toBeInstanceOf(SSHTimeoutError);
  await expect(attempt({ timeout: 20 })).rejects.toBeInstanceOf(SSHTimeoutError);
  const controller = new AbortController();
  const aborted = attempt({ signal: controller.signal });
  setImmediate(() => controller.abort(new Error('enough')));
  await expect(aborted).rejects.toThrow('enough');
});

it('a start that is aborted while it is prepared ends the transport and closes its stream', async () => {
  const [end] = pipe();
  const client = new Transport(end, { algorithms: { kex: ['curve25519-sha256'] } });
  const controller = new AbortController();
  const started = client.startClient({ signal: controller.signal });
  controller.abort(new Error('enough'));
  await expect(started).rejects.toThrow('enough');
  expect(client.isActive()).toBe(false);
  expect(end.destroyed).toBe(true);
  await client.closed;
});

it('a key exchange that cannot begin rejects', async () => {
  const pair = await connectedPair();
  open.push(pair);
  // The server has no such key.
  pair.server.getSecurityOptions().keyTypes = ['rsa-sha2-512'];
  await expect(pair.server.renegotiateKeys()).rejects.toBeInstanceOf(UsageError);
});

it('close does not wait for data to go out once the connection is gone', async () => {
  const { client, channel } = await silent();
  const written = channel.write(new Uint8Array(4_000_000));
  const closing = client.close({ timeout: 600_000 });
  await new Promise(setImmediate);
  client.destroy();
  await closing;
  await expect(written).rejects.toThrow();
});

it('a keepalive that is set while the stream takes no more still finds out that the peer is gone', async () => {
  let full = false;
  const packetizerClass = (stream: ByteStream): ByteStream => ({
    open: (sink) => stream.open(sink),
    write: (chunks) => stream.write(chunks) && !full,
    pause: () => stream.pause(),
    resume: () => stream.resume(),
    end: () => stream.end(),
    destroy: () => stream.destroy(),
    peername: () => stream.peername(),
  });
  const pair = await connectedPair({ client: { packetizerClass } });
  open.push(pair);
  await pair.client.ping();
  full = true;
  pair.clientEnd.hold();
  pair.client.sendIgnore();
  await new Promise(setImmediate);
  pair.client.setKeepalive(10, { countMax: 1 });
  expect((await pair.client.closed).error).toBeInstanceOf(SSHTimeoutError);
});

it('a limit that no timer can count to is none', async () => {
  const { client, channel } = await silent();
  let ended = false;
  for (const timeout of [Number.POSITIVE_INFINITY, 2 ** 40]) {
    const end = () => {
      ended = true;
    };
    channel.read({ timeout }).then(end, end);
  }
  await expect(client.ping({ timeout: 50 })).rejects.toBeInstanceOf(SSHTimeoutError);
  expect(ended).toBe(false);
});

it('an override of `run` that fails ends its transport, not the process', async () => {
  class Broken extends Transport {
    override async run(): Promise<void> {
      throw new Error('broken');
    }
  }
  const [end] = pipe();
  const client = new Broken(end, { algorithms: { kex: ['curve25519-sha256'] } });
  await expect(client.startClient()).rejects.toThrow('broken');
  await client.closed;
  expect(end.destroyed).toBe(true);
});

it('close ends over a stream that never says that it is closed', async () => {
  const mute = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done(), destroy() {} });
  const client = new Transport(mute, { algorithms: { kex: ['curve25519-sha256'] } });
  const started = client.startClient().catch((error: unknown) => error);
  await new Promise(setImmediate);
  await client.close();
  expect(await started).toBeInstanceOf(ClosedError);
});

it('close waits for queued data for ever if told so', async () => {
  const { client, channel } = await silent();
  const written = channel.write(new Uint8Array(4_000_000)).catch(() => {});
  let closed = false;
  const closing = client.close({ timeout: Number.POSITIVE_INFINITY }).then(() => {
    closed = true;
  });
  await expect(client.ping({ timeout: 50 })).rejects.toBeInstanceOf(SSHTimeoutError);
  expect(closed).toBe(false);
  client.destroy();
  await closing;
  await written;
});
