// `~` and `~name` at the beginning of a remote path, as scp has them. The server knows where that is (expand-path@openssh.com); one
// that does not say still begins relative paths at the home directory of whoever has logged in.

import { SSHError } from '../../errors.ts';
import type { CallOptions } from '../../io/waiting.ts';
import type { SFTPClient } from '../../sftp/client/sftp-client.ts';
import { expandPath } from '../../sftp/protocol/extensions.ts';

/** @throws SSHError for `~name` where the server does not tell homes */
export async function expandHome(client: SFTPClient, path: string, call: CallOptions): Promise<string> {
  if (!path.startsWith('~')) return path === '' ? '.' : path;
  if (client.extensions.has(expandPath.name)) return client.expandPath(path, call);
  if (path === '~' || path.startsWith('~/')) return path.slice(2).replace(/^\/+/, '') || '.';
  throw new SSHError('ERR_SSH_USAGE', `the server does not tell where ${path} is`);
}
