// SFTP of `amiko serve` as its users have it: what it shows and what it refuses, what it prints, what it tells programs. What other
// clients make of it is in the tests of the SFTP server.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { amikoBin, type ServeEvent, startAmikoServe } from '../support/amiko-serve.ts';
import { Cli, loginArgs, openSshArgs } from '../support/cli.ts';
import { describePeer, type RunResult, run, runPeer, type TempDir, tempDir } from '../support/peers.ts';

const cli = new Cli();
afterAll(() => cli[Symbol.asyncDispose]());

/** A folder with a file, beside a file that must not be reachable. */
function served(): TempDir & { folder: string; outside: string } {
  const dir = tempDir();
  const folder = dir.join('folder');
  mkdirSync(folder);
  writeFileSync(dir.join('folder', 'file'), 'inside\n');
  const outside = dir.write('secret', 'outside\n');
  symlinkSync('../secret', dir.join('folder', 'escape'));
  symlinkSync('/etc/passwd', dir.join('folder', 'absolute'));
  return Object.assign(dir, { folder, outside });
}

const sftp = (server: Parameters<typeof loginArgs>[0], lines: string[], cwd?: string): Promise<RunResult> =>
  cli.run(['sftp', ...loginArgs(server), '-b', '-', '127.0.0.1'], { input: lines.join('\n'), ...(cwd !== undefined && { cwd }) });

describe('amiko serve shows a folder', () => {
  it('to read, as the root of everything', async () => {
    await using dir = served();
    await using server = await startAmikoServe({ args: [dir.folder] });
    const result = await sftp(
      server,
      ['pwd', 'ls -1', 'cd ../../..', 'pwd', 'get file', '-get escape', '-get absolute', '-ls ../secret'],
      dir.path,
    );
    expect(result.code).toBe(0);
    expect(result.stdout.toString()).toMatch(
      /Remote working directory: \/\n[\s\S]*\nabsolute\nescape\nfile\n[\s\S]*Remote working directory: \/\n/,
    );
    expect(readFileSync(dir.join('file'), 'utf8')).toBe('inside\n');
    expect(readdirSync(dir.path).sort()).toEqual(['file', 'folder', 'secret']);
    expect(result.stderr.trim().split('\n')).toHaveLength(3);
  });

  it.each([
    ['put file new'],
    ['rm file'],
    ['rename file other'],
    ['mkdir new'],
    ['ln -s file new'],
    ['ln file new'],
    ['chmod 600 file'],
    ['cp file new'],
    ['put file file'],
  ])('and refuses "%s" without --write', async (line) => {
    await using dir = served();
    await using server = await startAmikoServe({ args: [dir.folder] });
    const result = await sftp(server, [line], dir.folder);
    expect(result).toMatchObject({ code: 1, stderr: expect.stringMatching(/read-only file system|permission denied/i) });
    expect(readdirSync(dir.folder).sort()).toEqual(['absolute', 'escape', 'file']);
    expect(readFileSync(`${dir.folder}/file`, 'utf8')).toBe('inside\n');
  });

  it('and changes it with --write', async () => {
    await using dir = served();
    await using server = await startAmikoServe({ args: ['--write', dir.folder] });
    const lines = [
      'put file new',
      'mkdir sub',
      'rename new sub/new',
      'chmod 600 sub/new',
      'rm file',
      '-put sub/new escape',
      '-rm ../secret',
    ];
    expect(await sftp(server, lines, dir.folder)).toMatchObject({ code: 0 });
    expect(readFileSync(`${dir.folder}/sub/new`, 'utf8')).toBe('inside\n');
    expect(existsSync(`${dir.folder}/file`)).toBe(false);
    expect(readFileSync(dir.outside, 'utf8')).toBe('outside\n');
  });

  it('the current one unless another is named', async () => {
    await using dir = served();
    const child = spawn(process.execPath, [amikoBin, 'serve', '--port', '0', '--json'], {
      cwd: dir.folder,
      env: { ...process.env, AMIKO_PASSWORD: 'x' },
    });
    try {
      const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
      expect(JSON.parse(chunk.toString())).toMatchObject({
        event: 'listening',
        sftp: { root: dir.folder, write: false },
        allowed: 'nothing',
      });
    } finally {
      child.kill('SIGTERM');
      expect(await once(child, 'close')).toEqual([0, null]);
    }
  });

  it.each([
    [['/nothing/there'], 'cannot serve /nothing/there: ENOENT'],
    [[amikoBin], 'it is no folder'],
    [['a', 'b'], "unexpected argument 'b'"],
    [['--no-sftp', '--write'], '--no-sftp and --write do not go together'],
  ])('and ends with 2 for %j', async (args, message) => {
    const result = await run(process.execPath, [amikoBin, 'serve', '--port', '0', ...args]);
    expect(result).toMatchObject({ code: 2, stderr: expect.stringContaining(message) });
  });
});

describePeer(['ssh', 'sftp'], 'amiko serve without --exec and --shell', () => {
  it('runs nothing and gives no terminal', async () => {
    await using dir = served();
    await using server = await startAmikoServe({ args: [dir.folder] });
    for (const words of [['id'], ['-tt'], ['-tt', 'id'], ['-s', 'other']]) {
      const result = await runPeer('ssh', [
        ...server.sshArgs().slice(0, -1),
        ...words.filter((word) => word.startsWith('-')),
        server.sshArgs().at(-1) as string,
        ...words.filter((word) => !word.startsWith('-')),
      ]);
      expect(result.code, words.join(' ')).not.toBe(0);
      expect(result.stdout.toString()).toBe('');
    }
    const still = await runPeer('sftp', [...openSshArgs(server), '-b', '-', '127.0.0.1'], { input: 'ls -1 file\n' });
    expect(still).toMatchObject({ code: 0, stdout: Buffer.from('sftp> ls -1 file\nfile\n') });
  });

  it('has no SFTP with --no-sftp, and commands all the same', async () => {
    await using server = await startAmikoServe({ args: ['--no-sftp', '--exec'] });
    expect(await runPeer('ssh', [...server.sshArgs(), 'echo here'])).toMatchObject({ code: 0, stdout: Buffer.from('here\n') });
    const result = await runPeer('sftp', [...openSshArgs(server), '-b', '-', '127.0.0.1'], { input: 'pwd\n' });
    expect(result.code).toBe(255);
  });

  it('prints the exact sftp command to paste', async () => {
    await using dir = served();
    const child = spawn(process.execPath, [amikoBin, 'serve', '--port', '0', '--user', 'me', dir.folder], {
      env: { ...process.env, AMIKO_PASSWORD: undefined },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    try {
      let text = '';
      for await (const chunk of child.stderr) {
        text += String(chunk);
        if (/^ {2}sftp .*\n/m.test(text)) break;
      }
      expect(text).toContain(`  may        read the files in ${dir.folder}\n`);
      // There is nothing that ssh could do.
      expect(text).not.toMatch(/^ {2}ssh /m);
      const [, password = ''] = /password {3}(\S+)/.exec(text) ?? [];
      const [, command = ''] = /^ {2}(sftp .*)$/m.exec(text) ?? [];
      // As a person would paste it, with the password on its terminal and the commands in its stdin.
      const pasted = await run('/bin/sh', ['-c', `printf 'ls -1 file\\n' | sshpass -p ${password} ${command}`]);
      expect(pasted).toMatchObject({ code: 0, stdout: Buffer.from('sftp> ls -1 file\nfile\n') });
    } finally {
      child.kill('SIGTERM');
      expect(await once(child, 'close')).toEqual([0, null]);
    }
  });
});

describe('the events of amiko serve --json', () => {
  const about = (events: readonly ServeEvent[]) =>
    events.filter(({ event }) => event === 'sftp').map(({ event, connection, remoteAddress, remotePort, ...rest }) => rest);

  it('tell what was done, and the sums at the end', async () => {
    await using dir = served();
    await using server = await startAmikoServe({ args: ['--write', dir.folder] });
    const lines = [
      'get file',
      'put file new',
      'mkdir sub',
      'rename new sub/new',
      '-rm nothing',
      '-rmdir sub',
      'rm sub/new',
      'rmdir sub',
      'ln -s file soft',
    ];
    expect(await sftp(server, lines, dir.path)).toMatchObject({ code: 0 });
    await server.waitForEvent(({ operation }) => operation === 'end');
    expect(about(server.events())).toEqual([
      { operation: 'start' },
      { operation: 'file', path: '/file', bytesRead: 7, bytesWritten: 0 },
      { operation: 'file', path: '/new', bytesRead: 0, bytesWritten: 7 },
      { operation: 'mkdir', path: '/sub' },
      { operation: 'rename', path: '/new', dest: '/sub/new' },
      { operation: 'remove', path: '/nothing', error: 'ENOENT' },
      { operation: 'rmdir', path: '/sub', error: 'ENOTEMPTY' },
      { operation: 'remove', path: '/sub/new' },
      { operation: 'rmdir', path: '/sub' },
      { operation: 'symlink', path: '/soft', dest: 'file' },
      { operation: 'end', filesRead: 1, filesWritten: 1, bytesRead: 7, bytesWritten: 7, changes: 5, failed: 2 },
    ]);
    const [start] = server.events().filter(({ event }) => event === 'sftp');
    expect(start).toMatchObject({ connection: 1, remoteAddress: '127.0.0.1' });
  });

  it('tell what was refused', async () => {
    await using dir = served();
    await using server = await startAmikoServe({ args: [dir.folder] });
    await sftp(server, ['-rm file', '-put file new', 'ls'], dir.folder);
    await server.waitForEvent(({ operation }) => operation === 'end');
    expect(about(server.events())).toEqual([
      { operation: 'start' },
      { operation: 'remove', path: '/file', error: 'EROFS' },
      { operation: 'open', path: '/new', error: 'EROFS' },
      { operation: 'end', filesRead: 0, filesWritten: 0, bytesRead: 0, bytesWritten: 0, changes: 0, failed: 2 },
    ]);
  });

  it('tell the sums of a session that is cut off by the end of the server', async () => {
    await using dir = served();
    const server = await startAmikoServe({ args: [dir.folder] });
    const child = cli.start(['sftp', ...loginArgs(server), '-b', '-', '127.0.0.1'], { cwd: dir.path });
    child.stdin.write('get file\npwd\n');
    await expect.poll(() => child.text.out, { timeout: 10_000, interval: 10 }).toContain('Remote working directory');
    expect(await server.stop()).toBe(0);
    expect(about(server.events()).at(-1)).toMatchObject({ operation: 'end', filesRead: 1, bytesRead: 7 });
    child.stdin.end('pwd\nls\n');
    expect(await child.ended()).toEqual([255, null]);
    await server.dir.remove();
  });

  it('cannot be forged by names', async () => {
    await using dir = served();
    await using server = await startAmikoServe({ args: ['--write', dir.folder] });
    const name = 'a"b\n{"event":"login"}';
    writeFileSync(dir.join(name), 'x');
    // A line feed cannot be typed; a pattern finds it.
    expect(await sftp(server, ['put a?b*'], dir.path)).toMatchObject({ code: 0 });
    await server.waitForEvent(({ operation }) => operation === 'end');
    expect(about(server.events())[1]).toMatchObject({ operation: 'file', path: `/${name}` });
    expect(server.events().filter(({ event }) => event === 'login')).toHaveLength(1);
  });

  it('are lines for people without --json, which names cannot forge either', async () => {
    await using dir = served();
    const child = spawn(process.execPath, [amikoBin, 'serve', '--port', '0', '--user', 'me', '--write', dir.folder], {
      env: { ...process.env, AMIKO_PASSWORD: 'secret' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let text = '';
    child.stderr.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    try {
      await expect.poll(() => text, { timeout: 10_000, interval: 10 }).toMatch(/sftp -P \d+/);
      const [, port = ''] = /port (\d+)/.exec(text) ?? [];
      writeFileSync(dir.join('a\x1b[2J\nb'), 'x');
      const args = [
        'sftp',
        '-P',
        port,
        '-o',
        'StrictHostKeyChecking=no',
        '-o',
        'UserKnownHostsFile=none',
        '-b',
        '-',
        'me@127.0.0.1',
      ];
      expect(await cli.run(args, { input: 'mput a*\n', cwd: dir.path, env: { AMIKO_PASSWORD: 'secret' } })).toMatchObject({
        code: 0,
      });
      await expect.poll(() => text, { timeout: 10_000, interval: 10 }).toMatch(/sftp ends/);
      expect(text).toContain(
        'connection 1: sftp begins\namiko serve: connection 1: sftp /a\\033[2J\\012b: 0 bytes read, 1 written\n',
      );
      expect(text).toContain('sftp ends: 0 files read (0 bytes), 1 written (1 bytes), 0 changes, 0 failed\n');
    } finally {
      child.kill('SIGTERM');
      expect(await once(child, 'close')).toEqual([0, null]);
    }
  });
});
