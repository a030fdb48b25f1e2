// OpenBSD's bcrypt_pbkdf off the event loop. The package computes synchronously, 10 to 20 ms a round and seconds for a
// hardened key, so it runs in a worker thread. The worker is a line of CommonJS rather than a file of ours, because Node 20
// cannot run a .ts file in a worker and a bundler would lose a separate .js file. Where no worker can be had (the package
// bundled away, threads forbidden by the permission model) it runs here instead: slow for others is better than not at all.

import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { KeyFormatError } from '../../errors.ts';

/** Everything that a worker is told. The arrays are copied on the way and erased there. */
interface Job {
  readonly path: string;
  readonly passphrase: Uint8Array;
  readonly salt: Uint8Array;
  readonly rounds: number;
  readonly bytes: number;
}

const workerCode = `
const { parentPort, workerData: job } = require('node:worker_threads');
const key = new Uint8Array(job.bytes);
const { passphrase, salt } = job;
const status = require(job.path).pbkdf(passphrase, passphrase.length, salt, salt.length, key, key.length, job.rounds);
passphrase.fill(0);
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
  const worker = startWorker(passphrase, salt, rounds, bytes);
  const result = worker === null ? null : await workerResult(worker, signal);
  if (result !== null) return result;

  const { default: bcrypt } = await import('bcrypt-pbkdf');
  const key = new Uint8Array(bytes);
  return checked(bcrypt.pbkdf(passphrase, passphrase.length, salt, salt.length, key, bytes, rounds), key);
}

/** Null where no worker can be had. */
function startWorker(passphrase: Uint8Array, salt: Uint8Array, rounds: number, bytes: number): Worker | null {
  try {
    const path = createRequire(import.meta.url).resolve('bcrypt-pbkdf');
    // Copies: what is cloned would be the whole memory below a view.
    const job: Job = { path, passphrase: new Uint8Array(passphrase), salt: new Uint8Array(salt), rounds, bytes };
    try {
      // No inherited flags or environment: `--input-type=module` would make the code an ES module, a preloaded script (an
      // instrumentation agent, say) would see the passphrase.
      return new Worker(workerCode, { eval: true, workerData: job, execArgv: [], env: {} });
    } finally {
      job.passphrase.fill(0);
    }
  } catch {
    return null;
  }
}

/** The key; null where the worker failed for a reason of its own. */
function workerResult(worker: Worker, signal: AbortSignal | undefined): Promise<Uint8Array | null> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      reject(signal?.reason);
      void worker.terminate();
    };
    const finish = (settle: () => void): void => {
      signal?.removeEventListener('abort', onAbort);
      settle();
    };
    worker.once('message', (message: { status: number; key: Uint8Array }) => {
      finish(() => {
        try {
          resolve(checked(message.status, message.key));
        } catch (error) {
          reject(error);
        }
      });
    });
    worker.once('error', () => finish(() => resolve(null)));
    worker.once('exit', () => finish(() => resolve(null)));
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
  });
}

function checked(status: number, key: Uint8Array): Uint8Array {
  // Only arguments out of range fail, and those were checked before: an empty passphrase, no salt, no rounds.
  if (status !== 0) throw new KeyFormatError('bcrypt_pbkdf refused its arguments');
  return key;
}
