// connect({ config }): what `ssh NICKNAME` does, as a library, against real sshds and a real ssh-agent.

import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { openAgent } from '../../src/agent.ts';
import { SSHConfig } from '../../src/config.ts';
import {
  type ClientOptions,
  type ConfiguredClientOptions,
  connect,
  generateKey,
  HostKeyError,
  SSHTimeoutError,
} from '../../src/index.ts';
import { readPrivateKey, signCertificate, writePrivateKey } from '../../src/keys.ts';
import {
  canMakeUsers,
  describePeer,
  ensureTestUser,
  freePort,
  keyPair,
  peerCommand,
  type Sshd,
  startProcess,
  startSshd,
  tempDir,
} from '../support/peers.ts';

/** What keeps the machine's own agent, keys and known hosts out of it. */
const ALONE = 'GSSAPIAuthentication no\nGlobalKnownHostsFile /dev/null\nHashKnownHosts no\nHost *\n  IdentityAgent none\n';

function block(name: string, { port, user, identity, knownHostsFile }: Sshd, ...more: readonly string[]): string {
  const own = ['Hostname 127.0.0.1', `Port ${port}`, `User ${user}`, `UserKnownHostsFile ${knownHostsFile}`];
  // The first value counts, but of IdentityFile all.
  const key = more.some((line) => line.startsWith('IdentityFile')) ? [] : [`IdentityFile ${identity.path}`];
  return `Host ${name}\n${[...more, ...own, ...key].map((line) => `  ${line}\n`).join('')}`;
}

/** Options for a nickname of these blocks. An agent of the block's own wins over none. */
function nick(host: string, ...blocks: readonly string[]): ConfiguredClientOptions {
  return { host, config: SSHConfig.parse(`${blocks.join('')}Host *\n${ALONE}`) };
}

/** The TCP connections of this process that are open. */
function connections(): number {
  const inodes = new Set<string>();
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1];
      if (inode !== undefined) inodes.add(inode);
    } catch {
      // It was closed while we were looking.
    }
  }
  return readFileSync('/proc/self/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , state, , , , , , inode = '']) => state === '01' && inodes.has(inode)).length;
}

/** The ends of unix sockets that have this path: the one that listens, and one for each connection. */
function endsAt(path: string): number {
  return readFileSync('/proc/net/unix', 'utf8')
    .split('\n')
    .filter((line) => line.endsWith(` ${path}`)).length;
}

async function listen(onSocket: (socket: Socket) => void = () => {}): Promise<{ server: Server; port: number }> {
  const server = createServer(onSocket);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, port: (server.address() as AddressInfo).port };
}

describePeer(['sshd', 'ssh-agent'], 'connect({ config })', () => {
  let inner: Sshd;
  let gate: Sshd;
  let outer: Sshd;
  beforeAll(async () => {
    [inner, gate, outer] = await Promise.all([startSshd(), startSshd(), startSshd()]);
  });
  afterAll(() => Promise.all([inner.stop(), gate.stop(), outer.stop()]));
  afterEach(() => vi.unstubAllEnvs());

  it('knows a nickname: by SSHConfig, by a path, by the files of the user', async () => {
    await using home = tempDir();
    mkdirSync(home.join('.ssh'), { mode: 0o700 });
    const text = `${block('web', inner)}Host *\n${ALONE}`;
    const file = home.write('.ssh/config', text);
    home.write('.ssh/known_hosts', readFileSync(inner.knownHostsFile));
    vi.stubEnv('HOME', home.path);
    for (const config of [SSHConfig.parse(text), file, true as const]) {
      await using ssh = await connect({ host: 'web', config });
      expect((await ssh.exec('echo $SSH_CONNECTION')).stdout.trim().split(' ')[3]).toBe(String(inner.port));
    }
    await expect(connect({ host: 'web', config: home.join('none') })).rejects.toMatchObject({ code: 'ERR_SSH_CONFIG' });
    home.write('.ssh/config', 'Host web\n  Prot 22\n');
    await expect(connect({ host: 'web', config: true })).rejects.toMatchObject({
      code: 'ERR_SSH_CONFIG',
      message: expect.stringMatching(/\.ssh\/config line 2/),
    });
  });

  it('leads through jump hosts with nicknames, each behind its own', async () => {
    const blocks = [block('web', inner, 'ProxyJump door'), block('door', gate, 'ProxyJump street'), block('street', outer)];
    {
      const ssh = await connect(nick('web', ...blocks));
      expect((await ssh.exec('echo in')).stdout).toBe('in\n');
      expect(connections()).toBe(1);
      await ssh.close();
    }
    for (const server of [outer, gate]) expect(server.log()).toMatch(/server_request_direct_tcpip|direct-tcpip/);
    // The list of the destination says what comes before the last one.
    await using listed = await connect(nick('web', block('web', inner, 'ProxyJump street,door'), ...blocks.slice(1)));
    expect((await listed.exec('echo in')).stdout).toBe('in\n');
    // The caller goes without.
    await using straight = await connect({ ...nick('web', ...blocks), jump: [] });
    expect(straight.transport.getpeername()).toEqual(['127.0.0.1', inner.port]);
    await using through = await connect({
      ...nick('web', ...blocks),
      jump: [nick('street', ...blocks), nick('door', ...blocks)],
    });
    expect((await through.exec('echo in')).stdout).toBe('in\n');
    await expect.poll(connections).toBe(2 + 1);
  });

  it('runs a ProxyCommand, by a shell only where it is written for one', async () => {
    const relay = `${process.execPath} -e 'const s=require("net").connect(%p,"%h");process.stdin.pipe(s).pipe(process.stdout)'`;
    await using dir = tempDir();
    vi.stubEnv('AMIKO_RELAY', dir.join('seen'));
    for (const command of [relay, `${relay} 2> "$AMIKO_RELAY"`, `${relay} | cat`]) {
      await using ssh = await connect(nick('web', block('web', inner, `ProxyCommand ${command}`)));
      expect((await ssh.exec('echo through')).stdout).toBe('through\n');
    }
    expect(existsSync(dir.join('seen'))).toBe(true);
    const passed = nick('web', block('web', inner, `ProxyCommand ${relay}`, 'ProxyUseFdpass yes'));
    await expect(connect(passed)).rejects.toMatchObject({
      code: 'ERR_SSH_CONFIG',
      message: expect.stringContaining('ProxyUseFdpass'),
    });
    await using own = await connect({ ...passed, jump: [] });
    expect(own.transport.isAuthenticated()).toBe(true);
  });

  it('opens an encrypted key when the server would take it, and no other', async () => {
    await using dir = tempDir();
    const mine = await generateKey('ed25519');
    const stranger = await generateKey('ed25519');
    const [right, wrong] = [dir.join('right'), dir.join('wrong')];
    for (const [file, key] of [
      [right, mine],
      [wrong, stranger],
    ] as const) {
      await writePrivateKey(file, key, { passphrase: `of ${file}` });
    }
    // The public half lies beside the one, and in the other.
    dir.write('wrong.pub', `${stranger.publicKey}\n`);
    await using sshd = await startSshd({ authorizedKeys: [`${mine.publicKey}`] });
    const options = nick('web', block('web', sshd, `IdentityFile ${wrong}`, `IdentityFile ${right}`));
    const asked: string[] = [];
    await using ssh = await connect({
      ...options,
      passphrase: async (file) => {
        asked.push(file);
        return `of ${file}`;
      },
    });
    expect(ssh.transport.isAuthenticated()).toBe(true);
    expect(asked).toEqual([right]);
    await using plain = await connect({ ...options, passphrase: `of ${right}` });
    expect(plain.transport.isAuthenticated()).toBe(true);

    const locked = { code: 'ERR_SSH_AUTHENTICATION', message: expect.stringContaining(right) };
    await expect(connect(options)).rejects.toMatchObject(locked);
    await expect(connect({ ...options, passphrase: 'wrong' })).rejects.toMatchObject(locked);
    await expect(connect({ ...options, passphrase: () => null })).rejects.toMatchObject(locked);
    const reason = new Error('the vault is closed');
    await expect(connect({ ...options, passphrase: () => Promise.reject(reason) })).rejects.toBe(reason);
    const stop = new AbortController();
    const waiting = connect({
      ...options,
      signal: stop.signal,
      passphrase: () => {
        stop.abort(reason);
        return new Promise<never>(() => {});
      },
    });
    await expect(waiting).rejects.toBe(reason);
    await expect.poll(connections).toBe(2);
  });

  it('asks the agent: IdentityAgent, IdentitiesOnly, and none where none is', async () => {
    await using dir = tempDir();
    const path = dir.join('agent');
    await using process = startProcess(...(peerCommand('ssh-agent', ['-D', '-a', path]) as [string, string[]]));
    await expect.poll(() => existsSync(path), { timeout: 10_000 }).toBe(true);
    const [mine, other] = [await readPrivateKey(keyPair('ed25519').path), await generateKey('ed25519')];
    await using agent = await openAgent(path);
    await agent.add(other);
    await agent.add(mine);
    const open = endsAt(path);
    expect(open).toBe(2);
    const withAgent = nick('web', block('web', inner, 'IdentityFile none', `IdentityAgent ${path}`));
    {
      await using ssh = await connect(withAgent);
      expect(ssh.transport.authAttempts.map(({ result }) => result)).toEqual(['failure', 'refused', 'success']);
    }
    const only = block(
      'web',
      inner,
      `IdentityAgent ${path}`,
      'IdentitiesOnly yes',
      `IdentityFile ${dir.write('p', `${mine.publicKey}\n`)}`,
    );
    {
      await using ssh = await connect(nick('web', only));
      expect(ssh.transport.authAttempts.map(({ result }) => result)).toEqual(['failure', 'success']);
    }
    await expect(connect({ ...withAgent, username: 'nobody-at-all' })).rejects.toMatchObject({ code: 'ERR_SSH_AUTHENTICATION' });
    await expect.poll(() => endsAt(path)).toBe(open);
    await expect(connect({ ...withAgent, agent: false })).rejects.toMatchObject({ code: 'ERR_SSH_AUTHENTICATION' });
    vi.stubEnv('SSH_AUTH_SOCK', '/nowhere/agent');
    await using missing = await connect(nick('web', block('web', inner, 'IdentityAgent SSH_AUTH_SOCK')));
    expect(missing.transport.isAuthenticated()).toBe(true);
    vi.stubEnv('SSH_AUTH_SOCK', path);
    await using found = await connect(
      nick('web', block('web', inner, 'IdentityFile none', 'IdentityAgent SSH_AUTH_SOCK', 'ForwardAgent yes')),
    );
    expect((await found.exec('ssh-add -l')).stdout).toContain(mine.fingerprint);
    await using without = await connect({ ...nick('web', block('web', inner, 'ForwardAgent yes')), agentForward: false });
    expect((await without.exec('printenv SSH_AUTH_SOCK', { check: false })).stdout).toBe('');
    // ForwardAgent of a file is a wish: a server that refuses keeps nobody from working.
    await using refusing = await startSshd({ config: { AllowAgentForwarding: 'no' } });
    await using wished = await connect(nick('web', block('web', refusing, `IdentityAgent ${path}`, 'ForwardAgent yes')));
    expect((await wished.exec('echo in')).stdout).toBe('in\n');
    expect(process.pid).toBeGreaterThan(0);
  });

  it('offers certificates: CertificateFile, and what lies beside a key', async () => {
    await using dir = tempDir();
    const [authority, key] = [await generateKey('ed25519'), await generateKey('ed25519')];
    const trusted = dir.write('ca.pub', `${authority.publicKey}\n`, 0o644);
    await using sshd = await startSshd({ authorizedKeys: [], config: { TrustedUserCAKeys: trusted } });
    const certificate = await signCertificate(authority, key.publicKey, { kind: 'user', keyId: 'me', principals: [sshd.user] });
    await writePrivateKey(dir.join('id'), key);
    const other = dir.write('other.pub', `${certificate}\n`);
    const alone = block('web', sshd, `IdentityFile ${dir.join('id')}`);
    await expect(connect(nick('web', alone))).rejects.toMatchObject({ code: 'ERR_SSH_AUTHENTICATION' });
    const options = nick('web', block('web', sshd, `IdentityFile ${dir.join('id')}`, `CertificateFile ${other}`));
    for (const each of [options, { ...nick('web', alone), certificates: certificate }]) {
      await using ssh = await connect(each);
      expect(ssh.transport.authAttempts.map(({ result }) => result)).toEqual(['failure', 'success']);
    }
    dir.write('id-cert.pub', `${certificate}\n`);
    await using ssh = await connect(nick('web', alone));
    expect(ssh.transport.isAuthenticated()).toBe(true);
  });

  it('refuses unknown, changed and revoked host keys; accept-new remembers', async () => {
    await using dir = tempDir();
    const name = `[127.0.0.1]:${inner.port}`;
    const stranger = keyPair('ed25519', { name: 'stranger' }).publicLine;
    const swapped = dir.write('swapped', `${name} ${stranger}\n`);
    const empty = dir.join('empty');
    const revoked = dir.write('revoked', `${inner.hostKeys.ed25519.publicLine}\n`);
    const to = (...lines: string[]) => nick('web', block('web', inner, ...lines));
    const refusal = (reason: string) => ({ code: 'ERR_SSH_HOST_KEY', reason });
    for (const strict of ['ask', 'yes', 'accept-new', 'no']) {
      const line = `StrictHostKeyChecking ${strict}`;
      await expect(connect(to(line, `UserKnownHostsFile ${swapped}`))).rejects.toMatchObject(refusal('changed'));
      await expect(connect(to(line, `RevokedHostKeys ${revoked}`))).rejects.toMatchObject(refusal('revoked'));
    }
    await expect(connect(to(`RevokedHostKeys ${dir.join('no-such')}`))).rejects.toMatchObject({ code: 'ERR_SSH_HOST_KEY' });
    for (const strict of ['ask', 'yes']) {
      const unknown = to(`StrictHostKeyChecking ${strict}`, `UserKnownHostsFile ${empty}`);
      await expect(connect(unknown)).rejects.toThrow(HostKeyError);
      await expect(connect(unknown)).rejects.toMatchObject(refusal('unknown'));
      expect(existsSync(empty)).toBe(false);
    }
    await using first = await connect(to('StrictHostKeyChecking accept-new', `UserKnownHostsFile ${empty}`));
    expect(readFileSync(empty, 'utf8')).toBe(`${name} ${inner.hostKeys.ed25519.publicLine.split(' ').slice(0, 2).join(' ')}\n`);
    await using again = await connect(to('StrictHostKeyChecking yes', `UserKnownHostsFile ${empty}`));
    expect([first, again].map(({ transport }) => transport.isAuthenticated())).toEqual([true, true]);
    const alias = dir.write('alias', `other-name ${inner.hostKeys.rsa.publicLine}\n`);
    await using aliased = await connect(to('HostKeyAlias other-name', `UserKnownHostsFile ${alias}`));
    expect(aliased.transport.negotiated?.hostKey).toMatch(/^rsa-sha2/);
    await expect(connect(to('HostKeyAlias unknown-name'))).rejects.toMatchObject(refusal('unknown'));
    // The hop is checked as well, and nothing gets through it.
    const jump = [block('web', outer, 'ProxyJump door'), block('door', inner, `UserKnownHostsFile ${swapped}`)];
    await expect(connect(nick('web', ...jump))).rejects.toMatchObject(refusal('changed'));
    await expect.poll(connections).toBe(3);
  });

  it('is second to what the caller says', async () => {
    const stranger = await generateKey('ed25519');
    const wrong = ['Hostname 127.0.0.9', 'User nobody-at-all', 'Ciphers aes256-ctr', 'Compression yes', 'ServerAliveInterval 0'];
    const options = nick('web', block('web', inner, ...wrong.slice(2), 'IdentityFile /no/such/key'));
    await using ssh = await connect({
      ...options,
      privateKey: await readPrivateKey(inner.identity.path),
      algorithms: { ciphers: ['aes128-ctr'] },
    });
    expect(ssh.transport.negotiated).toMatchObject({ clientToServer: { cipher: 'aes128-ctr', compression: 'zlib@openssh.com' } });
    await expect(connect({ ...nick('web', block('web', inner)), privateKey: stranger })).rejects.toMatchObject({
      code: 'ERR_SSH_AUTHENTICATION',
      attempts: [{ method: 'none' }, { method: 'publickey', key: stranger.fingerprint }],
    });
    const elsewhere = nick('web', block('web', gate, 'User nobody-at-all'));
    await using known = await connect({ ...elsewhere, port: inner.port, username: inner.user, hostKey: 'ignore' });
    expect((await known.exec('echo $SSH_CONNECTION')).stdout.trim().split(' ')[3]).toBe(String(inner.port));
    await using first = await connect({
      ...nick('web', block('web', inner, 'ProxyCommand false')),
      jump: nick('door', block('door', gate)),
    });
    expect(first.transport.isAuthenticated()).toBe(true);
    const twice = { ...options, jump: [], proxyCommand: ['x'] };
    await expect(connect(twice)).rejects.toMatchObject({ code: 'ERR_SSH_USAGE' });
  });

  it('gives up after ConnectTimeout, or when told, and leaves nothing open', async () => {
    const accepted = new Set<Socket>();
    const { server, port } = await listen((socket) => {
      accepted.add(socket.resume());
      socket.on('error', () => {});
    });
    try {
      const silent = { ...inner, port };
      const to = (...lines: string[]) => nick('web', block('web', silent, ...lines), block('door', gate));
      for (const way of ['ProxyJump none', 'ProxyJump door']) {
        const started = performance.now();
        await expect(connect(to('ConnectTimeout 1', way))).rejects.toThrow(SSHTimeoutError);
        expect(performance.now() - started).toBeLessThan(10_000);
        await expect(connect({ ...to('ConnectTimeout 60', way), timeout: 200 })).rejects.toMatchObject({
          code: 'ERR_SSH_TIMEOUT',
          milliseconds: 200,
        });
        const reason = new Error('enough');
        const stop = new AbortController();
        const before = accepted.size;
        const waiting = connect({ ...to(way), signal: stop.signal });
        await expect.poll(() => accepted.size).toBeGreaterThan(before);
        stop.abort(reason);
        await expect(waiting).rejects.toBe(reason);
        await expect.poll(() => [...accepted].every(({ closed }) => closed)).toBe(true);
      }
      await expect.poll(connections).toBe(0);
    } finally {
      for (const socket of accepted) socket.destroy();
      server.close();
    }
  });

  it('closes the hops when they lead nowhere', async () => {
    const blocks = [block('web', { ...inner, port: await freePort() }, 'ProxyJump door'), block('door', gate)];
    await expect(connect(nick('web', ...blocks))).rejects.toMatchObject({
      code: 'ERR_SSH_CONNECT',
      message: expect.stringMatching(/^cannot connect to 127\.0\.0\.1 port \d+ through 127\.0\.0\.1: /),
    });
    await expect.poll(connections).toBe(0);
  });

  it('closes the hops when the login fails', async () => {
    const blocks = [block('web', inner, 'ProxyJump door', 'IdentityFile none'), block('door', gate)];
    await expect(connect(nick('web', ...blocks))).rejects.toMatchObject({
      code: 'ERR_SSH_AUTHENTICATION',
      message: expect.stringMatching(
        /^could not log in to 127\.0\.0\.1 as '.*': tried none: failure; the server would take publickey/,
      ),
    });
    await expect.poll(connections).toBe(0);
  });

  it('runs the commands of Match exec only where it may', async () => {
    await using dir = tempDir();
    const text = `Match originalhost web exec "touch ${dir.join('ran')}"\n  User nobody-at-all\n${block('web', inner)}Host *\n${ALONE}`;
    const heard: string[] = [];
    const options = { host: 'web', config: SSHConfig.parse(text), log: (_level: number, line: string) => void heard.push(line) };
    await using ssh = await connect(options);
    expect(ssh.transport.isAuthenticated()).toBe(true);
    expect(existsSync(dir.join('ran'))).toBe(false);
    expect(heard.join('\n')).toMatch(/exec/);
    await expect(connect({ ...options, configExec: true })).rejects.toMatchObject({
      message: expect.stringContaining("as 'nobody-at-all'"),
    });
    expect(existsSync(dir.join('ran'))).toBe(true);
    // One that takes too long is ended.
    const slow = SSHConfig.parse(`Match exec "echo $$ > ${dir.join('pid')}; exec sleep 100"\n  User x\n`);
    const stop = new AbortController();
    const waiting = connect({ host: 'web', config: slow, configExec: true, signal: stop.signal });
    await expect.poll(() => existsSync(dir.join('pid')) && readFileSync(dir.join('pid'), 'utf8').trim() !== '').toBe(true);
    stop.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    const pid = Number(readFileSync(dir.join('pid'), 'utf8'));
    await expect.poll(() => existsSync(`/proc/${pid}`), { timeout: 5_000 }).toBe(false);
  });
});

describePeer('sshd', 'connect({ config }) with a password', () => {
  describe.skipIf(!canMakeUsers)('of a user', () => {
    it('tries the methods that the configuration leaves', async () => {
      await using user = await ensureTestUser();
      await using sshd = await startSshd({ user });
      const { password } = user;
      const to = (...lines: string[]) => nick('web', block('web', sshd, ...lines, 'IdentityFile none'));
      const methods = async (options: ConfiguredClientOptions | ClientOptions) => {
        await using ssh = await connect(options);
        return ssh.transport.authAttempts.map(({ method }) => method);
      };
      expect(await methods({ ...to(), password })).toEqual(['none', 'password']);
      expect(await methods({ ...to('PasswordAuthentication no'), password })).toEqual(['none', 'keyboard-interactive']);
      const onQuestions: ClientOptions['onQuestions'] = (_title, _text, prompts) => prompts.map(() => password);
      expect(await methods({ ...to('PreferredAuthentications keyboard-interactive,password'), password, onQuestions })).toEqual([
        'none',
        'keyboard-interactive',
      ]);
      await expect(
        connect({ ...to('PasswordAuthentication no', 'KbdInteractiveAuthentication no'), password }),
      ).rejects.toMatchObject({ attempts: [{ method: 'none' }], message: expect.stringContaining("leaves no 'password'") });
      // sshd wants two steps, the later of which is tried first.
      await using strict = await startSshd({
        user,
        authorizedKeys: [keyPair('ed25519').publicLine],
        config: { AuthenticationMethods: 'password,publickey' },
      });
      expect(await methods({ ...nick('web', block('web', strict)), password })).toEqual(['none', 'password', 'publickey']);
      await expect(connect({ ...to('PreferredAuthentications hostbased'), password })).rejects.toMatchObject({
        code: 'ERR_SSH_CONFIG',
      });
    });
  });
});
