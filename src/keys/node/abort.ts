// Waiting that an AbortSignal can end. What is waited for may go on (a passphrase prompt, a hash in the thread pool cannot be
// stopped), so the caller says what happens to a result that nobody takes any more: a derived key has to be erased.

/** The promise's result, or a rejection with the signal's reason as soon as it fires. */
export function abortable<T>(
  promise: PromiseLike<T>,
  signal: AbortSignal | undefined,
  discard?: (result: T) => void,
): Promise<T> {
  if (signal === undefined) return Promise.resolve(promise);
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(
      (result) => {
        signal.removeEventListener('abort', onAbort);
        if (signal.aborted) discard?.(result);
        resolve(result);
      },
      (error: unknown) => {
        signal.removeEventListener('abort', onAbort);
        reject(error);
      },
    );
  });
}
