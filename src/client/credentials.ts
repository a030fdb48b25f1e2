// What the caller's options give to log in with, by method: Kerberos, keys, an agent's keys, a password, answers.

import type { Agent } from '../agent/agent.ts';
import { equalBytes } from '../bytes/bytes.ts';
import { AgentError } from '../errors.ts';
import type { CallOptions } from '../io/waiting.ts';
import type { Certificate } from '../keys/certificate.ts';
import { withCertificate } from '../keys/node/certify.ts';
import type { PublicKey } from '../keys/public-key.ts';
import type { Signer } from '../keys/signer.ts';
import type { InteractiveHandler } from '../transport/options.ts';
import type { Transport } from '../transport/transport.ts';
import type { ConnectOptions } from './connect-options.ts';
import type { Attempt, Method } from './log-in.ts';
import { agentForSession, KEY_TRIES, type SessionAgent } from './session-agent.ts';

/** All of them, in the order in which they are tried. */
export function credentials(transport: Transport, options: ConnectOptions, call: CallOptions): readonly Method[] {
  const { username, password, privateKey, agent = false, onQuestions } = options;
  return [
    ...(options.gssAuth === true ? [byKerberos(transport, username, call)] : []),
    ...(privateKey === undefined && agent === false ? [] : [byKeys(transport, options, call)]),
    ...(password === undefined ? [] : [byPassword(transport, username, password, call)]),
    ...(onQuestions === undefined ? [] : [byAnswers(transport, username, onQuestions, call)]),
  ];
}

/** By the key exchange where that was one of GSS-API. */
export function byKerberos(transport: Transport, username: string, call: CallOptions, delegate?: boolean): Method {
  return transport.negotiated?.kex.startsWith('gss-')
    ? once(['gssapi-keyex'], () => transport.authGssapiKeyex(username, call))
    : once(['gssapi-with-mic'], () => transport.authGssapiWithMic(username, null, delegate, call));
}

/** With `fallback` it also answers the one hidden question of a server that takes no passwords. */
export function byPassword(transport: Transport, username: string, password: string, call: CallOptions, fallback = true): Method {
  const names = fallback ? ['password', 'keyboard-interactive'] : ['password'];
  return once(names, () => transport.authPassword(username, password, { ...call, fallback }));
}

export function byAnswers(transport: Transport, username: string, answer: InteractiveHandler, call: CallOptions): Method {
  return once(['keyboard-interactive'], () => transport.authInteractive(username, answer, call));
}

export function once(names: readonly string[], attempt: Attempt): Method {
  return {
    names,
    attempts: (async function* () {
      yield attempt;
    })(),
  };
}

function byKeys(transport: Transport, options: ConnectOptions, call: CallOptions): Method {
  return { names: ['publickey'], attempts: keyAttempts(transport, options, call) };
}

async function* keyAttempts(transport: Transport, options: ConnectOptions, call: CallOptions): AsyncGenerator<Attempt, void> {
  const { username, privateKey, agent = false } = options;
  const certificates = [options.certificates ?? []].flat() as readonly Certificate[];
  const keys = ([privateKey ?? []].flat() as Signer[]).flatMap((key) => withCertificates(key, certificates));
  for (const key of keys) yield () => transport.authPublickey(username, key, call);
  if (agent === false) return;
  for await (const key of agentKeys(transport, agent, keys, certificates, call)) {
    yield () => (key instanceof AgentError ? Promise.reject(key) : transport.authPublickey(username, key, call));
  }
}

/** The keys to offer for one key: with each of its certificates, then by itself. */
function withCertificates(key: Signer, certificates: readonly Certificate[]): Signer[] {
  const own = certificates.filter(({ publicKey }) => publicKey.equals(key.publicKey));
  return [...own.map((certificate) => withCertificate(key, certificate)), key];
}

/** Whether both would be the same offer to a server. */
export function sameOffer(one: PublicKey, other: PublicKey): boolean {
  return equalBytes(one.certificate?.blob ?? one.blob, other.certificate?.blob ?? other.blob);
}

/** The agent's keys that were not tried yet, as many as may be. An error is one of these too. */
async function* agentKeys(
  transport: Transport,
  where: string | Agent | true,
  tried: readonly Signer[],
  certificates: readonly Certificate[],
  call: CallOptions,
): AsyncGenerator<Signer | AgentError, void> {
  let open: SessionAgent | null = null;
  try {
    open = await agentForSession(where === true ? undefined : where, transport, call);
    const keys = open.keys.flatMap((key) => (key.publicKey.certificate ? [key] : withCertificates(key, certificates)));
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
    open?.close();
  }
}
