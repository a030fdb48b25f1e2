// The layers of src/, the rules of the core and the state of the dependencies, checked without any tool of their own.
// docs/architecture.md explains why; this file makes sure that it stays true.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const SRC = join(ROOT, 'src');

/**
 * The layer of each folder: a file may import from its own folder and from lower layers. Folders of one layer do not know
 * each other (kex, auth and connection meet only in engine). The deepest folder that is listed counts.
 */
const LAYERS: Readonly<Record<string, number>> = {
  bytes: 0,
  wire: 1,
  // Interfaces only; the implementations below are chosen by the composition root.
  crypto: 1,
  keys: 2,
  packet: 2,
  flow: 2,
  kex: 3,
  auth: 3,
  connection: 3,
  algorithms: 4,
  engine: 4.5,
  // What needs Node: above the core, so that the core cannot reach it.
  memory: 4.9,
  'crypto/node': 5,
  io: 5,
  // Kerberos over the system's library.
  gssapi: 5,
  // Key files and key derivation, over Node's crypto.
  'keys/node': 5.5,
  // Packets of SFTP: bytes in, values out.
  'sftp/protocol': 2,
  // The client knows a channel by its shape only, so that Transport.openSftpClient can load it.
  sftp: 5.5,
  // Agents, as a client and as a server of keys.
  agent: 5.8,
  transport: 6,
  // ssh_config: files in, options out; knows no connection.
  config: 6.5,
  forward: 7,
  'sftp/server': 7,
  server: 7.5,
  client: 7.5,
  // The files of src/ itself are the entry points of the package.
  '': 8,
  cli: 8.5,
  demo: 8.5,
};

/** Folders that may import less than their layer allows. */
const ONLY: Readonly<Record<string, readonly string[]>> = { 'crypto/node': ['crypto/node', 'crypto', 'bytes', 'memory'] };

/** Folders that may import `node:` modules. */
const NODE = [
  'crypto/node',
  'keys/node',
  'io',
  'agent',
  'sftp',
  'transport',
  'config',
  'forward',
  'sftp/server',
  'server',
  'client',
  'cli',
  'demo',
];

/** Folders without I/O, time, chance or promises: they get bytes and numbers and give bytes and events. */
const CORE = ['bytes', 'wire', 'packet', 'flow', 'kex', 'auth', 'connection', 'algorithms', 'engine', 'keys', 'sftp/protocol'];

const FORBIDDEN_IN_CORE: readonly RegExp[] = [
  /\basync\s/,
  /\bawait\b/,
  // PromiseLike is another word: the core may describe one, it may not make one.
  /\bPromise\b/,
  /\bDate\s*\.\s*now\b/,
  /\bperformance\s*\.\s*now\b/,
  /\bMath\s*\.\s*random\b/,
  /\bsetTimeout\b/,
  /\bsetInterval\b/,
  /\bBuffer\b/,
];

interface Import {
  readonly specifier: string;
  readonly typeOnly: boolean;
  /** By `import()`, so only when the code around it runs. */
  readonly dynamic: boolean;
}

interface Source {
  /** Relative to src/, with slashes. */
  readonly path: string;
  /** A key of LAYERS, or undefined when the table does not know the folder. */
  readonly folder: string | undefined;
  /** Without comments and without what is in strings, templates and regular expressions. Same length and lines. */
  readonly bare: string;
  readonly imports: readonly Import[];
}

const sources: readonly Source[] = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .map((path) => path.replaceAll('\\', '/'))
  .filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))
  .sort()
  .map((path) => {
    const { code, bare } = strip(readFileSync(join(SRC, path), 'utf8'));
    return { path, folder: folderOf(path), bare, imports: importsOf(code, bare) };
  });
const byPath = new Map(sources.map((source) => [source.path, source]));

describe('the layers', () => {
  it('cover every folder', () => {
    expect(sources.length).toBeGreaterThan(0);
    expect(sources.filter((source) => source.folder === undefined).map((source) => source.path)).toEqual([]);
  });

  it('import only downwards', () => {
    expect(sources.flatMap((source) => source.imports.map((each) => objection(source, each)).filter(Boolean))).toEqual([]);
  });

  it('have no import cycle', () => {
    expect(cycles()).toEqual([]);
  });

  it('load the reader of ssh_config only for those who want it', () => {
    expect(loadedBy('config.ts')).toContain('config/ssh-config.ts');
    const reader = (path: string): boolean => path.startsWith('config/') || path.startsWith('client/configured');
    expect(loadedBy('index.ts').filter(reader)).toEqual([]);
  });

  it('use node: only where Node is meant', () => {
    const wrong = sources.flatMap((source) =>
      source.imports
        .filter(({ specifier }) => specifier.startsWith('node:') && !NODE.includes(source.folder ?? ''))
        .map(({ specifier }) => `${source.path} imports ${specifier}`),
    );
    expect(wrong).toEqual([]);
  });
});

describe('the core', () => {
  it('has no promises, clock, chance, timers or Node globals', () => {
    const wrong = sources
      .filter((source) => CORE.includes(source.folder ?? ''))
      .flatMap((source) =>
        FORBIDDEN_IN_CORE.flatMap((pattern) => {
          const match = pattern.exec(source.bare);
          return match === null ? [] : [`${source.path}:${lineOf(source.bare, match.index)} ${match[0].trim()}`];
        }),
      );
    expect(wrong).toEqual([]);
  });
});

describe('every module', () => {
  it('is free of top-level await, which would break require()', () => {
    const wrong = sources.flatMap(({ path, bare }) => topLevelAwaits(bare).map((index) => `${path}:${lineOf(bare, index)}`));
    expect(wrong).toEqual([]);
  });
});

describe('the dependencies', () => {
  const manifest = readJson('package.json') as Record<string, Record<string, string> | undefined>;

  it('are pinned to exact versions', () => {
    const all = Object.entries({ ...manifest['dependencies'], ...manifest['devDependencies'] });
    expect(all.filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))).toEqual([]);
  });

  it('run no scripts when they are installed', () => {
    const { packages } = readJson('package-lock.json') as { packages: Record<string, { hasInstallScript?: boolean }> };
    const scripted = Object.entries(packages).filter(([, entry]) => entry.hasInstallScript === true);
    expect(scripted.map(([name]) => name)).toEqual([]);
  });

  const document = join(ROOT, 'docs', 'architecture.md');
  it.skipIf(!existsSync(document))('are all justified in docs/architecture.md', () => {
    const text = readFileSync(document, 'utf8');
    expect(Object.keys(manifest['dependencies'] ?? {}).filter((name) => !text.includes(name))).toEqual([]);
  });
});

describe('this test', () => {
  it('sees through comments, strings, templates and regular expressions', () => {
    const { bare } = strip(
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the text of a template
      "a // await\n/* await */ 'await' \"await\" `await ${b + `await ${c}`} await` = /await[/]'/g; d / e / await;",
    );
    expect(bare.replace(/\s+/g, ' ')).toMatch(/^a ' ' " " ` \$\{b \+ ` \$\{c\}`\} ` = \/ \/g; d \/ e \/ await;$/);
  });

  it('finds imports of every kind', () => {
    const { code, bare } = strip(
      "import a, { type b } from './a.ts'; import type { c } from './c.ts';\nexport * from './d.ts'; import './e.ts';\n" +
        "export type {\n f } from './f.ts'; const g = import('./g.ts'); // import './no.ts'\nconst h = \"import './no.ts'\";",
    );
    const names = ({ specifier, typeOnly, dynamic }: Import): string =>
      `${specifier}${typeOnly ? ' type' : ''}${dynamic ? ' later' : ''}`;
    const expected = ['./a.ts', './c.ts type', './d.ts', './e.ts', './f.ts type', './g.ts later'];
    expect(importsOf(code, bare).map(names)).toEqual(expected);
  });

  it('tells a top-level await from another', () => {
    const count = (text: string): number => topLevelAwaits(strip(text).bare).length;
    expect(count('const a = await b;')).toBe(1);
    expect(count('if (a) { for (const b of c) { await b; } } else { await d; }')).toBe(2);
    expect(count('for await (const a of b) {}')).toBe(1);
    expect(count('async function a(): Promise<void> { if (b) { await c; } } const d = async () => { await e; };')).toBe(0);
    expect(count('class A { async b() { await c; } } const d = { async e() { await f; } }; const g = async () => await h;')).toBe(
      0,
    );
  });
});

function readJson(name: string): unknown {
  return JSON.parse(readFileSync(join(ROOT, name), 'utf8'));
}

function lineOf(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}

function folderOf(path: string): string | undefined {
  for (let folder = posixDirname(path); ; folder = posixDirname(folder)) {
    // The entry points are the files of src/ itself, not those of a folder that the table lacks.
    if (folder === '') return path.includes('/') ? undefined : '';
    if (folder in LAYERS) return folder;
  }
}

function posixDirname(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '' : path.slice(0, slash);
}

/** The file that a relative import leads to, relative to src/; undefined for packages. */
function targetOf(source: Source, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined;
  return relative(SRC, resolve(SRC, dirname(source.path), specifier)).replaceAll('\\', '/');
}

/** What is wrong with an import, if anything. */
function objection(source: Source, { specifier }: Import): string | undefined {
  const target = targetOf(source, specifier);
  if (source.path === 'errors.ts') return `errors.ts imports ${specifier}, and must import nothing`;
  if (target === undefined || target === 'errors.ts') return undefined;
  const to = byPath.get(target)?.folder;
  const from = source.folder;
  if (to === undefined) return `${source.path} imports ${specifier}, which is not in src/ or has no layer`;
  if (from === undefined || from === to) return undefined;
  const only = ONLY[from];
  const allowed = (LAYERS[to] ?? 0) < (LAYERS[from] ?? 0) && (only === undefined || only.includes(to));
  return allowed
    ? undefined
    : `${source.path} imports ${target}: ${from || 'an entry point'} must not know ${to || 'the entry points'}`;
}

/** Cycles among imports that exist at run time, each as a path of files. */
function cycles(): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) found.push([...trail.slice(start), path].join(' -> '));
    if (start >= 0 || done.has(path)) return;
    const source = byPath.get(path);
    for (const { specifier, typeOnly } of source?.imports ?? []) {
      const target = source === undefined || typeOnly ? undefined : targetOf(source, specifier);
      if (target !== undefined) visit(target, [...trail, path]);
    }
    done.add(path);
  };
  for (const { path } of sources) visit(path, []);
  return found;
}

/** What importing a file loads at once. */
function loadedBy(entry: string): readonly string[] {
  const loaded = new Set([entry]);
  for (const path of loaded) {
    const source = byPath.get(path);
    for (const { specifier, typeOnly, dynamic } of source?.imports ?? []) {
      const target = source === undefined || typeOnly || dynamic ? undefined : targetOf(source, specifier);
      if (target !== undefined) loaded.add(target);
    }
  }
  return [...loaded];
}

/** `code` has its strings, `bare` tells where in it a keyword is a keyword. */
function importsOf(code: string, bare: string): Import[] {
  const imports: Import[] = [];
  for (const { index, 1: keyword = '' } of bare.matchAll(/(?<![.\w$])(import|export)\b(?!\s*\.)/g)) {
    const rest = code.slice(index + keyword.length);
    const match = /^(\s*\(\s*|\s+(?:type\s+)?(?:[\w$*\s,]|\{[^}'"]*\})*?\bfrom\s*|\s*)(['"])(.*?)\2/.exec(rest);
    // `export const a = 'b'` has no `from`; only `import` may stand right before a string.
    if (match === null || (keyword === 'export' && !match[1]?.includes('from'))) continue;
    const [, between = '', , specifier = ''] = match;
    imports.push({ specifier, typeOnly: /^\s+type\b(?!\s*(?:,|from\b))/.test(between), dynamic: between.includes('(') });
  }
  return imports;
}

/** Blanks comments (`code`), and the insides of strings, templates and regular expressions as well (`bare`). */
function strip(text: string): { code: string; bare: string } {
  const code = text.split('');
  const bare = text.split('');
  const blank = (target: string[], from: number, to: number): void => {
    for (let i = from; i < to; i++) if (target[i] !== '\n') target[i] = ' ';
  };
  // For each open template: how many braces are open inside its current ${...}.
  const templates: number[] = [];
  // What came last, to tell a regular expression from a division.
  let last = '';
  const endOf = (pattern: RegExp, from: number): number => {
    pattern.lastIndex = from;
    const match = pattern.exec(text);
    return match === null ? text.length : match.index + match[0].length;
  };
  const template = (from: number): number => {
    // From after the opening quote or a closing brace up to the closing quote or the next ${.
    const end = endOf(/(?:\\[\s\S]|(?!\$\{)[^`\\])*(?:`|\$\{)/y, from);
    const opens = text[end - 1] === '{';
    blank(bare, from, end - (opens ? 2 : 1));
    if (opens) templates.push(0);
    last = opens ? '{' : '`';
    return end;
  };
  for (let i = 0; i < text.length; ) {
    const character = text[i] ?? '';
    if (text.startsWith('//', i) || text.startsWith('/*', i)) {
      const end = text[i + 1] === '/' ? endOf(/[^\n]*/y, i) : endOf(/[\s\S]*?\*\//y, i);
      blank(code, i, end);
      blank(bare, i, end);
      i = end;
    } else if (character === "'" || character === '"') {
      const end = endOf(character === "'" ? /'(?:\\[\s\S]|[^'\\\n])*'?/y : /"(?:\\[\s\S]|[^"\\\n])*"?/y, i);
      blank(bare, i + 1, end - 1);
      last = character;
      i = end;
    } else if (character === '`') {
      i = template(i + 1);
    } else if (character === '}' && templates.at(-1) === 0) {
      templates.pop();
      i = template(i + 1);
    } else if (character === '/' && !/^[\w$)\]}'"`]/.test(last)) {
      const end = endOf(/\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\//y, i);
      blank(bare, i + 1, end - 1);
      last = ')';
      i = end;
    } else if (/[\w$]/.test(character)) {
      const end = endOf(/[\w$]+/y, i);
      const word = text.slice(i, end);
      // After these words an expression begins.
      last = /^(return|typeof|case|in|of|do|else|await|yield|void|delete|throw|new)$/.test(word) ? '(' : word;
      i = end;
    } else {
      const top = templates.length - 1;
      if (top >= 0 && character === '{') templates[top] = (templates[top] ?? 0) + 1;
      if (top >= 0 && character === '}') templates[top] = (templates[top] ?? 0) - 1;
      if (!/\s/.test(character)) last = character;
      i++;
    }
  }
  return { code: code.join(''), bare: bare.join('') };
}

/** Where `await` stands outside of every function. */
function topLevelAwaits(bare: string): number[] {
  const found: number[] = [];
  // For each open brace whether it is, or is inside of, the body of a function or class.
  const inside: boolean[] = [];
  const openParentheses: number[] = [];
  let lastClosed = 0;
  let statement = 0;
  for (const { 0: token, index } of bare.matchAll(/[(){};]|\bawait\b/g)) {
    if (token === '(') openParentheses.push(index);
    else if (token === ')') lastClosed = openParentheses.pop() ?? 0;
    else if (token === '{') {
      const before = bare.slice(0, index).trimEnd();
      const header = before.endsWith(')') ? bare.slice(0, lastClosed).trimEnd() : before;
      const block = before.endsWith(')')
        ? /\b(if|for|while|switch|catch|await|with)$/
        : /(^|[=([,:?{};&|]|\b(else|try|finally|do|catch))$/;
      inside.push(inside.at(-1) === true || !block.test(header));
    } else if (token === '}') inside.pop();
    else if (token === 'await' && inside.at(-1) !== true) {
      // `const f = async () => await g()` has no braces.
      if (!/\basync\b/.test(bare.slice(statement, index))) found.push(index);
    }
    if (token === ';' || token === '{' || token === '}') statement = index + 1;
  }
  return found;
}
