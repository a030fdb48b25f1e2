/**
 * The entry `amiko/agent`: SSH agents, as a client ({@link openAgent}) and as a server of keys ({@link listenAgent}).
 */

export { Agent, AgentKey, openAgent } from './agent/agent.ts';
export type { DestinationConstraint, DestinationHost } from './agent/destination-constraints.ts';
export type { KeyUse } from './agent/destinations.ts';
export { Keyring, type KeyringEntry, type KeyringOptions } from './agent/keyring.ts';
export { AgentServer, listenAgent } from './agent/listen.ts';
export type { KeyConstraints, SessionBinding } from './agent/messages.ts';
export { serveAgent } from './agent/serve.ts';
