// Lists of algorithms in a configuration: names, patterns where OpenSSH takes them, and `+`, `-`, `^` on the defaults. What
// OpenSSH knows and amiko lacks is let pass and left out; a name that neither knows is a mistake of the file.

import { nearest } from '../algorithms/nearest.ts';
import { defaultAlgorithms, supportedAlgorithms } from '../algorithms/registry.ts';
import { matchesPattern, matchesPatternList } from '../keys/pattern-list.ts';
import { LineError } from './line.ts';

/** The names that there are for one kind of algorithm. */
export interface AlgorithmTable {
  /** What is offered where the file says nothing, and what `+`, `-` and `^` start from. */
  readonly defaults: readonly string[];
  /** All that may be named, in the order in which a pattern brings them. */
  readonly supported: readonly string[];
}

/** The keywords whose value is a list of algorithms. */
export type ListKeyword =
  | 'ciphers'
  | 'macs'
  | 'kexalgorithms'
  | 'hostkeyalgorithms'
  | 'hostbasedacceptedalgorithms'
  | 'pubkeyacceptedalgorithms'
  | 'casignaturealgorithms'
  | 'gssapikexalgorithms';

/** What each list can hold; that of amiko unless the caller has another. */
export type AlgorithmTables = Readonly<Record<ListKeyword, AlgorithmTable>>;

/** What OpenSSH has ever called an algorithm and amiko does not have. Naming one is no mistake, and has no effect. */
const FOREIGN: Readonly<Partial<Record<ListKeyword, readonly string[]>>> = {
  ciphers: ['rijndael-cbc@lysator.liu.se'],
  macs: [
    'umac-64@openssh.com',
    'umac-128@openssh.com',
    'umac-64-etm@openssh.com',
    'umac-128-etm@openssh.com',
    'hmac-sha1-96-etm@openssh.com',
    'hmac-md5-etm@openssh.com',
    'hmac-md5-96-etm@openssh.com',
    'hmac-ripemd160',
    'hmac-ripemd160@openssh.com',
    'hmac-ripemd160-etm@openssh.com',
  ],
  kexalgorithms: ['sntrup4591761x25519-sha512@tinyssh.org', 'ecdh-sha2-1.3.132.0.10'],
};

const FOREIGN_KEYS: readonly string[] = [
  'ssh-dss',
  'ssh-dss-cert-v01@openssh.com',
  'ssh-rsa',
  'ssh-rsa-cert-v01@openssh.com',
  'ssh-xmss@openssh.com',
  'ssh-xmss-cert-v01@openssh.com',
  'webauthn-sk-ecdsa-sha2-nistp256@openssh.com',
  'webauthn-sk-ecdsa-sha2-nistp256-cert-v01@openssh.com',
];

/** The methods of RFC 4462 and RFC 8732, without the OID that follows the last dash. */
const GSS = [
  'gss-group14-sha256-',
  'gss-group16-sha512-',
  'gss-nistp256-sha256-',
  'gss-curve25519-sha256-',
  'gss-group14-sha1-',
  'gss-gex-sha1-',
  'gss-group1-sha1-',
];

/** What amiko offers and has. */
export function ownTables(): AlgorithmTables {
  const [defaults, supported] = [defaultAlgorithms(), supportedAlgorithms()];
  const plain = (names: readonly string[]): readonly string[] => names.filter((name) => !name.includes('-cert-'));
  const keys = { defaults: defaults.pubkeys, supported: supported.pubkeys };
  return {
    ciphers: { defaults: defaults.ciphers, supported: supported.ciphers },
    macs: { defaults: defaults.macs, supported: supported.macs },
    kexalgorithms: { defaults: defaults.kex, supported: supported.kex },
    hostkeyalgorithms: { defaults: defaults.keys, supported: supported.keys },
    hostbasedacceptedalgorithms: keys,
    pubkeyacceptedalgorithms: keys,
    casignaturealgorithms: { defaults: plain(defaults.keys), supported: plain(supported.keys) },
    gssapikexalgorithms: { defaults: GSS.slice(0, 6), supported: GSS },
  };
}

const PATTERNS_ALLOWED: readonly ListKeyword[] = [
  'hostkeyalgorithms',
  'hostbasedacceptedalgorithms',
  'pubkeyacceptedalgorithms',
  'casignaturealgorithms',
];

/** @throws LineError for a name that nobody knows, with the nearest that somebody does. */
export function checkAlgorithmList(keyword: ListKeyword, spec: string, tables: AlgorithmTables): void {
  if (spec.startsWith('-') && keyword !== 'gssapikexalgorithms') return;
  const names = ('+^'.includes(spec[0] ?? ' ') && keyword !== 'gssapikexalgorithms' ? spec.slice(1) : spec).split(',');
  const patterns = PATTERNS_ALLOWED.includes(keyword);
  const foreign = FOREIGN[keyword] ?? (patterns ? FOREIGN_KEYS : []);
  const known = [...tables[keyword].supported, ...foreign];
  // OpenSSH does not mind a comma at the end.
  if (names.length > 1 && names.at(-1) === '') names.pop();
  for (const name of names) {
    if (known.includes(name) || (patterns && name !== '' && known.some((each) => matchesPattern(name, each)))) continue;
    const close = name.length > 64 ? null : nearest(name, known);
    throw new LineError(`unknown algorithm '${name}'${close === null ? '' : `; did you mean '${close}'?`}`);
  }
}

/** The names that a list comes to, in order and each once; null where nothing is left of it. */
export function assembleAlgorithms(spec: string | undefined, { defaults, supported }: AlgorithmTable): readonly string[] | null {
  if (spec === undefined) return defaults;
  const names = spec.slice(1);
  if (spec.startsWith('-')) return defaults.filter((name) => !matchesPatternList(names, name));
  let wanted = spec.split(',');
  if (spec.startsWith('+')) wanted = [...defaults, ...names.split(',')];
  if (spec.startsWith('^')) wanted = [...names.split(','), ...defaults];
  const found = new Set(wanted.flatMap((pattern) => supported.filter((name) => matchesPattern(pattern, name))));
  return found.size === 0 ? null : [...found];
}
