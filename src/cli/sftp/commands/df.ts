// `df`: how full the file system is that a folder is on (statvfs@openssh.com), in the table that sftp(1) prints.

import { scaled } from '../../transfer/amounts.ts';
import type { Command } from '../command-line.ts';
import { CommandError } from '../shell.ts';

export const dfCommand: Command = {
  names: ['df'],
  usage: '[-hi] [path]',
  help: "how full the path's file system is",
  flags: 'hi',
  words: [0, 1],
  completes: ['remote'],
  async run(shell, { flags, words }) {
    const paths = words.length === 0 ? [shell.remoteFolder] : await shell.remotePaths(words);
    if (paths.length > 1) throw new CommandError('that fits more than one path');
    const fs = await shell.client.statvfs(paths[0] as string, shell.call);
    const { blocks, bfree, bavail, files, ffree, favail } = fs;
    const unit = fs.frsize === 0n ? fs.bsize : fs.frsize;
    const row = flags.has('i')
      ? table(11, ['Inodes', 'Used', 'Avail', '(root)'], [files, files - ffree, favail, ffree].map(String), files, ffree)
      : flags.has('h')
        ? table(
            8,
            ['Size', 'Used', 'Avail', '(root)'],
            [blocks, blocks - bfree, bavail, bfree].map((n) => human(n * unit)),
            blocks,
            bfree,
          )
        : table(
            12,
            ['Size', 'Used', 'Avail', '(root)'],
            [blocks, blocks - bfree, bavail, bfree].map((n) => String((n * unit) / 1_024n)),
            blocks,
            bfree,
          );
    shell.output.print(row);
  },
};

function table(width: number, heads: readonly string[], values: readonly string[], all: bigint, free: bigint): string {
  const line = (cells: readonly string[], last: string) => `${cells.map((cell) => cell.padStart(width)).join(' ')}    ${last}\n`;
  const percent = all === 0n ? '-' : `${(100n * (all - free)) / all}%`;
  return line(heads, '%Capacity') + line(values, percent.padStart('%Capacity'.length));
}

/** `24.7GB`. */
function human(bytes: bigint): string {
  const text = scaled(Number(bytes));
  return text.endsWith('B') ? text : `${text}B`;
}
