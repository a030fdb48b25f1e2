// Glob patterns over any tree of names: the server's files and ours are matched by the same rules, those of the library's own glob
// (`glob-pattern.ts`), but for `**`: sftp(1) and scp(1) do not know it, and to them it is a star. `.` and `..` never fit: `rm .*` must
// not climb.

import { matches, parseGlob, type Segment } from '../../sftp/client/glob-pattern.ts';

/** The tree in which names are looked for. */
export interface GlobTree {
  /** The entries of a folder; empty where it is none, or cannot be read. */
  list(folder: string): Promise<readonly GlobEntry[]>;
  /** What a path leads to, links followed; null where there is nothing. */
  kind(path: string): Promise<'folder' | 'other' | null>;
}

export interface GlobEntry {
  readonly name: string;
  /** Whether it is a folder; null for a link, which may lead to one. */
  readonly folder: boolean | null;
}

/** Whether there is anything in it that is more than a name. */
export function hasMagic(pattern: string): boolean {
  return /[*?[{]/.test(pattern.replace(/\\./gsu, ''));
}

/** The paths that fit, in the order of their names; relative where the pattern is. Empty where none does. @throws UsageError */
export async function glob(pattern: string, tree: GlobTree): Promise<string[]> {
  const found = new Set<string>();
  for (const segments of parseGlob(pattern)) {
    const paths = await walk(segments, tree);
    for (const path of paths.sort(byName)) found.add(path);
  }
  return [...found];
}

export function byName(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

async function walk(segments: readonly Segment[], tree: GlobTree): Promise<string[]> {
  let paths = [''];
  for (const [index, segment] of segments.entries()) {
    const last = index === segments.length - 1;
    const found: string[] = [];
    for (const path of paths) {
      if (segment.kind === 'name') {
        const next = path + segment.name;
        if (!last) found.push(`${next}/`);
        else if ((await tree.kind(next)) !== null) found.push(next);
        continue;
      }
      for (const { name, folder } of await tree.list(path === '' ? '.' : path)) {
        if (name === '.' || name === '..' || !fits(segment, name)) continue;
        const next = path + name;
        if (last) found.push(next);
        else if (folder ?? (await tree.kind(next)) === 'folder') found.push(`${next}/`);
      }
    }
    paths = found;
  }
  return paths;
}

function fits(segment: Exclude<Segment, { kind: 'name' }>, name: string): boolean {
  return segment.kind === 'folders' ? !name.startsWith('.') : matches(segment.tokens, name);
}
