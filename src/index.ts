// The public API of `amiko`: everything a Node user needs to connect and to serve. Keys, known_hosts and the listening server
// have subpaths of their own as well.

export type { AlgorithmChoice, AlgorithmOptions } from './algorithms/policy.ts';
export type { AlgorithmCategory, AlgorithmLists, AlgorithmNames, AlgorithmPolicy } from './algorithms/registry.ts';
export { defaultAlgorithms, insecureAlgorithms, supportedAlgorithms } from './algorithms/registry.ts';
export type { ExecOptions } from './client/client.ts';
export { Client } from './client/client.ts';
export { connect } from './client/connect.ts';
export type {
  ConfiguredOptions as ConfiguredClientOptions,
  ConnectOptions as ClientOptions,
  JumpHost,
} from './client/connect-options.ts';
export type { GssDelegatedCredentials, GssIdentity, GssProvider } from './crypto/gss.ts';
export * from './errors.ts';
export { type AgentForwardingOptions, agentForwarding } from './forward/agent.ts';
export { forwardDynamic } from './forward/dynamic.ts';
export type { FailedConnection, Forward, ForwardedConnection, ForwardOptions } from './forward/forward.ts';
export { forwardLocal, openDirect } from './forward/local.ts';
export { forwardRemote } from './forward/remote.ts';
export { forwardRemoteDynamic, type RemoteDynamicOptions } from './forward/remote-dynamic.ts';
export { listenRemote, type RemoteConnection, RemoteListener } from './forward/remote-listener.ts';
export type { ForwardTarget } from './forward/target.ts';
export { type X11Authorization, X11Forwarding, type X11ForwardingOptions } from './forward/x11.ts';
export type { ByteStream, ByteStreamSink } from './io/byte-stream.ts';
export type { Address } from './io/dial.ts';
export type { SocketLike } from './io/socket-like.ts';
export type { CallOptions } from './io/waiting.ts';
export type { DhGroup } from './kex/dh-group.ts';
export type { GssKexName } from './kex/gss-methods.ts';
export { parseModuli } from './kex/moduli.ts';
export type { PrivateKey, PublicKey, Signer } from './keys.ts';
export { generateKey, parsePrivateKey, parsePublicKey, readPrivateKey, readPublicKey } from './keys.ts';
export { SFTPAttributes } from './sftp/protocol/attributes.ts';
export { SFTPHandle } from './sftp/server/handle.ts';
export { SFTPServerInterface } from './sftp/server/interface.ts';
export { SFTPServer } from './sftp/server/sftp-server.ts';
export type { KeyFileSource } from './transport/auth-strategy.ts';
export {
  AuthFailure,
  AuthResult,
  AuthSource,
  AuthStrategy,
  InMemoryPrivateKey,
  NoneAuth,
  OnDiskPrivateKey,
  Password,
  PrivateKeyAuth,
  SourceResult,
} from './transport/auth-strategy.ts';
export type { PtyOptions, X11Options } from './transport/channel.ts';
export { Channel } from './transport/channel.ts';
export type { ChannelTimeout } from './transport/channel-timeouts.ts';
export type { AgentHandler, Endpoint, ForwardHandler, X11Handler } from './transport/client-side.ts';
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
export { readModuli } from './transport/server-moduli.ts';
export { ServiceRequestingTransport } from './transport/service-requesting-transport.ts';
export { SubsystemHandler, type SubsystemHandlerClass } from './transport/subsystem-handler.ts';
export type { TerminalMode, TerminalModes } from './transport/terminal-modes.ts';
export { decodeTerminalModes, encodeTerminalModes } from './transport/terminal-modes.ts';
export { Transport } from './transport/transport.ts';
export type { TransportLogMessage } from './transport/transport-log.ts';
export { VERSION } from './transport/version.ts';
