// `amiko cp` as its users have it: in every direction, against OpenSSH's server and `amiko serve`, cut off in the middle and gone
// on with. It runs what is in dist/, which `npm test` builds first.
import { type ChildProcess, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AmikoServe, amikoBin, startAmikoServe } from '../support/amiko-serve.ts';
import { Cli, type Login, loginArgs } from '../support/cli.ts';
import {
  canMakeUsers,
  describePeer,
  ensureTestUser,
  freePort,
  keyPair,
  peer,
  randomBytes,
  run,
  type Sshd,
  sha256,
  startSshd,
  type TempDir,
  tempDir,
} from '../support/peers.ts';
import { Screen } from '../support/screen.ts';

const MIB = 1 << 20;
const cli = new Cli();
afterAll(() => cli[Symbol.asyncDispose]());

function fill(path: string): void {
  mkdirSync(join(path, 'dir', 'sub'), { recursive: true });
  writeFileSync(join(path, 'a.txt'), 'hello\n');
  writeFileSync(join(path, 'b.txt'), 'hello you\n');
  writeFileSync(join(path, 'a:b'), 'colon');
  writeFileSync(join(path, 'we[i]rd'), 'weird');
  writeFileSync(join(path, 'dir', 'x'), 'x\n', { mode: 0o750 });
  writeFileSync(join(path, 'dir', 'sub', 'y'), 'yy\n');
  symlinkSync('../a.txt', join(path, 'dir', 'link'));
  utimesSync(join(path, 'b.txt'), 1_577_836_800, 1_577_836_800);
  utimesSync(join(path, 'dir', 'x'), 1_577_836_800, 1_577_836_800);
}

const text = (...path: string[]) => readFileSync(join(...path), 'utf8');
const lines = (bytes: Buffer) =>
  bytes
    .toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describePeer('sshd', "amiko cp with OpenSSH's server", () => {
  let sshd: Sshd;
  let there: string;
  let here: TempDir;
  beforeAll(async () => {
    sshd = await startSshd();
    there = sshd.dir.join('files');
    fill(there);
    here = tempDir();
    fill(here.join('files'));
  });
  afterAll(async () => {
    await sshd.stop();
    await here.remove();
  });
  const cp = (...args: string[]) => cli.run(['cp', ...loginArgs(sshd), ...args], { cwd: here.join('files') });
  const remote = (path: string) => `127.0.0.1:${there}/${path}`;
  /** A new folder at each end. */
  let count = 0;
  const fresh = () => {
    const name = `fresh${count++}`;
    mkdirSync(join(there, name));
    mkdirSync(here.join(name));
    return { name, there: join(there, name), here: here.join(name) };
  };

  it('copies a file down: under a new name, into a folder, and where we are', async () => {
    const to = fresh();
    expect(await cp(remote('a.txt'), join(to.here, 'new'))).toMatchObject({ code: 0, stderr: '' });
    expect(await cp(remote('a.txt'), to.here)).toMatchObject({ code: 0, stderr: '' });
    expect(await cli.run(['cp', ...loginArgs(sshd), remote('b.txt'), '.'], { cwd: to.here })).toMatchObject({
      code: 0,
      stderr: '',
    });
    expect(readdirSync(to.here).sort()).toEqual(['a.txt', 'b.txt', 'new']);
    expect(text(to.here, 'new')).toBe('hello\n');
  });

  it('copies a file up: under a new name, into a folder, and to the home directory', async () => {
    const to = fresh();
    expect(await cp('a.txt', `127.0.0.1:${to.there}/new`)).toMatchObject({ code: 0, stderr: '' });
    expect(await cp('a.txt', './a:b', `127.0.0.1:${to.there}`)).toMatchObject({ code: 0, stderr: '' });
    expect(readdirSync(to.there).sort()).toEqual(['a.txt', 'a:b', 'new']);
    expect(text(to.there, 'a:b')).toBe('colon');
  });

  it('copies folders: as a new name, into a folder, and only what is in them', async () => {
    const to = fresh();
    expect(await cp('-r', 'dir', `127.0.0.1:${to.there}/new`)).toMatchObject({ code: 0, stderr: '' });
    expect(await cp('-r', 'dir/', `127.0.0.1:${to.there}`)).toMatchObject({ code: 0, stderr: '' });
    expect(readdirSync(to.there).sort()).toEqual(['dir', 'new']);
    for (const name of ['dir', 'new']) expect(readdirSync(join(to.there, name)).sort()).toEqual(['link', 'sub', 'x']);
    // As scp does: what links lead to, not links.
    expect(text(to.there, 'new', 'link')).toBe('hello\n');
    expect(await cp('-r', `127.0.0.1:${to.there}/new/.`, to.here)).toMatchObject({ code: 0, stderr: '' });
    expect(readdirSync(to.here).sort()).toEqual(['link', 'sub', 'x']);
    expect(text(to.here, 'sub', 'y')).toBe('yy\n');
  });

  it('keeps modes and times where that is asked for', async () => {
    const to = fresh();
    expect(await cp('-rp', remote('dir'), remote('b.txt'), to.here)).toMatchObject({ code: 0, stderr: '' });
    expect(await cp('-p', '-r', 'dir', 'b.txt', `127.0.0.1:${to.there}`)).toMatchObject({ code: 0, stderr: '' });
    for (const folder of [to.here, to.there]) {
      expect(statSync(join(folder, 'b.txt')).mtimeMs).toBe(1_577_836_800_000);
      expect(statSync(join(folder, 'dir', 'x')).mode & 0o777).toBe(0o750);
    }
    expect(await cp('b.txt', `127.0.0.1:${to.there}/later`)).toMatchObject({ code: 0 });
    expect(statSync(join(to.there, 'later')).mtimeMs).not.toBe(1_577_836_800_000);
  });

  it('expands patterns there, and takes a name that looks like one', async () => {
    const to = fresh();
    expect(await cp(remote('*.txt'), remote('we[i]rd'), to.here)).toMatchObject({ code: 0, stderr: '' });
    expect(readdirSync(to.here).sort()).toEqual(['a.txt', 'b.txt', 'we[i]rd']);
    expect(await cp(remote('*.txt'), join(to.here, 'a.txt'))).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('fits 2 names'),
    });
  });

  it('copies from host to host through this machine', async () => {
    await using other = await startAmikoServe({ args: ['--write', here.join('files')] });
    const files = here.join('files', 'dir');
    const knownHostsFile = here.write(
      'both',
      readFileSync(sshd.knownHostsFile, 'utf8') + readFileSync(other.knownHostsFile, 'utf8'),
    );
    const to = fresh();
    const both = [
      '-i',
      sshd.identity.path,
      '-i',
      other.identity.path,
      '-o',
      `UserKnownHostsFile=${knownHostsFile}`,
      '-o',
      'GlobalKnownHostsFile=none',
    ];
    const [first, second] = [`sftp://${other.user}@127.0.0.1:${other.port}`, `sftp://${sshd.user}@127.0.0.1:${sshd.port}`];
    const result = await cli.run(['cp', ...both, '-r', `${first}//dir`, `${first}//b.txt`, `${second}/${to.there}`]);
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(readdirSync(join(to.there, 'dir')).sort()).toEqual(readdirSync(files).sort());
    expect(text(to.there, 'b.txt')).toBe('hello you\n');
  });

  it.runIf(process.platform === 'linux')('takes names of any bytes', async () => {
    const to = fresh();
    const bytes = Buffer.concat([Buffer.from(`${to.there}/`), Buffer.of(0x61, 0xff)]);
    writeFileSync(bytes, 'odd');
    // Only a shell can pass them on.
    const script = 'a=$(printf "a\\377"); exec "$@" "127.0.0.1:$THERE/$a" "127.0.0.1:$THERE/$a.copy"';
    const command = [process.execPath, amikoBin, 'cp', ...loginArgs(sshd)];
    const result = await run('sh', ['-c', script, 'sh', ...command], { env: cli.env({ THERE: to.there }) });
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(readFileSync(Buffer.concat([bytes, Buffer.from('.copy')]), 'utf8')).toBe('odd');
  });

  it('copies on one host, but nothing onto or into itself', async () => {
    const to = fresh();
    expect(await cp('-r', remote('dir'), remote('a.txt'), `127.0.0.1:${to.there}`)).toMatchObject({ code: 0, stderr: '' });
    expect(readdirSync(to.there).sort()).toEqual(['a.txt', 'dir']);
    const onto = await cp(remote('a.txt'), `127.0.0.1:${there}/dir/../a.txt`);
    expect(onto).toMatchObject({ code: 1, stderr: expect.stringContaining('is the same file') });
    expect(text(there, 'a.txt')).toBe('hello\n');
    const into = await cp('-r', remote('dir'), remote('dir/sub'));
    expect(into).toMatchObject({ code: 1, stderr: expect.stringContaining('cannot be copied into itself') });
    // Folders on the way that are to be made first are no way around it.
    const below = await cp('-r', remote('dir'), remote('dir/sub/new/newer'));
    expect(below).toMatchObject({ code: 1, stderr: expect.stringContaining('cannot be copied into itself') });
    expect(readdirSync(join(there, 'dir', 'sub'))).toEqual(['y']);
  });

  it('copies the others where one is missing, and ends with 1', async () => {
    const to = fresh();
    const down = await cp(remote('nothing'), remote('a.txt'), remote('dir'), remote('none*'), remote('b.txt'), to.here);
    expect(down.code).toBe(1);
    expect(down.stderr.split('\n')).toEqual([
      `amiko cp: copy '${there}/nothing': no such file or directory`,
      `amiko cp: copy '${there}/dir': is a folder; -r copies folders`,
      `amiko cp: copy '${there}/none*': nothing fits`,
      '',
    ]);
    expect(readdirSync(to.here).sort()).toEqual(['a.txt', 'b.txt']);
    const up = await cp('nothing', 'a.txt', 'dir', `127.0.0.1:${to.there}`);
    expect(up).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/nothing': no such file or directory\n.*dir': is a folder/),
    });
    expect(readdirSync(to.there)).toEqual(['a.txt']);
  });

  it('needs a folder for several sources, and one that is there', async () => {
    const to = fresh();
    for (const target of [`127.0.0.1:${to.there}/none`, `127.0.0.1:${there}/a.txt`, join(to.here, 'none')]) {
      const result = await cp(remote('a.txt'), remote('b.txt'), target);
      expect(result).toMatchObject({ code: 1, stderr: expect.stringContaining('there are several sources') });
    }
    expect(await cp('a.txt', `127.0.0.1:${to.there}/none/`)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('no such folder'),
    });
    expect(await cp('a.txt', `127.0.0.1:${to.there}/none/x`)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('no such file'),
    });
    expect(readdirSync(to.there)).toEqual([]);
    expect(text(there, 'a.txt')).toBe('hello\n');
  });

  it('does not wait for a FIFO', async () => {
    spawnSync('mkfifo', [join(there, 'fifo'), here.join('files', 'fifo')]);
    const to = fresh();
    expect(await cp(remote('fifo'), to.here)).toMatchObject({ code: 1, stderr: expect.stringContaining('not a regular file') });
    expect(await cp('fifo', `127.0.0.1:${to.there}`)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('not a regular file'),
    });
    expect(spawnSync('rm', [join(there, 'fifo'), here.join('files', 'fifo')]).status).toBe(0);
  });

  it('tells programs what it does', async () => {
    const to = fresh();
    const result = await cp('--json', '-r', remote('dir'), remote('nothing'), to.here);
    expect(result).toMatchObject({ code: 1, stderr: '' });
    const events = lines(result.stdout);
    expect(
      events
        .filter(({ event }) => event === 'file')
        .map(({ path }) => path)
        .sort(),
    ).toEqual(['link', 'sub/y', 'x'].map((name) => `${there}/dir/${name}`));
    expect(events.find(({ event }) => event === 'error')).toEqual({
      event: 'error',
      path: `${there}/nothing`,
      code: 'ENOENT',
      message: `copy '${there}/nothing': no such file or directory`,
    });
    expect(events.at(-1)).toEqual({ event: 'end', files: 3, bytes: 11, failed: 1, milliseconds: expect.any(Number) });
  });

  it('ends with 255 without a connection, and says so to programs, too', async () => {
    const port = await freePort();
    const nobody = await cli.run(['cp', ...loginArgs({ ...sshd, port }), '--json', '127.0.0.1:x', here.path]);
    expect(nobody).toMatchObject({ code: 255, stderr: expect.stringContaining('ECONNREFUSED') });
    expect(lines(nobody.stdout)).toEqual([{ event: 'error', path: '', code: 'ERR_SSH_CONNECT', message: expect.any(String) }]);
    const stranger = await cp('-i', keyPair('ed25519', { name: 'stranger' }).path, 'a.txt', 'nobody-here@127.0.0.1:');
    expect(stranger.code).toBe(255);
  });

  it.each([
    [[], 'a source and a target are missing'],
    [['a'], 'a target is missing'],
    [['a', 'b'], 'all of these are files of this machine'],
    [['a', 'h:b', 'c'], 'a file of this machine is not copied to this machine'],
    [['--resum', 'a', 'h:'], "unknown option '--resum'; did you mean '--resume'?"],
    [['-O', 'a', 'h:'], '-O (the protocol of old scp programs) is not supported yet'],
    [['sftp://u:pw@h/x', '.'], 'a password in an address could be read by everybody'],
    [['-l', 'x', 'a', 'h:'], '-l needs a whole number'],
  ])('ends with 2 for %j', async (args, message) => {
    const result = await cli.run(['cp', ...args]);
    expect(result).toMatchObject({ code: 2, stderr: expect.stringContaining(message) });
    expect(result.stderr).not.toContain('pw');
  });

  it('takes options wherever they stand, and names that look like them after --', async () => {
    const to = fresh();
    here.write('files/-r', 'dash');
    const result = await cli.run(['cp', 'dir', `127.0.0.1:${to.there}`, '-r', ...loginArgs(sshd)], { cwd: here.join('files') });
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(await cp('--', '-r', `127.0.0.1:${to.there}`)).toMatchObject({ code: 0, stderr: '' });
    expect(text(to.there, '-r')).toBe('dash');
  });

  it('helps', async () => {
    const result = await cli.run(['cp', '--help']);
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(result.stdout.toString()).toMatch(/^Usage: amiko cp[\s\S]*--resume[\s\S]*Exit status[\s\S]*Examples:/);
    for (const line of result.stdout.toString().split('\n')) expect(line.length).toBeLessThanOrEqual(130);
  });

  it.skipIf(!canMakeUsers)('begins remote paths at the home directory, and knows ~', async () => {
    await using user = await ensureTestUser();
    await using server = await startSshd({ user });
    const args = ['cp', ...loginArgs(server)];
    writeFileSync(join(user.home, 'mine'), 'mine');
    const to = fresh();
    const copy = async (from: string, name: string) =>
      expect(await cli.run([...args, from, join(to.here, name)]), from).toMatchObject({ code: 0, stderr: '' });
    await copy('127.0.0.1:mine', '1');
    await copy('127.0.0.1:~/mine', '2');
    await copy(`127.0.0.1:~${user.name}/mine`, '3');
    await copy(`sftp://127.0.0.1:${server.port}/mine`, '4');
    await copy(`sftp://127.0.0.1:${server.port}/${user.home}/mine`, '5');
    expect(readdirSync(to.here)).toEqual(['1', '2', '3', '4', '5']);
    expect(await cli.run([...args, join(to.here, '1'), '127.0.0.1:'])).toMatchObject({ code: 0, stderr: '' });
    expect(text(user.home, '1')).toBe('mine');
  });

  it.skipIf(!peer('tmux').available)('shows each file and the total in a terminal, and -q does not', async () => {
    await using screen = await Screen.open(cli.home.path, [90, 24]);
    const { amikoBin } = await import('../support/amiko-serve.ts');
    const to = fresh();
    const command = [process.execPath, amikoBin, 'cp', ...loginArgs(sshd)].join(' ');
    const script = screen.file('script');
    writeFileSync(script, `${command} "$@"; echo "status=$?="\n`);
    await screen.type(`clear; sh ${script} ${remote('a.txt')} ${remote('b.txt')} ${to.here}`, 'Enter');
    const shown = await screen.until(/status=0=\nlocal> $/);
    expect(shown).toMatch(
      /^a\.txt +100% +6 +[\d.]+K?B\/s +00:00\s*\nb\.txt +100% +10 .*\nTotal \(2 files\) +100% +16 .*\nstatus/,
    );
    await screen.type(`clear; sh ${script} -q ${remote('a.txt')} ${to.here}`, 'Enter');
    await screen.until(/^status=0=\nlocal> $/);
  });
});

const HUGE = 100 * MIB;

describe('amiko cp goes on after a cut', { timeout: 120_000 }, () => {
  const servers: [
    string,
    () => Promise<{ there: string; start(): Promise<{ login: Login; kill(): Promise<void> }>; end(): Promise<void> }>,
  ][] = [
    [
      'amiko serve',
      async () => {
        const dir = tempDir();
        const identity = keyPair('ed25519', { name: 'host' });
        const free = await freePort();
        const start = async () => {
          const server: AmikoServe = await startAmikoServe({
            args: ['--write', '--port', String(free), dir.path],
            hostKeys: [identity],
          });
          const child: ChildProcess = server.process;
          const kill = async () => {
            child.kill('SIGKILL');
            await server.stop();
            await server.dir.remove();
          };
          return { login: server, kill };
        };
        return { there: dir.path, start, end: () => dir.remove() };
      },
    ],
  ];
  if (peer('sshd').available) {
    servers.push([
      "OpenSSH's server",
      async () => {
        const dir = tempDir();
        const start = async () => {
          const server = await startSshd();
          return { login: server, kill: () => server.stop() };
        };
        return { there: dir.path, start, end: () => dir.remove() };
      },
    ]);
  }

  it.each(servers.flatMap(([name, make]) => [['down from', name, make] as const, ['up to', name, make] as const]))(
    '%s %s, with every byte in its place',
    async (way, name, make) => {
      const { there, start, end } = await make();
      await using here = tempDir();
      const whole = randomBytes(HUGE, `cut ${way} ${name}`);
      const down = way === 'down from';
      const [source, target] = down ? [join(there, 'huge'), here.join('copy')] : [here.join('huge'), join(there, 'copy')];
      writeFileSync(source, whole);
      // The folder of `amiko serve` is its root.
      const path = (file: string) => (name === 'amiko serve' ? file : `${there}/${file}`);
      const copy = (login: Login, ...more: string[]) => [
        'cp',
        ...loginArgs(login),
        ...more,
        ...(down ? [`127.0.0.1:${path('huge')}`, target] : [source, `127.0.0.1:${path('copy')}`]),
      ];
      try {
        const first = await start();
        // Slow enough to be caught in the middle.
        const child = cli.start(copy(first.login, '-l', String((8 * 40 * MIB) / 1_024)));
        await expect
          .poll(() => statSync(target, { throwIfNoEntry: false })?.size ?? 0, { timeout: 20_000, interval: 5 })
          .toBeGreaterThan(20 * MIB);
        await first.kill();
        expect(await child.ended()).toEqual([255, null]);
        expect(child.text.err).toMatch(/^amiko: .* holds its first \d+ bytes; --resume goes on with it\n$/);
        const { size } = statSync(target);
        expect(size).toBeGreaterThan(20 * MIB);
        expect(size).toBeLessThan(HUGE);
        const second = await start();
        const resumed = await cli.run(copy(second.login, '--resume', '--checksum', '--json'), { timeoutMs: 60_000 });
        expect(resumed).toMatchObject({ code: 0, stderr: '' });
        expect(sha256(readFileSync(target))).toBe(sha256(whole));
        // What was there was not sent again.
        const { bytes } = lines(resumed.stdout).at(-1) as { bytes: number };
        expect(bytes).toBeLessThanOrEqual(HUGE - 19 * MIB);
        // Once more: it is complete, and stays as it is.
        const { mtimeMs } = statSync(target);
        const again = await cli.run(copy(second.login, '--resume', '--json'), { timeoutMs: 60_000 });
        expect(again).toMatchObject({ code: 0, stderr: '' });
        expect(lines(again.stdout).at(-1)).toMatchObject({ files: 1, bytes: 0 });
        expect(statSync(target).mtimeMs).toBe(mtimeMs);
        await second.kill();
      } finally {
        await end();
      }
    },
  );

  it('by Ctrl-C, which leaves what has come and is 130', async () => {
    await using dir = tempDir();
    await using server = await startAmikoServe({ args: ['--write', dir.path] });
    await using here = tempDir();
    const whole = randomBytes(4 * MIB, 'interrupted');
    dir.write('file', whole);
    const child = cli.start(['cp', ...loginArgs(server), '-l', '8000', '127.0.0.1:file', here.join('file')]);
    await expect
      .poll(() => statSync(here.join('file'), { throwIfNoEntry: false })?.size ?? 0, { timeout: 10_000, interval: 5 })
      .toBeGreaterThan(500_000);
    child.kill('SIGINT');
    expect(await child.ended()).toEqual([130, null]);
    expect(child.text.err).toBe('');
    expect(statSync(here.join('file')).size).toBeLessThan(4 * MIB);
    expect(await cli.run(['cp', ...loginArgs(server), '--resume', '127.0.0.1:file', here.join('file')])).toMatchObject({
      code: 0,
      stderr: '',
    });
    expect(sha256(readFileSync(here.join('file')))).toBe(sha256(whole));
  });

  it('and finds a target that is another file', async () => {
    await using dir = tempDir();
    await using server = await startAmikoServe({ args: ['--write', dir.path] });
    await using here = tempDir();
    const whole = randomBytes(MIB, 'one');
    dir.write('file', whole);
    here.write('file', randomBytes(MIB / 2, 'another'));
    const args = ['cp', ...loginArgs(server), '--resume', '--checksum', '127.0.0.1:file', here.join('file')];
    expect(await cli.run(args)).toMatchObject({ code: 0, stderr: '' });
    expect(sha256(readFileSync(here.join('file')))).toBe(sha256(whole));
    here.write('file', Buffer.concat([whole, whole]));
    expect(await cli.run(args)).toMatchObject({ code: 1, stderr: expect.stringContaining('cannot resume') });
  });

  it('keeps to a limit', async () => {
    await using dir = tempDir();
    await using server = await startAmikoServe({ args: ['--write', dir.path] });
    await using here = tempDir();
    here.write('file', randomBytes(2_000_000, 'limit'));
    // 500,000 bytes a second.
    const child = cli.start(['cp', ...loginArgs(server), '--json', '-l', '3906', here.join('file'), '127.0.0.1:copy']);
    const seen: { at: number; transferred: number }[] = [];
    let rest = '';
    child.stdout.on('data', (chunk: Buffer) => {
      rest += chunk.toString();
      const complete = rest.split('\n');
      rest = complete.pop() as string;
      for (const line of complete) {
        const { event, transferred, bytes } = JSON.parse(line) as { event: string; transferred?: number; bytes: number };
        if (event === 'progress' || event === 'file') seen.push({ at: performance.now(), transferred: transferred ?? bytes });
      }
    });
    expect(await child.ended()).toEqual([0, null]);
    const [first, last] = [seen[0], seen.at(-1)] as [(typeof seen)[0], (typeof seen)[0]];
    expect(last.transferred).toBe(2_000_000);
    const rate = (1_000 * (last.transferred - first.transferred)) / (last.at - first.at);
    expect(rate).toBeLessThan(550_000);
    // The machine may be slower, the limit must not be.
    expect(rate).toBeGreaterThan(250_000);
    expect(existsSync(dir.join('copy'))).toBe(true);
    expect(await run('cmp', [here.join('file'), dir.join('copy')])).toMatchObject({ code: 0 });
  });
});
