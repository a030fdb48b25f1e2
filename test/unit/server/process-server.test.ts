// Programs on channels: what ProcessServer starts, what reaches it and what comes back, and that nothing outlives its channel.
// Real programs, our own client. The optional terminal module is not needed here; its absence is what is tested.

import { readFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Channel, ChannelRequestError, generateKey, Transport } from '../../../src/index.ts';
import { loadTerminals } from '../../../src/server/terminal.ts';
import { createServer, ProcessServer, type ProcessServerOptions, type SessionStart } from '../../../src/server.ts';
import { randomBytes, sha256 } from '../../support/peers.ts';

const hostKey = await generateKey('ed25519');
const account = { name: 'someone', home: '/', shell: '/bin/sh' };

class Open extends ProcessServer {
  override getAllowedAuths() {
    return ['none'];
  }
  override checkAuthNone() {
    return 'successful' as const;
  }
}

async function login(options: ProcessServerOptions = { exec: true }) {
  const decisions: Open[] = [];
  const sessions: SessionStart[] = [];
  const server = createServer({
    hostKeys: [hostKey],
    server: (connection) => {
      const made = new Open(connection, { account, onSession: (session) => sessions.push(session), ...options });
      decisions.push(made);
      return made;
    },
  });
  const { host, port } = await server.listen();
  const transport = new Transport({ host, port });
  onTestFinished(async () => {
    await transport.close();
    await server.close();
    await Promise.all(decisions.map((each) => each.ended()));
  });
  await transport.connect({ hostKey: hostKey.publicKey });
  await transport.authNone('u');
  const ended = () => (decisions[0] as Open).ended();
  return { transport, server, sessions, ended, localPort: port };
}

async function exec(transport: Transport, command: string | Uint8Array): Promise<Channel> {
  const channel = await transport.openSession();
  await channel.execCommand(command);
  return channel;
}

async function output(channel: Channel) {
  const [stdout, stderr, { code, signal }] = await Promise.all([
    channel.stdout.readAll(),
    channel.stderr.readAll(),
    channel.exited,
  ]);
  return { stdout: Buffer.from(stdout).toString(), stderr: Buffer.from(stderr).toString(), code, signal };
}

/** Resolves when the process is no more, or a zombie that nobody has waited for yet. */
async function gone(pid: number): Promise<void> {
  const runs = () => {
    try {
      return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
    } catch {
      return false;
    }
  };
  await expect.poll(runs, { interval: 10, timeout: 5_000 }).toBe(false);
}

describe('commands', () => {
  it('have stdout, stderr and an exit status', async () => {
    const { transport, sessions } = await login();
    expect(await output(await exec(transport, 'echo out; echo err >&2; exit 42'))).toEqual({
      stdout: 'out\n',
      stderr: 'err\n',
      code: 42,
      signal: null,
    });
    expect(sessions).toMatchObject([{ request: 'exec', terminal: false }]);
  });

  it('get stdin to its end, and lose no output', async () => {
    const { transport } = await login();
    const blob = randomBytes(8 << 20, 'process');
    const channel = await exec(transport, 'cat');
    const sent = (async () => {
      for (let at = 0; at < blob.length; at += 100_000) await channel.write(blob.subarray(at, at + 100_000));
      channel.shutdownWrite();
    })();
    const received = await channel.stdout.readAll();
    await sent;
    expect(sha256(received)).toBe(sha256(blob));
    expect((await channel.exited).code).toBe(0);
  });

  it('that end before their output is read lose nothing', async () => {
    const { transport, ended } = await login();
    const channel = await exec(transport, 'head -c 3000000 /dev/zero; echo err >&2; exit 3');
    // More than the window: the rest waits in the server's queue and in the pipe until somebody reads.
    await expect.poll(() => channel.stdout.bytes, { interval: 10 }).toBe(2 ** 21);
    const { stdout, stderr, code } = await output(channel);
    expect([stdout.length, stderr, code]).toEqual([3_000_000, 'err\n', 3]);
    await ended();
  });

  it('are held back when nobody reads, and do not fill the memory', async () => {
    const { transport, ended } = await login();
    const channel = await exec(transport, 'yes');
    await expect.poll(() => channel.stdout.bytes, { interval: 10 }).toBe(2 ** 21);
    const before = process.memoryUsage().rss;
    // Long enough for hundreds of megabytes at the speed of `yes`.
    for (let i = 0; i < 20; i++) await transport.ping();
    expect(channel.stdout.bytes).toBe(2 ** 21);
    expect(process.memoryUsage().rss - before).toBeLessThan(64 << 20);
    channel.close();
    await ended();
  });

  it('that do not read stdin do not stop the client', async () => {
    const { transport } = await login();
    const channel = await exec(transport, 'exec <&-; echo closed; read line; exit 5');
    const chunk = new Uint8Array(1 << 20);
    const sent = (async () => {
      for (let i = 0; i < 16; i++) await channel.write(chunk);
    })().catch(() => {});
    expect(await output(channel)).toMatchObject({ stdout: 'closed\n', code: 5 });
    await sent;
  });

  it('report the signal that killed them', async () => {
    const { transport } = await login();
    for (const signal of ['TERM', 'KILL', 'SEGV']) {
      expect(await output(await exec(transport, `kill -${signal} $$`))).toMatchObject({ code: null, signal });
    }
  });

  it('see the signals that the client sends, with their whole group', async () => {
    const { transport } = await login();
    const child = 'sh -c "echo \\$\\$; exec sleep 1000" &';
    const channel = await exec(transport, `trap 'echo got usr1; exit 9' USR1; ${child} wait`);
    const pid = Number(Buffer.from((await channel.read()) as Uint8Array).toString());
    channel.sendSignal('USR1');
    expect(await output(channel)).toMatchObject({ stdout: 'got usr1\n', code: 9 });
    await gone(pid);
  });

  it('do not see signals that there are not', async () => {
    const { transport } = await login();
    const channel = await exec(transport, 'cat');
    for (const name of ['NOPE', 'STOP', '9', 'toString']) channel.sendSignal(name);
    await channel.write('still here');
    channel.shutdownWrite();
    expect(await output(channel)).toMatchObject({ stdout: 'still here', code: 0 });
  });

  it('are refused where they are not text, or a second one comes', async () => {
    const { transport } = await login();
    const channel = await transport.openSession();
    await expect(channel.execCommand(new Uint8Array([0x65, 0xff]))).rejects.toThrow(ChannelRequestError);
    await expect(channel.execCommand(Buffer.from('echo a\0b'))).rejects.toThrow(ChannelRequestError);
    await channel.execCommand('echo ä; cat');
    await expect(channel.execCommand('echo b')).rejects.toThrow(ChannelRequestError);
    channel.shutdownWrite();
    expect(await output(channel)).toMatchObject({ stdout: 'ä\n', code: 0 });
  });

  it('that cannot be started say why', async () => {
    const { transport } = await login({ shell: true, account: { ...account, shell: '/no/such/shell' } });
    const channel = await transport.openSession();
    await channel.invokeShell();
    const { stderr, code } = await output(channel);
    expect(stderr).toMatch(/^amiko: cannot start the command: .*\/no\/such\/shell/);
    expect(code).toBe(126);
  });

  it('start in the root directory where there is no home', async () => {
    const { transport } = await login({ exec: true, account: { ...account, home: '/no/such/home' } });
    expect(await output(await exec(transport, 'pwd'))).toMatchObject({ stdout: '/\n' });
  });
});

describe('a program that still runs', () => {
  it('is ended with its channel, and its children with it', async () => {
    const { transport, ended } = await login();
    const channel = await exec(transport, 'sleep 1000 & echo $! $$; wait');
    const [child, shell] = Buffer.from((await channel.read()) as Uint8Array)
      .toString()
      .split(/\s/)
      .map(Number);
    channel.close();
    await ended();
    await gone(child as number);
    await gone(shell as number);
  });

  it('is ended with its connection', async () => {
    const { transport, ended } = await login();
    const channel = await exec(transport, 'echo $$; exec sleep 1000');
    const pid = Number(Buffer.from((await channel.read()) as Uint8Array).toString());
    transport.destroy();
    await ended();
    await gone(pid);
  });

  it('is killed where it does not want to end', async () => {
    const { transport, ended } = await login({ exec: true, killGrace: 100 });
    const channel = await exec(transport, "trap '' TERM; echo $$; while :; do sleep 1; done");
    const pid = Number(Buffer.from((await channel.read()) as Uint8Array).toString());
    const since = performance.now();
    channel.close();
    await ended();
    expect(performance.now() - since).toBeGreaterThanOrEqual(95);
    await gone(pid);
  });

  it('does not hold up the end of a channel whose pipes a daemon keeps open', async () => {
    const { transport, ended } = await login();
    const channel = await exec(transport, 'setsid sh -c "echo \\$\\$; exec sleep 1000" & wait');
    const pid = Number(Buffer.from((await channel.read()) as Uint8Array).toString());
    onTestFinished(() => void process.kill(pid, 'SIGKILL'));
    channel.close();
    await ended();
    // It has left the group on purpose.
    expect(() => process.kill(pid, 0)).not.toThrow();
  });
});

describe('the environment', () => {
  it('is small, and none of the server', async () => {
    process.env['AMIKO_TEST_SECRET'] = 'secret';
    onTestFinished(() => void delete process.env['AMIKO_TEST_SECRET']);
    const { transport, localPort } = await login();
    const { stdout } = await output(await exec(transport, 'env'));
    const variables = new Map(
      stdout
        .trim()
        .split('\n')
        .map((line) => line.split(/=(.*)/s) as [string, string]),
    );
    // The shell adds some of its own.
    for (const name of ['PWD', 'OLDPWD', 'SHLVL', '_']) variables.delete(name);
    expect([...variables.keys()].sort()).toEqual(['HOME', 'LOGNAME', 'PATH', 'SHELL', 'SSH_CLIENT', 'SSH_CONNECTION', 'USER']);
    expect(variables.get('USER')).toBe('someone');
    expect(variables.get('SSH_CLIENT')).toMatch(new RegExp(`^127\\.0\\.0\\.1 \\d+ ${localPort}$`));
    expect(variables.get('SSH_CONNECTION')).toMatch(new RegExp(`^127\\.0\\.0\\.1 \\d+ 127\\.0\\.0\\.1 ${localPort}$`));
  });

  it("takes from the client what a pattern allows, and never what is the server's to say", async () => {
    const { transport } = await login({ exec: true, acceptEnv: ['LC_*', 'A?', 'HOME'] });
    const channel = await transport.openSession();
    await channel.setEnvironmentVariable('LC_ALL', 'C');
    await channel.setEnvironmentVariable('AB', 'x=y z');
    await channel.setEnvironmentVariable('HOME', '/evil');
    for (const name of ['LD_PRELOAD', 'NODE_OPTIONS', 'ABC', 'LC']) {
      await expect(channel.setEnvironmentVariable(name, 'x')).rejects.toThrow(ChannelRequestError);
    }
    await expect(channel.setEnvironmentVariable('LC_BAD', new Uint8Array([0xff]))).rejects.toThrow(ChannelRequestError);
    await expect(channel.setEnvironmentVariable('LC_NUL', Buffer.from('a\0b'))).rejects.toThrow(ChannelRequestError);
    await channel.execCommand('echo "$LC_ALL|$AB|$HOME|$LC_BAD|$LC_NUL"');
    expect(await output(channel)).toMatchObject({ stdout: 'C|x=y z|/||\n' });
  });
});

describe('what is not asked for', () => {
  it('is denied: sessions, shells, subsystems, other channels', async () => {
    const nothing = await login({});
    await expect(nothing.transport.openSession()).rejects.toMatchObject({ code: 'ERR_SSH_CHANNEL_OPEN', reason: 1 });
    const { transport } = await login({ exec: true });
    const channel = await transport.openSession();
    await expect(channel.invokeShell()).rejects.toThrow(ChannelRequestError);
    await expect(channel.invokeSubsystem('sftp')).rejects.toThrow(ChannelRequestError);
    const forward = { destAddr: ['127.0.0.1', 22], srcAddr: ['127.0.0.1', 1] } as const;
    await expect(transport.openChannel('direct-tcpip', forward)).rejects.toMatchObject({ reason: 1 });
    expect(await transport.globalRequest('tcpip-forward', new Uint8Array(8))).toBeNull();
  });
});

describe('a shell', () => {
  it('is a login shell that reads commands', async () => {
    const { transport } = await login({ shell: true });
    const channel = await transport.openSession();
    await channel.invokeShell();
    await channel.write('echo "$0"; exit 6\n');
    expect(await output(channel)).toMatchObject({ stdout: '-sh\n', code: 6 });
  });
});

describe.runIf(typeof loadTerminals() === 'string')('without the terminal module', () => {
  it('terminals are refused, and the shell that comes all the same says why', async () => {
    const { transport } = await login({ shell: true });
    const channel = await transport.openSession();
    await expect(channel.getPty()).rejects.toThrow(ChannelRequestError);
    await channel.invokeShell();
    await channel.write('echo here; exit\n');
    const { stdout, stderr } = await output(channel);
    expect(stdout).toBe('here\n');
    expect(stderr).toBe('amiko: no terminal: the optional module @lydell/node-pty is not installed on the server\r\n');
  });
});
