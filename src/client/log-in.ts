// Logging in with all that the options give: Kerberos, keys, the agent's keys, the password, the questions; as far as the server
// takes them, and in several steps where it wants more than one (partial success, RFC 4252 section 5.1).

import { Agent, openAgent } from '../agent/agent.ts';
import { equalBytes } from '../bytes/bytes.ts';
import {
  AgentError,
  AuthenticationError,
  BadAuthenticationTypeError,
  GssError,
  NegotiationError,
  type SSHError,
} from '../errors.ts';
import type { CallOptions } from '../io/waiting.ts';
import type { Certificate } from '../keys/certificate.ts';
import { withCertificate } from '../keys/node/certify.ts';
import type { PublicKey } from '../keys/public-key.ts';
import type { Signer } from '../keys/signer.ts';
import type { Transport } from '../transport/transport.ts';
import type { ConnectOptions } from './connect.ts';

/**
 * How many keys are tried before an agent's are held back: sshd's MaxAuthTries is 6, and the sixth failure is the end of the
 * connection, the password's turn not yet come.
 */
export const KEY_TRIES = 5;

interface Attempt {
  readonly method: string;
  run(): Promise<readonly string[]>;
}

/** @throws AuthenticationError with all that was tried; the one that kept us from trying anything; the connection's error */
export async function logIn(transport: Transport, options: ConnectOptions, call: CallOptions): Promise<void> {
  const { username } = options;
  /** What the server takes, once it has said so. */
  let allowed: readonly string[] | null = null;
  let failure: SSHError | null = null;
  for await (const { method, run } of attempts(transport, options, call)) {
    const byQuestion = method === 'password' && allowed?.includes('keyboard-interactive');
    if (allowed !== null && !allowed.includes(method) && !byQuestion) continue;
    try {
      allowed = await run();
      if (allowed.length === 0) return;
      failure = null;
    } catch (error) {
      // No ticket, no agent, no signature algorithm in common: the others go on.
      if (error instanceof GssError || error instanceof AgentError || error instanceof NegotiationError) {
        if (!transport.isActive()) throw error;
        failure = error;
        continue;
      }
      if (!(error instanceof AuthenticationError)) throw error;
      if (!(error instanceof BadAuthenticationTypeError) || failure === null) failure = error;
      allowed = error.allowedTypes;
    }
  }
  const tried = transport.authAttempts;
  if (failure !== null && !(failure instanceof AuthenticationError) && tried.length === 0) throw failure;
  const list = tried.map(({ method, key, result }) => `${method}${key ? ` ${key}` : ''}: ${result}`).join('; ');
  const wants = allowed === null || allowed.length === 0 ? 'nothing else' : allowed.join(', ');
  const why = failure === null || failure instanceof AuthenticationError ? '' : `; ${failure.message}`;
  throw new AuthenticationError(`could not log in as '${username}': tried ${list}; the server would take ${wants}${why}`, {
    attempts: tried,
    allowedTypes: allowed ?? [],
    cause: failure,
  });
}

async function* attempts(transport: Transport, options: ConnectOptions, call: CallOptions): AsyncGenerator<Attempt, void> {
  const { username, password, privateKey, agent, onQuestions } = options;
  const certificates = [options.certificates ?? []].flat() as readonly Certificate[];
  const byKey = (key: Signer): Attempt => ({ method: 'publickey', run: () => transport.authPublickey(username, key, call) });
  let any = false;
  if (options.gssAuth === true) {
    any = true;
    const keyex = transport.negotiated?.kex.startsWith('gss-') === true;
    if (keyex) yield { method: 'gssapi-keyex', run: () => transport.authGssapiKeyex(username, call) };
    else yield { method: 'gssapi-with-mic', run: () => transport.authGssapiWithMic(username, null, undefined, call) };
  }
  const keys = ([privateKey ?? []].flat() as Signer[]).flatMap((key) => withCertificates(key, certificates));
  any ||= keys.length > 0 || agent !== undefined || password !== undefined || onQuestions !== undefined;
  for (const key of keys) yield byKey(key);
  if (agent !== undefined) {
    for await (const key of agentKeys(transport, agent, keys, certificates, call)) {
      yield key instanceof AgentError ? { method: 'publickey', run: () => Promise.reject(key) } : byKey(key);
    }
  }
  if (password !== undefined) yield { method: 'password', run: () => transport.authPassword(username, password, call) };
  if (onQuestions !== undefined) {
    yield { method: 'keyboard-interactive', run: () => transport.authInteractive(username, onQuestions, call) };
  }
  if (!any) yield { method: 'none', run: () => transport.authNone(username, call) };
}

/** The keys to offer for one key: with each of its certificates, then by itself. */
export function withCertificates(key: Signer, certificates: readonly Certificate[]): Signer[] {
  const own = certificates.filter(({ publicKey }) => publicKey.equals(key.publicKey));
  return [...own.map((certificate) => withCertificate(key, certificate)), key];
}

/** Whether both would be the same offer to a server. */
export function sameOffer(one: PublicKey, other: PublicKey): boolean {
  return equalBytes(one.certificate?.blob ?? one.blob, other.certificate?.blob ?? other.blob);
}

/** The agent's keys that were not tried yet, as many as may be. Its connection is bound to this session first. An error is one of these too. */
async function* agentKeys(
  transport: Transport,
  where: string | Agent | true,
  tried: readonly Signer[],
  certificates: readonly Certificate[],
  call: CallOptions,
): AsyncGenerator<Signer | AgentError, void> {
  let agent: Agent | null = null;
  try {
    agent = where instanceof Agent ? where : await openAgent(where === true ? undefined : where, call);
    const proof = transport.sessionProof;
    // False from an agent that does not know how, or was bound before: then it only refuses keys that are limited to hosts.
    if (proof !== null) await agent.bindSession({ ...proof, forwarding: false }, call);
    const keys = (await agent.getKeys(call)).flatMap((key) =>
      key.publicKey.certificate ? [key] : withCertificates(key, certificates),
    );
    const fresh = keys.filter((key) => !tried.some(({ publicKey }) => sameOffer(publicKey, key.publicKey)));
    const room = Math.max(KEY_TRIES - tried.length, 0);
    yield* fresh.slice(0, room);
    if (keys.length === 0) yield new AgentError('the agent offers no keys');
    const left = fresh.length - room;
    if (left > 0)
      yield new AgentError(`${left} keys of the agent were not tried, since servers hang up after six; give the right one`);
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    yield error;
  } finally {
    if (agent !== where) agent?.close();
  }
}
