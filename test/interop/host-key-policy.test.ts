// Revoked host keys and HostKeyAlias against a real sshd, beside what ssh itself decides in the same place.

import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { connect } from '../../src/index.ts';
import { encodeKrl, generateKey, RevokedKeys, readPrivateKey, signCertificate, writePrivateKey } from '../../src/keys.ts';
import { type HostKeyPolicyOptions, KnownHosts, verifyHostKey } from '../../src/known-hosts.ts';
import { describePeer, runPeer, type Sshd, startSshd, tempDir } from '../support/peers.ts';

/** Whether ours gets in, or why not. */
async function ours(sshd: Sshd, known: string, options: HostKeyPolicyOptions): Promise<string> {
  const target = { host: sshd.host, port: sshd.port };
  const knownHosts = new KnownHosts();
  knownHosts.addText(known, 'kh');
  const hostKey = verifyHostKey(target, { knownHosts, ...options });
  const keys = knownHosts.preferredAlgorithms(options.alias ?? target.host, options.alias === undefined ? target.port : 22);
  const privateKey = await readPrivateKey(sshd.identity.path);
  try {
    await using client = await connect({ ...target, username: sshd.user, privateKey, hostKey, algorithms: { keys } });
    return (await client.exec('echo in')).stdout.trim();
  } catch (error) {
    return (error as { reason?: string }).reason ?? String(error);
  }
}

async function theirs(sshd: Sshd, knownFile: string, options: Record<string, string>): Promise<boolean> {
  const args = sshd.sshArgs({ UserKnownHostsFile: knownFile, ...options });
  const { stdout, stderr } = await runPeer('ssh', [...args, 'echo in']);
  const refused = /Host key verification failed|revoked/i.test(stderr);
  if ((stdout.toString() === 'in\n') === refused) throw new Error(stderr);
  return !refused;
}

describePeer(['sshd', 'ssh', 'ssh-keygen'], 'host keys', () => {
  it('that are revoked are refused, as such, in a certificate and by their authority', async () => {
    await using dir = tempDir();
    const [ca, key, other] = [await generateKey('ed25519'), await generateKey('ed25519'), await generateKey('ed25519')];
    await writePrivateKey(dir.join('host'), key);
    const certificate = await signCertificate(ca, key.publicKey, {
      kind: 'host',
      keyId: 'it',
      principals: ['127.0.0.1'],
      serial: 9n,
    });
    dir.write('host-cert.pub', `${certificate}\n`);
    await using sshd = await startSshd({ config: { HostKey: dir.join('host'), HostCertificate: dir.join('host-cert.pub') } });
    const pattern = `[127.0.0.1]:${sshd.port}`;
    const known = {
      key: `${pattern} ${key.publicKey}\n`,
      authority: `@cert-authority ${pattern} ${ca.publicKey}\n`,
    };
    dir.write('ca.pub', `${ca.publicKey}\n`);
    const theirKrl = (name: string, lines: string): string => {
      dir.write(`${name}.spec`, lines);
      const made = spawnSync('ssh-keygen', [
        '-q',
        '-k',
        '-f',
        dir.join(name),
        '-s',
        dir.join('ca.pub'),
        dir.join(`${name}.spec`),
      ]);
      expect(made.status, String(made.stderr)).toBe(0);
      return dir.join(name);
    };
    const generated = new Date();
    const files: [what: string, file: string, refusedByKey: boolean, refusedByAuthority: boolean][] = [
      ['nothing', dir.write('nothing', ''), false, false],
      ['another key', dir.write('other', `${other.publicKey}\n`), false, false],
      ['the key', dir.write('key', `# gone\n${other.publicKey}\n${key.publicKey}\n`), true, true],
      // A certificate is shown only where one can help.
      ['the authority', dir.write('authority', `${ca.publicKey}\n`), false, true],
      ['a certificate', dir.write('certificate', `${certificate}\n`), true, true],
      ['a list with the key', theirKrl('krl-key', `key: ${key.publicKey}\n`), true, true],
      ['a list with its serial number', theirKrl('krl-serial', 'serial: 9\n'), false, true],
      ['a list with another', theirKrl('krl-other', 'serial: 10\n'), false, false],
      ['our list', dir.write('ours', encodeKrl({ generated, keys: [ca.publicKey] })), false, true],
    ];
    for (const [what, file, ...refused] of files) {
      const revokedKeys = await RevokedKeys.read([file]);
      for (const [index, by] of (['key', 'authority'] as const).entries()) {
        const knownFile = dir.write('kh', known[by]);
        const algorithms = by === 'key' ? { HostKeyAlgorithms: 'ssh-ed25519' } : {};
        const theirVerdict = await theirs(sshd, knownFile, { RevokedHostKeys: file, ...algorithms });
        expect(theirVerdict, `ssh: known by its ${by}, ${what} is revoked`).toBe(!refused[index]);
        const verdict = await ours(sshd, known[by], { revokedKeys });
        expect(verdict, `known by its ${by}, ${what} is revoked`).toBe(refused[index] ? 'revoked' : 'in');
      }
    }
    // A file that is not there, or that is neither, refuses all hosts.
    for (const file of [dir.join('missing'), dir.write('words', 'some words\n')]) {
      const knownFile = dir.write('kh', known.key);
      expect(await theirs(sshd, knownFile, { RevokedHostKeys: file })).toBe(false);
      await expect(RevokedKeys.read([file])).rejects.toMatchObject({ code: 'ERR_SSH_KEY_FORMAT' });
    }
  });

  it('are looked up, remembered and certified by an alias', async () => {
    await using dir = tempDir();
    const [ca, key] = [await generateKey('ed25519'), await generateKey('ed25519')];
    await writePrivateKey(dir.join('host'), key);
    const start = async (principals: string[]) => {
      const certificate = await signCertificate(ca, key.publicKey, { kind: 'host', keyId: 'it', principals });
      dir.write('host-cert.pub', `${certificate}\n`);
      return startSshd({ config: { HostKey: dir.join('host'), HostCertificate: dir.join('host-cert.pub') } });
    };
    await using sshd = await start(['the-alias']);
    const { port } = sshd;
    const cases: [known: string, alias: string | null, accepted: boolean][] = [
      [`the-alias ${key.publicKey}`, 'the-alias', true],
      [`THE-alias ${key.publicKey}`, 'the-ALIAS', true],
      [`[127.0.0.1]:${port} ${key.publicKey}`, 'the-alias', false],
      [`the-alias ${key.publicKey}`, null, false],
      [`[the-alias]:${port} ${key.publicKey}`, 'the-alias', false],
      [`[the-alias]:${port} ${key.publicKey}`, `[the-alias]:${port}`, true],
      [`@cert-authority the-alias ${ca.publicKey}`, 'the-alias', true],
      // Not what the certificate is for.
      [`@cert-authority * ${ca.publicKey}`, 'another', false],
      [`@cert-authority * ${ca.publicKey}`, null, false],
      [`@revoked the-alias ${key.publicKey}\nthe-alias ${key.publicKey}`, 'the-alias', false],
    ];
    for (const [known, alias, accepted] of cases) {
      const knownFile = dir.write('kh', `${known}\n`);
      const said = `${known.slice(0, 40)} asked as ${alias}`;
      expect(await theirs(sshd, knownFile, alias === null ? {} : { HostKeyAlias: alias }), `ssh: ${said}`).toBe(accepted);
      const verdict = await ours(sshd, known, alias === null ? {} : { alias });
      expect(verdict === 'in', `${said}: ${verdict}`).toBe(accepted);
    }
    // What is remembered is the alias, as ssh reads it.
    const file = dir.join('new');
    expect(await ours(sshd, '', { alias: 'fresh', strict: 'accept-new', file })).toBe('in');
    expect(await theirs(sshd, file, { HostKeyAlias: 'fresh' })).toBe(true);
    expect(await theirs(sshd, file, {})).toBe(false);
  });
});
