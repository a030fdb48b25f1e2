// What LocalForward, RemoteForward and DynamicForward say: where to listen and where to connect, each a host and port or the path
// of a socket. A field with a slash is a path; brackets and backslashes keep a colon inside of its field.

import type { ServiceLookup } from './values.ts';
import { port } from './values.ts';

/** One end of a forwarding. `host` is null where the file names none; what that means is GatewayPorts' affair. */
export type Endpoint = { readonly host: string | null; readonly port: number } | { readonly path: string };

/** One forwarding: of what is listened on, to where. */
export interface Forward {
  /** On this machine for LocalForward and DynamicForward, on the server for RemoteForward. */
  readonly listen: Endpoint;
  /** `'socks'`: whoever connects says where to (DynamicForward, and RemoteForward with one argument). */
  readonly connect: Endpoint | 'socks';
}

export type ForwardKind = 'local' | 'remote' | 'dynamic';

/** Longest host name (NI_MAXHOST) and longest path of a socket that OpenSSH takes. */
const HOST_LIMIT = 1024;
const PATH_LIMIT = 107;

interface Field {
  readonly text: string;
  readonly isPath: boolean;
}

/** Null where the text is no such forwarding. */
export function parseForward(
  spec: string,
  want: { readonly socks: boolean; readonly remote: boolean },
  service: ServiceLookup,
): Forward | null {
  const fields = splitFields(spec.replace(/^[ \t\n\v\f\r]+/, ''));
  const [a, b, c, d] = fields ?? [];
  if (a === undefined || fields === null || fields.length > 4) return null;
  const end = (host: Field | null, number: Field): Endpoint | null => {
    const value = port(number.text, service);
    return value === null || (host?.text.length ?? 0) > HOST_LIMIT ? null : { host: host?.text ?? null, port: value };
  };
  const path = ({ text }: Field): Endpoint | null => (text.length > PATH_LIMIT ? null : { path: text });
  let listen: Endpoint | null;
  let connect: Endpoint | 'socks' | null;
  if (b === undefined) [listen, connect] = [a.isPath ? path(a) : end(null, a), 'socks'];
  else if (c === undefined && b.isPath) [listen, connect] = [a.isPath ? path(a) : end(null, a), path(b)];
  else if (c === undefined) [listen, connect] = [end(a, b), 'socks'];
  else if (d === undefined && a.isPath) [listen, connect] = [path(a), end(b, c)];
  else if (d === undefined && c.isPath) [listen, connect] = [end(a, b), path(c)];
  else if (d === undefined) [listen, connect] = [end(null, a), end(b, c)];
  else [listen, connect] = [end(a, b), end(c, d)];
  if (listen === null || connect === null) return null;
  if (want.socks !== (connect === 'socks')) return null;
  if (connect !== 'socks' && 'port' in connect && connect.port === 0) return null;
  // Only a server can be asked to choose the port.
  if (!want.remote && 'port' in listen && listen.port === 0) return null;
  return { listen, connect };
}

function splitFields(text: string): Field[] | null {
  const fields: Field[] = [];
  for (let i = 0; i < text.length && fields.length < 5; ) {
    if (text[i] === '[') {
      const close = text.indexOf(']', i);
      if (close < 0 || (close + 1 < text.length && text[close + 1] !== ':')) return null;
      const inside = text.slice(i + 1, close);
      fields.push({ text: inside, isPath: inside.includes('/') });
      i = close + 2;
      continue;
    }
    let field = '';
    let isPath = false;
    for (; i < text.length && text[i] !== ':'; i++) {
      if (text[i] === '/') isPath = true;
      if (text[i] === '\\' && ++i === text.length) return null;
      field += text[i];
    }
    fields.push({ text: field, isPath });
    i++;
  }
  return fields;
}

/** As `ssh -G` prints one. */
export function formatForward({ listen, connect }: Forward, kind: ForwardKind): string {
  if (kind === 'dynamic') return formatEndpoint(listen);
  return `${formatEndpoint(listen)} ${connect === 'socks' ? '[socks]:0' : formatEndpoint(connect)}`;
}

function formatEndpoint(end: Endpoint): string {
  if ('path' in end) return end.path;
  return end.host === null ? String(end.port) : `[${end.host}]:${end.port}`;
}
