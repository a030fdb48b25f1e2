// ssh and `amiko ssh` with the same configuration at the same server: what the keywords of ssh_config(5) do, and not only what -G
// says of them. Both have to end with the same status and print the same.
import { once } from 'node:events';
import { existsSync, readFileSync, renameSync, statSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer as createWebServer } from 'node:http';
import { connect, createServer } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { amikoBin } from '../support/amiko-serve.ts';
import { Cli } from '../support/cli.ts';
import {
  describePeer,
  freePort,
  keyPair,
  peerCommand,
  type RunOptions,
  type RunResult,
  runPeer,
  type Sshd,
  startProcess,
  startSshd,
  type TempDir,
  tempDir,
} from '../support/peers.ts';

interface Both {
  readonly ssh: RunResult;
  readonly amiko: RunResult;
}

describePeer(['sshd', 'ssh', 'ssh-keygen'], 'ssh and amiko ssh', () => {
  const dir: TempDir = tempDir();
  const cli = new Cli();
  const rsa = keyPair('rsa-2048');
  let server: Sshd;
  beforeAll(async () => {
    server = await startSshd({ authorizedKeys: [keyPair('ed25519').publicLine, rsa.publicLine] });
  });
  afterAll(async () => {
    await server.stop();
    await cli[Symbol.asyncDispose]();
    await dir.remove();
  });

  /** The host `web`, with these lines in front of what is needed to reach it. */
  const config = (lines: readonly string[], { knownHosts = server.knownHostsFile, at = server } = {}): string => {
    const { port, user, identity } = at;
    const access = ['Hostname 127.0.0.1', `Port ${port}`, `User ${user}`, `IdentityFile ${identity.path}`, 'IdentitiesOnly yes'];
    const trust = [`UserKnownHostsFile ${knownHosts}`, 'GlobalKnownHostsFile none', 'GSSAPIAuthentication no', 'BatchMode yes'];
    return dir.write('config', [...lines, 'Host web', ...access, 'Host *', ...trust, ''].join('\n'));
  };
  const both = async (file: string, args: readonly string[], options: RunOptions = {}): Promise<Both> => {
    const all = ['-F', file, ...args];
    return { ssh: await runPeer('ssh', all, options), amiko: await cli.run(['ssh', ...all], options) };
  };
  const outcome = ({ code, stdout }: RunResult) => ({ code, stdout: stdout.toString() });
  /** What both come to, which is the same. */
  const agreed = ({ ssh, amiko }: Both): { code: number | null; stdout: string } => {
    expect(outcome(amiko), `${ssh.stderr}\n${amiko.stderr}`).toEqual(outcome(ssh));
    return outcome(amiko);
  };
  const run = async (lines: readonly string[], args: readonly string[], options: RunOptions = {}) =>
    agreed(await both(config(lines), args, options));

  it.each<[string, readonly string[], readonly string[], number, string]>([
    ['names the terminal by SetEnv', ['SetEnv TERM=from-setenv'], ['-tt', 'web', 'echo "<$TERM>"'], 0, '<from-setenv>\r\n'],
    [
      'sends variables',
      ['SendEnv AMIKO_S*', 'SetEnv AMIKO_T="a b" TERM=x'],
      ['web', 'echo "$AMIKO_S,$AMIKO_T"'],
      0,
      'sent,a b\n',
    ],
    ['puts tokens into RemoteCommand', ['RemoteCommand echo %n %h %%'], ['web'], 0, 'web 127.0.0.1 %\n'],
    ['RequestTTY force', ['RequestTTY force'], ['web', 'test -t 0 && echo tty'], 0, 'tty\r\n'],
    ['RequestTTY no', ['RequestTTY no'], ['-n', 'web', 'test -t 0 || echo none'], 0, 'none\n'],
    ['BindAddress', ['BindAddress 127.0.0.9'], ['web', 'set -- $SSH_CONNECTION; echo $1'], 0, '127.0.0.9\n'],
    ['BindInterface', ['BindInterface lo'], ['web', 'set -- $SSH_CONNECTION; echo $1'], 0, '127.0.0.1\n'],
    ['BindAddress before it', ['BindInterface none-0', 'BindAddress 127.0.0.9'], ['web', 'echo in'], 0, 'in\n'],
    ['BindInterface of none', ['BindInterface none-0'], ['web', 'true'], 255, ''],
    ['-B', [], ['-B', 'none-0', 'web', 'true'], 255, ''],
    ['-S none', [], ['-S', 'none', '-oControlMaster=no', '-oControlPath=none', 'web', 'echo in'], 0, 'in\n'],
    ['AddressFamily inet6', ['AddressFamily inet6'], ['web', 'true'], 255, ''],
    ['PubkeyAuthentication no', ['PubkeyAuthentication no'], ['web', 'true'], 255, ''],
    ['PreferredAuthentications password', ['PreferredAuthentications password'], ['web', 'true'], 255, ''],
    ['PubkeyAcceptedAlgorithms of others', ['PubkeyAcceptedAlgorithms rsa-sha2-512'], ['web', 'true'], 255, ''],
    ['HostKeyAlias nobody', ['HostKeyAlias nobody'], ['web', 'true'], 255, ''],
    ['HostKeyAlgorithms', ['HostKeyAlgorithms ecdsa-sha2-nistp256'], ['web', 'echo in'], 0, 'in\n'],
    ['RequiredRSASize of the host', ['HostKeyAlgorithms rsa-sha2-*', 'RequiredRSASize 3073'], ['web', 'true'], 255, ''],
    [
      'RequiredRSASize that the host has',
      ['HostKeyAlgorithms rsa-sha2-*', 'RequiredRSASize 3072'],
      ['web', 'echo in'],
      0,
      'in\n',
    ],
    ['StrictHostKeyChecking yes', ['UserKnownHostsFile none', 'StrictHostKeyChecking yes'], ['web', 'true'], 255, ''],
    ['the usual pair of scripts', ['UserKnownHostsFile /dev/null', 'StrictHostKeyChecking no'], ['web', 'echo in'], 0, 'in\n'],
    ['ConnectTimeout of a command', ['ConnectTimeout 1', 'ProxyCommand sleep 60'], ['web', 'true'], 255, ''],
    ['ProxyCommand that ends', ['ProxyCommand exit 3'], ['web', 'true'], 255, ''],
    ['a user with an @', [], ['no@body@web', 'true'], 255, ''],
    ['what only others know', ['IgnoreUnknown UseKeychain', 'UseKeychain yes'], ['web', 'echo in'], 0, 'in\n'],
    ['an agent that is not there', ['IdentityAgent /etc/no-such/agent.sock'], ['web', 'echo in'], 0, 'in\n'],
    ['SessionType subsystem without one', ['SessionType subsystem'], ['web'], 0, ''],
    ['sharing of connections', ['ControlMaster no', 'ControlPath /etc/none-%C'], ['web', 'echo in'], 0, 'in\n'],
    ['a variable in a path', ['IdentityAgent $AMIKO_NONE', 'CertificateFile /etc/none-%h'], ['web', 'echo in'], 0, 'in\n'],
  ])('%s', async (_, lines, args, code, stdout) => {
    const env = { AMIKO_S: 'sent', AMIKO_NONE: '/etc/no-such/agent' };
    expect(await run(lines, args, { env })).toEqual({ code, stdout });
  });

  it.each<[string, readonly string[], readonly string[], RegExp]>([
    ['methods that nobody has', ['PreferredAuthentications hostbased'], ['true'], /none of the methods/],
    ['a keyword that is none', ['Nonsense yes'], ['true'], /nonsense/i],
  ])('a mistake of a file ends with 255, one that was typed with 2: %s', async (_, lines, command, why) => {
    const written = await both(config(lines), ['web', ...command]);
    expect(agreed(written)).toEqual({ code: 255, stdout: '' });
    expect(written.amiko.stderr).toMatch(why);
    expect(written.amiko.stderr).not.toContain('--help');
    const typed = lines.map((line) => `-o${line.replace(' ', '=')}`);
    const wrong = await cli.run(['ssh', '-F', config([]), ...typed, 'web', ...command]);
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining("Try 'amiko ssh --help'.") });
  });

  describePeer('ssh-trixie', 'with the ssh that knows ChannelTimeout', () => {
    const timed = async (limits: string, command: string) => {
      // An option: the configuration is not in the tree.
      const { port, user, identity, knownHostsFile } = server;
      const access = ['-F', 'none', '-p', String(port), '-i', identity.path, '-oBatchMode=yes', `-oChannelTimeout=${limits}`];
      const args = [...access, `-oUserKnownHostsFile=${knownHostsFile}`, '-n', `${user}@127.0.0.1`, command];
      return agreed({ ssh: await runPeer('ssh-trixie', args), amiko: await cli.run(['ssh', ...args]) });
    };
    it.each([
      ['session:command=1', 'echo in; sleep 60', { code: 255, stdout: 'in\n' }],
      ['direct-tcpip=1 s*=1', 'sleep 60', { code: 255, stdout: '' }],
      ['global=1', 'sleep 60', { code: 255, stdout: '' }],
      ['session:command=2', 'for i in 1 2 3; do echo $i; sleep 1; done; exit 3', { code: 3, stdout: '1\n2\n3\n' }],
      ['session:shell=1 direct-tcpip=1', 'sleep 2; exit 4', { code: 4, stdout: '' }],
      ['none', 'sleep 1; exit 5', { code: 5, stdout: '' }],
    ])('ChannelTimeout %s: %s', async (limits, command, expected) => {
      expect(await timed(limits, command)).toEqual(expected);
    });
  });

  it('ChannelTimeout ends a forwarded connection, and not the session', async () => {
    const port = await freePort();
    const file = config(['ChannelTimeout direct-tcpip=1', `LocalForward 127.0.0.1:${port} 127.0.0.1:${server.port}`]);
    const started = cli.start(['ssh', '-F', file, 'web', 'echo in; cat']);
    await expect.poll(() => started.text.out, { timeout: 10_000 }).toBe('in\n');
    const socket = connect(port, '127.0.0.1').resume();
    // sshd waits two minutes for a version, and says its own at once.
    await once(socket, 'close');
    started.stdin.end('still here');
    expect((await started.ended())[0]).toBe(0);
    expect(started.text.out).toBe('in\nstill here');
  });

  it('what only we cannot do ends in the same way', async () => {
    for (const lines of [['ProxyCommand true', 'ProxyUseFdpass yes'], ['ProxyCommand -'], ['SessionType none']]) {
      const run = (args: readonly string[], file: string) => cli.run(['ssh', '-F', file, ...args, 'web', 'true']);
      expect(await run([], config(lines))).toMatchObject({
        code: 255,
        stderr: expect.stringContaining('the configuration of web: '),
      });
      const typed = lines.map((line) => `-o${line}`);
      expect((await run(typed, config([]))).code).toBe(2);
      // Typed by half is typed.
      expect((await run(typed.slice(0, 1), config(lines.slice(1)))).code).toBe(2);
    }
  });

  it('-E appends the log to a file, and what a command or the banner says is no log', async () => {
    const banner = dir.write('banner', 'a banner\n');
    const greeting = await startSshd({ config: { Banner: banner } });
    try {
      const { knownHostsFile: knownHosts } = greeting;
      const file = config([], { at: greeting, knownHosts });
      const logs = { ssh: dir.join('ssh.log'), amiko: dir.join('amiko.log') };
      const to = async (...args: readonly string[]): Promise<Both> => ({
        ssh: await runPeer('ssh', ['-F', file, '-E', logs.ssh, ...args]),
        amiko: await cli.run(['ssh', '-F', file, '-E', logs.amiko, ...args]),
      });
      const worked = await to('web', 'echo out; echo err >&2');
      expect(agreed(worked)).toEqual({ code: 0, stdout: 'out\n' });
      expect([worked.ssh, worked.amiko].map(({ stderr }) => stderr)).toEqual(['a banner\nerr\n', 'a banner\nerr\n']);
      expect(Object.values(logs).map((log) => readFileSync(log, 'utf8'))).toEqual(['', '']);
      expect(Object.values(logs).map((log) => statSync(log).mode & 0o777)).toEqual([0o600, 0o600]);
      // Errors of ours, and those of the files; then they add up.
      const failed = await to('-oPreferredAuthentications=password', 'web', 'true');
      expect(agreed(failed).code).toBe(255);
      expect([failed.ssh, failed.amiko].map(({ stderr }) => stderr)).toEqual(['a banner\n', 'a banner\n']);
      dir.write('config', 'Nonsense yes\n');
      const wrong = await to('web', 'true');
      expect(agreed(wrong).code).toBe(255);
      expect([wrong.ssh, wrong.amiko].map(({ stderr }) => stderr)).toEqual(['', '']);
      for (const log of Object.values(logs)) {
        expect(readFileSync(log, 'utf8')).toMatch(/permission denied[\s\S]*nonsense[\s\S]*\n$/i);
      }
    } finally {
      await greeting.stop();
    }
    const debug = dir.join('debug.log');
    const { code, stderr } = await cli.run(['ssh', '-F', config([]), '-vE', debug, 'web', 'true']);
    expect([code, stderr]).toEqual([0, '']);
    expect(readFileSync(debug, 'utf8')).toMatch(/^debug1: /m);
    const none = await cli.run(['ssh', '-F', config([]), '-E', dir.join('none', 'log'), 'web', 'true']);
    expect(none).toMatchObject({
      code: 255,
      stderr: expect.stringMatching(/none\/log: the log cannot be appended to it: ENOENT/),
    });
  });

  it('an agent that is not there is no news where the login works', async () => {
    const { amiko } = await both(config(['IdentityAgent /etc/no-such/agent.sock']), ['web', 'true']);
    expect(amiko).toMatchObject({ code: 0, stderr: '' });
    const failed = await both(config(['IdentityAgent /etc/no-such/agent.sock']), ['-l', 'nobody-at-all', 'web', 'true']);
    expect(failed.amiko.stderr).toContain("the agent at /etc/no-such/agent.sock can't be reached");
  });

  it.each([
    ['ERROR', true],
    ['FATAL', true],
    ['QUIET', false],
  ])('LogLevel %s', async (level, told) => {
    const { ssh, amiko } = await both(config([`LogLevel ${level}`]), ['-l', 'nobody-at-all', 'web', 'true']);
    agreed({ ssh, amiko });
    expect([ssh, amiko].map(({ stderr }) => /permission denied/i.test(stderr))).toEqual([told, told]);
  });

  it('a key of ours that others can read, or that is too short, is not used', async () => {
    const exposed = dir.write('exposed', server.identity.privateText, 0o640);
    const { port, user, knownHostsFile } = server;
    const only = (key: string, ...options: readonly string[]) => {
      const lines = [`UserKnownHostsFile ${knownHostsFile}`, 'IdentitiesOnly yes', 'BatchMode yes', `IdentityFile ${key}`];
      return both(dir.write('only', `${lines.join('\n')}\n`), [...options, '-p', String(port), `${user}@127.0.0.1`, 'echo in']);
    };
    const refused = await only(exposed);
    expect(agreed(refused)).toEqual({ code: 255, stdout: '' });
    expect(refused.amiko.stderr).toContain(`identity ${exposed} is not used: others have rights to the file (0640)`);
    expect(agreed(await only(rsa.path, '-oRequiredRSASize=2049')).code).toBe(255);
    expect(agreed(await only(rsa.path, '-oRequiredRSASize=2048')).code).toBe(0);
  });

  it('CASignatureAlgorithms', async () => {
    const ca = keyPair('ed25519', { name: 'ca' });
    const host = keyPair('ed25519', { name: 'certified' });
    const sign = ['-q', '-s', ca.path, '-I', 'host', '-h', '-n', '127.0.0.1', host.publicPath];
    expect((await runPeer('ssh-keygen', sign)).code).toBe(0);
    const keys = { HostKey: host.path, HostCertificate: `${host.path}-cert.pub` };
    const certified = await startSshd({ config: keys });
    try {
      const knownHosts = dir.write('authority', `@cert-authority [127.0.0.1]:${certified.port} ${ca.publicLine}\n`);
      const at = (...lines: readonly string[]) => both(config(lines, { knownHosts, at: certified }), ['web', 'echo in']);
      expect(agreed(await at())).toEqual({ code: 0, stdout: 'in\n' });
      expect(agreed(await at('CASignatureAlgorithms ssh-ed25519'))).toEqual({ code: 0, stdout: 'in\n' });
      expect(agreed(await at('CASignatureAlgorithms -ssh-ed25519'))).toEqual({ code: 255, stdout: '' });
      const refused = await at('CASignatureAlgorithms rsa-sha2-512,ecdsa-sha2-nistp256');
      expect(agreed(refused)).toEqual({ code: 255, stdout: '' });
      expect(refused.amiko.stderr).toContain("certificate 'host' does not help: its authority has signed it by ssh-ed25519");
    } finally {
      await certified.stop();
    }
  });

  it('Include of a folder, and keys whose files are named after the host', async () => {
    await mkdir(dir.join('config.d'), { recursive: true });
    const { port, user, identity } = server;
    const lines = [`Port ${port}`, `User ${user}`, `IdentityFile ${dir.path}/id_%h`, 'IdentitiesOnly yes'];
    await writeFile(dir.join('config.d', '10-hosts'), `Host nick\n  Hostname 127.0.0.1\n  ${lines.join('\n  ')}\n`, {
      mode: 0o600,
    });
    await writeFile(dir.join('config.d', 'other.bak'), 'Nonsense\n', { mode: 0o600 });
    dir.write('id_127.0.0.1', identity.privateText);
    const file = config([`Include ${dir.path}/config.d/*-hosts ${dir.path}/config.d/none-*`]);
    expect(agreed(await both(file, ['nick', 'echo in']))).toEqual({ code: 0, stdout: 'in\n' });
  });

  it('a forward that is typed and configured is one, and there before LocalCommand runs', async () => {
    const port = await freePort();
    const forward = [`127.0.0.1:${port}`, `127.0.0.1:${server.port}`] as const;
    const script = dir.write(
      'banner.cjs',
      "require('net').connect(+process.argv[2]).once('data',d=>{process.stdout.write(d.subarray(0,8));process.exit()})",
    );
    const local = ['PermitLocalCommand yes', `LocalCommand ${process.execPath} ${script} ${port}`];
    const lines = [`LocalForward ${forward.join(' ')}`, 'ExitOnForwardFailure yes'];
    // With ssh, nobody serves the forward as long as the command runs; that it listens shows in the status.
    expect(await run(lines, ['-L', forward.join(':'), 'web', 'echo in'])).toEqual({ code: 0, stdout: 'in\n' });
    const used = await cli.run(['ssh', '-F', config([...lines, ...local]), 'web', 'echo in']);
    expect(outcome(used)).toEqual({ code: 0, stdout: 'SSH-2.0-in\n' });
  });

  it('StreamLocalBindUnlink removes a socket that somebody has left', async () => {
    const socket = dir.join('left');
    const leave = async () => {
      const listening = createServer();
      await new Promise<void>((resolve) => listening.listen(dir.join('made'), resolve));
      renameSync(dir.join('made'), socket);
      await new Promise((resolve) => listening.close(resolve));
      expect(existsSync(socket)).toBe(true);
    };
    const args = ['-oExitOnForwardFailure=yes', '-L', `${socket}:127.0.0.1:${server.port}`, 'web', 'echo in'];
    for (const [unlink, code] of [
      ['no', 255],
      ['yes', 0],
    ] as const) {
      const file = config([`StreamLocalBindUnlink ${unlink}`]);
      await leave();
      const ssh = await runPeer('ssh', ['-F', file, ...args]);
      if (!existsSync(socket)) await leave();
      const amiko = await cli.run(['ssh', '-F', file, ...args]);
      expect(agreed({ ssh, amiko }).code).toBe(code);
    }
    const kept = dir.write('no-socket', 'content');
    const there = ['-oStreamLocalBindUnlink=yes', '-oExitOnForwardFailure=yes', '-L', `${kept}:127.0.0.1:1`, 'web', 'true'];
    expect((await cli.run(['ssh', '-F', config([]), ...there])).code).toBe(255);
    expect(readFileSync(kept, 'utf8')).toBe('content');
  });

  it('ConnectionAttempts wait for a host that is about to start', async () => {
    const port = await freePort();
    const file = config([]);
    const args = ['-oConnectionAttempts=20', '-p', String(port), '-v', 'web', 'true'];
    const started = cli.start(['ssh', '-F', file, ...args]);
    await expect.poll(() => started.text.err, { timeout: 10_000 }).toContain('ECONNREFUSED');
    expect(started.exitCode).toBeNull();
    const late = createServer((socket) =>
      socket
        .on('error', () => {})
        .resume()
        .end('SSH-2.0-late\r\n'),
    );
    await new Promise<void>((resolve) => late.listen(port, '127.0.0.1', resolve));
    expect((await started.ended())[0]).toBe(255);
    expect(started.text.err).toContain('the peer is SSH-2.0-late');
    await new Promise((resolve) => late.close(resolve));
    const refused = await cli.run(['ssh', '-F', file, '-oConnectionAttempts=2', '-v', '-p', String(port), 'web', 'true']);
    expect(refused.stderr.match(/trying again/g)).toHaveLength(1);
  });

  it.runIf(process.platform === 'linux').each([
    ['yes', '02'],
    ['no', '00'],
  ])('TCPKeepAlive %s is what the system does', async (value, timer) => {
    const started = cli.start(['ssh', '-F', config([`TCPKeepAlive ${value}`]), 'web', 'echo $SSH_CONNECTION; cat >/dev/null']);
    await expect.poll(() => started.text.out, { timeout: 10_000 }).toMatch(/\n/);
    const local = Number(started.text.out.split(' ')[1]).toString(16).toUpperCase().padStart(4, '0');
    // proc(5): the address of this end, the other's, the state (01 established), the queues, and the timer that runs (2 keepalive).
    const row = new RegExp(`:${local} [0-9A-F]+:[0-9A-F]{4} 01 \\S+ (\\d\\d):`);
    await expect.poll(() => row.exec(readFileSync('/proc/net/tcp', 'utf8'))?.[1], { timeout: 10_000 }).toBe(timer);
    started.stdin.end();
    expect((await started.ended())[0]).toBe(0);
  });

  it.each([
    ['Host *', 'ForwardX11 yes', 'ForwardAgent yes'],
    ['UsePrivilegedPort no', 'Cipher blowfish', 'Protocol 2'],
    ['CertificateFile /etc/no-such/cert.pub'],
  ])('%s, %s, %s of files for every host are passed over without a word', async (...lines) => {
    const { ssh, amiko } = await both(config(lines), ['web', 'echo in']);
    expect(agreed({ ssh, amiko })).toEqual({ code: 0, stdout: 'in\n' });
    expect([ssh.stderr, amiko.stderr]).toEqual(['', '']);
  });

  it('Match exec that is killed, or cannot run, decides nothing: not even !exec', async () => {
    const lines = ['Match !exec "kill $$"', 'SetEnv AMIKO_S=applied', 'Host *'];
    const { ssh, amiko } = await both(config(lines), ['web', 'echo in']);
    expect(agreed({ ssh, amiko })).toEqual({ code: 255, stdout: '' });
    expect(amiko.stderr).toMatch(/config line 1: the command of Match exec was ended by SIGTERM/);
    const env = { SHELL: '/etc/no-such/shell' };
    expect((await run(['Match !exec "true"', 'Host *'], ['web', 'echo in'], { env })).code).toBe(255);
  });

  it('a ProxyCommand does not get the password of the host behind it', async () => {
    const env = { AMIKO_PASSWORD: 'secret' };
    const file = config(['ProxyCommand env | grep -c AMIKO_PASSWORD >&2; env | grep -c ^HOME= >&2; false']);
    const { stderr } = await cli.run(['ssh', '-F', file, 'web', 'true'], { env });
    expect(stderr).toMatch(/^0\n1\n/);
  });

  it('a RemoteForward that cannot be is the end with ExitOnForwardFailure', async () => {
    const taken = [`RemoteForward 127.0.0.1:${server.port}`];
    const told = await both(config(taken), ['web', 'echo in']);
    expect(agreed(told)).toEqual({ code: 0, stdout: 'in\n' });
    expect(told.amiko.stderr).toMatch(/remote dynamic forwarding from 127\.0\.0\.1:\d+ failed/);
    expect(await run([...taken, 'ExitOnForwardFailure yes'], ['web', 'echo in'])).toEqual({ code: 255, stdout: '' });
  });

  describePeer('curl', 'with curl', () => {
    const web = createWebServer((_request, response) => response.end('here'));
    let at = 0;
    beforeAll(async () => {
      await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
      ({ port: at } = web.address() as { port: number });
    });
    afterAll(() => {
      web.close();
    });

    it.each<[string, (port: number) => string | null, readonly boolean[]]>([
      ['without PermitRemoteOpen', () => null, [true, true]],
      ['of any', () => 'any', [true, true]],
      ['of none', () => 'none', [false, false]],
      ['of a host and a port', (port) => `127.0.0.1:${port}`, [true, false]],
      ['of a name in brackets', (port) => `[localhost]:${port} 127.0.0.1:1`, [false, true]],
      ['of a name in capitals', (port) => `LOCALHOST:${port}`, [false, false]],
      ['of every host', (port) => `*:${port}`, [true, true]],
      ['of every port', () => 'localhost:*', [false, true]],
      ['of a pattern, which is none', (port) => `127.*:${port} local*:${port}`, [false, false]],
      ['of others', (port) => `localhost:${port + 1}`, [false, false]],
    ])('RemoteForward without a destination, %s', async (_, permit, expected) => {
      const lines = permit(at) === null ? [] : [`PermitRemoteOpen ${permit(at)}`];
      const file = config(lines);
      for (const program of ['ssh', 'amiko'] as const) {
        const port = await freePort();
        const args = ['-F', file, '-v', '-N', '-R', `127.0.0.1:${port}`, 'web'];
        await using process =
          program === 'ssh'
            ? startProcess(...peerCommand('ssh', args))
            : startProcess(globalThis.process.execPath, [amikoBin, 'ssh', ...args], { env: cli.env() });
        await process.waitForLog(/remote forward success|the server listens on/);
        const reached = await Promise.all(
          ['127.0.0.1', 'localhost'].map(async (host) => {
            const proxy = ['--socks5-hostname', `127.0.0.1:${port}`];
            return (await runPeer('curl', ['-sS', '--max-time', '10', ...proxy, `http://${host}:${at}/`])).stdout.toString();
          }),
        );
        expect(
          reached.map((text) => text === 'here'),
          program,
        ).toEqual(expected);
      }
    });
  });

  it('Match exec runs as often, for jump hosts as well; LocalCommand of nobody but ssh', async () => {
    const log = dir.join('ran');
    const lines = [
      `Match exec "echo exec %n >> ${log}"`,
      'PermitLocalCommand yes',
      `LocalCommand echo local %n >> ${log}`,
      'Match originalhost inner',
      'Hostname 127.0.0.1',
      `Port ${server.port}`,
      `User ${server.user}`,
      `IdentityFile ${server.identity.path}`,
      'ProxyJump web',
    ];
    const file = config(lines);
    const ran = async (start: () => Promise<RunResult>): Promise<string[]> => {
      dir.write('ran', '');
      expect((await start()).code).toBe(0);
      return readFileSync(log, 'utf8').split('\n').slice(0, -1).sort();
    };
    expect(await ran(() => cli.run(['ssh', '-F', file, 'web', 'true']))).toEqual(
      await ran(() => runPeer('ssh', ['-F', file, 'web', 'true'])),
    );
    const theirs = await ran(() => runPeer('ssh', ['-F', file, 'inner', 'true']));
    const ours = await ran(() => cli.run(['ssh', '-F', file, 'inner', 'true']));
    expect(theirs).toEqual(['exec inner', 'exec web', 'local inner', 'local web']);
    // A jump host is no session of its own here.
    expect(ours).toEqual(['exec inner', 'exec web', 'local inner']);
    const source = dir.write('source', 'content');
    const transfers = await ran(() => cli.run(['cp', '-F', file, source, `web:${dir.join('copied')}`]));
    expect(transfers).toEqual(await ran(() => runPeer('scp', ['-F', file, source, `web:${dir.join('copied')}`])));
    const browsing = await ran(() => cli.run(['sftp', '-F', file, '-b', '-', 'web'], { input: 'pwd\n' }));
    expect(browsing).toEqual(await ran(() => runPeer('sftp', ['-F', file, '-b', '-', 'web'], { input: 'pwd\n' })));
  });
});
