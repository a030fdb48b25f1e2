// What ~/.ssh/config says, at work: hosts that have only a nickname there, reached by every verb, through real servers.
import { chmodSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Cli } from '../support/cli.ts';
import { describePeer, freePort, keyPair, peerCommand, run, type Sshd, startProcess, startSshd } from '../support/peers.ts';

/** A home directory whose configuration knows these hosts. */
class Home extends Cli {
  constructor(config: string, knownHosts: string) {
    super();
    mkdirSync(this.home.join('.ssh'), { mode: 0o700 });
    this.home.write('.ssh/config', config);
    this.home.write('.ssh/known_hosts', knownHosts);
  }
}

const SHOW = 'echo $SSH_CONNECTION';

describePeer(['sshd', 'ssh-agent'], '~/.ssh/config', () => {
  let inner: Sshd;
  let gate: Sshd;
  beforeAll(async () => {
    [inner, gate] = await Promise.all([startSshd({ config: { AcceptEnv: 'AMIKO_*' } }), startSshd()]);
  });
  afterAll(() => Promise.all([inner.stop(), gate.stop()]));

  const known = (...servers: readonly Sshd[]): string =>
    servers.map(({ knownHostsFile }) => readFileSync(knownHostsFile, 'utf8')).join('');
  /** One that is directly reached. */
  const block = (name: string, { port, user, identity }: Sshd, ...more: readonly string[]): string => {
    const lines = ['Hostname 127.0.0.1', `Port ${port}`, `User ${user}`, `IdentityFile ${identity.path}`, ...more];
    return `Host ${name}\n${lines.map((line) => `  ${line}\n`).join('')}`;
  };
  const home = (...blocks: readonly string[]): Home =>
    new Home(['GSSAPIAuthentication no\nHashKnownHosts no\n', ...blocks].join(''), known(inner, gate));

  it('gives a nickname an address, a port, a user and a key, for each verb', async () => {
    await using cli = home(block('web', inner));
    expect(await cli.run(['ssh', 'web', 'echo in'])).toMatchObject({ code: 0, stderr: '', stdout: Buffer.from('in\n') });
    expect((await cli.run(['web', 'echo in'])).stdout.toString()).toBe('in\n');
    cli.home.write('there', 'content');
    const copied = await cli.run(['cp', '-q', cli.home.join('there'), `web:${cli.home.join('copied')}`]);
    expect(copied).toMatchObject({ code: 0, stderr: '' });
    expect(readFileSync(cli.home.join('copied'), 'utf8')).toBe('content');
    const listed = await cli.run(['sftp', '-b', '-', 'web'], { input: `ls ${cli.home.path}\n` });
    expect(listed.stdout.toString()).toContain('copied');
  });

  it('leads through jump hosts that have nicknames too', async () => {
    await using cli = home(block('web', inner, 'ProxyJump door'), block('door', gate));
    const { stdout, stderr, code } = await cli.run(['ssh', '-v', 'web', SHOW]);
    expect(code, stderr).toBe(0);
    expect(stdout.toString()).toContain(` ${inner.port}`);
    expect(stderr).toContain(`jumping through 127.0.0.1 port ${gate.port}`);
    expect(gate.log()).toMatch(/server_request_direct_tcpip|direct-tcpip/);
    expect((await cli.run(['ssh', '-J', 'none', '-v', 'web', 'true'])).stderr).not.toContain('jumping');
    await using wrong = home(block('web', inner, 'ProxyJump door'), block('door', gate, 'HostKeyAlias nobody'));
    const refused = await wrong.run(['ssh', 'web', 'true']);
    expect(refused).toMatchObject({ code: 255, stderr: expect.stringMatching(/at the jump host: .*as 'nobody'/) });
  });

  it('runs a ProxyCommand with the host and the port put in', async () => {
    const relay = `${process.execPath} -e 'const s=require("net").connect(%p,"%h");process.stdin.pipe(s).pipe(process.stdout)'`;
    await using cli = home(block('web', inner, `ProxyCommand ${relay}`));
    expect((await cli.run(['ssh', 'web', 'echo through'])).stdout.toString()).toBe('through\n');
  });

  it('Match exec decides, Include is read, and the first value counts', async () => {
    await using cli = home(
      'Match originalhost a exec "test %n = a"\n  Include extra\nMatch originalhost b exec "false"\n  Include extra\n',
      'Match all\n  User nobody-at-all\n',
    );
    cli.home.write('.ssh/extra', block('*', inner));
    expect((await cli.run(['ssh', 'a', 'echo in'])).stdout.toString()).toBe('in\n');
    expect(await cli.run(['ssh', '-oConnectTimeout=1', '-oHostname=127.0.0.1', `-p${inner.port}`, 'b', 'true'])).toMatchObject({
      code: 255,
      stderr: expect.stringContaining('permission denied for nobody-at-all@127.0.0.1'),
    });
  });

  it('RemoteCommand, SetEnv, RequestTTY and LocalCommand are those of the host', async () => {
    await using cli = home(
      block('web', inner, 'RemoteCommand echo "$AMIKO_A" for %r; tty', 'SetEnv AMIKO_A="one two"', 'RequestTTY no'),
      block('tty', inner, 'RequestTTY force', 'PermitLocalCommand yes', 'LocalCommand echo local %n >&2'),
    );
    expect((await cli.run(['ssh', 'web'])).stdout.toString()).toBe(`one two for ${inner.user}\nnot a tty\n`);
    const both = await cli.run(['ssh', 'web', 'true']);
    expect(both).toMatchObject({ code: 255, stderr: expect.stringContaining('RemoteCommand is set') });
    // A transfer has no use for either.
    expect(await cli.run(['sftp', '-b', '-', 'web'], { input: 'pwd\n' })).toMatchObject({ code: 0 });
    const forced = await cli.run(['ssh', 'tty', 'tty']);
    expect(forced.stdout.toString()).toMatch(/^\/dev\/pts\//);
    expect(forced.stderr).toContain('local tty');
    expect((await cli.run(['ssh', '-oPermitLocalCommand=no', 'tty', 'true'])).stderr).not.toContain('local tty');
  });

  it('LocalForward listens', async () => {
    const port = await freePort();
    await using cli = home(block('web', inner, `LocalForward 127.0.0.1:${port} 127.0.0.1:${gate.port}`));
    const started = cli.start(['ssh', '-v', '-N', 'web']);
    await expect.poll(() => started.text.err, { timeout: 10_000 }).toContain(`listening on 127.0.0.1:${port}`);
    const socket = connect(port, '127.0.0.1');
    socket.once('data', () => socket.end());
    expect((await buffer(socket)).toString()).toMatch(/^SSH-2\.0-OpenSSH/);
    started.kill('SIGTERM');
    expect((await started.ended())[0]).toBe(143);
  });

  it('HostKeyAlias is the name that must be known, RevokedHostKeys what must not come', async () => {
    const line = `alias ${inner.hostKeys.ed25519.publicLine}\n`;
    await using cli = new Home(
      block('good', inner, 'HostKeyAlias alias') +
        block('bad', inner, 'HostKeyAlias other') +
        block('revoked', inner, 'HostKeyAlias alias', 'RevokedHostKeys ~/.ssh/revoked') +
        block('unreadable', inner, 'HostKeyAlias alias', 'RevokedHostKeys ~/.ssh/none-there'),
      line,
    );
    cli.home.write('.ssh/revoked', `${inner.hostKeys.ed25519.publicLine}\n`);
    expect(await cli.run(['ssh', 'good', 'true'])).toMatchObject({ code: 0 });
    for (const [host, why] of [
      ['bad', /as 'other'/],
      ['revoked', /is revoked/],
      ['unreadable', /the revoked keys cannot be read: .*none-there/],
    ] as const) {
      expect(await cli.run(['ssh', host, 'true'])).toMatchObject({ code: 255, stderr: expect.stringMatching(why) });
    }
  });

  it('AddKeysToAgent hands a key to the agent', async () => {
    await using cli = home(block('web', inner, 'AddKeysToAgent yes'), block('timed', inner, 'AddKeysToAgent 1h'));
    const socket = cli.home.join('agent');
    const [agent, args] = peerCommand('ssh-agent', ['-D', '-a', socket]);
    await using process = startProcess(agent, args);
    await expect.poll(() => existsSync(socket), { timeout: 10_000 }).toBe(true);
    const env = { SSH_AUTH_SOCK: socket };
    const listed = async () => (await run('ssh-add', ['-l'], { env })).stdout.toString();
    expect(await listed()).toContain('no identities');
    expect((await cli.run(['ssh', '-o', 'AddKeysToAgent=no', 'web', 'true'], { env })).code).toBe(0);
    expect(await listed()).toContain('no identities');
    expect(await cli.run(['ssh', 'web', 'true'], { env })).toMatchObject({ code: 0, stderr: '' });
    expect(await listed()).toContain(inner.identity.fingerprint);
    expect((await run('ssh-add', ['-D'], { env })).code).toBe(0);
    expect(await cli.run(['ssh', '-v', 'timed', 'true'], { env })).toMatchObject({ code: 0 });
    expect(await listed()).toContain(inner.identity.fingerprint);
    expect(process.pid).toBeGreaterThan(0);
  });

  it('-F reads another file, none no file; -o wins over both', async () => {
    await using cli = home('Host *\n  Port 1\n  Hostname 127.0.0.1\n');
    const other = cli.home.write('other', block('web', inner));
    expect((await cli.run(['ssh', '-F', other, 'web', 'echo in'])).stdout.toString()).toBe('in\n');
    const none = ['-F', 'none', '-i', inner.identity.path, '-l', inner.user, '-p', String(inner.port)];
    expect((await cli.run(['ssh', ...none, '127.0.0.1', 'echo in'])).stdout.toString()).toBe('in\n');
    expect((await cli.run(['ssh', `-oPort=${inner.port}`, '-i', inner.identity.path, 'x', 'echo in'])).stdout.toString()).toBe(
      'in\n',
    );
  });

  it('a missing key of the configuration is passed over, one that was typed is missed', async () => {
    await using cli = home(block('web', inner, 'IdentityFile ~/.ssh/none-there'));
    expect(await cli.run(['ssh', 'web', 'true'])).toMatchObject({ code: 0, stderr: '' });
    const typed = await cli.run(['ssh', '-i', '/no/such/key', 'web', 'true']);
    expect(typed).toMatchObject({ code: 0, stderr: expect.stringContaining('/no/such/key') });
  });
});

describe('a mistake', () => {
  it.each([
    ['Host a\n  Prot 22\n', 255, /^amiko ssh: ~\/\.ssh\/config line 2: there is no option 'prot'; did you mean 'Port'\?\n$/],
    ['Host a\n  Port x\n', 255, /^amiko ssh: ~\/\.ssh\/config line 2: bad port 'x'\n$/],
    ['Include nothing-*\nHost a\n  Ciphers aes128-crt\n', 255, /line 3: unknown algorithm 'aes128-crt'; did you mean/],
    ['ProxyJump a;b\n', 255, /line 1: the host name 'a;b'/],
    ['Tunnel yes\nHostname 127.0.0.1\nPort 1\n', 255, /^Tunnel of the configuration has no effect: .*\namiko: cannot connect/],
  ])('of %j ends before anything is done', async (text, code, stderr) => {
    await using cli = new Home(text, '');
    expect(await cli.run(['ssh', '-oGSSAPIAuthentication=no', 'a', 'true'])).toMatchObject({
      code,
      stderr: expect.stringMatching(stderr),
    });
  });

  it('in the permissions is one too: others could make us run anything', async () => {
    await using cli = new Home('', '');
    chmodSync(cli.home.write('.ssh/config', 'Host a\n'), 0o666);
    expect(await cli.run(['sftp', 'a'])).toMatchObject({ code: 255, stderr: expect.stringMatching(/config: others can write/) });
    const key = keyPair('ed25519');
    expect(await cli.run(['cp', '-F', cli.home.join('none'), key.path, 'a:'])).toMatchObject({
      code: 255,
      stderr: expect.stringMatching(/there is no such file/),
    });
  });
});
