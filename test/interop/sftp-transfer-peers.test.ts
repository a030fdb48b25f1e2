// Transfers with servers that are not OpenSSH's: asyncssh, which handles requests as tasks of their own, paramiko, which is the seed's
// and hashes files, and this library's.

import { mkdirSync, readFileSync, statSync, symlinkSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readPrivateKey, Transport } from '../../src/index.ts';
import type { SFTPClient } from '../../src/sftp.ts';
import { startAmikoServe } from '../support/amiko-serve.ts';
import { describePeer, keyPair, randomBytes, run, sha256, type TempDir, tempDir } from '../support/peers.ts';
import { PYTHON_SFTP_PEERS, withPythonSftp } from '../support/python-sftp-servers.ts';

/** Everything once, with `root` as what the server calls the folder `served`. */
async function everything(sftp: SFTPClient, local: TempDir, served: TempDir, root: string): Promise<void> {
  const there = (name: string) => `${root}/${name}`;
  const big = randomBytes(20_000_001, 1);
  const source = local.write('big', big);
  expect(await sftp.put(source, there('big'), { verify: 'hash' })).toMatchObject({ bytes: big.length });
  expect(await sftp.get(there('big'), local.join('got'), { verify: 'hash' })).toMatchObject({ bytes: big.length });
  for (const file of [served.join('big'), local.join('got')]) expect(sha256(readFileSync(file))).toBe(sha256(big));

  mkdirSync(local.join('tree', 'sub', 'empty'), { recursive: true });
  for (let file = 0; file < 300; file++) local.write(`tree/sub/${file}`, randomBytes(file * 50, file), 0o644);
  local.write('tree/large', big.subarray(0, 3_000_000), 0o600);
  symlinkSync('sub/7', local.join('tree', 'link'));
  for (const each of ['tree/sub/7', 'tree/large', 'tree/sub', 'tree']) utimesSync(local.join(each), 1_000_000_000, 1_000_000_000);
  const options = { recursive: true, preserve: true };
  const counted = { files: 301, folders: 3, links: 1, skipped: 0 };
  expect(await sftp.put(local.join('tree'), there('tree'), options)).toMatchObject(counted);
  expect(await sftp.get(there('tree'), local.join('back'), options)).toMatchObject(counted);
  expect(await sftp.copyTo(there('tree'), sftp, there('copy'), options)).toMatchObject(counted);
  for (const other of [served.join('tree'), local.join('back'), served.join('copy')]) {
    const compared = await run('diff', ['-r', '--no-dereference', local.join('tree'), other]);
    expect([compared.code, compared.stdout.toString()]).toEqual([0, '']);
    expect(statSync(join(other, 'large')).mode & 0o777).toBe(0o600);
    for (const each of ['sub/7', 'large', 'sub', '']) expect(statSync(join(other, each)).mtimeMs).toBe(1_000_000_000_000);
  }

  expect(await sftp.putfo([big], there('stream'), { verify: 'hash' })).toMatchObject({ stSize: big.length });
  const received = Buffer.alloc(big.length);
  expect(await sftp.getfo(there('stream'), received, { verify: 'hash' })).toBe(big.length);
  expect(received.equals(big)).toBe(true);
  await sftp.truncate(there('stream'), 5_000_000);
  expect(await sftp.put(source, there('stream'), { resume: true, verify: 'hash' })).toMatchObject({
    bytes: big.length - 5_000_000,
  });
  expect(await sftp.put(source, there('stream'), { resume: true })).toMatchObject({ bytes: 0 });
}

for (const peer of PYTHON_SFTP_PEERS) {
  describePeer(peer, peer, () => {
    it('gets and gives everything', { timeout: 60_000 }, async () => {
      await using local = tempDir();
      await using served = tempDir();
      await withPythonSftp(peer, async (sftp) => {
        await everything(sftp, local, served, served.path);
      });
    });
  });
}

describePeer('ssh-keygen', 'amiko serve', () => {
  it('gets and gives everything', async () => {
    await using local = tempDir();
    await using served = tempDir();
    const key = keyPair('ed25519');
    await using server = await startAmikoServe({ args: ['--write', served.path] });
    await using transport = new Transport(['127.0.0.1', server.port]);
    await transport.connect({ hostKey: 'ignore' });
    await transport.authPublickey(server.user, await readPrivateKey(key.path));
    await using sftp = await transport.openSftpClient();
    await everything(sftp, local, served, '');
  });
});
