// `-f`: as with ssh, whoever started it gets the shell back once all is set up. Each background process is ended by its own test.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { amikoBin } from '../support/amiko-serve.ts';
import { Cli } from '../support/cli.ts';
import { describePeer, freePort, type RunResult, runPeer, type Sshd, startSshd } from '../support/peers.ts';
import { Screen } from '../support/screen.ts';

describePeer(['sshd', 'ssh', 'tmux'], '-f', () => {
  const cli = new Cli();
  let server: Sshd;
  let access: readonly string[];
  beforeAll(async () => {
    server = await startSshd();
    const trust = ['-oGSSAPIAuthentication=no', '-oGlobalKnownHostsFile=/dev/null', '-oIdentitiesOnly=yes'];
    access = ['-F', 'none', '-p', String(server.port), '-i', server.identity.path, '-l', server.user, ...trust];
  });
  afterAll(async () => {
    await server.stop();
    await cli[Symbol.asyncDispose]();
  });

  const known = () => `-oUserKnownHostsFile=${server.knownHostsFile}`;
  const both = async (...args: readonly string[]): Promise<RunResult[]> => {
    const all = [...access, known(), '-oBatchMode=yes', ...args];
    return [await runPeer('ssh', all, { input: 'not read' }), await cli.run(['ssh', ...all], { input: 'not read' })];
  };

  it.each<[string, readonly string[], number, string]>([
    ['what the command prints comes all the same', ['-f', '127.0.0.1', 'echo in; sleep 1; echo later'], 0, 'in\nlater\n'],
    ['how it ends, and stdin, are nobody’s business any more', ['-f', '127.0.0.1', 'cat; echo $?; exit 3'], 0, '0\n'],
    ['a login that fails', ['-f', '-oPreferredAuthentications=password', '127.0.0.1', 'true'], 255, ''],
    ['without a command', ['-f', '127.0.0.1'], 255, ''],
    ['by the keyword', ['-oForkAfterAuthentication=yes', '127.0.0.1', 'echo in; exit 3'], 0, 'in\n'],
  ])('%s', async (_, args, code, stdout) => {
    for (const result of await both(...args)) {
      expect({ code: result.code, stdout: result.stdout.toString() }, result.stderr).toEqual({ code, stdout });
    }
  });

  it('a forward that cannot be is told before', async () => {
    const forward = `127.0.0.1:${server.port}:127.0.0.1:1`;
    for (const { code, stderr } of await both('-f', '-N', '-oExitOnForwardFailure=yes', '-L', forward, '127.0.0.1')) {
      expect(code).toBe(255);
      expect(String(stderr)).toContain(String(server.port));
    }
  });

  it('-N: the forward is there when the shell comes back, and goes on in a session of its own', async () => {
    const port = await freePort();
    const forward = `127.0.0.1:${port}:127.0.0.1:${server.port}`;
    const started = cli.start(['ssh', ...access, known(), '-v', '-f', '-N', '-L', forward, '127.0.0.1']);
    const closed = started.ended();
    expect((await once(started, 'exit'))[0]).toBe(0);
    // The process in the background says it, on a stderr that outlives the one in front.
    await expect.poll(() => started.text.err, { timeout: 10_000 }).toMatch(/as process \d+/);
    const pid = Number(/as process (\d+)/.exec(started.text.err)?.[1]);
    try {
      // stdout is free at once.
      if (!started.stdout.readableEnded) await once(started.stdout, 'end');
      const socket = connect(port, '127.0.0.1');
      expect(String((await once(socket, 'data'))[0])).toMatch(/^SSH-2\.0-OpenSSH/);
      socket.destroy();
      if (process.platform === 'linux') {
        // proc(5): the fourth field after the name is the session.
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        expect(Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[3])).toBe(pid);
      }
    } finally {
      process.kill(pid, 'SIGTERM');
    }
    await closed;
    expect(started.text.err).toContain('SIGTERM: closing');
  });

  it.each(['SIGTERM', 'SIGKILL'] as const)('before that, %s ends both', async (signal) => {
    const started = cli.start(['ssh', ...access, '-v', '-oProxyCommand=cat >/dev/null', '-f', '127.0.0.1', 'true']);
    await expect.poll(() => started.text.err, { timeout: 10_000 }).toContain('the proxy command is');
    started.kill(signal);
    // When nobody has stderr any more, nobody is left.
    const [code, by] = await started.ended();
    expect([code, by]).toEqual(signal === 'SIGTERM' ? [143, null] : [null, 'SIGKILL']);
  });

  it('asks on the terminal before it goes', async () => {
    await using screen = await Screen.open(cli.home.path, [160, 30]);
    const file = cli.home.join('known-now');
    const settings = ['-oStrictHostKeyChecking=ask', `-oUserKnownHostsFile=${file}`, '-oHashKnownHosts=no'];
    const command = [process.execPath, amikoBin, 'ssh', ...access, ...settings, '-f', '127.0.0.1', "'sleep 1; echo l\\ater'"];
    cli.home.write('run', `exec ${command.join(' ')}\n`, 0o700);
    await screen.type(`sh ${cli.home.join('run')}`, 'Enter');
    await screen.until(/yes\/no/);
    await screen.type('yes', 'Enter');
    await screen.until(/local> $/);
    expect(readFileSync(file, 'utf8')).toContain(server.hostKeys.ed25519.publicLine.split(' ')[1]);
    await screen.type('echo s$((6 * 7))', 'Enter');
    await screen.until(/s42/);
    await screen.until(/later/);
  });
});
