// Key exchange authenticated by GSS-API (RFC 4462 section 2.1, RFC 8732 section 5.1), both sides: a Diffie-Hellman exchange whose
// proof is a MIC of the context that the tokens alongside it establish. The server is who Kerberos says it is; its host key, where
// it sends one, is only named, but the MIC covers it too.
//
// - Nothing is derived from before the context is established, mutual and with integrity, and the MIC over H verified.
// - Rounds are bounded, and each message has one place: what comes too early, too late or twice ends the connection.

import { EMPTY } from '../bytes/bytes.ts';
import type { GssAcceptor, GssContext, GssInitiator, GssProvider, GssStep } from '../crypto/gss.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { GssError, ProtocolError } from '../errors.ts';
import { call, expect, expectOneOf, type Flow } from '../flow/flow.ts';
import type { PublicKey } from '../keys/public-key.ts';
import {
  KexGssContinue,
  KexGssCurveComplete,
  KexGssCurveInit,
  KexGssError,
  KexGssGroup,
  KexGssGroupComplete,
  KexGssGroupInit,
  KexGssGroupReq,
  KexGssHostKey,
} from '../wire/messages/gss.ts';
import type { DhGroup } from './dh-group.ts';
import { checked, hashOf, parseHostKey, type Terms, type Transcript } from './exchange.ts';
import { type GroupMessages, offerGroupBy, requestGroup } from './group-exchange.ts';
import { type GssKexMethod, NULL_HOST_KEY } from './gss-methods.ts';
import type { KexScheme } from './method.ts';

const KEY_EXCHANGE_FAILED = 3;
const groupMessages: GroupMessages = { request: KexGssGroupReq, group: KexGssGroup };
/** Kerberos needs one token each way; a mechanism that goes on and on is an attack. */
const MAX_ROUNDS = 16;

export interface GssExchangeContext {
  readonly crypto: CryptoProvider;
  readonly method: GssKexMethod;
  readonly hostKeyAlgorithm: string;
  readonly transcript: Transcript;
  /** As in ExchangeContext, for the method that agrees on a group first. */
  readonly strengthBits: number;
  readonly groups: readonly DhGroup[];
  send(payload: Uint8Array): void;
}

export interface GssExchangeResult<C extends GssContext> {
  readonly exchangeHash: Uint8Array;
  /** K as it enters key derivation. Whoever has derived the keys overwrites it. */
  readonly encodedSecret: Uint8Array;
  /** Null where the server sent none. */
  readonly hostKey: PublicKey | null;
  /** Established: for gssapi-keyex, and to be disposed of by whoever gets it. */
  readonly gss: C;
}

/** Client: whom to reach, and whether the user's credentials go along. */
export interface GssClientConfig {
  readonly provider: GssProvider;
  /** `host@name` */
  readonly target: string;
  readonly delegate: boolean;
}

/** Server: with whose keys, and whether delegated credentials are wanted. */
export interface GssServerConfig {
  readonly provider: GssProvider;
  /** Default `host`: any key of that service. */
  readonly service?: string;
  readonly delegation: boolean;
}

/** The client's side. The server has proven to be `target` when this returns. @throws GssError, ProtocolError */
export function* clientGssExchange(context: GssExchangeContext, config: GssClientConfig): Flow<GssExchangeResult<GssInitiator>> {
  const { provider, target, delegate } = config;
  const gss = yield* call('gss-context', () => provider.initContext({ target, delegate, mutual: true, integrity: true }));
  try {
    return yield* initiate(context, gss);
  } catch (error) {
    gss.dispose();
    throw error;
  }
}

function* initiate(context: GssExchangeContext, gss: GssInitiator): Flow<GssExchangeResult<GssInitiator>> {
  const { crypto, method, hostKeyAlgorithm } = context;
  const [init, complete] =
    method.values === 'string' ? [KexGssCurveInit, KexGssCurveComplete] : [KexGssGroupInit, KexGssGroupComplete];
  const { scheme, hashed } = method.scheme === null ? yield* requestGroup(context, groupMessages) : fixed(method.scheme);
  const half = checked(() => scheme.start(crypto));
  let step: GssStep = yield* call('gss-init', () => gss.step(null));
  context.send(init.encode({ token: required(step.token), clientValue: half.value }));
  let blob: Uint8Array | null = null;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const reply = yield* expectOneOf(KexGssContinue, complete, KexGssHostKey, KexGssError);
    switch (reply.name) {
      case 'SSH_MSG_KEXGSS_HOSTKEY':
        // RFC 4462 section 5: with the null algorithm it "MUST NOT be sent".
        if (blob !== null || hostKeyAlgorithm === NULL_HOST_KEY) throw outOfOrder('a host key too many');
        blob = reply.values.hostKey.slice();
        break;
      case 'SSH_MSG_KEXGSS_ERROR': {
        const { major, minor, text } = reply.values;
        throw new GssError('the server failed at the GSS-API key exchange', { major, minor, majorText: text });
      }
      case 'SSH_MSG_KEXGSS_CONTINUE': {
        if (step.done) throw outOfOrder('the server goes on with an established context');
        const token = reply.values.token.slice();
        step = yield* call('gss-init', () => gss.step(token));
        if (step.token !== null) context.send(KexGssContinue.encode({ token: step.token }));
        else if (!step.done) throw stuck();
        break;
      }
      case 'SSH_MSG_KEXGSS_COMPLETE':
      case 'SSH_MSG_KEXGSS_COMPLETE (curve)': {
        // Copies of what is needed after a step that may take its time: a message is a view of a buffer that is used again.
        const [serverValue, mic, token] = [
          reply.values.serverValue.slice(),
          reply.values.mic.slice(),
          reply.values.token?.slice(),
        ];
        if (token !== undefined) {
          if (step.done) throw outOfOrder('a token for an established context');
          step = yield* call('gss-init', () => gss.step(token));
          if (step.token !== null) throw outOfOrder('the server takes no more tokens, and one is left');
        }
        if (!step.done) throw outOfOrder('the server is through before the context is established');
        assertProven(gss);
        const hostKey = blob === null ? null : parseHostKey(crypto, blob, hostKeyAlgorithm);
        const encodedSecret = checked(() => half.finish(serverValue));
        const exchangeHash = hashOf({ ...context, hashed }, blob ?? EMPTY, half.value, serverValue, encodedSecret);
        const verified = yield* call('gss-verify-mic', () => gss.verifyMic(exchangeHash, mic));
        if (verified !== true) {
          throw new ProtocolError('bad-host-key-signature', "the server's MIC over the exchange is wrong", KEY_EXCHANGE_FAILED);
        }
        return { exchangeHash, encodedSecret, hostKey, gss };
      }
    }
  }
  throw outOfOrder(`more than ${MAX_ROUNDS} messages`);
}

/**
 * The server's side. It names no host key: that message is optional, OpenSSH's server does not send it, and the OpenSSH client of
 * Debian 12 cannot read another packet after it ("buffer is read-only"). @throws GssError, ProtocolError
 */
export function* serverGssExchange(context: GssExchangeContext, config: GssServerConfig): Flow<GssExchangeResult<GssAcceptor>> {
  const { provider, service, delegation } = config;
  const { scheme } = context.method;
  const terms = scheme === null ? yield* offerGroupBy(context, groupMessages) : fixed(scheme);
  const received = yield* expect(context.method.values === 'string' ? KexGssCurveInit : KexGssGroupInit);
  const [token, clientValue] = [received.token.slice(), received.clientValue.slice()];
  let gss: GssAcceptor | null = null;
  try {
    gss = yield* call('gss-context', () => provider.acceptContext({ ...(service !== undefined && { service }), delegation }));
    return yield* accept(context, terms, gss, token, clientValue);
  } catch (error) {
    gss?.dispose();
    if (error instanceof GssError) {
      // The token, where there is one, tells the client more than the codes (RFC 4462 section 2.1).
      if (error.errorToken !== null) context.send(KexGssContinue.encode({ token: error.errorToken }));
      const { major, minor } = error;
      context.send(KexGssError.encode({ major, minor, text: 'GSS-API key exchange failed', language: '' }));
    }
    throw error;
  }
}

function* accept(
  context: GssExchangeContext,
  { scheme, hashed }: GroupTerms,
  gss: GssAcceptor,
  first: Uint8Array,
  clientValue: Uint8Array,
): Flow<GssExchangeResult<GssAcceptor>> {
  const { crypto, method } = context;
  const complete = method.values === 'string' ? KexGssCurveComplete : KexGssGroupComplete;
  let token = first;
  let step: GssStep = yield* call('gss-accept', () => gss.step(token));
  for (let round = 1; !step.done; round++) {
    if (round >= MAX_ROUNDS) throw outOfOrder(`more than ${MAX_ROUNDS} tokens`);
    if (step.token === null) throw stuck();
    context.send(KexGssContinue.encode({ token: step.token }));
    token = (yield* expect(KexGssContinue)).token.slice();
    step = yield* call('gss-accept', () => gss.step(token));
  }
  assertProven(gss);
  const { value, encodedSecret } = checked(() => scheme.respond(crypto, clientValue));
  const exchangeHash = hashOf({ ...context, hashed }, EMPTY, clientValue, value, encodedSecret);
  const mic = yield* call('gss-get-mic', () => gss.getMic(exchangeHash));
  context.send(complete.encode({ serverValue: value, mic, token: step.token }));
  return { exchangeHash, encodedSecret, hostKey: null, gss };
}

type GroupTerms = Pick<Terms, 'scheme' | 'hashed'>;

function fixed(scheme: KexScheme): GroupTerms {
  return { scheme, hashed: EMPTY };
}

/** RFC 4462 section 2.1: without either flag the key exchange MUST fail. */
function assertProven(gss: GssContext): void {
  if (!gss.mutual || !gss.integrity) throw new GssError('the GSS-API context is not mutual or has no integrity');
}

function required(token: Uint8Array | null): Uint8Array {
  if (token === null) throw stuck();
  return token;
}

function stuck(): GssError {
  return new GssError('GSS-API neither is done nor has a token to send');
}

function outOfOrder(what: string): ProtocolError {
  return new ProtocolError('kex-out-of-order', `GSS-API key exchange: ${what}`, KEY_EXCHANGE_FAILED);
}
