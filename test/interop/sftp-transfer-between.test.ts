// From one server to another, with real sshds: through this machine, or by the server itself where both are one.

import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { TransferOptions } from '../../src/sftp.ts';
import { describePeer, randomBytes, run, sha256, startSshd } from '../support/peers.ts';
import { loginTo, sftpLogin } from '../support/sftp-login.ts';

const SIZE = 10_000_001;
const data = randomBytes(SIZE, 1);

describePeer('sshd', 'from one server to another', () => {
  it('files and folders are copied, as they are', async () => {
    await using login = await sftpLogin();
    await using second = await startSshd();
    const other = await loginTo(second);
    const to = await other.sftp();
    const { sftp, folder } = login;
    mkdirSync(folder.join('source', 'sub'), { recursive: true });
    folder.write('source/big', data, 0o640);
    folder.write('source/sub/small', 'small', 0o755);
    symlinkSync('big', folder.join('source', 'link'));
    const copy = (path: string, dest: string, options?: TransferOptions) =>
      sftp.copyTo(folder.join(path), to, folder.join(dest), options);
    expect(await copy('source/big', 'copy', { verify: 'hash', preserve: true })).toMatchObject({ files: 1, bytes: SIZE });
    expect(sha256(readFileSync(folder.join('copy')))).toBe(sha256(data));
    expect(statSync(folder.join('copy')).mode & 0o777).toBe(0o640);
    const result = await copy('source', 'target', { recursive: true, preserve: true });
    expect(result).toMatchObject({ files: 2, folders: 2, links: 1 });
    const compared = await run('diff', ['-r', '--no-dereference', folder.join('source'), folder.join('target')]);
    expect([compared.code, compared.stdout.toString()]).toEqual([0, '']);
    expect(statSync(folder.join('target', 'sub')).mtimeMs).toBe(
      Math.floor(statSync(folder.join('source', 'sub')).mtimeMs / 1000) * 1000,
    );

    // What an earlier copy has left is continued; links that it made are not followed.
    writeFileSync(folder.join('copy'), data.subarray(0, SIZE - 1_000));
    expect((await copy('source/big', 'copy', { resume: true })).bytes).toBe(SIZE);
    expect(sha256(readFileSync(folder.join('copy')))).toBe(sha256(data));
    expect((await copy('source/big', 'copy', { resume: true })).bytes).toBe(0);
    rmSync(folder.join('target', 'sub'), { recursive: true });
    symlinkSync('/', folder.join('target', 'sub'));
    await expect(copy('source', 'target', { recursive: true })).rejects.toMatchObject({ code: 'ELOOP' });
    await expect(copy('source', 'target')).rejects.toMatchObject({ code: 'EISDIR' });
    await expect(copy('missing', 'target')).rejects.toMatchObject({ code: 'ENOENT' });
    to.close();
    await other.close();
  });

  it('on one server, the server copies', async () => {
    await using login = await sftpLogin();
    const { sftp, folder } = login;
    folder.write('source', data, 0o600);
    const channel = sftp.getChannel();
    const post = channel.post.bind(channel);
    let sent = 0;
    channel.post = (bytes) => {
      sent += bytes.length;
      return post(bytes);
    };
    const result = await sftp.copyTo(folder.join('source'), sftp, folder.join('copy'), { preserve: true });
    expect(result).toMatchObject({ files: 1, bytes: SIZE });
    expect(sent).toBeLessThan(10_000);
    expect(sha256(readFileSync(folder.join('copy')))).toBe(sha256(data));
    // Onto itself: nothing is lost.
    await sftp.copyTo(folder.join('source'), sftp, folder.join('source'));
    expect(sha256(readFileSync(folder.join('source')))).toBe(sha256(data));
  });

  it('a folder does not go into itself, however it is called', async () => {
    await using login = await sftpLogin();
    const { sftp, folder } = login;
    mkdirSync(folder.join('tree', 'sub'), { recursive: true });
    folder.write('tree/file', 'text');
    symlinkSync('tree/sub', folder.join('link'));
    await sftp.chdir(folder.path);
    const recursive = true;
    for (const dest of ['tree', 'tree/sub/x', 'tree/new/newer', 'link', 'link/x/y', folder.join('tree', 'sub')]) {
      await expect(sftp.cp('tree', dest, { recursive })).rejects.toMatchObject({ name: 'SFTPError', code: 'EINVAL' });
    }
    expect(readdirSync(folder.join('tree')).sort()).toEqual(['file', 'sub']);
    expect(readdirSync(folder.join('tree', 'sub'))).toEqual([]);
    expect(await sftp.cp('tree', 'tree2', { recursive })).toMatchObject({ files: 1, folders: 2 });
    expect(await sftp.cp('tree', 'x/y/tree', { recursive })).toMatchObject({ files: 1, folders: 2 });
  });

  it('what another file has left at the target is not made into a mixture', async () => {
    await using login = await sftpLogin();
    const { sftp, folder, client } = login;
    await using other = await client.sftp();
    // More than what is copied again in any case.
    const large = randomBytes(50_000_000, 3);
    const source = folder.write('large', large);
    const target = folder.write('target', Buffer.from(large.subarray(0, 45_000_000)).fill('x', 5_000_000, 6_000_000));
    expect(await sftp.copyTo(source, other, target, { resume: true })).toMatchObject({ bytes: 50_000_000 });
    expect(sha256(readFileSync(target))).toBe(sha256(large));
    writeFileSync(target, large.subarray(0, 45_000_000));
    const { bytes } = await sftp.copyTo(source, other, target, { resume: true });
    expect(bytes).toBeLessThan(45_000_000);
    expect(sha256(readFileSync(target))).toBe(sha256(large));
  });
});
