// Limits to hosts as ssh-add(1) writes them: `[user@]host` for a login from here, `host>[user@]host` for one from there. A host is
// known by what known_hosts says of it, and one of which it says nothing is nothing to limit a key to.

import { homedir } from 'node:os';
import { join } from 'node:path';
import type { DestinationConstraint, DestinationHost } from '../../agent.ts';
import { GLOBAL_KNOWN_HOSTS_DEFAULT, KNOWN_HOSTS_DEFAULT } from '../../config/finish.ts';
import { printable, UsageError } from '../../errors.ts';
import { KnownHosts } from '../../known-hosts.ts';
import { Failure, warn } from '../verb.ts';

/**
 * What `-h` says, with the keys in the files of `-H`, by default those that ssh reads. Undefined where it says nothing.
 * @throws UsageError for what makes no sense, Failure for a host that is not known
 */
export async function readDestinations(
  limits: readonly string[],
  files: readonly string[],
): Promise<readonly DestinationConstraint[] | undefined> {
  if (limits.length === 0) {
    if (files.length > 0) throw new UsageError('-H says where the keys of hosts are; which hosts? -h');
    return undefined;
  }
  const hosts = await KnownHosts.read(files.length > 0 ? files : usualFiles(), (message) => warn('agent', message));
  return limits.map((limit) => destination(limit, hosts));
}

function destination(limit: string, hosts: KnownHosts): DestinationConstraint {
  const [first = '', ...more] = limit.split('>');
  const [from, to] = more.length === 0 ? [null, first] : [first, more.join('>')];
  if (from?.includes('@')) throw new UsageError(`-h '${printable(limit)}': the host to come from has no user`);
  const at = to.lastIndexOf('@');
  const username = at < 0 ? '' : to.slice(0, at);
  return {
    ...(from !== null && { from: host(from, limit, hosts) }),
    to: host(to.slice(at + 1), limit, hosts),
    ...(username !== '' && { username }),
  };
}

function host(written: string, limit: string, hosts: KnownHosts): DestinationHost {
  const hostname = written.replace(/^\[(.*)\]$/, '$1');
  if (hostname === '') throw new UsageError(`-h '${printable(limit)}' does not name a host`);
  // As it stands, with its port if it has one: that is how known_hosts has it.
  const hostKeys = hosts.keysFor(hostname, 22).map(({ key }) => key);
  const authorities = hosts.authoritiesFor(hostname, 22).map(({ key }) => key);
  if (hostKeys.length + authorities.length > 0) return { hostname, hostKeys, authorities };
  const hint = /^[^[:]+:\d+$/.test(hostname) ? `; a port is written [${hostname.replace(':', ']:')}` : '';
  throw new Failure(`no key of the host '${printable(hostname)}' is known${hint}`);
}

function usualFiles(): readonly string[] {
  return [...KNOWN_HOSTS_DEFAULT.map((file) => join(homedir(), file.slice(2))), ...GLOBAL_KNOWN_HOSTS_DEFAULT];
}
