// What `-L`, `-R`, `-D` and `-W` say, as ssh(1) has it: fields parted by colons, IPv6 addresses in brackets, anything with a slash
// in it a unix socket, a backslash before a character that is meant as it is. A text that could be read in two ways is refused:
// a port must never be open elsewhere than its user thinks.

import { printable, UsageError } from '../../errors.ts';
import type { ForwardTarget } from '../../forward/target.ts';
import { quoted } from '../connection/command-line.ts';

/** Where to listen. `host` null where none was given: loopback, unless gateway ports are on; empty for all addresses. */
export type ListenPlace = { readonly host: string | null; readonly port: number } | { readonly path: string };

/** One forward to set up: to a place, or a SOCKS proxy, here or on the server's side. */
export type ForwardRequest = LocalRequest | RemoteRequest;

export type LocalRequest = Between<'local'> | Proxy<'dynamic'>;
export type RemoteRequest = Between<'remote'> | Proxy<'remote-dynamic'>;

interface Between<K> {
  readonly kind: K;
  readonly from: ListenPlace;
  readonly to: ForwardTarget;
}

interface Proxy<K> {
  readonly kind: K;
  readonly from: ListenPlace;
}

interface Field {
  readonly text: string;
  /** Was in brackets, so it is an address whatever is in it. */
  readonly bracketed: boolean;
}

/**
 * `[bind:]port:host:hostport`, with a socket's path for either end; for `remote` also without a destination, which is a SOCKS proxy.
 * @throws UsageError
 */
export function parseForward(kind: 'local' | 'remote', text: string): ForwardRequest {
  const letter = kind === 'local' ? 'L' : 'R';
  const wrong = (): UsageError =>
    new UsageError(
      `-${letter} needs [bind_address:]port:host:hostport, with the path of a socket for either end${kind === 'remote' ? ', or [bind_address:]port' : ''}, not '${printable(text)}'`,
    );
  const fields = split(text) ?? fail(wrong());
  const [first, second, third] = fields;
  const last = fields.at(-1);
  if (first === undefined || last === undefined) throw wrong();
  const noTarget = fields.length === 1 || (fields.length === 2 && !isPath(first) && !isPath(last) && isPort(last));
  if (kind === 'remote' && noTarget) return { kind: 'remote-dynamic', from: proxyPlace(first, second, wrong) };
  // Ends at a path: `port:/sock`, `bind:port:/sock`, `/sock:/sock`. Else the last two fields are host and port.
  const to: ForwardTarget = isPath(last) ? { path: last.text } : hostAndPort(fields.slice(-2), wrong);
  const rest = fields.slice(0, isPath(last) ? -1 : -2);
  if (rest.length === 1 && isPath(first)) return { kind, from: { path: first.text }, to };
  if (rest.length === 1) return { kind, from: { host: null, port: port(first, 0) ?? fail(wrong()) }, to };
  if (rest.length !== 2 || second === undefined || isPath(first) || (third === undefined && !isPath(last))) throw wrong();
  return { kind, from: { host: bindAddress(first), port: port(second, 0) ?? fail(wrong()) }, to };
}

/** `[bind:]port`. @throws UsageError */
export function parseDynamic(text: string): ForwardRequest {
  const wrong = (): UsageError => new UsageError(`-D needs [bind_address:]port, not '${printable(text)}'`);
  const fields = split(text) ?? fail(wrong());
  const [first, second] = fields;
  if (first === undefined || fields.length > 2) throw wrong();
  if (isPath(first)) throw wrong();
  return { kind: 'dynamic', from: proxyPlace(first, second, wrong) };
}

function proxyPlace(first: Field, second: Field | undefined, wrong: () => UsageError): ListenPlace {
  if (second !== undefined) return { host: bindAddress(first), port: port(second, 0) ?? fail(wrong()) };
  return isPath(first) ? { path: first.text } : { host: null, port: port(first, 0) ?? fail(wrong()) };
}

/** `host:port`, or the path of a socket on the server. @throws UsageError */
export function parseStdioForward(text: string): ForwardTarget {
  const wrong = (): UsageError => new UsageError(`-W needs host:port, not '${printable(text)}'`);
  const fields = split(text) ?? fail(wrong());
  const [only] = fields;
  if (fields.length === 1 && only !== undefined && isPath(only)) return { path: only.text };
  return hostAndPort(fields, wrong);
}

/** As a line of ssh_config(5); null for what has none: there, a local port is not the system's to choose. */
export function configurationLine(request: ForwardRequest): string | null {
  const { kind, from } = request;
  const remote = kind === 'remote' || kind === 'remote-dynamic';
  if (!remote && 'port' in from && from.port === 0) return null;
  if (kind === 'dynamic') return `DynamicForward ${quoted(endText(from))}`;
  if (kind === 'remote-dynamic') return `RemoteForward ${quoted(endText(from))}`;
  return `${kind === 'local' ? 'LocalForward' : 'RemoteForward'} ${quoted(endText(from))} ${quoted(endText(request.to))}`;
}

/** A colon ends a field, and a dollar sign may begin a variable: neither is in a name or path that is worth a line. */
function endText(end: ListenPlace | ForwardTarget): string {
  if ('path' in end) return end.path;
  return end.host === null ? String(end.port) : `[${end.host || '*'}]:${end.port}`;
}

/** As it can be typed again: brackets around what has a colon. */
export function describePlace(place: ListenPlace | ForwardTarget): string {
  if ('path' in place) return printable(place.path);
  const host = place.host === null ? 'localhost' : place.host || '*';
  return `${host.includes(':') ? `[${printable(host)}]` : printable(host)}:${place.port}`;
}

/** Null where brackets do not pair or stand in the wrong place. */
function split(text: string): Field[] | null {
  // A line break or the like has no place in any of them; what is printed about a forward stays one line.
  if (/\p{Cc}/u.test(text)) return null;
  const fields: Field[] = [];
  let rest = text;
  for (;;) {
    const [whole, address, plain = ''] = /^(?:\[([^[\]]*)\]|((?:\\.|[^:[\]\\])*))(?=:|$)/.exec(rest) ?? [];
    if (whole === undefined) return null;
    fields.push({ text: address ?? plain.replace(/\\(.)/g, '$1'), bracketed: address !== undefined });
    rest = rest.slice(whole.length);
    if (rest === '') return fields;
    rest = rest.slice(1);
  }
}

function isPath({ text, bracketed }: Field): boolean {
  return !bracketed && text.includes('/');
}

function isPort(field: Field): boolean {
  return port(field, 0) !== null;
}

function port({ text, bracketed }: Field, least: 0 | 1): number | null {
  const number = !bracketed && /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  return number >= least && number <= 65_535 ? number : null;
}

/** ssh(1): "An empty bind_address or '*' indicates that the port should be available from all interfaces." */
function bindAddress({ text }: Field): string {
  return text === '*' ? '' : text;
}

function hostAndPort(fields: readonly Field[], wrong: () => UsageError): ForwardTarget {
  const [host, at] = fields;
  if (host === undefined || at === undefined || fields.length !== 2) throw wrong();
  if (host.text === '' || isPath(host)) throw wrong();
  return { host: host.text, port: port(at, 1) ?? fail(wrong()) };
}

function fail(error: Error): never {
  throw error;
}
