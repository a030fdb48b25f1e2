// An audit as a value: what a server offers, each with a verdict, its host keys, and what a connection of ours would have. Printing
// is elsewhere.

import { defaultAlgorithms } from '../../algorithms/registry.ts';
import { NegotiationError, ProtocolError, SSHError } from '../../errors.ts';
import type { Address } from '../../io/dial.ts';
import { kexMarkers, type NegotiatedAlgorithms, negotiate } from '../../kex/negotiate.ts';
import { keyAlgorithm } from '../../keys/certificate-algorithms.ts';
import type { KexInit } from '../../wire/messages/transport.ts';
import { fetchHostKey } from '../keyscan/host-key.ts';
import { readOffer } from './offer.ts';
import { type AuditCategory, isKex, isOpenToTerrapin, isPostQuantum, judge, judgeHostKey, type Verdict } from './weakness.ts';

export interface AuditedAlgorithm extends Verdict {
  readonly name: string;
  /** Only of key exchanges. */
  readonly postQuantum?: boolean;
}

export interface AuditedHostKey extends Verdict {
  readonly type: string;
  /** 0 where the key could not be had. */
  readonly bits: number;
  readonly fingerprint: string | null;
}

export interface Audit {
  readonly host: string;
  readonly port: number;
  readonly version: string;
  readonly algorithms: Readonly<Record<AuditCategory, readonly AuditedAlgorithm[]>>;
  readonly hostKeys: readonly AuditedHostKey[];
  /** What we would agree on by default; null where there is nothing in common, which `negotiationFailure` explains. */
  readonly negotiated: (NegotiatedAlgorithms & { readonly postQuantum: boolean }) | null;
  readonly negotiationFailure: string | null;
  /** Whether the server has a post-quantum key exchange at all. */
  readonly postQuantum: boolean;
  readonly strictKex: boolean;
  /** Everything that is weak, in a line each. */
  readonly weaknesses: readonly string[];
}

/**
 * Asks a server.
 * @param timeout For each connection, milliseconds
 * @throws SSHError where it does not say what it offers
 */
export async function audit(address: Required<Pick<Address, 'host' | 'port' | 'family'>>, timeout: number): Promise<Audit> {
  const { host, port } = address;
  const { version, kexInit } = await readOffer(address, timeout);
  const named = (category: AuditCategory, ...lists: readonly (readonly string[])[]): readonly AuditedAlgorithm[] =>
    [...new Set(lists.flat())].map((name) => ({
      name,
      ...judge(category, name),
      ...(category === 'kex' && { postQuantum: isPostQuantum(name) }),
    }));
  const algorithms = {
    kex: named('kex', kexInit.kex.filter(isKex)),
    keys: named('keys', kexInit.serverHostKey),
    ciphers: named('ciphers', kexInit.cipherClientToServer, kexInit.cipherServerToClient),
    macs: named('macs', kexInit.macClientToServer, kexInit.macServerToClient),
    compression: named('compression', kexInit.compressionClientToServer, kexInit.compressionServerToClient),
  };
  const hostKeys = await readHostKeys(address, kexInit.serverHostKey, timeout);
  const strictKex = kexInit.kex.includes(kexMarkers.server.strict);
  const { negotiated, negotiationFailure } = ourChoice(kexInit);
  const names = (category: AuditCategory) => algorithms[category].map(({ name }) => name);
  const weaknesses = [
    ...(version.startsWith('SSH-1.') ? ['version: it also speaks SSH 1, which is broken'] : []),
    ...Object.entries(algorithms).flatMap(([category, list]) => weakOf(category, list)),
    ...hostKeys.filter(({ grade }) => grade === 'weak').map(({ type, reason }) => `host key ${type}: ${reason}`),
    ...(!strictKex && isOpenToTerrapin(names('ciphers'), names('macs'))
      ? ['no strict key exchange: messages can be cut out at the start (Terrapin, CVE-2023-48795)']
      : []),
  ];
  const postQuantum = algorithms.kex.some((entry) => entry.postQuantum);
  return { host, port, version, algorithms, hostKeys, negotiated, negotiationFailure, postQuantum, strictKex, weaknesses };
}

const LABELS: Readonly<Record<string, string>> = {
  kex: 'key exchange',
  keys: 'host key algorithm',
  ciphers: 'cipher',
  macs: 'MAC',
  compression: 'compression',
};

function weakOf(category: string, list: readonly AuditedAlgorithm[]): readonly string[] {
  return list.filter(({ grade }) => grade === 'weak').map(({ name, reason }) => `${LABELS[category]} ${name}: ${reason}`);
}

/** One connection per type of key that the server has and we can read. */
async function readHostKeys(
  address: Required<Pick<Address, 'host' | 'port' | 'family'>>,
  offered: readonly string[],
  timeout: number,
): Promise<AuditedHostKey[]> {
  const byType = new Map<string, string[]>();
  for (const name of offered) {
    const row = keyAlgorithm(name);
    if (row !== undefined && !row.certified) byType.set(row.keyType, [...(byType.get(row.keyType) ?? []), name]);
  }
  const keys: AuditedHostKey[] = [];
  // One after the other: a server under an audit is none under load.
  for (const [type, algorithms] of byType) {
    try {
      const { key } = await fetchHostKey(address, algorithms, timeout);
      if (key !== null) keys.push({ type, bits: key.bits, fingerprint: key.fingerprint, ...judgeHostKey(type, key.bits) });
    } catch (error) {
      if (!(error instanceof SSHError)) throw error;
      // A key that no client of ours would take says more than that it could not be had.
      const grade = error instanceof ProtocolError && error.violation === 'bad-host-key' ? 'weak' : 'unknown';
      keys.push({ type, bits: 0, fingerprint: null, grade, reason: error.message });
    }
  }
  return keys;
}

function ourChoice(server: KexInit): Pick<Audit, 'negotiated' | 'negotiationFailure'> {
  const { kex, keys, ciphers, macs, compression } = defaultAlgorithms();
  const client: KexInit = {
    ...server,
    kex,
    serverHostKey: keys,
    cipherClientToServer: ciphers,
    cipherServerToClient: ciphers,
    macClientToServer: macs,
    macServerToClient: macs,
    compressionClientToServer: compression,
    compressionServerToClient: compression,
  };
  try {
    const chosen = negotiate(client, server, 'client');
    return { negotiated: { ...chosen, postQuantum: isPostQuantum(chosen.kex) }, negotiationFailure: null };
  } catch (error) {
    if (error instanceof NegotiationError) return { negotiated: null, negotiationFailure: error.message };
    throw error;
  }
}
