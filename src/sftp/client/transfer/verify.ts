// Whether two files hold the same, by their hashes. The server computes its own where it can (check-file); where it can't, or does
// not want to for this file, the file is read. What is hashed here is always read back from the file, not what went by: the disk is
// part of what is verified.

import { createHash, type Hash } from 'node:crypto';
import fs from 'node:fs';
import { promisify } from 'node:util';
import type { SFTPError } from '../../../errors.ts';
import { CHECK_FILE, checkFileHandle } from '../../protocol/extensions.ts';
import type { SFTPSession } from '../session.ts';
import type { TransferCall } from './call.ts';
import { fileError, type TransferName } from './failure.ts';
import { close, open } from './local-fs.ts';
import { forNode } from './local-path.ts';
import { RemoteSource } from './remote-source.ts';

const read = promisify(fs.read) as (
  fd: number,
  buffer: Uint8Array,
  offset: number,
  length: number,
  at: number,
) => Promise<{ bytesRead: number }>;

/** Best first: names of check-file, which are Node's too. The old ones are no worse at finding what a disk or a server has lost. */
const ALGORITHMS = ['sha256', 'sha512', 'sha384', 'sha224', 'sha1', 'md5'];
const READ_BYTES = 1_048_576;

interface Fingerprint {
  readonly algorithm: string;
  readonly digest: Buffer;
}

/** A remote file, open for reading, and a local one have the same first `length` bytes. @throws SFTPError ERR_SSH_SFTP_MISMATCH */
export async function compareWithLocal(
  call: TransferCall,
  source: RemoteSource,
  local: string,
  length: number,
  name: TransferName,
): Promise<void> {
  const remote = await remoteFingerprint(call, source, length);
  const fd = await open(forNode(local), 'r');
  try {
    if (!(await localDigest(call, fd, length, remote.algorithm)).equals(remote.digest)) throw different(name, remote.algorithm);
  } finally {
    await close(fd);
  }
}

/** The beginnings of an incomplete copy and of its source; true where nobody can tell without reading it all. */
export async function sameBeginning(call: TransferCall, source: RemoteSource, fd: number, length: number): Promise<boolean> {
  const remote = await askFingerprint(call, source, length);
  return remote === null || (await localDigest(call, fd, length, remote.algorithm)).equals(remote.digest);
}

/** What a remote file has to hash to, after `length` bytes of it have been written. @throws SFTPError ERR_SSH_SFTP_MISMATCH */
export async function compareRemote(
  call: TransferCall,
  session: SFTPSession,
  path: string,
  length: number,
  expected: (algorithm: string) => Promise<Buffer>,
  name: TransferName,
): Promise<void> {
  const source = await RemoteSource.open(call, session, path);
  try {
    const { algorithm, digest } = await remoteFingerprint(call, source, length);
    if (!(await expected(algorithm)).equals(digest)) throw different(name, algorithm);
  } finally {
    source.close();
  }
}

export async function localDigest(call: TransferCall, fd: number, length: number, algorithm: string): Promise<Buffer> {
  const hash = createHash(algorithm);
  const buffer = Buffer.allocUnsafeSlow(Math.max(1, Math.min(READ_BYTES, length)));
  for (let at = 0; at < length; ) {
    call.signal.throwIfAborted();
    const { bytesRead } = await read(fd, buffer, 0, Math.min(buffer.length, length - at), at);
    if (bytesRead === 0) break;
    hash.update(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
  return hash.digest();
}

export async function remoteFingerprint(call: TransferCall, source: RemoteSource, length: number): Promise<Fingerprint> {
  return (await askFingerprint(call, source, length)) ?? (await readFingerprint(call, source, length));
}

/** What the server says, or null where it does not. */
async function askFingerprint(
  call: TransferCall,
  { session, handle, path }: RemoteSource,
  length: number,
): Promise<Fingerprint | null> {
  const algorithms = algorithmOf(session);
  // No server hashes nothing: a length of 0 is the whole file.
  if (algorithms === null || length === 0) return null;
  const what = { operation: CHECK_FILE, path };
  const request = checkFileHandle.request.encode({ handle, algorithms, offset: 0, length, blockSize: 0 });
  try {
    const data = await session.askExtended(what, checkFileHandle.name, request, call.call);
    const { algorithm, hashes } = checkFileHandle.reply.decode(data ?? new Uint8Array(0));
    if (algorithm !== algorithms || hashes.length !== createHash(algorithm).digest().length) return null;
    return { algorithm, digest: Buffer.from(hashes) };
  } catch (error) {
    call.signal.throwIfAborted();
    if (session.isClosed) throw error;
    // The seed's server refuses files of less than 256 bytes, others what is on certain disks.
    return null;
  }
}

async function readFingerprint(call: TransferCall, source: RemoteSource, length: number): Promise<Fingerprint> {
  const algorithm = ALGORITHMS[0] as string;
  const hash: Hash = createHash(algorithm);
  await source.pour(call, 0, (data, position, done) => {
    if (position < length) hash.update(position + data.length > length ? data.subarray(0, length - position) : data);
    done();
  });
  return { algorithm, digest: hash.digest() };
}

/** The best algorithm that the server has announced. */
function algorithmOf(session: SFTPSession): string | null {
  const announced = session.extensions.get(CHECK_FILE);
  if (announced === undefined) return null;
  const names = Buffer.from(announced).toString('latin1').split(',');
  return ALGORITHMS.find((name) => names.includes(name)) ?? null;
}

export function different(name: TransferName, algorithm: string): SFTPError {
  return fileError('ERR_SSH_SFTP_MISMATCH', `the two files have different ${algorithm} hashes`, name);
}
