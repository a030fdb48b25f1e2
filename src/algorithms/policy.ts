// What the caller wants of the algorithms: an exact list, or OpenSSH's `+`, `-` and `^` on the defaults (ssh_config(5),
// "Ciphers"). One mechanism for options, SecurityOptions and the command line.

import { UsageError } from '../errors.ts';
import { matchesPattern } from '../keys/pattern-list.ts';
import { nearest } from './nearest.ts';
import {
  type AlgorithmCategory,
  type AlgorithmLists,
  type AlgorithmNames,
  categories,
  defaultAlgorithms,
  supportedAlgorithms,
} from './registry.ts';

/**
 * An exact list in order of preference, or a text as OpenSSH takes it: `a,b` is exact, `+a,b` appends to the defaults,
 * `-a,b` removes from them (`*` and `?` match), `^a,b` moves to the front.
 */
export type AlgorithmChoice<C extends AlgorithmCategory = AlgorithmCategory> = readonly AlgorithmNames[C][] | string;

export type AlgorithmOptions = { readonly [C in AlgorithmCategory]?: AlgorithmChoice<C> };

/**
 * `base` is what `+`, `-` and `^` start from, and what categories without a choice get.
 * @throws UsageError naming the entry that is not known, with the nearest name that is.
 */
export function chooseAlgorithms(options: AlgorithmOptions = {}, base: AlgorithmLists = defaultAlgorithms()): AlgorithmLists {
  const lists: Record<AlgorithmCategory, readonly string[]> = { ...base };
  for (const [category, choice] of Object.entries(options)) {
    checkCategory(category);
    if (choice !== undefined) lists[category] = apply(category, choice, lists[category]);
  }
  return lists;
}

/** Takes names away. @throws UsageError for a category that there is not. Names that are not offered anyway are let pass. */
export function disableAlgorithms(
  lists: AlgorithmLists,
  disabled: { readonly [category: string]: Iterable<string> },
): AlgorithmLists {
  const out: Record<AlgorithmCategory, readonly string[]> = { ...lists };
  for (const [category, names] of Object.entries(disabled)) {
    checkCategory(category);
    const gone = new Set(names);
    out[category] = out[category].filter((name) => !gone.has(name));
  }
  return out;
}

/** @throws UsageError if a name is not implemented. */
export function checkNames(category: AlgorithmCategory, names: readonly string[]): void {
  const known = supportedAlgorithms()[category];
  for (const name of names) {
    if (known.includes(name)) continue;
    const close = nearest(name, known);
    throw new UsageError(`unknown ${label(category)} '${name}'${close === null ? '' : `; did you mean '${close}'?`}`);
  }
}

function apply(category: AlgorithmCategory, choice: readonly string[] | string, defaults: readonly string[]): readonly string[] {
  if (typeof choice !== 'string') return exact(category, choice);
  const prefix = choice[0] ?? '';
  const names = ('+-^'.includes(prefix) ? choice.slice(1) : choice).split(',').filter((name) => name !== '');
  switch (prefix) {
    case '+':
      checkNames(category, names);
      return [...defaults, ...names.filter((name) => !defaults.includes(name))];
    case '^':
      checkNames(category, names);
      return [...names, ...defaults.filter((name) => !names.includes(name))];
    case '-':
      return defaults.filter((name) => !names.some((pattern) => matchesPattern(pattern, name)));
    default:
      return exact(category, names);
  }
}

function exact(category: AlgorithmCategory, names: readonly string[]): readonly string[] {
  checkNames(category, names);
  if (names.length === 0) throw new UsageError(`an empty list of ${label(category)} algorithms`);
  return [...new Set(names)];
}

function checkCategory(category: string): asserts category is AlgorithmCategory {
  if ((categories as readonly string[]).includes(category)) return;
  const close = nearest(category, categories);
  throw new UsageError(`unknown algorithm category '${category}'${close === null ? '' : `; did you mean '${close}'?`}`);
}

function label(category: AlgorithmCategory): string {
  const labels = {
    kex: 'key exchange',
    keys: 'host key',
    pubkeys: 'public key',
    ciphers: 'cipher',
    macs: 'MAC',
    compression: 'compression',
  } as const;
  return labels[category];
}
