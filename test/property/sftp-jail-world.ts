// Random trees of folders, files and symbolic links beside files that nobody may reach, random paths into them, and an oracle of
// its own for where a path leads: plain paths and lstat, written without a look at the jail.
import {
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  type Stats,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Dice } from '../support/seeded-crypto.ts';

/** In every file and link outside, and in nothing inside. */
export const SECRET = 'SECRET';
/** What everything outside was last changed at, in seconds, and nothing inside. */
export const SECRET_TIME = 1_111_111_111;

const NAMES = ['a', 'b', 'c', 'd', 'é', '...', ' ', '-r', 'x\\y', '__proto__', 'outside', 'root', 'secret-dir'];

export interface JailWorld {
  readonly base: string;
  readonly root: string;
  /** The folders that must not be reached: one beside the root, and one whose name begins as the root's does. */
  readonly outside: readonly string[];
}

export function makeJailWorld(): JailWorld {
  const base = mkdtempSync(join(realpathSync(tmpdir()), 'amiko-jail-'));
  const outside = [join(base, 'outside'), join(base, 'root2')];
  for (const folder of outside) {
    mkdirSync(join(folder, 'secret-dir'), { recursive: true });
    for (const file of ['secret', 'secret-dir/secret-2']) writeFileSync(join(folder, file), `${SECRET} ${file}`);
    symlinkSync(`${SECRET}-target`, join(folder, 'secret-link'));
    linkSync(join(folder, 'secret'), join(folder, 'secret-hard'));
    for (const path of ['secret', 'secret-dir/secret-2', 'secret-dir', '.']) utimesSync(join(folder, path), 1, SECRET_TIME);
  }
  return { base, root: join(base, 'root'), outside };
}

export function removeJailWorld({ base }: JailWorld): void {
  rmSync(base, { recursive: true, force: true });
}

/** All that a change outside would change, the time of the last change of anything included. */
export function stateOutside({ outside }: JailWorld): string {
  return JSON.stringify(
    outside.flatMap((folder) =>
      ['.', ...readdirSync(folder, { recursive: true }).map(String)].sort().map((name) => {
        const path = join(folder, name);
        const stats = lstatSync(path, { bigint: true });
        const { ino, mode, uid, gid, nlink, size, mtimeNs, ctimeNs } = stats;
        const content = stats.isFile() ? readFileSync(path, 'latin1') : stats.isSymbolicLink() ? readlinkSync(path) : '';
        return [path, ...[ino, mode, uid, gid, nlink, size, mtimeNs, ctimeNs].map(String), content];
      }),
    ),
  );
}

/** The inodes of everything outside. */
export function inodesOutside({ outside }: JailWorld): Set<bigint> {
  const paths = outside.flatMap((folder) => [
    folder,
    ...readdirSync(folder, { recursive: true }).map((name) => join(folder, `${name}`)),
  ]);
  return new Set(paths.map((path) => lstatSync(path, { bigint: true }).ino));
}

/** Replaces the tree below the root by a new one. The paths in it, as a client would name them. */
export function plantTree({ root, base, outside }: JailWorld, dice: Dice): string[] {
  rmSync(root, { recursive: true, force: true });
  mkdirSync(root);
  const folders = [''];
  const planted: string[] = [];
  for (let count = 30 + dice.below(50); count > 0; count--) {
    const path = `${dice.pick(folders)}/${dice.pick(NAMES)}`;
    const real = root + path;
    try {
      const kind = dice.below(10);
      if (kind < 3 || planted.length < 3) {
        mkdirSync(real);
        if (path.split('/').length < 6) folders.push(path);
      } else if (kind < 7) {
        writeFileSync(real, `inside ${path}`, { flag: 'wx' });
      } else {
        symlinkSync(linkTarget(dice, planted, { root, base, outside }), real);
      }
      planted.push(path);
    } catch {
      // The name was taken.
    }
  }
  return planted;
}

function linkTarget(dice: Dice, planted: readonly string[], { root, base, outside }: JailWorld): string {
  const known = planted.length === 0 ? '/a' : dice.pick(planted);
  const up = '../'.repeat(1 + dice.below(7));
  const away = dice.pick(outside);
  switch (dice.below(16)) {
    case 0:
      return dice.pick(NAMES);
    case 1:
      return known;
    case 2:
      return up + known.slice(1);
    case 3:
      return root + known;
    case 4:
      return away;
    case 5:
      return `${away}/secret`;
    case 6:
      return `${up}${away.slice(base.length + 1)}`;
    case 7:
      return `${up}${away.slice(base.length + 1)}/secret`;
    case 8:
      return `${up}${away.slice(1)}/secret-dir`;
    case 9:
      return `/proc/self/root${away}`;
    case 10:
      return dice.pick(['.', '..', './', '../..', '/', '//', '/..', './/./a/.']);
    case 11:
      return `${known}/${up}${dice.pick(NAMES)}`;
    case 12:
      return `${away}/../root${known}`;
    case 13:
      return `${known}/`;
    case 14:
      return dice.pick([
        '/proc/self/cwd',
        '/proc/self/fd',
        '/dev/fd/3',
        '/proc/thread-self/root',
        `/proc/${process.pid}/root${away}`,
      ]);
    default:
      return `${dice.pick(NAMES)}/${dice.pick(NAMES)}`;
  }
}

/** A path that a client could send: half of them such as lead somewhere, half such as try to lead out. */
export function randomPath(dice: Dice, planted: readonly string[], { root, base, outside }: JailWorld): string {
  const away = dice.pick(outside);
  const name = away.slice(base.length + 1);
  const known = dice.pick(planted);
  switch (dice.below(20)) {
    case 0:
      return `${away}${dice.pick(['', '/', '/secret', '/secret-dir', '/new'])}`;
    case 1:
      return `${'../'.repeat(1 + dice.below(8))}${name}/secret`;
    case 2:
      return root + known;
    case 3:
      return `${known}/${'../'.repeat(1 + dice.below(8))}${name}/secret`;
    case 4:
      return `/proc/self/root${away}/secret`;
    case 5:
    case 6:
      return randomNames(dice);
    case 7:
      return `${known}${randomNames(dice)}`;
    case 8:
    case 9:
      return `${known}/${dice.pick(['secret', 'secret-dir', 'secret-hard', 'secret-link', 'secret-dir/secret-2', 'new'])}`;
    case 10:
      return `${known}/..${dice.pick(planted)}`;
    case 11:
      return `${known}/${dice.pick(['', '.', '..', '../', './/', '../.', ...NAMES])}`;
    case 12:
    case 13:
    case 14:
      return `${dice.pick(['', dice.pick(planted)])}/made${dice.below(20)}`;
    default:
      return known;
  }
}

function randomNames(dice: Dice): string {
  let path = dice.once(3) ? '' : '/';
  for (let count = 1 + dice.below(7); count > 0; count--) path += `${dice.pick([...NAMES, '..', '..', '.', ''])}/`;
  return dice.once(2) ? path : path.slice(0, -1);
}

/** Where a path leads below the root as after chroot(2), links followed. Undefined where it can't be walked to its end. */
export function oracle(root: string, path: string): { readonly path: string; readonly stats: Stats | undefined } | undefined {
  let links = 0;
  // What remains to be walked below a folder that is given by its names.
  const walk = (folder: readonly string[], rest: string): readonly string[] | undefined => {
    const from = rest.startsWith('/') ? [] : folder;
    const [, first = '', slashes = '', below = ''] = /^\/*([^/]*)(\/*)(.*)$/s.exec(rest) ?? [];
    // A slash at the end is as good as a dot after it.
    const after = slashes !== '' && below === '' ? '.' : below;
    if (first === '') return from;
    const stats = lstatSync(root + asPath(from), { throwIfNoEntry: false });
    if (!stats?.isDirectory()) return undefined;
    if (first === '.') return after === '' ? from : walk(from, after);
    if (first === '..') return after === '' ? from.slice(0, -1) : walk(from.slice(0, -1), after);
    const here = [...from, first];
    const found = lstatSync(root + asPath(here), { throwIfNoEntry: false });
    if (found?.isSymbolicLink()) {
      if (++links > 40) return undefined;
      const target = walk(from, readlinkSync(root + asPath(here)));
      return target === undefined || after === '' ? target : walk(target, after);
    }
    if (after === '') return here;
    return found?.isDirectory() ? walk(here, after) : undefined;
  };
  const names = walk([], path);
  if (names === undefined) return undefined;
  return { path: asPath(names) || '/', stats: lstatSync(root + asPath(names), { throwIfNoEntry: false }) };
}

function asPath(names: readonly string[]): string {
  return names.map((name) => `/${name}`).join('');
}
