// Commands about this side and about `amiko sftp` itself: local folders and programs, progress, help, the end.

import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { constants } from 'node:os';
import { forNode } from '../../../sftp/client/transfer/local-path.ts';
import { modeText } from '../../../sftp/protocol/attributes.ts';
import { shown } from '../../transfer/shown.ts';
import type { Command } from '../command-line.ts';
import { CommandError, type Shell } from '../shell.ts';
import { literal } from '../words.ts';

export const otherCommands: readonly Command[] = [
  {
    names: ['stat'],
    usage: 'path ...',
    help: 'all that is known of a remote file',
    words: [1, Number.POSITIVE_INFINITY],
    completes: ['remote'],
    async run(shell, { words }) {
      await shell.each(await shell.remotePaths(words), async (path) => {
        const attributes = await shell.client.lstat(path, shell.call);
        const { stMode, stSize, stUid, stGid, stMtime, stAtime } = attributes;
        const target = attributes.isSymbolicLink() ? ` -> ${shown(await shell.client.readlink(path, shell.call))}` : '';
        const octal = stMode === undefined ? '' : ` (${(stMode & 0o7777).toString(8).padStart(4, '0')})`;
        const rows = [
          ['Path', shown(path) + target],
          ['Size', stSize],
          ['Mode', stMode === undefined ? undefined : modeText(stMode) + octal],
          ['Owner', stUid === undefined ? undefined : `${stUid}:${stGid}`],
          ['Modified', stMtime === undefined ? undefined : attributes.mtime.toISOString()],
          ['Accessed', stAtime === undefined ? undefined : attributes.atime.toISOString()],
        ];
        const known = rows.filter(([, value]) => value !== undefined);
        shell.output.print(known.map(([name, value]) => `${`${name}:`.padEnd(10)}${value}\n`).join(''));
      });
    },
  },
  {
    names: ['lls'],
    usage: '[ls-options [path]]',
    help: 'list a local folder, with the ls of this machine',
    raw: true,
    completes: ['local'],
    run: (shell, { rest }) => runHere(shell, process.platform === 'win32' ? `dir ${rest}` : `ls ${rest}`),
  },
  {
    names: ['lmkdir'],
    usage: 'path',
    help: 'make a local folder',
    words: [1, 1],
    completes: ['local'],
    async run(shell, { words: [path = ''] }) {
      await mkdir(forNode(shell.local(literal(path))));
    },
  },
  {
    names: ['lumask'],
    usage: 'umask',
    help: 'the permissions that new local files do not get, octal',
    words: [1, 1],
    run(shell, { words: [text = ''] }) {
      if (!/^[0-7]{1,4}$/.test(text) || Number.parseInt(text, 8) > 0o777) throw new CommandError('that needs a mask such as 022');
      process.umask(Number.parseInt(text, 8));
      shell.output.print(`Local umask: ${text.padStart(3, '0')}\n`);
    },
  },
  {
    names: ['progress'],
    usage: '',
    help: 'turn the progress display on or off',
    run(shell) {
      const { on, off } = shell.progressDisplays;
      shell.progress = shell.progress === on ? off : on;
      shell.output.print(`Progress meter ${shell.progress === on ? 'enabled' : 'disabled'}\n`);
    },
  },
  {
    names: ['version'],
    usage: '',
    help: 'the version of the protocol',
    run: (shell) => shell.output.print('SFTP protocol version 3\n'),
  },
  {
    names: ['help', '?'],
    usage: '',
    help: 'this text',
    run(shell) {
      const rows = shell.table.map(({ names: [name], usage, help }) => `${`${name} ${usage}`.padEnd(32)} ${help}\n`);
      shell.output.print(`Commands:\n${rows.join('')}`);
    },
  },
  {
    names: ['!'],
    usage: '[command]',
    help: 'run a command of this machine, or a shell',
    raw: true,
    run: (shell, { rest }) => runHere(shell, rest),
  },
  {
    names: ['bye', 'exit', 'quit'],
    usage: '',
    help: 'end',
    run(shell) {
      shell.ended = true;
    },
  },
];

/** Runs a command with the terminal as its own; an empty one is a shell. How it ends is told, and is no failure, as in sftp(1). */
function runHere(shell: Shell, command: string): Promise<void> {
  const windows = process.platform === 'win32';
  const program = windows ? (process.env['ComSpec'] ?? 'cmd.exe') : process.env['SHELL'] || '/bin/sh';
  const args = command === '' ? [] : windows ? ['/d', '/s', '/c', command] : ['-c', command];
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: shell.localFolder, stdio: 'inherit' });
    child.once('error', (error) => reject(new CommandError(`cannot run ${program}: ${error.message}`)));
    child.once('close', (code, signal) => {
      if (signal !== null) shell.output.complain(`ended by signal ${constants.signals[signal]}`);
      else if (code !== 0) shell.output.complain(`exit status ${code}`);
      resolve();
    });
  });
}
