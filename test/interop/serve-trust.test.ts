// What `amiko serve` lets in by key and certificate, and what they may do then: each option of authorized_keys by a login that it
// lets through and one that it stops, and certificates of ssh-keygen judged as sshd judges them.

import { execFile, execFileSync } from 'node:child_process';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { connect } from '../../src/index.ts';
import { generateKey, type PrivateKey, type Signer, writePrivateKey } from '../../src/keys.ts';
import { startAmikoServe } from '../support/amiko-serve.ts';
import { describePeer, freePort, keyPair, startSshd, tempDir } from '../support/peers.ts';

interface Said {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(command: string, args: readonly string[], timeout = 20_000): Promise<Said> {
  return new Promise((resolve) => {
    const child = execFile(command, args, { encoding: 'utf8', timeout }, (_error, stdout, stderr) =>
      resolve({ status: child.exitCode, stdout, stderr }),
    );
    child.stdin?.end();
  });
}

/** A server with one more key file, whose one line has these options; logs in with that key. */
async function withOptions(options: string, args: readonly string[] = ['--exec']) {
  const dir = tempDir();
  const key = keyPair('ecdsa');
  const file = dir.write('more_keys', `${options}${options === '' ? '' : ' '}${key.publicLine}\n`);
  const serve = await startAmikoServe({ args: [...args, '--authorized-keys', file] });
  const ssh = (rest: readonly string[], command: readonly string[]) =>
    run('ssh', [...rest, ...serve.sshArgs({ IdentityFile: key.path, IdentitiesOnly: 'yes' }), ...command]);
  return {
    serve,
    ssh,
    async [Symbol.asyncDispose]() {
      await serve[Symbol.asyncDispose]();
      await dir.remove();
    },
  };
}

describePeer('ssh', 'authorized_keys options of amiko serve', () => {
  it('command: in place of whatever is asked for', async () => {
    await using forced = await withOptions('command="echo forced: $SSH_ORIGINAL_COMMAND"');
    expect((await forced.ssh([], ['cat /etc/passwd'])).stdout).toBe('forced: cat /etc/passwd\n');
    expect((await forced.ssh([], [])).stdout).toBe('forced:\n');
    expect((await forced.ssh(['-s'], ['sftp'])).stdout).toBe('forced: sftp\n');
    await using free = await withOptions('');
    expect((await free.ssh([], ['echo asked'])).stdout).toBe('asked\n');
  });

  it('environment', async () => {
    // The defaults of an account too, as sshd(8) says; not what is true of the connection.
    const options = ['COLOUR=green', 'HOME=/nowhere', 'PATH=/usr/bin:/bin:/special', 'SSH_CONNECTION=forged'];
    await using set = await withOptions(options.map((option) => `environment="${option}"`).join());
    const { stdout } = await set.ssh([], ['echo $COLOUR $HOME $PATH $SSH_CONNECTION']);
    expect(stdout).toMatch(/^green \/nowhere \/usr\/bin:\/bin:\/special 127\.0\.0\.1 /);
    await using unset = await withOptions('');
    expect((await unset.ssh([], ['echo "[$COLOUR]"'])).stdout).toBe('[]\n');
  });

  it.each([
    ['from="127.0.0.0/8"', true],
    ['from="10.0.0.0/8,!127.0.0.1"', false],
    ['from="127.*"', true],
    ['expiry-time="29991231Z"', true],
    ['expiry-time="20200101"', false],
    ['cert-authority', false],
  ])('%s: lets in %s', async (options, lets) => {
    await using one = await withOptions(options);
    const said = await one.ssh([], ['echo in']);
    expect(said.stdout).toBe(lets ? 'in\n' : '');
    if (!lets) expect(said.stderr).toContain('Permission denied');
    if (!lets && options !== 'cert-authority')
      expect(one.serve.log()).toMatch(/more_keys:1: (not from 127\.0\.0\.1|the line has expired)/);
  });

  it.each([
    ['', true],
    ['restrict', false],
    ['restrict,port-forwarding', true],
    ['no-port-forwarding', false],
    ['permitopen="127.0.0.1:PORT"', true],
    ['permitopen="127.0.0.1:*"', true],
    ['permitopen="localhost:PORT"', false],
    ['permitopen="127.0.0.1:1"', false],
  ])('connections to elsewhere with "%s": %s', async (options, lets) => {
    const target = createServer((socket) => socket.end('hello\n'));
    await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve));
    const { port } = target.address() as { port: number };
    await using one = await withOptions(options.replace('PORT', String(port)), ['--exec', '--allow-forward']);
    const said = await one.ssh(['-W', `127.0.0.1:${port}`], []);
    expect(said.stdout).toBe(lets ? 'hello\n' : '');
    target.close();
  });

  it.each([
    ['permitlisten="PORT"', true],
    ['permitlisten="localhost:PORT"', true],
    ['permitlisten="elsewhere:PORT"', false],
    ['permitlisten="1"', false],
    ['no-port-forwarding', false],
  ])('listening with "%s": %s', async (options, lets) => {
    const port = await freePort();
    await using one = await withOptions(options.replace('PORT', String(port)), ['--exec', '--allow-forward']);
    const said = await one.ssh(['-o', 'ExitOnForwardFailure=yes', '-R', `${port}:127.0.0.1:9`], ['echo listening']);
    expect(said.stdout).toBe(lets ? 'listening\n' : '');
  });

  it.each([
    ['', true],
    ['no-agent-forwarding', false],
    ['restrict', false],
    ['restrict,agent-forwarding', true],
  ])('the agent with "%s": %s', async (options, lets) => {
    await using one = await withOptions(options, ['--exec', '--allow-agent-forward']);
    await using dir = tempDir();
    const agent = join(dir.path, 'agent');
    const said = await run('ssh-agent', [
      '-a',
      agent,
      'ssh',
      '-A',
      ...one.serve.sshArgs({ IdentityFile: keyPair('ecdsa').path, IdentitiesOnly: 'yes' }),
      'test -n "$SSH_AUTH_SOCK" && echo there || echo none',
    ]);
    expect(said.stdout).toBe(lets ? 'there\n' : 'none\n');
  });

  it.each([
    ['', true],
    ['no-pty', false],
    ['restrict,pty', true],
    ['restrict', false],
  ])('a terminal with "%s": %s', async (options, lets) => {
    await using one = await withOptions(options, ['--exec', '--shell']);
    const said = await one.ssh(['-tt'], ['test -t 0 && echo terminal']);
    expect(said.stdout.includes('terminal')).toBe(lets);
    if (!lets) expect(said.stderr).toContain('PTY allocation request failed');
  });

  it.each([
    ['verify-required', 0x01, false],
    ['verify-required', 0x05, true],
    ['no-touch-required', 0x00, true],
    ['', 0x00, false],
    ['', 0x01, true],
  ])('a FIDO key with "%s" and flags %i: %s', async (options, flags, lets) => {
    await using dir = tempDir();
    const { softwareDevice } = await import('../support/security-key.ts');
    const signer: Signer = softwareDevice(flags);
    const file = dir.write('sk', `${options}${options === '' ? '' : ' '}${signer.publicKey}\n`);
    await using serve = await startAmikoServe({ args: ['--exec', '--authorized-keys', file] });
    const login = connect({ host: '127.0.0.1', port: serve.port, username: serve.user, privateKey: signer, hostKey: 'ignore' });
    if (!lets) await expect(login).rejects.toMatchObject({ code: 'ERR_SSH_AUTHENTICATION' });
    else await (await login).close();
  });
});

describePeer('sshd', 'certificates of ssh-keygen', () => {
  it('let in, and are stopped, as by sshd', async () => {
    await using dir = tempDir();
    const at = (name: string) => join(dir.path, name);
    const keygen = (...args: string[]) => execFileSync('ssh-keygen', ['-q', ...args], { cwd: dir.path });
    const [ca, other, user]: PrivateKey[] = [
      await generateKey('ed25519'),
      await generateKey('ed25519'),
      await generateKey('ed25519'),
    ];
    for (const [name, key] of [
      ['ca', ca],
      ['other', other],
      ['user', user],
    ] as const) {
      await writePrivateKey(at(name), key as PrivateKey);
      dir.write(`${name}.pub`, `${(key as PrivateKey).publicKey}\n`);
    }
    dir.write('spec', 'serial: 77\nid: lost\n');
    keygen('-k', '-f', 'krl', '-s', 'ca.pub', 'spec');
    await using sshd = await startSshd({ config: { TrustedUserCAKeys: at('ca.pub'), RevokedKeys: at('krl') } });
    const args = ['--exec', '--user', sshd.user, '--trusted-user-ca', at('ca.pub'), '--revoked-keys', at('krl')];
    await using serve = await startAmikoServe({ args });
    const me = sshd.user;
    const cases: readonly [name: string, args: readonly string[], lets: boolean][] = [
      ['good', ['-s', 'ca', '-I', 'x', '-n', me], true],
      ['one of several', ['-s', 'ca', '-I', 'x', '-n', `a,${me},b`], true],
      ['another user', ['-s', 'ca', '-I', 'x', '-n', 'somebody'], false],
      ['nobody', ['-s', 'ca', '-I', 'x'], false],
      ['expired', ['-s', 'ca', '-I', 'x', '-n', me, '-V', '-2h:-1h'], false],
      ['not yet', ['-s', 'ca', '-I', 'x', '-n', me, '-V', '+1h:+2h'], false],
      ['of a host', ['-h', '-s', 'ca', '-I', 'x', '-n', me], false],
      ['another authority', ['-s', 'other', '-I', 'x', '-n', me], false],
      ['from here', ['-s', 'ca', '-I', 'x', '-n', me, '-O', 'source-address=127.0.0.0/8'], true],
      ['from elsewhere', ['-s', 'ca', '-I', 'x', '-n', me, '-O', 'source-address=10.0.0.0/8'], false],
      ['unknown critical option', ['-s', 'ca', '-I', 'x', '-n', me, '-O', 'critical:nobody@knows=1'], false],
      ['unknown extension', ['-s', 'ca', '-I', 'x', '-n', me, '-O', 'extension:nobody@knows=1'], true],
      ['revoked serial', ['-s', 'ca', '-I', 'x', '-n', me, '-z', '77'], false],
      ['another serial', ['-s', 'ca', '-I', 'x', '-n', me, '-z', '78'], true],
      ['revoked by ID', ['-s', 'ca', '-I', 'lost', '-n', me], false],
    ];
    for (const [name, options, lets] of cases) {
      keygen(...options, 'user.pub');
      for (const [which, port] of [
        ['sshd', sshd.port],
        ['amiko', serve.port],
      ] as const) {
        const said = await run('ssh', [
          ...['-F', 'none', '-o', 'BatchMode=yes', '-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null'],
          ...['-o', 'IdentitiesOnly=yes', '-o', 'PreferredAuthentications=publickey'],
          ...['-i', at('user'), '-p', String(port), `${me}@127.0.0.1`, 'echo in'],
        ]);
        expect(said.stdout, `${name} at ${which}: ${said.stderr}${which === 'amiko' ? serve.log() : ''}`).toBe(
          lets ? 'in\n' : '',
        );
      }
    }
  });

  it('restrict what their holders do', async () => {
    await using dir = tempDir();
    const at = (name: string) => join(dir.path, name);
    const [ca, user] = [await generateKey('ed25519'), await generateKey('ed25519')];
    await writePrivateKey(at('ca'), ca);
    await writePrivateKey(at('user'), user);
    dir.write('ca.pub', `${ca.publicKey}\n`);
    dir.write('user.pub', `${user.publicKey}\n`);
    await using serve = await startAmikoServe({
      args: ['--exec', '--shell', '--allow-forward', '--trusted-user-ca', at('ca.pub')],
    });
    const ssh = async (options: readonly string[], rest: readonly string[], ...command: string[]) => {
      execFileSync('ssh-keygen', ['-q', '-s', at('ca'), '-I', 'x', '-n', serve.user, ...options, at('user.pub')]);
      const args = serve.sshArgs({ IdentityFile: at('user'), IdentitiesOnly: 'yes' });
      return run('ssh', [...rest, ...args, ...command]);
    };
    expect((await ssh(['-O', 'force-command=echo forced'], [], 'echo asked')).stdout).toBe('forced\n');
    expect((await ssh([], ['-tt'], 'test -t 0 && echo terminal')).stdout).toContain('terminal');
    expect((await ssh(['-O', 'no-pty'], ['-tt'], 'test -t 0 && echo terminal')).stdout).not.toContain('terminal');
    const target = createServer((socket) => socket.end('hello\n'));
    await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve));
    const { port } = target.address() as { port: number };
    expect((await ssh([], ['-W', `127.0.0.1:${port}`])).stdout).toBe('hello\n');
    expect((await ssh(['-O', 'no-port-forwarding'], ['-W', `127.0.0.1:${port}`])).stdout).toBe('');
    target.close();
  });

  it('of hosts are shown by amiko serve --host-certificate', async () => {
    await using dir = tempDir();
    const at = (name: string) => join(dir.path, name);
    const [ca, host] = [await generateKey('ed25519'), await generateKey('ed25519')];
    await writePrivateKey(at('ca'), ca);
    await writePrivateKey(at('host'), host);
    dir.write('host.pub', `${host.publicKey}\n`);
    execFileSync('ssh-keygen', ['-q', '-h', '-s', at('ca'), '-I', 'x', '-n', '127.0.0.1', at('host.pub')]);
    const args = ['--exec', '--host-key', at('host'), '--host-certificate', at('host-cert.pub')];
    await using serve = await startAmikoServe({ args, hostKeys: [] });
    const known = dir.write('kh', `@cert-authority * ${ca.publicKey}\n`);
    const sshLine = serve.sshArgs({ UserKnownHostsFile: known, StrictHostKeyChecking: 'yes' });
    expect((await run('ssh', [...sshLine, 'echo in'])).stdout).toBe('in\n');
  });
});
