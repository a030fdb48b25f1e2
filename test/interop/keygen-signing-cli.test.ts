// `amiko keygen` against ssh-keygen, both ways, in what one signs with a key: certificates, revocation lists, files; and with sshd and
// git, for which they are made. It runs what is in dist/, or AMIKO_BIN.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { keygen, same, theirs } from '../support/amiko-keygen.ts';
import { amikoBin } from '../support/amiko-serve.ts';
import { describePeer, keyPair, run, runPeer, startSshd, tempDir } from '../support/peers.ts';

describePeer('ssh-keygen', 'certificates', () => {
  const contents: readonly (readonly string[])[] = [
    ['-n', 'a', '-V', 'always:forever'],
    ['-n', 'a,b', '-V', '20200101:20300101123456', '-z', '18446744073709551615'],
    ['-n', 'a', '-V', 'always:20300101', '-O', 'clear'],
    ['-n', 'a', '-V', '20200101:forever', '-O', 'no-pty', '-O', 'no-x11-forwarding', '-O', 'no-user-rc'],
    [
      '-n',
      'a',
      '-O',
      'clear',
      '-O',
      'permit-pty',
      '-O',
      'force-command=/bin/echo "a b"',
      '-O',
      'source-address=192.0.2.0/24,::1',
    ],
    ['-n', 'a', '-O', 'verify-required', '-O', 'extension:x@example.com', '-O', 'extension:y@example.com=1'],
    ['-n', 'a', '-O', 'critical:z@example.com=text'],
    ['-n', 'host.example', '-h', '-z', '7'],
  ];

  it.each(contents)('with %s %s %s %s... say the same, by whomever they are made and shown', async (...args) => {
    await using dir = tempDir();
    const files = (['ed25519', 'ecdsa', 'rsa'] as const).map((type) => {
      copyFileSync(keyPair(type, { name: 'user' }).publicPath, dir.join(`${type}.pub`));
      return dir.join(`${type}.pub`);
    });
    const shown: string[] = [];
    for (const [name, tool] of [
      ['ours', keygen],
      ['theirs', theirs],
    ] as const) {
      const made = await tool(['-s', keyPair('ed25519', { name: 'ca' }).path, '-I', 'an id', ...args, ...files]);
      expect(made.code, `${name}: ${made.stderr}`).toBe(0);
      const certificates = files.map((file) => readFileSync(file.replace('.pub', '-cert.pub'), 'utf8'));
      const all = dir.write('all', certificates.join(''));
      const { stdout, code } = await same(['-L', '-f', all]);
      expect(code).toBe(0);
      await same(['-l', '-f', all]);
      shown.push(stdout);
    }
    expect(shown[0]).toBe(shown[1]);
    expect(shown[0]?.match(/Key ID: "an id"/g)).toHaveLength(3);
  });

  it('are signed by every kind of authority, also by one in an agent', async () => {
    await using dir = tempDir();
    const user = dir.join('user.pub');
    copyFileSync(keyPair('ed25519', { name: 'user' }).publicPath, user);
    for (const type of ['ecdsa', 'ecdsa-521', 'rsa'] as const) {
      expect((await keygen(['-s', keyPair(type, { name: 'ca' }).path, '-I', 'x', '-n', 'u', '-V', '+1h', user])).code).toBe(0);
      await same(['-L', '-f', dir.join('user-cert.pub')]);
    }
    const ca = keyPair('ed25519', { name: 'ca' });
    const script = `ssh-add -q "$1" && exec "$2" "$3" keygen -Us "$1.pub" -I agent -n u "$4"`;
    const signed = await run('ssh-agent', ['sh', '-c', script, 'sh', ca.path, process.execPath, amikoBin, user]);
    expect(signed.code, signed.stderr).toBe(0);
    expect((await same(['-L', '-f', dir.join('user-cert.pub')])).stdout).toContain(ca.fingerprint);
    expect((await keygen(['-L', '-f', user])).code).toBe(1);
    expect((await theirs(['-L', '-f', user])).code).toBe(1);
    const [type, base64 = ''] = readFileSync(dir.join('user-cert.pub'), 'utf8').split(' ');
    const changed = dir.write('changed-cert.pub', `${type} ${base64.replace(/.{8}$/, 'AAAAAAAA')}\n`);
    const why = `${changed}:1: certificate: the signature is not by the authority that it names\n`;
    expect(await keygen(['-L', '-f', changed])).toMatchObject({ code: 1, stdout: '', stderr: why });
  });
});

describePeer(['ssh-keygen', 'sshd', 'ssh'], 'certificates of amiko keygen', () => {
  it('let in whom they name, and do what they say', async () => {
    await using dir = tempDir();
    const ca = keyPair('ed25519', { name: 'ca' });
    const key = dir.join('user');
    expect((await keygen(['-q', '--no-passphrase', '-f', key])).code).toBe(0);
    await using sshd = await startSshd({ config: { TrustedUserCAKeys: ca.publicPath }, authorizedKeys: [] });
    const login = async (...args: string[]) => {
      expect((await keygen(['-qs', ca.path, '-I', 'a login', ...args, `${key}.pub`])).code).toBe(0);
      const rest = sshd.sshArgs({ IdentitiesOnly: 'yes', CertificateFile: `${key}-cert.pub` });
      const { code, stdout } = await runPeer('ssh', ['-i', key, ...rest, 'echo in']);
      return code === 0 ? stdout.toString() : null;
    };
    expect(await login('-n', sshd.user, '-V', '+5m')).toBe('in\n');
    expect(await login('-n', 'somebody-else', '-V', '+5m')).toBe(null);
    expect(await login('-n', sshd.user, '-V', 'always:20200101')).toBe(null);
    expect(await login('-n', sshd.user, '-O', 'force-command=echo forced')).toBe('forced\n');
    expect(await login('-n', sshd.user, '-O', 'source-address=192.0.2.1')).toBe(null);
    expect(await login('-n', sshd.user, '-h')).toBe(null);
  });

  it('prove a host', async () => {
    await using dir = tempDir();
    const ca = keyPair('ecdsa', { name: 'ca' });
    const host = dir.join('host.pub');
    copyFileSync(keyPair('ed25519', { name: 'host' }).publicPath, host);
    expect((await keygen(['-hs', ca.path, '-I', 'a host', '-n', '127.0.0.1', '-V', '+1d', host])).code).toBe(0);
    await using sshd = await startSshd({ hostKeys: ['ed25519'], config: { HostCertificate: dir.join('host-cert.pub') } });
    writeFileSync(sshd.knownHostsFile, `@cert-authority * ${ca.publicLine}\n`);
    const { code, stdout } = await runPeer('ssh', [...sshd.sshArgs(), 'echo in']);
    expect([code, stdout.toString()]).toEqual([0, 'in\n']);
  });
});

describePeer('ssh-keygen', 'revocation lists', () => {
  it('mean the same both ways', { timeout: 60_000 }, async () => {
    await using dir = tempDir();
    const [ca, listed, hashed, fine] = ['ca', 'listed', 'hashed', 'fine'].map((name) => keyPair('ed25519', { name }));
    if (!ca || !listed || !hashed || !fine) throw new Error('no keys');
    const certificate = async (name: string, serial: string, id: string) => {
      const file = dir.join(`${name}.pub`);
      copyFileSync(fine.publicPath, file);
      expect((await keygen(['-qs', ca.path, '-I', id, '-n', 'u', '-z', serial, file])).code).toBe(0);
      return dir.join(`${name}-cert.pub`);
    };
    const asked = [listed.publicPath, hashed.publicPath, fine.publicPath];
    for (const [name, serial, id] of [
      ['five', '5', 'a'],
      ['six', '6', 'a'],
      ['hundred', '150', 'a'],
      ['by-id', '0', 'gone'],
      ['by-file', '77', 'a'],
    ] as const)
      asked.push(await certificate(name, serial, id));
    const lines = [
      'serial: 5',
      'serial: 100-200 # a range',
      'id: gone',
      `key: ${listed.publicLine}`,
      `hash: ${hashed.fingerprint}`,
    ];
    const spec = dir.write('spec', `# what is gone\n\n${lines.map((line) => line.replace(/ #.*/, '')).join('\n')}\n`);
    const sources = [spec, dir.join('by-file-cert.pub')];
    for (const [name, tool] of [
      ['ours', keygen],
      ['theirs', theirs],
    ] as const) {
      const list = dir.join(`${name}.krl`);
      const made = await tool(['-k', '-f', list, '-s', ca.publicPath, '-z', '3', ...sources]);
      expect(made.code, made.stderr).toBe(0);
      const answers: (readonly [string, boolean])[] = [];
      for (const file of asked) {
        const { stdout } = await same(['-Q', '-f', list, file]);
        answers.push([file.replace(/.*\//, ''), stdout.endsWith(': REVOKED\n')]);
      }
      expect(answers.filter(([, revoked]) => !revoked).map(([file]) => file)).toEqual([
        fine.publicPath.replace(/.*\//, ''),
        'six-cert.pub',
      ]);
    }
    const broken = await keygen(['-k', '-f', dir.join('no'), dir.write('bad', 'serial: x\n'), '-s', ca.publicPath]);
    expect([broken.code, broken.stderr]).toEqual([255, expect.stringContaining('bad:1: not a serial number')]);
    expect((await keygen(['-k', '-f', dir.join('no'), dir.write('bad', 'serial: 5\n')])).code).toBe(2);
  });
});

describePeer('ssh-keygen', 'signatures', () => {
  it('are verified both ways, for whom and what they are', { timeout: 90_000 }, async () => {
    await using dir = tempDir();
    const message = dir.write('message', 'what is signed');
    const input = 'what is signed';
    for (const type of ['ed25519', 'rsa'] as const) {
      const key = keyPair(type);
      const [keyType, base64] = key.publicLine.split(' ');
      const allowed = dir.write(`allowed-${type}`, `me@example.com namespaces="file" ${keyType} ${base64}\n`);
      for (const [tool, other] of [
        [keygen, theirs],
        [theirs, keygen],
      ] as const) {
        const signed = await tool(['-Y', 'sign', '-q', '-f', key.path, '-n', 'file'], { input });
        expect(signed.code, signed.stderr).toBe(0);
        const signature = dir.write('signature', signed.stdout);
        const verify = ['-Y', 'verify', '-f', allowed, '-I', 'me@example.com', '-n', 'file', '-s', signature];
        for (const judge of [tool, other]) {
          const good = await judge(verify, { input });
          expect([good.code, good.stdout]).toEqual([
            0,
            `Good "file" signature for me@example.com with ${type.split('-')[0]?.toUpperCase()} key ${key.fingerprint}\n`,
          ]);
          const bad = [
            await judge(verify, { input: `${input}!` }),
            await judge(verify.with(5, 'you@example.com'), { input }),
            await judge([...verify, '-r', key.publicPath], { input }),
            await judge([...verify, '-O', 'hashalg=sha1'], { input }),
          ].slice(0, judge === keygen ? 4 : 3);
          for (const each of bad) expect(each.code).not.toBe(0);
          expect(bad[0]?.stdout).toBe('Could not verify signature.\n');
        }
        await same(['-Y', 'find-principals', '-f', allowed, '-s', signature]);
        await same(['-Y', 'check-novalidate', '-n', 'file', '-s', signature], { input });
        await same(['-Y', 'check-novalidate', '-n', 'git', '-s', signature], { input });
      }
    }
    expect((await keygen(['-Y', 'sign', '-f', keyPair('ed25519').path, '-n', 'file', message])).code).toBe(0);
    expect(readFileSync(`${message}.sig`, 'utf8')).toMatch(/^-----BEGIN SSH SIGNATURE-----\n/);
  });

  const git = spawnSync('git', ['--version'], { encoding: 'utf8' });

  it.skipIf(git.status !== 0)('are those that git wants', { timeout: 60_000 }, async () => {
    await using dir = tempDir();
    const key = keyPair('ed25519', { name: 'git' });
    const program = dir.write('amiko', `#!/bin/sh\nexec '${process.execPath}' '${amikoBin}' "$@"\n`, 0o700);
    const allowed = dir.write('allowed', `me@example.com ${key.publicLine}\n`);
    const env = { GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null', HOME: dir.path, LC_ALL: 'C' };
    const repository = dir.join('repository');
    const inGit = async (...args: string[]) => {
      const settings = {
        'user.name': 'me',
        'user.email': 'me@example.com',
        'gpg.format': 'ssh',
        'gpg.ssh.allowedSignersFile': allowed,
      };
      const options = Object.entries({ ...settings, 'user.signingKey': key.path }).flatMap(([name, value]) => [
        '-c',
        `${name}=${value}`,
      ]);
      const { code, stdout, stderr } = await run('git', ['-C', repository, ...options, ...args], { env });
      return { code, text: `${stdout}${stderr}` };
    };
    mkdirSync(repository);
    expect((await inGit('init', '-q')).code).toBe(0);
    const ours = ['-c', `gpg.ssh.program=${program}`];
    expect(await inGit(...ours, 'commit', '-q', '--allow-empty', '-S', '-m', 'signed by amiko')).toEqual({ code: 0, text: '' });
    const good = `Good "git" signature for me@example.com with ED25519 key ${key.fingerprint}\n`;
    expect(await inGit('verify-commit', 'HEAD')).toEqual({ code: 0, text: good });
    expect(await inGit(...ours, 'verify-commit', 'HEAD')).toEqual({ code: 0, text: good });
    expect(await inGit('commit', '-q', '--allow-empty', '-S', '-m', 'signed by ssh-keygen')).toEqual({ code: 0, text: '' });
    expect(await inGit(...ours, 'verify-commit', 'HEAD')).toEqual({ code: 0, text: good });
    expect(await inGit(...ours, 'tag', '-s', '-m', 'a tag', 'v1')).toEqual({ code: 0, text: '' });
    expect(await inGit('verify-tag', 'v1')).toEqual({ code: 0, text: good });
    // Somebody else's key, and then a revoked one.
    writeFileSync(allowed, `me@example.com ${keyPair('ed25519', { name: 'other' }).publicLine}\n`);
    expect((await inGit(...ours, 'verify-commit', 'HEAD')).code).toBe(1);
    writeFileSync(allowed, `me@example.com ${key.publicLine}\n`);
    const revoked = ['-c', `gpg.ssh.revocationFile=${key.publicPath}`];
    expect((await inGit(...ours, ...revoked, 'verify-commit', 'HEAD')).code).toBe(1);
    // A key in the agent, named by its public half.
    const script = `ssh-add -q "$1" && shift && exec git "$@"`;
    const literal = ['-c', `user.signingKey=key::${key.publicLine}`, '-c', 'gpg.format=ssh', ...ours];
    const who = ['-c', 'user.name=me', '-c', 'user.email=me@example.com'];
    const commit = ['-C', repository, ...who, ...literal, 'commit', '-q', '--allow-empty', '-S', '-m', 'by the agent'];
    const byAgent = await run('ssh-agent', ['sh', '-c', script, 'sh', key.path, ...commit], { env });
    expect(byAgent.code, byAgent.stderr).toBe(0);
    expect(await inGit('verify-commit', 'HEAD')).toEqual({ code: 0, text: good });
  });
});
