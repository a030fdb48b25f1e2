// The keys that hosts are known by, as OpenSSH keeps them (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"). Reading never guesses: a
// line that makes no sense is skipped and said so, a file that cannot be read is an error, because "no such host" and "I could
// not look" are different answers. Lines may be hostile: the work is linear in their length, no RegExp is made from them.

import { mkdir, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { defaultAlgorithms } from '../algorithms/registry.ts';
import { encodeUtf8, equalBytes, fromBase64, toBase64 } from '../bytes/bytes.ts';
import { nodeCrypto } from '../crypto/node/index.ts';
import { printable, UsageError } from '../errors.ts';
import type { Certificate } from '../keys/certificate.ts';
import { keyAlgorithm } from '../keys/certificate-algorithms.ts';
import { matchesPattern } from '../keys/pattern-list.ts';
import { PublicKey } from '../keys/public-key.ts';

/** A key that a host is known by, and where that is written. */
export interface KnownHostKey {
  readonly key: PublicKey;
  /** Empty for keys that were added in memory only. */
  readonly file: string;
  /** From 1; 0 for keys that were added in memory only. */
  readonly line: number;
}

/** What is known about a host's key. */
export type HostKeyCheck =
  /** The host is known by this key, or by a certificate of the authority that is `known`. */
  | { readonly status: 'ok'; readonly known: KnownHostKey }
  /** Nothing is known about the host; `reason` says why a certificate of an authority that is known does not help. */
  | { readonly status: 'unknown'; readonly reason?: string }
  /** The host is known by other keys only: `known` is the one of the same type, else the first. */
  | { readonly status: 'changed'; readonly known: KnownHostKey; readonly reason?: string }
  /** The key, or the authority of its certificate, is marked `@revoked`. */
  | { readonly status: 'revoked'; readonly known: KnownHostKey };

interface Line {
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
const DEFAULT_PORT = 22;
const SALT_BYTES = 20;

/**
 * What is known about hosts, from any number of files.
 *
 * @example
 * ```ts
 * import { Transport } from 'amiko';
 * import { KnownHosts, verifyHostKey } from 'amiko/known-hosts';
 *
 * const knownHosts = await KnownHosts.read([`${process.env.HOME}/.ssh/known_hosts`]);
 * const target = { host: 'server.example.com', port: 22 };
 * const transport = new Transport(target, { algorithms: { keys: knownHosts.preferredAlgorithms(target.host, target.port) } });
 * await transport.connect({ hostKey: verifyHostKey(target, { knownHosts }), username: 'me', password: 'secret' });
 * ```
 */
export class KnownHosts {
  readonly #lines: Line[] = [];
  readonly #log: (message: string) => void;

  /** @param log Hears of lines that are skipped. */
  constructor(log: (message: string) => void = () => {}) {
    this.#log = log;
  }

  /**
   * What the files say. A file that does not exist is an empty one.
   * @throws Error (of node:fs) where a file is there but cannot be read: nothing may be concluded then.
   */
  static async read(files: readonly string[], log?: (message: string) => void): Promise<KnownHosts> {
    const hosts = new KnownHosts(log);
    for (const file of files) {
      try {
        hosts.addText(await readFile(file, 'utf8'), file);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      }
    }
    return hosts;
  }

  /** Takes in the text of a known_hosts file. */
  addText(text: string, file = ''): void {
    let number = 0;
    for (let start = 0; start < text.length; ) {
      let end = text.indexOf('\n', start);
      if (end < 0) end = text.length;
      number++;
      this.#addLine(text.slice(start, end), file, number);
      start = end + 1;
    }
  }

  /** Adds a key in memory, for this host and port. */
  add(host: string, port: number, key: PublicKey): void {
    this.#lines.push({
      file: '',
      number: 0,
      marker: null,
      hosts: hostPattern(host, port),
      type: key.type,
      base64: key.getBase64(),
    });
  }

  /** What is known about `key` as the key of `host`. A revocation counts for more than anything else. */
  check(host: string, port: number, key: PublicKey): HostKeyCheck {
    const status = this.#check(host, port, key);
    if (status.status !== 'unknown' || port === DEFAULT_PORT) return status;
    // As OpenSSH: the host's key may be written without the port. Only a match helps; another key there is another server's.
    const withoutPort = this.#check(host, DEFAULT_PORT, key);
    return withoutPort.status === 'changed' || withoutPort.status === 'unknown' ? status : withoutPort;
  }

  /** The keys that a host is known by, revoked ones left out. */
  keysFor(host: string, port: number): KnownHostKey[] {
    const known = this.#keysOf(lookupName(host, port));
    return known.length === 0 && port !== DEFAULT_PORT ? this.#keysOf(lookupName(host, DEFAULT_PORT)) : known;
  }

  /** The signature algorithms of the keys that a host is known by. */
  algorithmsFor(host: string, port: number): string[] {
    return [...new Set(this.keysFor(host, port).flatMap(({ key }) => key.algorithms))];
  }

  /**
   * What to offer as host key algorithms (`algorithms.keys` of a Transport): the defaults, those of known keys first, or the
   * server would come with another of its keys, which would not be known. Certificates come first only where an authority is
   * known for the host.
   */
  preferredAlgorithms(host: string, port: number, defaults: readonly string[] = defaultAlgorithms().keys): string {
    const types = new Set<string>(this.keysFor(host, port).map(({ key }) => key.type));
    const certified = this.#matching(lookupName(host, port)).some(({ marker }) => marker === '@cert-authority');
    if (certified || types.size === 0) return defaults.join(',');
    const plain = defaults.filter((name) => keyAlgorithm(name)?.certified !== true);
    const rest = defaults.filter((name) => keyAlgorithm(name)?.certified === true);
    const isKnown = (name: string) => types.has(keyAlgorithm(name)?.keyType ?? '');
    // Where our first choice is known there is no reason to reorder, and the usual order tells a listener less about whether we
    // know the host (CVE-2020-14145).
    if (isKnown(plain[0] ?? '')) return [...plain, ...rest].join(',');
    return [...plain.filter(isKnown), ...plain.filter((name) => !isKnown(name)), ...rest].join(',');
  }

  /**
   * Appends a key to a file, and adds it here. The file and its folder are made where they are missing, with rights for
   * nobody else.
   * @param hash Whether to write the host's name hashed; by default as the file has it.
   * @throws Error (of node:fs)
   */
  async append(file: string, host: string, port: number, key: PublicKey, hash?: boolean): Promise<void> {
    const hashed = hash ?? this.#lines.some((line) => line.file === file && line.hosts.startsWith('|'));
    const name = hashed ? hashName(lookupName(host, port)) : hostPattern(host, port);
    this.add(host, port, key);
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    const handle = await open(file, 'a+', 0o600);
    try {
      const stat = await handle.stat();
      // Another program may have left the last line without its end; ours must not become part of it.
      const last = Buffer.alloc(1);
      const ended = stat.size === 0 || (await handle.read(last, 0, 1, stat.size - 1)).bytesRead === 0 || last[0] === 0x0a;
      // One write in append mode: two programs that add a host at once do not mix their lines.
      await handle.writeFile(`${ended ? '' : '\n'}${name} ${key.type} ${key.getBase64()}\n`);
    } finally {
      await handle.close();
    }
  }

  #addLine(raw: string, file: string, number: number): void {
    const parsed = parseLine(raw);
    if (typeof parsed === 'string') this.#log(`${printable(file)}:${number}: skipped: ${parsed}`);
    else if (parsed !== null) this.#lines.push({ ...parsed, file, number });
  }

  #check(host: string, port: number, key: PublicKey): HostKeyCheck {
    const matching = this.#matching(lookupName(host, port));
    const { type, certificate } = key;
    const revoked = matching.find(
      ({ marker, base64 }) =>
        marker === '@revoked' && (base64 === key.getBase64() || base64 === certificate?.signatureKey.getBase64()),
    );
    if (revoked !== undefined) return { status: 'revoked', known: { key, file: revoked.file, line: revoked.number } };
    let reason: string | undefined;
    if (certificate !== null) {
      const authority = this.#keysIn(matching, '@cert-authority').find((known) => known.key.equals(certificate.signatureKey));
      const refused = authority === undefined ? null : certificateRefusal(certificate, host);
      if (authority !== undefined && refused === null) return { status: 'ok', known: authority };
      // As OpenSSH: a certificate that does not help is as none. The key in it may be known for itself.
      if (refused !== null) reason = `its certificate '${printable(certificate.keyId)}' does not help: ${refused}`;
    }
    const why = reason === undefined ? {} : { reason };
    const known = this.#keysIn(matching, null);
    const same = known.find((entry) => entry.key.equals(key));
    if (same !== undefined) return { status: 'ok', known: same };
    const other = known.find((entry) => entry.key.type === type) ?? known[0];
    // A key of another type is a changed key too: else whoever sits in between would only have to come with such a one.
    return other === undefined ? { status: 'unknown', ...why } : { status: 'changed', known: other, ...why };
  }

  #keysOf(name: string): KnownHostKey[] {
    const matching = this.#matching(name);
    const revoked = new Set(matching.filter(({ marker }) => marker === '@revoked').map((line) => line.base64));
    return this.#keysIn(matching, null).filter(({ key }) => !revoked.has(key.getBase64()));
  }

  #matching(name: string): Line[] {
    return this.#lines.filter((line) => matchesHosts(line.hosts, name));
  }

  #keysIn(lines: readonly Line[], wanted: Line['marker']): KnownHostKey[] {
    const known: KnownHostKey[] = [];
    for (const { file, number, marker, type, base64 } of lines) {
      if (marker !== wanted) continue;
      try {
        // The type in front must be the type inside, which fromText checks (golang.org/x/crypto 7626c50).
        known.push({ key: PublicKey.fromText(`${type} ${base64}`, nodeCrypto), file, line: number });
      } catch (error) {
        this.#log(`${printable(file)}:${number}: skipped: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    return known;
  }
}

/** Why a host certificate proves nothing about this host now, or null where it does. */
function certificateRefusal(certificate: Certificate, host: string): string | null {
  // "Host certificates have no critical options" (PROTOCOL.certkeys): one that has some means something that we don't know.
  const [option] = certificate.criticalOptions.keys();
  if (option !== undefined) return `it has the critical option '${printable(option)}'`;
  return certificate.refusal('host', host.toLowerCase(), Date.now() / 1000);
}

/** A line's fields; null for a blank line or a comment, or why it is skipped. */
function parseLine(raw: string): Omit<Line, 'file' | 'number'> | string | null {
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

/** Whether the names of a line, plain, patterns or hashed, are about a name in lower case. */
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

/** A name as `HashKnownHosts` writes it, with a salt of its own. */
export function hashName(name: string): string {
  const salt = new Uint8Array(SALT_BYTES);
  nodeCrypto.randomFill(salt);
  return `|1|${toBase64(salt)}|${toBase64(hmacSha1(salt, name))}`;
}

function hmacSha1(salt: Uint8Array, name: string): Uint8Array {
  return nodeCrypto.hmac('sha1', salt).compute(encodeUtf8(name), new Uint8Array(0));
}
