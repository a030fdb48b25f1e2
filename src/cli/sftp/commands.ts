// All commands of `amiko sftp`, in the order of the help.

import type { Command } from './command-line.ts';
import { changeCommands } from './commands/changes.ts';
import { dfCommand } from './commands/df.ts';
import { lsCommand } from './commands/ls.ts';
import { otherCommands } from './commands/other.ts';
import { placeCommands } from './commands/places.ts';
import { transferCommands } from './commands/transfers.ts';

export const commands: readonly Command[] = [
  ...placeCommands,
  lsCommand,
  ...transferCommands,
  ...changeCommands,
  dfCommand,
  ...otherCommands,
];
