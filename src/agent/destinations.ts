// Whether a key that is limited to hosts may be seen or used over a connection: its constraints against the bindings, hop by hop
// (OpenSSH PROTOCOL.agent section 2; the answers are those of ssh-agent). Each hop needs a constraint that allows it, and a
// signature has to be for the login that the last binding is about. Nothing that is missing is ever in favour.

import { encodeUtf8, equalBytes } from '../bytes/bytes.ts';
import { KeyFormatError } from '../errors.ts';
import { matchesPattern } from '../keys/pattern-list.ts';
import type { PublicKey } from '../keys/public-key.ts';
import { DecodeError } from '../wire/reader.ts';
import type { DestinationConstraint, DestinationHost } from './destination-constraints.ts';
import { sameBlob } from './key-blob.ts';
import type { Binding, SessionBindings } from './session-bindings.ts';
import { readSignedLogin } from './userauth-request.ts';

/** Where a key that is limited to hosts is about to be used. */
export interface KeyUse {
  readonly username: string;
  /** What the constraint calls the host that has proven to be it. */
  readonly hostname: string;
}

/** Whether whoever is at the other end may know of the key, replace it and remove it. */
export function isVisible(constraints: readonly DestinationConstraint[], bindings: SessionBindings): boolean {
  if (constraints.length === 0) return true;
  const { chain, failed } = bindings;
  if (failed) return false;
  const last = chain.at(-1);
  // Programs of this machine: they can't sign with it, but they manage it.
  if (last === undefined) return true;
  if (followed(constraints, chain, null) === null) return false;
  // It was good for getting there. Whoever is there needs to know of it only where it leads on.
  return !last.forwarding || constraints.some(({ from }) => from !== undefined && isHost(last.hostKey, from));
}

/** Where the key will be used if `data` is signed with it, or null where it may not be. */
export function permittedUse(
  constraints: readonly DestinationConstraint[],
  bindings: SessionBindings,
  key: PublicKey,
  data: Uint8Array,
): KeyUse | null {
  const { chain } = bindings;
  const last = chain.at(-1);
  if (last === undefined || last.forwarding) return null;
  const login = signedLogin(data, key);
  if (login === null || !equalBytes(login.sessionId, last.sessionId)) return null;
  // A request that does not name the host could have been made for another one; only a client on our own machine is believed.
  if (login.hostKey === null ? chain.length > 1 : !sameBlob(login.hostKey, last.hostKey)) return null;
  const constraint = followed(constraints, chain, login.username);
  return constraint === null ? null : { username: login.username, hostname: constraint.to.hostname };
}

/** The constraint that allows the last hop, if there is one for each; only there is the user known. */
function followed(
  constraints: readonly DestinationConstraint[],
  chain: readonly Binding[],
  username: string | null,
): DestinationConstraint | null {
  let from: PublicKey | null = null;
  let found: DestinationConstraint | undefined;
  for (const [index, { hostKey }] of chain.entries()) {
    const isLast = index === chain.length - 1;
    const here: PublicKey | null = from;
    found = constraints.find(
      (each) =>
        comesFrom(each, here) && isHost(hostKey, each.to) && (!isLast || username === null || isUser(username, each.username)),
    );
    if (found === undefined) return null;
    from = hostKey;
  }
  return found ?? null;
}

function comesFrom({ from }: DestinationConstraint, key: PublicKey | null): boolean {
  if (key === null) return from === undefined;
  return from !== undefined && isHost(key, from);
}

function isUser(username: string, pattern: string | undefined): boolean {
  return pattern === undefined || matchesPattern(byteWise(pattern), byteWise(username));
}

/** A character for each byte, since to OpenSSH a `?` is a byte. */
function byteWise(text: string): string {
  return String.fromCharCode(...encodeUtf8(text));
}

/** Whether the key is one of the host's, or the certificate one that an authority has given to it. */
function isHost(key: PublicKey, { hostname, hostKeys, authorities = [] }: DestinationHost): boolean {
  const { certificate } = key;
  if (certificate === null) return hostKeys.some((known) => sameBlob(known, key));
  if (!authorities.some((authority) => sameBlob(authority, certificate.signatureKey))) return false;
  // "Host certificates have no critical options" (PROTOCOL.certkeys).
  return certificate.criticalOptions.size === 0 && certificate.refusal('host', hostname, Date.now() / 1000) === null;
}

function signedLogin(data: Uint8Array, key: PublicKey): ReturnType<typeof readSignedLogin> | null {
  try {
    return readSignedLogin(data, key);
  } catch (error) {
    if (error instanceof DecodeError || error instanceof KeyFormatError) return null;
    throw error;
  }
}
