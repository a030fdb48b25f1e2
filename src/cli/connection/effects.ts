// Keywords that have no effect here: refused where they were typed, told of where a file says them.

import { proxyProblem, withoutEffect } from '../../client/without-effect.ts';
import type { ResolvedConfig } from '../../config/resolved-config.ts';
import { UsageError } from '../../errors.ts';
import { type CommandLine, isTyped } from './command-line.ts';
import { mistake } from './mistake.ts';

/** What to tell people. @throws UsageError for what was typed and has no effect; that, or ConfigError, for what cannot work */
export function checkEffects(config: ResolvedConfig, commandLine: CommandLine): readonly string[] {
  const problem = proxyProblem(config);
  if (problem !== null) throw mistake(config, commandLine, ['ProxyCommand', 'ProxyUseFdpass'], problem);
  // Which verbs without a session switch off, and ssh does.
  const effective = withoutEffect(config).filter(({ keyword }) => keyword !== 'ForkAfterAuthentication');
  return effective.map(({ keyword, why }) => {
    if (isTyped(commandLine, keyword)) throw new UsageError(`${keyword}: ${why}`);
    return `${keyword} of the configuration has no effect: ${why}`;
  });
}
