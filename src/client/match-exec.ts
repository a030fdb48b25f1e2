// The command of a `Match exec`, by the user's shell as ssh has it; it neither reads nor prints. Whether a block applies must not hang
// on a command that came to no end of its own, which with `!exec` would say yes.

import { spawn } from 'node:child_process';
import { LineError } from '../config/line.ts';

/** Whether it ended with 0. `stop` ends it. @throws LineError where it could not be run, or was ended by a signal; `stop.reason` */
export function runForMatch(command: string, stop?: AbortSignal): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const shell = process.env['SHELL'] || true;
    const child = spawn(command, { shell, stdio: ['ignore', 'ignore', 'inherit'], ...(stop !== undefined && { signal: stop }) });
    child.once('error', (error) => {
      reject(stop?.aborted ? stop.reason : new LineError(`the command of Match exec cannot be run: ${error.message}`));
    });
    child.once('close', (code, signal) => {
      if (signal === null) resolve(code === 0);
      else reject(new LineError(`the command of Match exec was ended by ${signal}`));
    });
  });
}
