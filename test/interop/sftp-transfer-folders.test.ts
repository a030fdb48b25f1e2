// Folders both ways, with a real sshd: many files, odd names, links, merging, what is left out, and what cannot be done.

import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { relative } from 'node:path';
import { expect, it } from 'vitest';
import type { TransferOptions, TransferProgress } from '../../src/sftp.ts';
import { describePeer, randomBytes, run, type TempDir } from '../support/peers.ts';
import { openOnServer, type SFTPLogin, sftpLogin } from '../support/sftp-login.ts';

const DIRECTIONS = ['get', 'put'] as const;

/** Everything below a folder, as lines: kind, mode, name, and content or target. */
function tree(folder: string, { times = false } = {}): string[] {
  const names = readdirSync(folder, { encoding: 'buffer', recursive: false })
    .map((name) => name.toString('latin1'))
    .sort();
  return names.flatMap((name) => {
    const path = Buffer.concat([Buffer.from(folder, 'latin1'), Buffer.from(`/${name}`, 'latin1')]);
    const stat = lstatSync(path);
    const time = times && !stat.isSymbolicLink() ? ` ${Math.floor(stat.mtimeMs / 1000)}` : '';
    const line = `${(stat.mode & 0o777).toString(8)}${time} ${name}`;
    if (stat.isSymbolicLink()) return [`link ${name} -> ${readlinkSync(path)}`];
    if (stat.isDirectory())
      return [`folder ${line}`, ...tree(path.toString('latin1'), { times }).map((each) => `${name}/ ${each}`)];
    if (!stat.isFile()) return [`other ${name}`];
    return [`file ${line} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`];
  });
}

function make(folder: TempDir): string {
  const root = folder.join('source');
  mkdirSync(`${root}/empty/deeper`, { recursive: true });
  mkdirSync(`${root}/sub/sub`, { recursive: true });
  writeFileSync(`${root}/a`, 'a');
  writeFileSync(`${root}/sub/b b`, randomBytes(300_000, 1), { mode: 0o700 });
  writeFileSync(`${root}/sub/new\nline`, '');
  writeFileSync(Buffer.concat([Buffer.from(`${root}/sub/sub/`), Buffer.from([0xff, 0x80])]), 'not UTF-8');
  chmodSync(`${root}/sub/sub`, 0o750);
  return root;
}

const go = (
  login: SFTPLogin,
  direction: 'get' | 'put',
  to: string,
  options: TransferOptions = {},
  from = login.folder.join('source'),
) => login.sftp[direction](from, to, { recursive: true, ...options });

describePeer('sshd', 'folders', () => {
  it.each(DIRECTIONS)('with everything in them: %s', async (direction) => {
    await using login = await sftpLogin();
    const root = make(login.folder);
    const to = login.folder.join('not', 'there', 'yet');
    const result = await go(login, direction, to);
    expect(tree(to)).toEqual(tree(root));
    expect(result).toEqual({ files: 4, folders: 5, links: 0, skipped: 0, bytes: 300_010, attributes: null });
    // Again, and into what is there.
    writeFileSync(`${to}/mine`, 'mine');
    writeFileSync(`${to}/a`, 'longer than before');
    await go(login, direction, to);
    expect(tree(to).filter((line) => !line.endsWith('mine') && !line.includes(' mine '))).toEqual(tree(root));
    expect(readFileSync(`${to}/mine`, 'utf8')).toBe('mine');
  });

  it.each(DIRECTIONS)('of 2,000 files: %s', async (direction) => {
    await using login = await sftpLogin();
    const { folder } = login;
    mkdirSync(folder.join('source'));
    for (let file = 0; file < 2_000; file++) writeFileSync(folder.join('source', `file-${file}`), randomBytes(4_096, file));
    const progress: TransferProgress[] = [];
    const result = await go(login, direction, folder.join('target'), { onProgress: (each) => progress.push(each) });
    expect(tree(folder.join('target'))).toEqual(tree(folder.join('source')));
    expect(result).toMatchObject({ files: 2_000, bytes: 2_000 * 4_096 });
    expect(progress.filter(({ done }) => done)).toHaveLength(2_000);
    expect(progress.at(-1)).toMatchObject({ files: 2_000, filesTotal: 2_000, bytes: 8_192_000, bytesTotal: 8_192_000 });
    expect(await openOnServer(login, folder.join('source'))).toBe(0);
  });

  it.each(DIRECTIONS)('one file at a time, where that is wanted: %s', async (direction) => {
    await using login = await sftpLogin();
    const root = make(login.folder);
    await go(login, direction, login.folder.join('to'), { concurrency: 1 });
    expect(tree(login.folder.join('to'))).toEqual(tree(root));
  });

  it.each(DIRECTIONS)('with modes and times, also where nobody may write: %s', async (direction) => {
    await using login = await sftpLogin();
    const root = make(login.folder);
    chmodSync(`${root}/sub/sub`, 0o500);
    chmodSync(`${root}/sub`, 0o555);
    await run('find', [root, '-depth', '-exec', 'touch', '-h', '-d', '2011-11-11 11:11:11', '{}', ';']);
    await go(login, direction, login.folder.join('to'), { preserve: true });
    expect(tree(login.folder.join('to'), { times: true })).toEqual(tree(root, { times: true }));
    expect(statSync(login.folder.join('to')).mtimeMs).toBe(statSync(root).mtimeMs);
    for (const each of [root, login.folder.join('to')]) chmodSync(`${each}/sub`, 0o755);
  });

  it.each(DIRECTIONS)('with links as links, followed, or without: %s', async (direction) => {
    await using login = await sftpLogin();
    const { folder } = login;
    const root = folder.join('source');
    mkdirSync(`${root}/sub`, { recursive: true });
    writeFileSync(`${root}/file`, 'file');
    writeFileSync(folder.join('outside'), 'outside');
    for (const [target, name] of [
      ['file', 'to-file'],
      ['sub', 'to-folder'],
      ['../outside', 'to-outside'],
      ['nothing', 'to-nothing'],
      ['..', 'sub/up'],
    ] as const) {
      symlinkSync(target, `${root}/${name}`);
    }
    for (const again of [1, 2]) {
      const copied = await go(login, direction, folder.join('copied'));
      expect(tree(folder.join('copied'))).toEqual(tree(root));
      expect(copied).toMatchObject({ files: 1, folders: 2, links: 5, skipped: 0 });
      // The second time they are there, and one of them leads elsewhere.
      if (again === 1) {
        await run('ln', ['-sfn', '/', folder.join('copied', 'to-file')]);
      }
    }
    const skipped = await go(login, direction, folder.join('skipped'), { links: 'skip' });
    expect(tree(folder.join('skipped'))).toEqual(tree(root).filter((line) => !line.includes('link ')));
    expect(skipped).toMatchObject({ files: 1, folders: 2, links: 0, skipped: 5 });
    const told: string[] = [];
    const onError = (error: unknown, path: string) => {
      told.push(`${relative(root, path)} ${(error as NodeJS.ErrnoException).code}`);
      return 'skip' as const;
    };
    const followed = await go(login, direction, folder.join('followed'), { links: 'follow', onError });
    expect(told.sort()).toEqual(['sub/up ELOOP', 'to-folder/up ELOOP', 'to-nothing ENOENT']);
    expect(followed).toMatchObject({ files: 3, folders: 3, links: 0, skipped: 3 });
    expect(readdirSync(folder.join('followed')).sort()).toEqual(['file', 'sub', 'to-file', 'to-folder', 'to-outside']);
    expect(readFileSync(folder.join('followed', 'to-outside'), 'utf8')).toBe('outside');
  });

  it.each(DIRECTIONS)('without what a filter leaves out: %s', async (direction) => {
    await using login = await sftpLogin();
    const root = make(login.folder);
    const seen: string[] = [];
    await go(login, direction, login.folder.join('to'), {
      filter: async (path, attributes) => {
        seen.push(relative(root, path));
        return attributes.isDirectory() ? !path.endsWith('empty') : attributes.size > 1;
      },
    });
    expect(seen).not.toContain('empty/deeper');
    expect(seen).toEqual(expect.arrayContaining(['a', 'empty', 'sub', 'sub/b b', 'sub/new\nline', 'sub/sub']));
    expect(tree(login.folder.join('to')).map((line) => line.replace(/ [0-9a-f]{64}$/, ''))).toEqual([
      'folder 755 sub',
      'sub/ file 700 b b',
      'sub/ folder 750 sub',
      'sub/ sub/ file 644 \xff\x80',
    ]);
  });

  it.each(DIRECTIONS)('that hold what is no file: %s', async (direction) => {
    await using login = await sftpLogin();
    const root = make(login.folder);
    await run('mkfifo', [`${root}/pipe`]);
    const result = await go(login, direction, login.folder.join('to'));
    expect(result).toMatchObject({ files: 4, skipped: 1 });
    const onError = (): 'throw' => 'throw';
    await expect(go(login, direction, login.folder.join('to'), { onError })).rejects.toMatchObject({
      name: 'SFTPError',
      code: 'ENOTSUP',
      path: `${root}/pipe`,
    });
  });

  it.each(DIRECTIONS)('end with the first error, or go on without the file: %s', async (direction) => {
    await using login = await sftpLogin();
    const { folder } = login;
    const root = make(folder);
    // A folder stands where a file is to be, a file where a folder is to be.
    mkdirSync(folder.join('to', 'a'), { recursive: true });
    writeFileSync(folder.join('to', 'sub'), '');
    await expect(go(login, direction, folder.join('to'))).rejects.toMatchObject({
      code: expect.stringMatching(/^(EISDIR|ENOTDIR)$/),
    });
    const told: string[] = [];
    const onError = async (error: unknown, path: string) => {
      told.push(`${relative(root, path)} ${(error as NodeJS.ErrnoException).code}`);
      return 'skip' as const;
    };
    const result = await go(login, direction, folder.join('to'), { onError });
    expect(told.sort()).toEqual(['a EISDIR', 'sub ENOTDIR']);
    expect(result).toMatchObject({ files: 0, skipped: 2, folders: 3 });
    expect(existsSync(folder.join('to', 'empty', 'deeper'))).toBe(true);
    await expect(go(login, direction, folder.join('to', 'sub'))).rejects.toMatchObject({ code: 'ENOTDIR' });
  });

  it.each(DIRECTIONS)('that are files, or are not there: %s', async (direction) => {
    await using login = await sftpLogin();
    const { folder } = login;
    folder.write('source', 'file');
    expect(await go(login, direction, folder.join('to'))).toMatchObject({ files: 1, folders: 0, bytes: 4 });
    expect(readFileSync(folder.join('to'), 'utf8')).toBe('file');
    await expect(go(login, direction, folder.join('to'), {}, folder.join('missing'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it.each(DIRECTIONS)('go on where an earlier transfer has ended: %s', async (direction) => {
    await using login = await sftpLogin();
    const { folder } = login;
    const root = make(folder);
    writeFileSync(`${root}/big`, randomBytes(3_000_000, 2));
    for (const name of ['a', 'big']) utimesSync(`${root}/${name}`, 1_000_000_000, 1_000_000_000);
    await go(login, direction, folder.join('to'), { preserve: true });
    writeFileSync(folder.join('to', 'big'), randomBytes(3_000_000, 2).subarray(0, 2_000_000));
    // The same size and another time: complete, unless times are to be the same.
    writeFileSync(folder.join('to', 'a'), 'b');
    const result = await go(login, direction, folder.join('to'), { resume: true });
    expect(result).toMatchObject({ files: 5, bytes: 1_000_000 });
    expect(readFileSync(folder.join('to', 'a'), 'utf8')).toBe('b');
    expect(await go(login, direction, folder.join('to'), { resume: true, preserve: true })).toMatchObject({
      files: 5,
      bytes: 3_000_001,
    });
    expect(tree(folder.join('to'), { times: true })).toEqual(tree(root, { times: true }));
    writeFileSync(folder.join('to', 'a'), 'longer');
    await expect(go(login, direction, folder.join('to'), { resume: true })).rejects.toMatchObject({
      code: 'ERR_SSH_SFTP_MISMATCH',
      message: expect.stringMatching(/cannot resume: the target has 6 bytes, the source 1/),
    });
  });

  it('do not lead out through links that were there before', async () => {
    await using login = await sftpLogin();
    const { folder } = login;
    make(folder);
    mkdirSync(folder.join('outside'));
    mkdirSync(folder.join('to'));
    symlinkSync('../outside', folder.join('to', 'sub'));
    symlinkSync('../outside/a', folder.join('to', 'a'));
    const codes: unknown[] = [];
    const onError = (error: unknown) => {
      codes.push((error as NodeJS.ErrnoException).code);
      return 'skip' as const;
    };
    await go(login, 'get', folder.join('to'), { onError });
    expect(codes).toEqual(['ELOOP', 'ELOOP']);
    expect(readdirSync(folder.join('outside'))).toEqual([]);
    // The target itself may be a link.
    symlinkSync('outside', folder.join('link'));
    await go(login, 'get', folder.join('link'));
    expect(readdirSync(folder.join('outside')).sort()).toEqual(['a', 'empty', 'sub']);
  });
});
