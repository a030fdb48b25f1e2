// lftp and rclone against `amiko serve`: programs that compare folders on both sides and carry what differs.

import { existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { AmikoServe } from '../support/amiko-serve.ts';
import { blobBytes, blobLine, fill, homeAt, refusals, type ServedTwice, serveTwice, treeOf } from '../support/foreign-sftp.ts';
import { describePeer, runPeer, sha256 } from '../support/peers.ts';

const PART = 7_654_321;

let served: ServedTwice;

beforeAll(async () => {
  served = await serveTwice();
});

afterAll(() => served[Symbol.asyncDispose]());

describePeer(['lftp', 'ssh'], 'lftp at amiko serve', () => {
  const lftp = (server: AmikoServe, here: string, ...commands: readonly string[]) => {
    const connect = `ssh -a -x ${server.sshArgs().slice(0, -3).join(' ')}`;
    const settings = {
      'sftp:connect-program': connect,
      'sftp:auto-confirm': 'yes',
      'net:max-retries': '1',
      'cmd:fail-exit': 'true',
      'xfer:clobber': 'yes',
    };
    const lines = [
      ...Object.entries(settings).map(([key, value]) => `set ${key} "${value}"`),
      `open -u ${server.user}, sftp://127.0.0.1:${server.port}`,
      ...commands,
    ];
    writeFileSync(`${here}/lftp-script`, lines.map((line) => `${line}\n`).join(''));
    return runPeer('lftp', ['--norc', '-f', `${here}/lftp-script`], { env: { ...homeAt(here), LC_ALL: 'C.UTF-8' } });
  };
  const text = ({ stdout }: { stdout: Buffer }) => stdout.toString('latin1');

  it('lists, uploads, downloads, mirrors, changes and removes', async () => {
    const { here, there, remote } = served.place('lftp');
    fill(`${here}/tree`);
    const up = await lftp(
      served.writable,
      here,
      `cd ${remote}`,
      `lcd ${here}`,
      'put tree/blob',
      'put tree/empty',
      'put "tree/with space"',
      'put "tree/ünïcödé 😀" -o unicode',
      'mirror -R tree tree',
      'mirror tree back',
      'ls tree',
      'cls -1',
      'get blob -o got',
      'pget -n 3 blob -o pieces',
      'mkdir -p d/e',
      'mv "with space" d/b',
      'chmod 600 d/b',
      'ln -s b d/link',
      'get d/link -o linked',
      'rmdir d/e',
      'rm empty',
      'du -a d',
      'find d',
    );
    expect(up).toMatchObject({ code: 0, stderr: '' });
    expect(treeOf(`${there}/tree`)).toEqual(treeOf(`${here}/tree`));
    expect(treeOf(`${here}/back`)).toEqual(treeOf(`${here}/tree`));
    for (const file of ['got', 'pieces']) expect(sha256(readFileSync(`${here}/${file}`))).toBe(sha256(blobBytes()));
    expect(treeOf(`${there}/d`)).toEqual([`b 18 ${sha256('this is with space')}`, 'link -> b']);
    expect(statSync(`${there}/d/b`).mode).toBe(0o100600);
    expect(readFileSync(`${here}/linked`, 'utf8')).toBe('this is with space');
    expect(existsSync(`${there}/empty`)).toBe(false);
    expect(text(up)).toMatch(/^-rw-r--r-- .* 20000000 \w{3} [ \d]\d \d\d:\d\d blob$/m);
    expect(text(up)).toContain('lat\xe9n');
    expect(text(up)).toMatch(/^d\/link$/m);
    const missing = await lftp(served.writable, here, `get ${remote}/none -o ${here}/none`);
    expect(missing.code).toBe(1);
    expect(missing.stderr).toContain('No such file or directory');
    const away = await lftp(served.writable, here, `rm -r ${remote}/tree`);
    expect(away).toMatchObject({ code: 0, stderr: '' });
    expect(existsSync(`${there}/tree`)).toBe(false);
  });

  it('goes on with a part, and mirrors what has changed', async () => {
    const { here, there, remote } = served.place('lftp-resume');
    writeFileSync(`${there}/down`, blobBytes());
    writeFileSync(`${here}/up`, blobBytes());
    for (const part of [`${here}/down`, `${there}/up`]) writeFileSync(part, blobBytes().subarray(0, PART));
    mkdirSync(`${here}/tree`);
    for (let i = 0; i < 200; i++) writeFileSync(`${here}/tree/${i}`, `${i}`);
    const first = await lftp(served.writable, here, `cd ${remote}`, `lcd ${here}`, 'get -c down', 'put -c up', 'mirror -R tree');
    expect(first).toMatchObject({ code: 0, stderr: '' });
    for (const whole of [`${here}/down`, `${there}/up`]) expect(sha256(readFileSync(whole))).toBe(sha256(blobBytes()));
    expect(treeOf(`${there}/tree`)).toEqual(treeOf(`${here}/tree`));
    writeFileSync(`${here}/tree/7`, 'seven');
    rmSync(`${here}/tree/8`);
    const before = served.writable.events().length;
    const second = await lftp(served.writable, here, `mirror -R --delete ${here}/tree ${remote}/tree`);
    expect(second).toMatchObject({ code: 0, stderr: '' });
    expect(treeOf(`${there}/tree`)).toEqual(treeOf(`${here}/tree`));
    const sent = served.writable
      .events()
      .slice(before)
      .filter(({ operation }) => operation === 'file');
    expect(sent.map(({ path }) => path)).toEqual([`${remote}/tree/7`]);
  });

  it('hears why not where nothing may be changed', async () => {
    const { here, there, remote } = served.place('lftp-read-only');
    fill(there);
    const before = treeOf(there);
    writeFileSync(`${here}/text`, 'text');
    const commands = ['put text', 'rm empty', 'mkdir new', 'rmdir sub', 'mv empty new', 'chmod 600 empty', 'ln -s blob new'];
    const result = await lftp(
      served.readOnly,
      here,
      'set cmd:fail-exit false',
      `cd ${remote}`,
      `lcd ${here}`,
      ...commands,
      'get blob',
    );
    const said = result.stderr.split('\n').filter(Boolean);
    expect(said).toHaveLength(commands.length);
    for (const [index, command] of commands.entries()) {
      expect(said[index]).toMatch(
        new RegExp(`^${command.split(' ')[0]}: Access failed: (Read-only file system|Permission denied)`),
      );
    }
    expect(treeOf(there)).toEqual(before);
    expect(sha256(readFileSync(`${here}/blob`))).toBe(sha256(blobBytes()));
  });
});

describePeer('rclone', 'rclone at amiko serve', () => {
  const rclone = (server: AmikoServe, here: string, ...args: readonly string[]) => {
    const login = {
      host: '127.0.0.1',
      port: String(server.port),
      user: server.user,
      'key-file': server.identity.path,
      'known-hosts-file': server.knownHostsFile,
    };
    const options = Object.entries(login).flatMap(([key, value]) => [`--sftp-${key}`, value]);
    const general = ['--config', '/dev/null', '--retries', '1', '--low-level-retries', '1', ...options];
    return runPeer('rclone', [...general, ...args], { env: homeAt(here) });
  };

  it('copies, lists, checks, synchronises, moves and removes', async () => {
    const { here, there, remote } = served.place('rclone');
    fill(`${here}/tree`);
    const at = (path: string) => `:sftp:${remote}/${path}`;
    const on = (...args: readonly string[]) => rclone(served.writable, here, ...args);
    // Its library sends more than it means (test/unit/sftp/server-requests.test.ts).
    expect(await on('copyto', `${here}/tree/blob`, at('blob'))).toMatchObject({ code: 0, stderr: '' });
    expect(sha256(readFileSync(`${there}/blob`))).toBe(sha256(blobBytes()));
    expect(await on('copyto', at('blob'), `${here}/got`)).toMatchObject({ code: 0, stderr: '' });
    expect(sha256(readFileSync(`${here}/got`))).toBe(sha256(blobBytes()));
    expect(await on('copy', `${here}/tree`, at('tree'))).toMatchObject({ code: 0 });
    const listed = await on('lsf', '-R', '--format', 'ps', at('tree'));
    expect(listed.stdout.toString().split('\n')).toEqual(
      expect.arrayContaining(['blob;20000000', 'empty;0', 'sub/deeper/file;6', 'ünïcödé 😀;24', 'with space;18']),
    );
    expect((await on('lsl', at('tree/sub'))).stdout.toString()).toMatch(/^ +6 \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\S* deeper\/file$/m);
    // It has its own way to write what it takes for no good names, but it comes back as it was.
    const checked = await on('check', '--download', `${here}/tree`, at('tree'));
    expect(checked).toMatchObject({ code: 0, stderr: expect.stringContaining('0 differences found') });
    expect(await on('copy', at('tree'), `${here}/back`)).toMatchObject({ code: 0 });
    expect(treeOf(`${here}/back`)).toEqual(treeOf(`${here}/tree`));
    writeFileSync(`${here}/tree/sub/new`, 'new');
    rmSync(`${here}/tree/with space`);
    const before = served.writable.events().length;
    expect(await on('sync', `${here}/tree`, at('tree'))).toMatchObject({ code: 0 });
    const done = served.writable
      .events()
      .slice(before)
      .filter(({ path }) => path !== undefined);
    expect(new Set(done.map(({ path }) => path))).toEqual(new Set([`${remote}/tree/sub/new`, `${remote}/tree/with space`]));
    for (const args of [
      ['moveto', at('blob'), at('moved')],
      ['mkdir', at('d')],
      ['rmdir', at('d')],
      ['touch', at('touched')],
      ['deletefile', at('touched')],
      ['purge', at('tree')],
    ]) {
      expect(await on(...args), args[0]).toMatchObject({ code: 0, stderr: '' });
    }
    expect(treeOf(there)).toEqual([blobLine('moved')]);
    expect((await on('about', at(''))).stdout.toString()).toMatch(/Total: .*\nUsed: .*\nFree: /);
    expect(await on('copy', at('none'), here)).toMatchObject({ code: 3, stderr: expect.stringContaining('not found') });
  });

  it('follows links inside, and writes streams of unknown length', async () => {
    const { here, there, remote } = served.place('rclone-streams');
    writeFileSync(`${there}/file`, 'linked');
    symlinkSync('file', `${there}/link`);
    expect((await rclone(served.writable, here, 'cat', `:sftp:${remote}/link`)).stdout.toString()).toBe('linked');
    const { identity, port, user, knownHostsFile } = served.writable;
    const options = ['--sftp-host', '127.0.0.1', '--sftp-port', String(port), '--sftp-user', user];
    const keys = ['--sftp-key-file', identity.path, '--sftp-known-hosts-file', knownHostsFile];
    const args = ['--config', '/dev/null', ...options, ...keys, 'rcat', `:sftp:${remote}/stream`];
    expect(await runPeer('rclone', args, { input: blobBytes(), env: homeAt(here) })).toMatchObject({ code: 0 });
    expect(sha256(readFileSync(`${there}/stream`))).toBe(sha256(blobBytes()));
  });

  it('hears why not where nothing may be changed', async () => {
    const { here, there, remote } = served.place('rclone-read-only');
    fill(there);
    const before = treeOf(there);
    writeFileSync(`${here}/text`, 'text');
    const at = (path: string) => `:sftp:${remote}/${path}`;
    for (const args of [
      ['copyto', `${here}/text`, at('new')],
      ['deletefile', at('empty')],
      ['mkdir', at('new')],
      ['moveto', at('empty'), at('new')],
      ['touch', at('empty')],
      ['sync', `${here}`, at('sub')],
    ]) {
      const result = await rclone(served.readOnly, here, ...args);
      expect(result.code, args[0]).not.toBe(0);
      expect(result.stderr, args[0]).toContain('permission denied');
    }
    expect(treeOf(there)).toEqual(before);
    expect(refusals(served.readOnly)).toEqual(
      expect.arrayContaining(['mkdir EROFS', 'open EROFS', 'rename EROFS', 'setstat EROFS']),
    );
  });
});
