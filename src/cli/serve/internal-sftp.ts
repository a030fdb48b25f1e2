// `internal-sftp` as the command of a key or a certificate: SFTP of the served folder and nothing else, with the arguments that
// sftp-server(8) has. One that limits the session is obeyed or refused, never ignored.

import { printable, UsageError } from '../../errors.ts';
import { isInternalSftp } from '../../server/grant.ts';
import type { FolderOptions } from '../../sftp/server/folder.ts';
import { parseOptions } from '../getopt.ts';

export type SftpLimits = Pick<FolderOptions, 'readOnly' | 'umask' | 'home'>;

/** What they log, and where to, is no limit: we have our own log. */
const TABLE = { R: 'flag', d: 'value', u: 'value', e: 'flag', f: 'value', l: 'value' } as const;

const NOT_SUPPORTED = { c: 'a shell', h: 'help', p: 'a list of allowed requests', P: 'a list of denied requests', Q: 'queries' };

/** Null for any other command, or none; a text where it asks for what cannot be had. */
export function internalSftp(command: string | null, user: string): SftpLimits | string | null {
  if (command === null || !isInternalSftp(command)) return null;
  // As sshd: parted by blanks, quotes mean nothing.
  const words = command.split(/[ \t]+/).filter((word) => word !== '');
  try {
    const options = parseOptions(words.slice(1), TABLE, { notSupported: NOT_SUPPORTED });
    const [extra] = options.operands;
    if (extra !== undefined) return `internal-sftp: what is '${printable(extra)}' for?`;
    const [umask, home] = [options.value('u'), options.value('d')];
    return {
      ...(options.has('R') && { readOnly: true }),
      ...(umask !== null && { umask: umaskOf(umask) }),
      ...(home !== null && { home: homeOf(home, user) }),
    };
  } catch (error) {
    if (error instanceof UsageError) return `internal-sftp: ${error.message}`;
    throw error;
  }
}

function umaskOf(text: string): number {
  if (!/^[0-7]{1,4}$/.test(text) || Number.parseInt(text, 8) > 0o777) throw new UsageError(`not a umask: '${printable(text)}'`);
  return Number.parseInt(text, 8);
}

/** A path in the served folder, whose root is everybody's home. `%u` is the user's name, `%d` the home. */
function homeOf(text: string, user: string): string {
  const path = text.replace(/%(.?)/gsu, (_, token: string) => {
    if (token === '%') return '%';
    if (token === 'u') return user;
    if (token === 'd') return '/';
    throw new UsageError(`-d knows %u, %d and %%, not '%${printable(token)}'`);
  });
  return `/${path}`;
}
