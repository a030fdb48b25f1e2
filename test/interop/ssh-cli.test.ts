// `amiko ssh` as its users have it: the command of this checkout against OpenSSH's sshd, without and in a real terminal.
// It runs what is in dist/, which `npm test` builds first.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { supportedAlgorithms } from '../../src/index.ts';
import { amikoBin } from '../support/amiko-serve.ts';
import {
  canMakeUsers,
  describePeer,
  ensureTestUser,
  freePort,
  type KeyType,
  keyPair,
  type PeerServer,
  type RunOptions,
  type RunResult,
  randomBytes,
  run,
  runPeer,
  type Sshd,
  sha256,
  startDropbear,
  startSshd,
  type TempDir,
  type TestUser,
  tempDir,
} from '../support/peers.ts';
import { Screen } from '../support/screen.ts';

const BIN = amikoBin;
const MIB = 1 << 20;
const blob = randomBytes(64 * MIB, 'ssh-cli');
const blobHash = sha256(blob);

/** An empty home directory, so that no key and no known host of whoever runs the tests takes part. */
let home: TempDir;

beforeAll(() => {
  if (!existsSync(join(dirname(BIN), '..', 'dist', 'cli', 'main.js'))) throw new Error('run `npm run build` first');
  home = tempDir();
});
afterAll(() => home.remove());

type Options = Readonly<Record<string, string>>;

/** The arguments up to the host; more `-o` in `options`. */
function sshArgs(server: PeerServer, options: Options = {}, identity: string | null = server.identity.path): string[] {
  const settings = { UserKnownHostsFile: server.knownHostsFile, GlobalKnownHostsFile: 'none', ...options };
  const asOptions = Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  return [
    'ssh',
    ...(identity === null ? [] : ['-i', identity]),
    '-p',
    String(server.port),
    ...asOptions,
    `${server.user}@127.0.0.1`,
  ];
}

function env(extra: RunOptions['env'] = {}): NonNullable<RunOptions['env']> {
  const none = { AMIKO_PASSWORD: undefined, SSH_ASKPASS_REQUIRE: undefined, WAYLAND_DISPLAY: undefined };
  return { HOME: home.path, ...none, ...extra };
}

function amiko(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return run(process.execPath, [BIN, ...args], { ...options, env: env(options.env) });
}

/** A program for SSH_ASKPASS that answers with `answer` and writes down what it was asked. */
function askpass(answer: string): { env: Record<string, string>; asked(): string } {
  const log = home.join(`asked-${Math.random()}`);
  const program = home.write(
    `askpass-${Math.random()}`,
    `#!/bin/sh\nprintf '%s\\n' "$1" >> '${log}'\nprintf '%s\\n' '${answer}'\n`,
    0o700,
  );
  return {
    env: { SSH_ASKPASS: program, SSH_ASKPASS_REQUIRE: 'force' },
    asked: () => (existsSync(log) ? readFileSync(log, 'utf8') : ''),
  };
}

/** A session that a test holds on to. */
function start(args: readonly string[]): ChildProcessByStdio<Writable, Readable, Readable> & { text(): string } {
  const child = spawn(process.execPath, [BIN, ...args], {
    env: { ...process.env, ...env() } as NodeJS.ProcessEnv,
    stdio: 'pipe',
  });
  let text = '';
  child.stderr.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  return Object.assign(child, { text: () => text });
}

describePeer('sshd', 'amiko ssh to sshd', () => {
  let sshd: Sshd;
  beforeAll(async () => {
    sshd = await startSshd();
  });
  afterAll(() => sshd.stop());

  it('carries 64 MiB to a command and back, and stderr apart', async () => {
    const result = await amiko([...sshArgs(sshd), 'cat; echo done >&2'], { input: blob });
    expect(result.stderr).toBe('done\n');
    expect(result.code).toBe(0);
    expect(sha256(result.stdout)).toBe(blobHash);
  });

  it('carries both directions at once, with every byte that there is', async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
    const result = await amiko([...sshArgs(sshd), 'cat | tee /dev/stderr'], { input: bytes });
    expect(result.stdout).toEqual(bytes);
    expect(Buffer.byteLength(result.stderr, 'utf8')).toBeGreaterThan(255);
  });

  it.each([0, 1, 42, 255])('ends with the exit status %i of the command', async (code) => {
    expect(await amiko([...sshArgs(sshd), `exit ${code}`])).toMatchObject({ code, stderr: '' });
  });

  it.each([
    ['TERM', 143],
    ['KILL', 137],
    ['HUP', 129],
  ])('ends with 128 + n where SIG%s killed the command', async (signal, code) => {
    expect(await amiko([...sshArgs(sshd), `kill -${signal} $$`])).toMatchObject({ code, stderr: '' });
  });

  it('joins the words of the command by blanks, as OpenSSH does', async () => {
    const result = await amiko([...sshArgs(sshd), 'printf', '"<%s>"', '"a  b"', "'c d'", '-n', '--', '*nothing*']);
    expect(result.stdout.toString()).toBe('<a  b><c d><-n><--><*nothing*>');
  });

  it('runs a shell without a terminal where there is none', async () => {
    const result = await amiko(sshArgs(sshd), { input: 'tty\nexit 3\n' });
    expect(result.stdout.toString()).toBe('not a tty\n');
    expect(result.code).toBe(3);
  });

  it('asks for a terminal by -tt only, where it has none itself', async () => {
    const forced = await amiko([...sshArgs(sshd, { RequestTTY: 'force' }), 'tty; echo "$TERM"'], {
      env: { TERM: 'xterm-256color' },
    });
    expect(forced.stdout.toString()).toMatch(/^\/dev\/pts\/\d+\r\nxterm-256color\r\n$/);
    const asked = await amiko([...sshArgs(sshd), '-t', 'tty']);
    expect(asked.stdout.toString()).toBe('not a tty\n');
    expect(asked.stderr).toContain('-tt');
    const quiet = await amiko([...sshArgs(sshd), '-q', '-t', 'tty']);
    expect(quiet.stderr).toBe('');
  });

  it('leaves stdin alone with -n', async () => {
    const result = await amiko(['ssh', '-n', ...sshArgs(sshd).slice(1), 'cat; echo end'], { input: 'text' });
    expect(result.stdout.toString()).toBe('end\n');
  });

  it('sends variables', async () => {
    const args = [...sshArgs(sshd, { SetEnv: 'AMIKO_A=1 "AMIKO_B=2 3" OTHER=4', SendEnv: 'AMIKO_*' }), 'env'];
    const result = await amiko(args, { env: { AMIKO_C: 'c', AMIKO_PASSWORD: 'secret' } });
    const variables = result.stdout.toString().split('\n');
    for (const expected of ['AMIKO_A=1', 'AMIKO_B=2 3', 'AMIKO_C=c']) expect(variables).toContain(expected);
    expect(result.stdout.toString()).not.toMatch(/OTHER=|secret/);
  });

  it('is quiet when nobody reads its output any more', async () => {
    const pipeline = ['-c', '{ "$@"; echo "status $?" >&2; } | head -c1', 'sh', process.execPath, BIN, ...sshArgs(sshd), 'yes'];
    const result = await run('/bin/sh', pipeline, { env: env() });
    expect(result.stdout.toString()).toBe('y');
    expect(result.stderr).toBe('status 141\n');
  });

  it('shows banners, escaped, unless -q', async () => {
    const banner = home.write('banner', 'Welcome\n\tto \x1b[2Jthis host\n', 0o644);
    await using own = await startSshd({ config: { Banner: banner } });
    const result = await amiko([...sshArgs(own), 'echo out']);
    expect(result.stdout.toString()).toBe('out\n');
    expect(result.stderr).toMatch(/^Welcome\n(\t|\\x09)to \S*\[2Jthis host\n$/);
    expect(result.stderr).not.toContain('\x1b');
    expect((await amiko(['ssh', '-q', ...sshArgs(own).slice(1), 'echo out'])).stderr).toBe('');
  });

  it('tells with -v what goes on, and no secrets', async () => {
    const key = keyPair('ed25519', { passphrase: 'open sesame' });
    sshd.authorize(key.publicLine);
    const helper = askpass('open sesame');
    const result = await amiko(['ssh', '-vvv', ...sshArgs(sshd, {}, key.path).slice(1), 'true'], { env: { ...helper.env } });
    expect(result.code).toBe(0);
    for (const part of [key.fingerprint, 'strict kex', 'publickey', 'SSH-2.0-OpenSSH', 'exit status 0']) {
      expect(result.stderr).toContain(part);
    }
    expect(result.stderr).not.toContain('sesame');
    for (const line of result.stderr.trimEnd().split('\n')) expect(line).toMatch(/^debug[123]: /);
  });

  it('says that nobody listens', async () => {
    const result = await amiko(['ssh', '-p', String(await freePort()), 'u@127.0.0.1', 'true']);
    expect(result).toMatchObject({ code: 255 });
    expect(result.stderr).toMatch(/^amiko: cannot connect to 127\.0\.0\.1 port \d+: .*ECONNREFUSED.*\n$/);
  });

  it('says that there is no such host', async () => {
    const result = await amiko(['ssh', 'host.invalid', 'true']);
    expect(result.code).toBe(255);
    expect(result.stderr).toMatch(/^amiko: cannot connect to host\.invalid port 22: .+\n$/);
  });

  it('uses the kind of address that it is told to', async () => {
    expect((await amiko(['ssh', '-4', ...sshArgs(sshd).slice(1), 'true'])).code).toBe(0);
    const six = await amiko(['ssh', '-6', ...sshArgs(sshd).slice(1), 'true']);
    expect(six.code).toBe(255);
    expect(six.stderr).toContain('cannot connect');
  });

  it('gives up on a server that says nothing', async () => {
    const silent = createServer(() => {});
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as { port: number };
    const result = await amiko(['ssh', '-p', String(port), '-o', 'ConnectTimeout=1', 'u@127.0.0.1', 'true']);
    silent.close();
    expect(result.code).toBe(255);
    expect(result.stderr).toContain('timed out after 1000 ms');
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('ends by %s', async (signal, code) => {
    const child = start([...sshArgs(sshd), 'echo up; exec sleep 1000']);
    await once(child.stdout, 'data');
    child.kill(signal);
    expect(await once(child, 'close')).toEqual([code, null]);
    expect(child.text()).toBe('');
  });

  it('ends with a reason when the server dies in the middle', async () => {
    await using own = await startSshd();
    const child = start([...sshArgs(own), 'cat /dev/zero']);
    child.stdout.resume();
    await once(child.stdout, 'data');
    const since = performance.now();
    const closed = once(child, 'close');
    await own.stop();
    expect(await closed).toEqual([255, null]);
    expect(performance.now() - since).toBeLessThan(3_000);
    expect(child.text()).toMatch(
      /^amiko: 127\.0\.0\.1 port \d+: the (peer closed the connection|connection failed|peer disconnected).*\n$/,
    );
  });

  it('finds a server that answers no more by ServerAliveInterval', async () => {
    await using own = await startSshd();
    const child = start([...sshArgs(own, { ServerAliveInterval: '1', ServerAliveCountMax: '1' }), 'echo up; exec sleep 1000']);
    await once(child.stdout, 'data');
    // Not the first, which is what the harness waits for in the end.
    for (const pid of own.processes().slice(1)) process.kill(pid, 'SIGSTOP');
    expect(await once(child, 'close')).toEqual([255, null]);
    expect(child.text()).toMatch(/timed out/);
  });

  it('exchanges keys anew during a transfer, by RekeyLimit here and there', async () => {
    const ours = await amiko(['ssh', '-v', ...sshArgs(sshd, { RekeyLimit: '64K' }).slice(1), 'cat'], {
      input: blob.subarray(0, 4 * MIB),
    });
    expect(ours.code).toBe(0);
    expect(sha256(ours.stdout)).toBe(sha256(blob.subarray(0, 4 * MIB)));
    expect(ours.stderr.match(/new keys: /g)?.length ?? 0).toBeGreaterThan(50);

    await using own = await startSshd({ config: { RekeyLimit: '64K' } });
    const theirs = await amiko(['ssh', '-v', ...sshArgs(own).slice(1), 'sha256sum'], { input: blob, timeoutMs: 60_000 });
    expect(theirs.code).toBe(0);
    expect(theirs.stdout.toString()).toBe(`${blobHash}  -\n`);
    expect(theirs.stderr.match(/new keys: /g)?.length ?? 0).toBeGreaterThan(50);
  }, 90_000);

  it('compresses', async () => {
    const text = Buffer.alloc(4 * MIB, 'the same again and again\n');
    const result = await amiko(['ssh', '-vC', ...sshArgs(sshd).slice(1), 'cat'], { input: text });
    expect(sha256(result.stdout)).toBe(sha256(text));
    expect(result.stderr).toContain('zlib@openssh.com');
  });
});

describePeer(['sshd', 'ssh'], 'amiko ssh with one algorithm', () => {
  let sshd: Sshd;
  const supported = supportedAlgorithms();
  const cases: { keyword: string; query: string; category: keyof typeof supported }[] = [
    { keyword: 'KexAlgorithms', query: 'kex', category: 'kex' },
    { keyword: 'Ciphers', query: 'cipher', category: 'ciphers' },
    { keyword: 'MACs', query: 'mac', category: 'macs' },
    { keyword: 'HostKeyAlgorithms', query: 'sig', category: 'keys' },
  ];
  /** What the sshd of this machine knows. */
  const theirs = new Map<string, readonly string[]>();

  beforeAll(async () => {
    const config: Record<string, string> = {};
    for (const { keyword, query, category } of cases) {
      const { stdout } = await runPeer('ssh', ['-Q', query]);
      const known = stdout.toString().split('\n');
      const both = supported[category].filter((name) => known.includes(name));
      theirs.set(keyword, both);
      config[keyword] = both.join(',');
    }
    config['PubkeyAcceptedAlgorithms'] = config['HostKeyAlgorithms'] ?? '';
    sshd = await startSshd({ config });
  });
  afterAll(() => sshd.stop());

  const rows = cases.flatMap(({ keyword, category }) => supported[category].map((name) => [keyword, name] as const));
  it.for(rows)('%s=%s', async ([keyword, name], { skip }) => {
    skip(!theirs.get(keyword)?.includes(name), `this sshd does not know ${name}`);
    // The harness makes P-256 keys only, and has no device. Certificates are shown in certificates.test.ts.
    skip(keyword === 'HostKeyAlgorithms' && /nistp(384|521)$|^sk-/.test(name), 'this sshd has no such key');
    // A MAC counts only beside a cipher that has none of its own.
    const extra: Options = keyword === 'MACs' ? { Ciphers: 'aes128-ctr' } : {};
    const part = blob.subarray(0, MIB / 4);
    const result = await amiko(['ssh', '-v', ...sshArgs(sshd, { [keyword]: name, ...extra }).slice(1), 'cat'], { input: part });
    expect(result.stderr).toContain(name);
    expect({ code: result.code, hash: sha256(result.stdout) }).toEqual({ code: 0, hash: sha256(part) });
  });
});

describePeer('sshd-trixie', 'amiko ssh to the sshd of Debian 13', () => {
  it('takes the post-quantum key exchange by itself', async () => {
    await using sshd = await startSshd({ trixie: true });
    const result = await amiko(['ssh', '-v', ...sshArgs(sshd).slice(1), 'cat; exit 5'], { input: blob.subarray(0, MIB) });
    expect(result.stderr).toContain('mlkem768x25519-sha256 (post-quantum');
    expect(sha256(result.stdout)).toBe(sha256(blob.subarray(0, MIB)));
    expect(result.code).toBe(5);
  });
});

describePeer('sshd', 'host keys', () => {
  let sshd: Sshd;
  beforeAll(async () => {
    sshd = await startSshd();
  });
  afterAll(() => sshd.stop());

  it('of unknown hosts are refused where nobody can be asked', async () => {
    const file = home.join('kh-unknown');
    const result = await amiko([...sshArgs(sshd, { UserKnownHostsFile: file }), 'true']);
    expect(result.code).toBe(255);
    expect(result.stderr).toContain(sshd.hostKeys.ed25519.fingerprint);
    expect(result.stderr).toContain('not known');
    expect(existsSync(file)).toBe(false);
    // Nothing was said about the user to a server that nobody knows.
    expect(sshd.log()).not.toContain('Accepted');
  });

  it('are remembered with accept-new, in ~/.ssh/known_hosts', async () => {
    await using ownHome = tempDir();
    const settings = {
      UserKnownHostsFile: '~/.ssh/known_hosts',
      StrictHostKeyChecking: 'accept-new',
      HashKnownHosts: 'no',
      UpdateHostKeys: 'no',
    };
    const go = () => amiko([...sshArgs(sshd, settings), 'echo $HOME'], { env: { HOME: ownHome.path } });
    const first = await go();
    expect(first.code).toBe(0);
    expect(first.stderr).toContain('is now known');
    const file = ownHome.join('.ssh', 'known_hosts');
    const text = readFileSync(file, 'utf8');
    expect(text).toBe(`[127.0.0.1]:${sshd.port} ${sshd.hostKeys.ed25519.publicLine.split(' ').slice(0, 2).join(' ')}\n`);
    expect(await go()).toMatchObject({ code: 0, stderr: '' });
    expect(readFileSync(file, 'utf8')).toBe(text);
    // OpenSSH finds the same.
    const found = await run('ssh-keygen', ['-F', `[127.0.0.1]:${sshd.port}`, '-f', file]);
    expect(found.code).toBe(0);
  });

  it('that have changed are refused, with both fingerprints, file and line', async () => {
    const other = keyPair('ed25519', { name: 'other-host' });
    const file = home.write('kh-changed', `# a comment\n[127.0.0.1]:${sshd.port} ${other.publicLine}\n`);
    for (const strict of ['yes', 'ask', 'accept-new', 'no']) {
      const result = await amiko([...sshArgs(sshd, { UserKnownHostsFile: file, StrictHostKeyChecking: strict }), 'true']);
      expect(result.code).toBe(255);
      for (const part of [`${file}:2`, other.fingerprint, sshd.hostKeys.ed25519.fingerprint])
        expect(result.stderr).toContain(part);
    }
  });

  it('that are revoked are refused', async () => {
    const { publicLine } = sshd.hostKeys.ed25519;
    const file = home.write('kh-revoked', `[127.0.0.1]:${sshd.port} ${publicLine}\n@revoked * ${publicLine}\n`);
    const result = await amiko([...sshArgs(sshd, { UserKnownHostsFile: file }), 'true']);
    expect(result.code).toBe(255);
    expect(result.stderr).toContain(`revoked by ${file}:2`);
  });

  it('of the kind that is known are asked for', async () => {
    const file = home.write('kh-rsa', `[127.0.0.1]:${sshd.port} ${sshd.hostKeys.rsa.publicLine}\n`);
    const result = await amiko(['ssh', '-v', ...sshArgs(sshd, { UserKnownHostsFile: file }).slice(1), 'true']);
    expect(result.code).toBe(0);
    expect(result.stderr).toContain(`rsa-sha2-512 ${sshd.hostKeys.rsa.fingerprint}`);
  });

  it('are not trusted where the file cannot be read', async () => {
    const result = await amiko([
      ...sshArgs(sshd, { UserKnownHostsFile: home.path, StrictHostKeyChecking: 'accept-new' }),
      'true',
    ]);
    expect(result.code).toBe(255);
    expect(result.stderr).toContain('cannot be read');
  });
});

describePeer('sshd', 'keys to log in with', () => {
  let sshd: Sshd;
  const types: readonly KeyType[] = ['ed25519', 'ecdsa', 'ecdsa-384', 'ecdsa-521', 'rsa'];
  const keys = types.flatMap((type) => ['', 'pass phrase'].map((passphrase) => ({ type, passphrase, name: 'cli' })));

  beforeAll(async () => {
    sshd = await startSshd({ authorizedKeys: keys.map(({ type, ...options }) => keyPair(type, options).publicLine) });
  });
  afterAll(() => sshd.stop());

  it.each(keys)('$type "$passphrase"', async ({ type, ...options }) => {
    const helper = askpass(options.passphrase);
    const result = await amiko([...sshArgs(sshd, {}, keyPair(type, options).path), 'true'], { env: helper.env });
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(helper.asked().split('\n').length - 1).toBe(options.passphrase === '' ? 0 : 1);
  });

  it('an encrypted key without its public half beside it', async () => {
    const alone = home.join('alone');
    copyFileSync(keyPair('ed25519', { passphrase: 'pass phrase', name: 'cli' }).path, alone);
    expect((await amiko([...sshArgs(sshd, {}, alone), 'true'], { env: askpass('pass phrase').env })).code).toBe(0);
  });

  it('a wrong passphrase, and none', async () => {
    const key = keyPair('ed25519', { passphrase: 'pass phrase', name: 'cli' });
    const helper = askpass('wrong');
    const wrong = await amiko([...sshArgs(sshd, {}, key.path), 'true'], { env: helper.env });
    expect(wrong.code).toBe(255);
    expect(wrong.stderr).toContain('wrong passphrase');
    expect(helper.asked().split('\n').length - 1).toBe(3);
    const none = await amiko([...sshArgs(sshd, { BatchMode: 'yes' }, key.path), 'true'], { env: helper.env });
    expect(none.code).toBe(255);
    expect(none.stderr).toContain('nobody can be asked');
  });

  it('an encrypted key that the server does not want is not opened', async () => {
    const helper = askpass('whatever');
    const key = keyPair('ed25519', { passphrase: 'x', name: 'unwanted' });
    expect((await amiko([...sshArgs(sshd, {}, key.path), 'true'], { env: helper.env })).code).toBe(255);
    expect(helper.asked()).toBe('');
  });

  it('several, of which the last one fits', async () => {
    const [wrong, right] = [keyPair('ed25519', { name: 'stranger' }), keyPair('rsa', { name: 'cli' })];
    const result = await amiko([
      'ssh',
      '-i',
      wrong.path,
      '-i',
      home.join('missing'),
      ...sshArgs(sshd, {}, right.path).slice(1),
      'true',
    ]);
    expect(result.code).toBe(0);
    expect(result.stderr).toContain('missing');
  });

  it('none that fits: the reason says what was tried', async () => {
    const key = keyPair('ed25519', { name: 'stranger' });
    const result = await amiko([...sshArgs(sshd, {}, key.path), 'true']);
    expect(result.code).toBe(255);
    expect(result.stderr).toContain('permission denied');
    expect(result.stderr).toContain(`publickey ${key.fingerprint} (failure)`);
  });

  it('the usual ones of the home directory', async () => {
    await using ownHome = tempDir();
    const go = (folder: string) => amiko([...sshArgs(sshd, {}, null), 'true'], { env: { HOME: folder } });
    expect((await go(ownHome.path)).stderr).toContain('nothing could be tried');
    await run('mkdir', [ownHome.join('.ssh')]);
    copyFileSync(keyPair('ecdsa', { name: 'cli' }).path, ownHome.join('.ssh', 'id_ecdsa'));
    expect((await go(ownHome.path)).code).toBe(0);
  });
});

describePeer('sshd', 'passwords', () => {
  let user: TestUser;
  let sshd: Sshd;
  beforeAll(async () => {
    if (!canMakeUsers) return;
    user = await ensureTestUser({ password: 'pässword' });
    sshd = await startSshd({ user, authorizedKeys: [keyPair('ed25519').publicLine] });
  });
  afterAll(async () => {
    await sshd?.stop();
    await user?.remove();
  });

  const methods = ['password', 'keyboard-interactive'];

  it.skipIf(!canMakeUsers).each(methods)('%s from AMIKO_PASSWORD, in batch mode too', async (method) => {
    const args = sshArgs(sshd, { PreferredAuthentications: method, BatchMode: 'yes' }, null);
    const result = await amiko([...args, 'id -un'], { env: { AMIKO_PASSWORD: 'pässword' } });
    expect({ ...result, stdout: result.stdout.toString() }).toMatchObject({ code: 0, stdout: `${user.name}\n`, stderr: '' });
  });

  it.skipIf(!canMakeUsers).each(methods)('%s from SSH_ASKPASS', async (method) => {
    const helper = askpass('pässword');
    const result = await amiko([...sshArgs(sshd, { PreferredAuthentications: method }, null), 'id -un'], { env: helper.env });
    expect(result.stdout.toString()).toBe(`${user.name}\n`);
    expect(helper.asked()).toContain(`${user.name}@127.0.0.1`);
  });

  it.skipIf(!canMakeUsers)('a wrong one from AMIKO_PASSWORD is tried once, and the reason is clear', async () => {
    const result = await amiko([...sshArgs(sshd, {}, null), 'true'], { env: { AMIKO_PASSWORD: 'wrong-Secret' } });
    expect(result.code).toBe(255);
    expect(result.stderr).toContain('permission denied');
    expect(result.stderr).toContain('the password in AMIKO_PASSWORD was refused');
    expect(result.stderr).not.toContain('wrong-Secret');
    expect(result.stderr.match(/\((failure)\)/g)).toHaveLength(1);
  });

  it.skipIf(!canMakeUsers)('nobody to ask: the reason says what to do', async () => {
    for (const extra of [{}, { SSH_ASKPASS: '/bin/false', DISPLAY: ':0', SSH_ASKPASS_REQUIRE: 'never' }]) {
      const result = await amiko([...sshArgs(sshd, {}, null), 'true'], { env: extra });
      expect(result.code).toBe(255);
      expect(result.stderr).toContain('AMIKO_PASSWORD');
      expect(result.stderr).toContain('SSH_ASKPASS');
    }
  });

  it.skipIf(!canMakeUsers)('after a key, where the server wants both', async () => {
    await using both = await startSshd({ user, config: { AuthenticationMethods: 'publickey,password' } });
    const result = await amiko(['ssh', '-v', ...sshArgs(both).slice(1), 'id -un'], { env: { AMIKO_PASSWORD: 'pässword' } });
    expect(result.stdout.toString()).toBe(`${user.name}\n`);
    expect(result.stderr).toContain('one step is done');
    const without = await amiko([...sshArgs(both), 'true']);
    expect(without.code).toBe(255);
    expect(without.stderr).toMatch(/publickey SHA256:\S+ \(partial\).*the server takes password/);
  });
});

describePeer('dropbear', 'amiko ssh to dropbear', () => {
  it.skipIf(!canMakeUsers)('logs in by key and by password', async () => {
    await using user = await ensureTestUser();
    await using dropbear = await startDropbear({ user });
    const byKey = await amiko([...sshArgs(dropbear), 'cat; exit 9'], { input: blob.subarray(0, MIB) });
    expect(byKey.code).toBe(9);
    expect(sha256(byKey.stdout)).toBe(sha256(blob.subarray(0, MIB)));
    const byPassword = await amiko([...sshArgs(dropbear, {}, null), 'id -un'], { env: { AMIKO_PASSWORD: user.password } });
    expect(byPassword.stdout.toString()).toBe(`${user.name}\n`);
    const pipeline = ['-c', '"$@" | head -c1', 'sh', process.execPath, BIN, ...sshArgs(dropbear), 'yes'];
    expect(await run('/bin/sh', pipeline, { env: env() })).toMatchObject({ code: 0, stderr: '' });
  });
});

// ------------------------------------------------------------------------------------------------------- in a terminal

describePeer(['sshd', 'tmux'], 'amiko ssh in a terminal', () => {
  let sshd: Sshd;
  let screen: Screen;
  beforeAll(async () => {
    sshd = await startSshd();
  });
  afterAll(() => sshd.stop());

  const quote = (words: readonly string[]): string => words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
  const REMOTE = 'PS1="remote> " exec /bin/sh -i';

  /** Starts a session on the screen; `$pid` of the process is in the file `pid`. */
  async function session(...args: string[]): Promise<void> {
    const script = `echo $$ > ${screen.file('pid')}; exec ${quote([process.execPath, BIN, ...args])}`;
    screen = screen ?? new Screen(home.path);
    const file = join(home.path, `session-${Math.random()}`);
    home.write(file.slice(home.path.length + 1), `${script}\n`);
    await screen.type(
      `clear; stty -a > ${screen.file('before')}; sh ${file}; echo "status $?"; stty -a > ${screen.file('after')}`,
      'Enter',
    );
  }

  function expectRestored(): void {
    expect(readFileSync(screen.file('after'), 'utf8')).toBe(readFileSync(screen.file('before'), 'utf8'));
  }

  async function open(): Promise<Screen> {
    screen = await Screen.open(home.path);
    return screen;
  }

  it('is a terminal there, with its size, its keys and its line feeds', async () => {
    await using terminal = await open();
    await session(...sshArgs(sshd), '-t', REMOTE);
    await terminal.until(/remote> $/);
    await terminal.type('stty size; echo $TERM', 'Enter');
    await terminal.until(/\n24 80\nxterm-256color\nremote> $/);
    for (const [columns, rows] of [
      [100, 30],
      [80, 24],
    ] as const) {
      await terminal.resize(columns, rows);
      // The news takes its way through the client: the remote side waits for it.
      await terminal.type(`clear; until stty size | grep '^${rows} ${columns}$'; do sleep 0.02; done`, 'Enter');
      await terminal.until(new RegExp(`^${rows} ${columns}\nremote> $`));
    }
    // ^C is the remote side's.
    await terminal.type('cat', 'Enter', 'abc', 'Enter');
    await terminal.until(/abc\nabc $/);
    await terminal.type('C-c');
    await terminal.until(/\^C\nremote> $/);
    // A line feed without output processing goes down and not to the left.
    await terminal.type("clear; stty -opost; printf 'ab\\ncd\\r\\n'; stty opost", 'Enter');
    await terminal.until(/^ab\n {2}cd\nremote> $/);
    await terminal.type('exit 7', 'Enter');
    await terminal.until(/status 7\nlocal> $/);
    expectRestored();
  });

  it('ends by ~. and explains by ~?', async () => {
    await using terminal = await open();
    await session(...sshArgs(sshd), '-t', REMOTE);
    await terminal.until(/remote> $/);
    await terminal.type('~?');
    await terminal.until(/ {2}~\. {2}end the connection\n/);
    await terminal.type('Enter');
    await terminal.type('~~', ' is a tilde', 'C-c');
    await terminal.until(/remote> ~ is a tilde\^C\nremote> $/);
    await terminal.type('Enter', '~.');
    const text = await terminal.until(/status 255\nlocal> $/);
    expect(text).toContain('The connection to 127.0.0.1 has been closed.');
    expectRestored();
  });

  it('has no escapes with -e none', async () => {
    await using terminal = await open();
    await session('ssh', '-e', 'none', ...sshArgs(sshd).slice(1), '-t', REMOTE);
    await terminal.until(/remote> $/);
    await terminal.type('~.', 'Enter');
    await terminal.until(/~\.: .*\nremote> $/);
    await terminal.type('exit', 'Enter');
    await terminal.until(/status \d+\nlocal> $/);
  });

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('puts the terminal back after %s', async (signal) => {
    await using terminal = await open();
    await session(...sshArgs(sshd), '-t', REMOTE);
    await terminal.until(/remote> $/);
    process.kill(Number(readFileSync(terminal.file('pid'), 'utf8')), signal);
    await terminal.until(/status (143|130|129)\nlocal> $/);
    expectRestored();
  });

  it('puts the terminal back when the server dies', async () => {
    await using terminal = await open();
    await using own = await startSshd();
    await session(...sshArgs(own), '-t', REMOTE);
    await terminal.until(/remote> $/);
    await own.stop();
    const text = await terminal.until(/status 255\nlocal> $/);
    expect(text).toMatch(/amiko: 127\.0\.0\.1 port \d+: the /);
    expectRestored();
  });

  it('asks about an unknown host', async () => {
    await using terminal = await open();
    const file = terminal.file('known_hosts');
    await session(...sshArgs(sshd, { UserKnownHostsFile: file }), 'true');
    await terminal.until(/yes\/no\/\[fingerprint\]\)\? $/);
    expect((await terminal.text()).replaceAll('\n', '')).toContain(sshd.hostKeys.ed25519.fingerprint);
    await terminal.type('no', 'Enter');
    await terminal.until(/was not accepted[\s\S]*status 255\nlocal> $/);
    expect(existsSync(file)).toBe(false);
    await session(...sshArgs(sshd, { UserKnownHostsFile: file }), 'true');
    await terminal.until(/\)\? $/);
    await terminal.type('what', 'Enter');
    await terminal.until(/fingerprint: $/);
    await terminal.type('yes', 'Enter');
    await terminal.until(/is now known[\s\S]*status 0\nlocal> $/);
    expect(readFileSync(file, 'utf8')).toContain(sshd.hostKeys.ed25519.publicLine.split(' ')[1]);
    expectRestored();
    await session(...sshArgs(sshd, { UserKnownHostsFile: terminal.file('none') }), 'true');
    await terminal.until(/\)\? $/);
    await terminal.type('C-c');
    await terminal.until(/status 130\nlocal> $/);
    expectRestored();
  });

  it.skipIf(!canMakeUsers)('asks for a password and does not show it', async () => {
    await using user = await ensureTestUser({ password: 'Secret-ü' });
    await using own = await startSshd({ user });
    for (const method of ['password', 'keyboard-interactive']) {
      await using terminal = await open();
      await session(...sshArgs(own, { PreferredAuthentications: method }, null), 'id -un');
      await terminal.until(/[Pp]assword: $/);
      await terminal.type('Secret-üx');
      await terminal.type('C-h', 'Enter');
      const text = await terminal.until(/status \d+\nlocal> $/);
      expect(text).toContain(`\n${user.name}\nstatus 0`);
      expect(text).not.toContain('Secret');
      expectRestored();
    }
  });
});

describe('the command itself', () => {
  it('can be run as it is', async () => {
    const result = await run(BIN, ['--version']);
    expect(result.code).toBe(0);
    expect(result.stdout.toString()).toMatch(/^amiko \d+\.\d+\.\d+\n$/);
    expect(await run(BIN, [])).toMatchObject({ code: 2 });
    expect(await run(BIN, ['ssh', '-J', 'a,,b', 'h'])).toMatchObject({ code: 2 });
  });

  it('says what to do where it is not built', async () => {
    await using dir = tempDir();
    await run('mkdir', [dir.join('bin')]);
    dir.write('package.json', '{"type":"module"}');
    copyFileSync(BIN, dir.join('bin', 'amiko.js'));
    const result = await run(process.execPath, [dir.join('bin', 'amiko.js'), '--version']);
    expect(result.code).toBe(255);
    expect(result.stderr).toContain('npm ci');
  });
});
