// Forwarding as users of the command line have it: `amiko ssh` with OpenSSH's sshd, OpenSSH's `ssh` with `amiko serve`, each a
// process of its own. It runs what is in dist/, which `npm test` builds first.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer, type NetConnectOpts, type Socket, type Server as TcpServer, connect as tcpConnect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AmikoServe, amikoBin, startAmikoServe } from '../support/amiko-serve.ts';
import {
  type BackgroundProcess,
  describePeer,
  freePort,
  peerCommand,
  type RunResult,
  randomBytes,
  run,
  runPeer,
  type Sshd,
  sha256,
  startProcess,
  startSshd,
  type TempDir,
  tempDir,
} from '../support/peers.ts';

const MIB = 1 << 20;
const blob = randomBytes(16 * MIB, 'cli-forward');
const blobHash = sha256(blob);

interface Echo {
  readonly server: TcpServer;
  readonly port: number;
}

let home: TempDir;
let echo: Echo;
let unixEcho: Echo;
let unixPath: string;

beforeAll(async () => {
  home = tempDir();
  echo = await startEcho({ host: '127.0.0.1', port: 0 });
  unixPath = home.join('echo');
  unixEcho = await startEcho({ path: unixPath });
});
afterAll(async () => {
  echo.server.close();
  unixEcho.server.close();
  await home.remove();
});

/** Sends back what it gets, and ends when its peer does. */
async function startEcho(where: { port: number; host: string } | { path: string }): Promise<Echo> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    socket.pipe(socket);
  });
  server.listen(where);
  await once(server, 'listening');
  const address = server.address();
  return { server, port: typeof address === 'object' && address !== null ? address.port : 0 };
}

type Place = { readonly host: string; readonly port: number } | { readonly path: string };

/** Connects, sends the blob and its end, and hashes what comes back up to the end. */
async function roundTrip(place: Place): Promise<string> {
  const socket = tcpConnect({ ...place, allowHalfOpen: true } as NetConnectOpts);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.end(blob);
  await once(socket, 'end');
  return sha256(Buffer.concat(chunks));
}

/** Resolves with how a connection that cannot be passed on ends: 'end' or an error's code. */
function fate(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'));
    socket.on('end', () => resolve('end'));
    socket.resume();
    // Something to be refused for, too: some clients wait for the first byte.
    socket.write('x');
  });
}

const loopback = (port: number): Place => ({ host: '127.0.0.1', port });

describePeer('sshd', 'amiko ssh to sshd', () => {
  let sshd: Sshd;
  beforeAll(async () => {
    sshd = await startSshd();
  });
  afterAll(() => sshd.stop());

  const argsTo = (server: Sshd, ...options: string[]): string[] => [
    amikoBin,
    'ssh',
    ...['-i', server.identity.path, '-p', String(server.port), '-o', `UserKnownHostsFile=${server.knownHostsFile}`],
    ...['-o', 'GlobalKnownHostsFile=none', '-o', 'BatchMode=yes', ...options],
    `${server.user}@127.0.0.1`,
  ];
  const args = (...options: string[]): string[] => argsTo(sshd, ...options);
  const env = () => ({ HOME: home.path, AMIKO_PASSWORD: undefined });
  const start = (...options: string[]): BackgroundProcess => startProcess(process.execPath, args(...options), { env: env() });
  const amiko = (options: string[], command: string[] = [], input: Uint8Array | string = ''): Promise<RunResult> =>
    run(process.execPath, [...args(...options), ...command], { env: env(), input });

  it('-N -L: 16 MiB through an address of ours, port 0 printed, both loopback addresses', async () => {
    await using client = start('-N', '-v', '-L', `0:127.0.0.1:${echo.port}`);
    const port = Number((await client.waitForLog(/Allocated port (\d+) for local forward to 127.0.0.1:\d+/))[1]);
    expect(await roundTrip(loopback(port))).toBe(blobHash);
    const hasIPv6 = existsSync('/proc/net/if_inet6') && readFileSync('/proc/net/if_inet6', 'utf8').includes(' lo\n');
    if (hasIPv6) expect(await roundTrip({ host: '::1', port })).toBe(blobHash);
    expect(client.log()).toMatch(/debug1: listening on 127\.0\.0\.1:\d+ for 127\.0\.0\.1:\d+\n/);
  });

  it('-L: other hosts get through only with -g, or an address that says so', async () => {
    const [loopbackOnly, gateway, named, six] = [await freePort(), await freePort(), await freePort(), await freePort()];
    const to = `127.0.0.1:${echo.port}`;
    const elsewhere = (port: number): Place => ({ host: '127.0.0.2', port });
    await using plain = start('-N', '-v', '-L', `${loopbackOnly}:${to}`, '-L', `*:${named}:${to}`, '-L', `[::1]:${six}:${to}`);
    await plain.waitForLog(new RegExp(`listening on \\[::1\\]:${six}|cannot listen on \\[::1\\]:${six}`));
    await expect(once(tcpConnect({ host: '127.0.0.2', port: loopbackOnly }), 'connect')).rejects.toThrow('ECONNREFUSED');
    await expect(once(tcpConnect({ host: '127.0.0.1', port: six }), 'connect')).rejects.toThrow('ECONNREFUSED');
    expect(await roundTrip(elsewhere(named))).toBe(blobHash);
    await using open = start('-N', '-v', '-g', '-L', `${gateway}:${to}`);
    await open.waitForLog(/listening on/);
    expect(await roundTrip(elsewhere(gateway))).toBe(blobHash);
  });

  it('-L: a target that refuses is told about and costs only that connection', async () => {
    const [port, nobody] = [await freePort(), await freePort()];
    await using client = start('-N', '-v', '-L', `${port}:127.0.0.1:${echo.port}`, '-L', `0:127.0.0.1:${nobody}`);
    const refused = Number((await client.waitForLog(/Allocated port (\d+) for local forward/))[1]);
    expect(await fate(tcpConnect({ host: '127.0.0.1', port: refused }))).toBe('ECONNRESET');
    await client.waitForLog(new RegExp(`amiko: connection to 127.0.0.1:${nobody}: open failed: .*[Cc]onnect`));
    expect(await roundTrip(loopback(port))).toBe(blobHash);
  });

  it('-L and -R between unix sockets and ports, the socket for its user alone', async () => {
    const [local, remote] = [home.join('local.sock'), sshd.dir.join('remote.sock')];
    const port = await freePort();
    await using client = start(
      ...['-N', '-v', '-L', `${local}:${unixPath}`, '-L', `${port}:${unixPath}`],
      ...['-R', `${remote}:127.0.0.1:${echo.port}`, '-R', `0:${unixPath}`],
    );
    const allocated = Number((await client.waitForLog(/Allocated port (\d+) for remote forward to \//))[1]);
    expect(statSync(local).mode & 0o777).toBe(0o600);
    expect(await roundTrip({ path: local })).toBe(blobHash);
    expect(await roundTrip(loopback(port))).toBe(blobHash);
    expect(await roundTrip({ path: remote })).toBe(blobHash);
    expect(await roundTrip(loopback(allocated))).toBe(blobHash);
  });

  it('-R: 16 MiB from a port of the server, and one of the server’s choice', async () => {
    const port = await freePort();
    await using client = start('-N', '-v', '-R', `127.0.0.1:${port}:127.0.0.1:${echo.port}`, '-R', `0:127.0.0.1:${echo.port}`);
    const allocated = Number((await client.waitForLog(/^Allocated port (\d+) for remote forward to 127\.0\.0\.1:\d+$/m))[1]);
    await client.waitForLog(/the server listens on localhost:\d+/);
    expect(await roundTrip(loopback(port))).toBe(blobHash);
    expect(await roundTrip(loopback(allocated))).toBe(blobHash);
  });

  describePeer('curl', 'with curl', () => {
    it('-D: SOCKS 5 by name and SOCKS 4', async () => {
      const { createServer: createWebServer } = await import('node:http');
      const web = createWebServer((_request, response) => response.end(blob));
      web.listen(0, '127.0.0.1');
      await once(web, 'listening');
      const url = `http://localhost:${(web.address() as { port: number }).port}/`;
      await using client = start('-N', '-D', '0');
      const port = Number((await client.waitForLog(/Allocated port (\d+) for local forward to a SOCKS proxy/))[1]);
      for (const proxy of ['--socks5-hostname', '--socks4a']) {
        const fetched = await runPeer('curl', ['-sS', proxy, `127.0.0.1:${port}`, url]);
        expect(sha256(fetched.stdout), fetched.stderr).toBe(blobHash);
      }
      const nobody = await freePort();
      const refused = await runPeer('curl', ['-sS', '--socks5-hostname', `127.0.0.1:${port}`, `http://127.0.0.1:${nobody}/`]);
      expect(refused.code).toBe(97);
      await client.waitForLog(/open failed/);
      web.close();
    });
  });

  it('-W: 16 MiB through stdin and stdout, nothing else on them', async () => {
    const result = await amiko(['-W', `127.0.0.1:${echo.port}`], [], blob);
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(sha256(result.stdout)).toBe(blobHash);
    const unix = await amiko(['-W', unixPath], [], blob);
    expect(sha256(unix.stdout)).toBe(blobHash);
  });

  it('-W to nobody fails with 255 and says why', async () => {
    const port = await freePort();
    const result = await amiko(['-W', `127.0.0.1:${port}`]);
    expect(result.code).toBe(255);
    expect(result.stderr).toMatch(new RegExp(`^amiko: connection to 127.0.0.1:${port}: open failed: .*\n$`));
  });

  it('is a ProxyCommand for ssh', async () => {
    const words = [process.execPath, ...args('-W', `127.0.0.1:${sshd.port}`)].map((word) => `'${word}'`);
    const result = await runPeer('ssh', [...sshd.sshArgs({ ProxyCommand: words.join(' ') }), 'echo through'], {
      env: { ...env(), HOME: home.path },
    });
    expect(result.stdout.toString(), result.stderr).toBe('through\n');
  });

  it('runs a command beside a forward, whose connections outlive it', async () => {
    const port = await freePort();
    const client = spawn(process.execPath, [...args('-L', `${port}:127.0.0.1:${echo.port}`), 'echo up; read line'], {
      env: { ...process.env, HOME: home.path },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const exited = once(client, 'exit');
    try {
      await once(client.stdout, 'data');
      const socket = tcpConnect({ host: '127.0.0.1', port, allowHalfOpen: true });
      socket.write('before\n');
      expect(String((await once(socket, 'data'))[0])).toBe('before\n');
      client.stdin.end('go\n');
      // The command's end closes stdout of the session; the connection goes on.
      client.stdout.resume();
      socket.write('after\n');
      expect(String((await once(socket, 'data'))[0])).toBe('after\n');
      expect(client.exitCode).toBeNull();
      socket.end();
      expect(await exited).toEqual([0, null]);
    } finally {
      client.kill('SIGKILL');
    }
  });

  it('a forward that cannot be set up is an error to go on with, or the end', async () => {
    const taken = ['-L', `127.0.0.1:${echo.port}:127.0.0.1:1`];
    const goesOn = await amiko(taken, ['echo on']);
    expect(goesOn).toMatchObject({ code: 0, stdout: Buffer.from('on\n') });
    expect(goesOn.stderr).toMatch(/^amiko: local forwarding from 127\.0\.0\.1:\d+ to 127\.0\.0\.1:1 failed: .*EADDRINUSE/);
    const ends = await amiko([...taken, '-o', 'ExitOnForwardFailure=yes'], ['echo on']);
    expect(ends).toMatchObject({ code: 255, stdout: Buffer.alloc(0) });
    expect(ends.stderr).toMatch(/local forwarding .* failed/);
    const remote = ['-R', `127.0.0.1:${echo.port}:127.0.0.1:1`, '-o', 'ExitOnForwardFailure=yes'];
    const refused = await amiko(remote, ['echo on']);
    expect(refused.code).toBe(255);
    expect(refused.stderr).toMatch(/remote forwarding .* failed: .*tcpip-forward/);
    const cleared = await amiko([...taken, '-o', 'ExitOnForwardFailure=yes', '-o', 'ClearAllForwardings=yes'], ['echo on']);
    expect(cleared).toMatchObject({ code: 0, stderr: '' });
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('-N ends on %s with %i after a DISCONNECT', async (signal, code) => {
    const from = sshd.log().length;
    const socket = home.join(`${signal}.sock`);
    const line = args('-N', '-L', `${socket}:${unixPath}`, '-L', `0:127.0.0.1:${echo.port}`);
    const client: ChildProcess = spawn(process.execPath, line, {
      env: { ...process.env, HOME: home.path },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const exited = once(client, 'exit');
    try {
      await once(client.stderr as NodeJS.ReadableStream, 'data');
      expect(existsSync(socket)).toBe(true);
      client.kill(signal);
      expect(await exited).toEqual([code, null]);
      expect(existsSync(socket)).toBe(false);
      await sshd.waitForLog(/Received disconnect from 127\.0\.0\.1/, 10_000, from);
    } finally {
      client.kill('SIGKILL');
    }
  });

  it('-N ends with 255 when the connection does', async () => {
    await using server = await startSshd();
    const finished = run(process.execPath, argsTo(server, '-N', '-L', `0:127.0.0.1:${echo.port}`), { env: env() });
    await server.waitForLog(/Accepted publickey/);
    await server.stop();
    expect((await finished).code).toBe(255);
  });

  describePeer('ssh-agent', 'with an agent', () => {
    it('-A: the far side sees the keys; without it, or with -a, nothing', async () => {
      await using agent = await startAgent(sshd.identity.path);
      const list = (options: string[]) =>
        run(process.execPath, [...args(...options), 'ssh-add -l'], { env: { ...env(), SSH_AUTH_SOCK: agent.socket } });
      const result = await list(['-A']);
      expect(result.stdout.toString(), result.stderr).toContain(agent.fingerprint);
      for (const options of [[], ['-A', '-a']]) {
        const none = await list(options);
        expect(none.code).not.toBe(0);
        expect(none.stdout.toString()).not.toContain('SHA256');
      }
      const byPath = await amiko(['-o', `ForwardAgent=${agent.socket}`], ['ssh-add -l']);
      expect(byPath.stdout.toString(), byPath.stderr).toContain(agent.fingerprint);
    });
  });

  describePeer('xauth', 'with a display', () => {
    it('-X: programs get through with a cookie that is not the display’s, and without it not at all', async () => {
      await using display = await startDisplay();
      const config = { X11Forwarding: 'yes', XAuthLocation: peerCommand('xauth', [])[0] };
      // sshd would write its entry into the home directory of whoever runs the tests.
      await using server = await startSshd({ config: { ...config, SetEnv: `XAUTHORITY=${home.join('authority')}` } });
      const x11 = (options: string[], command: string): Promise<RunResult> =>
        run(process.execPath, [...argsTo(server, ...options), command], { env: { ...env(), ...display.env } });
      const result = await x11(['-X'], x11Program());
      const [, shown = ''] = /^localhost:\d+\.0 ([0-9a-f]{32})\nwelcome\n$/.exec(result.stdout.toString()) ?? [];
      expect(shown, result.stdout.toString() + result.stderr).not.toBe('');
      expect(shown).not.toBe(display.cookie);
      expect(display.presented).toEqual([display.cookie]);
      const wrong = await x11(['-Y'], `${x11Program()} ${'00'.repeat(16)}`);
      expect(wrong.stdout.toString()).not.toContain('welcome');
      expect(wrong.stderr).toContain('an X11 connection was refused: the wrong X11 cookie');
      expect(display.presented).toHaveLength(1);
      const without = await x11(['-X', '-x'], 'echo "[$DISPLAY]"');
      expect(without).toMatchObject({ code: 0, stdout: Buffer.from('[]\n'), stderr: '' });
      const refused = await run(process.execPath, [...args('-X', '-q'), 'echo "[$DISPLAY]"'], {
        env: { ...env(), ...display.env },
      });
      expect(refused).toMatchObject({ code: 0, stdout: Buffer.from('[]\n'), stderr: '' });
    });
  });

  it('-A and -X without an agent or a display: a warning, and the session goes on', async () => {
    const result = await amiko(['-A', '-X'], ['echo on']);
    expect(result).toMatchObject({ code: 0, stdout: Buffer.from('on\n') });
    expect(result.stderr).toBe(
      'Warning: no X11 forwarding: there is no X11 display: DISPLAY is not set\n' +
        'Warning: there is no agent to forward: SSH_AUTH_SOCK is not set\n',
    );
  });
});

/** A display that lets in who has the cookie, an authority file that says so, and what it has seen. */
interface FakeDisplay extends AsyncDisposable {
  readonly env: Readonly<Record<string, string>>;
  readonly cookie: string;
  /** The cookies that were presented, hexadecimal. */
  readonly presented: readonly string[];
}

/** Not an X server, but what forwarding sees of one: the setup, its authorization and an answer. */
async function startDisplay(): Promise<FakeDisplay> {
  const dir = tempDir();
  const cookie = randomBytes(16, 'x11').toString('hex');
  const presented: string[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (setup: Buffer) => {
      const nameEnd = 12 + ((setup.readUInt16LE(6) + 3) & ~3);
      presented.push(setup.subarray(nameEnd, nameEnd + setup.readUInt16LE(8)).toString('hex'));
      socket.end('welcome\n');
    });
  });
  // Displays begin at port 6000; a forwarded one would be near 6010.
  for (let number = 300; !server.listening; number++) {
    server.listen(6_000 + number, '127.0.0.1');
    await Promise.race([once(server, 'listening'), once(server, 'error').catch(() => {})]).catch(() => {});
  }
  const { port } = server.address() as { port: number };
  const env = { DISPLAY: `127.0.0.1:${port - 6_000}`, XAUTHORITY: dir.join('authority') };
  const added = await runPeer('xauth', ['-q', 'add', env.DISPLAY, 'MIT-MAGIC-COOKIE-1', cookie], { env });
  expect(added.code, added.stderr).toBe(0);
  return {
    env,
    cookie,
    presented,
    async [Symbol.asyncDispose]() {
      server.close();
      await dir.remove();
    },
  };
}

/** An X11 program for the far side: connects to DISPLAY with the cookie that xauth has for it, and prints it and the answer. */
const X11_PROGRAM = String.raw`
const { connect } = require('node:net');
const { execFileSync } = require('node:child_process');
const [, host, number] = /^(.*):(\d+)/.exec(process.env.DISPLAY);
const list = execFileSync('xauth', ['list', 'unix:' + number], { encoding: 'utf8' });
const cookie = Buffer.from(process.argv[1] || list.trim().split(/\s+/).pop(), 'hex');
const setup = Buffer.alloc(12 + 20 + 16);
setup.write('l'); setup.writeUInt16LE(11, 2); setup.writeUInt16LE(18, 6); setup.writeUInt16LE(16, 8);
setup.write('MIT-MAGIC-COOKIE-1', 12); cookie.copy(setup, 32);
console.log(process.env.DISPLAY, cookie.toString('hex'));
const socket = connect(6000 + Number(number), '127.0.0.1', () => socket.write(setup));
socket.on('error', (error) => console.log(error.code));
socket.pipe(process.stdout);
`;

/** The program, in a file that a shell can start; with an argument, it presents that cookie. */
function x11Program(): string {
  return `'${process.execPath}' -e "$(cat '${home.write('x11-program', X11_PROGRAM)}')"`;
}

interface Agent extends AsyncDisposable {
  readonly socket: string;
  readonly fingerprint: string;
}

/** OpenSSH's agent, with one key in it. */
async function startAgent(key: string): Promise<Agent> {
  const dir = tempDir();
  const socket = dir.join('agent');
  const agent = startProcess(...peerCommand('ssh-agent', ['-D', '-a', socket]));
  await agent.waitForLog(/SSH_AUTH_SOCK/);
  const added = await run('ssh-add', ['-q', key], { env: { SSH_AUTH_SOCK: socket } });
  expect(added.code, added.stderr).toBe(0);
  const { stdout } = await run('ssh-add', ['-l'], { env: { SSH_AUTH_SOCK: socket } });
  const [fingerprint = 'none'] = /SHA256:\S+/.exec(stdout.toString()) ?? [];
  return {
    socket,
    fingerprint,
    async [Symbol.asyncDispose]() {
      await agent.stop();
      await dir.remove();
    },
  };
}

describePeer(['ssh', 'ssh-agent', 'curl'], 'ssh to amiko serve', () => {
  let server: AmikoServe;
  beforeAll(async () => {
    server = await startAmikoServe({ args: ['--exec', '--allow-forward', '--allow-agent-forward', '--allow-x11'] });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  const start = (...options: string[]): BackgroundProcess =>
    startProcess(...peerCommand('ssh', ['-N', '-v', '-o', 'ExitOnForwardFailure=yes', ...options, ...server.sshArgs()]));

  it('-L and -D: 16 MiB each, and a target that refuses', async () => {
    const [local, socks, dead] = [await freePort(), await freePort(), await freePort()];
    const nobody = await freePort();
    const forwards = ['-L', `${local}:127.0.0.1:${echo.port}`, '-L', `${dead}:127.0.0.1:${nobody}`, '-D', `${socks}`];
    await using client = start(...forwards);
    await client.waitForLog(/Entering interactive session/);
    expect(await roundTrip(loopback(local))).toBe(blobHash);
    await fate(tcpConnect({ host: '127.0.0.1', port: dead }));
    await client.waitForLog(/channel \d+: open failed: connect failed: connect ECONNREFUSED/);
    const event = await server.waitForEvent((each) => each.event === 'forward' && each['where'] === `127.0.0.1:${echo.port}`);
    expect(event['request']).toBe('direct-tcpip');
    const { createServer: createWebServer } = await import('node:http');
    const web = createWebServer((_request, response) => response.end(blob));
    web.listen(0, '127.0.0.1');
    await once(web, 'listening');
    const url = `http://127.0.0.1:${(web.address() as { port: number }).port}/`;
    const fetched = await runPeer('curl', ['-sS', '--socks5-hostname', `127.0.0.1:${socks}`, url]);
    expect(sha256(fetched.stdout), fetched.stderr).toBe(blobHash);
    web.close();
  });

  it('-R: a port, one of our choice, on loopback whatever was asked for', async () => {
    const port = await freePort();
    await using client = start('-R', `*:${port}:127.0.0.1:${echo.port}`, '-R', `0:127.0.0.1:${echo.port}`);
    const allocated = Number((await client.waitForLog(/Allocated port (\d+) for remote forward/))[1]);
    await client.waitForLog(new RegExp(`remote forward success for: listen .*${port}`));
    expect(await roundTrip(loopback(port))).toBe(blobHash);
    expect(await roundTrip(loopback(allocated))).toBe(blobHash);
    await expect(once(tcpConnect({ host: '127.0.0.2', port }), 'connect')).rejects.toThrow('ECONNREFUSED');
  });

  it('-L and -R with unix sockets, for the user alone, gone with the connection', async () => {
    const [local, remote] = [home.join('ours.sock'), home.join('theirs.sock')];
    {
      await using client = start('-L', `${local}:${unixPath}`, '-R', `${remote}:${unixPath}`);
      await client.waitForLog(/remote forward success/);
      expect(await roundTrip({ path: local })).toBe(blobHash);
      expect(await roundTrip({ path: remote })).toBe(blobHash);
      expect(statSync(remote).mode & 0o777).toBe(0o600);
    }
    const isForward = (where: unknown) => where === remote;
    const { connection } = await server.waitForEvent(({ event, where }) => event === 'forward' && isForward(where));
    await server.waitForEvent((each) => each.event === 'close' && each['connection'] === connection);
    // The event comes first; by the time of another session's end the socket is gone, or it was left.
    await runPeer('ssh', [...server.sshArgs(), 'true']);
    expect(existsSync(remote)).toBe(false);
  });

  it('-W: 16 MiB through stdin and stdout', async () => {
    const result = await runPeer('ssh', ['-W', `127.0.0.1:${echo.port}`, ...server.sshArgs()], { input: blob });
    expect(sha256(result.stdout), result.stderr).toBe(blobHash);
    expect(result.code).toBe(0);
  });

  it('amiko ssh to amiko serve', async () => {
    const options = ['-i', server.identity.path, '-p', String(server.port), '-o', `UserKnownHostsFile=${server.knownHostsFile}`];
    const line = [amikoBin, 'ssh', ...options, '-W', `127.0.0.1:${echo.port}`, `${server.user}@127.0.0.1`];
    const result = await run(process.execPath, line, { env: { HOME: home.path }, input: blob });
    expect(sha256(result.stdout), result.stderr).toBe(blobHash);
  });

  describePeer('ssh-agent', 'with an agent', () => {
    it('-A: commands see the keys through a socket of their own, which is gone after them', async () => {
      await using agent = await startAgent(server.identity.path);
      const command = 'ssh-add -l && stat -c "%a %U" "$(dirname "$SSH_AUTH_SOCK")" && echo "$SSH_AUTH_SOCK"';
      const env = { SSH_AUTH_SOCK: agent.socket };
      const result = await runPeer('ssh', ['-A', ...server.sshArgs(), command], { env });
      const [keys = '', mode, path = ''] = result.stdout.toString().split('\n');
      expect(keys, result.stderr).toContain(agent.fingerprint);
      expect(mode).toMatch(/^700 /);
      expect(path).not.toBe(agent.socket);
      const { connection } = await server.waitForEvent(({ event, where }) => event === 'forward' && where === path);
      await server.waitForEvent((each) => each.event === 'close' && each['connection'] === connection);
      // The folder goes right behind the session: by the time of another session's end, or it was left.
      await runPeer('ssh', [...server.sshArgs(), 'true']);
      expect(existsSync(path)).toBe(false);
      const without = await runPeer('ssh', [...server.sshArgs(), 'echo "[$SSH_AUTH_SOCK]"'], { env });
      expect(without.stdout.toString()).toBe('[]\n');
    });
  });

  describePeer('xauth', 'with a display', () => {
    it('-Y: programs get through, with an authority of their own that is gone after them', async () => {
      await using display = await startDisplay();
      const command = `${x11Program()}; echo "$XAUTHORITY"; stat -c %a "$XAUTHORITY"`;
      const result = await runPeer('ssh', ['-Y', ...server.sshArgs(), command], { env: display.env });
      const [first = '', welcome, authority = '', mode] = result.stdout.toString().split('\n');
      expect(first, result.stdout.toString() + result.stderr).toMatch(/^localhost:1\d\.0 [0-9a-f]{32}$/);
      expect([welcome, mode]).toEqual(['welcome', '600']);
      expect(display.presented).toEqual([display.cookie]);
      expect(first).not.toContain(display.cookie);
      const [where = ''] = first.split(' ');
      const { connection } = await server.waitForEvent((each) => each.event === 'forward' && each['where'] === where);
      await server.waitForEvent((each) => each.event === 'close' && each['connection'] === connection);
      await runPeer('ssh', [...server.sshArgs(), 'true']);
      expect(existsSync(authority)).toBe(false);
      const port = 6_000 + Number(/:(\d+)/.exec(where)?.[1]);
      await expect(once(tcpConnect({ host: '127.0.0.1', port }), 'connect')).rejects.toThrow('ECONNREFUSED');
    });
  });

  it('forwards where it runs no commands', async () => {
    await using gateway = await startAmikoServe({ args: ['--allow-forward'] });
    const port = await freePort();
    const line = ['-N', '-v', '-L', `${port}:127.0.0.1:${echo.port}`, ...gateway.sshArgs()];
    await using client = startProcess(...peerCommand('ssh', line));
    await client.waitForLog(/Entering interactive session/);
    expect(await roundTrip(loopback(port))).toBe(blobHash);
    const command = await runPeer('ssh', [...gateway.sshArgs(), 'echo in']);
    expect(command).toMatchObject({ code: 255, stdout: Buffer.alloc(0) });
  });

  describe('without --allow-...', () => {
    let strict: AmikoServe;
    beforeAll(async () => {
      strict = await startAmikoServe();
    });
    afterAll(() => strict[Symbol.asyncDispose]());

    it('refuses every kind, and lets commands run all the same', async () => {
      const tcp = await runPeer('ssh', ['-W', `127.0.0.1:${echo.port}`, ...strict.sshArgs()]);
      expect(tcp.code).not.toBe(0);
      expect(tcp.stderr).toContain('administratively prohibited');
      const options = ['-o', 'ExitOnForwardFailure=yes', '-N'];
      const listen = await runPeer('ssh', [...options, '-R', `0:127.0.0.1:${echo.port}`, ...strict.sshArgs()]);
      expect(listen.code).toBe(255);
      expect(listen.stderr).toContain('remote port forwarding failed');
      const path = home.join('never.sock');
      const unix = await runPeer('ssh', [...options, '-R', `${path}:${unixPath}`, ...strict.sshArgs()]);
      expect(unix.code).toBe(255);
      expect(existsSync(path)).toBe(false);
      await using agent = await startAgent(strict.identity.path);
      const env = { SSH_AUTH_SOCK: agent.socket, DISPLAY: ':77' };
      const session = await runPeer('ssh', ['-AX', ...strict.sshArgs(), 'echo "[$SSH_AUTH_SOCK$DISPLAY]"'], { env });
      expect(session.stdout.toString()).toBe('[]\n');
      expect(strict.events().filter(({ event }) => event === 'forward')).toEqual([]);
    });
  });

  it('leaves nothing behind when it stops', async () => {
    const folders = tempDir();
    const own = await startAmikoServe({
      args: ['--exec', '--allow-forward', '--allow-agent-forward'],
      env: { TMPDIR: folders.path },
    });
    await using agent = await startAgent(own.identity.path);
    const line = ['-A', '-R', `0:127.0.0.1:${echo.port}`, ...own.sshArgs(), 'echo up; sleep 1000'];
    await using client = startProcess(...peerCommand('ssh', line), { env: { SSH_AUTH_SOCK: agent.socket } });
    await client.waitForLog(/up/);
    expect(readdirSync(folders.path)).toHaveLength(1);
    expect(await own.stop()).toBe(0);
    expect(readdirSync(folders.path)).toEqual([]);
    await own[Symbol.asyncDispose]();
    await folders.remove();
  });
});
