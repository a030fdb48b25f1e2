// What is said of the end of a connection: to our user all that we know, to the peer general words only. The details are ours, or a
// peer could learn from them what it should not (no oracle).

import {
  ConnectionLostError,
  DisconnectedError,
  GssError,
  HostKeyError,
  NegotiationError,
  type Phase,
  ProtocolError,
  SSHError,
  SSHTimeoutError,
} from '../errors.ts';
import { DisconnectReason } from '../wire/messages/transport.ts';

/** What goes into DISCONNECT. */
export interface Goodbye {
  readonly reason: number;
  readonly description: string;
}

/** Null where the peer is not there to hear it, or has said so itself. */
export function farewell(error: SSHError): Goodbye | null {
  if (error instanceof DisconnectedError || error instanceof ConnectionLostError) return null;
  if (error instanceof ProtocolError) return { reason: error.disconnectReason, description: 'protocol error' };
  if (error instanceof NegotiationError) return { reason: DisconnectReason.keyExchangeFailed, description: error.message };
  if (error instanceof HostKeyError)
    return { reason: DisconnectReason.hostKeyNotVerifiable, description: 'host key not accepted' };
  if (error instanceof GssError) return { reason: DisconnectReason.keyExchangeFailed, description: 'GSS-API failed' };
  if (error instanceof SSHTimeoutError) return { reason: DisconnectReason.protocolError, description: 'timeout' };
  return { reason: DisconnectReason.byApplication, description: 'internal error' };
}

/** The stream below has ended, or failed with `cause`, without a DISCONNECT. */
export function connectionLost(phase: Phase, cause: unknown): ConnectionLostError {
  const during = { version: 'before it identified itself', kex: 'during the key exchange', auth: 'during authentication' };
  const when = (during as Record<string, string>)[phase] ?? 'without saying why';
  // sshd drops connections above MaxStartups, and penalised ones, without a word.
  const hint = phase === 'version' ? ' (a server that is busy or penalises our address does that)' : '';
  const why =
    cause === undefined ? `the peer closed the connection ${when}${hint}` : `the connection failed ${when}: ${messageOf(cause)}`;
  return new ConnectionLostError(why, cause === undefined ? {} : { cause });
}

/** What was thrown, as the reason why the connection is over. */
export function failureOf(error: unknown): SSHError {
  if (error instanceof SSHError) return error;
  return new SSHError('ERR_SSH_CLOSED', `internal error: ${messageOf(error)}`, { cause: error });
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
