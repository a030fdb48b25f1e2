// Whether two files hold the same, by their hashes. The server computes its own where it can (check-file); where it can't, or does
// not want to for this file, the file is read. What is hashed here is always read back from the file, not what went by: the disk is
// part of what is verified.

import fs from 'node:fs';
import { promisify } from 'node:util';
import { SFTPError } from '../../../errors.ts';
import { checkOpenFile } from '../check-file.ts';
import type { SFTPSession } from '../session.ts';
import { BLOCK_BYTES, BlockHash } from './block-hash.ts';
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
/** Bytes that the server hashes for one answer: it can do nothing else for this session meanwhile. */
const ASK_BYTES = 1_024 * BLOCK_BYTES;

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
export async function sameBeginning(call: TransferCall, fd: number, source: RemoteSource, length: number): Promise<boolean> {
  const remote = await askFingerprint(call, source, length);
  return remote === null || (await localDigest(call, fd, length, remote.algorithm)).equals(remote.digest);
}

/** As {@link sameBeginning}, of two remote files. */
export async function sameRemoteBeginning(
  call: TransferCall,
  one: RemoteSource,
  other: RemoteSource,
  length: number,
): Promise<boolean> {
  const first = await askFingerprint(call, one, length);
  const second = first === null ? null : await askFingerprint(call, other, length, [first.algorithm]);
  return first === null || second === null || first.digest.equals(second.digest);
}

/**
 * What a remote file has to hash to, after `length` bytes of it have been written; `only` where it has to be by this algorithm.
 * @throws SFTPError ERR_SSH_SFTP_MISMATCH
 */
export async function compareRemote(
  call: TransferCall,
  session: SFTPSession,
  path: string,
  length: number,
  expected: (algorithm: string) => Promise<Buffer>,
  name: TransferName,
  only?: string,
): Promise<void> {
  const source = await RemoteSource.open(call, session, path);
  try {
    const { algorithm, digest } = await remoteFingerprint(call, source, length, only);
    if (!(await expected(algorithm)).equals(digest)) throw different(name, algorithm);
  } finally {
    source.close();
  }
}

export async function localDigest(call: TransferCall, fd: number, length: number, algorithm: string): Promise<Buffer> {
  const hash = new BlockHash(algorithm);
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

export async function remoteFingerprint(
  call: TransferCall,
  source: RemoteSource,
  length: number,
  only?: string,
): Promise<Fingerprint> {
  const algorithms = only === undefined ? ALGORITHMS : [only];
  const asked = await askFingerprint(call, source, length, algorithms);
  return asked ?? (await readFingerprint(call, source, length, algorithms[0] as string));
}

/** What the server says, or null where it does not, or says what can't be. */
async function askFingerprint(
  call: TransferCall,
  source: RemoteSource,
  length: number,
  algorithms: readonly string[] = ALGORITHMS,
): Promise<Fingerprint | null> {
  let hash: BlockHash | null = null;
  for (let start = 0; start < length; start += ASK_BYTES) {
    const part = Math.min(ASK_BYTES, length - start);
    const wanted: readonly string[] = hash === null ? algorithms : [hash.algorithm];
    const question = { algorithms: wanted, start, length: part, blockSize: BLOCK_BYTES, ...call.call };
    try {
      const { algorithm, hashes } = await checkOpenFile(source, question);
      if (!wanted.includes(algorithm)) return null;
      if (hashes.length !== Math.ceil(part / BLOCK_BYTES) * BlockHash.sizeOf(algorithm)) return null;
      hash ??= new BlockHash(algorithm);
      hash.add(hashes);
    } catch (error) {
      call.signal.throwIfAborted();
      // It does not have it, or not for this file.
      if (error instanceof SFTPError) return null;
      throw error;
    }
  }
  return hash === null ? null : { algorithm: hash.algorithm, digest: hash.digest() };
}

async function readFingerprint(
  call: TransferCall,
  source: RemoteSource,
  length: number,
  algorithm: string,
): Promise<Fingerprint> {
  const hash = new BlockHash(algorithm);
  await source.pour(call, 0, (data, position, done) => {
    if (position < length) hash.update(position + data.length > length ? data.subarray(0, length - position) : data);
    done();
  });
  return { algorithm, digest: hash.digest() };
}

export function different(name: TransferName, algorithm: string): SFTPError {
  return fileError('ERR_SSH_SFTP_MISMATCH', `the two files have different ${algorithm} hashes`, name);
}
