// The command of a `Match exec` (ssh_config(5)): run by the user's shell, as ssh has it. It neither reads nor prints.

import { spawn } from 'node:child_process';

/** Whether the command ended with 0. `signal` ends it. */
export function runForMatch(command: string, signal?: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const shell = process.env['SHELL'] || true;
    const child = spawn(command, { shell, stdio: ['ignore', 'ignore', 'inherit'], ...(signal !== undefined && { signal }) });
    child.once('error', () => resolve(false));
    child.once('close', (code) => resolve(code === 0));
  });
}
