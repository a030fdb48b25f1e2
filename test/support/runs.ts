// How often fast-check tries: a default for every run of the tests, AMIKO_RUNS for those who have the time.
import type { Parameters } from 'fast-check';

export function runs<T = unknown>(usual: number): Parameters<T> {
  return { numRuns: Number(process.env['AMIKO_RUNS'] ?? usual) };
}
