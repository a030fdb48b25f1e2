// What a transport says of its connection in logs and when it is printed. What the peer has chosen freely is escaped; no line holds a
// secret.

import type { EngineEvent } from '../engine/events.ts';
import { printable } from '../errors.ts';
import type { NegotiatedAlgorithms } from '../kex/negotiate.ts';
import type { PublicKey } from '../keys/public-key.ts';
import { ciphers } from '../packet/ciphers.ts';
import type { Negotiated } from './options.ts';
import type { SessionFacts } from './session-facts.ts';

/** The log line of an event that the facts have learned of, and its level; null where there is none. */
export function wordsOf(event: EngineEvent, { negotiated }: SessionFacts): readonly [level: 1 | 2 | 3, message: string] | null {
  switch (event.type) {
    case 'version':
      return [1, `the peer is ${event.version}`];
    case 'keys':
      return [1, describeKeys(negotiated as Negotiated, event.first, event.hostKey)];
    case 'extensions':
      return [2, `the peer's extensions: ${[...event.extensions.keys()].join(', ')}`];
    case 'authenticated':
      return event.who && [1, `'${printable(event.who.user)}' logged in by ${event.who.method}`];
    case 'debug':
      return [event.alwaysDisplay ? 1 : 2, `the peer says: ${printable(event.text)}`];
    default:
      return null;
  }
}

/** A connection that has agreed on keys, in brackets as the seed prints it. */
export function describeActive({ negotiated, authenticated }: SessionFacts, channelCount: number): string {
  if (negotiated === null) return '(connecting)';
  const { cipher } = negotiated.clientToServer;
  const state = authenticated ? `active; ${channelCount} open channel(s)` : 'connected; awaiting auth';
  return `(cipher ${cipher}, ${cipherBits(cipher)} bits) (${state})`;
}

/** What an attacker has to guess; the second half of a chacha20-poly1305 key only hides lengths. */
function cipherBits(cipher: string): number {
  return Math.min(ciphers.find((row) => row.name === cipher)?.keyBytes ?? 0, 32) * 8;
}

function describeKeys(negotiated: Negotiated, first: boolean, hostKey: PublicKey | null): string {
  const { kex, hostKey: algorithm, clientToServer, serverToClient, postQuantum, strictKex } = negotiated;
  const way = (name: string, { cipher, mac, compression }: NegotiatedAlgorithms['clientToServer']) =>
    `${name} ${cipher}${mac && ` + ${mac}`}${compression === 'none' ? '' : ` + ${compression}`}`;
  const what = first ? 'keys' : 'new keys';
  const extras = [postQuantum ? 'post-quantum' : 'not post-quantum', ...(strictKex ? ['strict kex'] : [])].join(', ');
  return `${what}: ${kex} (${extras}), ${algorithm} ${hostKey?.fingerprint ?? '(no key)'}, ${way('out', clientToServer)}, ${way('in', serverToClient)}`;
}
