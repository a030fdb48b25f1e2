// The lists of a configuration as options of a connection: only what amiko has, and only where the file says something, so that
// our own defaults and policies stay in force everywhere else.

import type { AlgorithmOptions } from '../algorithms/policy.ts';
import { supportedAlgorithms } from '../algorithms/registry.ts';
import { type AlgorithmTables, assembleAlgorithms, type ListKeyword, ownTables } from './algorithm-list.ts';
import { LineError } from './line.ts';

/** The categories of {@link AlgorithmOptions} and the keywords that they come from. */
const CATEGORIES = {
  kex: 'kexalgorithms',
  keys: 'hostkeyalgorithms',
  pubkeys: 'pubkeyacceptedalgorithms',
  ciphers: 'ciphers',
  macs: 'macs',
} as const satisfies Record<string, ListKeyword>;

/** How authorities may sign; null where the file does not say. @throws LineError where nothing is left of the list. */
export function caSignatureAlgorithms(spec: string | undefined): readonly string[] | null {
  return spec === undefined ? null : chosenNames('casignaturealgorithms', spec, ownTables());
}

function chosenNames(keyword: ListKeyword, spec: string, tables: AlgorithmTables): readonly string[] {
  const names = assembleAlgorithms(spec, tables[keyword]);
  if (names === null || names.length === 0) throw new LineError(`amiko has none of ${keyword} '${spec.slice(0, 200)}'`);
  return names;
}

/** @throws LineError where nothing is left of a list. */
export function connectionAlgorithms(value: (keyword: ListKeyword) => string | undefined, compress: boolean): AlgorithmOptions {
  const tables = ownTables();
  const chosen: Record<string, readonly string[]> = {};
  for (const [category, keyword] of Object.entries(CATEGORIES)) {
    const spec = value(keyword);
    if (spec !== undefined) chosen[category] = chosenNames(keyword, spec, tables);
  }
  // Wanted, but not without alternative: a server need not have it.
  const last = (name: string): number => Number(name === 'none');
  if (compress) chosen['compression'] = [...supportedAlgorithms().compression].sort((a, b) => last(a) - last(b));
  return chosen as AlgorithmOptions;
}
