// All algorithms that there are, gathered from the rows beside their implementations. Nothing is decided here.

import { type KexName, kexMethods } from '../kex/methods.ts';
import { type SignatureAlgorithm, signatureAlgorithms } from '../keys/signature.ts';
import { type CipherName, ciphers } from '../packet/ciphers.ts';
import { type CompressionName, compressions } from '../packet/compression.ts';
import { type MacName, macs } from '../packet/macs.ts';

/** The algorithms of one side, each list in order of preference. The category names are the seed's. */
export interface AlgorithmLists {
  readonly kex: readonly string[];
  /** Host key algorithms. */
  readonly keys: readonly string[];
  /** Signature algorithms for user authentication. */
  readonly pubkeys: readonly string[];
  readonly ciphers: readonly string[];
  readonly macs: readonly string[];
  readonly compression: readonly string[];
}

export type AlgorithmCategory = keyof AlgorithmLists;

/** The names of a category, as types: a misspelt algorithm does not compile. */
export interface AlgorithmNames {
  kex: KexName;
  keys: SignatureAlgorithm;
  pubkeys: SignatureAlgorithm;
  ciphers: CipherName;
  macs: MacName;
  compression: CompressionName;
}

const rows = {
  kex: kexMethods,
  keys: signatureAlgorithms,
  pubkeys: signatureAlgorithms,
  ciphers,
  macs,
  compression: compressions,
} as const satisfies Record<AlgorithmCategory, readonly { name: string; status: 'default' | 'legacy' }[]>;

export const categories = Object.keys(rows) as AlgorithmCategory[];

/** Every name that is implemented, weak ones included. */
export function supportedAlgorithms(): AlgorithmLists {
  return gather(() => true);
}

/** What is implemented for old peers only, and never offered unless named. */
export function insecureAlgorithms(): AlgorithmLists {
  return gather((row) => row.status === 'legacy');
}

/** What is offered unless told otherwise. Compression is not: it costs more than it brings, and has to be asked for. */
export function defaultAlgorithms(): AlgorithmLists {
  return { ...gather((row) => row.status === 'default'), compression: ['none'] };
}

function gather(keep: (row: { readonly status: string }) => boolean): AlgorithmLists {
  const names = (category: AlgorithmCategory) => rows[category].filter(keep).map((row) => row.name);
  return {
    kex: names('kex'),
    keys: names('keys'),
    pubkeys: names('pubkeys'),
    ciphers: names('ciphers'),
    macs: names('macs'),
    compression: names('compression'),
  };
}
