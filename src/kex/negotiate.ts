// RFC 4253 section 7.1: out of two KEXINITs, the algorithms. Pure: the same two messages always give the same answer.

import { type NegotiationCategory, NegotiationError } from '../errors.ts';
import { isAead } from '../packet/ciphers.ts';
import type { KexInit } from '../wire/messages/transport.ts';
import { gssKexMethod, NULL_HOST_KEY } from './gss-methods.ts';

/** What protects one direction. `mac` is '' where the cipher authenticates by itself. */
export interface DirectionAlgorithms {
  readonly cipher: string;
  readonly mac: string;
  readonly compression: string;
}

export interface NegotiatedAlgorithms {
  readonly kex: string;
  readonly hostKey: string;
  readonly clientToServer: DirectionAlgorithms;
  readonly serverToClient: DirectionAlgorithms;
}

/** Names in the kex list that are not methods (RFC 8308 section 2.1, OpenSSH PROTOCOL section 1.10). */
export const kexMarkers = {
  client: { extInfo: 'ext-info-c', strict: 'kex-strict-c-v00@openssh.com' },
  server: { extInfo: 'ext-info-s', strict: 'kex-strict-s-v00@openssh.com' },
} as const;

const markers: ReadonlySet<string> = new Set([...Object.values(kexMarkers.client), ...Object.values(kexMarkers.server)]);

/** @throws NegotiationError, with the lists as this side (`role`) sees them. */
export function negotiate(client: KexInit, server: KexInit, role: 'client' | 'server'): NegotiatedAlgorithms {
  const choose = (category: NegotiationCategory, ofClient: readonly string[], ofServer: readonly string[]): string => {
    const clientNames = ofClient.filter((name) => !markers.has(name));
    const serverNames = ofServer.filter((name) => !markers.has(name));
    // "The chosen algorithm MUST be the first algorithm on the client's name-list that is also on the server's".
    const chosen = clientNames.find((name) => serverNames.includes(name));
    if (chosen !== undefined) return chosen;
    throw role === 'client'
      ? new NegotiationError(category, clientNames, serverNames)
      : new NegotiationError(category, serverNames, clientNames);
  };
  const kex = choose('kex', client.kex, server.kex);
  // No key is an answer only where something else proves the server (RFC 4462 section 5).
  const provable = (names: readonly string[]) => (gssKexMethod(kex) ? names : names.filter((name) => name !== NULL_HOST_KEY));
  const hostKey = choose('server host key', provable(client.serverHostKey), provable(server.serverHostKey));
  const direction = (way: 'ClientToServer' | 'ServerToClient'): DirectionAlgorithms => {
    const words = way === 'ClientToServer' ? 'client to server' : 'server to client';
    const cipher = choose(`cipher ${words}`, client[`cipher${way}`], server[`cipher${way}`]);
    const mac = isAead(cipher) ? '' : choose(`mac ${words}`, client[`mac${way}`], server[`mac${way}`]);
    const compression = choose(`compression ${words}`, client[`compression${way}`], server[`compression${way}`]);
    return { cipher, mac, compression };
  };
  return { kex, hostKey, clientToServer: direction('ClientToServer'), serverToClient: direction('ServerToClient') };
}

/**
 * Whether a peer that set first_kex_packet_follows guessed wrong, so that its next packet is to be ignored: the guess is
 * right only if both sides' first kex and first host key algorithm agree.
 */
export function isWrongGuess(client: KexInit, server: KexInit): boolean {
  return client.kex[0] !== server.kex[0] || client.serverHostKey[0] !== server.serverHostKey[0];
}
