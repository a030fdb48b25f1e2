// `amiko copy-id` against real servers, beside what ssh-copy-id makes of the same account. It runs what is in dist/, or AMIKO_BIN.

import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startAmikoServe } from '../support/amiko-serve.ts';
import { Cli } from '../support/cli.ts';
import {
  describePeer,
  ensureTestUser,
  type KeyPair,
  keyPair,
  type PeerServer,
  run,
  runPeer,
  type Sshd,
  startDropbear,
  startProcess,
  startSshd,
  type TestUser,
  tempDir,
} from '../support/peers.ts';

const mine = keyPair('ed25519', { name: 'mine' });
const second = keyPair('ecdsa', { name: 'second' });
const third = keyPair('ed25519', { name: 'third', passphrase: 'secret' });

const connection = (server: PeerServer): string[] => [
  ...['-p', String(server.port), '-o', `UserKnownHostsFile=${server.knownHostsFile}`],
  ...['-o', 'StrictHostKeyChecking=yes', '-o', 'GlobalKnownHostsFile=/dev/null'],
];

/** What the account holds: the file, and who may do what with it and its folder. */
function state({ home }: TestUser): { text: string | null; modes: string[] } {
  const [folder, file] = [join(home, '.ssh'), join(home, '.ssh', 'authorized_keys')];
  const modes = [folder, file].filter((path) => existsSync(path)).map((path) => (statSync(path).mode & 0o7777).toString(8));
  return { text: existsSync(file) ? readFileSync(file, 'utf8') : null, modes };
}

/** Puts the account into a state: no folder, an empty folder, or this file. */
function prepare(user: TestUser, before: string | 'no folder' | null, mode = 0o600): void {
  const [folder, file] = [join(user.home, '.ssh'), join(user.home, '.ssh', 'authorized_keys')];
  rmSync(folder, { recursive: true, force: true });
  if (before === 'no folder') return;
  mkdirSync(folder, { mode: 0o700 });
  chownSync(folder, user.uid, user.gid);
  if (before === null) return;
  writeFileSync(file, before);
  chmodSync(file, mode);
  chownSync(file, user.uid, user.gid);
}

async function logsIn(server: PeerServer, user: TestUser, key: KeyPair): Promise<boolean> {
  const options = {
    PreferredAuthentications: 'publickey',
    BatchMode: 'yes',
    IdentitiesOnly: 'yes',
    UserKnownHostsFile: server.knownHostsFile,
  };
  const args = ['-F', 'none', '-i', key.path, '-p', String(server.port)];
  for (const [name, value] of Object.entries(options)) args.push('-o', `${name}=${value}`);
  const { stdout, stderr } = await runPeer('ssh', [...args, `${user.name}@127.0.0.1`, 'echo in']);
  return stdout.toString() === 'in\n' || /allows sftp connections only/.test(stdout.toString() + stderr);
}

describePeer(['sshd', 'ssh', 'ssh-agent', 'ssh-keygen', 'sshpass', 'dropbear'], 'copy-id', () => {
  let cli: Cli;
  let user: TestUser;
  let sshd: Sshd;
  let sftpOnly: Sshd;
  const inHome = { AuthorizedKeysFile: '.ssh/authorized_keys', StrictModes: 'yes' };

  beforeAll(async () => {
    cli = new Cli();
    user = await ensureTestUser();
    sshd = await startSshd({ user, config: inHome });
    // It begins somewhere else than at home.
    sftpOnly = await startSshd({ user, config: { ...inHome, ForceCommand: 'internal-sftp -d /' } });
  });

  afterAll(async () => {
    await sftpOnly?.stop();
    await sshd?.stop();
    await user?.remove();
    await cli?.[Symbol.asyncDispose]();
  });

  const copyId = (server: PeerServer, args: readonly string[], env: Record<string, string | undefined> = {}) =>
    cli.run(['copy-id', ...connection(server), ...args, `${user.name}@127.0.0.1`], {
      env: { AMIKO_PASSWORD: user.password, ...env },
    });

  /** The same by ssh-copy-id, which keeps its notes in the ~/.ssh of whoever runs it. */
  async function theirs(server: PeerServer, args: readonly string[], env: Record<string, string | undefined> = {}) {
    mkdirSync(cli.home.join('.ssh'), { recursive: true, mode: 0o700 });
    const all = ['-e', 'ssh-copy-id', ...connection(server), ...args, `${user.name}@127.0.0.1`];
    return run('sshpass', all, { env: { ...cli.env(), SSHPASS: user.password, ...env } });
  }

  const before: [what: string, text: string | 'no folder' | null, mode?: number][] = [
    ['no folder', 'no folder'],
    ['an empty folder', null],
    ['an empty file', ''],
    ['another key', `${second.publicLine}\n`, 0o644],
    ['a file without its last line end', `# mine\n${second.publicLine}`],
    ['the key, commented out', `#${mine.publicLine}\n`],
    ['lines that are none', `\n\n  ${second.publicLine}  \r\nrubbish "\n`],
  ];

  it.each(before)('leaves what ssh-copy-id leaves, through a shell and over SFTP: %s', async (_, text, mode) => {
    const results: { text: string | null; modes: string[] }[] = [];
    const ways: [server: Sshd, args: string[], tool: typeof copyId | typeof theirs][] = [
      [sshd, [], theirs],
      [sshd, [], copyId],
      [sshd, ['-s'], copyId],
      [sftpOnly, [], copyId],
    ];
    for (const [server, args, tool] of ways) {
      prepare(user, text, mode);
      const { code, stderr } = await tool(server, [...args, '-i', mine.path]);
      expect(code, stderr).toBe(0);
      results.push(state(user));
      expect(await logsIn(server, user, mine)).toBe(true);
    }
    for (const result of results) expect(result).toEqual(results[0]);
    expect(results[0]?.text).toMatch(new RegExp(`\n?${mine.publicLine.replaceAll('+', '\\+')}\n$`));
    expect(results[0]?.modes).toEqual(['700', (mode ?? 0o600).toString(8)]);
  });

  it('adds nothing that logs in, and nothing that is there, as ssh-copy-id', async () => {
    prepare(user, 'no folder');
    const first = await copyId(sshd, ['-i', mine.publicPath, '--json']);
    expect(first.code, first.stderr).toBe(0);
    expect(JSON.parse(first.stdout.toString())).toEqual({
      host: '127.0.0.1',
      port: sshd.port,
      user: user.name,
      file: '~/.ssh/authorized_keys',
      via: 'shell',
      keys: [
        { type: 'ssh-ed25519', fingerprint: mine.fingerprint, comment: 'mine-ed25519', source: mine.publicPath, status: 'added' },
      ],
    });
    const once = state(user);
    // Nobody needs a password for this, nor the private key.
    await using dir = tempDir();
    const alone = dir.write('alone.pub', `${mine.publicLine}\n`);
    const again = await copyId(sshd, ['-i', alone], { AMIKO_PASSWORD: undefined });
    expect(again.code, again.stderr).toBe(0);
    expect(again.stderr).toContain('logs in already');
    expect((await theirs(sshd, ['-i', mine.path])).stderr).toContain('already exist');
    expect(state(user)).toEqual(once);
    // With -f the same line is not there twice, where ssh-copy-id writes it again.
    const forced = await copyId(sshd, ['-f', '-i', mine.path]);
    expect(forced.code, forced.stderr).toBe(0);
    expect(forced.stderr).toContain('already');
    expect(state(user)).toEqual(once);
  });

  it('leaves a line with options alone, unless -f asks for another one', async () => {
    // From elsewhere only, so it does not log in here.
    const limited = `from="192.0.2.1",restrict ${mine.publicLine}\n`;
    for (const args of [[], ['-s']]) {
      prepare(user, limited);
      const kept = await copyId(sshd, [...args, '-i', mine.path]);
      expect(kept.code, kept.stderr).toBe(0);
      expect(kept.stderr).toContain(`as 'from="192.0.2.1",restrict'`);
      expect(state(user).text).toBe(limited);
      const forced = await copyId(sshd, [...args, '-f', '-i', mine.path]);
      expect(forced.code, forced.stderr).toBe(0);
      expect(state(user).text).toBe(`${limited}${mine.publicLine}\n`);
    }
  });

  it('installs options, several keys and several files, each once', async () => {
    await using dir = tempDir();
    const limited = `no-pty,command="echo \\"in\\"" ${second.publicLine}`;
    const list = dir.write('list.pub', `# two\r\n${limited}\r\n\n${third.publicLine}\n`);
    prepare(user, null);
    const { code, stderr } = await copyId(sshd, ['-i', list, '-i', mine.path, '-i', mine.publicPath, '-i', list]);
    expect(code, stderr).toBe(0);
    expect(state(user).text).toBe(`${limited}\n${third.publicLine}\n${mine.publicLine}\n`);
    expect((await copyId(sshd, ['-i', list])).stderr).toMatch(/ecdsa.* is in ~\/\.ssh\/authorized_keys already/);
    expect(state(user).text?.split('\n')).toHaveLength(4);
  });

  it('takes the keys of the agent as ssh-copy-id, else the newest file', async () => {
    await using dir = tempDir();
    const socket = dir.join('agent');
    await using agent = startProcess('ssh-agent', ['-D', '-a', socket]);
    await agent.waitForLog(/SSH_AUTH_SOCK/);
    for (const key of [mine, second]) {
      const added = await run('ssh-add', ['-q', key.path], { env: { SSH_AUTH_SOCK: socket } });
      expect(added.code, added.stderr).toBe(0);
    }
    const results: unknown[] = [];
    for (const tool of [theirs, copyId]) {
      prepare(user, `${second.publicLine}\n`);
      const { code, stderr } = await tool(sshd, [], { SSH_AUTH_SOCK: socket });
      expect(code, stderr).toBe(0);
      results.push(state(user));
    }
    expect(results[1]).toEqual(results[0]);
    expect(state(user).text).toBe(`${second.publicLine}\n${mine.publicLine}\n`);

    await using other = new Cli();
    mkdirSync(other.home.join('.ssh'));
    for (const [index, name] of ['id_rsa.pub', 'id_newest.pub', 'id_old.pub', 'id_newest-cert.pub', 'other.pub'].entries()) {
      const file = other.home.write(`.ssh/${name}`, `${name === 'id_newest.pub' ? mine.publicLine : second.publicLine}\n`);
      utimesSync(file, 1_000, name === 'id_newest.pub' ? 3_000 : name.startsWith('id_newest-') ? 4_000 : 1_000 + index);
    }
    prepare(user, null);
    const args = ['copy-id', ...connection(sshd), `${user.name}@127.0.0.1`];
    const { code, stderr } = await other.run(args, { env: { AMIKO_PASSWORD: user.password } });
    expect(code, stderr).toBe(0);
    expect(state(user).text).toBe(`${mine.publicLine}\n`);
  });

  it('with more keys than the server listens to in a connection', async () => {
    await using dir = tempDir();
    const made = await Promise.all(Array.from({ length: 9 }, (_, index) => keyPair('ed25519', { name: `many-${index}` })));
    const list = dir.write('list.pub', made.map((key) => `${key.publicLine}\n`).join(''));
    prepare(user, `${made[8]?.publicLine}\n`);
    const { code, stderr } = await copyId(sshd, ['-i', list]);
    expect(code, stderr).toBe(0);
    expect(stderr.match(/logs in already/g)).toHaveLength(1);
    expect(stderr.match(/was added/g)).toHaveLength(8);
    expect(state(user).text?.trim().split('\n').sort()).toEqual(made.map((key) => key.publicLine).sort());
  });

  it('writes nothing in a dry run, and needs no login for it', async () => {
    prepare(user, `${second.publicLine}\n`);
    const earlier = state(user);
    const { code, stdout, stderr } = await copyId(sshd, ['-n', '-i', mine.path, '-i', second.path], {
      AMIKO_PASSWORD: undefined,
    });
    expect(code, stderr).toBe(0);
    expect(stdout.toString()).toBe('');
    expect(stderr).toMatch(/ed25519.*would be added/);
    expect(stderr).toMatch(/ecdsa.*logs in already/);
    expect(state(user)).toEqual(earlier);
  });

  it('never installs what is not a public key', async () => {
    await using dir = tempDir();
    const connected = sshd.log().length;
    const certificate = dir.write('key.pub', `${mine.publicLine}\n`);
    const signed = await runPeer('ssh-keygen', ['-q', '-s', second.path, '-I', 'x', '-n', 'x', certificate]);
    expect(signed.code, signed.stderr).toBe(0);
    const cases: [args: string[], message: RegExp][] = [
      [['-i', dir.write('alone', mine.privateText)], /there is no public key .*alone\.pub; .*keygen -y -f/],
      [['-i', dir.write('named.pub', mine.privateText)], /named\.pub is a private key/],
      [['-i', dir.write('both.pub', `${mine.publicLine}\n${mine.privateText}`)], /is a private key/],
      [['-i', dir.join('key-cert.pub')], /a certificate is not installed/],
      [['-i', dir.write('words.pub', 'not a key\n')], /words\.pub:1: not a public key/],
      [['-i', dir.write('none.pub', '\n# nothing\n')], /there is no key in/],
      [['-i', dir.write('escape.pub', `${mine.publicLine}\u001b[2J\n`)], /control characters/],
      [['-i', dir.write('option.pub', `no-such-thing ${mine.publicLine}\n`)], /'no-such-thing' is not known/],
      [[], /no key to install/],
    ];
    await using other = new Cli();
    for (const [args, message] of cases) {
      const { code, stderr } = await other.run(['copy-id', ...connection(sshd), ...args, '127.0.0.1']);
      expect(stderr).toMatch(message);
      expect(code).toBe(255);
    }
    expect(sshd.log().slice(connected)).not.toContain('Connection from');
  });

  it('says what is in the way', async () => {
    prepare(user, `${second.publicLine}\n`);
    const file = join(user.home, '.ssh', 'authorized_keys');
    for (const path of [file, join(user.home, '.ssh')]) chownSync(path, 0, 0);
    chmodSync(join(user.home, '.ssh'), 0o755);
    chmodSync(file, 0o644);
    for (const args of [[], ['-s']]) {
      const { code, stderr } = await copyId(sshd, [...args, '-i', mine.path]);
      expect(stderr).toMatch(/authorized_keys cannot be written: .*denied/i);
      expect(code).toBe(1);
    }
    chmodSync(file, 0o600);
    for (const args of [[], ['-s']]) {
      const { code, stderr } = await copyId(sshd, [...args, '-i', mine.path]);
      expect(stderr).toMatch(/authorized_keys cannot be read: .*denied/i);
      expect(code).toBe(1);
    }
    expect(readFileSync(file, 'utf8')).toBe(`${second.publicLine}\n`);
    // The file is written, but sshd does not like what others may do with it.
    prepare(user, '');
    chmodSync(join(user.home, '.ssh'), 0o777);
    const { code, stderr } = await copyId(sshd, ['-i', mine.path]);
    expect(stderr).toMatch(/was added, but the server does not take it/);
    expect(code).toBe(1);
  });

  it('tells a server that runs something else from a shell, and gives it nothing', async () => {
    await using dir = tempDir();
    chmodSync(dir.path, 0o777);
    const got = dir.join('got');
    await using odd = await startSshd({
      user,
      config: { ...inHome, Subsystem: 'none /bin/false', ForceCommand: `cat > ${got}; echo hello` },
    });
    prepare(user, null);
    const { code, stderr } = await copyId(odd, ['-i', mine.path]);
    expect(stderr).toMatch(/no shell \(it answers a command with 'hello'\), and no SFTP/);
    expect(code).toBe(1);
    expect(readFileSync(got, 'utf8')).toBe('');
  });

  it.each([1, 2])('goes through %i jump hosts, as every verb', async (count) => {
    await using other = new Cli();
    const hops = await Promise.all(Array.from({ length: count }, () => startSshd()));
    try {
      mkdirSync(other.home.join('.ssh'));
      other.home.write('.ssh/id_ed25519', hops[0]?.identity.privateText ?? '');
      other.home.write('.ssh/known_hosts', hops.map(({ knownHostsFile }) => readFileSync(knownHostsFile, 'utf8')).join(''));
      prepare(user, `${second.publicLine}\n`);
      const jump = hops.map((hop) => `${hop.user}@127.0.0.1:${hop.port}`).join(',');
      const args = ['copy-id', ...connection(sshd), '-J', jump, '-i', mine.path, '-i', second.path, `${user.name}@127.0.0.1`];
      const { code, stderr } = await other.run(args, { env: { AMIKO_PASSWORD: user.password } });
      expect(code, stderr).toBe(0);
      expect(stderr).toMatch(/ecdsa.*logs in already/);
      expect(state(user).text).toBe(`${second.publicLine}\n${mine.publicLine}\n`);
      // Both asking and installing went that way.
      for (const hop of hops) expect(hop.log().match(/Accepted publickey/g)?.length).toBe(3);
    } finally {
      for (const hop of hops) await hop.stop();
    }
  });

  it('works with dropbear', async () => {
    await using dropbear = await startDropbear({ user, authorizedKeys: [second.publicLine] });
    const { code, stderr } = await copyId(dropbear, ['-i', mine.path, '-i', second.path]);
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/ecdsa.*logs in already/);
    expect(state(user).text).toBe(`${second.publicLine}\n${mine.publicLine}\n`);
    expect(await logsIn(dropbear, user, mine)).toBe(true);
  });

  it('works with serve --write, which has no shell', async () => {
    await using root = tempDir();
    await using server = await startAmikoServe({ args: ['--write', root.path] });
    const args = ['copy-id', '-p', String(server.port), '-o', `UserKnownHostsFile=${server.knownHostsFile}`, '-i', mine.path];
    const { code, stderr, stdout } = await cli.run([...args, '--json', `${server.user}@127.0.0.1`], {
      env: { AMIKO_PASSWORD: server.password },
    });
    // Its own keys are those of its start.
    expect(stderr).toContain('was added, but the server does not take it');
    expect(code).toBe(1);
    expect(JSON.parse(stdout.toString())).toMatchObject({ via: 'sftp', keys: [{ status: 'unusable' }] });
    expect(readFileSync(root.join('.ssh', 'authorized_keys'), 'utf8')).toBe(`${mine.publicLine}\n`);
    expect((statSync(root.join('.ssh')).mode & 0o777).toString(8)).toBe('700');
    expect((statSync(root.join('.ssh', 'authorized_keys')).mode & 0o777).toString(8)).toBe('600');
    await using readOnly = await startAmikoServe({ args: [root.path] });
    const refused = [
      'copy-id',
      '-p',
      String(readOnly.port),
      '-o',
      `UserKnownHostsFile=${readOnly.knownHostsFile}`,
      '-i',
      second.path,
    ];
    const denied = await cli.run([...refused, `${readOnly.user}@127.0.0.1`], { env: { AMIKO_PASSWORD: readOnly.password } });
    expect(denied.code).toBe(1);
    expect(denied.stderr).toMatch(/cannot be written/);
  });
});
