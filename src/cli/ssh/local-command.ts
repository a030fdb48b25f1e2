// LocalCommand (ssh_config(5)): what the user wants to have run here once the connection is there. Only with PermitLocalCommand.

import { spawn } from 'node:child_process';
import type { Log } from '../connection/log.ts';

/** Runs the command by the user's shell and waits for its end. Never fails: the connection is there, whatever it does. */
export function runLocalCommand(command: string, log: Log): Promise<void> {
  log.debug(1, `the local command is: ${command}`);
  return new Promise((resolve) => {
    const child = spawn(command, { shell: process.env['SHELL'] || true, stdio: 'inherit' });
    child.once('error', (error) => {
      log.error(`the local command cannot be run: ${error.message}`);
      resolve();
    });
    child.once('close', () => resolve());
  });
}
