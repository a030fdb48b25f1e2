/**
 * The entry `amiko/config`: ssh_config(5) as OpenSSH reads it. Importing it reads nothing; files are read by
 * {@link SSHConfig.load} and by the lookups that come upon an `Include`.
 */

export type { AlgorithmTable, AlgorithmTables, ListKeyword } from './config/algorithm-list.ts';
export type { ResolvedName, Resolver } from './config/canonical.ts';
export type { ConfigCommand } from './config/command.ts';
export type { Endpoint, Forward } from './config/forward-spec.ts';
export { type Destination, type Jump, parseDestination } from './config/jump.ts';
export type { Machine } from './config/machine.ts';
export { ResolvedConfig } from './config/resolved-config.ts';
export { type LookupOptions, SSHConfig } from './config/ssh-config.ts';
export { ConfigError, type ConfigProblem, UsageError } from './errors.ts';
