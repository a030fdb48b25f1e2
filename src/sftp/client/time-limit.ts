// A time limit over several requests. Each of them would honour the caller's own; together they must not take longer than one.

import { type CallOptions, waitFor } from '../../io/waiting.ts';

/**
 * Runs `run` with options for the calls inside. When time or signal end it, what it is waiting for is aborted, and it may still
 * clean up behind the caller's back.
 */
export function within<T>(what: string, options: CallOptions | undefined, run: (call: CallOptions) => Promise<T>): Promise<T> {
  const signal = options?.signal;
  if (!options?.timeout) return run(signal === undefined ? {} : { signal });
  const stop = new AbortController();
  return waitFor<T>(what, options, ({ resolve, reject }) => {
    run({ signal: stop.signal }).then(resolve, reject);
    return () => stop.abort();
  });
}

/** Waits for `promise` no longer than the options say; what it stands for goes on. */
export function waitUntil<T>(what: string, options: CallOptions | undefined, promise: Promise<T>): Promise<T> {
  return waitFor<T>(what, options, ({ resolve, reject }) => {
    promise.then(resolve, reject);
    return undefined;
  });
}
