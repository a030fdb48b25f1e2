// The seed's smaller methods of Channel: time limits, file objects, names.
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { SSHTimeoutError, UsageError } from '../../src/index.ts';
import { deferred, ExecServer, loopback, text } from '../support/loopback.ts';

const quiet = () => new ExecServer(async () => {});

describe('settimeout', () => {
  it('limits reads and writes that bring no limit of their own', async () => {
    await using pair = await loopback({
      server: quiet(),
      serverOptions: { defaultWindowSize: 32_768, algorithms: { kex: ['curve25519-sha256'] } },
    });
    const channel = await pair.client.openSession();
    await channel.execCommand('x');
    expect(channel.gettimeout()).toBeNull();
    channel.settimeout(30);
    expect(channel.gettimeout()).toBe(30);
    const limited = { milliseconds: 30, code: 'ERR_SSH_TIMEOUT' };
    await expect(channel.read()).rejects.toMatchObject(limited);
    await expect(channel.recv(1)).rejects.toMatchObject(limited);
    await expect(channel.recvStderr(1)).rejects.toMatchObject(limited);
    await expect(channel.recv(1, { timeout: 40 })).rejects.toMatchObject({ milliseconds: 40 });
    await expect(channel.sendall(new Uint8Array(1_000_000))).rejects.toMatchObject(limited);
    expect(() => channel.settimeout(-1)).toThrow(UsageError);
    expect(() => channel.settimeout(Number.NaN)).toThrow(UsageError);
    // Or closing would wait for the reader that never comes.
    pair.client.destroy();
  });

  it('of 0 never waits, and takes what is there', async () => {
    const go = deferred<void>();
    await using pair = await loopback({
      server: new ExecServer(async (channel) => {
        await go.promise;
        await channel.write('here');
        channel.shutdownWrite();
      }),
      serverOptions: { defaultWindowSize: 32_768, algorithms: { kex: ['curve25519-sha256'] } },
    });
    const channel = await pair.client.openSession();
    await channel.execCommand('x');
    channel.setblocking(false);
    expect(channel.gettimeout()).toBe(0);
    await expect(channel.recv(4)).rejects.toMatchObject({ milliseconds: 0 });
    go.resolve();
    await expect.poll(() => channel.recvReady()).toBe(true);
    expect(text(await channel.recv(4))).toBe('here');
    await expect.poll(() => channel.recv(4).catch(() => null)).toEqual(new Uint8Array(0));
    // What has been taken is on its way; then there is no more room.
    expect(await channel.send(new Uint8Array(1_000_000))).toBe(1_000_000);
    await expect(channel.send(new Uint8Array(1))).rejects.toThrow(SSHTimeoutError);
    channel.setblocking(true);
    expect(channel.gettimeout()).toBeNull();
    pair.client.destroy();
  });
});

describe('file objects', () => {
  it('read and write, and leave the channel open when they go', async () => {
    const said = deferred<string>();
    await using pair = await loopback({
      server: new ExecServer(async (channel) => {
        const file = channel.makefile();
        const chunks: Buffer[] = [];
        file.on('data', (chunk: Buffer) => chunks.push(chunk));
        await once(file, 'end');
        said.resolve(Buffer.concat(chunks).toString());
        channel.makefileStderr().end('to stderr');
        file.end('to stdout');
      }),
    });
    const channel = await pair.client.openSession();
    await channel.execCommand('x');
    const stdin = channel.makefileStdin();
    stdin.write('one ');
    stdin.end('two');
    expect(await said.promise).toBe('one two');
    const collect = async (stream: AsyncIterable<Buffer>) => {
      const chunks: Buffer[] = [];
      for await (const chunk of stream) chunks.push(chunk);
      return Buffer.concat(chunks).toString();
    };
    const stdout = channel.makefile();
    const stderr = channel.makefileStderr();
    expect(await Promise.all([collect(stdout), collect(stderr)])).toEqual(['to stdout', 'to stderr']);
    stdout.destroy();
    stderr.destroy();
    stdin.destroy();
    await pair.client.ping();
    expect(channel.isClosed).toBe(false);
  });
});
