// `amiko keyscan` against real servers, and beside ssh-keyscan. It runs what is in dist/, or AMIKO_BIN.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { amikoBin, startAmikoServe } from '../support/amiko-serve.ts';
import {
  canMakeUsers,
  describePeer,
  ensureTestUser,
  freePort,
  run,
  runPeer,
  startDropbear,
  startSshd,
} from '../support/peers.ts';

async function keyscan(...args: string[]) {
  const { code, stdout, stderr } = await run(process.execPath, [amikoBin, 'keyscan', ...args]);
  return { code, lines: stdout.toString().split('\n').filter(Boolean), stderr };
}

describePeer(['sshd', 'ssh'], 'keyscan', () => {
  it('prints what ssh-keyscan prints, and what ssh believes', async () => {
    await using sshd = await startSshd();
    const port = String(sshd.port);
    const ours = await keyscan('-p', port, '127.0.0.1');
    expect(ours.code).toBe(0);
    expect(ours.stderr).toMatch(/^# 127\.0\.0\.1:\d+ SSH-2\.0-OpenSSH_\S+/);
    const theirs = spawnSync('ssh-keyscan', ['-p', port, '127.0.0.1'], { encoding: 'utf8' });
    expect(theirs.status).toBe(0);
    expect([...ours.lines].sort()).toEqual(theirs.stdout.split('\n').filter(Boolean).sort());
    expect(ours.lines).toHaveLength(3);
    for (const args of [['-H'], ['-Ht', 'ecdsa'], []]) {
      const { lines } = await keyscan(...args, `127.0.0.1:${port}`);
      writeFileSync(sshd.knownHostsFile, lines.map((line) => `${line}\n`).join(''));
      const { code, stdout } = await runPeer('ssh', [...sshd.sshArgs({ StrictHostKeyChecking: 'yes' }), 'echo in']);
      expect([code, stdout.toString()]).toEqual([0, 'in\n']);
    }
  });

  it('reads many hosts, says which failed, and is JSON where that is wanted', async () => {
    await using sshd = await startSshd({ hostKeys: ['ed25519', 'rsa'] });
    await using serve = await startAmikoServe();
    const closed = await freePort();
    const { code, lines, stderr } = await keyscan(
      '--json',
      `127.0.0.1:${sshd.port}`,
      `127.0.0.1:${closed}`,
      `localhost:${serve.port}`,
    );
    expect(code).toBe(1);
    expect(stderr.match(new RegExp(`127.0.0.1 port ${closed}: connect ECONNREFUSED`, 'g'))).toHaveLength(1);
    const keys = lines.map((line) => JSON.parse(line) as { host: string; port: number; fingerprint: string; bits: number });
    expect(keys.map(({ host, port, fingerprint }) => [host, port, fingerprint])).toEqual([
      ['127.0.0.1', sshd.port, sshd.hostKeys.ed25519.fingerprint],
      ['127.0.0.1', sshd.port, sshd.hostKeys.rsa.fingerprint],
      ['localhost', serve.port, serve.hostKey.fingerprint],
    ]);
    expect(keys.map(({ bits }) => bits)).toEqual([256, 3072, 256]);
  });

  it('reads servers that know only what is old', async () => {
    const config = {
      KexAlgorithms: 'diffie-hellman-group14-sha1',
      HostKeyAlgorithms: 'ssh-rsa',
      Ciphers: 'aes128-cbc',
      MACs: 'hmac-sha1',
    };
    await using sshd = await startSshd({ config, hostKeys: ['rsa'] });
    const { code, lines } = await keyscan('-q', '-p', String(sshd.port), '127.0.0.1');
    expect(code).toBe(0);
    expect(lines).toEqual([`[127.0.0.1]:${sshd.port} ${sshd.hostKeys.rsa.publicLine.split(' ').slice(0, 2).join(' ')}`]);
  });
});

describePeer('dropbear', 'keyscan of dropbear', () => {
  it.runIf(canMakeUsers)('finds all keys', async () => {
    await using user = await ensureTestUser();
    await using dropbear = await startDropbear({ user });
    const { code, lines } = await keyscan('-p', String(dropbear.port), '127.0.0.1');
    expect(code).toBe(0);
    const keys = Object.values(dropbear.hostKeys).map(({ publicLine }) => publicLine.split(' ')[1]);
    expect(lines.map((line) => line.split(' ')[2]).sort()).toEqual(keys.sort());
  });
});
