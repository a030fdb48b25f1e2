// OpenBSD's bcrypt_pbkdf off the event loop: the package computes synchronously, 10 to 20 ms a round and seconds for a hardened
// key.

import { createRequire } from 'node:module';
import { KeyFormatError } from '../../errors.ts';
import { runInWorker } from './worker.ts';

const workerCode = `
const { parentPort, workerData: job } = require('node:worker_threads');
const key = new Uint8Array(job.bytes);
const { secret, salt } = job;
const status = require(job.path).pbkdf(secret, secret.length, salt, salt.length, key, key.length, job.rounds);
secret.fill(0);
parentPort.postMessage({ status, key }, [key.buffer]);
`;

/**
 * `bytes` of key from a passphrase. The caller erases the passphrase and the key.
 * @param signal Ends the worker; the promise then rejects with the signal's reason.
 */
export async function bcryptPbkdf(
  passphrase: Uint8Array,
  salt: Uint8Array,
  rounds: number,
  bytes: number,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const makeJob = () => {
    const path = createRequire(import.meta.url).resolve('bcrypt-pbkdf');
    // Copies: what is cloned would be the whole memory below a view.
    return { path, secret: new Uint8Array(passphrase), salt: new Uint8Array(salt), rounds, bytes };
  };
  const result = await runInWorker<{ status: number; key: Uint8Array }>(workerCode, makeJob, signal);
  if (result !== null) return checked(result.status, result.key);

  const { default: bcrypt } = await import('bcrypt-pbkdf');
  const key = new Uint8Array(bytes);
  return checked(bcrypt.pbkdf(passphrase, passphrase.length, salt, salt.length, key, bytes, rounds), key);
}

function checked(status: number, key: Uint8Array): Uint8Array {
  // Only arguments out of range fail, and those were checked before: an empty passphrase, no salt, no rounds.
  if (status !== 0) throw new KeyFormatError('bcrypt_pbkdf refused its arguments');
  return key;
}
