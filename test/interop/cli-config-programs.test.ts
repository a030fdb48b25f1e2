// Programs that start ssh themselves, with `amiko ssh` in its place: their arguments, their configuration and their bytes.
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { amikoBin } from '../support/amiko-serve.ts';
import { Cli } from '../support/cli.ts';
import {
  describePeer,
  freePort,
  type RunOptions,
  type RunResult,
  randomBytes,
  runPeer,
  type Sshd,
  startSshd,
} from '../support/peers.ts';

/** Bytes, more than a window's first piece and not a round number. */
const MEGABYTES = 3_000_001;

describePeer(['sshd'], 'programs that run ssh', () => {
  const cli = new Cli();
  let server: Sshd;
  let config: string;
  beforeAll(async () => {
    server = await startSshd({ config: { AcceptEnv: 'LANG LC_* GIT_PROTOCOL' } });
    const { port, user, identity, knownHostsFile } = server;
    const access = ['Hostname 127.0.0.1', `Port ${port}`, `User ${user}`, `IdentityFile ${identity.path}`, 'IdentitiesOnly yes'];
    const trust = [`UserKnownHostsFile ${knownHostsFile}`, 'GlobalKnownHostsFile none', 'GSSAPIAuthentication no'];
    // As it is with many: something for everybody, and something of other programs.
    const all = [
      'IgnoreUnknown UseKeychain',
      'UseKeychain yes',
      'AddKeysToAgent yes',
      'ControlMaster auto',
      'ControlPath ~/.ssh/%C',
    ];
    config = cli.home.write('config', ['Host web', ...access, 'Host *', ...trust, ...all, 'ControlPersist 10m', ''].join('\n'));
  });
  afterAll(async () => {
    await server.stop();
    await cli[Symbol.asyncDispose]();
  });
  const ssh = (args: readonly string[], options?: RunOptions) => cli.run(['ssh', '-F', config, ...args], options);

  it('Ansible: its options, its command, its way to copy', async () => {
    const { port, user, identity } = server;
    const sharing = ['-C', '-o', 'ControlMaster=auto', '-o', 'ControlPersist=60s', '-o', `Port=${port}`];
    const login = ['-o', `IdentityFile="${identity.path}"`, '-o', 'KbdInteractiveAuthentication=no', '-o', `User="${user}"`];
    const methods = 'PreferredAuthentications=gssapi-with-mic,gssapi-keyex,hostbased,publickey';
    const more = ['-o', methods, '-o', 'PasswordAuthentication=no', '-o', 'ConnectTimeout=10'];
    const path = ['-o', `ControlPath="${cli.home.join('cp', 'f1a2')}"`];
    const command = "/bin/sh -c 'echo ~ && sleep 0'";
    const told = await ssh([...sharing, ...login, ...more, ...path, '-tt', '127.0.0.1', command]);
    expect(told).toMatchObject({ code: 0, stderr: '' });
    expect(told.stdout.toString()).toMatch(/^\/.*\r\n$/);
    const module = `/bin/sh -c 'cat >/dev/null; echo "{}"; exit 3'`;
    const ended = await ssh([...sharing, ...login, ...more, ...path, '127.0.0.1', module], { input: 'x'.repeat(100_000) });
    expect(ended).toMatchObject({ code: 3, stdout: Buffer.from('{}\n') });
    const source = cli.home.write('source', 'content');
    const sftp = ['sftp', '-F', config, '-b', '-', ...sharing, ...login, ...more, ...path, '[127.0.0.1]'];
    expect(await cli.run(sftp, { input: `put "${source}" "${cli.home.join('put')}"\n` })).toMatchObject({ code: 0 });
    const scp = ['cp', '-F', config, ...sharing, ...login, ...more, ...path, source, `[127.0.0.1]:${cli.home.join('copied')}`];
    expect(await cli.run(scp)).toMatchObject({ code: 0 });
    for (const name of ['put', 'copied']) expect(readFileSync(cli.home.join(name), 'utf8')).toBe('content');
    // A host that cannot be reached is 255, and says why.
    const away = await ssh([...more, '-o', 'Port=1', '-tt', '127.0.0.1', 'true']);
    expect(away).toMatchObject({ code: 255, stderr: expect.stringContaining('ECONNREFUSED') });
  });

  it('an editor at a distance: a script to a shell without a terminal, and a SOCKS port beside it', async () => {
    const port = await freePort();
    const started = cli.start(['ssh', '-F', config, '-v', '-T', '-D', String(port), '-o', 'ConnectTimeout=15', 'web', 'bash']);
    started.stdin.write('echo "running: $$"; tty; ');
    started.stdin.write('read answer; echo "heard $answer"; exit 7\n');
    await expect.poll(() => started.text.out, { timeout: 10_000 }).toMatch(/running: \d+\nnot a tty\n/);
    await new Promise<void>((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => resolve(void socket.destroy())).once('error', reject);
    });
    started.stdin.end('me\n');
    expect(await started.ended()).toEqual([7, null]);
    expect(started.text.out).toMatch(/heard me\n$/);
  });

  it('mosh: no sharing, a command of its own for the way, a terminal without stdin', async () => {
    const relay = `${process.execPath} -e 'const s=require("net").connect(%p,"%h");process.stdin.pipe(s).pipe(process.stdout)'`;
    const way = ['-S', 'none', '-o', `ProxyCommand=${relay}; exit 1`];
    const { code, stdout } = await ssh(['-n', '-tt', ...way, 'web', '--', 'echo MOSH CONNECT 60001 key; tty']);
    expect([code, stdout.toString()]).toEqual([0, expect.stringMatching(/^MOSH CONNECT 60001 key\r\n\/dev\/pts\/\d+\r\n$/)]);
  });

  it('rsync: words behind the host are the command, and bytes go both ways as they are until one end is done', async () => {
    const bytes = randomBytes(MEGABYTES, 'rsync');
    const words = ['web', 'sh', '-c', '"cat; echo end >&2"', '--server', '-logDtpre.iLsfxCIvu', '.', '/there'];
    const { code, stdout, stderr } = await ssh(['-oCompression=yes', ...words], { input: bytes });
    expect([code, stderr]).toEqual([0, 'end\n']);
    expect(stdout.equals(bytes)).toBe(true);
    const by = (letters: readonly string[]) => cli.run([...letters, 'echo', 'in']);
    expect((await by(['ssh', '-F', config, '-l', server.user, 'web'])).stdout.toString()).toBe('in\n');
  });

  it('tar: a stream that the command does not read to its end is no error of ours', async () => {
    const { code, stdout } = await ssh(['web', 'head -c 5'], { input: randomBytes(MEGABYTES, 'tar') });
    expect([code, stdout.length]).toEqual([0, 5]);
  });
});

describePeer(['sshd', 'git'], 'git', () => {
  const cli = new Cli();
  let server: Sshd;
  let config: string;
  beforeAll(async () => {
    server = await startSshd({ config: { AcceptEnv: 'GIT_PROTOCOL' } });
    const { port, user, identity, knownHostsFile } = server;
    const access = ['Hostname 127.0.0.1', `Port ${port}`, `User ${user}`, `IdentityFile ${identity.path}`, 'IdentitiesOnly yes'];
    const trust = [`UserKnownHostsFile ${knownHostsFile}`, 'GlobalKnownHostsFile none', 'GSSAPIAuthentication no'];
    const evil = ['Match originalhost evil*', 'ProxyCommand echo %r %n', 'IdentityFile ~/.ssh/id_%r'];
    config = cli.home.write('config', ['Host web', ...access, ...evil, 'Host *', ...trust, ''].join('\n'));
  });
  afterAll(async () => {
    await server.stop();
    await cli[Symbol.asyncDispose]();
  });

  const git = (args: readonly string[], env: RunOptions['env'] = {}): Promise<RunResult> =>
    runPeer('git', ['-c', 'user.name=me', '-c', 'user.email=me@example.com', '-c', 'init.defaultBranch=main', ...args], {
      cwd: cli.home.path,
      env: {
        ...cli.env(),
        GIT_SSH_COMMAND: `'${process.execPath}' '${amikoBin}' ssh -F '${config}'`,
        GIT_CONFIG_NOSYSTEM: '1',
        GIT_CONFIG_GLOBAL: '/dev/null',
        GIT_TERMINAL_PROMPT: '0',
        ...env,
      },
    });
  const done = async (...args: Parameters<typeof git>): Promise<RunResult> => {
    const result = await git(...args);
    expect(result.code, result.stderr).toBe(0);
    return result;
  };

  it('pushes, lists and clones, by a nickname and by an address with a port', async () => {
    const bare = cli.home.join('bare.git');
    const work = cli.home.join('work');
    await done(['init', '-q', '--bare', bare]);
    await done(['init', '-q', work]);
    cli.home.write('work/file', 'content\n');
    await done(['-C', work, 'add', '.']);
    await done(['-C', work, 'commit', '-q', '-m', 'first']);
    await done(['-C', work, 'push', '-q', `web:${bare}`, 'HEAD:main']);
    // git asks `-G` whether this is an ssh that takes -o and -p.
    const listed = await done(['ls-remote', `ssh://web${bare}`], { GIT_TRACE_PACKET: '1' });
    expect(listed.stdout.toString()).toMatch(/^[0-9a-f]{40}\tHEAD\n[0-9a-f]{40}\trefs\/heads\/main\n$/);
    expect(listed.stderr).toContain('version 2');
    const { port, user, identity } = server;
    const GIT_SSH_COMMAND = `'${process.execPath}' '${amikoBin}' ssh -F '${config}' -i '${identity.path}'`;
    await done(['clone', '-q', `ssh://${user}@127.0.0.1:${port}${bare}`, 'cloned'], { GIT_SSH_COMMAND });
    expect(readFileSync(cli.home.join('cloned', 'file'), 'utf8')).toBe('content\n');
  });

  describe('hostile addresses, as a submodule may have them', () => {
    it.each([
      ['ssh://evil$(touch pwned)/x', /not a host name|has characters that no name has/],
      ['ssh://a`touch pwned`@evil/x', /has characters that no name has/],
      ["ssh://a';touch pwned;'@evil/x", /has characters that no name has/],
      ['ssh://a%0atouch%20pwned@evil/x', /not a user name/],
      ['ssh://a$IFS-oProxyCommand=touch$IFS-pwned@evil/x', /dollar sign; it is not put into a command/],
      ['evil|touch pwned:x', /not a host name|has characters that no name has/],
    ])('%s', async (url, why) => {
      mkdirSync(cli.home.join('.ssh'), { recursive: true });
      const { code, stderr } = await git(['ls-remote', url]);
      expect(code).not.toBe(0);
      expect(stderr).toMatch(why);
      expect(existsSync(cli.home.join('pwned'))).toBe(false);
    });
  });
});
