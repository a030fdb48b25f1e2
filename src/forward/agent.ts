// Agent forwarding, the client's side: each connection that the server opens to "the agent" is bound to this session and then
// joined to the agent's socket. The bytes are not looked at: what may be signed is the agent's to decide, and the binding is what
// it decides by.

import { agentPath, noAgent, usualAgent } from '../agent/location.ts';
import type { AgentHandler } from '../transport/client-side.ts';
import { bindForwarded } from './agent-binding.ts';
import { couple } from './couple.ts';
import { openSocket } from './target.ts';

export interface AgentForwardingOptions {
  /** Hears of connections that could not be passed on. */
  readonly onFailure?: (error: unknown) => void;
}

/**
 * A handler for `Channel.requestForwardAgent` that passes connections on to the agent at `socketPath`; default what
 * SSH_AUTH_SOCK says, and on Windows the pipe of its OpenSSH.
 * Whoever is root on the server can use the agent meanwhile, except for keys that are limited to other hosts (`ssh-add -h`): the
 * agent is told over which server each connection comes.
 * @throws AgentError where there is no agent
 *
 * @example
 * await session.requestForwardAgent(agentForwarding());
 */
export function agentForwarding(socketPath: string | null = usualAgent(), options: AgentForwardingOptions = {}): AgentHandler {
  if (socketPath === null || socketPath === '') throw noAgent();
  const path = agentPath(socketPath);
  return async (channel) => {
    try {
      const socket = await openSocket({ path });
      let bound = false;
      // The agent may take its time to answer; who no longer waits for it must not keep it open.
      void channel.closed.then(() => bound || socket.destroy());
      try {
        await bindForwarded(socket, channel.getTransport());
        bound = true;
      } catch (error) {
        socket.destroy();
        throw error;
      }
      await couple(channel, socket);
    } catch (error) {
      channel.close();
      options.onFailure?.(error);
    }
  };
}
