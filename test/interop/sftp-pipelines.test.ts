// The two pipelines that all SFTP transfers go through, against a real sshd: every byte, short answers, far ends.

import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { connect } from '../../src/index.ts';
import { readPrivateKey } from '../../src/keys.ts';
import { Download } from '../../src/sftp/client/download.ts';
import { SFTPSession } from '../../src/sftp/client/session.ts';
import { Upload } from '../../src/sftp/client/upload.ts';
import { SFTPAttributes } from '../../src/sftp/protocol/attributes.ts';
import { FXF_CREAT, FXF_READ, FXF_TRUNC, FXF_WRITE, Open } from '../../src/sftp/protocol/messages.ts';
import { describePeer, randomBytes, type Sshd, startSshd, tempDir } from '../support/peers.ts';

async function session(sshd: Sshd) {
  const privateKey = await readPrivateKey(sshd.identity.path);
  const client = await connect({ host: sshd.host, port: sshd.port, username: sshd.user, privateKey, hostKey: 'ignore' });
  const channel = await client.transport.openSession();
  await channel.invokeSubsystem('sftp');
  const sftp = await SFTPSession.open(channel);
  await sftp.knowLimits();
  return { client, sftp };
}

function open(sftp: SFTPSession, path: string, flags: number): Promise<Uint8Array> {
  const what = { operation: 'open', path };
  return sftp.askHandle(what, (id) => Open.encode({ id, path, flags, attributes: new SFTPAttributes() }));
}

const sha256 = (data: Uint8Array) => createHash('sha256').update(data).digest('hex');

describePeer('sshd', 'the SFTP pipelines', () => {
  it.for([0, 1, 32_768, 261_120, 261_121, 20_000_001])('read %i bytes, with the size known or not', async (size, { expect }) => {
    await using sshd = await startSshd();
    await using folder = tempDir();
    const path = join(folder.path, 'data');
    writeFileSync(path, randomBytes(size, 1));
    const { client, sftp } = await session(sshd);
    for (const expected of [size, 0, size + 600_000, Math.floor(size / 2)]) {
      const handle = await open(sftp, path, FXF_READ);
      const hash = createHash('sha256');
      let at = 0;
      const end = await new Promise<number>((resolve, fail) => {
        const sink = {
          data: (bytes: Uint8Array, position: number, packet: Uint8Array) => {
            if (position !== at) fail(new Error(`${position} after ${at}`));
            at += bytes.length;
            hash.update(bytes);
            download.release(bytes.length, packet);
          },
          end: resolve,
          fail,
        };
        const download = new Download(sftp, handle, { operation: 'read', path }, sink, { expected });
        download.start();
      });
      expect({ end, at }).toEqual({ end: size, at: size });
      expect(hash.digest('hex')).toBe(sha256(readFileSync(path)));
    }
    await client.close();
  });

  it('write what they are given', async () => {
    await using sshd = await startSshd();
    await using folder = tempDir();
    const path = join(folder.path, 'data');
    const { client, sftp } = await session(sshd);
    const data = randomBytes(20_000_001, 2);
    const handle = await open(sftp, path, FXF_WRITE | FXF_CREAT | FXF_TRUNC);
    const upload = new Upload({ session: sftp, handle }, { operation: 'write', path });
    for (let at = 0; at < data.length; at += 700_001) {
      await upload.room();
      upload.send(data.subarray(at, at + 700_001), at);
    }
    await upload.finish();
    expect(upload.acknowledged).toBe(data.length);
    expect(sha256(readFileSync(path))).toBe(sha256(data));
    const readOnly = await open(sftp, path, FXF_READ);
    const refused = new Upload({ session: sftp, handle: readOnly }, { operation: 'write', path });
    refused.send(data.subarray(0, 10), 0);
    await expect(refused.finish()).rejects.toMatchObject({ name: 'SFTPError', operation: 'write' });
    await client.close();
  });
});
