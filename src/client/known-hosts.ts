// The keys that hosts are known by, as OpenSSH keeps them (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"). Reading never guesses: a
// line that makes no sense is skipped and said so, a file that cannot be read is an error, because "no such host" and "I could
// not look" are different answers.

import { mkdir, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { defaultAlgorithms } from '../algorithms/registry.ts';
import { nodeCrypto } from '../crypto/node/index.ts';
import { printable } from '../errors.ts';
import type { Certificate } from '../keys/certificate.ts';
import { keyAlgorithm } from '../keys/certificate-algorithms.ts';
import { PublicKey } from '../keys/public-key.ts';
import { DEFAULT_PORT, hashName, hostPattern, type Line, lookupName, matchesHosts, parseLine } from './known-hosts-line.ts';
import { type KnownHostsUpdate, planUpdate, updateFile, withLock } from './known-hosts-update.ts';

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
  #lines: Line[] = [];
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
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw named(error, file);
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

  /**
   * What is known about `key` as the key of `host`. A revocation counts for more than anything else.
   * @param caAlgorithms How authorities may sign (CASignatureAlgorithms of ssh_config(5)); by default in any way that proves something.
   */
  check(host: string, port: number, key: PublicKey, caAlgorithms?: readonly string[]): HostKeyCheck {
    const status = this.#check(host, port, key, caAlgorithms);
    if (status.status !== 'unknown' || port === DEFAULT_PORT) return status;
    // As OpenSSH: the host's key may be written without the port. Only a match helps; another key there is another server's.
    const withoutPort = this.#check(host, DEFAULT_PORT, key, caAlgorithms);
    return withoutPort.status === 'changed' || withoutPort.status === 'unknown' ? status : withoutPort;
  }

  /** The keys that a host is known by, revoked ones left out. */
  keysFor(host: string, port: number): KnownHostKey[] {
    return this.#keysOf(host, port, null);
  }

  /** The authorities whose certificates a host is known by, revoked ones left out. */
  authoritiesFor(host: string, port: number): KnownHostKey[] {
    return this.#keysOf(host, port, '@cert-authority');
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
    // An update that is under way would replace the file by one without the new line.
    await withLock(file, () => appendLine(file, `${name} ${key.type} ${key.getBase64()}\n`));
  }

  /**
   * Has a file follow a host that has new keys: adds those of `keys` that the file does not have for the host, and takes away the
   * host's other keys. That is for keys that a host which is known has proven to hold (`onHostKeys` of a Transport).
   *
   * It does nothing, and says why, unless the file knows the host by one of `keys`, on lines of its own: lines with patterns, several
   * hosts or markers are somebody's decision, and are never touched. Nor does it where another name has one of the keys, too, which
   * would be left behind. The file is replaced at once; comments and order stay.
   * @param hash Whether to write the host's name hashed; by default as the host's lines have it.
   * @throws Error (of node:fs); SSHTimeoutError where another process holds the file's lock
   */
  async update(file: string, host: string, port: number, keys: readonly PublicKey[], hash?: boolean): Promise<KnownHostsUpdate> {
    const { text, ...update } = await withLock(file, () => updateFile(file, host, port, keys, hash));
    if (text !== null) {
      this.#lines = this.#lines.filter((line) => line.file !== file);
      this.addText(text, file);
    }
    return update;
  }

  /** What {@link update} would do to a file as it is now, for people to look at. @throws Error (of node:fs) */
  planUpdate(file: string, host: string, port: number, keys: readonly PublicKey[]): Promise<KnownHostsUpdate> {
    return planUpdate(file, host, port, keys);
  }

  #addLine(raw: string, file: string, number: number): void {
    const parsed = parseLine(raw);
    if (typeof parsed === 'string') this.#log(`${printable(file)}:${number}: skipped: ${parsed}`);
    else if (parsed !== null) this.#lines.push({ ...parsed, file, number });
  }

  #check(host: string, port: number, key: PublicKey, caAlgorithms: readonly string[] | undefined): HostKeyCheck {
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
      const refused = authority === undefined ? null : certificateRefusal(certificate, host, caAlgorithms);
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

  #keysOf(host: string, port: number, wanted: Line['marker']): KnownHostKey[] {
    const matching = this.#matching(lookupName(host, port));
    const revoked = new Set(matching.filter(({ marker }) => marker === '@revoked').map((line) => line.base64));
    const known = this.#keysIn(matching, wanted).filter(({ key }) => !revoked.has(key.getBase64()));
    return known.length === 0 && port !== DEFAULT_PORT ? this.#keysOf(host, DEFAULT_PORT, wanted) : known;
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

/** What node:fs says, with the file: once that is open, it leaves it out. */
function named(error: unknown, file: string): unknown {
  if (error instanceof Error && !error.message.includes(file)) error.message += ` '${printable(file)}'`;
  return error;
}

/** Why a host certificate proves nothing about this host now, or null where it does. */
function certificateRefusal(certificate: Certificate, host: string, caAlgorithms: readonly string[] | undefined): string | null {
  const { signatureAlgorithm } = certificate;
  if (caAlgorithms?.includes(signatureAlgorithm) === false) return `its authority has signed it by ${signatureAlgorithm}`;
  // "Host certificates have no critical options" (PROTOCOL.certkeys): one that has some means something that we don't know.
  const [option] = certificate.criticalOptions.keys();
  if (option !== undefined) return `it has the critical option '${printable(option)}'`;
  return certificate.refusal('host', host.toLowerCase(), Date.now() / 1000);
}

async function appendLine(file: string, line: string): Promise<void> {
  const handle = await open(file, 'a+', 0o600);
  try {
    const stat = await handle.stat();
    // Another program may have left the last line without its end; ours must not become part of it.
    const last = Buffer.alloc(1);
    const ended = stat.size === 0 || (await handle.read(last, 0, 1, stat.size - 1)).bytesRead === 0 || last[0] === 0x0a;
    // One write in append mode: two programs that add a host at once do not mix their lines.
    await handle.writeFile(`${ended ? '' : '\n'}${line}`);
  } finally {
    await handle.close();
  }
}
