// `amiko/core`: the engine without Node. It needs a CryptoProvider and a driver: something that moves bytes, runs tasks and
// knows the time. src/transport/driver.ts is the one for Node, and the shortest description of what a driver has to do.

export { chooseAlgorithms } from './algorithms/policy.ts';
export type { AlgorithmLists, AlgorithmPolicy } from './algorithms/registry.ts';
export { defaultAlgorithms, insecureAlgorithms, supportedAlgorithms } from './algorithms/registry.ts';
export type { ClientAuthMethod, InteractiveAnswer, InteractiveRequest } from './auth/client.ts';
export { interactiveMethod, noneMethod, passwordMethod, publickeyMethod } from './auth/client.ts';
export type { ServerGssHooks } from './auth/gssapi.ts';
export { gssKeyexMethod, gssWithMicMethod } from './auth/gssapi.ts';
export type { AuthOutcome } from './auth/outcome.ts';
export type { AuthDecision, Authenticated, InteractivePrompts, ServerAuthHooks, ServerAuthLimits } from './auth/server.ts';
export type { ChannelHandler, ChannelMachine, DataType, InboundChannelRequest } from './connection/channel-machine.ts';
export type { InboundGlobalRequest, InboundOpen, OpenParameters, OpenWaiter } from './connection/connection.ts';
export type { ReplyWaiter } from './connection/replies.ts';
export * from './crypto/gss.ts';
export type * from './crypto/provider.ts';
export type { EngineConfig, RekeyLimits, ServerConfig } from './engine/config.ts';
export { Engine } from './engine/engine.ts';
export type { EngineEvent, EngineHandler } from './engine/events.ts';
export * from './errors.ts';
export type { Task } from './flow/flow.ts';
export type { DhGroup } from './kex/dh-group.ts';
export { parseModuli } from './kex/moduli.ts';
export { PublicKey } from './keys/public-key.ts';
export type { SignatureAlgorithm } from './keys/signature.ts';
export type { Signer } from './keys/signer.ts';
