// Whom `amiko ssh` trusts and who trusts it: agents, certificates, jump hosts, proxy commands, known_hosts that are wrong, and hosts
// that change their keys. The command of this checkout (dist/) against real sshds and a real ssh-agent.

import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { amikoBin } from '../support/amiko-serve.ts';
import { Cli } from '../support/cli.ts';
import {
  describePeer,
  type HostKeyType,
  keyPair,
  type PeerServer,
  peerCommand,
  type RunOptions,
  type RunResult,
  run,
  runPeer,
  type Sshd,
  type SshdOptions,
  startProcess,
  startSshd,
  tempDir,
} from '../support/peers.ts';

const identity = keyPair('ed25519');

/** A home with a key that logs in and with known hosts, as people have it. */
class Home extends Cli {
  readonly knownHosts: string;

  constructor(servers: readonly PeerServer[], options: { key?: boolean; types?: readonly HostKeyType[] } = {}) {
    super();
    const { key = true, types = ['ed25519', 'ecdsa', 'rsa'] } = options;
    mkdirSync(this.home.join('.ssh'), { mode: 0o700 });
    if (key) copyFileSync(identity.path, this.home.join('.ssh', 'id_ed25519'));
    // Whatever the system's file says.
    this.home.write('.ssh/config', 'HashKnownHosts no\nGSSAPIAuthentication no\n');
    const lines = servers.flatMap((server) => types.map((type) => `${hostLine(server, type)}\n`));
    this.knownHosts = this.home.write('.ssh/known_hosts', lines.join(''));
  }

  ssh(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return this.run(['ssh', '-o', 'GlobalKnownHostsFile=none', ...args], options);
  }

  override env(extra: RunOptions['env'] = {}): NonNullable<RunOptions['env']> {
    return super.env({ SSH_AUTH_SOCK: undefined, ...extra });
  }
}

const hostLine = (server: PeerServer, type: HostKeyType = 'ed25519', key = server.hostKeys[type].publicLine): string =>
  `[127.0.0.1]:${server.port} ${key.split(' ').slice(0, 2).join(' ')}`;

/** The last arguments: where to, and what to run. */
const at = (server: PeerServer, ...command: string[]): string[] => [
  '-p',
  String(server.port),
  `${server.user}@127.0.0.1`,
  ...command,
];
const hop = (server: PeerServer): string => `${server.user}@127.0.0.1:${server.port}`;
/** The port that a session came in at. */
const portOf = ({ stdout }: RunResult): number => Number(stdout.toString().trim().split(' ')[3]);
const SHOW = 'echo $SSH_CONNECTION';

interface RealAgent extends AsyncDisposable {
  readonly path: string;
  add(...args: string[]): Promise<RunResult>;
}

async function realAgent(): Promise<RealAgent> {
  const dir = tempDir();
  const path = dir.join('agent');
  const [program] = peerCommand('ssh-agent', []);
  const server = startProcess(program, ['-D', '-a', path]);
  await expect.poll(() => existsSync(path), { timeout: 10_000 }).toBe(true);
  return {
    path,
    add: (...args) => run(program.replace(/agent$/, 'add'), args, { env: { SSH_AUTH_SOCK: path } }),
    async [Symbol.asyncDispose]() {
      await server.stop();
      await dir.remove();
    },
  };
}

/** Certifies a public key file: `name-cert.pub` beside it. */
async function certify(authority: string, publicKey: string, ...args: string[]): Promise<void> {
  const { code, stderr } = await runPeer('ssh-keygen', ['-q', '-s', authority, ...args, publicKey]);
  expect(stderr).toBe('');
  expect(code).toBe(0);
}

function clean(result: RunResult): void {
  expect(result.stderr).toBe('');
  expect(result.code).toBe(0);
}

describePeer(['sshd', 'ssh-agent'], 'logins', () => {
  it("with the agent's keys", async () => {
    await using sshd = await startSshd();
    await using home = new Home([sshd], { key: false });
    await using agent = await realAgent();
    await agent.add(identity.path);
    const env = { SSH_AUTH_SOCK: agent.path };
    clean(await home.ssh(at(sshd, 'true'), { env }));
    clean(await home.ssh(['-o', `IdentityAgent=${agent.path}`, ...at(sshd, 'true')]));
    for (const none of [
      ['-o', 'IdentityAgent=none'],
      ['-o', 'IdentitiesOnly=yes'],
    ]) {
      const refused = await home.ssh([...none, ...at(sshd, 'true')], { env });
      expect(refused).toMatchObject({ code: 255, stderr: expect.stringMatching(/permission denied.*nothing could be tried/) });
    }
    const gone = await home.ssh(['-o', 'IdentityAgent=/etc/no-such/agent', ...at(sshd, 'true')]);
    expect(gone).toMatchObject({
      code: 255,
      stderr: expect.stringContaining("the agent at /etc/no-such/agent can't be reached"),
    });
    // The public half is enough to say which one; the private one is the agent's.
    clean(await home.ssh(['-o', 'IdentitiesOnly=yes', '-i', identity.publicPath, ...at(sshd, 'true')], { env }));
  });

  it('prefer the key that was named, and do not try so many that the server hangs up', async () => {
    await using sshd = await startSshd();
    await using home = new Home([sshd], { key: false });
    await using agent = await realAgent();
    for (let index = 0; index < 8; index++) await agent.add(keyPair('ed25519', { name: `other-${index}` }).path);
    const env = { SSH_AUTH_SOCK: agent.path };
    const named = await home.ssh(['-v', '-i', identity.path, ...at(sshd, 'true')], { env });
    expect(named.code).toBe(0);
    expect(sshd.log()).not.toMatch(/Failed publickey|Too many authentication failures/);
    const refused = await home.ssh(at(sshd, 'true'), { env });
    expect(refused).toMatchObject({
      code: 255,
      stderr: expect.stringMatching(/permission denied.*3 more keys of the agent were not tried/),
    });
    expect(sshd.log()).not.toMatch(/Too many authentication failures/);
    // An encrypted key that the agent has asks nobody for its passphrase.
    const secret = keyPair('ed25519', { name: 'secret', passphrase: 'open sesame' });
    sshd.authorize(secret.publicLine);
    const plain = home.home.write('decrypted', readFileSync(secret.path));
    expect((await runPeer('ssh-keygen', ['-q', '-p', '-P', 'open sesame', '-N', '', '-f', plain])).code).toBe(0);
    expect((await agent.add(plain)).code).toBe(0);
    clean(await home.ssh(['-i', secret.path, ...at(sshd, 'true')], { env }));
  });

  it('with certificates: beside the key, named, and with the key in the agent', async () => {
    await using dir = tempDir();
    const authority = keyPair('ed25519', { name: 'ca' });
    const ca = dir.write('ca.pub', `${authority.publicLine}\n`, 0o644);
    await using sshd = await startSshd({ authorizedKeys: [], config: { TrustedUserCAKeys: ca } });
    await using home = new Home([sshd], { key: false });
    const key = home.home.write('work', readFileSync(identity.path));
    home.home.write('work.pub', `${identity.publicLine}\n`);
    expect((await home.ssh(['-i', key, ...at(sshd, 'true')])).code).toBe(255);
    await certify(authority.path, `${key}.pub`, '-I', 'me', '-n', sshd.user);
    clean(await home.ssh(['-i', key, ...at(sshd, 'true')]));
    const named = home.home.write('elsewhere.pub', readFileSync(`${key}-cert.pub`));
    writeFileSync(`${key}-cert.pub`, 'nonsense\n');
    const broken = await home.ssh(['-i', key, ...at(sshd, 'true')]);
    expect(broken).toMatchObject({ code: 255, stderr: expect.stringContaining(`certificate ${key}-cert.pub: `) });
    clean(await home.ssh(['-i', key, '-o', `CertificateFile=${named}`, ...at(sshd, 'true')]));
    await using agent = await realAgent();
    await agent.add(identity.path);
    clean(await home.ssh(['-o', `CertificateFile=${named}`, ...at(sshd, 'true')], { env: { SSH_AUTH_SOCK: agent.path } }));
    // Of those in the usual places, too.
    home.home.write('.ssh/id_ed25519', readFileSync(identity.path));
    home.home.write('.ssh/id_ed25519-cert.pub', readFileSync(named));
    clean(await home.ssh(at(sshd, 'true')));
  });
});

describePeer(['sshd', 'ssh', 'ssh-agent'], 'the way there', () => {
  let first: Sshd;
  let second: Sshd;
  let last: Sshd;
  beforeAll(async () => {
    [first, second, last] = [await startSshd(), await startSshd(), await startSshd()];
  });
  afterAll(async () => {
    for (const server of [first, second, last]) await server.stop();
  });

  it('through two jump hosts', async () => {
    await using home = new Home([first, second, last]);
    const from = second.log().length;
    const result = await home.ssh(['-J', `${hop(first)},ssh://${hop(second)}`, ...at(last, SHOW)]);
    clean(result);
    expect(portOf(result)).toBe(last.port);
    for (const server of [first, second, last])
      await server.waitForLog(/Received disconnect from/, 10_000, server === second ? from : 0);
    expect(portOf(await home.ssh(['-o', `ProxyJump=${hop(first)}`, ...at(last, SHOW)]))).toBe(last.port);
    expect(portOf(await home.ssh(['-J', 'none', ...at(last, SHOW)]))).toBe(last.port);
    // What is for the destination is not for the others, and the other way round.
    const key = keyPair('ed25519', { name: 'destination-only' });
    last.authorize(key.publicLine);
    clean(await home.ssh(['-i', key.path, '-J', hop(first), ...at(last, 'true')]));
  });

  it('for sftp and cp, too', async () => {
    await using home = new Home([first, last]);
    home.home.write('file', 'content');
    const args = ['-o', 'GlobalKnownHostsFile=none', '-J', hop(first), '-P', String(last.port)];
    const target = last.dir.join('copied');
    const copied = await home.run(['cp', ...args, home.home.join('file'), `${last.user}@127.0.0.1:${target}`]);
    expect(copied.code).toBe(0);
    expect(readFileSync(target, 'utf8')).toBe('content');
    const listed = await home.run(['sftp', ...args, '-b', '-', `${last.user}@127.0.0.1`], { input: `ls ${target}\n` });
    expect(listed).toMatchObject({ code: 0 });
    expect(listed.stdout.toString()).toContain('copied');
  });

  it("over a proxy command: ssh's -W and our own", async () => {
    await using home = new Home([first, last]);
    const [ssh, sshArgs] = peerCommand('ssh', first.sshArgs());
    const quoted = (words: readonly string[]) => words.map((word) => `'${word}'`).join(' ');
    const [destination, ...options] = [...sshArgs].reverse();
    const theirs = `${quoted([ssh, ...options.reverse()])} -W '[%h]:%p' ${destination}`;
    expect(portOf(await home.ssh(['-o', `ProxyCommand=${theirs}`, ...at(last, SHOW)]))).toBe(last.port);
    const ours = `${quoted([process.execPath, amikoBin])} ssh -o GlobalKnownHostsFile=none -p ${first.port} -W %h:%p ${first.user}@127.0.0.1`;
    const result = await home.ssh(['-o', `ProxyCommand=${ours}`, ...at(last, SHOW)]);
    clean(result);
    expect(portOf(result)).toBe(last.port);
    // Ours as the one for ssh: nothing but the connection is on its stdout.
    const other = await runPeer('ssh', ['-o', `ProxyCommand=${ours}`, ...last.sshArgs(), SHOW], { env: home.env() });
    expect(portOf(other)).toBe(last.port);
  });

  it('a proxy command that fails says why, on stderr; a name that a shell could misread starts none', async () => {
    await using home = new Home([first]);
    const failed = await home.ssh(['-o', 'ProxyCommand=sh -c "echo no way >&2; exit 7"', ...at(first, 'true')]);
    expect(failed.code).toBe(255);
    expect(failed.stderr).toMatch(/^no way\n/);
    expect(failed.stderr).toMatch(/the proxy command ended with exit status 7/);
    const mark = home.home.join('mark');
    for (const host of ['$(id)', '`id`', "a'b", 'a;b']) {
      const refused = await home.ssh(['-o', `ProxyCommand=touch ${mark}; cat`, host, 'true']);
      expect(refused).toMatchObject({ code: 2, stderr: expect.stringMatching(/the host name '.*' has characters/) });
    }
    const user = await home.ssh(['-o', `ProxyCommand=touch ${mark}; cat`, '-l', '$(id)', 'host', 'true']);
    expect(user).toMatchObject({ code: 2, stderr: expect.stringMatching(/the user name '.*' has characters/) });
    expect(existsSync(mark)).toBe(false);
  });

  it('a jump host that cannot reach the next is named', async () => {
    await using home = new Home([first]);
    const result = await home.ssh(['-J', hop(first), '-p', '1', `${first.user}@127.0.0.1`, 'true']);
    expect(result.code).toBe(255);
    expect(result.stderr).toMatch(/at the jump host: .*cannot connect to 127\.0\.0\.1 port 1 through 127\.0\.0\.1/);
  });

  it('a forwarded agent behind two hops lists its keys and logs in', async () => {
    await using home = new Home([first], { key: false });
    await using agent = await realAgent();
    await agent.add(identity.path);
    const env = { SSH_AUTH_SOCK: agent.path };
    const ssh = (server: PeerServer, ...options: string[]) =>
      `ssh -F none ${options.join(' ')} -o IdentityFile=none -o BatchMode=yes -o UserKnownHostsFile=${server.knownHostsFile} ${at(server).join(' ')}`;
    const listed = await home.ssh(['-A', ...at(first, `${ssh(second, '-A')} ssh-add -l`)], { env });
    clean(listed);
    expect(listed.stdout.toString()).toContain(identity.fingerprint);
    const there = await home.ssh(
      ['-o', 'ForwardAgent=yes', ...at(first, `${ssh(second, '-A')} "${ssh(last)} '${SHOW.replace('$', '\\$')}'"`)],
      { env },
    );
    expect(portOf(there)).toBe(last.port);
    const without = await home.ssh(at(first, 'printenv SSH_AUTH_SOCK'), { env });
    expect(without.stdout.toString()).toBe('');
  });

  it('a key that is limited to a host behind a jump host', async () => {
    await using other = await startSshd({ hostKeys: ['ecdsa'] });
    await using home = new Home([other, first]);
    await using agent = await realAgent();
    const limited = keyPair('ed25519', { name: 'limited' });
    other.authorize(limited.publicLine);
    first.authorize(limited.publicLine);
    const known = home.home.write('for-add', `other ${other.hostKeys.ecdsa.publicLine}\n`);
    expect((await agent.add('-H', known, '-h', 'other', limited.path)).code).toBe(0);
    const env = { SSH_AUTH_SOCK: agent.path };
    const only = ['-o', 'IdentitiesOnly=yes', '-i', limited.publicPath];
    clean(await home.ssh([...only, '-J', hop(first), ...at(other, 'true')], { env }));
    expect((await home.ssh([...only, ...at(first, 'true')], { env })).code).toBe(255);
  });
});

describePeer(['sshd'], 'hosts that are not who they should be', () => {
  let first: Sshd;
  let second: Sshd;
  let last: Sshd;
  beforeAll(async () => {
    [first, second, last] = [await startSshd(), await startSshd({ hostKeys: ['ed25519'] }), await startSshd()];
  });
  afterAll(async () => {
    for (const server of [first, second, last]) await server.stop();
  });
  const swapped = (server: PeerServer) => `${hostLine(server, 'ed25519', identity.publicLine)}\n`;

  it('at the second hop: nothing goes further', async () => {
    await using home = new Home([first, last]);
    writeFileSync(home.knownHosts, `# mine\n${swapped(second)}`, { flag: 'a' });
    const result = await home.ssh(['-J', `${hop(first)},${hop(second)}`, ...at(last, 'true')]);
    expect(result.code).toBe(255);
    const number = readFileSync(home.knownHosts, 'utf8').split('\n').length - 1;
    expect(result.stderr).toContain(`${home.knownHosts}:${number}`);
    expect(result.stderr).toMatch(new RegExp(`at the jump host: THE KEY OF \\[127\\.0\\.0\\.1\\]:${second.port} HAS CHANGED`));
    expect(second.log()).not.toMatch(/Accepted/);
    expect(last.log()).not.toMatch(/Connection from/);
  });

  it('an unknown one, here and on the way; what the options say about the destination does not let a jump host in', async () => {
    await using home = new Home([last]);
    const unknown = await home.ssh(at(first, 'true'));
    expect(unknown).toMatchObject({ code: 255, stderr: expect.stringMatching(/the host \[127\.0\.0\.1\]:\d+ is not known/) });
    const through = await home.ssh(['-o', 'StrictHostKeyChecking=no', '-J', hop(first), ...at(last, 'true')]);
    expect(through).toMatchObject({ code: 255, stderr: expect.stringMatching(/at the jump host: the host .* is not known/) });
  });

  it('a swapped key, a revoked key: file and line', async () => {
    await using home = new Home([]);
    writeFileSync(home.knownHosts, `\n${swapped(second)}`);
    for (const strict of ['ask', 'no', 'accept-new']) {
      const changed = await home.ssh(['-o', `StrictHostKeyChecking=${strict}`, ...at(second, 'true')]);
      expect(changed).toMatchObject({ code: 255, stderr: expect.stringMatching(/HAS CHANGED/) });
      expect(changed.stderr).toContain(`${home.knownHosts}:2`);
    }
    writeFileSync(home.knownHosts, `${hostLine(second)}\n\n@revoked * ${second.hostKeys.ed25519.publicLine}\n`);
    const revoked = await home.ssh(['-o', 'StrictHostKeyChecking=no', ...at(second, 'true')]);
    expect(revoked).toMatchObject({ code: 255, stderr: expect.stringContaining(`is revoked by ${home.knownHosts}:3`) });
  });

  it('a host certificate by an authority that is known, for this host and for another', async () => {
    const authority = keyPair('ed25519', { name: 'host-ca' });
    await using dir = tempDir();
    const server = async (principal: string): Promise<Sshd> => {
      const key = dir.write(`${principal}-key`, readFileSync(second.hostKeys.ed25519.path));
      dir.write(`${principal}-key.pub`, `${second.hostKeys.ed25519.publicLine}\n`);
      await certify(authority.path, `${key}.pub`, '-h', '-I', principal, '-n', principal);
      const config: SshdOptions['config'] = { HostKey: key, HostCertificate: `${key}-cert.pub` };
      return startSshd({ config });
    };
    await using right = await server('127.0.0.1');
    await using wrong = await server('other.example');
    await using home = new Home([]);
    const known = `@cert-authority [127.0.0.1]:* ${authority.publicLine}\n`;
    writeFileSync(home.knownHosts, known);
    clean(await home.ssh(at(right, 'true')));
    const refused = await home.ssh(at(wrong, 'true'));
    expect(refused).toMatchObject({
      code: 255,
      stderr: expect.stringMatching(/is not known.*its certificate 'other\.example' does not help/),
    });
    // A certificate teaches nothing.
    expect(readFileSync(home.knownHosts, 'utf8')).toBe(known);
  });
});

describePeer(['sshd'], 'UpdateHostKeys', () => {
  const keysOf = (home: Home) => readFileSync(home.knownHosts, 'utf8');

  it('learns the keys that a known host has, and forgets those that it does not have any more', async () => {
    await using sshd = await startSshd({ hostKeys: ['ed25519', 'rsa'] });
    await using home = new Home([], { types: [] });
    const comment = '# a comment\n';
    const old = `${hostLine(sshd, 'ecdsa')}\n`;
    writeFileSync(home.knownHosts, `${comment}${hostLine(sshd)}\n${old}other.example ${identity.publicLine}\n`);
    clean(await home.ssh(at(sshd, 'true')));
    expect(keysOf(home)).toBe(`${comment}${hostLine(sshd)}\nother.example ${identity.publicLine}\n${hostLine(sshd, 'rsa')}\n`);
    // The new one is as good as the old one.
    clean(await home.ssh(['-o', 'HostKeyAlgorithms=rsa-sha2-512', ...at(sshd, 'true')]));
  });

  it('leaves lines of other kinds, other files and those who do not want it alone', async () => {
    await using sshd = await startSshd({ hostKeys: ['ed25519', 'rsa'] });
    await using home = new Home([], { types: [] });
    const untouched = async (text: string, args: readonly string[] = []) => {
      writeFileSync(home.knownHosts, text);
      clean(await home.ssh([...args, ...at(sshd, 'true')]));
      expect(keysOf(home)).toBe(text);
    };
    const plain = `${hostLine(sshd)}\n`;
    await untouched(`[127.0.0.*]:${sshd.port} ${sshd.hostKeys.ed25519.publicLine}\n`);
    await untouched(plain.replace(' ', ',example '));
    await untouched(plain, ['-o', 'UpdateHostKeys=no']);
    const named = home.home.write('named', plain);
    writeFileSync(home.knownHosts, '');
    clean(await home.ssh(['-o', `UserKnownHostsFile=${named}`, ...at(sshd, 'true')]));
    expect(readFileSync(named, 'utf8')).toBe(plain);
    clean(await home.ssh(['-o', `UserKnownHostsFile=${named}`, '-o', 'UpdateHostKeys=yes', ...at(sshd, 'true')]));
    expect(readFileSync(named, 'utf8')).toContain(hostLine(sshd, 'rsa'));
    // Known by the system's file only.
    const system = home.home.write('system', plain);
    writeFileSync(home.knownHosts, '');
    clean(await home.run(['ssh', '-o', `GlobalKnownHostsFile=${system}`, ...at(sshd, 'true')]));
    expect(readFileSync(system, 'utf8')).toBe(plain);
    expect(keysOf(home)).toBe('');
  });

  it('asks: tells, and changes nothing', async () => {
    await using sshd = await startSshd({ hostKeys: ['ed25519', 'rsa'] });
    await using home = new Home([sshd], { types: ['ed25519'] });
    const before = keysOf(home);
    // As with ssh, nobody is asked while a command runs: this is a shell.
    const { stderr, code } = await home.ssh(['-o', 'UpdateHostKeys=ask', ...at(sshd)], { input: 'exit 0\n' });
    expect(code).toBe(0);
    expect(stderr).toContain(sshd.hostKeys.rsa.fingerprint);
    expect(keysOf(home)).toBe(before);
  });
});

describe('usage', () => {
  it('explains the new options', async () => {
    await using home = new Home([]);
    const { stdout } = await home.ssh(['--help']);
    for (const word of ['-J', '-F', '-G', 'ssh_config(5)', 'SSH_AUTH_SOCK', '-cert.pub']) {
      expect(stdout.toString()).toContain(word);
    }
  });
});
