// Agent forwarding, the client's side: each connection that the server opens to "the agent" is joined to the agent's socket
// here. The bytes are not looked at: what may be signed is the agent's to decide.

import { UsageError } from '../errors.ts';
import type { AgentHandler } from '../transport/client-side.ts';
import { couple } from './couple.ts';
import { openSocket } from './target.ts';

export interface AgentForwardingOptions {
  /** Hears of connections that could not be passed on. */
  readonly onFailure?: (error: unknown) => void;
}

/**
 * A handler for `Channel.requestForwardAgent` that passes connections on to the agent at `socketPath`; default SSH_AUTH_SOCK.
 * Whoever is root on the server can use the agent meanwhile.
 * @throws UsageError where there is no agent
 *
 * @example
 * await session.requestForwardAgent(agentForwarding());
 */
export function agentForwarding(
  socketPath: string = process.env['SSH_AUTH_SOCK'] ?? '',
  options: AgentForwardingOptions = {},
): AgentHandler {
  if (socketPath === '') throw new UsageError('there is no agent: SSH_AUTH_SOCK is not set');
  return async (channel) => {
    try {
      await couple(channel, await openSocket({ path: socketPath }));
    } catch (error) {
      channel.close();
      options.onFailure?.(error);
    }
  };
}
