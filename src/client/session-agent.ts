// An agent for one login: opened, told which session it is going to sign for, and its keys. Whoever opens it closes it.

import { Agent, type AgentKey, openAgent } from '../agent/agent.ts';
import type { CallOptions } from '../io/waiting.ts';
import type { Transport } from '../transport/transport.ts';

/**
 * How many keys are tried before an agent's are held back: sshd's MaxAuthTries is 6, and the sixth failure is the end of the
 * connection, the password's turn not yet come.
 */
export const KEY_TRIES = 5;

export interface SessionAgent {
  readonly agent: Agent;
  readonly keys: readonly AgentKey[];
  /** Closes it, unless it was given open. */
  close(): void;
}

/** At a socket's path, where SSH_AUTH_SOCK says, or one that is open. @throws AgentError */
export async function agentForSession(
  where: string | Agent | undefined,
  transport: Transport,
  call: CallOptions,
): Promise<SessionAgent> {
  const agent = where instanceof Agent ? where : await openAgent(where, call);
  const close = () => {
    if (agent !== where) agent.close();
  };
  try {
    const proof = transport.sessionProof;
    // False from an agent that does not know how, or was bound before: then it only refuses keys that are limited to hosts.
    if (proof !== null) await agent.bindSession({ ...proof, forwarding: false }, call);
    return { agent, keys: await agent.getKeys(call), close };
  } catch (error) {
    close();
    throw error;
  }
}
