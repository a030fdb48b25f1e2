// 100,000 random operations on random paths over random trees of links: none reads, lists, makes, changes or removes anything
// outside. What is outside is compared byte for byte and inode for inode, times of change included; what an operation reaches is
// compared with an oracle that was written apart from the jail. AMIKO_SEED repeats a run, AMIKO_RUNS makes it longer.
import { constants, fstatSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, open, readdir, readlink, stat } from 'node:fs/promises';
import { posix } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { SFTPAttributes } from '../../src/sftp/protocol/attributes.ts';
import { FolderFileSystem } from '../../src/sftp/server/folder.ts';
import { SFTPHandle } from '../../src/sftp/server/handle.ts';
import { SFTPServerInterface } from '../../src/sftp/server/interface.ts';
import { ServerInterface } from '../../src/transport/server-interface.ts';
import { runs } from '../support/runs.ts';
import { Dice } from '../support/seeded-crypto.ts';
import {
  inodesOutside,
  type JailWorld,
  makeJailWorld,
  oracle,
  plantTree,
  randomPath,
  removeJailWorld,
  SECRET,
  SECRET_TIME,
  stateOutside,
} from './sftp-jail-world.ts';

const { O_APPEND, O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } = constants;
const PATHS_PER_TREE = 200;
/** Attacks that run side by side. */
const PARTS = 5;

const worlds: JailWorld[] = [];
afterEach(() => {
  for (const world of worlds.splice(0)) removeJailWorld(world);
});

function newWorld(): JailWorld {
  const world = makeJailWorld();
  worlds.push(world);
  return world;
}

function attributes(values: Partial<SFTPAttributes>): SFTPAttributes {
  return Object.assign(new SFTPAttributes(), values);
}

/** Something from outside has been seen, or something else than the oracle says. */
class Escape extends Error {}

interface Scene {
  readonly world: JailWorld;
  readonly files: SFTPServerInterface;
  readonly inodes: ReadonlySet<bigint>;
  readonly planted: readonly string[];
  readonly dice: Dice;
}

type Operation = (scene: Scene, path: string) => Promise<unknown>;

const looks: Readonly<Record<string, Operation>> = {
  read: async ({ files, world, inodes }, path) => {
    const expected = oracle(world.root, path);
    const handle = await files.open(path, O_RDONLY, attributes({}));
    if (!(handle instanceof SFTPHandle)) throw new Error('refused');
    try {
      const inode = handle.readfile === null ? undefined : fstatSync(handle.readfile.fd, { bigint: true }).ino;
      if (inode === undefined || inodes.has(inode)) throw new Escape('an inode from outside');
      const data = await handle.read(0, 1000);
      const content = typeof data === 'number' ? '' : Buffer.from(data).toString();
      if (content.includes(SECRET)) throw new Escape('a secret');
      if (inode !== inodeAt(world, expected?.path)) throw new Escape(`${expected?.path} was to be opened, and another file was`);
    } finally {
      await handle.close();
    }
  },
  stat: async ({ files, world }, path) => {
    const expected = oracle(world.root, path);
    checkStat(await files.stat(path));
    if (expected?.stats === undefined) throw new Escape('something where there is nothing inside');
  },
  lstat: async ({ files }, path) => checkStat(await files.lstat(path)),
  list: async ({ files, world }, path) => {
    const expected = oracle(world.root, path);
    const names: string[] = [];
    for await (const entry of (await files.listFolder(path)) as AsyncIterable<SFTPAttributes>) {
      checkStat(entry);
      names.push(entry.filename ?? '');
    }
    if (expected?.stats?.isDirectory() !== true) throw new Escape('a listing of something outside');
    const inside = readdirSync(world.root + expected.path);
    if (names.sort().join('/') !== inside.sort().join('/')) throw new Escape(`not the listing of ${expected.path}`);
  },
  readlink: async ({ files }, path) => {
    if (String(await files.readlink(path)).includes(SECRET)) throw new Escape('a link from outside');
  },
  canonicalize: async ({ files, world }, path) => {
    const canonical = String(await files.canonicalize(path));
    if (!canonical.startsWith('/') || /(^|\/)\.\.?(\/|$)/.test(canonical)) throw new Escape(`no canonical path: ${canonical}`);
    const expected = oracle(world.root, path);
    if (expected !== undefined && expected.path !== canonical) throw new Escape(`${canonical} instead of ${expected.path}`);
  },
  statvfs: ({ files }, path) => Promise.resolve(files.statvfs(path)),
};

const changes: Readonly<Record<string, Operation>> = {
  write: async ({ files, dice, inodes, world }, path) => {
    const flags = dice.pick([O_WRONLY, O_RDWR]) | dice.pick([0, O_CREAT, O_CREAT | O_EXCL]) | dice.pick([0, O_TRUNC, O_APPEND]);
    const expected = flags & O_EXCL ? undefined : oracle(world.root, path);
    const handle = await files.open(path, flags, attributes({ stMode: 0o644 }));
    if (!(handle instanceof SFTPHandle)) throw new Error('refused');
    try {
      const inode = handle.writefile === null ? undefined : fstatSync(handle.writefile.fd, { bigint: true }).ino;
      if (inode === undefined || inodes.has(inode)) throw new Escape('an inode from outside');
      if (expected !== undefined && inode !== inodeAt(world, expected.path)) throw new Escape(`not ${expected.path}`);
      await handle.write(dice.below(20), Buffer.from('written'));
      if (dice.once(4)) await handle.chattr(attributes({ stMode: 0o600, stSize: dice.below(30) }));
    } finally {
      await handle.close();
    }
  },
  mkdir: ({ files }, path) => Promise.resolve(files.mkdir(path, attributes({}))),
  makeBelow: ({ files, dice }, path) => Promise.resolve(files.mkdir(`${path}/made${dice.below(5)}`, attributes({}))),
  rmdir: ({ files }, path) => Promise.resolve(files.rmdir(path)),
  remove: ({ files }, path) => Promise.resolve(files.remove(path)),
  rename: (scene, path) => Promise.resolve(scene.files.rename(...both(scene, path))),
  posixRename: (scene, path) => Promise.resolve(scene.files.posixRename(...both(scene, path))),
  link: (scene, path) => Promise.resolve(scene.files.link(...both(scene, path))),
  symlink: ({ files, dice, planted, world }, path) => Promise.resolve(files.symlink(randomPath(dice, planted, world), path)),
  chattr: ({ files, dice }, path) =>
    Promise.resolve(
      files.chattr(
        path,
        attributes(dice.pick([{ stMode: 0o755 }, { stSize: 5 }, { stMtime: 77, stAtime: 88 }, { stMode: 0o7777 }])),
      ),
    ),
  lchattr: ({ files }, path) => Promise.resolve(files.lchattr(path, attributes({ stMtime: 99, stAtime: 99 }))),
};

type Operations = readonly (readonly [name: string, operation: Operation])[];

/** Two looks for each change, or little would be left to look at. */
const everything: Operations = [...Object.entries(looks), ...Object.entries(looks), ...Object.entries(changes)];

function both({ dice, planted, world }: Scene, path: string): [string, string] {
  const other = randomPath(dice, planted, world);
  return dice.once(2) ? [path, other] : [other, path];
}

function inodeAt({ root }: JailWorld, path: string | undefined): bigint | undefined {
  return path === undefined ? undefined : lstatSync(root + path, { bigint: true, throwIfNoEntry: false })?.ino;
}

function checkStat(stats: SFTPAttributes | number): void {
  if (typeof stats === 'number') throw new Error('refused');
  if (stats.stMtime === SECRET_TIME) throw new Escape('attributes from outside');
}

/** Runs so many operations, and returns what has escaped; stops at the first, or the first that says what is wanted. */
async function attack(
  seed: number,
  count: number,
  operations: Operations,
  serve: (root: string) => SFTPServerInterface,
  wanted = '',
): Promise<{ escaped: string | undefined; tally: ReadonlyMap<string, number> }> {
  const dice = new Dice(seed);
  const world = newWorld();
  const before = stateOutside(world);
  const inodes = inodesOutside(world);
  // How often each operation has worked.
  const tally = new Map<string, number>();
  for (let done = 0; done < count; ) {
    const planted = plantTree(world, dice);
    const files = serve(world.root);
    const recent: string[] = [];
    try {
      for (let left = PATHS_PER_TREE; left > 0; left--, done++) {
        const [name, operation] = dice.pick(operations);
        const path = randomPath(dice, planted, world);
        recent.push(`${name} ${JSON.stringify(path)}`);
        try {
          await operation({ world, files, inodes, planted, dice }, path);
          tally.set(name, (tally.get(name) ?? 0) + 1);
        } catch (error) {
          if (error instanceof Escape && error.message.includes(wanted))
            return { escaped: `${recent.at(-1)} (number ${done}): ${error.message}`, tally };
          if (!(error instanceof Escape) && !isRefusal(error)) throw error;
        }
      }
      if (stateOutside(world) !== before) return { escaped: `a change outside, after ${recent.join('; ')}`, tally };
    } finally {
      await files.sessionEnded();
    }
  }
  return { escaped: undefined, tally };
}

/** An error with a code, as a server would turn into a status; anything else is a bug. */
function isRefusal(error: unknown): boolean {
  return error instanceof Error && 'code' in error && /^E[A-Z]+$/.test(String(error.code));
}

function seedOf(): number {
  return Number(process.env['AMIKO_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
}

/** The mistake that the jail is there for: `..` is taken care of, and then the system follows the links. */
class NaiveFileSystem extends SFTPServerInterface {
  readonly #root: string;

  constructor(root: string) {
    super(new ServerInterface());
    this.#root = root;
  }

  override async open(path: string, flags: number): Promise<SFTPHandle> {
    // No FIFO and no device, or this would hang.
    if (!(await stat(this.#real(path))).isFile()) throw Object.assign(new Error(), { code: 'EACCES' });
    const handle = new SFTPHandle(flags);
    handle.readfile = await open(this.#real(path), flags);
    return handle;
  }

  override async stat(path: string): Promise<SFTPAttributes> {
    return SFTPAttributes.fromStat(await stat(this.#real(path)));
  }

  override async listFolder(path: string): Promise<SFTPAttributes[]> {
    return (await readdir(this.#real(path))).map((filename) => attributes({ filename }));
  }

  override async readlink(path: string): Promise<string> {
    return readlink(this.#real(path));
  }

  #real(path: string): string {
    return this.#root + posix.normalize(`/${path}`);
  }
}

const linux = process.platform === 'linux';

describe('random paths over random trees of links', () => {
  const total = runs(100_000).numRuns ?? 100_000;

  for (const [mechanism, count] of [
    [undefined, total],
    ['paths', Math.ceil(total / 10)],
  ] as const) {
    it.runIf(mechanism === 'paths' || linux)(
      `${count} of them lead nowhere out, held by ${mechanism ?? 'descriptors'}`,
      async () => {
        const seed = seedOf();
        const options = { readOnly: false, ...(mechanism === undefined ? {} : { mechanism }) };
        const serve = (root: string): FolderFileSystem => new FolderFileSystem(new ServerInterface(), root, options);
        // Side by side: an operation spends its time waiting for one of Node's threads.
        const parts = Array.from({ length: PARTS }, (_, part) =>
          attack(seed + part, Math.ceil(count / PARTS), everything, serve),
        );
        const worked = new Map<string, number>();
        for (const { escaped, tally } of await Promise.all(parts)) {
          expect(escaped, `AMIKO_SEED=${seed}`).toBeUndefined();
          for (const [name, times] of tally) worked.set(name, (worked.get(name) ?? 0) + times);
        }
        // A run in which nothing works would not be one in which nothing escapes.
        expect([...worked.values()].reduce((sum, times) => sum + times, 0)).toBeGreaterThan(count / 10);
        if (count < 50_000) return;
        for (const name of [...Object.keys(looks), ...Object.keys(changes)])
          expect(worked.get(name) ?? 0, `${name} worked, AMIKO_SEED=${seed}`).toBeGreaterThan(10);
      },
      240_000,
    );
  }

  it.each([
    ['read', 'an inode from outside'],
    ['stat', 'attributes from outside'],
    ['list', 'a listing of something outside'],
    ['readlink', 'a link from outside'],
  ])('escape from a file system that only normalises, and this test notices: %s', async (name, way) => {
    const only: Operations = [[name, looks[name] as Operation]];
    const { escaped } = await attack(seedOf(), 20_000, only, (root) => new NaiveFileSystem(root), way);
    expect(escaped).toEqual(expect.stringContaining(way));
  });

  it('lead where the oracle says, which knows a simple tree', async () => {
    const world = newWorld();
    await mkdir(`${world.root}/a/b`, { recursive: true });
    const dice = new Dice(1);
    expect(oracle(world.root, 'a/./b/../b//')?.path).toBe('/a/b');
    expect(oracle(world.root, '../../a')?.path).toBe('/a');
    expect(oracle(world.root, '/a/none')).toEqual({ path: '/a/none', stats: undefined });
    expect(oracle(world.root, '/none/..')).toBeUndefined();
    expect(plantTree(world, dice).length).toBeGreaterThan(5);
    expect(readFileSync(`${world.outside[0]}/secret`, 'utf8')).toContain(SECRET);
  });
});
