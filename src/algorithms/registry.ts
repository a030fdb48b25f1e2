// All algorithms that there are, gathered from the rows beside their implementations. Nothing is decided here.

import { UsageError } from '../errors.ts';
import { type KexName, kexMethods } from '../kex/methods.ts';
import { type CertificateAlgorithm, certificateAlgorithms } from '../keys/certificate-algorithms.ts';
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
  keys: SignatureAlgorithm | CertificateAlgorithm;
  pubkeys: SignatureAlgorithm | CertificateAlgorithm;
  ciphers: CipherName;
  macs: MacName;
  compression: CompressionName;
}

/** Certificates first, as OpenSSH has them: a peer that has one should come with it. What is weak comes last. */
const keyRows = [...certificateAlgorithms, ...signatureAlgorithms].sort(
  (a, b) => Number(a.status === 'legacy') - Number(b.status === 'legacy'),
);

const rows = {
  kex: kexMethods,
  // No host key lives in a browser.
  keys: keyRows.filter(({ name }) => !name.startsWith('webauthn-')),
  pubkeys: keyRows,
  ciphers,
  macs,
  compression: compressions,
} as const satisfies Record<AlgorithmCategory, readonly { name: string; status: Status }[]>;

/**
 * `default`: offered. `compatible`: outdated, yet nobody is known to be able to do anything with it against a live connection.
 * `legacy`: weak, for peers that have nothing else.
 */
type Status = 'default' | 'compatible' | 'legacy';

/**
 * How far to go for old peers: `modern` not at all, `compatible` as far as HMAC and key exchanges with SHA-1, `legacy` all the
 * way: SHA-1 signatures, CBC, 3DES, MD5, 1024-bit groups. What is added comes last, so better peers never get it.
 */
export type AlgorithmPolicy = 'modern' | 'compatible' | 'legacy';

const policies: Readonly<Record<AlgorithmPolicy, readonly Status[]>> = {
  modern: ['default'],
  compatible: ['default', 'compatible'],
  legacy: ['default', 'compatible', 'legacy'],
};

export const categories = Object.keys(rows) as AlgorithmCategory[];

/** Every name that is implemented, weak ones included. */
export function supportedAlgorithms(): AlgorithmLists {
  return gather(() => true);
}

/** What is implemented for old peers only, and never offered unless named or wanted by policy. */
export function insecureAlgorithms(): AlgorithmLists {
  return gather((status) => status !== 'default');
}

/**
 * What is offered unless told otherwise. Compression is not: it costs more than it brings, and has to be asked for.
 * @throws UsageError if there is no such policy
 */
export function defaultAlgorithms(policy: AlgorithmPolicy = 'modern'): AlgorithmLists {
  const allowed = Object.hasOwn(policies, policy) ? policies[policy] : undefined;
  if (allowed === undefined) throw new UsageError(`unknown algorithm policy '${policy}'`);
  return { ...gather((status) => allowed.includes(status)), compression: ['none'] };
}

function gather(keep: (status: Status) => boolean): AlgorithmLists {
  const names = (category: AlgorithmCategory) => rows[category].filter(({ status }) => keep(status)).map(({ name }) => name);
  return {
    kex: names('kex'),
    keys: names('keys'),
    pubkeys: names('pubkeys'),
    ciphers: names('ciphers'),
    macs: names('macs'),
    compression: names('compression'),
  };
}
