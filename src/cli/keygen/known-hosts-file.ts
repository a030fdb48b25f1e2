// Known hosts as a file of lines, for -F, -R and -H: looked through, taken out, hashed. A file with a line that makes no sense is
// never replaced, what is replaced is replaced at once, and what it was before stays as FILE.old, all as with ssh-keygen. A client
// that adds a host meanwhile waits: its line would be in the file that is put aside.

import { readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { hashName, matchesHosts } from '../../client/known-hosts-line.ts';
import { withLock } from '../../client/known-hosts-update.ts';
import { printable, UsageError } from '../../errors.ts';
import { Failure, warn } from '../verb.ts';
import { fingerprintHash } from './fingerprints.ts';
import { keyInLine, kindOf, plainKey } from './key-line.ts';
import type { KeygenOptions } from './options.ts';
import { replaceFile } from './replace-file.ts';

/** Characters of names in a line. */
const MOST_NAMES = 16_384;

/** A line as it stands in the file. */
interface Line {
  readonly raw: string;
  readonly number: number;
  /** Null for comments and empty lines. */
  readonly entry: Entry | 'invalid' | null;
}

interface Entry {
  readonly marker: '@cert-authority' | '@revoked' | null;
  readonly hosts: string;
  /** The key and what follows. */
  readonly rest: string;
}

/** `-F`: prints the lines about a host; 1 where there is none. */
export async function findHost(options: KeygenOptions): Promise<number> {
  const { file, lines } = await read(options);
  const host = hostOf(options, 'F');
  const hash = fingerprintHash(options);
  let found = false;
  for (const { raw, number, entry } of lines) {
    if (entry === null || entry === 'invalid' || !matchesHosts(entry.hosts, host)) continue;
    found = true;
    const what = { '@cert-authority': 'CA', '@revoked': 'REVOKED', '': '' }[entry.marker ?? ''];
    if (!options.has('q')) process.stdout.write(`# Host ${printable(host)} found: line ${number} ${what}\n`);
    if (options.has('H'))
      process.stdout.write(
        hashed(entry, raw)
          .lines.map((line) => `${line}\n`)
          .join(''),
      );
    else if (options.has('l')) {
      const known = keyInLine(entry.rest);
      if (known === null) throw new Failure(`${file}:${number}: not a key`);
      const comment = known.comment === '' ? '' : ` ${printable(known.comment)}`;
      const fingerprint = plainKey(known.key).getFingerprint(hash);
      process.stdout.write(`${printable(host)} ${kindOf(known.key)} ${fingerprint}${comment}\n`);
    } else {
      process.stdout.write(`${raw}\n`);
    }
  }
  return found ? 0 : 1;
}

/** `-R`: takes all keys of a host out. Authorities and revocations stay: they are about more than one host's key. */
export function removeHost(options: KeygenOptions): Promise<number> {
  return locked(options, () => remove(options));
}

async function remove(options: KeygenOptions): Promise<number> {
  const { file, text, lines } = await read(options);
  const host = hostOf(options, 'R');
  const isGone = ({ entry }: Line) =>
    entry !== null && entry !== 'invalid' && entry.marker === null && matchesHosts(entry.hosts, host);
  const gone = lines.filter(isGone);
  for (const { number } of gone) if (!options.has('q')) process.stdout.write(`# Host ${printable(host)} found: line ${number}\n`);
  refuseInvalid(file, lines);
  if (gone.length === 0) {
    process.stderr.write(`Host ${printable(host)} not found in ${file}\n`);
    return 0;
  }
  await replace(
    options,
    file,
    text,
    lines.filter((line) => !isGone(line)).map(({ raw }) => raw),
  );
  return 0;
}

/** `-H`: hashes all names. Patterns cannot be hashed, and are said so. */
export function hashHosts(options: KeygenOptions): Promise<number> {
  return locked(options, () => hashAll(options));
}

async function hashAll(options: KeygenOptions): Promise<number> {
  const { file, text, lines } = await read(options);
  const fresh: string[] = [];
  let unhashed = false;
  for (const { raw, number, entry } of lines) {
    if (entry === null || entry === 'invalid') {
      fresh.push(raw);
      continue;
    }
    const result = hashed(entry, raw);
    if (result.pattern) process.stderr.write(`${file}:${number}: ignoring host name with wildcard: ${printable(entry.hosts)}\n`);
    unhashed ||= result.changed;
    fresh.push(...result.lines);
  }
  refuseInvalid(file, lines);
  await replace(options, file, text, fresh);
  if (unhashed) warn('keygen', `${file}.old still has the names; remove it when you don't need it any more`);
  return 0;
}

/** A line for each of the names of one. */
function hashed({ marker, hosts, rest }: Entry, raw: string): { lines: readonly string[]; changed: boolean; pattern: boolean } {
  const pattern = /[*?!]/.test(hosts);
  // What stands for many hosts has no name to hash.
  if (pattern || marker !== null || hosts.startsWith('|')) return { lines: [raw], changed: false, pattern };
  const names = hosts.split(',').filter((name) => name !== '');
  return { lines: names.map((name) => `${hashName(name.toLowerCase())} ${rest}`), changed: true, pattern: false };
}

async function locked(options: KeygenOptions, work: () => Promise<number>): Promise<number> {
  const file = fileOf(options);
  // Where there is no file, it is what should be named, not its lock.
  await stat(file);
  return withLock(file, work);
}

function fileOf(options: KeygenOptions): string {
  return options.value('f') ?? join(homedir(), '.ssh', 'known_hosts');
}

async function read(options: KeygenOptions): Promise<{ file: string; text: string; lines: readonly Line[] }> {
  if (options.operands.length > 0) throw new UsageError(`unexpected argument '${printable(options.operands[0] as string)}'`);
  const file = fileOf(options);
  // Byte by byte, so that what is not touched stays as it is, whatever it is.
  const text = await readFile(file, 'latin1');
  const raw = text.split('\n');
  if (raw.at(-1) === '') raw.pop();
  return { file, text, lines: raw.map((line, index) => ({ raw: line, number: index + 1, entry: parse(line) })) };
}

/** As OpenSSH reads it: [marker] names type something. What the key says is not looked at. */
function parse(line: string): Line['entry'] {
  const trimmed = line.replace(/^[ \t]+/, '').replace(/\r$/, '');
  if (trimmed === '' || trimmed.startsWith('#')) return null;
  const [, marker, hosts = '', rest = ''] = /^(?:(@\S*)[ \t]+)?(\S+)[ \t]+(\S.*)$/.exec(trimmed) ?? [];
  if (marker !== undefined && marker !== '@cert-authority' && marker !== '@revoked') return 'invalid';
  if (hosts === '' || !/^[^\s#]\S*[ \t]+[^\s#]/.test(rest) || hosts.startsWith('@')) return 'invalid';
  // Matching costs up to the length of the names times that of the host's.
  if (hosts.length > MOST_NAMES) return 'invalid';
  if (hosts.startsWith('|') && !/^\|1\|[A-Za-z0-9+/]{27}=\|[A-Za-z0-9+/]{27}=$/.test(hosts)) return 'invalid';
  // A key type has no quotes: this is a line of authorized_keys.
  if (!/^[\w@.-]+$/.test(rest.split(/[ \t]/, 1)[0] as string)) return 'invalid';
  return { marker: marker ?? null, hosts, rest };
}

function hostOf(options: KeygenOptions, name: 'F' | 'R'): string {
  const host = options.value(name) ?? '';
  if (host === '' || host.length > 1_024) throw new UsageError(`-${name} needs the name of a host`);
  return host.toLowerCase();
}

/** @throws Failure where a line makes no sense */
function refuseInvalid(file: string, lines: readonly Line[]): void {
  const invalid = lines.filter(({ entry }) => entry === 'invalid');
  for (const { number } of invalid) process.stderr.write(`${file}:${number}: invalid line\n`);
  if (invalid.length > 0) throw new Failure(`${file} is not a valid known_hosts file and stays as it is`, 1);
}

async function replace(options: KeygenOptions, file: string, old: string, lines: readonly string[]): Promise<void> {
  const { mode } = await stat(file);
  await replaceFile(`${file}.old`, Buffer.from(old, 'latin1'), { mode: mode & 0o777, forceMode: true });
  await replaceFile(file, Buffer.from(lines.map((line) => `${line}\n`).join(''), 'latin1'), { mode: 0o600 });
  if (!options.has('q')) process.stdout.write(`${file} updated.\nOriginal contents retained as ${file}.old\n`);
}
