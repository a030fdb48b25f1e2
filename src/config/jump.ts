// Where to connect, as people write it: `user@host:port`, `[::1]:22`, `ssh://user@host:port`; and ProxyJump, a list of these.
// Names that could be taken for an option or for shell syntax are refused right here, before anything is built from them
// (CVE-2023-51385, CVE-2025-61984).

import { LineError } from './line.ts';
import { hostnameProblem, userProblem } from './safe-names.ts';
import { domainName, port as parsePort, type ServiceLookup } from './values.ts';

/** A place to log in at, `[user@]host[:port]`. What was not said is null. */
export interface Destination {
  readonly user: string | null;
  readonly host: string;
  readonly port: number | null;
}

/** One hop of ProxyJump. */
export type Jump = Destination;

export interface JumpList {
  /** The hops in front, as the file has them; null where there is only one hop. */
  readonly before: string | null;
  /** The hop next to the destination. */
  readonly last: Jump;
}

/**
 * The argument of `ssh`: `host`, `user@host` or `ssh://user@host:port`. Unlike a hop, `host:22` is a host of that name.
 * @throws LineError
 */
export function parseDestination(text: string, service: ServiceLookup = () => null): Destination {
  if (text.startsWith('ssh://')) return parseUri(text, service);
  const at = text.lastIndexOf('@');
  if (at === 0) throw new LineError('there is no user before the @');
  return checked({ user: at < 0 ? null : text.slice(0, at), host: text.slice(at + 1), port: null });
}

/** `none`, or hops in the order in which they are passed. @throws LineError where one is malformed or hostile. */
export function parseJumpList(text: string, service: ServiceLookup): JumpList | 'none' {
  if (text.toLowerCase() === 'none') return 'none';
  // Only up to a comment or the first white space, as OpenSSH does.
  const end = text.slice(1).search(/[# \t\r\n\v\f]/);
  const list = end < 0 ? text : text.slice(0, end + 1);
  const comma = list.lastIndexOf(',');
  return { before: comma > 0 ? list.slice(0, comma) : null, last: parseHops(list, service).at(-1) as Jump };
}

/** All hops of a list, which has neither white space nor a comment. */
export function parseHops(text: string, service: ServiceLookup): Jump[] {
  return text.split(',').map((hop) => (hop.startsWith('ssh://') ? parseUri(hop, service) : parseHop(hop, service)));
}

function parseHop(text: string, service: ServiceLookup): Jump {
  const at = text.lastIndexOf('@');
  if (at === 0) throw new LineError('there is no user before the @');
  const [host, delimiter, rest] = splitHost(text.slice(at + 1));
  if (host === '') throw new LineError('there is no host name');
  return checked({ user: at < 0 ? null : text.slice(0, at), host, port: delimiter === '' ? null : hopPort(rest, service) });
}

function hopPort(text: string, service: ServiceLookup): number | null {
  if (text === '') return null;
  const number = parsePort(text, service);
  if (number === null || number === 0) throw new LineError(`bad port '${text}'`);
  return number;
}

function parseUri(text: string, service: ServiceLookup): Destination {
  const body = text.slice('ssh://'.length);
  const at = body.indexOf('@');
  // What follows a semicolon are connection parameters, which nobody reads.
  const user = at < 0 ? null : decode(body.slice(0, at).split(';')[0] ?? '');
  if (user === '') throw new LineError('there is no user before the @');
  const [host, delimiter, rest] = splitHost(body.slice(at + 1));
  // A URI has names and addresses of version 4 only: OpenSSH wants a domain name here.
  if (domainName(host) === null) throw new LineError(`'${host}' is no host name`);
  const slash = delimiter === ':' ? rest.indexOf('/') : -1;
  const path = delimiter === '/' ? rest : slash < 0 ? '' : rest.slice(slash + 1);
  if (path !== '') throw new LineError('an ssh URI has no path');
  const number = delimiter === ':' ? hopPort(slash < 0 ? rest : rest.slice(0, slash), service) : null;
  return checked({ user, host, port: number });
}

function decode(text: string): string {
  if (/%(?![0-9a-f]{2})/i.test(text)) throw new LineError('a % in a URI needs two hexadecimal digits');
  const bytes = text
    .replaceAll('+', ' ')
    .replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

function splitHost(text: string): [host: string, delimiter: string, rest: string] {
  if (text.startsWith('[')) {
    const close = text.indexOf(']');
    const delimiter = text[close + 1] ?? '';
    if (close < 0 || !['', ':', '/'].includes(delimiter)) throw new LineError('a bracket is not closed');
    return [text.slice(1, close), delimiter, text.slice(close + 2)];
  }
  const end = text.search(/[:/]/);
  return end < 0 ? [text, '', ''] : [text.slice(0, end), text[end] as string, text.slice(end + 1)];
}

function checked(destination: Destination): Destination {
  const problem = hostnameProblem(destination.host) ?? (destination.user === null ? null : userProblem(destination.user));
  if (problem !== null) throw new LineError(problem);
  return destination;
}

/** As `ssh -G` prints it: an address in brackets, a port where one is named. */
export function formatJumpList({ before, last: { user, host, port } }: JumpList): string {
  const name = host.includes(':') || /^[0-9.]*$/.test(host) ? `[${host}]` : host;
  return `${before === null ? '' : `${before},`}${user === null ? '' : `${user}@`}${name}${port === null ? '' : `:${port}`}`;
}
