// What cannot even begin: wrong usage (exit status 2), or a configuration file with a mistake (255, as with ssh).

import { ConfigError, UsageError } from '../../errors.ts';

const WRONG_USAGE = 2;
const FAILED = 255;

/** Says why, and returns the exit status. @throws what is neither */
export function refuse(verb: string, error: unknown): number {
  if (error instanceof UsageError) {
    process.stderr.write(`amiko ${verb}: ${error.message}\nTry 'amiko ${verb} --help'.\n`);
    return WRONG_USAGE;
  }
  if (!(error instanceof ConfigError)) throw error;
  process.stderr.write(`amiko ${verb}: ${error.message}\n`);
  return FAILED;
}
