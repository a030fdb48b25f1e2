// An SFTP client that is logged in to a server of the harness.

import { readdirSync, readlinkSync } from 'node:fs';
import { type Client, connect } from '../../src/index.ts';
import { readPrivateKey } from '../../src/keys.ts';
import type { SFTPClient } from '../../src/sftp.ts';
import { type PeerServer, type SshdOptions, startSshd, type TempDir, tempDir } from './peers.ts';

export interface SFTPLogin extends AsyncDisposable {
  readonly sshd: PeerServer;
  readonly client: Client;
  readonly sftp: SFTPClient;
  /** An empty folder that both sides see under the same path. */
  readonly folder: TempDir;
}

export async function loginTo(server: PeerServer): Promise<Client> {
  const privateKey = await readPrivateKey(server.identity.path);
  return connect({ host: server.host, port: server.port, username: server.user, privateKey, hostKey: 'ignore' });
}

/** Starts an sshd and logs in to it. */
export async function sftpLogin(options: SshdOptions = {}): Promise<SFTPLogin> {
  const sshd = await startSshd(options);
  const client = await loginTo(sshd);
  const folder = tempDir();
  const sftp = await client.sftp();
  return {
    sshd,
    client,
    sftp,
    folder,
    async [Symbol.asyncDispose]() {
      sftp.close();
      await client.close();
      await sshd.stop();
      await folder.remove();
    },
  };
}

/** How many descriptors of this file or folder the server's processes have. */
export async function openOnServer({ sshd, sftp }: SFTPLogin, path: string): Promise<number> {
  // When the first is answered, what was opened is known here, and closed where nobody wants it; when the second is, that is done.
  await sftp.realpath('.');
  await sftp.realpath('.');
  let count = 0;
  for (const pid of sshd.processes()) {
    for (const descriptor of listed(`/proc/${pid}/fd`)) {
      try {
        // Inside of a chroot the path has the chroot's before it.
        if (readlinkSync(`/proc/${pid}/fd/${descriptor}`).endsWith(path)) count++;
      } catch {
        // Closed in the meantime.
      }
    }
  }
  return count;
}

function listed(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
