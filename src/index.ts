// The public API of `amiko`: everything a Node user needs to connect and to serve. Keys, known_hosts and the listening server
// have subpaths of their own as well.

export type { AlgorithmChoice, AlgorithmOptions } from './algorithms/policy.ts';
export type { AlgorithmCategory, AlgorithmLists, AlgorithmNames } from './algorithms/registry.ts';
export { defaultAlgorithms, insecureAlgorithms, supportedAlgorithms } from './algorithms/registry.ts';
export type { ConnectOptions as ClientOptions, ExecOptions } from './client/client.ts';
export { Client, connect } from './client/client.ts';
export * from './errors.ts';
export type { Address } from './io/dial.ts';
export type { SocketLike } from './io/socket-like.ts';
export type { PrivateKey, PublicKey, Signer } from './keys.ts';
export { generateKey, parsePrivateKey, parsePublicKey, readPrivateKey, readPublicKey } from './keys.ts';
export type { PtyOptions } from './transport/channel.ts';
export { Channel } from './transport/channel.ts';
export type { ExitStatus } from './transport/exit-status.ts';
export type {
  CloseInfo,
  ConnectOptions,
  InteractiveHandler,
  Negotiated,
  OpenChannelOptions,
  TransportOptions,
  TransportSocket,
  VerifyHostKey,
} from './transport/options.ts';
export type { ReadQueue } from './transport/read-queue.ts';
export { SecurityOptions } from './transport/security-options.ts';
export type { AuthDecision, OpenDecision } from './transport/server-interface.ts';
export { InteractiveQuery, ServerInterface } from './transport/server-interface.ts';
export type { TerminalMode, TerminalModes } from './transport/terminal-modes.ts';
export { decodeTerminalModes, encodeTerminalModes } from './transport/terminal-modes.ts';
export { Transport } from './transport/transport.ts';
export { VERSION } from './transport/version.ts';
export type { CallOptions } from './transport/waiting.ts';
