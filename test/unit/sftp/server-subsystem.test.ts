// SFTPServer on channels of real transports: how it is registered, what it says at the end, and that every end is one.
import { describe, expect, it } from 'vitest';
import { type Channel, SubsystemHandler, UsageError } from '../../../src/index.ts';
import { FXF_CREAT, FXF_READ, FXF_WRITE, Read, Stat } from '../../../src/sftp/protocol/messages.ts';
import { SFTPAttributes, SFTPServer, SFTPServerInterface } from '../../../src/sftp.ts';
import type { ServerInterface } from '../../../src/transport/server-interface.ts';
import { deferred, type Loopback, loopback } from '../../support/loopback.ts';
import { MapFiles } from '../../support/sftp-map.ts';
import { eventually, handleOf, rawSftpOn, statusOf, textOf } from '../../support/sftp-raw.ts';

const none = new SFTPAttributes();

class Recorder extends MapFiles {
  static last: Recorder;

  constructor(server: ServerInterface, nodes: ConstructorParameters<typeof MapFiles>[0]) {
    super(nodes, server);
    Recorder.last = this;
  }

  get itsServer(): ServerInterface {
    return this.server;
  }
}

async function start(pair: Loopback): Promise<Channel> {
  const channel = await pair.client.openSession();
  await channel.invokeSubsystem('sftp');
  return channel;
}

describe('SFTPServer', () => {
  it('is registered as in the seed, serves, and says 0', async () => {
    const log: string[] = [];
    await using pair = await loopback({
      serverOptions: { log: (_level, line) => log.push(line) },
      prepare: (_client, server) => server.setSubsystemHandler('sftp', SFTPServer, Recorder, { '/a': 'hello' }),
    });
    const channel = await start(pair);
    const client = rawSftpOn(channel);
    await client.greet();
    const handle = handleOf(await client.open('/a', FXF_READ, none));
    expect(textOf(await client.ask(Read, { handle, offset: 1, length: 100 }))).toBe('ello');
    channel.shutdownWrite();
    expect(await channel.exited).toMatchObject({ code: 0 });
    await channel.closed;
    const files = Recorder.last;
    expect(files.itsServer.constructor.name).toBe('OpenServer');
    expect([files.started, files.opened, files.closed, files.ended]).toEqual([1, 1, 1, 1]);
    expect(files.calls.slice(-2)).toEqual(['close /a', 'ended']);
    expect(log.filter((line) => line.includes('sftp') || line.includes('SFTP'))).toEqual(["subsystem 'sftp' starts"]);
  });

  it('takes limits in the place of the class, and refuses what is none', async () => {
    const options = { sftpSi: Recorder, maxOpenHandles: 1 };
    await using pair = await loopback({
      prepare: (_client, server) => {
        server.setSubsystemHandler('sftp', SFTPServer, options, { '/a': '' });
        server.setSubsystemHandler('none', SFTPServer, { ...options, maxPendingRequests: 0 });
      },
    });
    const client = rawSftpOn(await start(pair));
    await client.greet();
    await client.open('/a', FXF_READ, none);
    expect(statusOf(await client.open('/a', FXF_READ, none))).toBe(4);
    const channel = await pair.client.openSession();
    await expect(channel.invokeSubsystem('none')).rejects.toThrow();
    for (const maxOpenHandles of [0, -1, 1.5, Number.NaN]) {
      expect(() => new SFTPServer(channel, 'sftp', {} as ServerInterface, { ...options, maxOpenHandles })).toThrow(UsageError);
    }
  });

  it('refuses everything without a class', async () => {
    await using pair = await loopback({ prepare: (_client, server) => server.setSubsystemHandler('sftp', SFTPServer) });
    const client = rawSftpOn(await start(pair));
    await client.greet();
    expect(statusOf(await client.open('/a', FXF_READ | FXF_WRITE | FXF_CREAT, none))).toBe(8);
    expect(statusOf(await client.ask(Stat, { path: '/' }))).toBe(8);
  });

  it('ends once and completely when the connection breaks in the middle of hooks', async () => {
    const log: string[] = [];
    const pair = await loopback({
      serverOptions: { log: (_level, line) => log.push(line) },
      prepare: (_client, server) => server.setSubsystemHandler('sftp', SFTPServer, Recorder, { '/a': 'x', '/b': 'y' }),
    });
    const client = rawSftpOn(await start(pair));
    await client.greet();
    await Promise.all(['/a', '/b'].map((path) => client.open(path, FXF_READ, none)));
    const files = Recorder.last;
    const hold = deferred<void>();
    files.gate = (call) => (call === 'stat /' ? hold.promise : undefined);
    void client.ask(Stat, { path: '/' });
    await eventually(() => files.calls.at(-1)).toBe('stat /');
    pair.client.destroy();
    await pair.server.closed;
    await eventually(() => files.closed).toBe(2);
    expect(files.ended).toBe(0);
    hold.resolve();
    await eventually(() => files.ended).toBe(1);
    await pair[Symbol.asyncDispose]();
    expect([files.ended, files.closed]).toEqual([1, 2]);
    expect(log.filter((line) => line.includes('failed'))).toEqual([]);
  });

  it('says 1 and closes the channel when the client breaks the rules, also while a hook hangs', async () => {
    const log: string[] = [];
    await using pair = await loopback({
      serverOptions: { log: (_level, line) => log.push(line) },
      prepare: (_client, server) => server.setSubsystemHandler('sftp', SFTPServer, Recorder, { '/a': 'x' }),
    });
    const channel = await start(pair);
    const client = rawSftpOn(channel);
    await client.greet();
    const files = Recorder.last;
    const hold = deferred<void>();
    files.gate = () => hold.promise;
    void client.ask(Stat, { path: '/' });
    await eventually(() => files.calls.length).toBe(1);
    client.raw(new Uint8Array([0, 0, 0, 0]));
    expect(await channel.exited).toMatchObject({ code: 1 });
    await channel.closed;
    expect(files.ended).toBe(0);
    hold.resolve();
    await eventually(() => files.ended).toBe(1);
    expect(log.some((line) => line.includes('an empty SFTP packet'))).toBe(true);
    // The connection lives on.
    expect(pair.client.isActive()).toBe(true);
  });

  it('says 1 where the session can not start, and ends it all the same', async () => {
    const log: string[] = [];
    let ended = 0;
    class Unready extends SFTPServerInterface {
      override sessionStarted() {
        return Promise.reject(new Error('no disk'));
      }

      override sessionEnded() {
        ended++;
      }
    }
    await using pair = await loopback({
      serverOptions: { log: (_level, line) => log.push(line) },
      prepare: (_client, server) => server.setSubsystemHandler('sftp', SFTPServer, Unready),
    });
    const channel = await start(pair);
    expect(await channel.exited).toMatchObject({ code: 1 });
    await channel.closed;
    expect(ended).toBe(1);
    expect(log).toContain("the handler of subsystem 'sftp' failed: no disk");
  });

  it('does not wait for sessionStarted when the client has gone', async () => {
    let ended = 0;
    class Slow extends SFTPServerInterface {
      override sessionStarted() {
        return new Promise<void>(() => {});
      }

      override sessionEnded() {
        ended++;
      }
    }
    await using pair = await loopback({
      prepare: (_client, server) => server.setSubsystemHandler('sftp', SFTPServer, Slow),
    });
    const channel = await start(pair);
    channel.close();
    await channel.closed;
    await eventually(() => ended).toBe(1);
  });

  it('closes the channel also where sessionEnded fails', async () => {
    class Clumsy extends MapFiles {
      constructor(server: ServerInterface) {
        super({}, server);
      }

      override sessionEnded(): never {
        throw new Error('again');
      }
    }
    const log: string[] = [];
    await using pair = await loopback({
      serverOptions: { log: (_level, line) => log.push(line) },
      prepare: (_client, server) => server.setSubsystemHandler('sftp', SFTPServer, Clumsy),
    });
    const channel = await start(pair);
    const client = rawSftpOn(channel);
    await client.greet();
    channel.shutdownWrite();
    await channel.closed;
    expect(log).toContain("the end of subsystem 'sftp' failed: again");
  });

  it('is a SubsystemHandler whose finishSubsystem can be called again', async () => {
    expect(SFTPServer.prototype).toBeInstanceOf(SubsystemHandler);
    const finished: Promise<void>[] = [];
    class Twice extends SFTPServer {
      override finishSubsystem() {
        const promise = super.finishSubsystem();
        finished.push(promise, super.finishSubsystem());
        return promise;
      }
    }
    await using pair = await loopback({
      prepare: (_client, server) => server.setSubsystemHandler('sftp', Twice, Recorder, {}),
    });
    const channel = await start(pair);
    channel.shutdownWrite();
    await channel.closed;
    expect(finished).toHaveLength(2);
    await Promise.all(finished);
    expect(Recorder.last.ended).toBe(1);
  });
});
