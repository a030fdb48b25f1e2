// The way to a server through other hosts, and logins by agents and certificates, as a library: real sshds, a real ssh-agent.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import { type Agent, openAgent } from '../../src/agent.ts';
import { type ClientOptions, connect } from '../../src/index.ts';
import { generateKey, type PrivateKey, readPrivateKey, readPublicKey, signCertificate } from '../../src/keys.ts';
import { KnownHosts, verifyHostKey } from '../../src/known-hosts.ts';
import { amikoBin } from '../support/amiko-serve.ts';
import {
  type BackgroundProcess,
  describePeer,
  keyPair,
  type PeerServer,
  peerCommand,
  startProcess,
  startSshd,
  tempDir,
} from '../support/peers.ts';

const key = () => readPrivateKey(keyPair('ed25519').path);

/** How to connect to a server of the harness, its host key checked. */
async function to(server: PeerServer, options: Partial<ClientOptions> = {}): Promise<ClientOptions> {
  const knownHosts = await KnownHosts.read([server.knownHostsFile]);
  const { host, port, user: username } = server;
  return { host, port, username, hostKey: verifyHostKey({ host, port }, { knownHosts }), ...options };
}

interface RealAgent extends AsyncDisposable {
  readonly path: string;
  readonly agent: Agent;
}

async function realAgent(keys: readonly PrivateKey[]): Promise<RealAgent> {
  const dir = tempDir();
  const path = dir.join('agent');
  const process: BackgroundProcess = startProcess(peerCommand('ssh-agent', [])[0], ['-D', '-a', path]);
  await expect.poll(() => existsSync(path), { timeout: 10_000 }).toBe(true);
  const agent = await openAgent(path);
  for (const each of keys) await agent.add(each);
  return {
    path,
    agent,
    async [Symbol.asyncDispose]() {
      agent.close();
      await process.stop();
      await dir.remove();
    },
  };
}

describePeer(['sshd', 'ssh-agent'], 'keys of an agent', () => {
  it('log in, after the explicit ones, and no more than the server puts up with', async () => {
    const mine = await key();
    const others = await Promise.all(Array.from({ length: 8 }, () => generateKey('ed25519')));
    await using sshd = await startSshd({ config: { MaxAuthTries: '6' } });
    {
      await using real = await realAgent([...others.slice(0, 3), mine]);
      await using client = await connect(await to(sshd, { agent: real.path }));
      expect((await client.exec('echo in')).stdout).toBe('in\n');
      expect(client.transport.authAttempts.map(({ result }) => result)).toEqual(['refused', 'refused', 'refused', 'success']);
      await using again = await connect(await to(sshd, { agent: real.agent }));
      expect(again.transport.isAuthenticated()).toBe(true);
      // The agent that was given open stays open.
      expect((await real.agent.getKeys()).length).toBe(4);
    }
    await using full = await realAgent(others);
    await using client = await connect(await to(sshd, { agent: full.path, privateKey: mine }));
    expect(client.transport.authAttempts.map(({ result }) => result)).toEqual(['success']);
    const refused = connect(await to(sshd, { agent: full.path, privateKey: others.slice(0, 2) }));
    await expect(refused).rejects.toMatchObject({
      code: 'ERR_SSH_AUTHENTICATION',
      attempts: Array.from({ length: 5 }, () => expect.objectContaining({ method: 'publickey' })),
      message: expect.stringMatching(/3 keys of the agent were not tried/),
    });
  });

  it('are not all there is: an agent that is gone keeps nobody from logging in', async () => {
    await using sshd = await startSshd();
    await using client = await connect(await to(sshd, { agent: '/nowhere/agent', privateKey: await key() }));
    expect(client.transport.isAuthenticated()).toBe(true);
    await expect(connect(await to(sshd, { agent: '/nowhere/agent' }))).rejects.toMatchObject({ code: 'ERR_SSH_AGENT' });
  });

  it('log in with certificates', async () => {
    await using dir = tempDir();
    const authority = await generateKey('ed25519');
    const plain = await generateKey('ed25519');
    const file = dir.write('ca.pub', `${authority.publicKey}\n`, 0o644);
    await using sshd = await startSshd({ authorizedKeys: [], config: { TrustedUserCAKeys: file } });
    const certificates = await signCertificate(authority, plain.publicKey, {
      kind: 'user',
      keyId: 'me',
      principals: [sshd.user],
    });
    {
      await using client = await connect(await to(sshd, { privateKey: plain, certificates }));
      expect((await client.exec('echo in')).stdout).toBe('in\n');
    }
    await using real = await realAgent([plain]);
    await using client = await connect(await to(sshd, { agent: real.path, certificates }));
    expect(client.transport.authAttempts.map(({ result }) => result)).toEqual(['success']);
    await expect(connect(await to(sshd, { agent: real.path }))).rejects.toMatchObject({ code: 'ERR_SSH_AUTHENTICATION' });
  });
});

describePeer(['sshd', 'ssh-agent'], 'jump hosts', () => {
  it('two of them, and all are closed with the connection', async () => {
    const privateKey = await key();
    await using first = await startSshd();
    await using second = await startSshd();
    await using last = await startSshd();
    const jump = [await to(first, { privateKey }), await to(second, { privateKey })];
    const client = await connect(await to(last, { privateKey, jump }));
    const { stdout } = await client.exec('echo $SSH_CONNECTION');
    expect(stdout.trim().split(' ')[3]).toBe(String(last.port));
    const big = await client.exec('head -c 8000000 /dev/zero', { maxOutput: 8_000_000 });
    expect(big.stdoutBytes.length).toBe(8_000_000);
    await client.close();
    for (const server of [first, second, last]) await server.waitForLog(/Received disconnect from|Disconnected from user/);
  });

  it('go down with the connection when it breaks', async () => {
    const privateKey = await key();
    await using first = await startSshd();
    await using last = await startSshd();
    const client = await connect(await to(last, { privateKey, jump: await to(first, { privateKey }) }));
    client.transport.destroy();
    await first.waitForLog(/Received disconnect from|Disconnected from user/);
    await client.close();
  });

  it('end what runs through them when they end', async () => {
    const privateKey = await key();
    const first = await startSshd();
    await using last = await startSshd();
    const client = await connect(await to(last, { privateKey, jump: await to(first, { privateKey }) }));
    await first.stop();
    expect((await client.transport.closed).by).toBe('error');
    await client.close();
  });

  it('may be connected already, and stay so', async () => {
    const privateKey = await key();
    await using first = await startSshd();
    await using last = await startSshd();
    await using hop = await connect(await to(first, { privateKey }));
    const options = await to(last, { privateKey, jump: hop });
    const clients = await Promise.all([connect(options), connect(options)]);
    for (const client of clients) {
      expect((await client.exec('echo in')).stdout).toBe('in\n');
      await client.close();
    }
    expect((await hop.exec('echo still here')).stdout).toBe('still here\n');
    const second = await to(first, { privateKey });
    await expect(connect({ ...options, jump: [second, hop] })).rejects.toMatchObject({ code: 'ERR_SSH_USAGE' });
  });

  it('are checked, each of them', async () => {
    const privateKey = await key();
    await using first = await startSshd();
    await using second = await startSshd();
    await using last = await startSshd();
    const swapped = second.dir.write('swapped', `[127.0.0.1]:${second.port} ${keyPair('ed25519').publicLine}\n`);
    const knownHosts = await KnownHosts.read([swapped]);
    const hostKey = verifyHostKey(second, { knownHosts });
    const jump = [await to(first, { privateKey }), await to(second, { privateKey, hostKey })];
    await expect(connect(await to(last, { privateKey, jump }))).rejects.toMatchObject({
      code: 'ERR_SSH_HOST_KEY',
      reason: 'changed',
      message: expect.stringContaining(`${swapped}:1`),
    });
    expect(last.log()).not.toMatch(/Connection from/);
    expect(second.log()).not.toMatch(/Accepted/);
    await first.waitForLog(/Received disconnect from|Disconnected from user/);
  });

  it('that cannot reach the next say so', async () => {
    const privateKey = await key();
    await using first = await startSshd();
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    const jump = await to(first, { privateKey });
    await expect(connect({ host: '127.0.0.1', port, username: 'me', jump, hostKey: 'ignore' })).rejects.toMatchObject({
      code: 'ERR_SSH_CONNECT',
      message: expect.stringMatching(/^cannot connect to 127\.0\.0\.1 port \d+ through 127\.0\.0\.1: .*connect failed/i),
    });
  });
});

describePeer(['sshd', 'ssh'], 'a proxy command', () => {
  it('is the connection, and ends with it', async () => {
    const privateKey = await key();
    await using first = await startSshd();
    await using last = await startSshd();
    const [program, args] = peerCommand('ssh', ['-W', `127.0.0.1:${last.port}`, ...first.sshArgs()]);
    const client = await connect(await to(last, { privateKey, proxyCommand: [program, ...args] }));
    expect((await client.exec('echo in')).stdout).toBe('in\n');
    await client.close();
    await first.waitForLog(/Disconnected from user|Connection closed by/);
  });

  it('that is one of those who never end is ended', async () => {
    await using dir = tempDir();
    const pidFile = dir.join('pid');
    const program = dir.write('proxy', `#!/bin/sh\necho $$ > '${pidFile}'\nexec sleep 1000\n`, 0o700);
    const target = { host: 'h', username: 'me', hostKey: 'ignore' as const };
    const stop = new AbortController();
    const waiting = connect({ ...target, proxyCommand: [program], signal: stop.signal });
    await expect.poll(() => existsSync(pidFile) && readFileSync(pidFile, 'utf8').trim() !== '').toBe(true);
    stop.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    const pid = Number(readFileSync(pidFile, 'utf8'));
    await expect.poll(() => existsSync(`/proc/${pid}`), { timeout: 5_000 }).toBe(false);
  });

  it('says why there is no connection', async () => {
    const target = { host: 'h', username: 'me', hostKey: 'ignore' as const };
    await expect(connect({ ...target, proxyCommand: ['/etc/no-such/proxy'] })).rejects.toMatchObject({
      code: 'ERR_SSH_CONNECT',
      message: expect.stringMatching(/^the proxy command '\/etc\/no-such\/proxy' cannot be run: .*ENOENT/),
    });
    await expect(connect({ ...target, proxyCommand: ['/bin/sh', '-c', 'exit 3'] })).rejects.toMatchObject({
      code: 'ERR_SSH_CONNECTION_LOST',
      message: expect.stringMatching(/the proxy command ended with exit status 3/),
    });
    await expect(connect({ ...target, proxyCommand: [] })).rejects.toMatchObject({ code: 'ERR_SSH_USAGE' });
    await expect(connect({ ...target, proxyCommand: ['x'], jump: target })).rejects.toMatchObject({ code: 'ERR_SSH_USAGE' });
    // No shell: what would be one's words are a name.
    await expect(connect({ ...target, proxyCommand: ['true; true'] })).rejects.toMatchObject({ code: 'ERR_SSH_CONNECT' });
  });
});

describePeer(['sshd', 'ssh', 'ssh-agent'], 'a forwarded agent', () => {
  it('is at hand behind two hops, and logs in from there', async () => {
    const mine = await key();
    await using real = await realAgent([mine]);
    await using first = await startSshd();
    await using second = await startSshd();
    await using third = await startSshd();
    await using client = await connect(await to(first, { agent: real.path, agentForward: true }));
    expect((await client.exec('ssh-add -l')).stdout).toContain(mine.fingerprint);
    const ssh = (server: PeerServer, ...options: string[]) =>
      `ssh -F none ${options.join(' ')} -o IdentityFile=none -o BatchMode=yes -o UserKnownHostsFile=${server.knownHostsFile} -p ${server.port} ${server.user}@127.0.0.1`;
    expect((await client.exec(`${ssh(second, '-A')} ssh-add -l`)).stdout).toContain(mine.fingerprint);
    const there = `${ssh(second, '-A')} "${ssh(third)} 'echo \\$SSH_CONNECTION'"`;
    expect((await client.exec(there)).stdout.trim().split(' ')[3]).toBe(String(third.port));
  });

  it('without having been asked for is not there; where the server refuses, that is an error', async () => {
    const privateKey = await key();
    await using real = await realAgent([privateKey]);
    await using sshd = await startSshd({ config: { AllowAgentForwarding: 'no' } });
    await using client = await connect(await to(sshd, { agent: real.path }));
    expect((await client.exec('printenv SSH_AUTH_SOCK', { check: false })).stdout).toBe('');
    await using other = await connect(await to(sshd, { agent: real.path, agentForward: true }));
    await expect(other.exec('true')).rejects.toMatchObject({ code: 'ERR_SSH_CHANNEL_REQUEST' });
  });
});

describePeer(['sshd', 'ssh', 'ssh-agent'], 'keys that are limited to some hosts', () => {
  it('log in to those and to no others, forwarded too', async () => {
    await using dir = tempDir();
    await using real = await realAgent([]);
    // Servers are told apart by their host keys, which the harness has three of.
    await using permitted = await startSshd({ hostKeys: ['ed25519'] });
    await using other = await startSshd({ hostKeys: ['ecdsa'] });
    await using behind = await startSshd({ hostKeys: ['rsa'] });
    const known = dir.write(
      'known_hosts',
      [
        `permitted ${permitted.hostKeys.ed25519.publicLine}`,
        `other ${other.hostKeys.ecdsa.publicLine}`,
        `behind ${behind.hostKeys.rsa.publicLine}`,
        '',
      ].join('\n'),
    );
    const add = (...limits: string[]) => {
      const args = ['-q', '-H', known, ...limits.flatMap((limit) => ['-h', limit]), keyPair('ed25519').path];
      const added = spawnSync(peerCommand('ssh-agent', [])[0].replace(/agent$/, 'add'), args, {
        env: { ...process.env, SSH_AUTH_SOCK: real.path },
        encoding: 'utf8',
      });
      expect(added.stderr).toBe('');
    };
    add('permitted');
    const own = await readPublicKey(keyPair('ed25519').publicPath);
    {
      await using client = await connect(await to(permitted, { agent: real.path, agentForward: true }));
      expect(client.transport.authAttempts).toMatchObject([{ result: 'success', key: own.fingerprint }]);
      // Not for anything that comes from there.
      expect((await client.exec('ssh-add -l', { check: false })).stdout).not.toContain(own.fingerprint);
    }
    await expect(connect(await to(other, { agent: real.path }))).rejects.toMatchObject({ code: 'ERR_SSH_AGENT' });
    // Given open, an agent is bound to the first session.
    {
      await using client = await connect(await to(permitted, { agent: real.agent }));
      expect(client.transport.isAuthenticated()).toBe(true);
    }

    await using through = await openAgent(real.path);
    await through.removeAll();
    add('permitted', 'permitted>behind');
    await using client = await connect(await to(permitted, { agent: real.path, agentForward: true }));
    expect((await client.exec('ssh-add -l')).stdout).toContain(own.fingerprint);
    const ssh = (server: PeerServer) =>
      `ssh -F none -o IdentityFile=none -o BatchMode=yes -o UserKnownHostsFile=${server.knownHostsFile} -p ${server.port} ${server.user}@127.0.0.1 echo in`;
    expect((await client.exec(ssh(behind))).stdout).toBe('in\n');
    // Ours from there: the agent wants to see that host's key in what it signs.
    const onward = [
      process.execPath,
      amikoBin,
      'ssh',
      '-o',
      `UserKnownHostsFile=${behind.knownHostsFile}`,
      '-p',
      String(behind.port),
    ];
    const ours = await client.exec([...onward, `${behind.user}@127.0.0.1`, 'echo', 'in'].join(' '));
    expect(ours.stdout).toBe('in\n');
    const refused = await client.exec(ssh(other), { check: false });
    expect(refused.code).toBe(255);
    expect(refused.stderr).toMatch(/Permission denied/);
  });
});
