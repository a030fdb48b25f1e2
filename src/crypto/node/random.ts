/**
 * Random bytes from the operating system's generator by way of node:crypto, the only source of randomness amiko uses.
 *
 * Padding wants a few bytes for every packet and a call into OpenSSL costs as much as encrypting a small one, so short
 * requests are served from a pool. Invariant: no byte of the pool is given out twice, and none stays in it once given out.
 */
import { randomFillSync } from 'node:crypto';

const POOL_BYTES = 4096;
const POOLED_REQUEST = 256;

/** Allocated at first use: a pool filled while a startup snapshot is built would be the same in every process. */
let pool: Uint8Array | undefined;
let used = POOL_BYTES;

export function randomFill(target: Uint8Array): void {
  const length = target.length;
  if (length > POOLED_REQUEST) {
    randomFillSync(target);
    return;
  }
  if (used + length > POOL_BYTES) {
    pool ??= new Uint8Array(POOL_BYTES);
    randomFillSync(pool);
    used = 0;
  }
  if (pool === undefined) return; // only for a request of no bytes
  const end = used + length;
  target.set(pool.subarray(used, end));
  pool.fill(0, used, end);
  used = end;
}
