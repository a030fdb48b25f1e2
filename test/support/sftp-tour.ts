// The same tour through an SFTP client on any server: what every server of version 3 can do.

import { expect } from 'vitest';
import type { SFTPClient } from '../../src/sftp.ts';
import { randomBytes } from './peers.ts';

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

/** In a folder that is empty, and is again at the end. */
export async function tour(sftp: SFTPClient, root: string): Promise<void> {
  const at = (name: string) => `${root}/${name}`;
  await sftp.mkdir(at('a'));
  await expect(sftp.mkdir(at('a'))).rejects.toMatchObject({ code: 'EEXIST' });
  expect(await sftp.mkdir(at('a/b/c'), { recursive: true })).toBe(at('a/b'));
  for (const size of [0, 1, 32_768, 300_000, 2_000_000]) {
    const data = randomBytes(size, size);
    await sftp.writeFile(at('file'), data);
    expect((await sftp.stat(at('file'))).size).toBe(size);
    expect((await sftp.readFile(at('file'))).equals(data)).toBe(true);
  }
  await sftp.appendFile(at('log'), 'one\n');
  await sftp.appendFile(at('log'), 'two\n');
  expect(await sftp.readFile(at('log'), 'utf8')).toBe('one\ntwo\n');
  await expect(sftp.readFile(at('none'))).rejects.toMatchObject({ code: 'ENOENT' });
  await expect(sftp.writeFile(at('log'), 'x', { flag: 'wx' })).rejects.toMatchObject({ code: 'EEXIST' });
  const file = await sftp.open(at('log'), 'r+');
  await file.seek(0, 2);
  await file.write('three\n');
  expect((await file.read(Buffer.alloc(4), 0, 4, 4)).buffer.toString()).toBe('two\n');
  await file.seek(0);
  expect(await all(file)).toEqual(['one\n', 'two\n', 'three\n']);
  await file.truncate(4);
  expect((await file.stat()).size).toBe(4);
  await file.close();
  await sftp.chmod(at('log'), 0o600);
  await sftp.utimes(at('log'), 1_000_000_000, 1_000_000_001);
  const { mode, mtimeMs } = await sftp.stat(at('log'));
  expect({ mode: mode & 0o777, mtimeMs }).toEqual({ mode: 0o600, mtimeMs: 1_000_000_001_000 });
  await sftp.rename(at('log'), at('a/moved'));
  await expect(sftp.rename(at('file'), at('a/moved'))).rejects.toMatchObject({ code: 'EEXIST' });
  await sftp.symlink('moved', at('a/link'));
  expect(await sftp.readlink(at('a/link'))).toBe('moved');
  expect((await sftp.lstat(at('a/link'))).isSymbolicLink()).toBe(true);
  expect((await sftp.stat(at('a/link'))).size).toBe(4);
  await Promise.all(Array.from({ length: 250 }, (_, i) => sftp.writeFile(at(`a/b/${i}`), `${i}`)));
  expect((await sftp.listdir(at('a/b'))).length).toBe(251);
  expect((await sftp.readdir(at('a'), { recursive: true })).length).toBe(254);
  expect((await all(sftp.glob(at('a/**/24?')))).length).toBe(10);
  expect(await all(sftp.glob(at('a/b/{7,8}')))).toEqual([at('a/b/7'), at('a/b/8')]);
  const copied = sftp.createWriteStream(at('copy'));
  const done = new Promise((resolve, reject) => copied.on('finish', resolve).on('error', reject));
  sftp.createReadStream(at('file')).pipe(copied);
  await done;
  await sftp.copyFile(at('copy'), at('again'));
  expect((await sftp.readFile(at('again'))).equals(randomBytes(2_000_000, 2_000_000))).toBe(true);
  await expect(sftp.rmdir(at('a'))).rejects.toMatchObject({ code: 'ENOTEMPTY' });
  await expect(sftp.unlink(at('a'))).rejects.toMatchObject({ code: expect.stringMatching(/^(EISDIR|EACCES|EPERM)$/) });
  await sftp.rm(at('a'), { recursive: true });
  for (const name of ['file', 'copy', 'again']) await sftp.unlink(at(name));
  expect(await sftp.listdir(root)).toEqual([]);
}
