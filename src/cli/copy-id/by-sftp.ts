// authorized_keys over SFTP, for servers that give no shell.

import { SFTPError } from '../../errors.ts';
import type { SFTPClient } from '../../sftp/client/sftp-client.ts';
import { Failure } from '../verb.ts';
import { type Account, FILE, FOLDER, MOST_CONTENT } from './account.ts';

/** @throws Failure where the file cannot be read, SSHError */
export async function accountBySftp(client: SFTPClient, user: string): Promise<Account> {
  const home = await homeOf(client, user);
  const [folder, file] = [`${home}/${FOLDER}`, `${home}/${FILE}`];
  const content = await told(
    file,
    'read',
    async () => (await present(() => client.readFile(file, { maxBytes: MOST_CONTENT })))?.toString('utf8') ?? '',
  );
  return {
    via: 'sftp',
    file,
    content,
    append: (lines) =>
      told(file, 'written', async () => {
        if ((await present(() => client.stat(folder))) === null) await client.mkdir(folder, 0o700);
        const missing = content !== '' && !content.endsWith('\n');
        await client.appendFile(file, `${missing ? '\n' : ''}${lines}`, { mode: 0o600 });
      }),
  };
}

/**
 * The account's home, also where the session begins elsewhere (`internal-sftp -d`). Where the server does not tell, or there is no such
 * folder in the chroot that we see, it is where we are.
 */
async function homeOf(client: SFTPClient, user: string): Promise<string> {
  try {
    // By name: OpenSSH 9.2 knows nobody whose name is empty, whatever its PROTOCOL says.
    const home = await client.homeDirectory(user);
    return (await client.stat(home)).isDirectory() ? home.replace(/\/+$/, '') : '.';
  } catch (error) {
    if (error instanceof SFTPError) return '.';
    throw error;
  }
}

/** Null where there is nothing of that name. */
async function present<T>(look: () => Promise<T>): Promise<T | null> {
  try {
    return await look();
  } catch (error) {
    if (error instanceof SFTPError && error.code === 'ENOENT') return null;
    throw error;
  }
}

async function told<T>(file: string, what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof SFTPError)) throw error;
    throw new Failure(`${file} cannot be ${what}: ${error.message}`, 1);
  }
}
