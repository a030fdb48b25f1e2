// `internal-sftp` as the command of a key or a certificate at `amiko serve`: real sftp gets the served folder within its limits, and
// nothing else gets anything.

import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startAmikoServe } from '../support/amiko-serve.ts';
import { describePeer, keyPair, type RunResult, runPeer, type TempDir, tempDir } from '../support/peers.ts';

const key = keyPair('ecdsa', { name: 'limited' });

describePeer(['sftp', 'ssh', 'scp', 'ssh-keygen'], 'internal-sftp', () => {
  let dir: TempDir;
  let folder: TempDir;

  beforeAll(() => {
    dir = tempDir();
    folder = tempDir();
    mkdirSync(folder.join('in'));
    mkdirSync(folder.join('in', 'amiko-user'));
    folder.write('there', 'content\n');
  });

  afterAll(async () => {
    await dir.remove();
    await folder.remove();
  });

  /** A server that would allow anything, and a key that is limited by this line or certificate. */
  async function limited(options: string | readonly string[], args: readonly string[] = ['--write', '--exec', '--shell']) {
    const own = tempDir();
    const allowing: string[] = [];
    if (typeof options === 'string') allowing.push('--authorized-keys', own.write('keys', `${options} ${key.publicLine}\n`));
    else allowing.push('--trusted-user-ca', keyPair('ed25519', { name: 'ca' }).publicPath);
    const server = await startAmikoServe({
      args: [...args, ...allowing, ...(args.includes('--no-sftp') ? [] : [folder.path])],
    });
    const identity = own.write('id', key.privateText);
    own.write('id.pub', `${key.publicLine}\n`);
    if (typeof options !== 'string') {
      const ca = keyPair('ed25519', { name: 'ca' }).path;
      const made = await runPeer('ssh-keygen', ['-q', '-s', ca, '-I', 'x', '-n', server.user, ...options, `${identity}.pub`]);
      expect(made.code, made.stderr).toBe(0);
    }
    const login = server.sshArgs({ IdentityFile: identity });
    const destination = login.pop() as string;
    const [port] = login.splice(login.lastIndexOf('-p'), 2).slice(1);
    return {
      server,
      ssh: (first: readonly string[], ...command: string[]): Promise<RunResult> =>
        runPeer('ssh', [...first, ...login, '-p', port as string, destination, ...command]),
      sftp: (...commands: string[]): Promise<RunResult> =>
        runPeer('sftp', [...login, '-P', port as string, '-b', '-', destination], {
          input: commands.map((line) => `${line}\n`).join(''),
        }),
      scp: (...files: string[]): Promise<RunResult> =>
        runPeer('scp', ['-O', ...login, '-P', port as string, ...files, `${destination}:x`]),
      async [Symbol.asyncDispose]() {
        await server[Symbol.asyncDispose]();
        await own.remove();
      },
    };
  }

  it.each([
    ['a key', 'restrict,command="internal-sftp"'],
    ['a key that may have a terminal', 'command="internal-sftp"'],
    ['a certificate', ['-O', 'force-command=internal-sftp']],
  ] as const)('is what sftp gets with %s, and nothing else is run', async (_, options) => {
    await using it = await limited(options);
    const source = dir.write('source', 'put\n');
    const done = await it.sftp(`put ${source} new`, `get there ${dir.join('got')}`, 'rm new', 'pwd');
    expect([done.code, done.stderr]).toEqual([0, '']);
    expect(readFileSync(dir.join('got'), 'utf8')).toBe('content\n');
    expect(done.stdout.toString()).toContain('Remote working directory: /\n');
    const proof = dir.join('proof');
    const others = [
      await it.ssh([], `touch ${proof}; echo in`),
      await it.ssh([], 'internal-sftp'),
      await it.ssh([], ''),
      await it.ssh(['-tt'], `touch ${proof}`),
      await it.ssh(['-s'], 'other'),
      await it.scp(source),
    ];
    for (const { code, stdout } of others) expect([code !== 0, stdout.toString()]).toEqual([true, '']);
    expect(existsSync(proof)).toBe(false);
    // No program was started.
    expect(it.server.events().filter(({ event }) => event === 'channel')).toEqual([]);
  });

  it.each([
    ['a key', 'restrict,command="internal-sftp -R"'],
    ['a certificate', ['-O', 'force-command=internal-sftp -e -R']],
  ] as const)('-R is read-only, with %s', async (_, options) => {
    await using it = await limited(options);
    expect((await it.sftp(`get there ${dir.join('again')}`)).code).toBe(0);
    for (const change of [`put ${dir.write('source', 'put\n')} new`, 'rm there', 'mkdir made', 'chmod 777 there']) {
      const { code, stderr } = await it.sftp(change);
      expect([code, stderr]).toEqual([1, expect.stringMatching(/denied|failure/i)]);
    }
    expect(readFileSync(folder.join('there'), 'utf8')).toBe('content\n');
  });

  it('-d is where it begins, -u what new files do not get', async () => {
    const source = dir.write('source', 'put\n', 0o666);
    for (const [start, where] of [
      ['/in', '/in'],
      ['in/%u', '/in/amiko-user'],
      ['%d/in', '/in'],
      ['../../in', '/in'],
    ] as const) {
      await using it = await limited(`restrict,command="internal-sftp -l INFO -d ${start} -u 077"`);
      const { code, stdout, stderr } = await it.sftp('pwd', `put ${source} new`, 'mkdir made', 'ls -l /there');
      expect(code, stderr).toBe(0);
      expect(stdout.toString()).toContain(`Remote working directory: ${where}\n`);
      expect(statSync(folder.join(where, 'new')).mode & 0o777).toBe(0o600);
      expect(statSync(folder.join(where, 'made')).mode & 0o777).toBe(0o700);
      expect((await it.sftp('rm new', 'rmdir made')).code).toBe(0);
    }
  });

  it('allows no more than the command line', async () => {
    await using readOnly = await limited('command="internal-sftp"', ['--exec']);
    expect((await readOnly.sftp(`get there ${dir.join('third')}`)).code).toBe(0);
    expect((await readOnly.sftp('rm there')).code).toBe(1);
    await using without = await limited('command="internal-sftp"', ['--exec', '--no-sftp']);
    expect((await without.sftp('pwd')).code).not.toBe(0);
    expect((await without.ssh([], 'echo in')).stdout.toString()).toBe('');
    // Where no program may run anyway, it is still SFTP.
    await using plain = await limited('command="internal-sftp"', []);
    expect((await plain.sftp('pwd')).code).toBe(0);
  });

  it.each([
    ['-P remove', 'a list of denied requests'],
    ['-p open', 'a list of allowed requests'],
    ['-c true', 'a shell'],
    ['-x', "unknown option '-x'"],
    ['-u 8', "not a umask: '8'"],
    ['-u 7777', "not a umask: '7777'"],
    ['-d /%h', "not '%h'"],
    ['-d', '-d needs a value'],
    ['/srv', "what is '/srv' for?"],
  ])('%s is not obeyed, so the key is not let in', async (args, why) => {
    for (const options of [`command="internal-sftp ${args}"`, ['-O', `force-command=internal-sftp ${args}`]]) {
      await using it = await limited(options);
      const { stderr } = await it.sftp('pwd');
      expect(stderr).toContain('Permission denied');
      expect(it.server.log()).toContain(why);
    }
  });

  it('is only what is called so', async () => {
    await using it = await limited('command="internal-sftp-of-mine"');
    const { code, stderr } = await it.ssh([], 'echo in');
    expect([code, stderr]).toEqual([127, expect.stringContaining('internal-sftp-of-mine')]);
  });
});
