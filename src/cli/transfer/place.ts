// Where files are: a path of this machine, or `[user@]host:path`, or an `sftp://` or `scp://` address. Read as OpenSSH reads them,
// so that what is pasted from scripts means the same: a colon after a slash belongs to a local path, IPv6 addresses stand in
// brackets, and the path of an address begins at the home directory (`//` begins at the root).

import { printable, UsageError } from '../../errors.ts';
import { type Destination, parseDestination } from '../connection/destination.ts';
import { wholeNumber } from '../connection/values.ts';

export interface RemotePlace {
  readonly kind: 'remote';
  readonly destination: Destination;
  /** As it was written; empty for the home directory. */
  readonly path: string;
}

export interface LocalPlace {
  readonly kind: 'local';
  readonly path: string;
}

export type Place = RemotePlace | LocalPlace;

/** A source or target of `amiko cp`. @throws UsageError */
export function parsePlace(text: string, platform: NodeJS.Platform = process.platform): Place {
  if (text === '') throw new UsageError('an empty name is no file');
  const address = parseAddress(text);
  if (address !== null) return address;
  // A drive, not a host with one letter.
  if (platform === 'win32' && /^[a-z]:/i.test(text)) return { kind: 'local', path: text };
  const colon = hostEnd(text);
  if (colon === null) return { kind: 'local', path: text };
  return { kind: 'remote', destination: destinationOf(text.slice(0, colon)), path: text.slice(colon + 1) };
}

/** What `amiko sftp` connects to; a host with nothing behind it, too. @throws UsageError */
export function parseRemotePlace(text: string): RemotePlace {
  const address = parseAddress(text);
  if (address !== null) return address;
  const colon = hostEnd(text);
  const host = colon === null ? text : text.slice(0, colon);
  return { kind: 'remote', destination: destinationOf(host), path: colon === null ? '' : text.slice(colon + 1) };
}

/** @throws UsageError */
function destinationOf(text: string): Destination {
  const destination = parseDestination(text);
  if (destination.user === '') throw new UsageError(`no user before the @ in '${printable(text)}'`);
  return destination;
}

/** Where the host ends: at the first colon that is neither in brackets nor behind a slash, nor the first character. */
function hostEnd(text: string): number | null {
  const bracket = text.startsWith('[') ? 0 : text.indexOf('@[') + 1;
  if (bracket > 0 || text.startsWith('[')) {
    const end = text.indexOf(']:', bracket);
    const slash = text.indexOf('/');
    if (end > 0 && (slash < 0 || slash > end)) return end + 1;
    return null;
  }
  const colon = text.indexOf(':');
  const slash = text.indexOf('/');
  return colon > 0 && (slash < 0 || colon < slash) ? colon : null;
}

/** `sftp://[user@]host[:port][/path]`, percent-encoded. */
function parseAddress(text: string): RemotePlace | null {
  const [, scheme, authority = '', path = ''] = /^(sftp|scp):\/\/([^/]*)(?:\/(.*))?$/is.exec(text) ?? [];
  if (scheme === undefined) return null;
  const [, userInfo, host = '', port] = /^(?:(.*)@)?(\[[^\]]*\]|[^:[\]]*)(?::(.*))?$/s.exec(authority) ?? [];
  if (host === '') throw new UsageError(`no host in '${printable(text)}'`);
  // RFC 3986 section 3.2.1 advises against passwords there, and everybody on the machine could read it.
  if (userInfo?.includes(':')) throw new UsageError('a password in an address could be read by everybody; leave it out');
  const user = userInfo?.split(';', 1)[0];
  if (user === '') throw new UsageError(`no user before the @ in '${printable(text)}'`);
  return {
    kind: 'remote',
    destination: {
      ...parseDestination(decoded(host, text)),
      ...(user !== undefined && { user: decoded(user, text) }),
      ...(port !== undefined && port !== '' && { port: wholeNumber('the port', port, 1, 65_535) }),
    },
    path: decoded(path, text),
  };
}

function decoded(part: string, text: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new UsageError(`a percent sign without two digits in '${printable(text)}'`);
  }
}
