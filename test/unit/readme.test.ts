// The README is the shop window: every TypeScript block in it, and in the guides, must compile against the sources, and its lists must
// be true.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { defaultAlgorithms, VERSION } from '../../src/index.ts';

const root = join(import.meta.dirname, '..', '..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const blocksOf = (text: string) => [...text.matchAll(/```ts\n([\s\S]*?)```/g)].map((match) => match[1] as string);
const blocks = blocksOf(readme);
const guides = readdirSync(join(root, 'docs')).map((name) => readFileSync(join(root, 'docs', name), 'utf8'));

const entries = Object.keys((JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { exports: object }).exports)
  .filter((path) => path.startsWith('./') && path !== './package.json')
  .map((path) => path.slice(2));

describe('README', () => {
  const folder = mkdtempSync(join(root, 'test', '.readme-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('has at least four TypeScript blocks, the first within the first screen', () => {
    expect(blocks.length).toBeGreaterThanOrEqual(4);
    expect(readme.slice(0, readme.indexOf('```ts')).split('\n').length).toBeLessThan(12);
    expect(readme.split('\n').length).toBeLessThan(250);
  });

  it('compiles', { timeout: 60_000 }, () => {
    const all = [...blocks, ...guides.flatMap(blocksOf)];
    expect(all.length).toBeGreaterThan(blocks.length);
    for (const [index, block] of all.entries()) writeFileSync(join(folder, `block-${index}.ts`), `${block}\nexport {};\n`);
    const source = (file: string) => [join(root, 'src', `${file}.ts`)];
    const config = {
      extends: join(root, 'tsconfig.test.json'),
      compilerOptions: {
        noEmit: true,
        noUnusedLocals: false,
        rootDir: root,
        paths: {
          amiko: source('index'),
          // Every entry point of the package, or the block would see two versions of one class.
          ...Object.fromEntries(entries.map((name) => [`amiko/${name}`, source(name)])),
        },
      },
      include: [join(folder, '*.ts'), join(root, 'src', 'globals.d.ts'), join(root, 'src', '**', '*.d.ts')],
    };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
    const { status, stdout } = spawnSync(join(root, 'node_modules', '.bin', 'tsc'), ['-p', join(folder, 'tsconfig.json')], {
      encoding: 'utf8',
    });
    expect(stdout).toBe('');
    expect(status).toBe(0);
  });

  it('names every algorithm that is offered', () => {
    const table = readme.slice(readme.indexOf('## Algorithms'));
    const named = (name: string): boolean => {
      if (table.includes(name)) return true;
      if (name.endsWith('-cert-v01@openssh.com')) {
        const key = name.slice(0, -'-cert-v01@openssh.com'.length);
        return table.includes('`-cert-v01@openssh.com`') && (named(key) || named(`${key}@openssh.com`));
      }
      // "ecdh-sha2-nistp256/384/521" stands for three, "`group16-sha512`" for the name with its prefix.
      const shortened = [
        name.replace(/nistp(384|521)/, 'nistp256/384/521'),
        name.replace(/^diffie-hellman-/, ''),
        name.replace('rsa-sha2-256', 'rsa-sha2-512/256'),
        name.replace(/^aes(128|192|256)-ctr$/, 'aes128/192/256-ctr'),
        name.replace('curve25519-sha256@libssh.org', '`@libssh.org`'),
        name.replace('sntrup761x25519-sha512@openssh.com', '(and `@openssh.com`)'),
      ];
      return shortened.some((short) => short !== name && table.includes(short));
    };
    expect(
      Object.values(defaultAlgorithms())
        .flat()
        .filter((name) => !named(name)),
    ).toEqual([]);
  });
});

describe('version', () => {
  it("is the package's", () => {
    expect(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))).toMatchObject({ version: VERSION });
  });
});
