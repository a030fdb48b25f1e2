// sshfs on `amiko serve`: what programs do in a file system, as if the folder were here.

import { statSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { blobBytes, fill, LATIN, NAMES, refusals, type ServedTwice, serveTwice, treeOf } from '../support/foreign-sftp.ts';
import { describePeer, sha256 } from '../support/peers.ts';
import { canMountFuse, mountSshfs } from '../support/sshfs-mount.ts';

const fine = { code: 0, err: '' };

describePeer(['sshfs', 'fusermount3', 'ssh'], 'sshfs at amiko serve', () => {
  let served: ServedTwice;

  beforeAll(async () => {
    served = await serveTwice();
  });

  afterAll(() => served[Symbol.asyncDispose]());

  it.skipIf(!canMountFuse())('is mounted, looked at, copied to and from, and unmounted', async () => {
    const { here, there, remote } = served.place('copy');
    fill(`${here}/tree`);
    await using mount = await mountSshfs(served.writable, remote);
    expect(await mount.sh('cp -a "$1" tree && cp -r tree "$2" && sync', `${here}/tree`, `${here}/back`)).toMatchObject(fine);
    expect(treeOf(`${there}/tree`)).toEqual(treeOf(`${here}/tree`));
    expect(treeOf(`${here}/back`)).toEqual(treeOf(`${here}/tree`));
    const [from, to] = [`${here}/tree`, `${there}/tree`].map((folder) => statSync(`${folder}/sub/deeper/file`));
    expect(to?.mode).toBe(from?.mode);
    expect(Math.floor((to?.mtimeMs ?? 0) / 1000)).toBe(Math.floor((from?.mtimeMs ?? 0) / 1000));
    const listed = await mount.sh('ls -la tree');
    expect(listed).toMatchObject(fine);
    expect(listed.out).toMatch(/^-rw-r--r-- 1 \S+ +\S+ +20000000 \w{3} +\d+ \d\d:\d\d blob$/m);
    expect(listed.out).toMatch(/^drwxr-xr-x 1 .* sub$/m);
    const found = await mount.sh('find . -type f -print0');
    const names = found.out.split('\0').filter(Boolean).sort();
    const odd = [...NAMES, LATIN].map((name) => Buffer.from(name).toString('latin1'));
    expect(names).toEqual(['blob', 'empty', 'sub/deeper/file', ...odd].map((name) => `./tree/${name}`).sort());
    expect((await mount.sh('sha256sum < tree/blob')).out).toBe(`${sha256(blobBytes())}  -\n`);
    expect((await mount.sh('cat none')).err).toContain('No such file or directory');
    // Blocks and inodes are those of the file system that is served.
    const space = async (args: string, path: string) => (await mount.sh(`df ${args} "$1" | tail -1`, path)).out.trim();
    expect(await space('--output=size', '.')).toBe(await space('--output=size', there));
    expect(await space('--output=itotal', '.')).toBe(await space('--output=itotal', there));
    expect(await mount.unmount()).toBe('');
    expect(mount.isMounted()).toBe(false);
    // When sshfs itself ends is the kernel's to say: a mount namespace that was made meanwhile, for a server of another test for
    // example, has a copy of the mount and keeps it alive.
  });

  it.skipIf(!canMountFuse())('renames, truncates, appends, writes in the middle, links, and removes', async () => {
    const { there, remote } = served.place('changes');
    await using mount = await mountSshfs(served.writable, remote);
    const does = async (script: string) => expect(await mount.sh(script), script).toMatchObject(fine);
    await does('mkdir -p d/e && echo one > a && mv a d/a && echo two > b && mv b d/a && mv d/e d/f');
    expect(treeOf(`${there}/d`)).toEqual([`a 4 ${sha256('two\n')}`, 'f/']);
    await does(
      'cd d && truncate -s 2 a && echo more >> a && truncate -s 10 a && printf X | dd of=a bs=1 seek=1 conv=notrunc status=none',
    );
    expect(treeOf(`${there}/d`)[0]).toBe(`a 10 ${sha256('tXmore\n\0\0\0')}`);
    await does('cd d && chmod 640 a && touch -d @1000000000 a && ln -s a soft && ln a hard && chown 12345:54321 hard');
    expect(statSync(`${there}/d/a`)).toMatchObject({ mode: 0o100640, mtimeMs: 1e12, nlink: 2, uid: 12_345, gid: 54_321 });
    expect((await mount.sh('readlink d/soft; stat -c "%F %s" d/soft; stat -Lc "%s %a %Y" d/soft')).out).toBe(
      'a\nsymbolic link 1\n10 640 1000000000\n',
    );
    // Positions beyond 4 GiB, in a file that takes no room.
    await does('truncate -s 5G far && printf end | dd of=far bs=1 seek=5368709120 conv=notrunc status=none');
    expect((await mount.sh('stat -c %s far; tail -c 5 far | od -An -c')).out).toBe('5368709123\n  \\0  \\0   e   n   d\n');
    expect(statSync(`${there}/far`).blocks * 512).toBeLessThan(1_000_000);
    // Files that are opened in every way.
    const python = `
import os
with open('p', 'w+b') as f:
    f.write(b'x' * 300000); f.seek(5); f.write(b'yyy'); f.flush(); os.fsync(f.fileno()); f.seek(3); assert f.read(6) == b'xxyyyx'
fd = os.open('p', os.O_WRONLY | os.O_APPEND); os.write(fd, b'end'); os.close(fd)
assert os.stat('p').st_size == 300003
os.close(os.open('q', os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
try: os.open('q', os.O_CREAT | os.O_EXCL | os.O_WRONLY)
except FileExistsError: print('exists')
try: os.rmdir('d')
except OSError as e: print(e.errno)
`;
    expect(await mount.sh('/usr/bin/python3 -c "$1"', python)).toMatchObject({
      ...fine,
      out: expect.stringMatching(/^exists\n\d+\n$/),
    });
    await does('rm -r d far p q');
    expect(treeOf(there)).toEqual([]);
    expect(await mount.unmount()).toBe('');
  });

  it.skipIf(!canMountFuse())('makes and reads many small files', async () => {
    const { there, remote } = served.place('many');
    await using mount = await mountSshfs(served.writable, remote);
    const count = 200;
    const made = await mount.sh(
      `for i in $(seq ${count}); do echo "$i" > "$i"; done; ls | wc -l; cat * | sha256sum; find . -size +0 | wc -l`,
    );
    const all = Array.from({ length: count }, (_, i) => String(i + 1)).sort();
    expect(made).toMatchObject({
      ...fine,
      out: `${count}\n${sha256(all.map((name) => `${name}\n`).join(''))}  -\n${count + 1}\n`,
    });
    expect(treeOf(there)).toHaveLength(count);
    // Into and out of an archive, as it comes.
    expect(await mount.sh('mkdir out && tar -cf - --exclude=out . | tar -xf - -C out && rm -f [0-9]*')).toMatchObject(fine);
    expect(treeOf(`${there}/out`)).toHaveLength(count);
    expect(await mount.unmount()).toBe('');
  });

  it.skipIf(!canMountFuse())('hears why not where nothing may be changed', async () => {
    const { there, remote } = served.place('read-only');
    fill(there);
    const before = treeOf(there);
    await using mount = await mountSshfs(served.readOnly, remote);
    for (const script of [
      'touch new',
      'echo x > empty',
      'echo x >> empty',
      'rm empty',
      'mkdir new',
      'rmdir sub/deeper',
      'mv empty new',
      'chmod 600 empty',
      'chown 1 empty',
      'truncate -s 1 empty',
      'ln -s blob new',
      'ln blob new',
      'touch empty',
    ]) {
      const result = await mount.sh(script);
      expect(result.code, script).not.toBe(0);
      expect(result.err, script).toMatch(/Permission denied|Read-only file system/);
    }
    expect((await mount.sh('cat sub/deeper/file; df . > /dev/null && echo fine')).out).toBe('below\nfine\n');
    expect(treeOf(there)).toEqual(before);
    expect(refusals(served.readOnly)).toEqual(
      expect.arrayContaining(['mkdir EROFS', 'open EROFS', 'remove EROFS', 'setstat EROFS']),
    );
    expect(await mount.unmount()).toBe('');
  });

  it.skipIf(!canMountFuse())('goes away with the server, and leaves no mount', async () => {
    const other = await serveTwice();
    const { there, remote } = other.place('gone');
    await using mount = await mountSshfs(other.writable, remote);
    expect(await mount.sh('echo text > text')).toMatchObject(fine);
    expect(treeOf(there)).toEqual([`text 5 ${sha256('text\n')}`]);
    await other[Symbol.asyncDispose]();
    await expect.poll(() => mount.isMounted(), { timeout: 10_000 }).toBe(false);
  });
});
