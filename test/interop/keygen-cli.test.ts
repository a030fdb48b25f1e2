// `amiko keygen` against ssh-keygen, both ways: keys, passphrases, formats, fingerprints, known_hosts. It runs what is in dist/, or
// AMIKO_BIN.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { keygen, same, theirs } from '../support/amiko-keygen.ts';
import { describePeer, keyPair, type RunOptions, runPeer, startSshd, type TempDir, tempDir } from '../support/peers.ts';

/** The environment in which a passphrase is asked for by a program. */
function askpass(dir: TempDir, answer: string): NonNullable<RunOptions['env']> {
  return { SSH_ASKPASS: dir.write(`ask-${answer}`, `#!/bin/sh\necho '${answer}'\n`, 0o700), SSH_ASKPASS_REQUIRE: 'force' };
}

describePeer(['ssh-keygen', 'sshd', 'ssh'], 'keys of amiko keygen', () => {
  it.each([
    ['ed25519', []],
    ['ecdsa', []],
    ['ecdsa', ['-b', '521']],
    ['rsa', ['-b', '2048']],
    ['rsa', ['-b', '2048', '-m', 'PEM']],
    ['ecdsa', ['-b', '384', '-m', 'PKCS8']],
  ])('of type %s %j are read by ssh-keygen, and log in', async (type, more) => {
    await using dir = tempDir();
    const file = dir.join('key');
    const made = await keygen(['-t', type, ...more, '--no-passphrase', '-C', 'a comment', '-f', file]);
    expect(made.code).toBe(0);
    // The older formats have no place for the comment.
    if (!more.includes('-m')) await same(['-y', '-f', file]);
    const { stdout } = await same(['-l', '-f', `${file}.pub`]);
    expect(made.stdout).toContain(`The key fingerprint is:\n${stdout.split(' ')[1]} a comment\n`);
    expect((await theirs(['-y', '-f', file])).stdout.split(' ')[1]?.trim()).toBe(
      readFileSync(`${file}.pub`, 'utf8').split(' ')[1],
    );
    await using sshd = await startSshd({ authorizedKeys: [readFileSync(`${file}.pub`, 'utf8').trim()] });
    const args = sshd
      .sshArgs({ IdentityFile: file, IdentitiesOnly: 'yes' })
      .filter((arg) => arg !== '-i' && arg !== sshd.identity.path);
    expect((await runPeer('ssh', ['-i', file, ...args, 'echo in'])).stdout.toString()).toBe('in\n');
  });

  it('keep their passphrases both ways', async () => {
    await using dir = tempDir();
    const file = dir.join('key');
    expect((await keygen(['-qf', file, '-C', 'c'], { env: askpass(dir, 'first') })).code).toBe(0);
    expect((await theirs(['-y', '-P', 'first', '-f', file])).stdout).toBe(readFileSync(`${file}.pub`, 'utf8'));
    expect((await theirs(['-p', '-P', 'first', '-N', 'second', '-f', file])).code).toBe(0);
    expect((await keygen(['-y', '-f', file], { env: askpass(dir, 'second') })).stdout).toBe(readFileSync(`${file}.pub`, 'utf8'));
    expect((await keygen(['-y', '-f', file], { env: askpass(dir, 'first') })).code).toBe(255);
    expect((await keygen(['-p', '--no-passphrase', '-f', file], { env: askpass(dir, 'second') })).code).toBe(0);
    expect((await theirs(['-y', '-P', '', '-f', file])).stdout).toBe(readFileSync(`${file}.pub`, 'utf8'));
  });
});

describePeer('ssh-keygen', 'formats', () => {
  it('are those of ssh-keygen -e and -i', async () => {
    await using dir = tempDir();
    const withoutComment = (text: string) => text.replace(/^Comment: .*\n/m, '');
    for (const type of ['ed25519', 'ecdsa-384', 'rsa'] as const) {
      const key = keyPair(type);
      for (const format of ['RFC4716', ...(type === 'ed25519' ? [] : ['PKCS8', 'PEM'])]) {
        const ours = await keygen(['-e', '-m', format, '-f', key.publicPath]);
        const other = await theirs(['-e', '-m', format, '-f', key.publicPath]);
        expect(withoutComment(ours.stdout), `${type} ${format}`).toBe(withoutComment(other.stdout));
        const file = dir.write('exported', other.stdout);
        const back = await keygen(['-i', '-m', format, '-f', file]);
        expect(back.stdout.split(' ').slice(0, 2).join(' ').trim()).toBe(key.publicLine.split(' ').slice(0, 2).join(' '));
      }
    }
  });
});

describePeer(['ssh-keygen', 'puttygen'], 'PPK', () => {
  it('goes to PuTTY and back', async () => {
    await using dir = tempDir();
    const key = keyPair('ecdsa');
    const exported = await keygen(['-e', '-m', 'PPK', '-f', key.path]);
    const file = dir.write('key.ppk', exported.stdout);
    expect((await runPeer('puttygen', [file, '-O', 'public-openssh'])).stdout.toString().trim()).toBe(key.publicLine);
    const back = dir.write('back', (await keygen(['-i', '-f', file])).stdout);
    expect((await theirs(['-y', '-f', back])).stdout.trim()).toBe(key.publicLine);
  });
});

/** A known_hosts with all kinds of lines that make sense. */
function knownHosts(): string {
  const [ed, ecdsa, rsa] = [keyPair('ed25519'), keyPair('ecdsa'), keyPair('rsa')].map(({ publicLine }) =>
    publicLine.split(' ').slice(0, 2).join(' '),
  );
  return [
    '# a comment',
    '',
    `one.example,192.0.2.1 ${ed}`,
    `  one.example ${ecdsa} said by me`,
    `[one.example]:2222 ${rsa}`,
    `*.wild.example,!no.wild.example ${ed}`,
    `@cert-authority *.example ${rsa} authority`,
    `@revoked * ${ecdsa}`,
    `two.example\t${rsa}`,
  ].join('\n');
}

const hosts = ['one.example', '192.0.2.1', '[one.example]:2222', 'a.wild.example', 'no.wild.example', 'two.example', 'nobody'];

describePeer('ssh-keygen', 'known_hosts', () => {
  it.each([['plain'], ['hashed by ssh-keygen'], ['hashed by amiko']])('%s is searched as by ssh-keygen', async (how) => {
    await using dir = tempDir();
    const file = dir.write('known_hosts', `${knownHosts()}\n`);
    if (how === 'hashed by ssh-keygen') expect((await theirs(['-H', '-f', file])).code).toBe(0);
    if (how === 'hashed by amiko') expect((await keygen(['-H', '-f', file])).code).toBe(0);
    for (const host of hosts) await same(['-F', host, '-f', file]);
    await same(['-q', '-F', 'one.example', '-f', file]);
    await same(['-l', '-F', '[one.example]:2222', '-f', file]);
    await same(['-l', '-E', 'md5', '-F', '[one.example]:2222', '-f', file]);
    expect(await keygen(['-F', 'nobody', '-f', dir.join('none')])).toMatchObject({ code: 255, stdout: '' });
  });

  it.each(hosts)('loses %s as by ssh-keygen', async (host) => {
    await using dir = tempDir();
    const text = knownHosts();
    for (const [name, tool] of [
      ['ours', keygen],
      ['theirs', theirs],
    ] as const) {
      mkdirSync(dir.join(name));
      writeFileSync(dir.join(name, 'known_hosts'), text, { mode: 0o644 });
      expect((await tool(['-R', host, '-f', 'known_hosts'], { cwd: dir.join(name) })).code).toBe(0);
    }
    const state = (name: string) => spawnSync('sh', ['-c', 'head -c 9999 *'], { cwd: dir.join(name), encoding: 'utf8' }).stdout;
    expect(state('ours')).toBe(state('theirs'));
    expect(state('ours')).not.toBe('');
  });

  it.each([['-H'], ['-R', 'one.example']])('is left alone by %s %s while a client writes to it', async (...args) => {
    await using dir = tempDir();
    const text = knownHosts();
    const file = dir.write('known_hosts', text);
    dir.write('known_hosts.lock', '');
    const refused = await keygen([...args, '-f', file]);
    expect(refused).toMatchObject({ code: 255, stderr: expect.stringContaining(`waiting for ${file}.lock`) });
    expect(readFileSync(file, 'utf8')).toBe(text);
    rmSync(`${file}.lock`);
    expect((await keygen([...args, '-f', file])).code).toBe(0);
    expect(readdirSync(dir.path).sort()).toEqual(['known_hosts', 'known_hosts.old']);
    const none = dir.join('none');
    expect((await keygen([...args, '-f', none])).stderr).toContain(`'${none}'`);
  });

  it('is hashed as by ssh-keygen, and the old names are kept', async () => {
    await using dir = tempDir();
    const text = knownHosts();
    const shape = async (tool: typeof keygen, name: string) => {
      const file = dir.write(name, text);
      const { code } = await tool(['-H', '-f', file]);
      expect(code).toBe(0);
      expect(readFileSync(`${file}.old`, 'utf8')).toBe(text);
      return readFileSync(file, 'utf8').replace(/^\|1\|\S{28}\|\S{28} /gm, '|hashed| ');
    };
    const ours = await shape(keygen, 'ours');
    expect(ours).toBe(await shape(theirs, 'theirs'));
    expect(ours.match(/^\|hashed\| /gm)).toHaveLength(5);
  });

  it('and other files have the fingerprints of ssh-keygen', async () => {
    await using dir = tempDir();
    const { publicLine } = keyPair('ed25519');
    const lines = [
      `command="a \\"b\\" c",no-pty ${publicLine}`,
      '# no',
      publicLine,
      `host.example ${publicLine.split(' ').slice(0, 2).join(' ')}`,
    ];
    const file = dir.write('keys', `${lines.join('\n')}\n`);
    for (const more of [[], ['-E', 'md5'], ['-E', 'sha256']]) {
      await same(['-l', ...more, '-f', file]);
      await same(['-l', ...more, '-f', keyPair('rsa').path]);
      await same(['-l', ...more, '-f', keyPair('ecdsa-521').publicPath]);
    }
    const { stdout } = await same(['-l', '-f', '-'], { input: `${publicLine}\n` });
    expect(stdout).toContain(keyPair('ed25519').fingerprint);
  });
});
