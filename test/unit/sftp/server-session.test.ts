// The life of an SFTP session: how it begins, what it announces, how it ends, and that each end leaves nothing open.
import { describe, expect, it } from 'vitest';
import { ConnectionLostError } from '../../../src/errors.ts';
import { CHECK_FILE } from '../../../src/sftp/protocol/extensions.ts';
import { Close, FXF_READ, FXF_WRITE, Init, Opendir, Readdir, Stat, Write } from '../../../src/sftp/protocol/messages.ts';
import { SFTP_OK, SFTPAttributes, SFTPServerInterface } from '../../../src/sftp.ts';
import type { ServerInterface } from '../../../src/transport/server-interface.ts';
import { deferred } from '../../support/loopback.ts';
import { MapFiles } from '../../support/sftp-map.ts';
import { eventually, handleOf, serveInMemory } from '../../support/sftp-raw.ts';

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
    await eventually(() => files.calls.filter((call) => call.startsWith('close'))).toEqual(['close /b']);
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
    await eventually(() => files.calls.slice(-2)).toEqual(['open /b', 'close /a']);
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
    await eventually(() => files.calls.at(-1)).toBe('write /a 0 1');
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

  it('tells a listing that comes too late', async () => {
    const hold = deferred<void>();
    let returned = 0;
    class Late extends MapFiles {
      override async listFolder() {
        this.calls.push('listFolder');
        await hold.promise;
        const iterator = {
          next: () => Promise.resolve({ done: true as const, value: undefined }),
          return: () => {
            returned++;
            return Promise.resolve({ done: true as const, value: undefined });
          },
        };
        return { [Symbol.asyncIterator]: () => iterator };
      }
    }
    const files = new Late();
    const { client, channel, session, log } = await serveInMemory(files);
    void client.ask(Opendir, { path: '/' });
    await eventually(() => files.calls).toEqual(['listFolder']);
    channel.cut();
    hold.resolve();
    await session.end();
    expect(returned).toBe(1);
    expect(log).toEqual([]);
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
