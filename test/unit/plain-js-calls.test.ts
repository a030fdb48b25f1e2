// What callers without types do wrong with a connection that they have: wrong arguments of its methods, of channels, forwards and files,
// and what of that used to end the connection or the process.
import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Channel,
  Client,
  forwardDynamic,
  forwardLocal,
  forwardRemote,
  listenRemote,
  openDirect,
  type Transport,
} from '../../src/index.ts';
import { MemoryFileSystem, memoryFiles, type SFTPClient, type SFTPFile, SFTPServer } from '../../src/sftp.ts';
import { ExecServer, type Loopback, loopback } from '../support/loopback.ts';
import { type Loose, loose, mistake } from '../support/mistakes.ts';

const callback = () => {};

describe('a connection', () => {
  let pair: Loopback;
  let ssh: Client;
  let session: Channel;
  beforeAll(async () => {
    pair = await loopback({ server: new ExecServer(async () => {}) });
    ssh = new Client(pair.client);
    session = await pair.client.openSession();
  });
  afterAll(() => pair[Symbol.asyncDispose]());

  it.each<[string, unknown[], string]>([
    ['exec', [], 'exec: command is missing'],
    ['exec', [['ls', '-l']], 'command must be a string without NUL, not an array'],
    ['exec', ['echo a\0b'], 'without NUL'],
    ['exec', ['ls', callback], 'there are no callbacks'],
    ['exec', ['ls', {}, callback], 'takes no callback'],
    ['exec', ['ls', null], 'not null'],
    ['exec', ['ls', 'utf8'], "not the string 'utf8'"],
    ['exec', ['ls', { pty: true }], "'pty' must be an object of options"],
    ['exec', ['ls', { pty: { rows: 5 } }], "'pty.rows'; it is 'height'"],
    ['exec', ['ls', { pty: { width: '80' } }], "'pty.width'"],
    ['exec', ['ls', { env: { A: 5 } }], "'env'"],
    ['exec', ['ls', { input: 5 }], "'input'"],
    ['exec', ['ls', { stdin: 'x' }], "it is 'input'"],
    ['exec', ['ls', { maxBuffer: 5 }], "it is 'maxOutput'"],
    ['exec', ['ls', { agentForward: true }], 'an option of connect'],
    ['exec', ['ls', { timeout: '5' }], "'timeout'"],
    ['exec', ['ls', { timeout: -1 }], "'timeout'"],
    ['exec', ['ls', { check: 'no' }], "'check'"],
    ['spawn', ['ls', { input: 'x' }], 'write it to the channel'],
    ['shell', [callback], 'there are no callbacks'],
    ['shell', [{ rows: 5 }], "it is 'pty'"],
    ['shell', [{ pty: false }], 'null for none'],
    ['sftp', [callback], 'there are no callbacks'],
    ['sftp', [{ highWaterMark: 5 }], 'it takes timeout, signal, windowSize, maxPacketSize'],
  ])('Client.%s(%j)', async (method, args, says) => {
    expect(await mistake(() => loose(ssh)[method]?.(...args))).toContain(says);
  });

  it.each<[string, unknown[], string]>([
    ['connect', [], 'options is missing'],
    ['connect', [{ hostVerifier: callback, hostKey: 'ignore' }], "'hostKey'"],
    ['startClient', [{ hostKey: callback }], "it is 'verifyHostKey'"],
    ['startClient', [{ hostVerifier: callback }], "it is 'verifyHostKey'"],
    ['startServer', [{}], 'server must be a ServerInterface'],
    ['authPassword', ['u', 5], 'password must be a string, not a number'],
    ['authPassword', [5, 'p'], 'username must be a string'],
    ['authPublickey', ['u', 'text'], 'key must be a key that can sign'],
    ['openSession', [callback], 'there are no callbacks'],
    ['openChannel', ['direct-tcpip', { destAddr: 'a:5' }], "'destAddr' must be an array [host, port]"],
    ['openChannel', ['session', { window_size: 5 }], "did you mean 'windowSize'?"],
    ['requestPortForward', [null, 0], 'address must be'],
    ['requestPortForward', ['', '0'], "port must be a whole number from 0 (any that is free) to 65535, not the string '0'"],
    ['setKeepalive', ['1000'], 'interval must be a number of milliseconds'],
    ['setKeepalive', [1000, 3], 'not the number 3'],
    ['addServerKey', ['text'], 'key must be a key that can sign'],
    ['globalRequest', ['x@y', 'text'], 'data must be a Uint8Array'],
    ['sendIgnore', [-1], 'byteCount'],
    ['ping', [callback], 'there are no callbacks'],
  ])('Transport.%s(%j)', async (method, args, says) => {
    expect(await mistake(() => loose(pair.client)[method]?.(...args))).toContain(says);
  });

  it.each<[string, unknown[], string]>([
    ['getPty', [{ rows: 24, cols: 80 }], "it is 'height'"],
    ['getPty', ['xterm', 80, 24], "not the string 'xterm'"],
    ['resizePty', [24, 80], 'not the number 24'],
    ['resizePty', [{ rows: 24 }], "it is 'height'"],
    ['execCommand', [5], 'command must be'],
    ['execCommand', ['a\0b'], 'without NUL'],
    ['setEnvironmentVariable', ['A', 5], 'value must be'],
    ['updateEnvironment', [{ A: 5 }], 'environment must be'],
    ['sendSignal', [9], 'signal must be'],
    ['getPty', [{ modes: { echo: 0 } }], "'modes.echo'; did you mean 'ECHO'?"],
    ['getPty', [{ modes: { ECHO: 'off' } }], "'modes.ECHO'"],
    ['settimeout', ['5'], 'milliseconds must be'],
    ['shutdown', [], 'how is missing'],
    ['write', [5], 'data must be a string or a Uint8Array, not the number 5'],
    ['write', [undefined], 'data is missing'],
    ['write', ['6162', 'hex'], "not the string 'hex'"],
    ['send', [null], 'data must be'],
    ['recv', ['2'], 'not a number of bytes'],
    ['read', [callback], 'there are no callbacks'],
  ])('Channel.%s(%j)', async (method, args, says) => {
    expect(await mistake(() => loose(session)[method]?.(...args))).toContain(says);
  });

  const here = { host: '127.0.0.1', port: 0 };
  it.each<[Loose, unknown[], string]>([
    [forwardLocal as Loose, [here, { host: 'a', port: '5' }], 'forwardLocal: to.port must be'],
    [forwardLocal as Loose, [{ port: 0 }, { host: 'a', port: 5 }], 'forwardLocal: from.host is missing'],
    [forwardLocal as Loose, [8080, 80], 'forwardLocal: to must be { host, port }'],
    [forwardLocal as Loose, [here, { host: 'a', port: 5 }, callback], 'there are no callbacks'],
    [forwardLocal as Loose, [here, { host: 'a', port: 5 }, { onConection: callback }], "did you mean 'onConnection'?"],
    [forwardRemote as Loose, [{ port: 0 }, { host: 'a', port: 5 }], 'forwardRemote: from.host is missing'],
    [forwardRemote as Loose, [here, callback], 'forwardRemote: to must be'],
    [forwardDynamic as Loose, [1080], 'forwardDynamic: from must be'],
    [forwardDynamic as Loose, [{ port: 1080 }], 'forwardDynamic: from.host is missing'],
    [listenRemote as Loose, [{ path: 5 }], 'listenRemote: from.path must be'],
    [openDirect as Loose, [], 'openDirect: to is missing'],
    [openDirect as Loose, [{ host: 'a', port: 5 }, { timeout: 5 }], 'origin must be an array'],
  ])('%o', async (forward, args, says) => {
    expect(await mistake(() => forward(pair.client, ...args))).toContain(says);
    expect(await mistake(() => forward(ssh, ...args))).toContain('of a Client its `transport`');
  });

  it('a forward hears of its connections, and the server only what is its own', async () => {
    const asked: string[] = [];
    class Forwarding extends ExecServer {
      override checkPortForwardRequest(address: string, port: number) {
        asked.push(`${address}:${port}`);
        return 4711;
      }
    }
    await using other = await loopback({ server: new Forwarding(async () => {}) });
    const listeners = { onConnection: callback, onFailure: callback, timeout: 5_000 };
    const forward = await forwardRemote(other.client, here, { host: '127.0.0.1', port: 1 }, listeners);
    expect(forward.address).toEqual({ host: '127.0.0.1', port: 4711 });
    expect(asked).toEqual(['127.0.0.1:0']);
  });

  it('says at once that there is nothing to forward over', async () => {
    const other = await loopback();
    await other.client.close();
    await expect(forwardLocal(other.client, here, { host: 'a', port: 5 })).rejects.toMatchObject({ code: 'ERR_SSH_CLOSED' });
    await expect(forwardDynamic(other.client, here)).rejects.toMatchObject({ code: 'ERR_SSH_CLOSED' });
    await other[Symbol.asyncDispose]();
  });
});

describe('SFTP', () => {
  let pair: Loopback;
  let sftp: SFTPClient;
  let file: SFTPFile;
  beforeAll(async () => {
    const prepare = (_: Transport, server: Transport) =>
      server.setSubsystemHandler('sftp', SFTPServer, MemoryFileSystem, memoryFiles({ 'motd.txt': 'hello' }));
    pair = await loopback({ prepare });
    sftp = await pair.client.openSftpClient();
    file = await sftp.open('motd.txt');
  });
  afterAll(() => pair[Symbol.asyncDispose]());

  const paths = [
    'stat',
    'lstat',
    'access',
    'exists',
    'realpath',
    'readlink',
    'statvfs',
    'rmdir',
    'unlink',
    'opendir',
    'readFile',
  ];
  it.each([...paths, 'mkdir', 'rm', 'open', 'readdir', 'createReadStream', 'createWriteStream', 'watch'])(
    '%s: no path, and another thing in its place',
    async (method) => {
      expect(await mistake(() => loose(sftp)[method]?.())).toContain(`${method}: path is missing`);
      for (const wrong of [null, 5, {}]) expect(await mistake(() => loose(sftp)[method]?.(wrong))).toContain('path must be');
    },
  );

  it.each<[string, unknown[], string]>([
    ['stat', ['a', callback], 'there are no callbacks'],
    ['stat', ['a', { tmeout: 5 }], "did you mean 'timeout'?"],
    ['readdir', ['.', callback], 'there are no callbacks'],
    ['readdir', ['.', { recursiv: true }], "did you mean 'recursive'?"],
    ['readFile', ['a', 'utf9'], 'options must be an encoding'],
    ['readFile', ['a', 'utf8', callback], 'takes no callback'],
    ['readFile', ['a', { maxBytes: '5' }], "'maxBytes'"],
    ['writeFile', ['a', 'x', callback], 'there are no callbacks'],
    ['writeFile', ['a', 'x', { flags: 'a' }], "it is 'flag'"],
    ['writeFile', ['a'], "can't be written to a file"],
    ['open', ['a', null], 'flags must be'],
    ['open', ['a', 'r', callback], 'options must be'],
    ['chmod', ['a'], 'mode is missing'],
    ['utime', ['a', 5], 'times must be'],
    ['rename', ['a'], 'newPath is missing'],
    ['symlink', ['a', 'b', callback], 'there are no callbacks'],
    ['get', ['a'], 'localPath is missing'],
    ['get', ['a', 'b', callback], 'there are no callbacks'],
    ['get', ['a', 'b', { step: callback }], "it is 'onProgress'"],
    ['get', ['a', 'b', { recursive: 'no' }], "'recursive' must be true or false"],
    ['get', ['a', 'b', { verify: 'md5' }], "'verify' must be 'size' or 'hash' or false"],
    ['cp', ['a', 'b', { links: 'no' }], "'links' must be 'copy' or 'follow' or 'skip'"],
    ['put', ['a', 'b', { concurrency: Number.NaN }], "'concurrency' must be a whole number from 1"],
    ['readlink', ['a', { encoding: 'latin9' }], "'encoding' must be an encoding, or 'buffer'"],
    ['put', [new Date(), 'b'], "'putfo'"],
    ['put', ['a', 'b', { chunkSize: 5 }], 'found by themselves'],
    ['copyTo', ['a', {}, 'b'], 'other must be an SFTPClient'],
    ['createReadStream', ['a', { strt: 5 }], "did you mean 'start'?"],
    ['createWriteStream', ['a', { flag: 'a' }], "it is 'flags'"],
    ['glob', [], 'pattern is missing'],
    ['walk', ['.', { depth: 1 }], "unknown option 'depth'"],
    ['watch', ['a', { interval: '5' }], "'interval'"],
  ])('SFTPClient.%s(%j)', async (method, args, says) => {
    expect(await mistake(() => loose(sftp)[method]?.(...args))).toContain(says);
  });

  it.each<[string, unknown[], string]>([
    ['read', [callback], 'size must be'],
    ['read', [Buffer.alloc(5), 0, 5, 0, callback], 'takes no callback'],
    ['write', [], 'data is missing'],
    ['write', ['x', callback], 'takes no callback'],
    ['seek', ['5'], 'offset must be a number'],
    ['readinto', ['x'], 'buffer must be'],
    ['readFile', ['utf9'], 'options must be an encoding'],
    ['readv', [], 'ranges is missing'],
  ])('SFTPFile.%s(%j)', async (method, args, says) => {
    expect(await mistake(() => loose(file)[method]?.(...args))).toContain(says);
  });
});

describe('a signal', () => {
  it.each(['INT', 'SIGINT', 'sigint', 'int', 'mine@example.org'])('%s', async (given) => {
    const heard: string[] = [];
    class Hearing extends ExecServer {
      override checkChannelSignalRequest(_channel: Channel, signal: string) {
        heard.push(signal);
        return true;
      }
    }
    await using pair = await loopback({ server: new Hearing(async () => {}) });
    const session = await pair.client.openSession();
    await session.execCommand('x');
    session.sendSignal(given);
    await pair.client.ping();
    expect(heard).toEqual([given.includes('@') ? given : 'INT']);
  });
});

describe('a write that nobody waits for', () => {
  it('does not end the process when the peer is gone', async () => {
    const rejections: unknown[] = [];
    const listener = (reason: unknown) => rejections.push(reason);
    process.on('unhandledRejection', listener);
    try {
      let resolve: (channel: Channel) => void = () => {};
      const running = new Promise<Channel>((done) => {
        resolve = done;
      });
      await using pair = await loopback({ server: new ExecServer(async (channel) => resolve(channel)) });
      const session = await pair.client.openSession();
      await session.execCommand('x');
      const channel = await running;
      // More than the window takes, so that it waits.
      void channel.write(new Uint8Array(32 * 1024 * 1024));
      pair.client.destroy();
      await pair.server.closed;
      void channel.write('too late');
      void channel.sendall('too late');
      await expect(channel.write('too late')).rejects.toMatchObject({ code: expect.stringMatching(/^ERR_SSH_/) });
      // Node tells of rejections that nobody looks at after the microtasks of a turn.
      await setImmediate();
      await setImmediate();
      expect(rejections).toEqual([]);
    } finally {
      process.off('unhandledRejection', listener);
    }
  });
});
