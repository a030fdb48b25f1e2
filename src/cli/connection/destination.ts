// How hosts are named on the command line: `[user@]host` and `ssh://` addresses.

import { printable, UsageError } from '../../errors.ts';
import { wholeNumber } from './values.ts';

/** A host with the user and the port that were named with it. */
export interface Destination {
  readonly host: string;
  readonly user?: string | undefined;
  readonly port?: number | undefined;
}

/** `[user@]host`, with or without brackets around the host. @throws UsageError for what cannot be a host's name */
export function parseDestination(destination: string): Destination {
  const at = destination.lastIndexOf('@');
  const host = destination.slice(at + 1);
  // It is passed on to the resolver and to logs; what begins with a minus is an option that went astray.
  if (host === '' || host.startsWith('-') || /[\0-\x20\x7f/]/.test(host))
    throw new UsageError(`not a host name: '${printable(host)}'`);
  return {
    host: /^\[[^\]]*\]$/.test(host) ? host.slice(1, -1) : host,
    ...(at >= 0 && { user: destination.slice(0, at) }),
  };
}

/** `ssh://[user@]host[:port]`, percent-encoded; null for what is no such address. @throws UsageError */
export function parseSshAddress(text: string): Destination | null {
  const [, authority] = /^ssh:\/\/([^/]*)\/?$/is.exec(text) ?? [];
  if (authority === undefined) {
    if (/^ssh:\/\//i.test(text)) throw new UsageError(`an ssh:// address has no path: '${printable(text)}'`);
    return null;
  }
  const { host, user, port } = parseHostAndPort(authority);
  // RFC 3986 section 3.2.1 advises against passwords there, and everybody on the machine could read it.
  if (user?.includes(':')) throw new UsageError('a password in an address could be read by everybody; leave it out');
  return { ...parseDestination(decoded(host)), user: user === undefined ? undefined : userName(decoded(user)), port };
}

function parseHostAndPort(text: string): Destination {
  const [, user, host = '', port] = /^(?:(.*)@)?(\[[^\]]*\]|[^:[\]]*)(?::(.*))?$/s.exec(text) ?? [];
  return {
    ...parseDestination(host),
    user: user === undefined ? undefined : userName(user),
    port: port === undefined ? undefined : wholeNumber('the port', port, 1, 65_535),
  };
}

/** @throws UsageError for what could be read as an option, or drive a terminal */
export function userName(value: string): string {
  if (value === '' || printable(value) !== value || value.startsWith('-')) {
    throw new UsageError(`not a user name: '${printable(value)}'`);
  }
  return value;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new UsageError(`a percent sign without two digits in '${printable(part)}'`);
  }
}
