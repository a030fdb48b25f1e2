// The service ssh-userauth inside an engine (RFC 4252): asked for once by a client, served once by a server. A client has one
// attempt under way at a time, and each is settled exactly once, whatever happens to the connection.

import type { AlgorithmLists } from '../algorithms/registry.ts';
import type { ClientAuthMethod } from '../auth/client.ts';
import type { AuthOutcome } from '../auth/outcome.ts';
import { type Authenticated, authSuccess, serverAuth } from '../auth/server.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { ProtocolError, SSHError } from '../errors.ts';
import { type Flow, type FlowHost, FlowRunner } from '../flow/flow.ts';
import { UserauthBanner } from '../wire/messages/auth.ts';
import { DisconnectReason, ServiceAccept, ServiceRequest } from '../wire/messages/transport.ts';
import type { ServerConfig } from './config.ts';
import type { Handshake } from './handshake.ts';
import { messageOf } from './last-words.ts';

const USERAUTH_SERVICE = 'ssh-userauth';
/** Text of banners that we pass on, bytes; what is above is dropped. */
const BANNER_BYTES = 65_536;

export interface AuthenticationPort {
  readonly flowHost: FlowHost;
  readonly crypto: CryptoProvider;
  readonly server: ServerConfig | null;
  /** What the first key exchange has brought. */
  readonly session: Pick<Handshake, 'sessionId' | 'gssInitiator' | 'gssAcceptor'>;
  algorithms(): AlgorithmLists;
  now(): number;
  send(payload: Uint8Array): void;
  /** The service runs. */
  begun(): void;
  banner(text: string): void;
  /** Client: we are in. Server: `who` is. */
  passed(who: Authenticated | null): void;
}

type Settle = (outcome: AuthOutcome | SSHError) => void;

export class Authentication {
  readonly #port: AuthenticationPort;
  readonly #runner: FlowRunner;
  #asked = false;
  #begun = false;
  #bannerBytes = 0;
  #settle: Settle | null = null;

  constructor(port: AuthenticationPort) {
    this.#port = port;
    this.#runner = new FlowRunner(port.flowHost, 'auth-out-of-order');
  }

  /** Client: an attempt has not been settled yet. */
  get underWay(): boolean {
    return this.#settle !== null;
  }

  /** Something is going on: an attempt, or a server that waits for requests. */
  get active(): boolean {
    return this.#runner.active;
  }

  /** It waits for a decision: until then no further packet may be looked at. */
  get gated(): boolean {
    return this.#runner.gated;
  }

  /** Client: one attempt. */
  attempt(method: ClientAuthMethod, settle: Settle): void {
    this.#settle = settle;
    // Not waiting for SERVICE_ACCEPT saves a round trip; the server answers in order anyway.
    if (!this.#asked) this.#port.send(ServiceRequest.encode({ service: USERAUTH_SERVICE }));
    this.#asked = true;
    this.#runner.start(this.#attempt(method));
  }

  receiveServiceAccept(payload: Uint8Array): void {
    if (!this.#asked || ServiceAccept.decode(payload).service !== USERAUTH_SERVICE) {
      throw new ProtocolError('unexpected-service', 'a service was accepted that was not asked for');
    }
    this.#begin();
  }

  receiveServiceRequest(payload: Uint8Array): void {
    const { service } = ServiceRequest.decode(payload);
    if (service !== USERAUTH_SERVICE) {
      throw new ProtocolError('unexpected-service', `service '${service}' was requested`, DisconnectReason.serviceNotAvailable);
    }
    this.#port.send(ServiceAccept.encode({ service }));
    if (this.#begun) return;
    this.#begin();
    this.#runner.start(this.#serve());
  }

  /** Messages 50 to 79, before success. */
  receive(payload: Uint8Array): void {
    if (payload[0] !== UserauthBanner.number) {
      this.#runner.receive(payload);
      return;
    }
    const { message } = UserauthBanner.decode(payload);
    this.#bannerBytes += message.length;
    if (this.#bannerBytes <= BANNER_BYTES) this.#port.banner(message);
  }

  /** The connection is over, and with it what was under way. */
  fail(error: SSHError): void {
    this.#runner.cancel();
    this.#settled(error);
  }

  #begin(): void {
    this.#begun = true;
    this.#port.begun();
  }

  *#attempt(method: ClientAuthMethod): Flow<void> {
    const { session, send } = this.#port;
    let outcome: AuthOutcome | SSHError;
    try {
      outcome = yield* method.run({ send, sessionId: session.sessionId as Uint8Array, gss: session.gssInitiator });
    } catch (error) {
      // The peer's fault ends the connection; a signer that failed or a user that gave up only this attempt.
      if (error instanceof ProtocolError) throw error;
      const words = `'${method.method}' authentication failed: ${messageOf(error)}`;
      outcome = error instanceof SSHError ? error : new SSHError('ERR_SSH_AUTHENTICATION', words, { cause: error });
    }
    if (!(outcome instanceof SSHError) && outcome.result === 'success') this.#port.passed(null);
    this.#settled(outcome);
  }

  #settled(outcome: AuthOutcome | SSHError): void {
    const settle = this.#settle;
    this.#settle = null;
    settle?.(outcome);
  }

  *#serve(): Flow<void> {
    const { session, send, now, crypto } = this.#port;
    const { auth, authLimits } = this.#port.server as ServerConfig;
    const { pubkeys } = this.#port.algorithms();
    const sessionId = session.sessionId as Uint8Array;
    const who = yield* serverAuth({ send, now, sessionId, crypto, pubkeys, gss: session.gssAcceptor }, auth, authLimits);
    send(authSuccess());
    this.#port.passed(who);
  }
}
