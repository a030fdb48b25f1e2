// `amiko agent`: an agent of ours, or what one does with any agent. The first word decides.

import { nearest } from '../../algorithms/nearest.ts';
import { runVerb, warn } from '../verb.ts';
import { usage } from './usage.ts';

const SUBCOMMANDS = ['add', 'list', 'remove', 'lock', 'unlock'] as const;

/** Runs `amiko agent` with the arguments after `agent`; resolves with the exit status. */
export function main(args: readonly string[]): Promise<number> {
  return runVerb('agent', async () => {
    const [word, ...rest] = args;
    const name = SUBCOMMANDS.find((each) => each === word);
    if (args[0] === '--help' || (name !== undefined && rest[0] === '--help')) {
      process.stdout.write(usage);
      return 0;
    }
    if (name !== undefined) return (await import('./client.ts'))[name](rest);
    try {
      return await (await import('./serve.ts')).serve(args);
    } catch (error) {
      const close = typeof word === 'string' && isMissing(error) ? nearest(word, SUBCOMMANDS) : null;
      if (close !== null) warn('agent', `did you mean 'amiko agent ${close}'?`);
      throw error;
    }
  });
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && (error.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
}
