// User authentication by GSS-API with Kerberos (RFC 4462 sections 3 and 4), client and server, as flows.
//
// - Success takes an established context with integrity and a MIC over session id, user, service and method. A context alone
//   would let a server that we log in to log in elsewhere as us; a context that is not established yet proves nothing.
// - The principal goes to the hook, which decides under which names it may log in. Nothing here compares the two.
// - What the peer counts is believed only as far as its bytes reach (Go CVE-2025-58181), and rounds are bounded.

import { equalBytes } from '../bytes/bytes.ts';
import {
  type GssAcceptor,
  type GssContext,
  type GssIdentity,
  type GssInitiator,
  type GssProvider,
  KERBEROS_OID,
} from '../crypto/gss.ts';
import { AuthenticationError, GssError } from '../errors.ts';
import { call, expect, expectOneOf, type Flow } from '../flow/flow.ts';
import { UserauthFailure, UserauthRequest, UserauthSuccess } from '../wire/messages/auth.ts';
import {
  UserauthGssError,
  UserauthGssErrtok,
  UserauthGssExchangeComplete,
  UserauthGssMic,
  UserauthGssResponse,
  UserauthGssToken,
} from '../wire/messages/gss.ts';
import { DecodeError, Reader } from '../wire/reader.ts';
import { Writer } from '../wire/writer.ts';
import { type ClientAuthMethod, CONNECTION_SERVICE } from './client.ts';
import { type AuthOutcome, type ClientAuthPort, outcomeOf } from './outcome.ts';
import type { AuthDecision, ServerAuthPort } from './server.ts';

export const GSSAPI_WITH_MIC = 'gssapi-with-mic';
export const GSSAPI_KEYEX = 'gssapi-keyex';

/** Kerberos needs one token each way. */
const MAX_ROUNDS = 16;
/** Mechanisms that a client may name; there are not that many. */
const MAX_MECHANISMS = 16;

/** What the MIC covers (RFC 4462 section 3.5, and section 4 for gssapi-keyex). */
export function gssSigned(sessionId: Uint8Array, user: string, method: string): Uint8Array {
  return new Writer(256)
    .string(sessionId)
    .u8(UserauthRequest.number)
    .string(user)
    .string(CONNECTION_SERVICE)
    .string(method)
    .finish();
}

// ---- client ---------------------------------------------------------------------------------------------------------

/** gssapi-with-mic. Where there is no ticket for `target` (`host@name`), it fails before the server hears of it. */
export function gssWithMicMethod(user: string, provider: GssProvider, target: string, delegate: boolean): ClientAuthMethod {
  return {
    method: GSSAPI_WITH_MIC,
    *run(port) {
      const gss = yield* call('gss-context', () => provider.initContext({ target, delegate, mutual: true, integrity: true }));
      try {
        return yield* initiate(port, gss, user);
      } catch (error) {
        // RFC 4462 section 3.9: it has to be followed by another request or the end, and is not answered.
        if (error instanceof GssError && error.errorToken !== null) {
          port.send(UserauthGssErrtok.encode({ token: error.errorToken }));
        }
        throw error;
      } finally {
        gss.dispose();
      }
    },
  };
}

function* initiate(port: ClientAuthPort, gss: GssInitiator, user: string): Flow<AuthOutcome> {
  let step = yield* call('gss-init', () => gss.step(null));
  if (step.token === null) throw stuck();
  const data = new Writer(32).u32(1).string(KERBEROS_OID).finish();
  port.send(UserauthRequest.encode({ user, service: CONNECTION_SERVICE, method: GSSAPI_WITH_MIC, data }));
  const response = yield* expectOneOf(UserauthSuccess, UserauthFailure, UserauthGssResponse, UserauthGssError);
  if (response.name === 'SSH_MSG_USERAUTH_GSSAPI_ERROR') return yield* afterError(errorOf(response.values));
  if (response.name !== 'SSH_MSG_USERAUTH_GSSAPI_RESPONSE') return outcomeOf(response);
  if (!equalBytes(response.values.oid, KERBEROS_OID)) {
    throw new AuthenticationError('the server chose a GSS-API mechanism that was not offered');
  }
  port.send(UserauthGssToken.encode({ token: step.token }));
  for (let round = 0; round < MAX_ROUNDS; round++) {
    if (step.done) return yield* prove(port, gss, user);
    const reply = yield* expectOneOf(UserauthSuccess, UserauthFailure, UserauthGssToken, UserauthGssError, UserauthGssErrtok);
    switch (reply.name) {
      case 'SSH_MSG_USERAUTH_GSSAPI_ERROR':
        return yield* afterError(errorOf(reply.values));
      case 'SSH_MSG_USERAUTH_GSSAPI_ERRTOK':
        return yield* afterErrorToken(gss, reply.values.token.slice());
      case 'SSH_MSG_USERAUTH_GSSAPI_TOKEN': {
        const token = reply.values.token.slice();
        step = yield* call('gss-init', () => gss.step(token));
        if (step.token !== null) port.send(UserauthGssToken.encode({ token: step.token }));
        else if (!step.done) throw stuck();
        break;
      }
      default:
        return outcomeOf(reply);
    }
  }
  throw new AuthenticationError(`the server sent more than ${MAX_ROUNDS} GSS-API tokens`);
}

/** The context is established: the MIC binds it to this session. */
function* prove(port: ClientAuthPort, gss: GssInitiator, user: string): Flow<AuthOutcome> {
  assertProven(gss);
  const mic = yield* call('gss-get-mic', () => gss.getMic(gssSigned(port.sessionId, user, GSSAPI_WITH_MIC)));
  port.send(UserauthGssMic.encode({ mic }));
  const reply = yield* expectOneOf(UserauthSuccess, UserauthFailure, UserauthGssError, UserauthGssErrtok);
  if (reply.name === 'SSH_MSG_USERAUTH_GSSAPI_ERROR') return yield* afterError(errorOf(reply.values));
  if (reply.name === 'SSH_MSG_USERAUTH_GSSAPI_ERRTOK') {
    return yield* afterError(new GssError('the server sent an error token for an established context'));
  }
  return outcomeOf(reply);
}

/** What the mechanism makes of the server's error token. */
function* afterErrorToken(gss: GssInitiator, token: Uint8Array): Flow<AuthOutcome> {
  let error = new GssError('the server sent a GSS-API error token');
  try {
    yield* call('gss-init', () => gss.step(token));
  } catch (cause) {
    if (!(cause instanceof GssError)) throw cause;
    error = cause;
  }
  return yield* afterError(error);
}

/** RFC 4462 sections 3.8 and 3.9: a failure follows, which belongs to this request. An error token may come in between. */
function* afterError(cause: GssError): Flow<AuthOutcome> {
  for (let message = 0; message < MAX_ROUNDS; message++) {
    const reply = yield* expectOneOf(UserauthFailure, UserauthGssError, UserauthGssErrtok);
    if (reply.name === 'SSH_MSG_USERAUTH_FAILURE') return { ...outcomeOf(reply), cause } as AuthOutcome;
  }
  throw cause;
}

/** gssapi-keyex: the context of the key exchange proves the user too. */
export function gssKeyexMethod(user: string): ClientAuthMethod {
  return {
    method: GSSAPI_KEYEX,
    *run(port) {
      const gss = port.gss ?? null;
      if (gss === null) throw new GssError("'gssapi-keyex' needs a key exchange by GSS-API, and this connection had another");
      const mic = yield* call('gss-get-mic', () => gss.getMic(gssSigned(port.sessionId, user, GSSAPI_KEYEX)));
      const data = new Writer(mic.length + 4).string(mic).finish();
      port.send(UserauthRequest.encode({ user, service: CONNECTION_SERVICE, method: GSSAPI_KEYEX, data }));
      return outcomeOf(yield* expectOneOf(UserauthSuccess, UserauthFailure));
    },
  };
}

function errorOf({ major, minor, text }: { major: number; minor: number; text: string }): GssError {
  return new GssError('the server failed at GSS-API authentication', { major, minor, majorText: text });
}

// ---- server ---------------------------------------------------------------------------------------------------------

/** What a server says to users who come with Kerberos. Absent from ServerAuthHooks, both methods fail. */
export interface ServerGssHooks {
  readonly provider: GssProvider;
  /** Default `host`: any key of that service. */
  readonly service?: string;
  /** Whether delegated credentials are wanted. */
  readonly delegation: boolean;
  /** May this principal, who has proven to be that, log in as `user`? */
  withMic(user: string, identity: GssIdentity): AuthDecision | PromiseLike<AuthDecision>;
  /** As `withMic`, for the principal of the key exchange. */
  keyex(user: string, identity: GssIdentity): AuthDecision | PromiseLike<AuthDecision>;
  /** Hears why GSS-API failed, which the client is not told. */
  failed(error: GssError): void;
}

/** How a request ended: with what a hook has said, `null` for a failure, or with the request that the client sent in its place. */
export type GssRequestEnd = { readonly answer: unknown } | { readonly next: UserauthRequest };

const FAILED: GssRequestEnd = { answer: null };

/** gssapi-with-mic, from the request on. */
export function* serveGssWithMic(
  port: ServerAuthPort,
  hooks: ServerGssHooks,
  { user, data }: UserauthRequest,
): Flow<GssRequestEnd> {
  if (!offersKerberos(data)) return FAILED;
  const { provider, service, delegation } = hooks;
  let gss: GssAcceptor | null = null;
  try {
    gss = yield* call('gss-context', () => provider.acceptContext({ ...(service !== undefined && { service }), delegation }));
    port.send(UserauthGssResponse.encode({ oid: KERBEROS_OID }));
    return yield* accept(port, hooks, gss, user);
  } catch (error) {
    if (!(error instanceof GssError)) throw error;
    hooks.failed(error);
    if (error.errorToken !== null) port.send(UserauthGssErrtok.encode({ token: error.errorToken }));
    return FAILED;
  } finally {
    gss?.dispose();
  }
}

function* accept(port: ServerAuthPort, hooks: ServerGssHooks, gss: GssAcceptor, user: string): Flow<GssRequestEnd> {
  let done = false;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const message = yield* expectOneOf(
      UserauthGssToken,
      UserauthGssMic,
      UserauthGssErrtok,
      UserauthGssExchangeComplete,
      UserauthRequest,
    );
    switch (message.name) {
      case 'SSH_MSG_USERAUTH_REQUEST':
        return { next: message.values };
      case 'SSH_MSG_USERAUTH_GSSAPI_ERRTOK':
        // RFC 4462 section 3.9: not answered. "it MUST be followed by a new authentication request", which may be long in coming.
        gss.dispose();
        return { next: yield* expect(UserauthRequest) };
      case 'SSH_MSG_USERAUTH_GSSAPI_EXCHANGE_COMPLETE':
        // An end without MIC, for mechanisms without integrity. Kerberos has it, and without it nothing ties user and session.
        return FAILED;
      case 'SSH_MSG_USERAUTH_GSSAPI_MIC': {
        if (!done) return FAILED;
        const mic = message.values.mic.slice();
        return yield* judge(port, gss, user, GSSAPI_WITH_MIC, mic, (identity) => hooks.withMic(user, identity));
      }
      case 'SSH_MSG_USERAUTH_GSSAPI_TOKEN': {
        if (done) return FAILED;
        const token = message.values.token.slice();
        const step = yield* call('gss-accept', () => gss.step(token));
        if (step.token !== null) port.send(UserauthGssToken.encode({ token: step.token }));
        else if (!step.done) throw stuck();
        done = step.done;
        break;
      }
    }
  }
  return FAILED;
}

/** gssapi-keyex: `port.gss` is the context of the first key exchange, if that was one of GSS-API. */
export function* serveGssKeyex(
  port: ServerAuthPort,
  hooks: ServerGssHooks,
  { user, data }: UserauthRequest,
): Flow<GssRequestEnd> {
  const gss = port.gss ?? null;
  const mic = gss === null ? null : onlyString(data)?.slice();
  if (gss === null || mic == null) return FAILED;
  try {
    return yield* judge(port, gss, user, GSSAPI_KEYEX, mic, (identity) => hooks.keyex(user, identity));
  } catch (error) {
    if (!(error instanceof GssError)) throw error;
    hooks.failed(error);
    return FAILED;
  }
}

function* judge(
  port: ServerAuthPort,
  gss: GssAcceptor,
  user: string,
  method: string,
  mic: Uint8Array,
  decide: (identity: GssIdentity) => AuthDecision | PromiseLike<AuthDecision>,
): Flow<GssRequestEnd> {
  // Whether the client wanted us proven too is its own affair.
  if (!gss.integrity) return FAILED;
  const verified = yield* call('gss-verify-mic', () => gss.verifyMic(gssSigned(port.sessionId, user, method), mic));
  const { initiatorName: principal, delegatedCredentials: delegated } = gss;
  if (verified !== true || principal === null) return FAILED;
  return { answer: yield* call(`check-${method}`, () => decide({ principal, delegated })) };
}

/** Whether Kerberos is among the client's mechanisms. What does not fit its count is no list. */
function offersKerberos(data: Uint8Array): boolean {
  try {
    const reader = new Reader(data);
    const count = reader.u32();
    if (count > MAX_MECHANISMS) return false;
    let found = false;
    for (let index = 0; index < count; index++) if (equalBytes(reader.string(), KERBEROS_OID)) found = true;
    reader.end();
    return found;
  } catch (error) {
    if (error instanceof DecodeError) return false;
    throw error;
  }
}

function onlyString(data: Uint8Array): Uint8Array | null {
  try {
    const reader = new Reader(data);
    const value = reader.string();
    reader.end();
    return value;
  } catch (error) {
    if (error instanceof DecodeError) return null;
    throw error;
  }
}

// ---- both -----------------------------------------------------------------------------------------------------------

/** A client that asked for both flags and does not have them was not understood, or lied to. */
function assertProven(gss: GssContext): void {
  if (!gss.mutual || !gss.integrity) throw new GssError('the GSS-API context is not mutual or has no integrity');
}

function stuck(): GssError {
  return new GssError('GSS-API neither is done nor has a token to send');
}
