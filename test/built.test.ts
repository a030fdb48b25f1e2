// What `npm run build` makes: few modules to load, and in the core none that needs Node. It reads dist/, which `npm test` builds first.

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { exports: subpaths } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  exports: Record<string, { types: string; default: string } | string>;
};

/** What a module loads with itself: files of dist/, and by their names what is elsewhere. */
function loaded(file: string): { files: Set<string>; others: Set<string> } {
  const files = new Set<string>();
  const others = new Set<string>();
  const visit = (path: string) => {
    if (files.has(path)) return;
    files.add(path);
    for (const [, name = ''] of readFileSync(path, 'utf8').matchAll(
      /^(?:import|export)\b(?:[^;"']*?\bfrom)?\s*["']([^"']+)["']/gm,
    )) {
      if (name.startsWith('.')) visit(resolve(dirname(path), name));
      else others.add(name);
    }
  };
  visit(join(root, file));
  return { files, others };
}

describe('the build', () => {
  it('has the code and the declarations of every subpath', () => {
    for (const entry of Object.values(subpaths)) {
      const paths = typeof entry === 'string' ? [entry] : [entry.types, entry.default];
      for (const path of paths) expect(existsSync(join(root, path)), path).toBe(true);
    }
  });

  it('loads few files for those who connect and serve', () => {
    const { files, others } = loaded('dist/index.js');
    expect(files.size).toBeLessThanOrEqual(40);
    // The search above works.
    expect(files.size).toBeGreaterThan(20);
    expect(others).toContain('node:net');
  });

  it('has a core that runs without Node', () => {
    const { files, others } = loaded('dist/core.js');
    expect(files.size).toBeGreaterThan(5);
    expect([...others].filter((name) => name.startsWith('node:'))).toEqual([]);
  });

  it('keeps its names, and leads to its sources', () => {
    const { files } = loaded('dist/core.js');
    // A file of nothing but re-exports has no map.
    const mapped = [...files].filter((path) => existsSync(`${path}.map`));
    expect(mapped.length).toBeGreaterThan(5);
    for (const path of mapped) {
      const { sources } = JSON.parse(readFileSync(`${path}.map`, 'utf8')) as { sources: string[] };
      for (const source of sources) expect(existsSync(resolve(dirname(path), source)), source).toBe(true);
    }
    expect([...files].some((path) => readFileSync(path, 'utf8').includes('Engine = class'))).toBe(true);
  });
});
