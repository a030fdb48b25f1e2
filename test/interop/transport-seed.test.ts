// What Transport and Channel took over from the seed, against OpenSSH: host key rotation in both roles, agent and X11 forwarding.

import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { expect, it } from 'vitest';
import { agentForwarding } from '../../src/forward/agent.ts';
import { X11Forwarding } from '../../src/forward/x11.ts';
import { type Channel, type PublicKey, type Signer, Transport, type TransportOptions } from '../../src/index.ts';
import { readPrivateKey } from '../../src/keys.ts';
import { deferred, OpenServer, text } from '../support/loopback.ts';
import { describePeer, keyPair, peerCommand, runPeer, type Sshd, startProcess, startSshd, tempDir } from '../support/peers.ts';

async function login(sshd: Sshd, options?: TransportOptions): Promise<Transport> {
  const transport = new Transport([sshd.host, sshd.port], options);
  await transport.connect({ hostKey: 'ignore', username: sshd.user, privateKey: await readPrivateKey(sshd.identity.path) });
  return transport;
}

/** Runs a command and gives what it wrote to stdout. */
async function output(channel: Channel, command: string): Promise<string> {
  await channel.execCommand(command);
  const out = text(await channel.stdout.readAll());
  await channel.exited;
  return out;
}

/** A server of ours with these host keys that lets everyone in; `transports` has one promise per connection. */
async function ourServer(
  keys: readonly Signer[],
  hooks: () => OpenServer,
): Promise<{ server: Server; port: number; transport: Promise<Transport> }> {
  const first = deferred<Transport>();
  const server = createServer((socket) => {
    const transport = new Transport(socket);
    for (const key of keys) transport.addServerKey(key);
    transport.startServer(hooks()).then(() => first.resolve(transport), first.reject);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, port: (server.address() as AddressInfo).port, transport: first.promise };
}

class Everyone extends OpenServer {
  override checkAuthNone() {
    return 'successful' as const;
  }

  override checkChannelExecRequest(channel: Channel) {
    setImmediate(() => {
      channel.sendExitStatus(0);
      channel.close();
    });
    return true;
  }
}

for (const name of ['sshd', 'sshd-trixie'] as const) {
  describePeer(name, `host keys of ${name}`, () => {
    it('are learned, proven, after the login', async () => {
      await using sshd = await startSshd({ trixie: name === 'sshd-trixie' });
      for (const keys of [['ssh-ed25519'], ['rsa-sha2-256']] as const) {
        const learned = deferred<readonly PublicKey[]>();
        const lines: string[] = [];
        const options: TransportOptions = {
          algorithms: { keys: `^${keys.join(',')}` },
          onHostKeys: learned.resolve,
          log: (_level, line) => lines.push(line),
        };
        await using _transport = await login(sshd, options);
        const all = Object.values(sshd.hostKeys).map((key) => key.fingerprint);
        expect((await learned.promise).map((key) => key.fingerprint).sort()).toEqual(all.sort());
        expect(lines.filter((line) => line.includes('not prove'))).toEqual([]);
      }
    });
  });
}

for (const name of ['ssh', 'ssh-trixie'] as const) {
  describePeer(name, `${name} with UpdateHostKeys`, () => {
    it.each([
      ['ed25519', 'rsa'],
      ['rsa', 'ecdsa'],
    ] as const)('knows our %s key and learns our %s key', async (known, unknown) => {
      await using dir = tempDir();
      const pairs = [keyPair(known, { name: 'ours' }), keyPair(unknown, { name: 'ours' })] as const;
      const keys = await Promise.all(pairs.map((pair) => readPrivateKey(pair.path)));
      const { server, port } = await ourServer(keys, () => new Everyone());
      const host = `[127.0.0.1]:${port}`;
      const file = dir.write('known_hosts', `${host} ${pairs[0].publicLine}\n`);
      const settings = {
        UserKnownHostsFile: file,
        GlobalKnownHostsFile: '/dev/null',
        StrictHostKeyChecking: 'yes',
        UpdateHostKeys: 'yes',
        BatchMode: 'yes',
        PreferredAuthentications: 'none',
      };
      const options = Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
      const result = await runPeer(name, ['-v', '-F', 'none', ...options, '-p', String(port), 'u@127.0.0.1', 'true']);
      server.close();
      expect(result.code, result.stderr).toBe(0);
      const blobs = readFileSync(file, 'utf8')
        .split('\n')
        .filter(Boolean)
        .map((line) => line.split(' ').slice(0, 3));
      for (const { publicLine } of pairs)
        expect(blobs, result.stderr).toContainEqual([host, ...publicLine.split(' ').slice(0, 2)]);
    });
  });
}

describePeer(['sshd', 'ssh-agent'], 'agent forwarding with sshd', () => {
  it('lets a remote command see our agent', async () => {
    await using dir = tempDir();
    const socket = dir.join('agent');
    const [command, args] = peerCommand('ssh-agent', ['-D', '-a', socket]);
    await using agent = startProcess(command, args);
    await agent.waitForLog(/SSH_AUTH_SOCK=/);
    const key = keyPair('ed25519', { name: 'in-agent' });
    expect(spawnSync('ssh-add', [key.path], { env: { ...process.env, SSH_AUTH_SOCK: socket } }).status).toBe(0);
    await using sshd = await startSshd();
    await using transport = await login(sshd);
    const channel = await transport.openSession();
    await channel.requestForwardAgent(agentForwarding(socket));
    expect(await output(channel, 'ssh-add -l')).toContain(key.fingerprint);
  });
});

describePeer(['ssh', 'ssh-agent'], 'agent forwarding from ssh', () => {
  it('gives our server a connection to the user’s agent', async () => {
    await using dir = tempDir();
    const socket = dir.join('agent');
    const [command, args] = peerCommand('ssh-agent', ['-D', '-a', socket]);
    await using agent = startProcess(command, args);
    await agent.waitForLog(/SSH_AUTH_SOCK=/);
    const key = keyPair('ed25519', { name: 'in-agent' });
    expect(spawnSync('ssh-add', [key.path], { env: { ...process.env, SSH_AUTH_SOCK: socket } }).status).toBe(0);
    const answer = deferred<Uint8Array>();
    class Hooks extends Everyone {
      override checkChannelForwardAgentRequest() {
        return true;
      }

      override checkChannelExecRequest(channel: Channel) {
        void (async () => {
          try {
            const connection = await channel.getTransport().openForwardAgentChannel();
            // SSH_AGENTC_REQUEST_IDENTITIES
            await connection.write(new Uint8Array([0, 0, 0, 1, 11]));
            const chunks: Uint8Array[] = [];
            for await (const chunk of connection) {
              chunks.push(chunk);
              const all = Buffer.concat(chunks);
              if (all.length < 4 || all.length < 4 + all.readUInt32BE()) continue;
              answer.resolve(all);
              break;
            }
            connection.close();
          } catch (error) {
            answer.reject(error);
          }
          super.checkChannelExecRequest(channel);
        })();
        return true;
      }
    }
    const { server, port } = await ourServer(
      [await readPrivateKey(keyPair('ed25519', { name: 'ours' }).path)],
      () => new Hooks(),
    );
    const settings = [
      'StrictHostKeyChecking=no',
      'UserKnownHostsFile=/dev/null',
      'PreferredAuthentications=none',
      'BatchMode=yes',
    ];
    const options = settings.flatMap((setting) => ['-o', setting]);
    const run = runPeer('ssh', ['-A', '-F', 'none', ...options, '-p', String(port), 'u@127.0.0.1', 'x'], {
      env: { SSH_AUTH_SOCK: socket },
    });
    const identities = Buffer.from(await answer.promise);
    expect((await run).code).toBe(0);
    server.close();
    // SSH_AGENT_IDENTITIES_ANSWER, one key, and that key.
    expect([...identities.subarray(4, 9)]).toEqual([12, 0, 0, 0, 1]);
    expect(identities.includes(Buffer.from(key.publicLine.split(' ')[1] as string, 'base64'))).toBe(true);
  });
});

describePeer('sshd', 'X11 forwarding with sshd', () => {
  // sshd hands the cookie to xauth; without it there is nothing to test.
  it.skipIf(!existsSync('/usr/bin/xauth'))('brings a remote program to our display with the real cookie', async () => {
    await using dir = tempDir();
    const got = deferred<Buffer>();
    const display = createServer((socket) => {
      socket.once('data', (chunk) => {
        got.resolve(chunk);
        socket.end('from the display');
      });
    });
    display.listen(dir.join('display:0'));
    await once(display, 'listening');
    // Or xauth would leave the cookie in the home of whoever runs the tests.
    const config = { X11Forwarding: 'yes', AddressFamily: 'inet', SetEnv: `XAUTHORITY=${dir.join('xauthority')}` };
    await using sshd = await startSshd({ config });
    await using transport = await login(sshd);
    const real = new Uint8Array(16).fill(0x5e);
    const x11 = new X11Forwarding({
      display: `${dir.join('display')}:0`,
      authorization: { protocol: 'MIT-MAGIC-COOKIE-1', data: real },
    });
    const channel = await transport.openSession();
    const cookie = await channel.requestX11(x11);
    // A program as small as it can be: it takes its cookie from xauth and says hello to $DISPLAY.
    const script = `
      const cookie = require('node:child_process').execFileSync('xauth', ['list', process.env.DISPLAY]).toString().trim().split(/ +/)[2];
      const [, host, number] = /^(.*):(\\d+)/.exec(process.env.DISPLAY);
      const head = Buffer.from([0x6c, 0, 11, 0, 0, 0, 18, 0, 16, 0, 0, 0]);
      const socket = require('node:net').connect(6000 + Number(number), '127.0.0.1');
      socket.write(Buffer.concat([head, Buffer.from('MIT-MAGIC-COOKIE-1\\0\\0'), Buffer.from(cookie, 'hex')]));
      console.log(cookie);
      socket.pipe(process.stdout);`;
    const file = dir.write('program.cjs', script, 0o644);
    const said = await output(channel, `${process.execPath} ${file}`);
    expect(said).toBe(`${cookie}\nfrom the display`);
    const setup = await got.promise;
    expect(setup.subarray(-16)).toEqual(Buffer.from(real));
    expect(setup.includes(Buffer.from(cookie, 'hex'))).toBe(false);
    display.close();
  });
});

it('logs to stderr under NODE_DEBUG=amiko, and only then', () => {
  const run = (debug: string) => {
    // The built package, as users have it: debuglog reads the environment once.
    const script = `
      import { Transport } from ${JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)};
      import { Duplex } from 'node:stream';
      await new Transport(new Duplex({ read() {}, write() {} })).close();`;
    const options = { env: { ...process.env, NODE_DEBUG: debug }, encoding: 'utf8' as const };
    return spawnSync(process.execPath, ['--input-type=module', '-e', script], options);
  };
  expect(run('amiko').stderr).toMatch(/AMIKO \d+: amiko:transport: the connection is over/);
  expect(run('').stderr).toBe('');
});
