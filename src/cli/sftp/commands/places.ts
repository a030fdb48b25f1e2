// Where we are on both sides: cd, lcd, pwd, lpwd.

import { stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { forNode } from '../../../sftp/client/transfer/local-path.ts';
import { shown } from '../../transfer/shown.ts';
import type { Command } from '../command-line.ts';
import { CommandError } from '../shell.ts';

export const placeCommands: readonly Command[] = [
  {
    names: ['cd'],
    usage: '[path]',
    help: 'change the remote folder; without a path, to the first one',
    words: [0, 1],
    completes: ['remote'],
    async run(shell, { words: [pattern] }) {
      const paths = pattern === undefined ? [shell.firstRemoteFolder] : await shell.remotePaths([pattern]);
      if (paths.length > 1) throw new CommandError('that fits more than one folder');
      const folder = await shell.client.realpath(paths[0] as string, shell.call);
      const attributes = await shell.client.stat(folder, shell.call);
      // A server that does not tell lets us find out later.
      if (attributes.stMode !== undefined && !attributes.isDirectory()) throw new CommandError(`'${shown(folder)}' is no folder`);
      shell.remoteFolder = folder;
    },
  },
  {
    names: ['lcd'],
    usage: '[path]',
    help: 'change the local folder; without a path, to your home',
    words: [0, 1],
    completes: ['local'],
    async run(shell, { words: [pattern] }) {
      const paths = pattern === undefined ? [homedir()] : await shell.localPaths([pattern]);
      if (paths.length > 1) throw new CommandError('that fits more than one folder');
      const folder = paths[0] as string;
      if (!(await stat(forNode(folder))).isDirectory()) throw new CommandError(`'${shown(folder)}' is no folder`);
      shell.localFolder = folder;
    },
  },
  {
    names: ['pwd'],
    usage: '',
    help: 'the remote folder',
    run: (shell) => shell.output.print(`Remote working directory: ${shown(shell.remoteFolder)}\n`),
  },
  {
    names: ['lpwd'],
    usage: '',
    help: 'the local folder',
    run: (shell) => shell.output.print(`Local working directory: ${shown(shell.localFolder)}\n`),
  },
];
