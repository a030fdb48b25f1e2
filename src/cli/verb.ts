// How a verb ends: with an exit status, and where something went wrong with one line on stderr. Wrong usage is 2, what a verb says
// about its own result is its own number, everything else is 255.

import { SSHError, UsageError } from '../errors.ts';

const WRONG_USAGE = 2;
const FAILED = 255;

/** Something that cannot be done, with the status to end with. */
export class Failure extends Error {
  readonly status: number;

  constructor(message: string, status: number = FAILED) {
    super(message);
    this.name = 'Failure';
    this.status = status;
  }
}

/** Runs a verb; resolves with the exit status, never rejects. */
export async function runVerb(verb: string, run: () => Promise<number>): Promise<number> {
  // Whoever reads us may have gone away (`| head`), and a message that cannot be written is no reason to die.
  for (const stream of [process.stdout, process.stderr]) if (stream.listenerCount('error') === 0) stream.on('error', () => {});
  try {
    return await run();
  } catch (error) {
    warn(verb, error instanceof Error ? error.message : String(error));
    if (error instanceof UsageError) {
      process.stderr.write(`Try 'amiko ${verb} --help'.\n`);
      return WRONG_USAGE;
    }
    if (error instanceof Failure) return error.status;
    // An error that nobody has foreseen says where it comes from.
    const foreseen = error instanceof SSHError || typeof (error as NodeJS.ErrnoException | null)?.syscall === 'string';
    if (!foreseen && error instanceof Error) process.stderr.write(`${error.stack}\n`);
    return FAILED;
  }
}

/** One line on stderr. */
export function warn(verb: string, message: string): void {
  process.stderr.write(`amiko ${verb}: ${message}\n`);
}
