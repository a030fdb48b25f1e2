// `amiko agent` in both directions: our agent for ssh-add and ssh, and what we say to ssh-agent. It runs what is in dist/, or AMIKO_BIN.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { expect, it } from 'vitest';
import { amikoBin } from '../support/amiko-serve.ts';
import { describePeer, keyPair, type RunOptions, run, runPeer, startSshd, type TempDir, tempDir } from '../support/peers.ts';

const types = ['ed25519', 'ecdsa', 'rsa'] as const;

async function amiko(args: readonly string[], options?: RunOptions) {
  const { code, stdout, stderr } = await run(process.execPath, [amikoBin, 'agent', ...args], options);
  return { code, stdout: stdout.toString(), stderr };
}

function sshAdd(args: readonly string[], env: NonNullable<RunOptions['env']>) {
  return run('ssh-add', args, { env }).then(({ code, stdout, stderr }) => ({ code, stdout: stdout.toString(), stderr }));
}

/** Copies of keys, each with a certificate of `ca` beside it. */
async function certified(dir: TempDir, principal: string): Promise<readonly string[]> {
  const files = types.map((type) => {
    const key = keyPair(type, { name: 'agent' });
    dir.write(`${type}.pub`, `${key.publicLine}\n`);
    return dir.write(type, key.privateText);
  });
  const publicFiles = files.map((file) => `${file}.pub`);
  const ca = keyPair('ed25519', { name: 'ca' }).path;
  const signed = await runPeer('ssh-keygen', ['-q', '-s', ca, '-I', 'an id', '-n', principal, ...publicFiles]);
  expect(signed.code).toBe(0);
  return files;
}

/** Without the key in a file. */
const notIdentity = (word: string, index: number, words: readonly string[]) => word !== '-i' && words[index - 1] !== '-i';

interface Running extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly socket: string;
}

/** `amiko agent` in the foreground, as a process of its own. */
async function startAgent(args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Promise<Running> {
  const child = spawn(process.execPath, [amikoBin, 'agent', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  });
  const closed = once(child, 'close');
  let text = '';
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
    text += String(chunk);
    if (text.includes('echo Agent pid')) break;
  }
  const socket = /^SSH_AUTH_SOCK=(\S+); export SSH_AUTH_SOCK;\nSSH_AGENT_PID=\d+; export SSH_AGENT_PID;\n/.exec(text)?.[1];
  if (socket === undefined) throw new Error(`the agent said ${text}`);
  return {
    child,
    socket,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      child.stdout?.resume();
      await closed;
    },
  };
}

describePeer(['ssh-agent', 'ssh-keygen', 'sshd', 'ssh'], 'our agent', () => {
  it('keeps keys and certificates of ssh-add, and lets ssh log in with them', async () => {
    await using dir = tempDir();
    await using sshd = await startSshd({
      authorizedKeys: types.map((type) => keyPair(type, { name: 'agent' }).publicLine),
    });
    await using byCertificate = await startSshd({
      authorizedKeys: [],
      config: { TrustedUserCAKeys: keyPair('ed25519', { name: 'ca' }).publicPath },
    });
    const files = await certified(dir, sshd.user);
    await using agent = await startAgent();
    const env = { SSH_AUTH_SOCK: agent.socket };
    expect(statSync(agent.socket).mode & 0o077).toBe(0);
    expect(await sshAdd(['-l'], env)).toMatchObject({ code: 1, stdout: 'The agent has no identities.\n' });
    expect((await sshAdd(files, env)).stderr.match(/^(Identity|Certificate) added: /gm)).toHaveLength(6);
    for (const file of files) rmSync(file);
    const listed = await amiko(['list'], { env });
    expect(listed.stdout).toBe((await sshAdd(['-l'], env)).stdout);
    expect((await amiko(['list', '-L'], { env })).stdout).toBe((await sshAdd(['-L'], env)).stdout);
    expect((await amiko(['list', '-E', 'md5'], { env })).stdout).toBe((await sshAdd(['-l', '-E', 'md5'], env)).stdout);
    expect(listed.stdout.match(/-CERT\)$/gm)).toHaveLength(3);
    for (const [server, used] of [
      [sshd, ''],
      [byCertificate, '-cert.pub'],
    ] as const) {
      for (const type of types) {
        const args = server.sshArgs({
          IdentitiesOnly: 'yes',
          IdentityFile: `${dir.join(type)}.pub`,
          PreferredAuthentications: 'publickey',
        });
        const own = args.flatMap((arg, index) => (arg === '-i' || args[index - 1] === '-i' ? [] : [arg]));
        // Only the agent has a private key now: what ssh may read are public halves.
        const certificate = used === '' ? [] : ['-o', `CertificateFile=${dir.join(type)}${used}`];
        const { code, stdout, stderr } = await run('ssh', ['-i', `${dir.join(type)}.pub`, ...certificate, ...own, 'echo in'], {
          env,
        });
        expect([code, stdout.toString()], `${type}${used}: ${stderr}`).toEqual([0, 'in\n']);
      }
    }
    expect((await sshAdd(['-d', dir.join('rsa')], env)).code).toBe(0);
    expect((await amiko(['remove', dir.join('ecdsa.pub')], { env })).code).toBe(0);
    expect((await sshAdd(['-l'], env)).stdout.split('\n').filter(Boolean)).toHaveLength(2);
    expect((await sshAdd(['-D'], env)).code).toBe(0);
    expect((await amiko(['list'], { env })).code).toBe(1);
  });

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('is gone without a trace after %s', async (signal) => {
    await using agent = await startAgent();
    agent.child.kill(signal);
    const [code] = (await once(agent.child, 'exit')) as [number | null];
    expect(code).toBe(0);
    expect(existsSync(agent.socket)).toBe(false);
    expect(existsSync(agent.socket.replace(/\/[^/]+$/, ''))).toBe(false);
  });

  it('at a path of its own: takes the place of one that was killed, and leaves nothing behind', async () => {
    await using dir = tempDir();
    const path = dir.join('agent');
    const args = ['-a', path];
    {
      await using killed = await startAgent(args);
      const gone = once(killed.child, 'exit');
      killed.child.kill('SIGKILL');
      await gone;
    }
    expect(statSync(path).isSocket()).toBe(true);
    {
      await using _agent = await startAgent(args);
      expect(statSync(path).mode & 0o777).toBe(0o600);
      expect(await sshAdd(['-l'], { SSH_AUTH_SOCK: path })).toMatchObject({ code: 1, stdout: 'The agent has no identities.\n' });
      expect(await amiko(['-a', path, 'true'])).toMatchObject({ code: 255, stderr: expect.stringContaining('EADDRINUSE') });
    }
    expect(existsSync(path)).toBe(false);
  });

  it('says where a key that is limited to hosts wants to log in, when it asks', async () => {
    await using dir = tempDir();
    const key = keyPair('ed25519', { name: 'agent' });
    await using sshd = await startSshd({ authorizedKeys: [key.publicLine] });
    const program = dir.write('ask', `#!/bin/sh\necho "$1" >> '${dir.join('asked')}'\n`, 0o700);
    await using agent = await startAgent([], { SSH_ASKPASS: program });
    const env = { SSH_AUTH_SOCK: agent.socket };
    const host = `[127.0.0.1]:${sshd.port}`;
    expect(await sshAdd(['-c', '-H', sshd.knownHostsFile, '-h', host, key.path], env)).toMatchObject({ code: 0 });
    const login = await run('ssh', [...sshd.sshArgs({ IdentitiesOnly: 'no' }), 'echo in'].filter(notIdentity), { env });
    expect(login.stdout.toString()).toBe('in\n');
    expect(readFileSync(dir.join('asked'), 'utf8')).toContain(`It logs in as ${sshd.user} at ${host}.\n`);
  });

  it('asks before the use of keys that want it, and forgets keys in time', async () => {
    await using dir = tempDir();
    const key = keyPair('ed25519', { name: 'agent' });
    const file = dir.write('key', key.privateText);
    dir.write('key.pub', `${key.publicLine}\n`);
    const program = dir.write(
      'ask',
      `#!/bin/sh\necho "$SSH_ASKPASS_PROMPT: $1" >> '${dir.join('asked')}'\ntest -e '${dir.join('yes')}'\n`,
      0o700,
    );
    await using agent = await startAgent(['-t', '1h'], { SSH_ASKPASS: program });
    const env = { SSH_AUTH_SOCK: agent.socket };
    expect((await sshAdd(['-c', file], env)).code).toBe(0);
    const sign = () => run('ssh-keygen', ['-Y', 'sign', '-n', 'file', '-f', `${file}.pub`, '-U'], { env, input: 'x' });
    expect((await sign()).code).not.toBe(0);
    dir.write('yes', '');
    expect((await sign()).code).toBe(0);
    const asked = readFileSync(dir.join('asked'), 'utf8');
    expect(asked.match(/^confirm: Allow use of key agent-ed25519\?$/gm)).toHaveLength(2);
    expect(asked).toContain(key.fingerprint);
    // A lifetime of its own counts for more.
    expect((await sshAdd(['-t', '1', file], env)).code).toBe(0);
    await expect.poll(() => sshAdd(['-l'], env).then(({ code }) => code), { timeout: 10_000, interval: 200 }).toBe(1);
  });

  it('runs a command, passes signals on, and ends as it ends', async () => {
    const key = keyPair('ed25519', { name: 'agent' });
    const script = `ssh-add -q '${key.path}' && ssh-add -l && echo "pid $SSH_AGENT_PID" && exit 3`;
    const result = await amiko(['sh', '-c', script]);
    expect(result.code).toBe(3);
    expect(result.stdout).toMatch(/^256 SHA256:\S+ agent-ed25519 \(ED25519\)\npid \d+\n$/);
    const child = execFile(process.execPath, [amikoBin, 'agent', 'sh', '-c', 'echo up; exec sleep 100']);
    await once(child.stdout as NodeJS.ReadableStream, 'data');
    child.kill('SIGTERM');
    expect(await once(child, 'close')).toEqual([143, null]);
  });
});

describePeer(['ssh-agent', 'ssh-keygen'], 'ssh-agent', () => {
  it('takes what amiko agent says', async () => {
    await using dir = tempDir();
    const files = await certified(dir, 'somebody');
    const askpass = dir.write('ask', '#!/bin/sh\necho secret\n', 0o700);
    const command = [process.execPath, amikoBin, 'agent'].map((word) => `'${word}'`).join(' ');
    const script = [
      `${command} add -q -t 1h ${files.join(' ')}`,
      'echo added=$?; ssh-add -l | sort',
      `echo ours; ${command} list | sort`,
      `echo keys; ssh-add -L; echo ours; ${command} list -L`,
      `${command} lock; ${command} list; echo locked=$?; ${command} lock; echo again=$?`,
      `${command} unlock; echo unlocked=$?`,
      `${command} remove ${files[0]}.pub; ssh-add -l | sort`,
      `echo all; ${command} remove --all; echo removed=$?; ${command} list; echo none=$?`,
    ].join('\n');
    const env = { SSH_ASKPASS: askpass, SSH_ASKPASS_REQUIRE: 'force' };
    const result = await run('ssh-agent', ['sh', '-c', script], { env, timeoutMs: 60_000 });
    const text = result.stdout.toString();
    const [, byAdd = '', byUs = '?'] = /^added=0\n([\s\S]*?)ours\n([\s\S]*?)keys\n/.exec(text) ?? [];
    expect(byUs).toBe(byAdd);
    expect(byAdd.trim().split('\n')).toHaveLength(6);
    const [, keys = '', ourKeys = '?'] = /keys\n([\s\S]*?)ours\n([\s\S]*?)locked=/.exec(text) ?? [];
    expect(ourKeys).toBe(keys);
    expect(text).toMatch(/locked=1\nagain=1\nunlocked=0\n(?:.*\n){4}all\nremoved=0\nnone=1\n$/);
    expect(result.stderr).toContain('Agent locked.\n');
    expect(result.stderr).toContain('All identities removed.\n');
  }, 60_000);
});
