// Logging in with all that there is to try: by method, in order of preference, as far as the server takes them, and in several steps
// where it wants more than one (partial success, RFC 4252 section 5.1). Nothing is tried twice.

import {
  AgentError,
  AuthenticationError,
  BadAuthenticationTypeError,
  GssError,
  NegotiationError,
  type SSHError,
} from '../errors.ts';
import type { CallOptions } from '../io/waiting.ts';
import type { Transport } from '../transport/transport.ts';

/** Tries once: what the server takes next, empty when in. Null where there turned out to be nothing to try. */
export type Attempt = () => Promise<readonly string[] | null>;

/** One method and what there is to try by it, made when its turn comes. */
export interface Method {
  /** The server must take one of these. */
  readonly names: readonly string[];
  readonly attempts: AsyncGenerator<Attempt, void>;
}

/** Whom to log in, and what to say of it. */
export interface Login {
  readonly username: string;
  readonly host: string;
  readonly call: CallOptions;
  /** Why something could not be tried; may grow meanwhile. */
  readonly notes?: readonly string[];
}

/** @throws AuthenticationError with all that was tried; the one that kept us from trying anything; the connection's error */
export async function logIn(
  transport: Transport,
  { username, host, call, notes = [] }: Login,
  methods: readonly Method[],
): Promise<void> {
  const left = new Set(methods);
  const state: State = { allowed: null, failure: null };
  const attempt = async (run: Attempt): Promise<boolean> => {
    try {
      const next = await run();
      if (next === null) return false;
      Object.assign(state, { allowed: next, failure: null });
      return next.length === 0;
    } catch (error) {
      // No ticket, no agent, no signature algorithm in common: the others go on.
      if (error instanceof GssError || error instanceof AgentError || error instanceof NegotiationError) {
        if (!transport.isActive()) throw error;
        state.failure = error;
        return false;
      }
      if (!(error instanceof AuthenticationError)) throw error;
      if (!(error instanceof BadAuthenticationTypeError) || state.failure === null) state.failure = error;
      state.allowed = error.allowedTypes;
      return false;
    }
  };
  try {
    for (;;) {
      const { allowed } = state;
      const method = [...left].find(({ names }) => allowed === null || names.some((name) => allowed.includes(name)));
      if (method === undefined) break;
      const { done, value: run } = await method.attempts.next();
      if (done) left.delete(method);
      else if (await attempt(run)) return;
    }
    if (state.failure === null && state.allowed === null && (await attempt(() => transport.authNone(username, call)))) return;
  } finally {
    for (const { attempts } of left) await attempts.return();
  }
  throw denied(transport, { username, host, notes }, state);
}

interface State {
  /** What the server takes, once it has said so. */
  allowed: readonly string[] | null;
  /** Of the last attempt that failed. */
  failure: SSHError | null;
}

function denied(transport: Transport, { username, host, notes }: Required<Omit<Login, 'call'>>, state: State): SSHError {
  const { allowed, failure } = { ...state, allowed: state.allowed ?? [] };
  const attempts = transport.authAttempts;
  const reason = failure instanceof AuthenticationError ? null : failure;
  if (reason !== null && attempts.length === 0) return reason;
  const list = attempts.map(({ method, key, result }) => `${method}${key ? ` ${key}` : ''}: ${result}`).join('; ');
  const message = [
    `could not log in to ${host} as '${username}': tried ${list}`,
    `the server would take ${allowed.length === 0 ? 'nothing else' : allowed.join(', ')}`,
    ...notes,
    ...(reason === null ? [] : [reason.message]),
  ].join('; ');
  return new AuthenticationError(message, { attempts, allowedTypes: allowed, cause: failure });
}
