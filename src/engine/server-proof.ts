// How an exchange proves the server: by its host key, which a client has checked before anything of the user's goes out, or by
// GSS-API. Whichever it was, the host key that a connection has seen stays the same in every later exchange, and what the first
// exchange brought (its signature, its GSS-API context) is what authentication may refer to.

import type { GssAcceptor, GssContext, GssInitiator } from '../crypto/gss.ts';
import { HostKeyError, NegotiationError, ProtocolError } from '../errors.ts';
import { call, type Flow } from '../flow/flow.ts';
import { clientExchange, type ExchangeContext, type ExchangeResult, serverExchange } from '../kex/exchange.ts';
import {
  clientGssExchange,
  type GssClientConfig,
  type GssExchangeContext,
  type GssServerConfig,
  serverGssExchange,
} from '../kex/gss.ts';
import type { PublicKey } from '../keys/public-key.ts';
import type { Signer } from '../keys/signer.ts';
import { signerFor } from './offer.ts';

export interface ServerProofPort {
  readonly role: 'client' | 'server';
  /** Keys of the server, by preference of nobody: the client chooses. */
  readonly hostKeys: readonly Signer[];
  /** Client: whether this is the right server. Only the literal `true` is a yes. */
  verifyHostKey(key: PublicKey): boolean | PromiseLike<boolean>;
  /** GSS-API key exchanges are offered only with the one of our role. */
  readonly gssClient?: GssClientConfig | undefined;
  readonly gssServer?: GssServerConfig | undefined;
}

/** What both kinds of exchange bring. */
export type Exchanged = Pick<ExchangeResult, 'exchangeHash' | 'encodedSecret'>;

export class ServerProof {
  readonly #port: ServerProofPort;
  /** No exchange has passed yet. */
  #first = true;
  #hostKey: PublicKey | null = null;
  #signature: Uint8Array | null = null;
  #initiator: GssInitiator | null = null;
  #acceptor: GssAcceptor | null = null;

  constructor(port: ServerProofPort) {
    this.#port = port;
  }

  /** Client: the server's key. Server: the key that was used. Null also where GSS-API did without one. */
  get hostKey(): PublicKey | null {
    return this.#hostKey;
  }

  /** The host key's signature over H of the first exchange; null until that has passed, and where it was one of GSS-API. */
  get signature(): Uint8Array | null {
    return this.#signature;
  }

  /** Client: the context of the first exchange, where that was one of GSS-API, until {@link releaseGss}. */
  get gssInitiator(): GssInitiator | null {
    return this.#initiator;
  }

  /** Server: as {@link gssInitiator}. */
  get gssAcceptor(): GssAcceptor | null {
    return this.#acceptor;
  }

  /** gssapi-keyex is over, or not wanted: the context and the credentials with it are forgotten. */
  releaseGss(): void {
    this.#initiator?.dispose();
    this.#acceptor?.dispose();
    this.#initiator = null;
    this.#acceptor = null;
  }

  /** The host key signs; a client asks whether it is the right one. */
  *bySignature(context: ExchangeContext): Flow<Exchanged> {
    let result: ExchangeResult;
    if (this.#port.role === 'server') {
      const signer = signerFor(this.#port.hostKeys, context.hostKeyAlgorithm);
      if (signer === undefined) throw new NegotiationError('server host key', [], [context.hostKeyAlgorithm]);
      result = yield* serverExchange(context, signer);
    } else {
      result = yield* clientExchange(context);
      yield* this.#checkHostKey(result.hostKey);
    }
    this.#keep(result.hostKey, result.signature);
    return result;
  }

  /** Kerberos proves the server: nobody is asked about its key, but it must stay the same. */
  *byGss(context: GssExchangeContext): Flow<Exchanged> {
    const { role, gssClient, gssServer } = this.#port;
    const first = this.#first;
    if (role === 'client') {
      const config = gssClient as GssClientConfig;
      // Credentials go along once; a rekey only needs the proof.
      const result = yield* clientGssExchange(context, { ...config, delegate: first && config.delegate });
      if (this.#hostKey !== null && result.hostKey !== null && !this.#hostKey.equals(result.hostKey)) throw hostKeyChanged();
      this.#initiator = firstOf(first, result.gss, this.#initiator);
      this.#keep(result.hostKey, null);
      return result;
    }
    const config = gssServer as GssServerConfig;
    const result = yield* serverGssExchange(context, { ...config, delegation: first && config.delegation });
    this.#acceptor = firstOf(first, result.gss, this.#acceptor);
    this.#keep(result.hostKey, null);
    return result;
  }

  #keep(hostKey: PublicKey | null, signature: Uint8Array | null): void {
    this.#hostKey = hostKey ?? this.#hostKey;
    if (this.#first) this.#signature = signature;
    this.#first = false;
  }

  /** Before NEWKEYS goes out: nothing of the user's may reach a server that is not the right one. */
  *#checkHostKey(key: PublicKey): Flow<void> {
    if (this.#hostKey !== null) {
      if (!this.#hostKey.equals(key)) throw hostKeyChanged();
      return;
    }
    const { fingerprint } = key;
    const accepted = yield* call('verify-host-key', () => this.#port.verifyHostKey(key));
    if (accepted !== true)
      throw new HostKeyError('refused', `the server's host key was not accepted (${fingerprint})`, { fingerprint });
  }
}

/** RFC 4462 section 4: the context of the first exchange is the one that users authenticate by. */
function firstOf<C extends GssContext>(first: boolean, fresh: C, kept: C | null): C | null {
  if (first) return fresh;
  fresh.dispose();
  return kept;
}

function hostKeyChanged(): ProtocolError {
  return new ProtocolError('host-key-changed', 'the server came with another host key when rekeying', 9);
}
