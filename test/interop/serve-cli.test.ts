// Real clients against `amiko serve`: OpenSSH of two generations, dropbear, PuTTY and ssh-audit. Each server is a process of its
// own, so what is tested is what users start.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { insecureAlgorithms, supportedAlgorithms } from '../../src/index.ts';
import { amikoBin, describeTerminal, startAmikoServe } from '../support/amiko-serve.ts';
import {
  describePeer,
  keyPair,
  type PeerName,
  peerCommand,
  randomBytes,
  run,
  runPeer,
  sha256,
  tempDir,
} from '../support/peers.ts';

const MEBIBYTE = 2 ** 20;
const clients: PeerName[] = ['ssh', 'ssh-trixie'];

for (const ssh of clients) {
  describePeer(ssh, `${ssh} to amiko serve`, () => {
    it('carries 64 MiB each way, byte for byte', async () => {
      await using server = await startAmikoServe();
      const blob = randomBytes(64 * MEBIBYTE, ssh);
      const result = await runPeer(ssh, [...server.sshArgs(), 'cat'], { input: blob, timeoutMs: 30_000 });
      expect(result.code).toBe(0);
      expect(sha256(result.stdout)).toBe(sha256(blob));
    });

    it('gets exit statuses, and stderr apart from stdout', async () => {
      await using server = await startAmikoServe();
      for (const status of [0, 1, 77, 255]) {
        const result = await runPeer(ssh, [...server.sshArgs(), `echo out; echo err >&2; exit ${status}`]);
        expect({ ...result, stdout: result.stdout.toString() }).toEqual({
          code: status,
          signal: null,
          stdout: 'out\n',
          stderr: 'err\n',
        });
      }
    });

    it('hears of a signal', async () => {
      await using server = await startAmikoServe();
      const result = await runPeer(ssh, ['-v', ...server.sshArgs(), 'kill -KILL $$']);
      expect(result.code).toBe(255);
      expect(result.stderr).toContain('exit-signal');
    });

    it('logs in with keys of every type', async () => {
      const keys = (['ed25519', 'ecdsa', 'ecdsa-384', 'ecdsa-521', 'rsa'] as const).map((type) =>
        keyPair(type, { name: 'user' }),
      );
      await using server = await startAmikoServe({ keys });
      for (const key of keys) {
        const result = await runPeer(ssh, [...server.sshArgs({ IdentityFile: key.path }), 'true']);
        expect(result, key.type).toMatchObject({ code: 0, stderr: '' });
        const login = await server.waitForEvent((event) => event.event === 'login' && event.key === key.fingerprint);
        expect(login, key.type).toMatchObject({ user: server.user, method: 'publickey' });
      }
    });

    it('does not log in with another key, nor as another user', async () => {
      await using server = await startAmikoServe();
      const other = keyPair('ed25519', { name: 'other' });
      const key = await runPeer(ssh, [...server.sshArgs({ IdentityFile: other.path }), 'true']);
      expect(key).toMatchObject({ code: 255, stderr: expect.stringContaining('Permission denied (publickey,password') });
      const user = await runPeer(ssh, [...server.sshArgs({ User: 'root' }).slice(0, -1), 'root@127.0.0.1', 'true']);
      expect(user).toMatchObject({ code: 255, stderr: expect.stringContaining('Permission denied') });
    });

    it('exchanges keys every 64 KiB by its own will', async () => {
      await using server = await startAmikoServe();
      const blob = randomBytes(4 * MEBIBYTE, 'rekey');
      const result = await runPeer(ssh, ['-v', ...server.sshArgs({ RekeyLimit: '64K' }), 'cat'], {
        input: blob,
        timeoutMs: 30_000,
      });
      expect(sha256(result.stdout)).toBe(sha256(blob));
      expect(result.stderr.match(/SSH2_MSG_NEWKEYS received/g)?.length).toBeGreaterThan(20);
    });

    it('exchanges keys every 64 KiB by ours', async () => {
      await using server = await startAmikoServe({ args: ['--exec', '--rekey', '64K'] });
      const blob = randomBytes(4 * MEBIBYTE, 'rekey');
      const result = await runPeer(ssh, ['-v', ...server.sshArgs(), 'cat'], { input: blob, timeoutMs: 30_000 });
      expect(sha256(result.stdout)).toBe(sha256(blob));
      // Fewer than by the client's: what it has under way when we ask counts for the keys that it was sent with.
      expect(result.stderr.match(/SSH2_MSG_NEWKEYS received/g)?.length).toBeGreaterThan(3);
    });

    it('compresses', async () => {
      await using server = await startAmikoServe();
      const blob = Buffer.concat([Buffer.alloc(4 * MEBIBYTE, 'amiko '), randomBytes(MEBIBYTE, 'compress')]);
      const result = await runPeer(ssh, ['-v', '-C', ...server.sshArgs(), 'cat'], { input: blob });
      expect(result.stderr).toMatch(/compression: zlib@openssh\.com/);
      expect(sha256(result.stdout)).toBe(sha256(blob));
      const [, sent = ''] = /Transferred: sent (\d+)/.exec(result.stderr) ?? [];
      expect(Number(sent)).toBeLessThan(2 * MEBIBYTE);
    });

    it('passes on the variables that --accept-env allows', async () => {
      await using server = await startAmikoServe({ args: ['--exec', '--accept-env', 'LC_*'] });
      const args = server.sshArgs({ SetEnv: 'LC_TEST=yes LD_PRELOAD=/evil.so' });
      const result = await runPeer(ssh, [...args, 'echo "$LC_TEST|$LD_PRELOAD|$AMIKO_PASSWORD"']);
      expect(result.stdout.toString()).toBe('yes||\n');
    });

    it('shows the banner', async () => {
      await using dir = tempDir();
      await using server = await startAmikoServe({ args: ['--exec', '--banner', dir.write('banner', 'Welcome to the test\n')] });
      const result = await runPeer(ssh, [...server.sshArgs(), 'true']);
      expect(result).toMatchObject({ code: 0, stderr: 'Welcome to the test\n' });
    });

    it('is denied what was not asked for', async () => {
      await using server = await startAmikoServe({ args: [] });
      const result = await runPeer(ssh, [...server.sshArgs(), 'true']);
      expect(result).toMatchObject({ code: 255, stderr: expect.stringMatching(/exec request failed/) });
      await using closed = await startAmikoServe({ args: ['--no-sftp'] });
      const refused = await runPeer(ssh, [...closed.sshArgs(), 'true']);
      expect(refused).toMatchObject({ code: 255, stderr: expect.stringMatching(/open failed: administratively prohibited/) });
    });
  });

  describePeer([ssh, 'sshpass'], `${ssh} with a password`, () => {
    it.each(['password', 'keyboard-interactive'])('by %s', async (method) => {
      await using server = await startAmikoServe();
      const result = await withPassword(
        ssh,
        server.password,
        server.sshArgs({ ...passwordOnly, PreferredAuthentications: method }),
      );
      expect(result).toMatchObject({ code: 0, stdout: Buffer.from('in\n') });
      expect(await server.waitForEvent(({ event }) => event === 'login')).toMatchObject({ method });
    });

    it.each(['password', 'keyboard-interactive'])('that is wrong does not get in, by %s', async (method) => {
      await using server = await startAmikoServe();
      const args = server.sshArgs({ ...passwordOnly, PreferredAuthentications: method });
      const result = await withPassword(ssh, `${server.password}.`, args);
      expect(result.code).not.toBe(0);
      expect(result.stdout.toString()).toBe('');
      expect(server.events().some(({ event }) => event === 'login')).toBe(false);
    });
  });
}

const passwordOnly = { BatchMode: 'no', PubkeyAuthentication: 'no', NumberOfPasswordPrompts: '1' };

/** sshpass looks for the prompt of the program that it starts; a `-trixie` client may be wrapped. */
function withPassword(ssh: PeerName, password: string, args: readonly string[]) {
  return run('sshpass', ['-d', '0', ...peerCommand(ssh, [...args, 'echo in']).flat()], { input: `${password}\n` });
}

describePeer(['ssh', 'ssh-trixie'], 'every algorithm, one at a time', () => {
  const all = supportedAlgorithms();
  const kinds = {
    kex: { option: 'KexAlgorithms', query: 'kex', shown: (name: string) => `kex: algorithm: ${name}` },
    ciphers: { option: 'Ciphers', query: 'cipher', shown: (name: string) => `cipher: ${name} ` },
    macs: { option: 'MACs', query: 'mac', shown: (name: string) => `MAC: ${name} ` },
    keys: { option: 'HostKeyAlgorithms', query: 'HostKeyAlgorithms', shown: (name: string) => `host key algorithm: ${name}` },
  } as const;
  const hostKeys = () =>
    (['ed25519', 'ecdsa', 'ecdsa-384', 'ecdsa-521', 'rsa'] as const).map((type) => keyPair(type, { name: 'host' }));

  for (const [category, { option, query, shown }] of Object.entries(kinds)) {
    // No host key here is in a certificate or a device.
    const names = all[category as keyof typeof kinds].filter((name) => !/-cert-v01@|^sk-/.test(name));
    it(`${category}: ${names.join(' ')}`, { timeout: 60_000 }, async () => {
      const flags = { kex: '--kex', ciphers: '--ciphers', macs: '--macs', keys: '--host-key-algorithms' };
      const args = ['--exec', flags[category as keyof typeof kinds], names.join(',')];
      await using server = await startAmikoServe({ args, hostKeys: hostKeys() });
      const blob = randomBytes(200_000, category);
      const newest = (await runPeer('ssh-trixie', ['-Q', query])).stdout.toString().split('\n');
      const older = (await runPeer('ssh', ['-Q', query])).stdout.toString().split('\n');
      for (const name of names) {
        // The older client where it knows the algorithm: what both know was settled long ago.
        const ssh = older.includes(name) ? 'ssh' : 'ssh-trixie';
        expect([...older, ...newest]).toContain(name);
        // A MAC shows only beside a cipher that has none of its own.
        const also = category === 'macs' ? { Ciphers: 'aes256-ctr' } : {};
        const result = await runPeer(ssh, ['-v', ...server.sshArgs({ [option]: name, ...also }), 'cat'], { input: blob });
        expect(result.stderr.replaceAll('\r', ''), name).toContain(shown(name));
        expect(sha256(result.stdout), name).toBe(sha256(blob));
      }
    });
  }

  it('the weak ones are not offered by themselves', async () => {
    const weak = insecureAlgorithms();
    await using server = await startAmikoServe({ hostKeys: hostKeys() });
    const options = { kex: 'KexAlgorithms', ciphers: 'Ciphers', macs: 'MACs', keys: 'HostKeyAlgorithms' } as const;
    expect(weak.keys).toContain('ssh-rsa');
    for (const [category, option] of Object.entries(options)) {
      for (const name of weak[category as keyof typeof options]) {
        const also = category === 'macs' ? { Ciphers: 'aes256-ctr' } : {};
        const result = await runPeer('ssh', [...server.sshArgs({ [option]: name, ...also }), 'true']);
        expect(result.stderr, name).toMatch(/no matching/);
        expect(result.code, name).toBe(255);
      }
    }
  });
});

describePeer('ssh-trixie', 'the newest OpenSSH', () => {
  it('agrees on the post-quantum key exchange by itself', async () => {
    await using server = await startAmikoServe();
    const result = await runPeer('ssh-trixie', ['-v', ...server.sshArgs(), 'true']);
    expect(result.stderr).toContain('kex: algorithm: mlkem768x25519-sha256');
    // Strict key exchange: the counters begin anew.
    expect(result.stderr).toMatch(/resetting read seqnr/);
  });
});

describePeer(['dbclient', 'dropbearconvert'], 'dropbear to amiko serve', () => {
  it('runs commands, with a key and with a password', async () => {
    await using server = await startAmikoServe();
    const key = server.dir.join('dropbear-key');
    expect((await runPeer('dropbearconvert', ['openssh', 'dropbear', server.identity.path, key])).code).toBe(0);
    const where = ['-y', '-y', '-p', String(server.port), `${server.user}@127.0.0.1`];
    const blob = randomBytes(20 * MEBIBYTE, 'dropbear');
    const echoed = await runPeer('dbclient', ['-i', key, ...where, 'cat; echo err >&2; exit 9'], { input: blob });
    expect(echoed.code).toBe(9);
    expect(echoed.stderr).toContain('err\n');
    expect(sha256(echoed.stdout)).toBe(sha256(blob));
    const env = { DROPBEAR_PASSWORD: server.password };
    const byPassword = await runPeer('dbclient', [...where, 'echo in'], { env });
    expect(byPassword).toMatchObject({ code: 0, stdout: Buffer.from('in\n') });
    const wrong = await runPeer('dbclient', [...where, 'echo in'], { env: { DROPBEAR_PASSWORD: 'wrong' } });
    // Its exit status is 0 all the same.
    expect(wrong.stderr).toContain('Disconnect received');
    expect(wrong.stdout.toString()).toBe('');
    expect(server.events().filter(({ event }) => event === 'login')).toHaveLength(2);
  });
});

describePeer(['plink', 'puttygen'], 'PuTTY to amiko serve', () => {
  it('runs commands, with a key and with a password', async () => {
    await using server = await startAmikoServe();
    const key = server.dir.join('key.ppk');
    const made = await runPeer('puttygen', [server.identity.path, '-O', 'private', '-o', key]);
    expect(made).toMatchObject({ code: 0 });
    const where = [
      '-batch',
      '-ssh',
      '-P',
      String(server.port),
      '-hostkey',
      server.hostKey.fingerprint,
      `${server.user}@127.0.0.1`,
    ];
    const blob = randomBytes(20 * MEBIBYTE, 'putty');
    const echoed = await runPeer('plink', ['-i', key, ...where, 'cat; echo err >&2; exit 9'], { input: blob, timeoutMs: 30_000 });
    expect(echoed.code).toBe(9);
    expect(echoed.stderr).toContain('err\n');
    expect(sha256(echoed.stdout)).toBe(sha256(blob));
    const file = server.dir.write('password', `${server.password}\n`);
    const byPassword = await runPeer('plink', ['-pwfile', file, ...where, 'echo in']);
    expect(byPassword).toMatchObject({ code: 0, stdout: Buffer.from('in\n') });
    const wrong = await runPeer('plink', ['-pwfile', server.dir.write('wrong', 'wrong\n'), ...where, 'echo in']);
    expect(wrong.code).not.toBe(0);
    expect(wrong.stdout.toString()).toBe('');
  });
});

describePeer('ssh-audit-trixie', 'ssh-audit', () => {
  it('has nothing to object to in the default configuration', async () => {
    await using server = await startAmikoServe({ hostKeys: [] });
    const result = await runPeer('ssh-audit-trixie', ['-n', '-4', '-p', String(server.port), '127.0.0.1'], { timeoutMs: 60_000 });
    const text = result.stdout.toString();
    expect(text).toMatch(/\(kex\) mlkem768x25519-sha256 /);
    expect(text.split('\n').filter((line) => /\[(fail|warn)\]/.test(line))).toEqual([]);
    expect(text).toMatch(/\(kex\) kex-strict-s-v00@openssh\.com/);
  });
});

describeTerminal('a terminal', () => {
  describePeer(['ssh', 'tmux'], 'in tmux', () => {
    it('has a size that follows, colours, job control and an end', async () => {
      await using server = await startAmikoServe({ args: ['--shell'] });
      await using tmux = await startTmux(server.dir.join('tmux'), ['ssh', ...server.sshArgs()]);
      const size = async (columns: number, rows: number) => {
        await tmux.type('stty size; echo "$TERM"; echo "tty=$(tty)=$SSH_TTY="');
        await tmux.shows(new RegExp(`^${rows} ${columns}$`, 'm'));
      };
      await size(100, 30);
      await tmux.shows(/^(tmux|screen)/m);
      await tmux.shows(/^tty=(\/dev\/pts\/\d+)=\1=$/m);
      await tmux.command('resize-window', '-x', '120', '-y', '40');
      await size(120, 40);
      // Control-C reaches what runs in the foreground, and the shell lives on.
      await tmux.type('echo started; sleep 1000; echo interrupted');
      await tmux.shows(/^started$/m);
      await tmux.command('send-keys', 'C-c');
      await tmux.type('echo alive=$((6*7))');
      await tmux.shows(/^alive=42$/m);
      await tmux.type('exit 5');
      await tmux.shows(/^status=5=$/m);
      expect(await server.waitForEvent(({ event }) => event === 'channel')).toMatchObject({ request: 'shell', terminal: true });
    });
  });

  describePeer('ssh', 'without one on this side', () => {
    it('is there for a command too, and loses nothing of a long output', async () => {
      await using server = await startAmikoServe();
      const script = 'stty -opost; test -t 0 && test -t 1 && test -t 2 && head -c 5000000 /dev/zero; exit 4';
      const result = await runPeer('ssh', ['-tt', ...server.sshArgs(), script]);
      expect(result.code).toBe(4);
      expect(result.stdout.length).toBe(5_000_000);
      expect(sha256(result.stdout)).toBe(sha256(Buffer.alloc(5_000_000)));
    });

    it('loses nothing when the client is slow to read', async () => {
      await using server = await startAmikoServe();
      const [command, args] = peerCommand('ssh', ['-tt', ...server.sshArgs(), 'stty -opost; seq 1 800000; exit 4']);
      const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'] });
      // Nobody reads until the program must have filled everything on the way and waits for us.
      await server.waitForEvent(({ event }) => event === 'channel');
      const chunks: Buffer[] = [];
      let slow = 20;
      child.stdout.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        if (slow-- <= 0) return;
        child.stdout.pause();
        setTimeout(() => child.stdout.resume(), 50);
      });
      const [code] = (await once(child, 'close')) as [number];
      const expected = Array.from({ length: 800_000 }, (_, i) => `${i + 1}\n`).join('');
      expect(code).toBe(4);
      expect(Buffer.concat(chunks).toString() === expected).toBe(true);
    });

    it('ends with its client', async () => {
      await using server = await startAmikoServe({ args: ['--shell'] });
      const [command, args] = peerCommand('ssh', ['-tt', ...server.sshArgs(), 'trap "" HUP; echo "pid=$$="; sleep 1000']);
      const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'] });
      const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
      const pid = Number(/pid=(\d+)=/.exec(chunk.toString())?.[1]);
      expect(() => process.kill(pid, 0)).not.toThrow();
      child.kill('SIGKILL');
      const gone = () => {
        try {
          process.kill(pid, 0);
          return false;
        } catch {
          return true;
        }
      };
      await expect.poll(gone, { interval: 20, timeout: 8_000 }).toBe(true);
    });
  });
});

describePeer(['ssh', 'tmux'], 'without the terminal module', () => {
  it('a shell comes all the same, and says what is missing', async () => {
    await using server = await startAmikoServe({ args: ['--shell'], terminals: false });
    await using tmux = await startTmux(server.dir.join('tmux'), ['ssh', ...server.sshArgs()]);
    await tmux.shows(/^PTY allocation request failed/m);
    await tmux.shows(/^amiko: no terminal: the optional module @lydell\/node-pty is not installed on the server$/m);
    await tmux.type('echo alive=$((6*7)); exit 3');
    await tmux.shows(/alive=42/);
    await tmux.shows(/^status=3=$/m);
  });
});

describePeer(['ssh', 'sshpass'], 'the process', () => {
  it('ends by SIGTERM with 0, after a DISCONNECT and after what it runs', async () => {
    await using server = await startAmikoServe();
    const [command, args] = peerCommand('ssh', ['-v', ...server.sshArgs(), 'echo "pid=$$="; exec sleep 1000']);
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    const closed = once(child, 'close');
    const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
    const pid = Number(/pid=(\d+)=/.exec(chunk.toString())?.[1]);
    expect(await server.stop()).toBe(0);
    expect((await closed)[0]).toBe(255);
    expect(stderr).toMatch(/Received disconnect from 127\.0\.0\.1 port \d+:11: the server is shutting down/);
    expect(() => process.kill(pid, 0)).toThrow(/ESRCH/);
    expect(server.events().map(({ event }) => event)).toEqual(['listening', 'connection', 'login', 'channel', 'close']);
    expect(server.log()).toBe('');
  });

  it('counts failed passwords and disconnects after --max-auth-tries', async () => {
    await using server = await startAmikoServe({ args: ['--exec', '--max-auth-tries', '2'] });
    const settings = { BatchMode: 'no', PreferredAuthentications: 'password', NumberOfPasswordPrompts: '5' };
    const other = keyPair('ed25519', { name: 'other' });
    const args = server.sshArgs({ ...settings, PreferredAuthentications: 'publickey,password', IdentityFile: other.path });
    const result = await withPassword('ssh', 'wrong', args);
    expect(result.code).not.toBe(0);
    // The key was the first failure, the password the second.
    expect(result.stderr).toMatch(/Received disconnect from 127\.0\.0\.1 port \d+:(2|14): /);
    expect(await server.waitForEvent(({ event }) => event === 'close')).toMatchObject({ by: 'error' });
  });

  it('refuses an unknown option with the nearest name, by exit status 2', async () => {
    const result = await run(process.execPath, [amikoBin, 'serve', '--authorised-keys', 'x']);
    expect(result).toMatchObject({
      code: 2,
      stdout: Buffer.alloc(0),
      stderr: "amiko serve: unknown option '--authorised-keys'; did you mean '--authorized-keys'?\nTry 'amiko serve --help'.\n",
    });
  });

  it('says what is wrong with its files, by exit status 255', async () => {
    await using dir = tempDir();
    const keys = dir.write('keys', `restrain ${keyPair('ed25519').publicLine}\n`);
    const options = await run(process.execPath, [amikoBin, 'serve', '--authorized-keys', keys]);
    expect(options).toMatchObject({
      code: 255,
      stderr: expect.stringContaining(`${keys}:1: the option 'restrain' is not known`),
    });
    const missing = await run(process.execPath, [amikoBin, 'serve', '--host-key', dir.join('none')]);
    expect(missing).toMatchObject({ code: 255, stderr: expect.stringContaining(dir.join('none')) });
    const open = dir.write('open', readFileSync(keyPair('ed25519').path), 0o644);
    const exposed = await run(process.execPath, [amikoBin, 'serve', '--port', '0', '--host-key', open]);
    expect(exposed).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`the host key ${open} is not used: others have rights to the file (0644)`),
    });
    await using server = await startAmikoServe();
    const taken = await run(process.execPath, [amikoBin, 'serve', '--port', String(server.port)]);
    expect(taken).toMatchObject({ code: 255, stderr: expect.stringContaining('EADDRINUSE') });
  });

  it('prints a password once and a command that works as it is, without any file', async () => {
    const child = spawn(process.execPath, [amikoBin, 'serve', '--port', '0', '--exec', '--user', 'me'], {
      env: { ...process.env, AMIKO_PASSWORD: undefined },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    try {
      let text = '';
      for await (const chunk of child.stderr) {
        text += String(chunk);
        if (/^ {2}ssh .*\n/m.test(text)) break;
      }
      const [, password = ''] = /password {3}(\S+)/.exec(text) ?? [];
      const [, command = ''] = /^ {2}(ssh .*)$/m.exec(text) ?? [];
      expect(password).toMatch(/^(?:[a-z2-9]{5}-){3}[a-z2-9]{5}$/);
      // As a person would paste it; no known_hosts of this machine takes part, and nothing is asked but the password.
      const pasted = await run('/bin/sh', ['-c', `sshpass -d 0 ${command}`], { input: `${password}\n` });
      expect(pasted).toMatchObject({ code: 0, stderr: '' });
      expect(pasted.stdout.toString()).toContain('load average');
    } finally {
      child.kill('SIGTERM');
      expect(await once(child, 'close')).toEqual([0, null]);
    }
  });

  it('helps', async () => {
    const result = await run(process.execPath, [amikoBin, 'serve', '--help']);
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(result.stdout.toString()).toMatch(/^Usage: amiko serve/);
  });
});

/** A tmux of its own with one window of 100 x 30 in which a command runs. */
async function startTmux(socket: string, line: readonly string[]) {
  const command = async (...args: string[]): Promise<string> => {
    const result = await runPeer('tmux', ['-S', socket, '-f', '/dev/null', ...args], { env: { TMUX: undefined } });
    if (result.code !== 0) throw new Error(`tmux ${args.join(' ')}: ${result.stderr}`);
    return result.stdout.toString();
  };
  const quoted = line.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
  // The shell around it tells how it ended: tmux itself does not always notice that a program has (3.3a, under load).
  const window = ['new-session', '-d', '-x', '100', '-y', '30', `${quoted}; echo "status=$?="; exec cat`];
  // In one go with the option, which must be there before the window is.
  await command('start-server', ';', 'set-option', '-g', 'status', 'off', ';', ...window);
  return {
    command,
    type: (text: string) => command('send-keys', '-l', text).then(() => command('send-keys', 'Enter')),
    /** Resolves when the screen, or what has left it, shows this. */
    shows: (pattern: RegExp) =>
      expect.poll(() => command('capture-pane', '-p', '-S', '-200'), { interval: 30, timeout: 8_000 }).toMatch(pattern),
    [Symbol.asyncDispose]: async () => {
      await command('kill-server');
    },
  };
}

describePeer(['ssh', 'sshd'], 'amiko serve --moduli', () => {
  const kex = 'diffie-hellman-group-exchange-sha256';

  it('takes its groups from the file', async () => {
    await using dir = tempDir();
    // Debian's list, cut down to a size that no built-in group has. The size is given as one bit less.
    const lines = readFileSync('/etc/ssh/moduli', 'utf8').split('\n');
    const file = dir.write('moduli', `${lines.find((line) => line.split(' ')[4] === '3071')}\n`);
    await using server = await startAmikoServe({ args: ['--exec', '--kex', kex, '--moduli', file] });
    const result = await runPeer('ssh', ['-vv', ...server.sshArgs({ KexAlgorithms: kex }), 'echo in']);
    expect(result.stdout.toString(), result.stderr).toBe('in\n');
    expect(result.stderr).toMatch(/bits set: \d+\/3072/);
  });

  it.each([
    ['empty', 2, 'there is no usable group in'],
    ['missing', 255, 'ENOENT'],
  ])('does not start with a file that is %s', async (name, code, message) => {
    await using dir = tempDir();
    dir.write('empty', '# Time Type Tests Tries Size Generator Modulus\n');
    const result = await run(process.execPath, [amikoBin, 'serve', '--port', '0', '--moduli', dir.join(name)]);
    expect(result.code).toBe(code);
    expect(result.stderr).toContain(message);
  });
});

describe('the demo', () => {
  it('ends well within half a minute, with nothing but Node', { timeout: 40_000 }, async () => {
    const main = new URL('../dist/demo/main.js', `file://${amikoBin}`).pathname;
    const result = await run(process.execPath, [main], {
      env: { PATH: '/nonexistent', HOME: '/nonexistent' },
      timeoutMs: 30_000,
    });
    expect(result.code).toBe(0);
    const text = result.stdout.toString();
    expect(text).toMatch(/^kex {7}mlkem768x25519-sha256 \(post-quantum\)$/m);
    expect(text).toMatch(/^upload {4}256 MiB at \d+ MiB\/s, keys exchanged anew/m);
    expect(text).toMatch(/^download {2}256 MiB at \d+ MiB\/s, keys exchanged anew/m);
    expect(text).toMatch(/^done/m);
    expect(result.stderr.split('\n')).toHaveLength(9);
  });
});
