// The tour through the SFTP client on servers that are not OpenSSH's: asyncssh, and paramiko, whose server is the seed's.

import { mkdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { describePeer, randomBytes, sha256, tempDir } from '../support/peers.ts';
import { PYTHON_SFTP_PEERS, withPythonSftp } from '../support/python-sftp-servers.ts';
import { tour } from '../support/sftp-tour.ts';

for (const peer of PYTHON_SFTP_PEERS) {
  describePeer(peer, `SFTP on ${peer}`, () => {
    it('takes the tour', { timeout: 60_000 }, async () => {
      await using folder = tempDir();
      await withPythonSftp(peer, async (sftp) => {
        mkdirSync(folder.join('root'));
        await tour(sftp, folder.join('root'));
        if (peer !== 'python3-paramiko') return;
        const data = randomBytes(10_000, 1);
        await sftp.writeFile(folder.join('x'), data);
        await using file = await sftp.open(folder.join('x'));
        // The seed's server has these two, and wants the bytes of one hash in blocks of at least 256.
        expect(Buffer.from(await file.check(['sha256', 'sha1'])).toString('hex')).toHaveLength(40);
        expect(Buffer.from(await file.check('sha1', 0, 10_000)).length).toBe(20);
        expect(sha256(await sftp.readFile(folder.join('x')))).toBe(sha256(data));
      });
    });
  });
}
