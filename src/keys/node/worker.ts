// Long computations off the event loop, in a worker thread. Its code is a few lines of CommonJS rather than a file of ours,
// because Node 20 cannot run a .ts file in a worker and a bundler would lose a separate .js file. Where no worker can be had (the
// package that it needs bundled away, threads forbidden by the permission model) the caller computes itself: slow for others is
// better than not at all. A worker ends with its result, with the signal, or with this process.

import { Worker } from 'node:worker_threads';

/**
 * What the code posts, or null where the worker could not be started or failed for a reason of its own.
 * @param code Posts one message.
 * @param makeJob What the code finds in `workerData`. It is copied on the way: `secret` is erased here, and is for the code to
 *   erase there.
 * @param signal Ends the worker; the promise then rejects with the signal's reason.
 */
export function runInWorker<Result>(
  code: string,
  makeJob: () => { readonly secret: Uint8Array },
  signal: AbortSignal | undefined,
): Promise<Result | null> {
  const worker = start(code, makeJob);
  return worker === null ? Promise.resolve(null) : result<Result>(worker, signal);
}

function start(code: string, makeJob: () => { readonly secret: Uint8Array }): Worker | null {
  try {
    const workerData = makeJob();
    try {
      // No inherited flags or environment: `--input-type=module` would make the code an ES module, a preloaded script (an
      // instrumentation agent, say) would see the passphrase.
      return new Worker(code, { eval: true, workerData, execArgv: [], env: {} });
    } finally {
      workerData.secret.fill(0);
    }
  } catch {
    return null;
  }
}

function result<Result>(worker: Worker, signal: AbortSignal | undefined): Promise<Result | null> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      reject(signal?.reason);
      void worker.terminate();
    };
    const finish = (value: Result | null): void => {
      signal?.removeEventListener('abort', onAbort);
      resolve(value);
    };
    worker.once('message', finish);
    worker.once('error', () => finish(null));
    worker.once('exit', () => finish(null));
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
  });
}
