// The server's side of user authentication (RFC 4252) as one flow: it takes requests until one succeeds. Who may in is
// decided by ServerAuthHooks; this file only makes sure that the hooks are asked about what was really proven.
//
// - A key counts as authenticated only in the request that its signature is in; queries leave no trace (Go CVE-2024-45337).
// - Nothing but the literal 'successful' or 'partial' lets anyone further.
// - User and service may not change on the way: partial success for one user must not help another.
// - Failures are counted and answered no faster than a floor, so that unknown users look like known ones.

import { encodeUtf8 } from '../bytes/bytes.ts';
import type { GssAcceptor } from '../crypto/gss.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { ProtocolError, SSHError } from '../errors.ts';
import { call, expect, expectOneOf, type Flow, sleepUntil } from '../flow/flow.ts';
import { keyAlgorithm } from '../keys/certificate-algorithms.ts';
import { decodeOfferedKey } from '../keys/offered-key.ts';
import type { PublicKey } from '../keys/public-key.ts';
import type { SecurityKeyFacts } from '../keys/security-key.ts';
import { limits } from '../packet/limits.ts';
import {
  type Prompt,
  UserauthBanner,
  UserauthFailure,
  UserauthInfoRequest,
  UserauthInfoResponse,
  UserauthPasswdChangereq,
  UserauthPkOk,
  UserauthRequest,
  UserauthSuccess,
} from '../wire/messages/auth.ts';
import { DisconnectReason } from '../wire/messages/transport.ts';
import { DecodeError, Reader } from '../wire/reader.ts';
import { CONNECTION_SERVICE, publickeySigned } from './client.ts';
import {
  GSSAPI_KEYEX,
  GSSAPI_WITH_MIC,
  type GssRequestEnd,
  type ServerGssHooks,
  serveGssKeyex,
  serveGssWithMic,
} from './gssapi.ts';

/** What a check says. Anything else that a hook returns, `undefined` and `true` included, counts as 'failed'. */
export type AuthDecision = 'successful' | 'partial' | 'failed';

type Eventually<T> = T | PromiseLike<T>;

/** Questions for the user, keyboard-interactive. */
export interface InteractivePrompts {
  readonly name: string;
  readonly instructions: string;
  readonly prompts: readonly Prompt[];
}

/** The decisions of a server. Every one may be asynchronous; while it is pending no further packet of this peer is looked at. */
export interface ServerAuthHooks {
  /** The methods that may be tried (next), for the answer to a failed or partial request. */
  allowedMethods(user: string): Eventually<readonly string[]>;
  none(user: string): Eventually<AuthDecision>;
  /** `'change'` asks for a new password; a request that brings one has it in `newPassword`. */
  password(user: string, password: string, newPassword: string | null): Eventually<AuthDecision | { readonly change: string }>;
  /** Whether this key may log in. `signed` means that the user has proven to hold it; otherwise the client only asks. */
  publickey(user: string, key: PublicKey, signed: boolean): Eventually<AuthDecision>;
  /** Whether what a FIDO device says of its signature is enough. Without this hook somebody must have touched it. */
  securityKey?(user: string, key: PublicKey, facts: SecurityKeyFacts): Eventually<boolean>;
  interactive(user: string, submethods: string): Eventually<AuthDecision | InteractivePrompts>;
  interactiveResponse(user: string, responses: readonly string[]): Eventually<AuthDecision | InteractivePrompts>;
  /** Kerberos; without it both methods of GSS-API fail. */
  readonly gss?: ServerGssHooks | undefined;
  /** Text for the user to read before logging in, or null. */
  banner(user: string): Eventually<string | null>;
}

/** Who logged in, and by what. */
export interface Authenticated {
  readonly user: string;
  readonly method: string;
  /** The key whose signature was verified, for 'publickey'. */
  readonly key: PublicKey | null;
}

export interface ServerAuthLimits {
  /** Failed requests before the connection is closed. */
  readonly maxAttempts: number;
  /** No failure is answered sooner than this many milliseconds after its request. */
  readonly failureDelayMs: number;
}

export interface ServerAuthPort {
  send(payload: Uint8Array): void;
  now(): number;
  readonly sessionId: Uint8Array;
  readonly crypto: CryptoProvider;
  /** Signature algorithms that users may sign with. */
  readonly pubkeys: readonly string[];
  /** The context of the first key exchange, where that was one of GSS-API. */
  readonly gss?: GssAcceptor | null;
}

/** Queries and partial successes count here too (Go 5adb68b). */
const MAX_REQUESTS = 128;
const MAX_INTERACTIVE_ROUNDS = 16;
/** Longer ones never reach a hook (CVE-2016-6515). Bytes. */
const MAX_USER = 1_024;
const MAX_PASSWORD = 4_096;

type Decided = { readonly decision: AuthDecision; readonly key: PublicKey | null } | 'answered';

export function* serverAuth(port: ServerAuthPort, hooks: ServerAuthHooks, authLimits: ServerAuthLimits): Flow<Authenticated> {
  let user: string | null = null;
  let failures = 0;
  let request: UserauthRequest | null = null;
  for (let requests = 0; requests < MAX_REQUESTS; requests++) {
    request ??= yield* expect(UserauthRequest);
    const since = port.now();
    const current: UserauthRequest = request;
    request = null;
    if (current.service !== CONNECTION_SERVICE) {
      throw new ProtocolError(
        'unexpected-service',
        `authentication for '${current.service}'`,
        DisconnectReason.serviceNotAvailable,
      );
    }
    if (user === null) {
      user = current.user;
      if (byteLength(current.user) <= MAX_USER) yield* sendBanner(port, hooks, current.user);
    } else if (user !== current.user) {
      throw new ProtocolError('auth-out-of-order', 'the user name changed between requests');
    }
    const step: { readonly next?: UserauthRequest; readonly decided: Decided } =
      byteLength(current.user) > MAX_USER ? { decided: failed } : yield* handle(port, hooks, current);
    if (step.next !== undefined) {
      request = step.next;
      continue;
    }
    const { decided } = step;
    if (decided === 'answered') continue;
    if (decided.decision === 'successful') return { user: current.user, method: current.method, key: decided.key };
    const partialSuccess = decided.decision === 'partial';
    if (!partialSuccess && current.method !== 'none') failures++;
    yield* sleepUntil(since + authLimits.failureDelayMs);
    if (failures >= authLimits.maxAttempts) break;
    const methods = yield* call('allowed-methods', () => hooks.allowedMethods(current.user));
    port.send(UserauthFailure.encode({ methods, partialSuccess }));
  }
  throw new ProtocolError(
    'too-many-auth-attempts',
    'too many authentication attempts',
    DisconnectReason.noMoreAuthMethodsAvailable,
  );
}

/** Tells the client that it is in. Separate, because EXT_INFO and compression hang on the exact place of this message. */
export function authSuccess(): Uint8Array {
  return UserauthSuccess.encode({});
}

const failed: Decided = { decision: 'failed', key: null };

function* sendBanner(port: ServerAuthPort, hooks: ServerAuthHooks, user: string): Flow<void> {
  const banner = yield* call('banner', () => hooks.banner(user));
  if (typeof banner === 'string' && banner !== '') port.send(UserauthBanner.encode({ message: banner, language: '' }));
}

/** One request. `next` is the request that a client sent in place of an answer (RFC 4252 section 5: that abandons this one). */
function* handle(
  port: ServerAuthPort,
  hooks: ServerAuthHooks,
  request: UserauthRequest,
): Flow<{ readonly next?: UserauthRequest; readonly decided: Decided }> {
  switch (request.method) {
    case 'none':
      malformedUnless(request.data.length === 0);
      return { decided: decided(yield* call('check-none', () => hooks.none(request.user))) };
    case 'password':
      return { decided: yield* password(port, hooks, request) };
    case 'publickey':
      return { decided: yield* publickey(port, hooks, request) };
    case 'keyboard-interactive':
      return yield* interactive(port, hooks, request);
    case GSSAPI_WITH_MIC:
      return hooks.gss === undefined ? { decided: failed } : gssEnd(yield* serveGssWithMic(port, hooks.gss, request));
    case GSSAPI_KEYEX:
      return hooks.gss === undefined ? { decided: failed } : gssEnd(yield* serveGssKeyex(port, hooks.gss, request));
    default:
      return { decided: failed };
  }
}

function gssEnd(end: GssRequestEnd): { readonly next?: UserauthRequest; readonly decided: Decided } {
  return 'next' in end ? { next: end.next, decided: failed } : { decided: decided(end.answer) };
}

function* password(port: ServerAuthPort, hooks: ServerAuthHooks, { user, data }: UserauthRequest): Flow<Decided> {
  const { changing, old, fresh } = parse(data, (reader) => {
    const isChange = reader.bool();
    return { changing: isChange, old: reader.utf8(), fresh: isChange ? reader.utf8() : null };
  });
  if (byteLength(old) > MAX_PASSWORD || byteLength(fresh ?? '') > MAX_PASSWORD) return failed;
  const answer = yield* call('check-password', () => hooks.password(user, old, changing ? fresh : null));
  if (typeof answer === 'object' && answer !== null && typeof answer.change === 'string') {
    port.send(UserauthPasswdChangereq.encode({ prompt: answer.change, language: '' }));
    return 'answered';
  }
  return decided(answer);
}

function* publickey(port: ServerAuthPort, hooks: ServerAuthHooks, { user, data }: UserauthRequest): Flow<Decided> {
  const { algorithm, blob, signature } = parse(data, (reader) => {
    const hasSignature = reader.bool();
    return { algorithm: reader.name(), blob: reader.string(), signature: hasSignature ? reader.string() : null };
  });
  // Both must fit: the algorithm must be one that we allow, and the key of the type that the algorithm is for.
  if (!port.pubkeys.includes(algorithm)) return failed;
  let key: PublicKey;
  try {
    key = decodeOfferedKey(blob, algorithm, port.crypto);
  } catch (error) {
    // A key of a kind that we don't know, or not for this algorithm, is no reason to hang up: the client has others.
    if (error instanceof SSHError) return failed;
    throw error;
  }
  if (key.type === 'ssh-rsa' && key.bits < limits.rsaBits) return failed;
  if (signature === null) {
    const wanted = yield* call('check-publickey', () => hooks.publickey(user, key, false));
    if (wanted !== 'successful' && wanted !== 'partial') return failed;
    port.send(UserauthPkOk.encode({ algorithm, blob }));
    return 'answered';
  }
  // What was signed is rebuilt from the request as it came, less the signature at its end (RFC 4252 section 7).
  const unsigned = data.subarray(0, data.length - signature.length - 4);
  const covered = UserauthRequest.encode({ user, service: CONNECTION_SERVICE, method: 'publickey', data: unsigned });
  const facts = key.examine(publickeySigned(port.sessionId, covered), signature, keyAlgorithm(algorithm)?.signs ?? algorithm);
  if (facts === null) return failed;
  // A device that signs without anybody touching it signs for whoever has broken in (Go CVE-2026-39831).
  if (!facts.userPresent || (key.application !== null && hooks.securityKey !== undefined)) {
    const enough =
      hooks.securityKey === undefined ? false : yield* call('check-touch', () => hooks.securityKey?.(user, key, facts));
    if (enough !== true) return failed;
  }
  const decision = yield* call('check-publickey', () => hooks.publickey(user, key, true));
  return decided(decision, key);
}

function* interactive(
  port: ServerAuthPort,
  hooks: ServerAuthHooks,
  { user, data }: UserauthRequest,
): Flow<{ readonly next?: UserauthRequest; readonly decided: Decided }> {
  const submethods = parse(data, (reader) => {
    reader.string();
    return reader.utf8();
  });
  let answer = yield* call('check-interactive', () => hooks.interactive(user, submethods));
  for (let round = 0; round < MAX_INTERACTIVE_ROUNDS; round++) {
    if (typeof answer !== 'object' || answer === null) return { decided: decided(answer) };
    const { name, instructions, prompts } = answer;
    port.send(UserauthInfoRequest.encode({ name, instruction: instructions, language: '', prompts }));
    const reply = yield* expectOneOf(UserauthInfoResponse, UserauthRequest);
    if (reply.name === 'SSH_MSG_USERAUTH_REQUEST') return { next: reply.values, decided: failed };
    const { responses } = reply.values;
    // RFC 4256 section 3.4: the wrong number of responses is a failure, and none of the hook's business.
    if (responses.length !== prompts.length) return { decided: failed };
    if (responses.some((response) => byteLength(response) > MAX_PASSWORD)) return { decided: failed };
    answer = yield* call('check-interactive-response', () => hooks.interactiveResponse(user, responses));
  }
  return { decided: failed };
}

function decided(answer: unknown, key: PublicKey | null = null): Decided {
  if (answer === 'successful' || answer === 'partial') return { decision: answer, key };
  return failed;
}

function parse<T>(data: Uint8Array, read: (reader: Reader) => T): T {
  try {
    const reader = new Reader(data);
    const value = read(reader);
    reader.end();
    return value;
  } catch (error) {
    if (error instanceof DecodeError) throw new ProtocolError('malformed-message', `SSH_MSG_USERAUTH_REQUEST: ${error.message}`);
    throw error;
  }
}

/** As UTF-8: a string's own length counts two bytes and more as one. */
function byteLength(text: string): number {
  return encodeUtf8(text).length;
}

function malformedUnless(condition: boolean): void {
  if (!condition) throw new ProtocolError('malformed-message', 'SSH_MSG_USERAUTH_REQUEST: bytes too many');
}
