// Kerberos for real: a private KDC, MIT's library through koffi, OpenSSH with Debian's GSS-API key exchange on either side, and
// paramiko and asyncssh with python3-gssapi as clients. The account is the one that runs the tests.
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { userInfo } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AuthenticationError, GssError, HostKeyError, SSHTimeoutError } from '../../src/errors.ts';
import { type GssapiOptions, gssapi } from '../../src/gssapi.ts';
import {
  type Channel,
  connect,
  type GssIdentity,
  type GssKexName,
  generateKey,
  type PrivateKey,
  readPrivateKey,
  ServerInterface,
  Transport,
  type TransportOptions,
} from '../../src/index.ts';
import { gssKexMethods } from '../../src/kex/gss-methods.ts';
import { describeKerberos, type Kdc, loadKoffi, REALM, startKdc, useRealm } from '../support/kdc.ts';
import { freePort, peerCommand, runPeer, type Sshd, startProcess, startSshd } from '../support/peers.ts';

const me = userInfo().username;
const SSHD = { GSSAPIAuthentication: 'yes', GSSAPIKeyExchange: 'yes', GSSAPIStrictAcceptorCheck: 'no' };
// Debian's OpenSSH has no group1 any more; between our own ends it is in test/transport/gssapi.test.ts.
const names = gssKexMethods.map(({ name }) => name).filter((name) => !name.startsWith('gss-group1-'));
const refuse = () => false;

let kdc: Kdc;
let leaveRealm = () => {};

async function startRealm(): Promise<void> {
  kdc = await startKdc();
  leaveRealm = useRealm(kdc);
  await kdc.addPrincipal(me);
  await kdc.addPrincipal('mallory');
  await kdc.addPrincipal('host/elsewhere', { randomKey: true });
}

async function endRealm(): Promise<void> {
  leaveRealm();
  await kdc?.[Symbol.asyncDispose]();
}

const provider = (options: GssapiOptions) => gssapi({ koffi: loadKoffi(), ...options });

async function run(transport: Transport, command: string): Promise<string> {
  const channel = await transport.openSession();
  await channel.execCommand(command);
  return Buffer.from(await channel.stdout.readAll()).toString();
}

describeKerberos(['sshd'], "a client with OpenSSH's sshd", () => {
  let sshd: Sshd;
  let ccache: string;
  let identity: PrivateKey;
  beforeAll(async () => {
    await startRealm();
    ccache = await kdc.kinit(me);
    sshd = await startSshd({
      config: { ...SSHD, GSSAPIKexAlgorithms: names.map((name) => name.replace(/[^-]+$/, '')).join(',') },
    });
    identity = await readPrivateKey(sshd.identity.path);
  });
  afterAll(async () => {
    await sshd?.stop();
    await endRealm();
  });

  const transportTo = (server: Sshd, options: TransportOptions = {}) =>
    new Transport([server.host, server.port], { gssProvider: provider({ ccache }), ...options });

  it.each(names)('exchanges keys by %s, logs in by them, and rekeys', async (name) => {
    await using transport = transportTo(sshd, { gssKex: [name] });
    // No host key is right: Kerberos alone proves the server.
    await transport.connect({ hostKey: refuse, username: me, gssKex: [name], gssHost: 'localhost' });
    expect(transport.negotiated?.kex).toBe(name);
    expect(transport.authAttempts).toMatchObject([{ method: 'gssapi-keyex', result: 'success' }]);
    expect(await run(transport, 'id -un')).toBe(`${me}\n`);
    expect((await transport.renegotiateKeys()).kex).toBe(name);
    expect(await run(transport, 'echo again')).toBe('again\n');
  });

  it('logs in by gssapi-with-mic, with the host key checked', async () => {
    const checked: string[] = [];
    await using transport = transportTo(sshd);
    const hostKey = (key: { type: string }) => checked.push(key.type) > 0;
    await transport.connect({ hostKey, username: me, gssAuth: true, gssHost: 'localhost' });
    expect(checked).toHaveLength(1);
    expect(transport.authAttempts).toMatchObject([{ method: 'gssapi-with-mic', result: 'success' }]);
    expect(await run(transport, 'id -un')).toBe(`${me}\n`);
  });

  it('takes gssapi-with-mic after a key exchange by GSS-API too', async () => {
    await using transport = transportTo(sshd, { gssKex: true });
    await transport.setGssHost('localhost');
    await transport.startClient({ verifyHostKey: refuse });
    expect(await transport.authGssapiWithMic(me)).toEqual([]);
  });

  it.each([false, true])('connects and runs in one call (key exchange: %s)', async (gssKex) => {
    const { host, port } = sshd;
    const gssProvider = provider({ ccache });
    const hostKey = gssKex ? refuse : ('ignore' as const);
    const gss = { gssAuth: true, gssKex, gssHost: 'localhost' };
    await using client = await connect({ host, port, username: me, hostKey, gssProvider, ...gss });
    expect((await client.exec('id -un')).stdout).toBe(`${me}\n`);
    const nobody = provider({ ccache: kdc.file('cc-nobody') });
    const without = { host, port, username: me, hostKey: 'ignore', gssProvider: nobody, ...gss } as const;
    await expect(connect(without)).rejects.toThrow(GssError);
    await using byKey = await connect({ ...without, privateKey: identity });
    expect((await byKey.exec('id -un')).stdout).toBe(`${me}\n`);
  });

  it.each([false, true])('hands credentials over only when asked (key exchange: %s)', async (gssKex) => {
    for (const gssDelegCreds of [undefined, true]) {
      await using transport = transportTo(sshd);
      const asked = { ...(gssDelegCreds !== undefined && { gssDelegCreds }) };
      await transport.connect({ hostKey: 'ignore', username: me, gssAuth: true, gssKex, gssHost: 'localhost', ...asked });
      const cache = await run(transport, 'klist 2>/dev/null');
      if (gssDelegCreds) expect(cache).toContain(`Default principal: ${me}@${REALM}`);
      else expect(cache).not.toContain('principal');
    }
  });

  it('checks the host key where the server has no key exchange by GSS-API', async () => {
    await using plain = await startSshd({ config: { GSSAPIAuthentication: 'yes', GSSAPIKeyExchange: 'no' } });
    await using refused = transportTo(plain);
    const login = { username: me, gssKex: true, gssHost: 'localhost' };
    await expect(refused.connect({ ...login, hostKey: refuse })).rejects.toThrow(HostKeyError);
    await using accepted = transportTo(plain);
    await expect(accepted.connect({ ...login, hostKey: 'ignore' })).rejects.toThrow(GssError);
    expect(await accepted.authPublickey(me, identity)).toEqual([]);
  });

  it('refuses a server that is not the host meant, whatever its host key', async () => {
    await using transport = transportTo(sshd);
    // The ticket is for a host of the realm whose keys this server does not have.
    const login = { hostKey: 'ignore', username: me, gssKex: true, gssHost: 'elsewhere', gssTrustDns: false } as const;
    // sshd hangs up on a token that it cannot read, with or without a word.
    await expect(transport.connect(login)).rejects.toMatchObject({
      code: expect.stringMatching(/GSSAPI|DISCONNECTED|CONNECTION_LOST/),
    });
    expect(transport.isActive()).toBe(false);
  });

  it('without a ticket: nothing reaches the server, the key exchange is another, and other methods go on', async () => {
    const gssProvider = provider({ ccache: kdc.file('cc-nobody') });
    await using transport = transportTo(sshd, { gssProvider, gssKex: true });
    await transport.setGssHost('localhost');
    let checked = 0;
    const { kex } = await transport.startClient({ verifyHostKey: () => ++checked > 0 });
    expect(kex).not.toContain('gss');
    expect(checked).toBe(1);
    const error: GssError = await transport.authGssapiWithMic(me).catch((error) => error);
    expect(error).toBeInstanceOf(GssError);
    expect(error).toMatchObject({ code: 'ERR_SSH_GSSAPI', major: 0x0007_0000 });
    expect(error.message).toMatch(/credentials/i);
    await expect(transport.authGssapiKeyex(me)).rejects.toThrow(/no key exchange by GSS-API/);
    expect(transport.authAttempts).toEqual([]);
    expect(await transport.authPublickey(me, identity)).toEqual([]);
  });

  it('with an expired ticket: an error that says so, and other methods go on', async () => {
    const old = await kdc.kinit(me, { cache: 'cc-old', args: ['-l', '1s'] });
    await kdc.expired(old);
    await using transport = transportTo(sshd, { gssProvider: provider({ ccache: old }), gssKex: true });
    await transport.setGssHost('localhost');
    const { kex } = await transport.startClient();
    expect(kex).not.toContain('gss');
    await expect(transport.authGssapiWithMic(me)).rejects.toThrow(/expired/i);
    expect(await transport.authPublickey(me, identity)).toEqual([]);
  });

  it('with another principal than the account lets in: a failure, and other methods go on', async () => {
    const gssProvider = provider({ ccache: await kdc.kinit('mallory') });
    await using transport = transportTo(sshd, { gssProvider, gssKex: true });
    await transport.setGssHost('localhost');
    await transport.startClient({ verifyHostKey: refuse });
    await expect(transport.authGssapiKeyex(me)).rejects.toThrow(AuthenticationError);
    await expect(transport.authGssapiWithMic(me)).rejects.toThrow(AuthenticationError);
    expect(await transport.authPublickey(me, identity)).toEqual([]);
  });

  it("with a server that has a wrong keytab: the server's error token is understood, and other methods go on", async () => {
    const before = process.env['KRB5_KTNAME'];
    process.env['KRB5_KTNAME'] = await kdc.keytab('host/elsewhere', 'elsewhere.keytab');
    try {
      await using wrong = await startSshd({ config: { ...SSHD, GSSAPIKeyExchange: 'no' } });
      await using transport = transportTo(wrong);
      await transport.startClient();
      const error = await transport.authGssapiWithMic(me, 'localhost').catch((error) => error);
      expect(error).toBeInstanceOf(AuthenticationError);
      expect(error.cause).toBeInstanceOf(GssError);
      expect(await transport.authPublickey(me, identity)).toEqual([]);
    } finally {
      process.env['KRB5_KTNAME'] = before;
    }
  });

  it('waits for a KDC that says nothing no longer than it was told', async () => {
    const silent = createServer();
    const sockets: Socket[] = [];
    silent.on('connection', (socket) => sockets.push(socket));
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const connected = once(silent, 'connection');
    const leave = useRealm({ env: { KRB5_CONFIG: kdc.configFor((silent.address() as { port: number }).port) } });
    try {
      // A ticket for the realm, none for this host: the library has to ask.
      const fresh = await kdc.kinit(me, { cache: 'cc-silent' });
      await using transport = transportTo(sshd, { gssProvider: provider({ ccache: fresh }) });
      await transport.startClient();
      await expect(transport.authGssapiWithMic(me, 'elsewhere', false, { timeout: 300 })).rejects.toThrow(SSHTimeoutError);
      await connected;
      expect(await transport.authPublickey(me, identity)).toEqual([]);
    } finally {
      leave();
      silent.close();
      for (const socket of sockets) socket.destroy();
    }
  });

  it('with no KDC: an error in no time, and other methods go on', async () => {
    const leave = useRealm({ env: { KRB5_CONFIG: kdc.configFor(await freePort()) } });
    try {
      const fresh = await kdc.kinit(me, { cache: 'cc-no-kdc' });
      await using transport = transportTo(sshd, { gssProvider: provider({ ccache: fresh }) });
      await transport.startClient();
      await expect(transport.authGssapiWithMic(me, 'elsewhere')).rejects.toThrow(/KDC/);
      expect(await transport.authPublickey(me, identity)).toEqual([]);
    } finally {
      leave();
    }
  });
});

const ASYNCSSH_SERVER = `
import asyncio, asyncssh, sys
class Server(asyncssh.SSHServer):
    def begin_auth(self, username): return True
    def validate_gss_principal(self, username, user_principal, host_principal):
        return user_principal == username + '@${REALM}'
async def run(process):
    process.stdout.write('you said: ' + process.command + '\\n')
    process.exit(0)
async def main():
    key = asyncssh.generate_private_key('ssh-ed25519')
    server = await asyncssh.listen('127.0.0.1', 0, server_factory=Server, process_factory=run, server_host_keys=[key],
                                   gss_host='localhost', gss_kex=True, gss_auth=True)
    print('fingerprint', key.get_fingerprint(), 'port', server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
`;

describeKerberos(['python3-gssapi', 'python3-asyncssh'], "a client with asyncssh's server", () => {
  beforeAll(startRealm);
  afterAll(endRealm);

  it.each([false, true])('logs in (key exchange: %s)', async (gssKex) => {
    const [command, args] = peerCommand('python3-asyncssh', ['-c', ASYNCSSH_SERVER]);
    await using server = startProcess(command, args);
    const [, fingerprint, port] = await server.waitForLog(/fingerprint (\S+) port (\d+)/);
    const gssProvider = provider({ ccache: await kdc.kinit(me) });
    await using transport = new Transport(['127.0.0.1', Number(port)], { gssProvider });
    const hostKey = gssKex ? refuse : ('ignore' as const);
    await transport.connect({ hostKey, username: me, gssAuth: true, gssKex, gssHost: 'localhost' });
    expect(transport.authAttempts.at(-1)?.method).toBe(gssKex ? 'gssapi-keyex' : 'gssapi-with-mic');
    // It names its host key in the key exchange, where others send none.
    expect(transport.getRemoteServerKey().fingerprint).toBe(fingerprint);
    expect(await run(transport, 'hello')).toBe('you said: hello\n');
    await transport.renegotiateKeys();
    expect(await run(transport, 'again')).toBe('you said: again\n');
  });
});

/** Who may log in: the principal of the same name in the realm. Says what it saw. */
class Kerberized extends ServerInterface {
  readonly seen: string[] = [];
  /** Where to put delegated credentials. */
  cache: string | null = null;

  override getAllowedAuths(): readonly string[] {
    return ['gssapi-keyex', 'gssapi-with-mic', 'password'];
  }

  override enableAuthGssapi(): boolean {
    return true;
  }

  override checkAuthGssapiWithMic(username: string, identity: GssIdentity) {
    return this.#check('with-mic', username, identity);
  }

  override checkAuthGssapiKeyex(username: string, identity: GssIdentity) {
    return this.#check('keyex', username, identity);
  }

  override checkAuthPassword(_username: string, password: string) {
    return password === 'secret' ? ('successful' as const) : ('failed' as const);
  }

  override checkChannelRequest(kind: string): boolean {
    return kind === 'session';
  }

  override checkChannelExecRequest(channel: Channel, command: Uint8Array): boolean {
    void (async () => {
      await channel.write(`you said: ${Buffer.from(command).toString()}\n`);
      channel.sendExitStatus(0);
      channel.close();
    })();
    return true;
  }

  async #check(how: string, username: string, { principal, delegated }: GssIdentity) {
    this.seen.push(`${how} ${principal} as ${username}, ${delegated === null ? 'nothing' : 'credentials'} delegated`);
    if (delegated !== null && this.cache !== null) await delegated.store(this.cache);
    return principal === `${username}@${REALM}` ? ('successful' as const) : ('failed' as const);
  }
}

interface AmikoServer extends AsyncDisposable {
  readonly port: number;
  readonly hooks: Kerberized;
  /** What the transports have logged. */
  readonly log: string[];
}

async function startAmiko(options: TransportOptions & { keytab?: string; hostKey?: boolean } = {}): Promise<AmikoServer> {
  const { keytab, hostKey = true, ...rest } = options;
  const hooks = new Kerberized();
  const log: string[] = [];
  const key = hostKey ? await generateKey('ed25519') : null;
  const transports: Transport[] = [];
  const server = createServer((socket) => {
    const gssProvider = provider(keytab === undefined ? {} : { keytab });
    const transport = new Transport(socket, { gssProvider, log: (_level, line) => void log.push(line), ...rest });
    transports.push(transport);
    if (key !== null) transport.addServerKey(key);
    // A client that goes away is the client's business; what went wrong is in the log.
    transport.startServer(hooks).catch(() => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as { port: number }).port,
    hooks,
    log,
    async [Symbol.asyncDispose]() {
      server.close();
      for (const transport of transports) transport.destroy();
      await Promise.all(transports.map((transport) => transport.closed));
    },
  };
}

describeKerberos(['ssh', 'plink', 'python3-gssapi', 'python3-asyncssh', 'python3-paramiko'], 'a server', () => {
  let env: Record<string, string>;
  beforeAll(async () => {
    await startRealm();
    env = { KRB5CCNAME: await kdc.kinit(me) };
  });
  afterAll(endRealm);

  const ssh = ({ port }: { port: number }, settings: Record<string, string>, extra: Record<string, string> = {}) => {
    const all = {
      BatchMode: 'yes',
      // Nobody is in there: only Kerberos can vouch for the server.
      UserKnownHostsFile: '/dev/null',
      GlobalKnownHostsFile: '/dev/null',
      StrictHostKeyChecking: 'yes',
      GSSAPIAuthentication: 'yes',
      GSSAPIKeyExchange: 'yes',
      ...settings,
    };
    const options = Object.entries(all).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
    return runPeer('ssh', ['-4', '-v', '-F', 'none', ...options, '-p', String(port), `${me}@localhost`, 'hello'], {
      env: { ...env, ...extra },
    });
  };

  it.each(names)("with OpenSSH's ssh: %s and gssapi-keyex", async (name) => {
    await using server = await startAmiko({ gssKex: [name as GssKexName] });
    const { stdout, stderr, code } = await ssh(server, {
      GSSAPIKexAlgorithms: name.replace(/[^-]+$/, ''),
      PreferredAuthentications: 'gssapi-keyex',
    });
    expect(stderr).toContain(`kex: algorithm: ${name}`);
    expect(stderr).toMatch(/Authenticated to .* using "gssapi-keyex"/);
    expect(stdout.toString()).toBe('you said: hello\n');
    expect(code).toBe(0);
    expect(server.hooks.seen).toEqual([`keyex ${me}@${REALM} as ${me}, nothing delegated`]);
  });

  it("with OpenSSH's ssh: no host key at all", async () => {
    await using server = await startAmiko({ gssKex: true, hostKey: false });
    const { stdout, stderr } = await ssh(server, { PreferredAuthentications: 'gssapi-keyex' });
    expect(stderr).toContain('kex: host key algorithm: null');
    expect(stdout.toString()).toBe('you said: hello\n');
  });

  it("with OpenSSH's ssh: rekeys", async () => {
    await using server = await startAmiko({ gssKex: true, rekey: { packets: 6 } });
    const { stdout, stderr } = await ssh(server, { PreferredAuthentications: 'gssapi-keyex' });
    expect(stdout.toString()).toBe('you said: hello\n');
    expect(stderr.match(/SSH2_MSG_NEWKEYS received/g)?.length).toBeGreaterThan(1);
  });

  it.each(['no', 'yes'])("with OpenSSH's ssh: gssapi-with-mic, after another key exchange, delegation %s", async (delegate) => {
    for (const gssDelegCreds of [false, true]) {
      await using server = await startAmiko({ gssDelegCreds });
      server.hooks.cache = kdc.file(`delegated-${delegate}-${gssDelegCreds}`);
      const { stdout, stderr } = await ssh(server, {
        PreferredAuthentications: 'gssapi-with-mic',
        StrictHostKeyChecking: 'no',
        GSSAPIDelegateCredentials: delegate,
      });
      expect(stderr).toMatch(/Authenticated to .* using "gssapi-with-mic"/);
      expect(stdout.toString()).toBe('you said: hello\n');
      const there = delegate === 'yes' && gssDelegCreds;
      expect(server.hooks.seen).toEqual([`with-mic ${me}@${REALM} as ${me}, ${there ? 'credentials' : 'nothing'} delegated`]);
      const stored = await kdc.klist(server.hooks.cache);
      if (there) expect(stored).toContain(`Default principal: ${me}@${REALM}`);
      else expect(stored).toBeNull();
    }
  });

  it("with OpenSSH's ssh: another principal is not let in, a wrong keytab neither", async () => {
    const mallory = { KRB5CCNAME: await kdc.kinit('mallory') };
    await using server = await startAmiko({ gssKex: true });
    const { code, stderr } = await ssh(server, {}, mallory);
    expect(code).toBe(255);
    expect(stderr).toContain('Permission denied (gssapi-keyex,gssapi-with-mic,password)');
    expect(server.hooks.seen).toContain(`keyex mallory@${REALM} as ${me}, nothing delegated`);
    expect(server.hooks.seen).toContain(`with-mic mallory@${REALM} as ${me}, nothing delegated`);
    await using wrong = await startAmiko({ keytab: await kdc.keytab('host/elsewhere', 'elsewhere.keytab') });
    expect((await ssh(wrong, { StrictHostKeyChecking: 'no' })).stderr).toContain('Permission denied');
    expect(wrong.hooks.seen).toEqual([]);
    expect(wrong.log.join('\n')).toContain('a login by GSS-API failed: no GSS-API context with the client');
    await using keyless = await startAmiko({ keytab: kdc.file('nothing.keytab') });
    expect((await ssh(keyless, { StrictHostKeyChecking: 'no' })).stderr).toContain('Permission denied');
    expect(keyless.log.join('\n')).toContain("a login by GSS-API failed: no Kerberos keys for 'host'");
  });

  it("with OpenSSH's ssh: a wrong keytab ends a key exchange", async () => {
    await using server = await startAmiko({ gssKex: true, keytab: await kdc.keytab('host/elsewhere', 'elsewhere.keytab') });
    const { code } = await ssh(server, {});
    expect(code).toBe(255);
    expect(server.log.join('\n')).toContain('no GSS-API context with the client');
    expect(server.hooks.seen).toEqual([]);
  });

  it('does not take a ticket for another service of the same host', async () => {
    await kdc.addPrincipal('http/localhost', { randomKey: true });
    const keytab = await kdc.keytab('http/localhost', 'http.keytab');
    await using server = await startAmiko({ keytab });
    const transport = new Transport(['127.0.0.1', server.port], {
      gssProvider: aimedAt('http@localhost', env['KRB5CCNAME'] as string),
    });
    await using _ = transport;
    await transport.startClient();
    await expect(transport.authGssapiWithMic(me, 'localhost')).rejects.toThrow(AuthenticationError);
    expect(server.hooks.seen).toEqual([]);
    expect(await transport.authPassword(me, 'secret')).toEqual([]);
  });

  it('with plink: a key exchange by ECDH, and gssapi-keyex', async () => {
    await using server = await startAmiko({ gssKex: true });
    const args = ['-4', '-ssh', '-v', '-batch', '-P', String(server.port), `${me}@localhost`, 'hello'];
    const { stdout, stderr } = await runPeer('plink', args, { env });
    expect(stdout.toString(), stderr).toBe('you said: hello\n');
    expect(server.hooks.seen).toEqual([`keyex ${me}@${REALM} as ${me}, nothing delegated`]);
  });

  it.each([
    ['gssapi-keyex', 'True', 'keyex'],
    ['gssapi-with-mic', 'False', 'with-mic'],
  ])('with asyncssh: %s', async (method, kex, how) => {
    await using server = await startAmiko({ gssKex: true });
    const script = `
import asyncio, asyncssh
async def main():
    async with asyncssh.connect('127.0.0.1', ${server.port}, username='${me}', known_hosts=None, config=None, client_keys=None,
                                gss_host='localhost', gss_kex=${kex}, gss_auth=True, preferred_auth='${method}') as c:
        print((await c.run('hello')).stdout, end='')
asyncio.run(main())
`;
    const { stdout, stderr } = await runPeer('python3-asyncssh', ['-c', script], { env });
    expect(stdout.toString(), stderr).toBe('you said: hello\n');
    expect(server.hooks.seen).toEqual([`${how} ${me}@${REALM} as ${me}, nothing delegated`]);
  });

  // Its key exchange by GSS-API ends in a TypeError of its own with Python 3.
  it('with paramiko: gssapi-with-mic', async () => {
    await using server = await startAmiko();
    const script = `
import paramiko, sys
c = paramiko.SSHClient()
c.set_missing_host_key_policy(paramiko.AutoAddPolicy())
c.connect('127.0.0.1', ${server.port}, username='${me}', look_for_keys=False, allow_agent=False,
          gss_auth=True, gss_host='localhost', gss_trust_dns=False, gss_deleg_creds=False)
print(c.exec_command('hello')[1].read().decode(), end='')
c.close()
`;
    const { stdout, stderr } = await runPeer('python3-paramiko', ['-c', script], { env });
    expect(stdout.toString(), stderr).toBe('you said: hello\n');
    expect(server.hooks.seen).toEqual([`with-mic ${me}@${REALM} as ${me}, nothing delegated`]);
  });

  it('with ourselves: both, and nobody is asked about the host key', async () => {
    await using server = await startAmiko({ gssKex: true, gssDelegCreds: true });
    const gssProvider = provider({ ccache: env['KRB5CCNAME'] as string });
    await using transport = new Transport(['127.0.0.1', server.port], { gssProvider });
    await transport.connect({ hostKey: refuse, username: me, gssKex: true, gssHost: 'localhost', gssDelegCreds: true });
    expect(server.hooks.seen).toEqual([`keyex ${me}@${REALM} as ${me}, credentials delegated`]);
    expect(await run(transport, 'hello')).toBe('you said: hello\n');
    await transport.renegotiateKeys();
    expect(await run(transport, 'again')).toBe('you said: again\n');
  });
});

/** Asks for tickets of another service than SSH does. */
function aimedAt(target: string, ccache: string) {
  const inner = provider({ ccache });
  return {
    ...inner,
    initContext: (options: Parameters<typeof inner.initContext>[0]) => inner.initContext({ ...options, target }),
  };
}

describe('without koffi', () => {
  it('the provider says what to install', async () => {
    // Only if this checkout has not got it after all.
    const missing = await import('koffi' as string).then(
      () => false,
      () => true,
    );
    expect(missing).toBe(true);
    await expect(gssapi().initContext({ target: 'host@h', delegate: false, mutual: true, integrity: true })).rejects.toThrow(
      /optional package 'koffi'.*npm install koffi/,
    );
  });
});
