// The shell command of ProxyCommand with its tokens filled in (ssh_config(5), "TOKENS"). What is filled in comes from names that may be
// somebody else's (a submodule's URL, a link), so nothing that a shell would look at twice may be in them (CVE-2023-51385).

import { printable, UsageError } from '../../errors.ts';

export interface ProxyTarget {
  readonly host: string;
  readonly port: number;
  readonly user: string;
}

/** Not only what OpenSSH refuses: whatever is no letter, digit or one of these is no part of a host's or user's name here. */
const SAFE_HOST = /^[\p{L}\p{N}_.:%][\p{L}\p{N}_.:%-]*$/u;
const SAFE_USER = /^[\p{L}\p{N}_.@+=,][\p{L}\p{N}_.@+=,-]*$/u;

/**
 * `%h` and `%n` the host, `%p` the port, `%r` the user, `%%` a percent sign.
 * @throws UsageError for another token, and for a host or user that a shell could read as more than a word
 */
export function expandProxyCommand(command: string, { host, port, user }: ProxyTarget): string {
  if (command === '-') throw new UsageError("ProxyCommand '-' is not supported");
  if (/[\0\r\n]/.test(command)) throw new UsageError('ProxyCommand is one line');
  if (!SAFE_HOST.test(host)) throw new UsageError(`a host of this name is not handed to a shell: '${printable(host)}'`);
  if (!SAFE_USER.test(user)) throw new UsageError(`a user of this name is not handed to a shell: '${printable(user)}'`);
  const values: Readonly<Record<string, string>> = { '%': '%', h: host, n: host, p: String(port), r: user };
  return command.replace(/%(.?)/gs, (_token, letter: string) => {
    const value = Object.hasOwn(values, letter) ? values[letter] : undefined;
    if (value === undefined) throw new UsageError(`ProxyCommand knows %h, %n, %p, %r and %%, not '%${printable(letter)}'`);
    return value;
  });
}
