// `amiko sftp` as its users have it: against OpenSSH's server and against `amiko serve`, beside OpenSSH's own `sftp` on the same
// files, in pipes and in a real terminal. It runs what is in dist/, which `npm test` builds first.
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startAmikoServe } from '../support/amiko-serve.ts';
import { Cli, type Login, loginArgs, openSshArgs } from '../support/cli.ts';
import {
  canUnshare,
  describePeer,
  freePort,
  type RunResult,
  randomBytes,
  runPeer,
  type Sshd,
  sha256,
  startSshd,
  tempDir,
} from '../support/peers.ts';
import { Screen } from '../support/screen.ts';

const MIB = 1 << 20;
const cli = new Cli();
afterAll(() => cli[Symbol.asyncDispose]());

/** A name that is not UTF-8. */
function latinName(folder: string): Buffer {
  return Buffer.concat([Buffer.from(`${folder}/lat`), Buffer.of(0xe9), Buffer.from('n')]);
}

/** A folder with something of everything. */
function fill(path: string): void {
  mkdirSync(join(path, 'dir', 'sub'), { recursive: true });
  for (const [name, text] of Object.entries({ 'a.txt': 'hello\n', 'b.txt': 'hello you\n', 'a b c': 'x', '.hidden': '.' })) {
    writeFileSync(join(path, name), text);
  }
  writeFileSync(join(path, 'dir', 'x'), 'x\n');
  writeFileSync(join(path, 'dir', 'sub', 'y'), 'yy\n');
  writeFileSync(join(path, 'big'), randomBytes(3_000_000, 'big'));
  writeFileSync(latinName(path), 'latin');
  symlinkSync('a.txt', join(path, 'link'));
  utimesSync(join(path, 'b.txt'), 1_577_836_800, 1_577_836_800);
}

const out = (result: RunResult) => result.stdout.toString();

interface Peer extends Login {
  /** The folder of the server's that a test may use, as the server and as we call it. */
  readonly remote: string;
  readonly local: string;
}

function behavesWell(name: string, start: () => Promise<{ peer: Peer; stop(): Promise<unknown> }>): void {
  describe(`amiko sftp to ${name}`, () => {
    let peer: Peer;
    let stop: () => Promise<unknown> = async () => {};
    beforeAll(async () => {
      ({ peer, stop } = await start());
    });
    afterAll(() => stop());

    const sftp = (input: string | string[], args: string[] = [], cwd?: string) =>
      cli.run(['sftp', ...loginArgs(peer), ...args, '-b', '-', '127.0.0.1'], {
        input: [input].flat().join('\n'),
        ...(cwd !== undefined && { cwd }),
      });

    it('moves about, lists, fetches and puts', async () => {
      await using here = tempDir();
      const { remote, local } = peer;
      const result = await sftp(
        [
          `cd ${remote}`,
          'get a.txt',
          'get "a b c" renamed',
          'get -R dir',
          'mkdir up',
          'put -R dir up',
          'put renamed up/',
          'bye',
          'nonsense',
        ],
        [],
        here.path,
      );
      expect(result).toMatchObject({ code: 0, stderr: '' });
      expect(readFileSync(here.join('a.txt'), 'utf8')).toBe('hello\n');
      expect(readFileSync(here.join('renamed'), 'utf8')).toBe('x');
      expect(readFileSync(here.join('dir', 'sub', 'y'), 'utf8')).toBe('yy\n');
      expect(readFileSync(join(local, 'up', 'dir', 'sub', 'y'), 'utf8')).toBe('yy\n');
      expect(readFileSync(join(local, 'up', 'renamed'), 'utf8')).toBe('x');
      const cleaned = await sftp([`cd ${remote}/up`, 'rm dir/sub/y dir/x renamed', 'rmdir dir/sub', 'rmdir dir', 'rmdir ../up']);
      expect(cleaned).toMatchObject({ code: 0, stderr: '' });
      expect(existsSync(join(local, 'up'))).toBe(false);
    });

    it('expands patterns on both sides', async () => {
      await using here = tempDir();
      const { remote, local } = peer;
      const result = await sftp(
        [`cd ${remote}`, 'get {b,a}.t?t', 'mkdir many', 'put [ab].txt many', 'mget d*/x "a b c"'],
        ['-N'],
        here.path,
      );
      expect(result.code).toBe(0);
      expect(readdirSync(here.path).sort()).toEqual(['a b c', 'a.txt', 'b.txt', 'x']);
      expect(readdirSync(join(local, 'many')).sort()).toEqual(['a.txt', 'b.txt']);
      // Folders in alternatives come in the order in which they were written.
      expect(out(result).match(/^Fetching .* to .*$/gm)).toEqual([
        `Fetching ${remote}/b.txt to b.txt`,
        `Fetching ${remote}/a.txt to a.txt`,
        `Fetching ${remote}/dir/x to x`,
        `Fetching ${remote}/a b c to a b c`,
      ]);
      expect(await sftp([`cd ${remote}`, 'rm many/*', 'rmdir many'])).toMatchObject({ code: 0, stderr: '' });
    });

    it('keeps every byte of a name', async () => {
      await using here = tempDir();
      const { remote, local } = peer;
      const result = await sftp([`cd ${remote}`, 'get lat*', 'put lat* copied', 'ls -1 lat*', 'rm copied'], [], here.path);
      expect(result).toMatchObject({ code: 0, stderr: '' });
      expect(out(result)).toContain('\nlat\\351n\n');
      const [name] = readdirSync(here.path, { encoding: 'buffer' }) as unknown as Buffer[];
      expect(name?.toString('latin1')).toBe('lat\xe9n');
      expect(existsSync(join(local, 'copied'))).toBe(false);
    });

    it('changes names, modes and times, links and copies', async () => {
      await using here = tempDir();
      const { remote, local } = peer;
      const at = (path: string) => join(local, path);
      const result = await sftp(
        [
          `cd ${remote}`,
          'cp a.txt one',
          'rename one two',
          'cp b.txt three',
          'rename two three',
          'chmod 640 three',
          'ln three hard',
          'ln -s three soft',
          'symlink a.txt soft2',
          'get -p b.txt',
          'put -p b.txt four',
          'stat three soft',
        ],
        [],
        here.path,
      );
      expect(result).toMatchObject({ code: 0, stderr: '' });
      expect(readFileSync(at('three'), 'utf8')).toBe('hello\n');
      expect(statSync(at('three')).mode & 0o777).toBe(0o640);
      expect(statSync(at('hard')).ino).toBe(statSync(at('three')).ino);
      expect(readFileSync(at('soft'), 'utf8')).toBe('hello\n');
      expect(statSync(here.join('b.txt')).mtimeMs).toBe(1_577_836_800_000);
      expect(statSync(at('four')).mtimeMs).toBe(1_577_836_800_000);
      expect(out(result)).toMatch(/Mode: {5}-rw-r----- \(0640\)\n[\s\S]*Path: .*\/soft -> three\n/);
      expect(await sftp([`cd ${remote}`, 'rm three hard soft soft2 four'])).toMatchObject({ code: 0, stderr: '' });
    });

    it('leaves out links and what is no file, and says so', async () => {
      await using here = tempDir();
      mkdirSync(here.join('tree'));
      here.write('tree/file', 'x');
      symlinkSync('file', here.join('tree', 'soft'));
      expect(spawnSync('mkfifo', [here.join('tree', 'fifo')]).status).toBe(0);
      const result = await sftp(
        [`cd ${peer.remote}`, 'put -R tree', 'ls -1 tree', 'rm tree/file', 'rmdir tree'],
        ['-N'],
        here.path,
      );
      expect(result).toMatchObject({ code: 0, stderr: 'Connected to 127.0.0.1.\n' });
      expect(out(result)).toContain('\nLeft out: 2 that are no files or folders\nsftp> ls -1 tree\ntree/file\nsftp>');
    });

    it('goes on with what is there in part', async () => {
      await using here = tempDir();
      const { remote, local } = peer;
      const whole = sha256(readFileSync(join(local, 'big')));
      await sftp([`get ${remote}/big`], [], here.path);
      truncateSync(here.join('big'), 1_000_000);
      expect(await sftp([`reget ${remote}/big`], [], here.path)).toMatchObject({ code: 0, stderr: '' });
      expect(sha256(readFileSync(here.join('big')))).toBe(whole);
      writeFileSync(join(local, 'part'), randomBytes(3_000_000, 'big').subarray(0, 12_345));
      expect(await sftp([`reput big ${remote}/part`], [], here.path)).toMatchObject({ code: 0, stderr: '' });
      expect(sha256(readFileSync(join(local, 'part')))).toBe(whole);
      expect(await sftp([`put -a big ${remote}/part`, `rm ${remote}/part`], [], here.path)).toMatchObject({
        code: 0,
        stderr: '',
      });
    });

    it('stops at the first command that fails, unless its line forgives', async () => {
      const stopped = await sftp([
        `cd ${peer.remote}`,
        '-rm nothing',
        '@ls -1 a.txt',
        '-@cd nothing',
        'pwd',
        'rm nothing',
        'ls -1 b.txt',
      ]);
      expect(stopped.code).toBe(1);
      expect(out(stopped)).toBe(
        `sftp> cd ${peer.remote}\nsftp> -rm nothing\na.txt\nsftp> pwd\nRemote working directory: ${peer.remote}\nsftp> rm nothing\n`,
      );
      expect(stopped.stderr.match(/no such file or directory/g)).toHaveLength(3);
    });

    it('changes nothing behind a failure within a line, unless the line forgives', async () => {
      const make = ['-mkdir x', '-mkdir x/m', 'put one x/a', 'put one x/z'];
      await using here = tempDir();
      here.write('one', '1');
      const line = 'rm x/*';
      const stopped = await sftp([`cd ${peer.remote}`, ...make, line], [], here.path);
      expect(stopped).toMatchObject({ code: 1, stderr: expect.stringContaining("x/m': is a directory") });
      const forgiven = await sftp([`cd ${peer.remote}`, '@ls -1 x', `-@${line}`, '@ls -1 x', 'rmdir x/m x'], [], here.path);
      expect(forgiven.code).toBe(0);
      expect(out(forgiven)).toContain('x/m\nx/z\nx/m\n');
    });

    it.each([
      ['get nothing'],
      ['get dir'],
      ['get nothing*'],
      ['put nothing-here'],
      ['ls nothing'],
      ['mkdir dir'],
      ['rmdir dir'],
      ['rm dir'],
      ['cd a.txt'],
      ['lcd /nothing'],
      ['rename nothing there'],
      ['chmod 9 a.txt'],
      ['chmod 600 nothing'],
      ['df nothing'],
      ['reget'],
      ['get "unclosed'],
      ['nonsense'],
      ['ls -Z'],
      ['get *.txt a.txt'],
    ])('says why "%s" failed, and ends with 1', async (line) => {
      const result = await sftp([`cd ${peer.remote}`, line, 'pwd']);
      expect(result.code).toBe(1);
      expect(result.stderr).toMatch(/^\S.*\n$/);
      expect(result.stderr).not.toContain('internal error');
      expect(out(result)).not.toContain('Remote working directory');
    });

    it('goes on after a failure where commands come from a pipe', async () => {
      const args = ['sftp', ...loginArgs(peer), `127.0.0.1:${peer.remote}`];
      const result = await cli.run(args, { input: 'rm nothing\npwd\n# a comment\n\n!echo from here\n' });
      expect(result.code).toBe(0);
      expect(out(result)).toBe(
        `Changing to: ${peer.remote}\nsftp> rm nothing\nRemoving ${peer.remote}/nothing\nsftp> pwd\n` +
          `Remote working directory: ${peer.remote}\nsftp> # a comment\nsftp> \nsftp> !echo from here\nfrom here\n`,
      );
      expect(result.stderr).toMatch(/^Connected to 127\.0\.0\.1\.\nunlink '.*nothing': no such file or directory\n$/);
    });

    it('answers each line as it comes', async () => {
      const child = cli.start(['sftp', ...loginArgs(peer), '127.0.0.1']);
      const wait = (text: string) => expect.poll(() => child.text.out, { timeout: 10_000, interval: 10 }).toContain(text);
      child.stdin.write(`cd ${peer.remote}\npwd\n`);
      await wait(`Remote working directory: ${peer.remote}\n`);
      child.stdin.write('ls -1 a.txt\n');
      await wait('\na.txt\n');
      child.stdin.end('bye\n');
      expect(await child.ended()).toEqual([0, null]);
    });

    it('fetches the file that is named with the host', async () => {
      await using here = tempDir();
      const fetch = (...words: string[]) => cli.run(['sftp', ...loginArgs(peer), ...words], { cwd: here.path });
      expect(await fetch(`127.0.0.1:${peer.remote}/a.txt`)).toMatchObject({ code: 0 });
      expect(await fetch(`127.0.0.1:${peer.remote}/a.txt`, 'other')).toMatchObject({ code: 0 });
      expect(await fetch('-r', `127.0.0.1:${peer.remote}/dir`, 'tree')).toMatchObject({ code: 0 });
      expect(await fetch(`sftp://127.0.0.1:${peer.port}/${peer.remote}/a%20b%20c`)).toMatchObject({ code: 0 });
      expect(readdirSync(here.path).sort()).toEqual(['a b c', 'a.txt', 'other', 'tree']);
      expect(readFileSync(here.join('tree', 'sub', 'y'), 'utf8')).toBe('yy\n');
      const missing = await fetch(`127.0.0.1:${peer.remote}/nothing`);
      expect(missing).toMatchObject({ code: 1, stderr: expect.stringMatching(/nothing': no such file or directory\n$/) });
    });

    it('leaves the part that has come when it is interrupted, and goes on with it later', async () => {
      await using here = tempDir();
      const limited = ['sftp', ...loginArgs(peer), '-l', '8000', `127.0.0.1:${peer.remote}/big`];
      const child = cli.start(limited, { cwd: here.path });
      await expect
        .poll(() => statSync(here.join('big'), { throwIfNoEntry: false })?.size ?? 0, { timeout: 10_000, interval: 10 })
        .toBeGreaterThan(200_000);
      child.kill('SIGINT');
      expect(await child.ended()).toEqual([130, null]);
      const { size } = statSync(here.join('big'));
      expect(size).toBeLessThan(3_000_000);
      const whole = readFileSync(join(peer.local, 'big'));
      expect(readFileSync(here.join('big')).equals(whole.subarray(0, size))).toBe(true);
      expect(await cli.run(['sftp', ...loginArgs(peer), '-a', `127.0.0.1:${peer.remote}/big`], { cwd: here.path })).toMatchObject(
        { code: 0 },
      );
      expect(readFileSync(here.join('big')).equals(whole)).toBe(true);
    });

    it.each([
      ['down', (remote: string) => `get ${remote}/big`],
      ['up', (remote: string) => `put big ${remote}/limited`],
    ])('keeps to a limit %s', async (way, command) => {
      await using here = tempDir();
      here.write('big', randomBytes(1_500_000, 'limited'));
      const bytes = way === 'down' ? 3_000_000 : 1_500_000;
      // In Kbit/s, so that it takes 4 seconds.
      const kbit = Math.round((bytes * 8) / 1_024 / 4);
      const child = cli.start(['sftp', ...loginArgs(peer), '-l', String(kbit), '-b', '-', '127.0.0.1'], { cwd: here.path });
      const answers = () => child.text.out.split('Remote working directory').length - 1;
      child.stdin.write('pwd\n');
      await expect.poll(answers, { timeout: 10_000, interval: 10 }).toBe(1);
      const before = performance.now();
      child.stdin.end(`${command(peer.remote)}\npwd\n`);
      await expect.poll(answers, { timeout: 20_000, interval: 10 }).toBe(2);
      const took = performance.now() - before;
      expect(await child.ended()).toEqual([0, null]);
      expect(took).toBeGreaterThan(3_600);
      // The machine may be slower, the limit must not be.
      expect(took).toBeLessThan(8_000);
      if (way === 'up') expect(await sftp(`rm ${peer.remote}/limited`)).toMatchObject({ code: 0 });
    });

    it('works with one request under way, and with small ones', async () => {
      await using here = tempDir();
      for (const args of [
        ['-R', '1'],
        ['-B', '1000', '-R', '4'],
        ['-X', 'buffer=4096', '-X', 'nrequests=2'],
      ]) {
        expect(
          await sftp([`get ${peer.remote}/big`, `put big ${peer.remote}/again`, `rm ${peer.remote}/again`], args, here.path),
        ).toMatchObject({ code: 0, stderr: '' });
        expect(readFileSync(here.join('big')).equals(readFileSync(join(peer.local, 'big')))).toBe(true);
      }
    });

    it.skipIf(!canUnshare())('says that the disk is full here', async () => {
      await using small = tempDir();
      await using _mounted = mountSmall(small.path);
      const result = await sftp(`get ${peer.remote}/big`, [], small.path);
      expect(result).toMatchObject({ code: 1, stderr: expect.stringMatching(/no space left on device/i) });
      expect(result.stderr).toMatch(/'.*\/big' holds its first \d+ bytes\n$/);
    });
  });
}

describePeer('sshd', "with OpenSSH's server", () => {
  behavesWell("OpenSSH's server", async () => {
    const sshd = await startSshd();
    const remote = sshd.dir.join('files');
    fill(remote);
    return { peer: { ...sshd, remote, local: remote }, stop: () => sshd.stop() };
  });
});

behavesWell('amiko serve', async () => {
  const dir = tempDir();
  const local = dir.join('files');
  fill(local);
  const server = await startAmikoServe({ args: ['--write', dir.path] });
  const stop = async () => {
    await server.stop();
    await dir.remove();
  };
  return { peer: { ...server, remote: '/files', local }, stop };
});

/** A file system of 1 MiB, until it is disposed of. */
function mountSmall(path: string): AsyncDisposable {
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'amiko-test', path], { encoding: 'utf8' });
  if (mounted.status !== 0) throw new Error(mounted.stderr);
  return {
    [Symbol.asyncDispose]: async () => {
      // The server may need a moment to let go of its files.
      await expect.poll(() => spawnSync('umount', [path]).status, { timeout: 5_000 }).toBe(0);
    },
  };
}

describePeer('sshd', 'a full disk on the server', () => {
  // Mounted before the server starts: it has a view of its own of what is mounted.
  it.skipIf(!canUnshare())("of OpenSSH's is told, although it says no more than Failure", async () => {
    await using small = tempDir();
    await using _mounted = mountSmall(small.path);
    await using here = tempDir();
    here.write('big', randomBytes(3 * MIB));
    await using sshd = await startSshd();
    const input = `put big ${small.path}/big\n`;
    const result = await cli.run(['sftp', ...loginArgs(sshd), '-b', '-', '127.0.0.1'], { input, cwd: here.path });
    expect(result).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/no space left on device; '.*' holds its first \d+ bytes\n$/),
    });
  });

  it.skipIf(!canUnshare())('of amiko serve is told', async () => {
    await using small = tempDir();
    await using _mounted = mountSmall(small.path);
    await using here = tempDir();
    here.write('big', randomBytes(3 * MIB));
    await using server = await startAmikoServe({ args: ['--write', small.path] });
    const result = await cli.run(['cp', ...loginArgs(server), here.join('big'), '127.0.0.1:'], {});
    expect(result).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/no space left on device.*holds its first \d+ bytes\n$/),
    });
  });
});

describePeer(['sshd', 'sftp'], "beside OpenSSH's sftp", () => {
  let sshd: Sshd;
  let folder: string;
  beforeAll(async () => {
    sshd = await startSshd();
    folder = sshd.dir.join('files');
    fill(folder);
    // Its columns are as wide as the bytes that cannot be shown, ours as what is shown.
    rmSync(latinName(folder));
  });
  afterAll(() => sshd.stop());

  async function both(lines: readonly string[]): Promise<{ ours: RunResult; theirs: RunResult }> {
    const input = [`cd ${folder}`, ...lines].join('\n');
    const ours = await cli.run(['sftp', ...loginArgs(sshd), '-b', '-', '127.0.0.1'], { input, cwd: folder });
    const theirs = await runPeer('sftp', [...openSshArgs(sshd), '-b', '-', '127.0.0.1'], { input, cwd: folder });
    return { ours, theirs };
  }

  it.each([
    ['pwd'],
    ['lpwd'],
    ['ls'],
    ['ls -a'],
    ['ls -1'],
    ['ls -1r'],
    ['ls -1S *.txt'],
    ['ls -1t b.txt'],
    ['ls -1a dir'],
    ['ls dir'],
    ['ls -1 *.txt'],
    ['ls -1 d*'],
    ['ls -1 link'],
    ['ls -lh a.txt'],
    ['ls -l b.txt'],
    ['version'],
    ['lumask 022'],
    ['# nothing'],
    ['get a.txt /dev/null'],
  ])('prints for "%s" what it prints', async (line) => {
    const { ours, theirs } = await both([line]);
    expect(theirs).toMatchObject({ code: 0 });
    expect(ours).toMatchObject({ code: 0, stderr: '' });
    // OpenSSH's client does not show how many links there are, the server's line says it.
    const linkless = (text: string) => text.replace(/^([-dlrwx]{10}) +[\d?]+ /gm, '$1    ? ');
    expect(linkless(out(ours))).toBe(linkless(out(theirs)));
  });

  it('prints long lines of the same form, with the same columns', async () => {
    const { ours, theirs } = await both(['ls -l']);
    const columns = (text: string) => text.split('\n').map((line) => line.replace(/^([-dlrwx]{10}) +[\d?]+ /, '$1    ? '));
    expect(columns(out(ours))).toEqual(columns(out(theirs)));
  });

  it.each([['df'], ['df -h'], ['df -i']])('prints for "%s" a table of the same form', async (line) => {
    const { ours, theirs } = await both([line]);
    // The numbers change all the time.
    const form = (text: string) => text.replace(/ +[\d.]+/g, (number) => ' '.repeat(number.length));
    expect(form(out(ours)).replace(/[BKMGTP]B/g, 'xB')).toBe(form(out(theirs)).replace(/[BKMGTP]B/g, 'xB'));
  });

  it('ends as it ends', async () => {
    for (const lines of [['rm nothing', 'pwd'], ['-rm nothing', 'pwd'], ['@pwd'], ['get nothing', 'pwd'], ['ls -1 nothing']]) {
      const { ours, theirs } = await both(lines);
      expect([ours.code, out(ours)], lines.join('; ')).toEqual([theirs.code, out(theirs)]);
    }
  });
});

describePeer('sshd', 'the exit status of amiko sftp', () => {
  let sshd: Sshd;
  beforeAll(async () => {
    sshd = await startSshd();
  });
  afterAll(() => sshd.stop());

  it('is 255 where nobody listens', async () => {
    const port = await freePort();
    const result = await cli.run(['sftp', ...loginArgs({ ...sshd, port }), '127.0.0.1'], { input: 'pwd\n' });
    expect(result).toMatchObject({ code: 255, stderr: expect.stringContaining('ECONNREFUSED') });
    expect(out(result)).toBe('');
  });

  it('is 255 where the key of the host is another one', async () => {
    const knownHostsFile = sshd.dir.write('none', '');
    const result = await cli.run(['sftp', ...loginArgs({ ...sshd, knownHostsFile }), '127.0.0.1'], { input: 'pwd\n' });
    expect(result).toMatchObject({ code: 255, stderr: expect.stringContaining('SHA256:') });
  });

  it('is 255 where nobody is let in', async () => {
    const other = { ...sshd, identity: (await startedElsewhere()).identity };
    const result = await cli.run(['sftp', ...loginArgs(other), '-b', '-', '127.0.0.1'], { input: 'pwd\n' });
    expect(result).toMatchObject({ code: 255, stderr: expect.stringContaining('permission denied') });
  });

  it('is 255 where there is no SFTP', async () => {
    await using without = await startSshd({ config: { Subsystem: 'other /bin/false' } });
    const result = await cli.run(['sftp', ...loginArgs(without), '127.0.0.1'], { input: 'pwd\n' });
    expect(result).toMatchObject({
      code: 255,
      stderr: expect.stringContaining("the server has no SFTP: it refused the subsystem 'sftp'"),
    });
    const chatty = await cli.run(['sftp', ...loginArgs(without), '-s', 'other', '127.0.0.1'], { input: 'pwd\n' });
    expect(chatty.code).toBe(255);
  });

  it('is 255 where the connection breaks in the middle', async () => {
    await using breaking = await startSshd();
    const child = cli.start(['sftp', ...loginArgs(breaking), '-b', '-', '127.0.0.1']);
    child.stdin.write('pwd\n');
    await expect.poll(() => child.text.out, { timeout: 10_000 }).toContain('Remote working directory');
    await breaking.stop();
    child.stdin.end('pwd\nls\n');
    expect(await child.ended()).toEqual([255, null]);
    expect(child.text.err).toMatch(/^amiko: .*(connection|reset)/);
  });

  it.each([
    [[], 'a host is missing'],
    [['-b'], '-b needs a value'],
    [['-b', '/nothing/there', 'host'], 'the batch file cannot be read: ENOENT'],
    [['host', 'target'], "'target' is the target of nothing"],
    [['-l', '0', 'host'], '-l needs a whole number from 1'],
    [['-J', 'a,,b', 'host'], '-J a,,b: there is no host name'],
    [['--progres', 'host'], "unknown option '--progres'"],
  ])('is 2 for %j', async (args, message) => {
    const result = await cli.run(['sftp', ...args]);
    expect(result).toMatchObject({ code: 2, stderr: expect.stringContaining(message) });
    expect(result.stderr).toContain("Try 'amiko sftp --help'");
  });

  it('is 0 for help, which has examples and no long lines', async () => {
    const result = await cli.run(['sftp', '--help']);
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(out(result)).toMatch(/^Usage: amiko sftp[\s\S]*ssh_config[\s\S]*Exit status[\s\S]*Examples:/);
    for (const line of out(result).split('\n')) expect(line.length).toBeLessThanOrEqual(130);
  });

  it('never asks on a terminal that is not there', async () => {
    // Something that accepts and says nothing: ConnectTimeout ends it.
    const silent = createServer(() => {}).listen(0, '127.0.0.1');
    try {
      await new Promise((resolve) => silent.once('listening', resolve));
      const { port } = silent.address() as { port: number };
      const result = await cli.run(['sftp', ...loginArgs({ ...sshd, port }, { ConnectTimeout: '1' }), '127.0.0.1']);
      expect(result).toMatchObject({ code: 255, stderr: expect.stringContaining('timed out') });
    } finally {
      silent.close();
    }
  });

  /** A key that nobody knows. */
  async function startedElsewhere() {
    const { keyPair } = await import('../support/peers.ts');
    return { identity: keyPair('ed25519', { name: 'stranger' }) };
  }
});

describePeer(['sshd', 'tmux'], 'amiko sftp in a terminal', () => {
  let sshd: Sshd;
  let folder: string;
  beforeAll(async () => {
    sshd = await startSshd();
    folder = sshd.dir.join('files');
    fill(folder);
    writeFileSync(join(folder, 'huge'), randomBytes(40 * MIB, 'huge'));
  });
  afterAll(() => sshd.stop());

  const quote = (words: readonly string[]): string => words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');

  async function open(...args: string[]): Promise<Screen> {
    const { amikoBin } = await import('../support/amiko-serve.ts');
    const screen = await Screen.open(cli.home.path, [100, 30]);
    const work = screen.file('work');
    mkdirSync(work);
    const command = quote([process.execPath, amikoBin, 'sftp', ...loginArgs(sshd), ...args, `127.0.0.1:${folder}`]);
    const script = screen.file('script');
    writeFileSync(
      script,
      `trap : INT; cd ${work}; export SHELL=/bin/sh; stty -a > ${screen.file('before')}; ${command}; echo "status=$?="; stty -a > ${screen.file('after')}\n`,
    );
    await screen.type(`clear; sh ${script}`, 'Enter');
    await screen.until(/Changing to: .*\nsftp> $/);
    return screen;
  }

  const restored = (screen: Screen) =>
    expect(readFileSync(screen.file('after'), 'utf8')).toBe(readFileSync(screen.file('before'), 'utf8'));

  it('has a history, completes names of both sides, and ends by Ctrl-D', async () => {
    await using screen = await open();
    await screen.type('pw', 'Tab', 'Enter');
    await screen.until(/Remote working directory: .*\nsftp> $/);
    await screen.type('Up');
    await screen.until(/\nsftp> pwd $/);
    await screen.type('C-c');
    await screen.until(/\^C\nsftp> $/);
    await screen.type('get a\\ ', 'Tab');
    await screen.until(/sftp> get a\\ b\\ c $/);
    await screen.type('Enter');
    await screen.until(/Fetching .*a b c to a b c\na b c +100% .*\nsftp> $/);
    await screen.type('put a', 'Tab');
    await screen.until(/sftp> put a\\ b\\ c $/);
    await screen.type('C-c', 'ls di', 'Tab', 'Tab');
    await screen.until(/sftp> ls dir\/\s+dir\/sub\/ +dir\/x\s+sftp> ls dir\/ $/);
    await screen.type('C-c', 'C-d');
    await screen.until(/status=0=\nlocal> $/);
    restored(screen);
  });

  it('shows progress, and Ctrl-C ends the command and not the program', async () => {
    await using screen = await open('-l', '16000');
    await screen.type('get huge', 'Enter');
    await screen.until(/\nhuge +[1-9]\d?% +[\d.]+MB +[\d.]+[KM]B\/s +\d\d:\d\d ETA\s*$/);
    await screen.type('C-c');
    await screen.until(/\ninterrupted\nsftp> $/);
    const { size } = statSync(join(screen.file('work'), 'huge'));
    expect(size).toBeGreaterThan(0);
    expect(size).toBeLessThan(40 * MIB);
    await screen.type('pwd', 'Enter');
    await screen.until(/Remote working directory: .*\nsftp> $/);
    await screen.type('bye', 'Enter');
    await screen.until(/status=0=\nlocal> $/);
    restored(screen);
  });

  it('runs a shell of this machine and comes back', async () => {
    await using screen = await open();
    await screen.type('!', 'Enter');
    await screen.until(/local> $/);
    await screen.type('pwd; exit 3', 'Enter');
    await screen.until(/\/work\n(?:.*\n)*exit status 3\nsftp> $/);
    await screen.type('!stty -a | grep -c icanon', 'Enter');
    await screen.until(/\n1\nsftp> $/);
    await screen.type('exit', 'Enter');
    await screen.until(/status=0=\nlocal> $/);
    restored(screen);
  });

  it('takes what was typed ahead', async () => {
    await using screen = await open();
    await screen.type('!sleep 1', 'Enter', 'lpwd', 'Enter', 'pwd', 'Enter');
    await screen.until(/Local working directory: .*\nsftp> pwd\nRemote working directory: .*\nsftp> $/);
    await screen.type('C-d');
    await screen.until(/status=0=\nlocal> $/);
  });

  it('puts the terminal back when it is ended from outside', async () => {
    await using screen = await open();
    const found = spawnSync('pgrep', ['-f', `amiko.js sftp .*:${folder}$`], { encoding: 'utf8' })
      .stdout.trim()
      .split('\n');
    expect(found).toHaveLength(1);
    process.kill(Number(found[0]), 'SIGTERM');
    await screen.until(/status=143=\nlocal> $/);
    restored(screen);
  });

  it('says when the server has gone, and puts the terminal back', async () => {
    await using own = await startSshd();
    const before = sshd;
    sshd = own;
    fill(own.dir.join('files'));
    folder = own.dir.join('files');
    try {
      await using screen = await open();
      await own.stop();
      await screen.until(/amiko: .*\nstatus=255=\nlocal> $/);
      restored(screen);
    } finally {
      sshd = before;
      folder = before.dir.join('files');
    }
  });
});
