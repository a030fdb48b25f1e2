// Patterns of Include, as glob(7) has them: `*`, `?` and `[...]` within one part of a path, never across a slash, and never a dot at
// the beginning of a name. No RegExp is made of a pattern; a part is matched in time linear in pattern times name.

import { access, readdir } from 'node:fs/promises';

/** Most files that one pattern may bring. */
const LIMIT = 1024;

/** The paths that exist and match an absolute pattern, in the order of their bytes. */
export async function expandGlob(pattern: string): Promise<string[]> {
  let found = [''];
  const parts = pattern.split('/');
  for (const [index, part] of parts.entries()) {
    if (index === 0) continue;
    const last = index === parts.length - 1;
    const next: string[] = [];
    for (const directory of found) {
      const names = /[*?[\\]/.test(part) ? (await list(directory)).filter((name) => matches(part, name)) : [part];
      next.push(...names.map((name) => `${directory}/${name}`));
      if (next.length > LIMIT) throw new RangeError(`'${pattern.slice(0, 100)}' matches more than ${LIMIT} files`);
    }
    found = last ? await existing(next) : next;
  }
  return found;
}

async function existing(paths: readonly string[]): Promise<string[]> {
  const there = await Promise.all(paths.map((path) => access(path).then(() => true, isForbidden)));
  return paths.filter((_, index) => there[index]);
}

/** A file that cannot be looked at is there all the same, and opening it will say why it cannot be read. */
function isForbidden(error: unknown): boolean {
  return !['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');
}

async function list(directory: string): Promise<string[]> {
  try {
    const names = await readdir(directory === '' ? '/' : directory);
    return names.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  } catch {
    return [];
  }
}

/** Whether a pattern without slashes matches a name. */
export function matches(pattern: string, name: string): boolean {
  if (name.startsWith('.') && !pattern.startsWith('.')) return false;
  let p = 0;
  let n = 0;
  let star = -1;
  let mark = 0;
  while (n < name.length) {
    const end = pattern[p] === '*' ? -1 : matchOne(pattern, p, name[n] as string);
    if (end > 0) {
      p = end;
      n++;
    } else if (pattern[p] === '*') {
      star = p++;
      mark = n;
    } else if (star >= 0) {
      p = star + 1;
      n = ++mark;
    } else {
      return false;
    }
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}

/** Where the pattern goes on after one character has matched, or -1. */
function matchOne(pattern: string, at: number, character: string): number {
  const c = pattern[at];
  if (c === undefined) return -1;
  if (c === '?') return at + 1;
  if (c === '\\' && at + 1 < pattern.length) return pattern[at + 1] === character ? at + 2 : -1;
  if (c === '[') {
    const negated = pattern[at + 1] === '!' || pattern[at + 1] === '^';
    const first = at + (negated ? 2 : 1);
    const close = pattern.indexOf(']', first + 1);
    if (close >= 0) return inSet(pattern.slice(first, close), character) === negated ? -1 : close + 1;
  }
  return c === character ? at + 1 : -1;
}

function inSet(set: string, character: string): boolean {
  for (let i = 0; i < set.length; i++) {
    const high = set[i + 1] === '-' ? set[i + 2] : undefined;
    if (high === undefined ? set[i] === character : (set[i] as string) <= character && character <= high) return true;
    if (high !== undefined) i += 2;
  }
  return false;
}
