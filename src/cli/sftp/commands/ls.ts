// `ls`: what is in a folder, or what fits a pattern. A pattern that fits one folder only means what is in it, as in sftp(1).

import { SFTPError } from '../../../errors.ts';
import type { SFTPAttributes } from '../../../sftp/protocol/attributes.ts';
import { usersGroupsById } from '../../../sftp/protocol/extensions.ts';
import { glob, hasMagic } from '../../transfer/glob.ts';
import { shown } from '../../transfer/shown.ts';
import { remoteTree } from '../../transfer/trees.ts';
import type { Command } from '../command-line.ts';
import { type Entry, formatListing, type ListingOptions, listingOptions, nobody, type Owners, sorted } from '../listing.ts';
import { CommandError, type Shell } from '../shell.ts';
import { literal } from '../words.ts';

/** Names that are asked for at once: a packet must hold them. */
const MOST_IDS = 1_000;

export const lsCommand: Command = {
  names: ['ls', 'dir'],
  usage: '[-1afhlnrSt] [path ...]',
  help: 'list a remote folder',
  flags: '1afhlnrSt',
  words: [0, Number.POSITIVE_INFINITY],
  completes: ['remote'],
  async run(shell, { flags, words }) {
    const options = listingOptions(flags);
    const patterns = words.filter((word) => word !== '');
    if (patterns.length === 0) return print(shell, sorted(await folderEntries(shell, '.', '', options), options), options);
    await shell.each(patterns, async (pattern) => {
      const entries = await entriesOf(shell, pattern, options);
      await print(shell, sorted(entries, options), options);
    });
  },
};

async function entriesOf(shell: Shell, pattern: string, options: ListingOptions): Promise<Entry[]> {
  const name = literal(pattern);
  const paths = hasMagic(pattern) ? await glob(pattern, underShell(shell)) : [name];
  const [only] = paths;
  if (only === undefined) throw new CommandError(`Can't ls: "${shown(shell.remote(name))}" not found`);
  if (paths.length === 1) {
    const attributes = await attributesOf(shell, only);
    if (attributes === null) throw new CommandError(`Can't ls: "${shown(shell.remote(only))}" not found`);
    if (!attributes.isDirectory()) return [{ name: only, attributes: await ofItself(shell, only, attributes) }];
    return folderEntries(shell, only, only.endsWith('/') ? only : `${only}/`, options);
  }
  const entries: Entry[] = [];
  for (const path of paths) {
    const attributes = await attributesOf(shell, path);
    // What went away in between is not there.
    if (attributes === null) continue;
    const folder = attributes.isDirectory() && !path.endsWith('/');
    entries.push({ name: folder ? `${path}/` : path, attributes: await ofItself(shell, path, attributes) });
  }
  return entries;
}

/** Patterns relative to where we are find relative names. */
function underShell(shell: Shell) {
  const tree = remoteTree(shell.client, shell.call);
  return {
    list: (folder: string) => tree.list(shell.remote(folder)),
    kind: (path: string) => tree.kind(shell.remote(path)),
  };
}

/** Links followed; of a link that leads nowhere, its own. Null where there is nothing. */
async function attributesOf(shell: Shell, path: string): Promise<SFTPAttributes | null> {
  const { client, call } = shell;
  for (const ask of [client.stat, client.lstat]) {
    try {
      return await ask.call(client, shell.remote(path), call);
    } catch (error) {
      if (!(error instanceof SFTPError)) throw error;
      if (error.code !== 'ENOENT') throw error;
    }
  }
  return null;
}

/** A folder is shown as what it leads to, a link to a file as a link. */
async function ofItself(shell: Shell, path: string, attributes: SFTPAttributes): Promise<SFTPAttributes> {
  return attributes.isDirectory() ? attributes : shell.client.lstat(shell.remote(path), shell.call);
}

async function folderEntries(shell: Shell, folder: string, prefix: string, options: ListingOptions): Promise<Entry[]> {
  const { client, call } = shell;
  const entries = await client.listdirAttr(shell.remote(folder), call);
  const found: Entry[] = [];
  for (const attributes of entries) {
    const name = attributes.filename ?? '';
    if (options.all || !name.startsWith('.')) found.push({ name: prefix + name, attributes });
  }
  // Listings leave out what is no entry; people want to see it.
  if (options.all) {
    for (const name of ['.', '..']) {
      const attributes = await attributesOf(shell, `${shell.remote(folder).replace(/\/+$/, '')}/${name}`);
      if (attributes !== null) found.push({ name: prefix + name, attributes });
    }
  }
  return found;
}

async function print(shell: Shell, entries: readonly Entry[], options: ListingOptions): Promise<void> {
  const owners = options.long && !options.numeric ? await ownersOf(shell, entries) : nobody;
  shell.output.print(formatListing(entries, options, shell.output.columns, Date.now(), owners));
}

/** Asks for the names of those whose lines the server has not made. */
async function ownersOf(shell: Shell, entries: readonly Entry[]): Promise<Owners> {
  if (!shell.client.extensions.has(usersGroupsById.name)) return nobody;
  const ids = (of: (attributes: SFTPAttributes) => number | undefined) =>
    [...new Set(entries.map(({ attributes }) => of(attributes)))].filter((id) => id !== undefined).slice(0, MOST_IDS);
  const [uids, gids] = [ids(({ stUid }) => stUid), ids(({ stGid }) => stGid)];
  try {
    const { users, groups } = await shell.client.usersGroupsById(uids, gids, shell.call);
    const named = (numbers: readonly number[], names: readonly string[]) =>
      new Map(numbers.map((id, index) => [id, names[index] ?? '']));
    return { users: named(uids, users), groups: named(gids, groups) };
  } catch (error) {
    if (error instanceof SFTPError) return nobody;
    throw error;
  }
}
