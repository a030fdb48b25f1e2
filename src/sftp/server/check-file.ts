// check-file (draft-ietf-secsh-filexfer-extensions-00 section 3): hashes of an open file or of one by name, of all of it or block
// by block, so that a client need not fetch it to know what it holds. Over the hooks, so any file system has it.

import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { concat } from '../../bytes/bytes.ts';
import { SFTPAttributes } from '../protocol/attributes.ts';
import { CHECK_FILE, checkFileHandle } from '../protocol/extensions.ts';
import { MAX_PACKET_BYTES } from '../protocol/framing.ts';
import { SFTP_FAILURE } from '../protocol/status.ts';
import type { SFTPHandle } from './handle.ts';
import { READS } from './order.ts';
import { Refusal, refusalOf } from './outcome.ts';
import { checkedPath, MAX_DATA_BYTES, type Plan, type Serving, touching } from './plan.ts';
import { readFileInto } from './reading.ts';
import { extendedReply } from './replies.ts';

/** By OpenSSL's names, which are the draft's. md5 and sha1 protect from accidents only, but there are clients that know no other. */
export const HASHES: readonly string[] = ['sha256', 'sha384', 'sha512', 'sha1', 'md5'];

/** Smaller blocks are refused (the draft's section 3). Bytes. */
const MIN_BLOCK_BYTES = 256;
/** All hashes of one answer together. Bytes. */
const MAX_HASH_BYTES = MAX_PACKET_BYTES - 1_024;

interface Range {
  readonly algorithms: string;
  readonly offset: number;
  /** 0 up to the end of the file. */
  readonly length: number;
  /** 0 for one hash of everything. */
  readonly blockSize: number;
}

/** @throws Refusal */
export function planCheck(serving: Serving, id: number, request: Range & { readonly handle: Uint8Array }): Plan {
  const { file, reading } = serving.handles.readable(request.handle);
  const algorithm = algorithmOf(request);
  return { touches: reading, bytes: MAX_DATA_BYTES, serve: () => check(serving, id, file, algorithm, request) };
}

/** @throws Refusal */
export function planCheckByName(serving: Serving, id: number, request: Range & { readonly path: string }): Plan {
  const path = checkedPath(request.path);
  const algorithm = algorithmOf(request);
  const serve = async () => {
    const place = serving.handles.reserve();
    try {
      const opened = await serving.fileSystem.open(path, constants.O_RDONLY, new SFTPAttributes());
      if (typeof opened === 'number') throw refusalOf(opened);
      try {
        return await check(serving, id, opened, algorithm, request);
      } finally {
        await opened.close();
      }
    } finally {
      place.release();
    }
  };
  return { touches: touching(READS, path), bytes: MAX_DATA_BYTES, serve };
}

/** The first of the client's that we have. @throws Refusal */
function algorithmOf({ algorithms, blockSize, length }: Range): string {
  const algorithm = algorithms.split(',').find((name) => HASHES.includes(name));
  if (algorithm === undefined) throw new Refusal(SFTP_FAILURE, 'No supported hash algorithm');
  if (blockSize === 0) return algorithm;
  if (blockSize < MIN_BLOCK_BYTES) throw new Refusal(SFTP_FAILURE, 'Block size too small');
  if ((length / blockSize) * hashBytes(algorithm) > MAX_HASH_BYTES) throw tooMany();
  return algorithm;
}

async function check(serving: Serving, id: number, file: SFTPHandle, algorithm: string, range: Range): Promise<Uint8Array> {
  const blockBytes = range.blockSize === 0 ? Number.POSITIVE_INFINITY : range.blockSize;
  const length = range.length === 0 ? Number.POSITIVE_INFINITY : range.length;
  const hashes: Uint8Array[] = [];
  const most = Math.floor(MAX_HASH_BYTES / hashBytes(algorithm));
  const buffer = serving.replies.borrow(MAX_DATA_BYTES);
  let block = createHash(algorithm);
  let inBlock = 0;
  try {
    for (let done = 0; done < length; ) {
      const wanted = Math.min(buffer.length, length - done);
      const count = await readFileInto(file, buffer.subarray(0, wanted), range.offset + done);
      if (count === 0) break;
      done += count;
      for (let at = 0; at < count; ) {
        const part = Math.min(count - at, blockBytes - inBlock);
        block.update(buffer.subarray(at, at + part));
        at += part;
        inBlock += part;
        if (inBlock < blockBytes) continue;
        hashes.push(block.digest());
        if (hashes.length === most) throw tooMany();
        block = createHash(algorithm);
        inBlock = 0;
      }
      // Hooks that never wait must not keep everybody else waiting.
      await setImmediate();
      if (serving.over) throw new Refusal(SFTP_FAILURE);
    }
  } finally {
    serving.replies.back(buffer);
  }
  if (inBlock > 0 || range.blockSize === 0) hashes.push(block.digest());
  const values = { extension: CHECK_FILE, algorithm, hashes: concat(...hashes) };
  return extendedReply(id, checkFileHandle.reply.encode(values));
}

function hashBytes(algorithm: string): number {
  return createHash(algorithm).digest().length;
}

function tooMany(): Refusal {
  return new Refusal(SFTP_FAILURE, 'Too many blocks');
}
