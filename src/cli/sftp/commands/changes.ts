// What changes the server's files: mkdir, rmdir, rm, rename, ln, symlink, copy, chmod, chown, chgrp.

import { SFTPError } from '../../../errors.ts';
import { shown } from '../../transfer/shown.ts';
import type { Call, Command } from '../command-line.ts';
import { CommandError, type Shell } from '../shell.ts';
import { literal } from '../words.ts';

const MANY = Number.POSITIVE_INFINITY;

export const changeCommands: readonly Command[] = [
  {
    names: ['mkdir'],
    usage: 'path',
    help: 'make a remote folder',
    words: [1, 1],
    completes: ['remote'],
    async run(shell, { words: [path = ''] }) {
      await shell.client.mkdir(shell.remote(literal(path)), shell.call);
    },
  },
  {
    names: ['rmdir'],
    usage: 'path ...',
    help: 'remove empty remote folders',
    words: [1, MANY],
    completes: ['remote'],
    run: (shell, { words }) => shell.changeEach(words, (path) => shell.client.rmdir(shell.remote(literal(path)), shell.call)),
  },
  {
    names: ['rm', 'delete'],
    usage: 'path ...',
    help: 'remove remote files',
    words: [1, MANY],
    completes: ['remote'],
    async run(shell, { words }) {
      await shell.changeEach(await shell.remotePaths(words), async (path) => {
        shell.tell(`Removing ${shown(path)}`);
        await shell.client.remove(path, shell.call);
      });
    },
  },
  {
    names: ['rename'],
    usage: 'oldpath newpath',
    help: 'rename a remote file; what has the new name already is replaced',
    words: [2, 2],
    completes: ['remote'],
    async run(shell, { words }) {
      const [from = '', to = ''] = words.map((word) => shell.remote(literal(word)));
      await rename(shell, from, to);
    },
  },
  {
    names: ['ln'],
    usage: '[-s] oldpath newpath',
    help: 'a second name for a remote file; with -s a symbolic link',
    flags: 's',
    words: [2, 2],
    completes: ['remote'],
    async run(shell, { flags, words: [from = '', to = ''] }) {
      // What a symbolic link says is taken as it is.
      if (flags.has('s')) await shell.client.symlink(literal(from), shell.remote(literal(to)), shell.call);
      else await shell.client.link(shell.remote(literal(from)), shell.remote(literal(to)), shell.call);
    },
  },
  {
    names: ['symlink'],
    usage: 'oldpath newpath',
    help: 'make a symbolic link',
    words: [2, 2],
    completes: ['remote'],
    run: (shell, { words: [from = '', to = ''] }) => shell.client.symlink(literal(from), shell.remote(literal(to)), shell.call),
  },
  {
    names: ['copy', 'cp'],
    usage: 'oldpath newpath',
    help: 'copy a remote file, on the server where it can do that',
    words: [2, 2],
    completes: ['remote'],
    async run(shell, { words }) {
      const [from = '', to = ''] = words.map((word) => shell.remote(literal(word)));
      await shell.client.copyFile(from, to, undefined, shell.call);
    },
  },
  {
    names: ['chmod'],
    usage: '[-h] mode path ...',
    help: 'change permissions; mode is octal',
    flags: 'h',
    words: [2, MANY],
    completes: ['remote'],
    async run(shell, call) {
      const mode = number(call, 8, 'a mode such as 644');
      await change(shell, call, 'mode', async (path) => {
        if (call.flags.has('h')) await shell.client.lchmod(path, mode, shell.call);
        else await shell.client.chmod(path, mode, shell.call);
      });
    },
  },
  {
    names: ['chown'],
    usage: '[-h] uid path ...',
    help: 'change the owner, by number',
    flags: 'h',
    words: [2, MANY],
    completes: ['remote'],
    async run(shell, call) {
      const uid = number(call, 10, "a user's number");
      await change(shell, call, 'owner', (path) => changeOwner(shell, call, path, ({ gid }) => [uid, gid]));
    },
  },
  {
    names: ['chgrp'],
    usage: '[-h] gid path ...',
    help: 'change the group, by number',
    flags: 'h',
    words: [2, MANY],
    completes: ['remote'],
    async run(shell, call) {
      const gid = number(call, 10, "a group's number");
      await change(shell, call, 'group', (path) => changeOwner(shell, call, path, ({ uid }) => [uid, gid]));
    },
  },
];

/** As OpenSSH: replaces where the server can, else it must not be there. */
async function rename(shell: Shell, from: string, to: string): Promise<void> {
  try {
    await shell.client.posixRename(from, to, shell.call);
  } catch (error) {
    if (!(error instanceof SFTPError) || error.code !== 'ENOTSUP') throw error;
    await shell.client.rename(from, to, shell.call);
  }
}

async function change(shell: Shell, { words }: Call, what: string, action: (path: string) => Promise<void>): Promise<void> {
  await shell.changeEach(await shell.remotePaths(words.slice(1)), async (path) => {
    shell.tell(`Changing ${what} on ${shown(path)}`);
    await action(path);
  });
}

/** The protocol sets both numbers at once: the other one stays what it is. */
async function changeOwner(
  shell: Shell,
  { flags }: Call,
  path: string,
  owner: (now: { uid: number; gid: number }) => readonly [uid: number, gid: number],
): Promise<void> {
  const { client, call } = shell;
  const { stUid, stGid } = await (flags.has('h') ? client.lstat(path, call) : client.stat(path, call));
  if (stUid === undefined || stGid === undefined) throw new CommandError('the server does not say who owns it now');
  const [uid, gid] = owner({ uid: stUid, gid: stGid });
  if (flags.has('h')) await client.lchown(path, uid, gid, call);
  else await client.chown(path, uid, gid, call);
}

function number({ words: [word = ''] }: Call, base: 8 | 10, what: string): number {
  const text = literal(word);
  const value = (base === 8 ? /^[0-7]{1,5}$/ : /^\d{1,10}$/).test(text) ? Number.parseInt(text, base) : Number.NaN;
  const most = base === 8 ? 0o7777 : 0xffff_ffff;
  if (value <= most) return value;
  throw new CommandError(`that needs ${what}, not '${shown(text)}'`);
}
