// The Tab key: names of commands, then remote or local paths, whichever the command takes in that place. A folder is listed once
// for each prompt, and a server that takes its time is not waited for.

import { SSHError } from '../../errors.ts';
import { byName } from '../transfer/glob.ts';
import { shown } from '../transfer/shown.ts';
import { localTree, remoteTree } from '../transfer/trees.ts';
import type { Command } from './command-line.ts';
import type { Shell } from './shell.ts';
import { literal, quoteWord, splitWords } from './words.ts';

/** Longer than that nobody waits for a Tab, milliseconds. */
const PATIENCE = 3_000;

/** The possible completions, and what of the line they would replace. */
export async function complete(shell: Shell, line: string): Promise<[string[], string]> {
  const [, prefix = '', name = '', gap = ''] = /^([\s@-]*)(\S*)(\s*)/.exec(line) ?? [];
  if (gap === '') {
    const names = shell.table.flatMap(({ names: all }) => all).filter((each) => each.startsWith(name.toLowerCase()));
    return [names.sort(byName).map((each) => `${each} `), name];
  }
  const command = shell.table.find(({ names }) => names.includes(name.toLowerCase()));
  const rest = line.slice(prefix.length + name.length);
  const words = splitWords(rest, true);
  const last = words.at(-1);
  const current = last !== undefined && last.end === rest.length ? last : null;
  const before = words.filter((word) => word !== current && !word.pattern.startsWith('-')).length;
  const side = sideOf(command, before);
  if (side === null) return [[], ''];
  const typed = literal(current?.pattern ?? '');
  const open = current?.open ?? null;
  const text = current === null ? '' : rest.slice(current.start);
  const found = await paths(shell, side, typed);
  const quote = open ?? '';
  return [
    found.map(({ path, folder }) => {
      const word = quote + quoteWord(path, open);
      return folder ? `${word}/` : `${word}${quote}${found.length === 1 ? ' ' : ''}`;
    }),
    text,
  ];
}

function sideOf(command: Command | undefined, index: number): 'remote' | 'local' | null {
  const sides = command?.completes;
  return sides?.[Math.min(index, sides.length - 1)] ?? null;
}

interface Found {
  readonly path: string;
  readonly folder: boolean;
}

async function paths(shell: Shell, side: 'remote' | 'local', typed: string): Promise<Found[]> {
  const slash = typed.lastIndexOf('/') + 1;
  const [folder, start] = [typed.slice(0, slash), typed.slice(slash)];
  const tree =
    side === 'local'
      ? localTree((path) => shell.local(path))
      : remoteTree(shell.client, { timeout: PATIENCE, signal: AbortSignal.timeout(PATIENCE) });
  const place = side === 'local' ? folder || '.' : shell.remote(folder);
  try {
    const entries = await tree.list(place);
    const fitting = entries.filter(
      ({ name }) => name.startsWith(start) && (start !== '' || !name.startsWith('.')) && shown(name) === name,
    );
    // A link may lead to a folder: with one candidate it is worth the question.
    const [only] = fitting;
    if (fitting.length === 1 && only?.folder === null) {
      const kind = await tree.kind(side === 'local' ? folder + only.name : shell.remote(folder + only.name));
      return [{ path: folder + only.name, folder: kind === 'folder' }];
    }
    return fitting
      .map(({ name, folder: isFolder }) => ({ path: folder + name, folder: isFolder === true }))
      .sort((a, b) => byName(a.path, b.path));
  } catch (error) {
    // Completion is a courtesy; what is wrong with the connection is told by the next command.
    if (error instanceof SSHError || (error as Error).name === 'TimeoutError') return [];
    throw error;
  }
}
