// What the verbs of the command line come to do with arguments: those of `amiko ssh`, `sftp` and `cp`, read with a configuration or none.

import { Configuration } from '../../src/cli/connection/configuration.ts';
import type { ConnectionOptions } from '../../src/cli/connection/options.ts';
import { parseArguments as parseCp } from '../../src/cli/cp/options.ts';
import { parseArguments as parseSftp } from '../../src/cli/sftp/options.ts';
import { parseArguments, type SshArguments } from '../../src/cli/ssh/arguments.ts';
import { lookUp, type SshOptions, sshOptions } from '../../src/cli/ssh/options.ts';

/** What was typed. */
export function typedSsh(...args: string[]): SshArguments {
  const invocation = parseArguments(args);
  if (invocation.kind !== 'connect') throw new Error(invocation.kind);
  return invocation.typed;
}

/** What `amiko ssh` does; without a configuration, unless `-F` names one. */
export async function settledSsh(...args: string[]): Promise<SshOptions> {
  const typed = typedSsh(...args);
  typed.configFile ??= 'none';
  const configuration = await Configuration.load(typed);
  return sshOptions(typed, await lookUp(typed, configuration), configuration);
}

export async function settledSftp(...args: string[]): Promise<ConnectionOptions> {
  const invocation = parseSftp(args);
  if (invocation.kind !== 'connect') throw new Error(invocation.kind);
  const { options } = invocation;
  options.configFile ??= 'none';
  return (await Configuration.load(options)).withoutSession(options.place.destination, options.subsystem);
}

/** For the target, which is a host. */
export async function settledCp(...args: string[]): Promise<ConnectionOptions> {
  const invocation = parseCp(args);
  if (invocation.kind !== 'copy') throw new Error(invocation.kind);
  const { options } = invocation;
  options.configFile ??= 'none';
  if (options.target.kind !== 'remote') throw new Error('the target is no host');
  return (await Configuration.load(options)).withoutSession(options.target.destination, 'sftp');
}
