// connect() and Client against a real sshd.

import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { AuthenticationError, ConnectError, connect, ExecError, HostKeyError, SSHTimeoutError } from '../../src/index.ts';
import { generateKey, readPrivateKey } from '../../src/keys.ts';
import { KnownHosts, verifyHostKey } from '../../src/known-hosts.ts';
import { describePeer, freePort, randomBytes, type Sshd, startSshd, tempDir } from '../support/peers.ts';

async function options(sshd: Sshd) {
  const knownHosts = await KnownHosts.read([sshd.knownHostsFile]);
  const target = { host: sshd.host, port: sshd.port };
  const privateKey = await readPrivateKey(sshd.identity.path);
  return { ...target, username: sshd.user, privateKey, hostKey: verifyHostKey(target, { knownHosts }) };
}

describePeer('sshd', 'connect()', () => {
  it('runs commands: output, input, exit status, signals', async () => {
    await using sshd = await startSshd();
    await using ssh = await connect(await options(sshd));
    const sorted = await ssh.exec('sort; echo done >&2', { input: 'b\na\n' });
    expect(sorted).toMatchObject({ code: 0, signal: null, stdout: 'a\nb\n', stderr: 'done\n' });
    const failed = ssh.exec('echo no such thing >&2; exit 3');
    await expect(failed).rejects.toThrow(ExecError);
    await expect(failed).rejects.toMatchObject({
      code: 'ERR_SSH_EXEC',
      result: { code: 3 },
      message: expect.stringMatching(/exited with 3: no such thing/),
    });
    expect(await ssh.exec('exit 3', { check: false })).toMatchObject({ code: 3 });
    await expect(ssh.exec('kill -9 $$')).rejects.toMatchObject({ result: { code: null, signal: 'KILL' } });
    const data = randomBytes(5_000_000, 1);
    const cat = await ssh.exec('cat', {
      input: (async function* () {
        for (let i = 0; i < data.length; i += 70_000) yield data.subarray(i, i + 70_000);
      })(),
    });
    expect(Buffer.compare(cat.stdoutBytes, data)).toBe(0);
    // A command that does not read its input is no failure.
    expect(await ssh.exec('true', { input: data })).toMatchObject({ code: 0 });
  });

  it('stops waiting when told, and the connection stays usable', async () => {
    await using sshd = await startSshd();
    await using ssh = await connect(await options(sshd));
    await expect(ssh.exec('sleep 100', { timeout: 100 })).rejects.toThrow(SSHTimeoutError);
    const reason = new Error('enough');
    const controller = new AbortController();
    const running = ssh.exec('sleep 100', { signal: controller.signal });
    controller.abort(reason);
    await expect(running).rejects.toBe(reason);
    await expect(ssh.exec('head -c 100000 /dev/zero', { maxOutput: 1_000 })).rejects.toThrow(RangeError);
    expect((await ssh.exec('echo still here')).stdout).toBe('still here\n');
  });

  it('checks the host key against known_hosts unless told otherwise', async () => {
    await using sshd = await startSshd();
    const { hostKey: _unused, ...withoutKey } = await options(sshd);
    await using home = tempDir();
    const before = process.env['HOME'];
    process.env['HOME'] = home.path;
    try {
      await expect(connect(withoutKey)).rejects.toMatchObject({ code: 'ERR_SSH_HOST_KEY', reason: 'unknown' });
      mkdirSync(join(home.path, '.ssh'));
      const name = `[${sshd.host}]:${sshd.port}`;
      const stranger = (await generateKey('ed25519')).publicKey;
      writeFileSync(join(home.path, '.ssh', 'known_hosts'), `${name} ${stranger}\n`);
      await expect(connect(withoutKey)).rejects.toMatchObject({ code: 'ERR_SSH_HOST_KEY', reason: 'changed' });
      await expect(connect(withoutKey)).rejects.toThrow(HostKeyError);
      appendFileSync(join(home.path, '.ssh', 'known_hosts'), `${name} ${sshd.hostKeys.ed25519?.publicLine}\n`);
      await using ssh = await connect(withoutKey);
      expect((await ssh.exec('echo in')).stdout).toBe('in\n');
    } finally {
      process.env['HOME'] = before;
    }
  });

  it('tells all that was tried where it could not log in', async () => {
    await using sshd = await startSshd();
    const base = await options(sshd);
    const strangers = [await generateKey('ed25519'), await generateKey('ecdsa')];
    const failure = connect({ ...base, privateKey: strangers, password: 'wrong' });
    await expect(failure).rejects.toThrow(AuthenticationError);
    const error = (await failure.catch((reason: unknown) => reason)) as AuthenticationError;
    expect(error.attempts.map(({ method }) => method)).toContain('publickey');
    for (const key of strangers) expect(error.message).toContain(key.publicKey.fingerprint);
    expect(error.message).not.toContain('wrong');
    const text = readFileSync(sshd.identity.path);
    const right = await connect({ ...base, privateKey: [...strangers, text] });
    await right.close();
  });

  it('names the address that does not answer', async () => {
    const port = await freePort();
    const failure = connect({ host: '127.0.0.1', port, username: 'x', password: 'x', hostKey: 'ignore' });
    await expect(failure).rejects.toThrow(ConnectError);
    await expect(failure).rejects.toMatchObject({
      code: 'ERR_SSH_CONNECT',
      phase: 'connect',
      message: expect.stringMatching(new RegExp(`127.0.0.1.*${port}.*ECONNREFUSED`)),
    });
  });
});
