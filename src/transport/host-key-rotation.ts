// Which part a transport plays in host key rotation (OpenSSH PROTOCOL section 2.5): a server tells of its keys and proves them, a
// client learns them. A client that nobody asked to learn keys does not ask for proof either.

import type { CryptoProvider } from '../crypto/provider.ts';
import type { Engine } from '../engine/engine.ts';
import type { Signer } from '../keys/signer.ts';
import { HostKeyAnnouncer } from './host-key-announcer.ts';
import { HostKeyLearner } from './host-key-learner.ts';
import type { TransportOptions } from './options.ts';
import type { PeerQuestions } from './peer-questions.ts';
import type { SessionFacts } from './session-facts.ts';

export interface RotationParts {
  readonly role: 'client' | 'server';
  readonly crypto: CryptoProvider;
  readonly engine: Engine;
  readonly facts: SessionFacts;
  readonly questions: PeerQuestions;
  /** Server: all that it has. */
  readonly hostKeys: readonly Signer[];
  readonly onHostKeys: TransportOptions['onHostKeys'];
  log(message: string): void;
}

export function hostKeyRotation(parts: RotationParts): HostKeyAnnouncer | HostKeyLearner | null {
  const { role, crypto, engine, facts, questions, hostKeys, onHostKeys, log } = parts;
  const sessionId = () => engine.sessionId?.slice() ?? null;
  if (role === 'server') {
    const hostKeyAlgorithm = () => facts.negotiated?.hostKey ?? '';
    const send = (request: string, data: Uint8Array) => engine.globalRequest(request, data, null);
    return new HostKeyAnnouncer({ keys: hostKeys, sessionId, hostKeyAlgorithm, send, log });
  }
  if (onHostKeys === undefined) return null;
  const request = (kind: string, data: Uint8Array) => questions.request(kind, data);
  return new HostKeyLearner({ crypto, sessionId, hostKey: () => engine.hostKey, request, log, learned: onHostKeys });
}
