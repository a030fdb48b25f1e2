// Certificates against OpenSSH: ours by its tools and servers, its by ours.

import { execFile, execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { connect, ServerInterface } from '../../src/index.ts';
import {
  generateKey,
  parseCertificate,
  readPrivateKey,
  signCertificate,
  withCertificate,
  writePrivateKey,
} from '../../src/keys.ts';
import { KnownHosts, verifyHostKey } from '../../src/known-hosts.ts';
import { createServer } from '../../src/server.ts';
import { describePeer, startSshd, tempDir } from '../support/peers.ts';

describePeer('sshd', 'certificates', () => {
  it.for(['ed25519', 'ecdsa', 'rsa'] as const)(
    '%s: made by ssh-keygen are read, made here ssh-keygen reads',
    async (type, { expect }) => {
      await using dir = tempDir();
      const [ca, key] = [await generateKey(type), await generateKey(type, { comment: 'subject' })];
      await writePrivateKey(join(dir.path, 'ca'), ca);
      writeFileSync(join(dir.path, 'key.pub'), `${key.publicKey}\n`);
      execFileSync(
        'ssh-keygen',
        [
          '-q',
          '-s',
          'ca',
          '-I',
          'an id',
          '-n',
          'alice,bob',
          '-V',
          '-5m:+1h',
          '-z',
          '42',
          '-O',
          'source-address=10.0.0.0/8',
          'key.pub',
        ],
        { cwd: dir.path },
      );
      const theirs = parseCertificate(readFileSync(join(dir.path, 'key-cert.pub'), 'utf8'));
      expect(theirs).toMatchObject({
        kind: 'user',
        keyId: 'an id',
        serial: 42n,
        principals: ['alice', 'bob'],
        comment: 'subject',
      });
      expect(theirs.publicKey.equals(key.publicKey)).toBe(true);
      expect(theirs.signatureKey.equals(ca.publicKey)).toBe(true);
      expect([...theirs.criticalOptions.keys()]).toEqual(['source-address']);
      const ours = await signCertificate(ca, key.publicKey, {
        kind: 'user',
        keyId: 'ours',
        principals: ['carol'],
        serial: 7n,
        criticalOptions: { 'force-command': 'true' },
      });
      writeFileSync(join(dir.path, 'ours-cert.pub'), `${ours}\n`);
      const shown = execFileSync('ssh-keygen', ['-L', '-f', 'ours-cert.pub'], { cwd: dir.path, encoding: 'utf8' });
      expect(shown).toMatch(/Key ID: "ours"[\s\S]*Serial: 7[\s\S]*carol[\s\S]*force-command true[\s\S]*permit-pty/);
      expect(shown).toContain(ca.publicKey.fingerprint);
    },
  );

  it('of users let our client in at sshd', async () => {
    const ca = await generateKey('ed25519');
    await using dir = tempDir();
    writeFileSync(join(dir.path, 'ca.pub'), `${ca.publicKey}\n`);
    await using sshd = await startSshd({ config: { TrustedUserCAKeys: join(dir.path, 'ca.pub') } });
    for (const type of ['ed25519', 'ecdsa', 'rsa'] as const) {
      const key = await generateKey(type);
      const certificate = await signCertificate(ca, key.publicKey, { kind: 'user', keyId: 'x', principals: [sshd.user] });
      const target = { host: sshd.host, port: sshd.port, username: sshd.user, hostKey: 'ignore' as const };
      await expect(connect({ ...target, privateKey: key })).rejects.toMatchObject({ code: 'ERR_SSH_AUTHENTICATION' });
      await using client = await connect({ ...target, privateKey: withCertificate(key, certificate) });
      expect((await client.exec('echo in')).stdout).toBe('in\n');
    }
  });

  it("of hosts: sshd's by our client, as known_hosts says and no further", async () => {
    await using dir = tempDir();
    const at = (name: string) => join(dir.path, name);
    const [ca, hostKey] = [await generateKey('ed25519'), await generateKey('ed25519')];
    await writePrivateKey(at('host'), hostKey);
    const day = 86_400_000;
    const cases = [
      ['good', { principals: ['127.0.0.1'] }, null],
      ['another name', { principals: ['elsewhere'] }, /'127\.0\.0\.1' is not one of its principals/],
      [
        'expired',
        { principals: ['127.0.0.1'], validAfter: new Date(Date.now() - 2 * day), validBefore: new Date(Date.now() - day) },
        /expired/,
      ],
      ['not yet', { principals: ['127.0.0.1'], validAfter: new Date(Date.now() + day) }, /not yet valid/],
      ['of a user', { principals: ['127.0.0.1'], kind: 'user' }, /user certificate/],
    ] as const;
    for (const [name, options, refused] of cases) {
      const certificate = await signCertificate(ca, hostKey.publicKey, { kind: 'host', keyId: name, ...options });
      writeFileSync(at('host-cert.pub'), `${certificate}\n`);
      // sshd itself refuses to load a certificate of a user as its own.
      if (name === 'of a user') continue;
      await using sshd = await startSshd({ config: { HostKey: at('host'), HostCertificate: at('host-cert.pub') } });
      const target = { host: sshd.host, port: sshd.port };
      const privateKey = await readPrivateKey(sshd.identity.path);
      const login = async (text: string) => {
        const knownHosts = new KnownHosts();
        knownHosts.addText(text, 'kh');
        const hostKey = verifyHostKey(target, { knownHosts });
        const keys = knownHosts.preferredAlgorithms(target.host, target.port);
        await using client = await connect({ ...target, username: sshd.user, privateKey, hostKey, algorithms: { keys } });
        return (await client.exec('echo in')).stdout;
      };
      const pattern = `[127.0.0.1]:${sshd.port}`;
      const trusted = login(`@cert-authority ${pattern} ${ca.publicKey}\n`);
      if (refused === null) expect(await trusted).toBe('in\n');
      else await expect(trusted).rejects.toMatchObject({ code: 'ERR_SSH_HOST_KEY', message: expect.stringMatching(refused) });
      // Without the authority it is the key that counts, and with a revoked authority nothing does.
      expect(await login(`${pattern} ${hostKey.publicKey}\n`)).toBe('in\n');
      await expect(login(`@cert-authority *.example.com ${ca.publicKey}\n`)).rejects.toMatchObject({ reason: 'unknown' });
      const revoked = `@cert-authority * ${ca.publicKey}\n@revoked * ${ca.publicKey}\n${pattern} ${hostKey.publicKey}\n`;
      await expect(login(revoked)).rejects.toMatchObject({ reason: 'revoked' });
      // ssh judges the same.
      writeFileSync(at('kh'), `@cert-authority ${pattern} ${ca.publicKey}\n`);
      const args = [
        '-F',
        'none',
        '-p',
        String(sshd.port),
        '-i',
        sshd.identity.path,
        '-o',
        'BatchMode=yes',
        '-o',
        `UserKnownHostsFile=${at('kh')}`,
      ];
      const ssh = await run('ssh', [...args, `${sshd.user}@127.0.0.1`, 'echo in']);
      expect(ssh === 'in\n', name).toBe(refused === null);
    }
  });

  it('of hosts: ours by ssh', async () => {
    await using dir = tempDir();
    const [ca, key] = [await generateKey('ecdsa'), await generateKey('rsa', { bits: 2048 })];
    const certificate = await signCertificate(ca, key.publicKey, { kind: 'host', keyId: 'ours', principals: ['127.0.0.1'] });
    await using server = createServer({ hostKeys: [withCertificate(key, certificate)], server: () => new ServerInterface() });
    const { port } = (await server.listen({ host: '127.0.0.1', port: 0 })) as { port: number };
    const kh = join(dir.path, 'kh');
    for (const [line, known] of [
      [`@cert-authority [127.0.0.1]:${port} ${ca.publicKey}`, true],
      [`[127.0.0.1]:${port} ${key.publicKey}`, true],
      [`@cert-authority [127.0.0.1]:${port} ${key.publicKey}`, false],
    ] as const) {
      writeFileSync(kh, `${line}\n`);
      const said = await run('ssh', [
        '-F',
        'none',
        '-v',
        '-p',
        String(port),
        '-o',
        'BatchMode=yes',
        '-o',
        `UserKnownHostsFile=${kh}`,
        'me@127.0.0.1',
        'x',
      ]);
      expect(/Permission denied/.test(said), line).toBe(known);
      expect(/Host key verification failed/.test(said), line).toBe(!known);
    }
  });
});

function run(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    const child = execFile(command, args, { encoding: 'utf8' }, (error, stdout, stderr) =>
      resolve(error ? stdout + stderr : stdout),
    );
    child.stdin?.end();
  });
}
