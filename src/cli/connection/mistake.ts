// Whose mistake it is: what was typed is wrong usage (exit status 2), what a file says is a configuration that cannot be (255, as with
// ssh). Both may say the same thing, so whoever finds one names the keywords that it is about.

import type { ResolvedConfig } from '../../config/resolved-config.ts';
import { ConfigError, UsageError } from '../../errors.ts';
import { type CommandLine, isTyped } from './command-line.ts';

/** The error for a mistake about these keywords. */
export function mistake(
  { host }: ResolvedConfig,
  commandLine: CommandLine,
  keywords: readonly string[],
  message: string,
): UsageError | ConfigError {
  if (keywords.some((keyword) => isTyped(commandLine, keyword))) return new UsageError(message);
  return new ConfigError([{ file: `the configuration of ${host}`, line: null, message }]);
}
