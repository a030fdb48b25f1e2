// Certificates against OpenSSH: ours by its tools and servers, its by ours.

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { connect } from '../../src/index.ts';
import { generateKey, parseCertificate, signCertificate, withCertificate, writePrivateKey } from '../../src/keys.ts';
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
});
