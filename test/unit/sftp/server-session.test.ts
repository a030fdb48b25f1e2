// The life of an SFTP session: how it begins, what it announces, how it ends, and that each end leaves nothing open.
import { describe, expect, it } from 'vitest';
import { ConnectionLostError } from '../../../src/errors.ts';
import { type Channel, SubsystemHandler, UsageError } from '../../../src/index.ts';
import { CHECK_FILE } from '../../../src/sftp/protocol/extensions.ts';
import {
  Close,
  FXF_CREAT,
  FXF_READ,
  FXF_WRITE,
  Init,
  Opendir,
  Read,
  Readdir,
  Stat,
  Write,
} from '../../../src/sftp/protocol/messages.ts';
import { SFTP_OK, SFTPAttributes, SFTPServer, SFTPServerInterface } from '../../../src/sftp.ts';
import type { ServerInterface } from '../../../src/transport/server-interface.ts';
import { deferred, type Loopback, loopback } from '../../support/loopback.ts';
import { MapFiles } from '../../support/sftp-map.ts';
import { handleOf, rawSftpOn, serveInMemory, statusOf, textOf } from '../../support/sftp-raw.ts';

const none = new SFTPAttributes();

describe('INIT', () => {
  it('is answered with 3, whatever the client speaks', async () => {
    for (const version of [0, 2, 3, 4, 6, 0xffff_ffff]) {
      const { client } = await serveInMemory(new SFTPServerInterface({} as ServerInterface), { greet: false });
      expect((await client.greet(version)).version, `${version}`).toBe(3);
    }
  });

  it('announces what the server does by itself, for an interface that does nothing', async () => {
    const { client } = await serveInMemory(new SFTPServerInterface({} as ServerInterface), { greet: false });
    expect([...(await client.greet()).extensions]).toEqual([['limits@openssh.com', '1']]);
  });

  it('announces what the hooks can do, in the words of OpenSSH', async () => {
    const { client } = await serveInMemory(new MapFiles(), { greet: false });
    expect([...(await client.greet()).extensions]).toEqual([
      ['posix-rename@openssh.com', '1'],
      ['statvfs@openssh.com', '2'],
      ['fstatvfs@openssh.com', '2'],
      ['hardlink@openssh.com', '1'],
      ['fsync@openssh.com', '1'],
      ['lsetstat@openssh.com', '1'],
      ['limits@openssh.com', '1'],
      ['expand-path@openssh.com', '1'],
      ['copy-data', '1'],
      ['home-directory', '1'],
      ['users-groups-by-id@openssh.com', '1'],
      [CHECK_FILE, 'sha256,sha384,sha512,sha1,md5'],
    ]);
  });

  it('announces hooks that an object has of its own', async () => {
    const files = new SFTPServerInterface({} as ServerInterface);
    files.link = () => SFTP_OK;
    const { client } = await serveInMemory(files, { greet: false });
    expect([...(await client.greet()).extensions.keys()]).toEqual(['hardlink@openssh.com', 'limits@openssh.com']);
  });

  it('ignores extensions of the client', async () => {
    const { client } = await serveInMemory(new MapFiles(), { greet: false });
    client.packet(Init.encode({ version: 3, extensions: new Map([['__proto__', new Uint8Array(3)]]) }));
    expect((await client.next())[0]).toBe(2);
  });
});

describe('the end of a session', () => {
  it('comes with the end of input, after all answers', async () => {
    const { client, channel, served } = await serveInMemory(new MapFiles({ '/a': 'text' }));
    const asked = client.together(() => Array.from({ length: 300 }, () => client.ask(Stat, { path: '/a' })));
    channel.end();
    await Promise.all(asked);
    expect(await served).toBeNull();
  });

  it('resolves null for the end of the connection, too', async () => {
    const { channel, served } = await serveInMemory(new MapFiles());
    channel.cut(new ConnectionLostError('gone'));
    expect(await served).toBeNull();
  });

  it('waits for the hooks at work, closes every handle once, and starts nothing more', async () => {
    const files = new MapFiles({ '/a': 'text', '/b': 'text' });
    const { client, channel, session, served } = await serveInMemory(files);
    const handle = handleOf(await client.open('/a', FXF_READ | FXF_WRITE, none));
    await client.open('/b', FXF_READ | FXF_WRITE, none);
    const hold = deferred<void>();
    const held = deferred<void>();
    files.gate = (call) => {
      if (!call.startsWith('write /a')) return;
      held.resolve();
      return hold.promise;
    };
    const data = new Uint8Array([65]);
    client.together(() => {
      for (let offset = 0; offset < 2; offset++) void client.ask(Write, { handle, offset, data });
    });
    await held.promise;
    channel.cut();
    expect(await served).toBeNull();
    let over = false;
    const end = session.end().then(() => {
      over = true;
    });
    // The one that nobody works on is closed, the other waits.
    await expect.poll(() => files.calls.filter((call) => call.startsWith('close'))).toEqual(['close /b']);
    expect(over).toBe(false);
    hold.resolve();
    await end;
    expect(files.calls.filter((call) => /^(write|close)/.test(call))).toEqual(['write /a 0 1', 'close /b', 'close /a']);
    expect([files.opened, files.closed]).toEqual([2, 2]);
  });

  it('closes what a hook opens after it, and what the client had closed before it', async () => {
    const files = new MapFiles({ '/a': 'text', '/b': 'text' });
    const { client, channel, session, served } = await serveInMemory(files);
    const handle = handleOf(await client.open('/a', FXF_READ, none));
    const hold = deferred<void>();
    files.gate = () => hold.promise;
    void client.open('/b', FXF_READ, none);
    void client.ask(Close, { handle });
    await expect.poll(() => files.calls.slice(-2)).toEqual(['open /b', 'close /a']);
    channel.cut();
    await served;
    const end = session.end();
    hold.resolve();
    await end;
    expect([files.opened, files.closed]).toEqual([2, 2]);
  });

  it('serves a CLOSE that waited for its turn', async () => {
    const files = new MapFiles({ '/a': 'text' });
    const { client, channel, session, served } = await serveInMemory(files);
    const handle = handleOf(await client.open('/a', FXF_READ | FXF_WRITE, none));
    const hold = deferred<void>();
    files.gate = () => hold.promise;
    client.together(() => {
      void client.ask(Write, { handle, offset: 0, data: new Uint8Array(1) });
      void client.ask(Close, { handle });
    });
    await expect.poll(() => files.calls.at(-1)).toBe('write /a 0 1');
    channel.cut();
    await served;
    hold.resolve();
    await session.end();
    expect(files.calls.slice(-2)).toEqual(['write /a 0 1', 'close /a']);
    expect(files.closed).toBe(1);
  });

  it('tells a listing that is half read', async () => {
    let returned = 0;
    class Endless extends MapFiles {
      override async listFolder() {
        return (async function* () {
          try {
            for (let i = 0; ; i++) yield Object.assign(new SFTPAttributes(), { filename: `f${i}` });
          } finally {
            returned++;
          }
        })();
      }
    }
    const { client, channel, session } = await serveInMemory(new Endless());
    const handle = handleOf(await client.ask(Opendir, { path: '/' }));
    await client.ask(Readdir, { handle });
    channel.cut();
    await session.end();
    expect(returned).toBe(1);
  });

  it('survives hooks that fail while everything ends', async () => {
    class Bad extends MapFiles {
      override async open(path: string, flags: number, attributes: SFTPAttributes) {
        const handle = await super.open(path, flags, attributes);
        if (typeof handle === 'object') handle.close = () => Promise.reject(new Error('stuck'));
        return handle;
      }
    }
    const { client, channel, session, log } = await serveInMemory(new Bad({ '/a': '' }));
    await client.open('/a', FXF_READ, none);
    channel.cut();
    await session.end();
    expect(log).toEqual(['a hook of the SFTP server failed: stuck']);
  });
});

// -------------------------------------------------------------------------------------------------- over a real channel

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
    await expect.poll(() => files.calls.at(-1)).toBe('stat /');
    pair.client.destroy();
    await pair.server.closed;
    await expect.poll(() => files.closed).toBe(2);
    expect(files.ended).toBe(0);
    hold.resolve();
    await expect.poll(() => files.ended).toBe(1);
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
    await expect.poll(() => files.calls.length).toBe(1);
    client.raw(new Uint8Array([0, 0, 0, 0]));
    expect(await channel.exited).toMatchObject({ code: 1 });
    await channel.closed;
    expect(files.ended).toBe(0);
    hold.resolve();
    await expect.poll(() => files.ended).toBe(1);
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
    await expect.poll(() => ended).toBe(1);
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
