// What cannot even begin: wrong usage (exit status 2), or a configuration file with a mistake (255, as with ssh).

import { ConfigError, UsageError } from '../../errors.ts';
import type { LogFile } from './log.ts';

const WRONG_USAGE = 2;
const FAILED = 255;

/** Says why, and returns the exit status. As with ssh, only what was typed wrongly is not for the log file. @throws what is neither */
export function refuse(verb: string, error: unknown, file: LogFile | null = null): number {
  if (error instanceof UsageError) {
    process.stderr.write(`amiko ${verb}: ${error.message}\nTry 'amiko ${verb} --help'.\n`);
    return WRONG_USAGE;
  }
  if (!(error instanceof ConfigError)) throw error;
  (file ?? process.stderr).write(`amiko ${verb}: ${error.message}\n`);
  return FAILED;
}
