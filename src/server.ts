// The entry `amiko/server`: a listener for SSH connections, and what a server needs to decide. Needs Node.

export { serverAlgorithms } from './server/algorithms.ts';
export { type Applicant, type Authorization, AuthorizedKeys } from './server/authorized-keys.ts';
export { type Account, invokingAccount } from './server/environment.ts';
export { type ForwardingOptions, ServerForwarding } from './server/forwarding.ts';
export { everything, type Grant, type PermittedPlace, restricted } from './server/grant.ts';
export { ProcessServer, type ProcessServerOptions, type SessionStart } from './server/process-server.ts';
export type {
  ConnectionCloseInfo,
  ListenOptions,
  RefusedInfo,
  ServerAddress,
  ServerConnection,
  ServerOptions,
} from './server/server.ts';
export { createServer, Server } from './server/server.ts';
export type { Refusal } from './server/startups.ts';
export { Channel } from './transport/channel.ts';
export type { LoginInfo, TransportOptions } from './transport/options.ts';
export type { AuthDecision, OpenDecision } from './transport/server-interface.ts';
export { InteractiveQuery, ServerInterface } from './transport/server-interface.ts';
export { Transport } from './transport/transport.ts';
