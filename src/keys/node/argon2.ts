// Argon2 (RFC 9106) off the event loop. JavaScript has no fast 64-bit numbers: a pass over PuTTY's 8 MiB takes 40 ms of one
// processor here, a tenth of that or less in PuTTY. The bounds on what a file may ask for are where it is parsed.

import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { KeyFormatError } from '../../errors.ts';
import type { KeyFileKdf } from '../formats/key-file.ts';
import { runInWorker } from './worker.ts';

type Parameters = Extract<KeyFileKdf, { name: 'argon2' }>;

const PACKAGE = '@noble/hashes/argon2.js';

const workerCode = `
const { parentPort, workerData: job } = require('node:worker_threads');
import(job.url).then((argon2) => {
  try {
    const key = new Uint8Array(argon2['argon2' + job.variant](job.secret, job.salt, job.options));
    parentPort.postMessage({ key }, [key.buffer]);
  } catch {
    parentPort.postMessage({ key: null });
  } finally {
    job.secret.fill(0);
  }
});
`;

/**
 * `bytes` of key from a passphrase. The caller erases the passphrase and the key.
 * @param signal Ends the worker; the promise then rejects with the signal's reason.
 * @throws KeyFormatError where there is not enough memory.
 */
export async function argon2(
  { variant, salt, memory, passes, parallelism }: Parameters,
  passphrase: Uint8Array,
  bytes: number,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  // The package's own limit leaves out what it needs beside the blocks; ours is on the file.
  const options = { t: passes, m: memory, p: parallelism, dkLen: bytes, maxmem: 1024 * (memory + 1024) };
  const makeJob = () => {
    const url = pathToFileURL(createRequire(import.meta.url).resolve(PACKAGE)).href;
    // Copies: what is cloned would be the whole memory below a view.
    return { url, variant, secret: new Uint8Array(passphrase), salt: new Uint8Array(salt), options };
  };
  const result = await runInWorker<{ key: Uint8Array | null }>(workerCode, makeJob, signal);
  if (result !== null) return checked(result.key, memory);

  const functions = await import('@noble/hashes/argon2.js');
  const compute = { id: functions.argon2id, i: functions.argon2i, d: functions.argon2d }[variant];
  let key: Uint8Array | null = null;
  try {
    key = compute(passphrase, salt, options);
  } catch {
    // As in the worker: the parameters were checked, so it is the memory.
  }
  return checked(key, memory);
}

function checked(key: Uint8Array | null, memory: number): Uint8Array {
  if (key === null) throw new KeyFormatError(`Argon2 could not have the ${memory} KiB of memory that the file asks for`);
  return key;
}
