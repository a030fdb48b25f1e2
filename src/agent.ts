/**
 * The entry `amiko/agent`: SSH agents, as a client ({@link openAgent}) and as a server of keys ({@link listenAgent}).
 */

export { Agent, AgentKey, openAgent } from './agent/agent.ts';
export { Keyring, type KeyringOptions } from './agent/keyring.ts';
export type { KeyConstraints } from './agent/messages.ts';
export { AgentServer, listenAgent, serveAgent } from './agent/serve.ts';
