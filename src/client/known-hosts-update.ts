// Rewriting a known_hosts file so that it follows a host's keys (UpdateHostKeys of ssh_config(5)). Readers see the old file or the
// new one, never half of one; of two writers of ours one waits, and what another program has written meanwhile is taken in.

import { randomBytes } from 'node:crypto';
import { open, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { nodeCrypto } from '../crypto/node/index.ts';
import { KeyFormatError, SSHError, SSHTimeoutError } from '../errors.ts';
import { PublicKey } from '../keys/public-key.ts';
import { hashName, hostPattern, type Line, lookupName, matchesHosts, parseLine } from './known-hosts-line.ts';

/** What has become of a file. */
export interface KnownHostsUpdate {
  readonly added: readonly PublicKey[];
  readonly removed: readonly PublicKey[];
  /** Why nothing was done, where something would have been. */
  readonly skipped: string | null;
}

interface Rewritten extends KnownHostsUpdate {
  /** What is in the file now, or null where it was not changed. */
  readonly text: string | null;
}

/** Bytes of a file that is rewritten. */
const FILE_LIMIT = 16 * 1024 * 1024;
/** How often another program may come in between. */
const MOST_TRIES = 5;
/** How long to wait for a lock, and after how long it is one that somebody has left, milliseconds. */
const LOCK_TIMEOUT = 3_000;
const LOCK_STALE = 10_000;
const LOCK_PAUSE = 20;
const NOT_A_FILE = 'it is not a regular file';
const UNWRITABLE: readonly string[] = ['EACCES', 'EPERM', 'EROFS'];

/** Runs `work` while no other process of ours writes the file. @throws SSHTimeoutError, Error (of node:fs) */
export async function withLock<T>(file: string, work: () => Promise<T>): Promise<T> {
  // /dev/null, for one, has no neighbours.
  if (await isSpecial(file)) return work();
  const lock = `${file}.lock`;
  const until = performance.now() + LOCK_TIMEOUT;
  for (;;) {
    try {
      const handle = await open(lock, 'wx', 0o600);
      await handle.close();
      break;
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      // A file in a folder where nothing can be made: nobody can replace it either.
      if (UNWRITABLE.includes(code)) return work();
      if (code !== 'EEXIST') throw error;
    }
    const since = await stat(lock).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0,
    );
    if (since > LOCK_STALE) await rm(lock, { force: true });
    else if (performance.now() > until) throw new SSHTimeoutError(`waiting for ${lock}`, LOCK_TIMEOUT);
    else await sleep(LOCK_PAUSE);
  }
  try {
    return await work();
  } finally {
    await rm(lock, { force: true });
  }
}

async function isSpecial(file: string): Promise<boolean> {
  return stat(file).then(
    (stats) => !stats.isFile(),
    () => false,
  );
}

/** As `KnownHosts.update`, without the lock. */
export async function updateFile(
  file: string,
  host: string,
  port: number,
  keys: readonly PublicKey[],
  hash: boolean | undefined,
): Promise<Rewritten> {
  // A link stays one; what it leads to is replaced.
  const path = await realpath(file);
  for (let attempt = 0; attempt < MOST_TRIES; attempt++) {
    const before = await stat(path);
    if (!before.isFile()) return { text: null, added: [], removed: [], skipped: NOT_A_FILE };
    const rewritten = rewrite(await readBounded(path, file, before), host, port, keys, hash);
    if (rewritten.text === null) return rewritten;
    if (await replace(path, rewritten.text, before)) {
      return { ...rewritten, text: Buffer.from(rewritten.text, 'latin1').toString('utf8') };
    }
  }
  throw new SSHError('ERR_SSH_HOST_KEY', `${file} is written to all the time; it was not changed`);
}

/** What `updateFile` would do now. */
export async function planUpdate(
  file: string,
  host: string,
  port: number,
  keys: readonly PublicKey[],
): Promise<KnownHostsUpdate> {
  const path = await realpath(file);
  const there = await stat(path);
  if (!there.isFile()) return { added: [], removed: [], skipped: NOT_A_FILE };
  const { added, removed, skipped } = rewrite(await readBounded(path, file, there), host, port, keys, undefined);
  return { added, removed, skipped };
}

/** Byte for byte: comments may be in any encoding. */
async function readBounded(path: string, file: string, { size }: Pick<Before, 'size'>): Promise<string> {
  if (size > FILE_LIMIT) throw new SSHError('ERR_SSH_HOST_KEY', `${file} is too large to be rewritten`);
  return readFile(path, 'latin1');
}

interface Before {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly ino: number;
  readonly size: number;
  readonly mtimeMs: number;
}

/** False where the file is not what it was any more. */
async function replace(path: string, text: string, before: Before): Promise<boolean> {
  const temporary = `${path}.${process.pid}.${randomBytes(6).toString('hex')}`;
  try {
    const handle = await open(temporary, 'wx', before.mode & 0o777);
    try {
      // Root may rewrite the file of somebody who could not read it afterwards.
      await handle.chown(before.uid, before.gid).catch(() => {});
      await handle.chmod(before.mode & 0o777);
      await handle.writeFile(text, 'latin1');
      await handle.sync();
    } finally {
      await handle.close();
    }
    const { ino, size, mtimeMs } = await stat(path);
    if (ino !== before.ino || size !== before.size || mtimeMs !== before.mtimeMs) return false;
    await rename(temporary, path);
    return true;
  } finally {
    await rm(temporary, { force: true });
  }
}

/** The text with the host's keys replaced. */
export function rewrite(
  text: string,
  host: string,
  port: number,
  keys: readonly PublicKey[],
  hash: boolean | undefined,
): Rewritten {
  const name = lookupName(host, port);
  const nothing = (skipped: string | null): Rewritten => ({ text: null, added: [], removed: [], skipped });
  const lines = text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
  const kept: string[] = [];
  const removed: PublicKey[] = [];
  const known: PublicKey[] = [];
  /** Keys of other hosts. */
  const others: string[] = [];
  let hashed = false;
  let complex = false;
  for (const raw of lines) {
    const line = parseLine(raw.endsWith('\n') ? raw.slice(0, -1) : raw);
    if (line === null || typeof line === 'string' || !matchesHosts(line.hosts, name)) {
      kept.push(raw);
      if (line !== null && typeof line !== 'string' && line.marker === null) others.push(line.base64);
      continue;
    }
    if (!isPlain(line, name)) complex = true;
    const key = keyOf(line);
    hashed ||= line.hosts.startsWith('|');
    // A key of a kind that is not known here may be one that the host has and we can't see.
    if (key === null || keys.some((other) => other.equals(key))) {
      kept.push(raw);
      if (key !== null) known.push(key);
    } else removed.push(key);
  }
  const added = keys.filter((key, index) => !known.some((other) => other.equals(key)) && firstOf(keys, key) === index);
  if (added.length === 0 && removed.length === 0) return nothing(null);
  if (complex) return nothing('the host is on a line with a pattern, several names or a marker');
  if (known.length === 0) return nothing('the host is not known by any of these keys');
  // As ssh: another name for the same host would be left behind with its old keys, and warn of an attack one day.
  const own = new Set([...keys, ...removed].map((key) => key.getBase64()));
  if (others.some((base64) => own.has(base64))) return nothing('one of the keys is known by another name, too');
  const pattern = (hash ?? hashed) ? () => hashName(name) : () => hostPattern(host, port);
  const last = kept.length - 1;
  if (added.length > 0 && !kept[last]?.endsWith('\n')) kept[last] += '\n';
  for (const key of added) kept.push(`${pattern()} ${key.type} ${key.getBase64()}\n`);
  return { text: kept.join(''), added, removed, skipped: null };
}

function firstOf(keys: readonly PublicKey[], key: PublicKey): number {
  return keys.findIndex((other) => other.equals(key));
}

/** Only this host, and no more than its key. */
function isPlain({ marker, hosts }: Pick<Line, 'marker' | 'hosts'>, name: string): boolean {
  return marker === null && (hosts.startsWith('|') || hosts.toLowerCase() === name);
}

function keyOf({ type, base64 }: Pick<Line, 'type' | 'base64'>): PublicKey | null {
  try {
    return PublicKey.fromText(`${type} ${base64}`, nodeCrypto);
  } catch (error) {
    if (error instanceof KeyFormatError) return null;
    throw error;
  }
}
