// Commands that nobody types: a batch file (`-b`), which ends at the first that fails, and a stdin that is no terminal, which goes
// on. Both echo what they do, as sftp(1) does.

import { shown } from '../transfer/shown.ts';
import { prefixesOf } from './command-line.ts';
import type { Shell } from './shell.ts';

/** True unless a command has ended it. With `stops`, the first failure does. @throws the connection's error */
export async function runLines(shell: Shell, lines: AsyncIterable<string>, stops: boolean): Promise<boolean> {
  for await (const line of lines) {
    const { forgiven, silent, text } = prefixesOf(line);
    if (!silent) shell.output.print(`sftp> ${shown(line)}\n`);
    const done = await shell.run(text, stops && !forgiven);
    if (!done && stops && !forgiven) return false;
    if (shell.ended) break;
  }
  return true;
}
