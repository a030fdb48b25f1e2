// Tests of the harness itself: OpenSSH's own client against OpenSSH's own server, so that a failure elsewhere is amiko's.
import { existsSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { expect, it } from 'vitest';
import {
  canMakeUsers,
  canUnshare,
  describePeer,
  ensureTestUser,
  keyPair,
  type PeerName,
  peer,
  randomBytes,
  run,
  runPeer,
  sha256,
  startDropbear,
  startProcess,
  startSshd,
  tempDir,
} from '../support/peers.ts';

const clients: PeerName[] = ['ssh', 'ssh-trixie'];
const servers: PeerName[] = ['sshd', 'sshd-trixie'];

for (const server of servers) {
  const trixie = server.endsWith('-trixie');
  for (const client of clients) {
    describePeer([client, server], `${client} to ${server}`, () => {
      it('runs a command and carries a megabyte to it and back', async () => {
        await using sshd = await startSshd({ trixie });
        const blob = randomBytes(1 << 20, 'harness');
        const result = await runPeer(client, ['-v', ...sshd.sshArgs(), 'cat; echo done >&2; exit 7'], { input: blob });
        expect(result.stderr).toContain('done');
        expect(result.code).toBe(7);
        expect(sha256(result.stdout)).toBe(sha256(blob));
        const kex = trixie && client === 'ssh-trixie' ? 'mlkem768x25519-sha256' : 'sntrup761x25519-sha512';
        expect(result.stderr).toContain(`kex: algorithm: ${kex}`);
        await sshd.waitForLog(new RegExp(`Accepted publickey for ${sshd.user} `));
      });
    });
  }

  describePeer(server, server, () => {
    it('reports its version', () => {
      expect(peer(server).version).toMatch(trixie ? /OpenSSH_10\./ : /OpenSSH_/);
    });

    it.each(['ed25519', 'ecdsa', 'rsa'] as const)('proves its %s host key', async (type) => {
      await using sshd = await startSshd({ trixie, hostKeys: [type] });
      const result = await runPeer('ssh', ['-v', ...sshd.sshArgs(), 'true']);
      expect(result.stderr).toContain(sshd.hostKeys[type].fingerprint);
      expect(result.code).toBe(0);
    });

    it('keeps its log out of the output of commands', async () => {
      await using sshd = await startSshd({ trixie });
      const result = await runPeer('ssh', [...sshd.sshArgs(), 'echo out; echo err >&2']);
      expect({ ...result, stdout: result.stdout.toString() }).toEqual({
        code: 0,
        signal: null,
        stdout: 'out\n',
        stderr: 'err\n',
      });
      expect(sshd.log()).toContain('kex: algorithm: ');
    });

    // Where devpts is mounted without the group tty, only root may hand a terminal over.
    it.skipIf(process.getuid?.() !== 0)('gives a terminal', async () => {
      await using sshd = await startSshd({ trixie });
      const result = await runPeer('ssh', ['-tt', ...sshd.sshArgs(), 'tty']);
      expect(result.stdout.toString()).toMatch(/^\/dev\/pts\/\d+\r\n$/);
    });

    it('takes settings and keys', async () => {
      const key = keyPair('ecdsa');
      await using sshd = await startSshd({ trixie, config: { KexAlgorithms: 'curve25519-sha256' }, authorizedKeys: [] });
      expect((await runPeer('ssh', [...sshd.sshArgs(), 'true'])).code).toBe(255);
      sshd.authorize(key.publicLine);
      const result = await runPeer('ssh', ['-v', '-i', key.path, ...sshd.sshArgs(), 'true']);
      expect(result.stderr).toMatch(/kex: algorithm: curve25519-sha256\r?\n/);
      expect(result.code).toBe(0);
    });

    it('leaves nothing behind, not even the daemons of its sessions', async () => {
      const sshd = await startSshd({ trixie });
      // The daemon leaves the process tree and the session of its parents; the second command keeps its login open.
      const daemon = canUnshare() ? 'setsid sleep 1000 </dev/null >/dev/null 2>&1 &' : '';
      await using client = startProcess(peer('ssh').path, [...sshd.sshArgs(), `${daemon} echo up; exec sleep 1000`]);
      await client.waitForLog(/^up$/m);
      const all = sshd.processes();
      expect(all.length).toBeGreaterThan(1);
      await sshd.stop();
      await sshd.stop();
      for (const pid of all) await expect.poll(() => alive(pid), { timeout: 5_000, interval: 10 }).toBe(false);
      expect(sshd.processes()).toEqual([]);
      expect(existsSync(sshd.dir.path)).toBe(false);
      await expect(connects(sshd.port)).resolves.toBe(false);
    });
  });

  describePeer([server, 'sshpass'], `${server} with passwords`, () => {
    it.skipIf(!canMakeUsers).each(['password', 'keyboard-interactive'])('%s', async (method) => {
      await using user = await ensureTestUser({ trixie, password: 'pässword' });
      await using sshd = await startSshd({ trixie, user, authorizedKeys: [] });
      const login = (password: string) => {
        const args = [
          '-d',
          '0',
          'ssh',
          ...sshd.sshArgs({ BatchMode: 'no', PreferredAuthentications: method, NumberOfPasswordPrompts: '1' }),
        ];
        return runPeer('sshpass', [...args, 'id -un; pwd'], { input: `${password}\n` });
      };
      const right = await login(user.password);
      expect(right.stdout.toString()).toBe(`${user.name}\n${user.homeInside}\n`);
      // Once is enough: PAM lets a wrong password wait for two seconds.
      if (!trixie && method === 'password') expect((await login('wrong')).code).not.toBe(0);
      await user.remove();
      expect(existsSync(user.home)).toBe(false);
    });
  });
}

for (const server of ['dropbear', 'dropbear-trixie'] as const) {
  const trixie = server === 'dropbear-trixie';
  describePeer(['ssh', server, 'dropbearconvert', 'sshpass'], server, () => {
    it.skipIf(!canMakeUsers)('lets ssh in with a key and with a password', async () => {
      await using user = await ensureTestUser({ trixie });
      await using dropbear = await startDropbear({ user, trixie });
      const withKey = await runPeer('ssh', [...dropbear.sshArgs(), 'id -un']);
      expect({ ...withKey, stdout: withKey.stdout.toString() }).toMatchObject({ code: 0, stdout: `${user.name}\n` });
      const settings = { BatchMode: 'no', PreferredAuthentications: 'password' };
      const args = ['-d', '0', 'ssh', ...dropbear.sshArgs(settings), 'id -un'];
      const withPassword = await runPeer('sshpass', args, { input: `${user.password}\n` });
      expect(withPassword.stdout.toString()).toBe(`${user.name}\n`);
    });
  });
}

describePeer('ssh-keygen', 'keys', () => {
  it('are the same for the same arguments', () => {
    expect(keyPair('ed25519')).toBe(keyPair('ed25519'));
    expect(keyPair('ed25519', { name: 'other' }).publicLine).not.toBe(keyPair('ed25519').publicLine);
  });

  it('come in the format and with the passphrase asked for', async () => {
    const key = keyPair('ecdsa', { format: 'pem', passphrase: 'secret' });
    expect(key.privateText).toContain('Proc-Type: 4,ENCRYPTED');
    const read = await run('ssh-keygen', ['-y', '-P', 'secret', '-f', key.path]);
    expect(read.stdout.toString().trim().split(' ')[1]).toBe(key.publicLine.split(' ')[1]);
    expect(keyPair('rsa-2048', { format: 'pkcs8' }).privateText).toContain('BEGIN PRIVATE KEY');
    const listed = await run('ssh-keygen', ['-l', '-f', key.publicPath]);
    expect(listed.stdout.toString()).toContain(key.fingerprint);
  });
});

it('kills what takes too long', async () => {
  await using dir = tempDir();
  const slow = run('sh', ['-c', `sleep 1000 & echo $! > ${dir.join('pid')}; wait`], { timeoutMs: 300 });
  await expect(slow).rejects.toThrow('took more than 300 ms');
  // SIGKILL has been sent when `run` rejects; on a busy machine the process takes a moment to be gone.
  const pid = Number(readFileSync(dir.join('pid'), 'utf8'));
  await expect.poll(() => alive(pid), { timeout: 5_000, interval: 10 }).toBe(false);
});

it('tells why a background process never said what was awaited', async () => {
  await using short = startProcess('sh', ['-c', 'echo one; echo two >&2; exit 3']);
  await expect(short.waitForLog(/three/)).rejects.toThrow('ended with code 3');
  expect(short.log()).toContain('two');
  await using long = startProcess('sh', ['-c', 'echo one; exec sleep 1000']);
  expect((await long.waitForLog(/o(n)e/))[1]).toBe('n');
  await expect(long.waitForLog(/three/, 50)).rejects.toThrow('waited 50 ms');
  await expect(long.waitForLog(/one/, 50, long.log().length)).rejects.toThrow('waited 50 ms');
});

it('gives the same bytes for the same seed', () => {
  expect(randomBytes(100, 1)).toEqual(randomBytes(100, 1));
  expect(randomBytes(100, 1)).not.toEqual(randomBytes(100, 2));
  expect(randomBytes(0)).toHaveLength(0);
});

function alive(pid: number): boolean {
  try {
    // A zombie that nobody has reaped yet runs no more.
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

function connects(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
