// Races that are really run: another process swaps a folder and a file for symbolic links to the outside and back, as fast as it
// can, while the file system is asked to work on them 20,000 times and more. No answer may come from outside, and nothing outside
// may change. On Linux only: elsewhere the file system says that it can't promise this.
import { type ChildProcess, spawn } from 'node:child_process';
import {
  constants,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { SFTPAttributes } from '../../src/sftp/protocol/attributes.ts';
import { FolderFileSystem } from '../../src/sftp/server/folder.ts';
import type { SFTPHandle } from '../../src/sftp/server/handle.ts';
import { ServerInterface } from '../../src/transport/server-interface.ts';

const { O_APPEND, O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } = constants;
const OPERATIONS = 20_000;
/** Requests of a session that are served side by side. */
const TOGETHER = 16;
const SECRET = 'SECRET';
const SECRET_TIME = 1_111_111_111;

/**
 * Runs in a process of its own. `d` is a folder, then a link to one outside; `p/q` is in `p`, then in the root, for paths with
 * `..`; `f` is a file, then a link to one outside, without a moment in between; `l` is a link to the inside, then one to the
 * outside. Whatever the file system has changed meanwhile is put right where the next swap needs it.
 */
const SWAPPER = `
const fs = require('node:fs');
const [root, outside] = process.argv.slice(1);
const attempt = (work) => { try { work(); } catch {} };
process.chdir(root);
const parent = process.ppid;
for (let turn = 0; ; turn++) {
  attempt(() => fs.renameSync('d', 'd-real'));
  attempt(() => fs.symlinkSync(outside, 'd'));
  attempt(() => fs.unlinkSync('d'));
  attempt(() => fs.renameSync('d-real', 'd'));
  for (const target of [outside + '/secret', null, 'other']) {
    attempt(() => fs.unlinkSync('spare'));
    attempt(() => target === null ? fs.writeFileSync('spare', 'inside', { flag: 'wx' }) : fs.symlinkSync(target, 'spare'));
    attempt(() => fs.renameSync('spare', target === 'other' ? 'l' : 'f'));
  }
  attempt(() => fs.symlinkSync(outside, 'spare'));
  attempt(() => fs.renameSync('spare', 'l'));
  attempt(() => fs.renameSync('p/q', 'q'));
  attempt(() => fs.renameSync('q', 'p/q'));
  if (turn % 50 === 0) {
    // Whoever started this is gone.
    if (process.ppid !== parent) process.exit();
    attempt(() => fs.mkdirSync('d'));
    attempt(() => fs.mkdirSync('d/sub'));
    attempt(() => fs.mkdirSync('p/q', { recursive: true }));
    attempt(() => fs.mkdirSync('other'));
    attempt(() => fs.writeFileSync('d/secret', 'inside', { flag: 'wx' }));
    attempt(() => fs.writeFileSync('p/secret', 'inside', { flag: 'wx' }));
    attempt(() => fs.writeFileSync('other/secret', 'inside', { flag: 'wx' }));
  }
  if (turn === 1) process.stdout.write('swapping');
}`;

const undo: (() => void)[] = [];
afterEach(() => {
  for (const action of undo.splice(0).reverse()) action();
});

function attributes(values: Partial<SFTPAttributes> = {}): SFTPAttributes {
  return Object.assign(new SFTPAttributes(), values);
}

interface Arena {
  /** The folder that `root` and `outside` are in, with secrets in it as well. */
  readonly base: string;
  readonly root: string;
  readonly outside: string;
}

function makeArena(): Arena {
  const base = mkdtempSync(join(realpathSync(tmpdir()), 'amiko-race-'));
  undo.push(() => rmSync(base, { recursive: true, force: true }));
  const [root, outside] = [join(base, 'root'), join(base, 'outside')];
  mkdirSync(root);
  mkdirSync(join(outside, 'sub'), { recursive: true });
  const secrets = ['secret', 'f', 'new', 'outside/secret', 'outside/new', 'outside/sub/secret'];
  for (const path of secrets) writeFileSync(join(base, path), SECRET);
  for (const path of [...secrets, 'outside/sub', 'outside']) utimesSync(join(base, path), 1, SECRET_TIME);
  for (const folder of ['d', 'd/sub', 'p/q', 'other']) mkdirSync(join(root, folder), { recursive: true });
  for (const file of ['d/secret', 'd/sub/secret', 'p/secret', 'other/secret', 'f']) writeFileSync(join(root, file), 'inside');
  return { base, root, outside };
}

/** Started, and at work when this resolves. */
async function startSwapper({ root, outside }: Arena): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['-e', SWAPPER, root, outside], { stdio: ['ignore', 'pipe', 'inherit'] });
  undo.push(() => child.kill('SIGKILL'));
  await new Promise((resolve, reject) => {
    child.stdout.once('data', resolve);
    child.once('error', reject);
  });
  return child;
}

async function stop(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
}

/** All that a change outside of the root would change. */
function stateOutside({ base }: Arena): string {
  const names = readdirSync(base, { recursive: true }).map(String);
  return JSON.stringify(
    names
      .filter((name) => name.split('/')[0] !== 'root')
      .sort()
      .map((name) => {
        const stats = lstatSync(join(base, name), { bigint: true });
        const { ino, mode, uid, gid, nlink, size, mtimeNs, ctimeNs } = stats;
        const content = stats.isFile() ? readFileSync(join(base, name), 'utf8') : '';
        return [name, ...[ino, mode, uid, gid, nlink, size, mtimeNs, ctimeNs].map(String), content];
      }),
  );
}

/** What has been seen. */
class Sightings {
  readonly secrets: string[] = [];
  readonly worked = new Map<string, number>();
  readonly refused = new Map<string, number>();

  content(path: string, text: string): void {
    if (text.includes('SECR')) this.secrets.push(`content of ${path}`);
  }

  attributes(path: string, { stMtime }: SFTPAttributes): void {
    if (stMtime === SECRET_TIME) this.secrets.push(`attributes of ${path}`);
  }
}

const PATHS = ['/d/secret', '/f', '/l/secret', '/p/q/../secret', '/d/sub/../secret', '/d/sub/secret', '/p/q/../../f', '/d/new'];
const FOLDERS = ['/d', '/l', '/p/q/..', '/d/sub/..', '/d/sub'];

async function withHandle(files: FolderFileSystem, path: string, flags: number, use: (handle: SFTPHandle) => Promise<void>) {
  const handle = await files.open(path, flags, attributes());
  try {
    await use(handle);
  } finally {
    await handle.close();
  }
}

type Attempt = (files: FolderFileSystem, seen: Sightings, path: string, folder: string) => Promise<unknown>;

const read: Attempt = (files, seen, path) =>
  withHandle(files, path, O_RDONLY, async (handle) => {
    const target = Buffer.alloc(20);
    const count = (await handle.readInto?.(target, 0)) ?? 0;
    seen.content(path, target.toString('utf8', 0, count));
  });

/** Weighted: what the server would be asked most, most often. */
const ATTEMPTS: readonly (readonly [name: string, attempt: Attempt])[] = [
  ['read', read],
  ['read', read],
  ['read', read],
  ['stat', async (files, seen, path) => seen.attributes(path, await files.stat(path))],
  [
    'list',
    async (files, seen, _path, folder) => {
      for await (const entry of await files.listFolder(folder)) seen.attributes(`${folder}/${entry.filename}`, entry);
    },
  ],
  ['write', (files, _seen, path) => withHandle(files, path, O_WRONLY | O_CREAT | O_TRUNC, (handle) => write(handle))],
  ['write', (files, _seen, path) => withHandle(files, path, O_RDWR, (handle) => write(handle))],
  ['append', (files, _seen, path) => withHandle(files, path, O_WRONLY | O_APPEND, (handle) => write(handle))],
  [
    'create',
    (files, _seen, _path, folder) => withHandle(files, `${folder}/made`, O_WRONLY | O_CREAT | O_EXCL, (handle) => write(handle)),
  ],
  ['remove', (files, _seen, _path, folder) => files.remove(`${folder}/made`)],
  ['remove', (files, _seen, _path, folder) => files.remove(`${folder}/new`)],
  ['truncate', (files, _seen, path) => files.chattr(path, attributes({ stSize: 3 }))],
  ['chmod', (files, _seen, path) => files.chattr(path, attributes({ stMode: 0o644 }))],
  ['utimes', (files, _seen, path) => files.chattr(path, attributes({ stMtime: 5, stAtime: 5 }))],
  ['lutimes', (files, _seen, path) => files.lchattr(path, attributes({ stMtime: 5, stAtime: 5 }))],
  ['mkdir', (files, _seen, _path, folder) => files.mkdir(`${folder}/folder`, attributes())],
  ['rmdir', (files, _seen, _path, folder) => files.rmdir(`${folder}/folder`)],
  ['rename', (files, _seen, _path, folder) => files.rename(`${folder}/made`, `${folder}/new`)],
  ['posixRename', (files, _seen, path, folder) => files.posixRename(path, `${folder}/secret`)],
  ['link', (files, _seen, path, folder) => files.link(path, `${folder}/made`)],
  ['symlink', (files, _seen, _path, folder) => files.symlink('/nowhere', `${folder}/made`)],
];

async function write(handle: SFTPHandle): Promise<void> {
  await handle.write(0, Buffer.from('inside'));
}

async function race(files: FolderFileSystem): Promise<Sightings> {
  const seen = new Sightings();
  let left = OPERATIONS;
  const one = async (): Promise<void> => {
    for (; left > 0; left--) {
      // In turns, so that every attempt meets every path.
      const [name, attempt] = ATTEMPTS[left % ATTEMPTS.length] as (typeof ATTEMPTS)[number];
      const path = PATHS[Math.floor(left / ATTEMPTS.length) % PATHS.length] as string;
      const folder = FOLDERS[Math.floor(left / ATTEMPTS.length) % FOLDERS.length] as string;
      try {
        await attempt(files, seen, path, folder);
        seen.worked.set(name, (seen.worked.get(name) ?? 0) + 1);
      } catch (error) {
        const { code } = error as { code?: string };
        if (code === undefined || !/^E[A-Z]+$/.test(code)) throw error;
        seen.refused.set(code, (seen.refused.get(code) ?? 0) + 1);
      }
    }
  };
  await Promise.all(Array.from({ length: TOGETHER }, one));
  return seen;
}

describe.runIf(process.platform === 'linux')('a folder that somebody swaps for a link to the outside', () => {
  it('is never left, and nothing outside is changed', async () => {
    const arena = makeArena();
    const files = new FolderFileSystem(new ServerInterface(), arena.root, { readOnly: false });
    undo.push(() => files.sessionEnded());
    const before = stateOutside(arena);
    const swapper = await startSwapper(arena);
    const seen = await race(files);
    expect(swapper.exitCode).toBeNull();
    await stop(swapper);
    expect(seen.secrets).toEqual([]);
    expect(stateOutside(arena)).toBe(before);
    // Both states have been met, by every operation.
    expect([...seen.worked.keys()].sort()).toEqual([...new Set(ATTEMPTS.map(([name]) => name))].sort());
    expect(seen.worked.get('read')).toBeGreaterThan(50);
    expect(seen.refused.get('ENOENT')).toBeGreaterThan(50);
  }, 120_000);
});
