// Every call that waits takes a time limit and an AbortSignal; this is the one place that honours them.

import { setMaxListeners } from 'node:events';
import { SSHTimeoutError } from '../errors.ts';
import { check } from './check-arguments.ts';
import { CALL, options as optionsOf } from './kinds.ts';

/** How long a call may wait. */
export interface CallOptions {
  /** Milliseconds; 0 or absent for the call's default, above 2^31 - 1 (some 24 days) for ever. Rejects with SSHTimeoutError. */
  readonly timeout?: number;
  /** Rejects with `signal.reason`. */
  readonly signal?: AbortSignal;
}

/** What a timer of Node's can count to, milliseconds; told more it fires at once. */
export const LONGEST_TIMER = 2_147_483_647;

export interface Settle<T> {
  resolve(value: T): void;
  reject(error: unknown): void;
}

const OPTIONS = optionsOf({});

/**
 * Only these two: others may be in the same object, and belong to the caller.
 * @throws UsageError for what can't be meant, such as a callback
 */
export function checkCall(what: string, options: CallOptions | undefined): void {
  if (options === undefined) return;
  if (typeof options !== 'object') check(what, 'options', options, OPTIONS);
  check(what, "the option 'timeout'", options?.timeout, CALL.timeout);
  check(what, "the option 'signal'", options?.signal, CALL.signal);
}

/**
 * A promise that settles once: by `begin`'s settle, by the time limit, or by the signal. `begin` may return a function that
 * gives up what was begun; it is called where time or signal came first.
 */
export function waitFor<T>(
  what: string,
  options: CallOptions | undefined,
  begin: (settle: Settle<T>) => (() => void) | undefined,
  defaultTimeout = 0,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const signal = options?.signal;
    checkCall(what, options);
    signal?.throwIfAborted();
    let settled = false;
    let timer: NodeJS.Timeout | undefined;
    let giveUp: (() => void) | undefined;
    const settle = (finish: () => void) => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      finish();
    };
    const abort = () => {
      settle(() => reject(signal?.reason));
      giveUp?.();
    };
    // One signal for hundreds of calls is what it is for; Node would warn of a leak from the eleventh on.
    if (signal instanceof AbortSignal) setMaxListeners(0, signal);
    signal?.addEventListener('abort', abort, { once: true });
    const timeout = options?.timeout || defaultTimeout;
    if (timeout > 0 && timeout <= LONGEST_TIMER) {
      timer = setTimeout(() => {
        settle(() => reject(new SSHTimeoutError(what, timeout)));
        giveUp?.();
      }, timeout);
    }
    try {
      giveUp = begin({ resolve: (value) => settle(() => resolve(value)), reject: (error) => settle(() => reject(error)) });
    } catch (error) {
      settle(() => reject(error));
    }
  });
}

/** Of options that say more, how long the call may take. */
export function callOf({ timeout, signal }: CallOptions): CallOptions {
  return { ...(timeout !== undefined && { timeout }), ...(signal !== undefined && { signal }) };
}
