// How long something takes, and what it leaves behind, on a machine that has other things to do as well: the best of a few runs is
// what the code needs, the others are what the machine did meanwhile.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** The best of `runs`, in milliseconds. `prepare` is not measured. */
export function fastest<T>(runs: number, prepare: () => T, run: (prepared: T) => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < runs; i++) {
    const prepared = prepare();
    const since = performance.now();
    run(prepared);
    best = Math.min(best, performance.now() - since);
  }
  return best;
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** What lives: heap and array buffers after a collection, bytes. */
export function liveBytes(): number {
  // The buffers of what the first collection has found dead are freed behind its back; the second waits for that.
  collect();
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
