// Patterns over a tree of names. What a single pattern fits is tested with the library's glob.
import { describe, expect, it } from 'vitest';
import { type GlobTree, glob, hasMagic } from '../../../../src/cli/transfer/glob.ts';

describe('a pattern', () => {
  it.each([
    ['a', false],
    ['a*', true],
    ['a\\*', false],
    ['a\\\\*', true],
    ['[', true],
    ['{a,b}', true],
    ['\\{a,b}', false],
  ])('%s has magic: %s', (pattern, expected) => {
    expect(hasMagic(pattern)).toBe(expected);
  });
});

/** Folders end with a slash, links to folders with an @. */
function treeOf(...paths: string[]): GlobTree {
  const clean = (path: string) => path.replace(/^\.?\/+/, '').replace(/\/+/g, '/');
  return {
    async list(folder) {
      const prefix = folder === '.' ? '' : clean(folder).replace(/\/$/, '');
      const start = prefix === '' ? '' : `${prefix}/`;
      return paths
        .filter((path) => path.startsWith(start) && /^[^/]+[/@]?$/.test(path.slice(start.length)))
        .map((path) => ({
          name: path.slice(start.length).replace(/[/@]$/, ''),
          folder: path.endsWith('@') ? null : path.endsWith('/'),
        }));
    },
    async kind(path) {
      const name = clean(path).replace(/\/$/, '');
      if (paths.includes(name)) return 'other';
      return paths.includes(`${name}/`) || paths.includes(`${name}@`) ? 'folder' : null;
    },
  };
}

describe('over a tree', () => {
  const tree = treeOf('b.txt', 'a.txt', '.hidden', 'dir/', 'dir/x', 'dir/sub/', 'dir/sub/x', 'link@', 'link/x', 'we*ird');
  it.each([
    ['*', ['a.txt', 'b.txt', 'dir', 'link', 'we*ird']],
    ['.*', ['.hidden']],
    ['*.txt', ['a.txt', 'b.txt']],
    ['{b,a}.txt', ['b.txt', 'a.txt']],
    ['{a,*}.txt', ['a.txt', 'b.txt']],
    ['*/x', ['dir/x', 'link/x']],
    ['dir/*/x', ['dir/sub/x']],
    ['d*/s*/*', ['dir/sub/x']],
    ['a.txt', ['a.txt']],
    ['**', ['a.txt', 'b.txt', 'dir', 'link', 'we*ird']],
    ['**/x', ['dir/x', 'link/x']],
    ['nothing', []],
    ['nothing/*', []],
    ['a.txt/*', []],
    ['we\\*ird', ['we*ird']],
    ['/d*', ['/dir']],
    ['/dir/s*', ['/dir/sub']],
    ['dir/', ['dir/']],
  ])('%s finds %j', async (pattern, expected) => {
    expect(await glob(pattern, tree)).toEqual(expected);
  });

  it('never climbs, even where a server lists . and ..', async () => {
    const climbing: GlobTree = {
      list: async () => ['.', '..', '.a'].map((name) => ({ name, folder: true })),
      kind: async () => 'folder',
    };
    expect(await glob('.*', climbing)).toEqual(['.a']);
  });
});
