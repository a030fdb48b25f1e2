// The lines of a known_hosts file (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"): fields, names plain and hashed, patterns. Lines may be
// hostile: the work is linear in their length, no RegExp is made from them.

import { encodeUtf8, equalBytes, fromBase64, toBase64 } from '../bytes/bytes.ts';
import { nodeCrypto } from '../crypto/node/index.ts';
import { printable, UsageError } from '../errors.ts';
import { matchesPattern } from '../keys/pattern-list.ts';

export interface Line {
  readonly file: string;
  readonly number: number;
  readonly marker: '@revoked' | '@cert-authority' | null;
  readonly hosts: string;
  readonly type: string;
  readonly base64: string;
}

/** Characters in a line that is looked at. The longest supported key needs 3,000. */
const LINE_LIMIT = 65_536;
/** Characters in the names of a line. A list of patterns costs up to its length times that of the name that is looked up. */
const HOSTS_LIMIT = 16_384;
/** A host name is no longer than this (RFC 1035 section 2.3.4 says 255); matching is linear only for bounded names. */
const HOST_LIMIT = 1_024;
export const DEFAULT_PORT = 22;
const SALT_BYTES = 20;

/** A line's fields; null for a blank line or a comment, or why it is skipped. */
export function parseLine(raw: string): Omit<Line, 'file' | 'number'> | string | null {
  if (raw.length > LINE_LIMIT) return `a line of ${raw.length} characters`;
  const fields = splitFields(raw.endsWith('\r') ? raw.slice(0, -1) : raw, 4);
  const marker = fields[0]?.startsWith('@') ? (fields.shift() as string) : null;
  const [hosts, type, base64] = fields;
  if (marker === null && (hosts === undefined || hosts.startsWith('#'))) return null;
  if (marker !== null && marker !== '@revoked' && marker !== '@cert-authority') return `unknown marker '${printable(marker)}'`;
  if (hosts === undefined || type === undefined || base64 === undefined) return 'not host, type and key';
  if (hosts.length > HOSTS_LIMIT) return `${hosts.length} characters of host names`;
  if (hosts.startsWith('|') && parseHashed(hosts) === null) return 'not a hashed host name';
  return { marker, hosts, type, base64 };
}

/** What a host is looked up as: `host`, or `[host]:port` for any port but 22. Lower case. */
export function lookupName(host: string, port: number): string {
  if (host === '' || host.length > HOST_LIMIT) throw new UsageError(`not a host name: '${printable(host)}'`);
  const name = host.toLowerCase();
  return port === DEFAULT_PORT ? name : `[${name}]:${port}`;
}

/** As {@link lookupName}, for writing: a name must not turn into a pattern, a list or a marker. */
export function hostPattern(host: string, port: number): string {
  for (const character of host) {
    if (character <= ' ' || character >= '\x7f' || '*?!,|#@'.includes(character)) {
      throw new UsageError(`a host of this name cannot be written down: '${printable(host)}'`);
    }
  }
  return lookupName(host, port);
}

/** The first fields of a line. Only blanks and tabs part fields: other white space is part of a name (golang.org/x/crypto 9f72ecc). */
function splitFields(line: string, count: number): string[] {
  const fields: string[] = [];
  for (let at = 0; fields.length < count; ) {
    while (line[at] === ' ' || line[at] === '\t') at++;
    if (at >= line.length) break;
    const start = at;
    while (at < line.length && line[at] !== ' ' && line[at] !== '\t') at++;
    fields.push(line.slice(start, at));
  }
  return fields;
}

export function matchesHosts(hosts: string, name: string): boolean {
  if (hosts.startsWith('|')) return matchesHashed(hosts, name);
  let matched = false;
  for (const pattern of hosts.split(',')) {
    const negated = pattern.startsWith('!');
    if (pattern === '' || !matchesPattern((negated ? pattern.slice(1) : pattern).toLowerCase(), name)) continue;
    // A negated match rules the line out, whatever else is on it.
    if (negated) return false;
    matched = true;
  }
  return matched;
}

/** `|1|salt|hash`: HMAC-SHA1 of the name with the salt as key. */
function matchesHashed(field: string, name: string): boolean {
  const parsed = parseHashed(field);
  return parsed !== null && equalBytes(hmacSha1(parsed.salt, name), parsed.hash);
}

function parseHashed(field: string): { salt: Uint8Array; hash: Uint8Array } | null {
  const [empty, magic, saltText = '', hashText = '', ...rest] = field.split('|', 6);
  if (empty !== '' || magic !== '1' || rest.length > 0) return null;
  const salt = fromBase64(saltText);
  const hash = fromBase64(hashText);
  return salt?.length === SALT_BYTES && hash?.length === SALT_BYTES ? { salt, hash } : null;
}

export function hashName(name: string): string {
  const salt = new Uint8Array(SALT_BYTES);
  nodeCrypto.randomFill(salt);
  return `|1|${toBase64(salt)}|${toBase64(hmacSha1(salt, name))}`;
}

function hmacSha1(salt: Uint8Array, name: string): Uint8Array {
  return nodeCrypto.hmac('sha1', salt).compute(encodeUtf8(name), new Uint8Array(0));
}
