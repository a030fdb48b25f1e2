// Requests that are sent without waiting must have the results that they would have with waiting (the draft's section 6.1), and
// those that have nothing to do with each other must not wait for each other.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  Close,
  Fsetstat,
  Fstat,
  FXF_CREAT,
  FXF_READ,
  FXF_TRUNC,
  FXF_WRITE,
  Lstat,
  Mkdir,
  Opendir,
  Read,
  Readdir,
  Remove,
  Rename,
  Rmdir,
  Setstat,
  Stat,
  Write,
} from '../../../src/sftp/protocol/messages.ts';
import { CHANGES, handleKey, Order, pathKey, READS, RESTRUCTURES, type Touch } from '../../../src/sftp/server/order.ts';
import { SFTPAttributes } from '../../../src/sftp.ts';
import { deferred } from '../../support/loopback.ts';
import { MapFiles } from '../../support/sftp-map.ts';
import { eventually, handleOf, namesOf, type RawSftp, serveInMemory, statusOf, textOf } from '../../support/sftp-raw.ts';

const none = new SFTPAttributes();
const bytes = (text: string) => new TextEncoder().encode(text);
const withSize = (stSize: number) => Object.assign(new SFTPAttributes(), { stSize });

describe('keys of paths', () => {
  it.each([
    ['/a/b', '/a/b/'],
    ['//a/./b/', '/a/b/'],
    ['/', '/'],
    ['', './'],
    ['.', './'],
    ['a/b', './a/b/'],
    ['/A/Ü', '/a/ü/'],
    ['/a/u\u0308', '/a/ü/'],
    ['/a/../b', ''],
    ['..', ''],
    ['/a..b', '/a..b/'],
  ])('%j is %j', (path, key) => {
    expect(pathKey(path)).toBe(key);
  });
});

describe('the order', () => {
  /** Which of the touches wait for an unfinished first one. */
  function waits(first: Touch, then: Touch): boolean {
    const order = new Order();
    order.enter([first], () => {});
    let started = false;
    order.enter([then], () => {
      started = true;
    });
    return !started;
  }
  const on = (path: string) => [READS, CHANGES, RESTRUCTURES].map((effect) => ({ key: pathKey(path), effect }) as Touch);

  it.each([
    // Same file: everything but reads.
    ['/a', '/a', ['rc', 'rs', 'cr', 'cc', 'cs', 'sr', 'sc', 'ss']],
    ['/a', '/A/.', ['rc', 'rs', 'cr', 'cc', 'cs', 'sr', 'sc', 'ss']],
    // A folder and what is in it: only what makes or moves.
    ['/a', '/a/b', ['rs', 'cs', 'sr', 'sc', 'ss']],
    ['/a/b/c', '/a', ['rs', 'cs', 'sr', 'sc', 'ss']],
    ['/', '/a/b', ['rs', 'cs', 'sr', 'sc', 'ss']],
    // Neighbours, one with the other's name as a beginning.
    ['/a', '/b', []],
    ['/a', '/ab', []],
    ['/a/b', '/a/c', []],
    // Nobody knows where they lead.
    ['/a', 'b', ['rc', 'rs', 'cr', 'cc', 'cs', 'sr', 'sc', 'ss']],
    ['/a/../x', 'b', ['rc', 'rs', 'cr', 'cc', 'cs', 'sr', 'sc', 'ss']],
    ['/a/../x', '/b', ['rc', 'rs', 'cr', 'cc', 'cs', 'sr', 'sc', 'ss']],
  ])('of %s and %s', (one, other, expected) => {
    const letters = 'rcs';
    const found: string[] = [];
    for (const a of on(one)) for (const b of on(other)) if (waits(a, b)) found.push(`${letters[a.effect]}${letters[b.effect]}`);
    expect(found).toEqual(expected);
  });

  it('of handles is their own', () => {
    const touch = (key: string, effect: Touch['effect']): Touch => ({ key, effect });
    expect(waits(touch(handleKey(1), CHANGES), touch(handleKey(1), READS))).toBe(true);
    expect(waits(touch(handleKey(1), READS), touch(handleKey(1), READS))).toBe(false);
    expect(waits(touch(handleKey(1), CHANGES), touch(handleKey(11), CHANGES))).toBe(false);
    expect(waits(touch(handleKey(1), CHANGES), touch(pathKey('..'), RESTRUCTURES))).toBe(false);
  });

  it('starts each once everything before it that matters has left, in whichever order that leaves', () => {
    const order = new Order();
    const started: string[] = [];
    const enter = (name: string, ...touches: Touch[]) => order.enter(touches, () => started.push(name));
    const [, changes, restructures] = on('/a');
    const first = enter('first', changes as Touch);
    const second = enter('second', on('/b')[2] as Touch);
    const both = enter('both', restructures as Touch, on('/b/c')[2] as Touch);
    const last = enter('last', on('/b/c')[0] as Touch);
    enter('free', on('/d')[2] as Touch);
    enter('nothing');
    expect(started).toEqual(['first', 'second', 'free', 'nothing']);
    order.leave(second);
    expect(started).not.toContain('both');
    order.leave(first);
    expect(started.at(-1)).toBe('both');
    order.leave(both);
    expect(started.at(-1)).toBe('last');
    order.leave(last);
    expect(order.size).toBe(2);
  });
});

describe('on one handle', () => {
  it('writes are made one after the other, reads side by side, and none passes the other', async () => {
    const files = new MapFiles({ '/a': 'abcdef' });
    const { client } = await serveInMemory(files);
    const handle = handleOf(await client.open('/a', FXF_READ | FXF_WRITE, none));
    const gates = new Map<string, ReturnType<typeof deferred<void>>>();
    files.gate = (call) => {
      const gate = deferred<void>();
      gates.set(call, gate);
      return gate.promise;
    };
    const read = () => client.ask(Read, { handle, offset: 0, length: 6 });
    const write = (offset: number, text: string) => client.ask(Write, { handle, offset, data: bytes(text) });
    const under = async (...calls: string[]) => {
      await eventually(() => [...gates.keys()]).toEqual(calls);
      const current = [...gates.values()];
      gates.clear();
      for (const gate of current.reverse()) gate.resolve();
    };
    const answers = client.together(() => [
      client.ask(Read, { handle, offset: 0, length: 1 }),
      client.ask(Read, { handle, offset: 0, length: 2 }),
      client.ask(Fstat, { handle }),
      write(0, 'ABC'),
      write(1, 'x'),
      read(),
      client.ask(Fsetstat, { handle, attributes: withSize(3) }),
      read(),
      client.ask(Close, { handle }),
      read(),
    ]);
    await under('read /a 0 1', 'read /a 0 2', 'fstat /a');
    await under('write /a 0 3');
    await under('write /a 1 1');
    await under('read /a 0 6');
    await under('fchattr /a');
    await under('read /a 0 6');
    await under('close /a');
    const packets = await Promise.all(answers);
    expect([0, 1, 5, 7].map((index) => textOf(packets[index] as Uint8Array))).toEqual(['a', 'ab', 'AxCdef', 'AxC']);
    expect(statusOf(packets[8] as Uint8Array)).toBe(0);
    // "The handle becomes invalid immediately after this request has been sent" (section 6.3).
    expect(statusOf(packets[9] as Uint8Array)).toBe(4);
  });

  it('reads are answered in the order in which they were asked for, whichever is done first, failed or empty', async () => {
    const files = new MapFiles({ '/a': 'abcdef', '/b': 'x' });
    const { client, session } = await serveInMemory(files);
    const [handle, other] = [
      handleOf(await client.open('/a', FXF_READ, none)),
      handleOf(await client.open('/b', FXF_READ, none)),
    ];
    const gates: { call: string; open: ReturnType<typeof deferred<void>> }[] = [];
    files.gate = (call) => {
      const open = deferred<void>();
      gates.push({ call, open });
      return open.promise;
    };
    const from = client.answered.length;
    const first = client.nextId;
    const answers = client.together(() => [
      ...[0, 1, 2, 100].map((offset) => client.ask(Read, { handle, offset, length: 1 })),
      // Another file, and other questions about this one, don't wait.
      client.ask(Read, { handle: other, offset: 0, length: 1 }),
      client.ask(Fstat, { handle }),
    ]);
    await eventually(() => gates.map(({ call }) => call)).toHaveLength(6);
    const answered = () => client.answered.slice(from).map((id) => id - first);
    for (const index of [3, 2, 4]) gates[index]?.open.resolve();
    await eventually(answered).toEqual([4]);
    gates[5]?.open.resolve();
    await eventually(answered).toEqual([4, 5]);
    gates[0]?.open.resolve();
    await eventually(answered).toEqual([4, 5, 0]);
    gates[1]?.open.reject(Object.assign(new Error('broken'), { code: 'EIO' }));
    await eventually(answered).toEqual([4, 5, 0, 1, 2, 3]);
    const packets = await Promise.all(answers);
    expect([0, 2, 4].map((index) => textOf(packets[index] as Uint8Array))).toEqual(['a', 'c', 'x']);
    expect([1, 3].map((index) => statusOf(packets[index] as Uint8Array))).toEqual([4, 1]);
    // The end waits for none that was never answered.
    const more = [client.ask(Read, { handle, offset: 0, length: 1 }), client.ask(Read, { handle, offset: 1, length: 1 })];
    await eventually(() => gates).toHaveLength(8);
    gates[7]?.open.resolve();
    const ended = session.end();
    gates[6]?.open.resolve();
    // The closes.
    await eventually(() => gates.length).toBe(10);
    for (const { open } of gates.slice(8)) open.resolve();
    await ended;
    expect(more).toHaveLength(2);
    expect(client.answered.slice(from)).toHaveLength(6);
  });

  it('what was written is asked about once it has been closed, what was only read at once', async () => {
    const files = new MapFiles({ '/a': 'a', '/b': 'b' });
    const { client } = await serveInMemory(files);
    const writer = handleOf(await client.open('/a', FXF_WRITE, none));
    const reader = handleOf(await client.open('/b', FXF_READ, none));
    const hold = deferred<void>();
    files.gate = (call) => (call.startsWith('close') ? hold.promise : undefined);
    const answers = client.together(() => [
      client.ask(Close, { handle: writer }),
      client.ask(Close, { handle: reader }),
      client.ask(Stat, { path: '/a' }),
      client.ask(Stat, { path: '/b' }),
    ]);
    await answers[3];
    expect(files.calls.slice(2)).toEqual(['close /a', 'close /b', 'stat /b']);
    hold.resolve();
    await Promise.all(answers);
    expect(files.calls.at(-1)).toBe('stat /a');
  });

  it('listings are read one after the other, also by a client that asks ahead', async () => {
    const nodes = Object.fromEntries(Array.from({ length: 250 }, (_, i) => [`/${String(i).padStart(3, '0')}`, '']));
    const { client } = await serveInMemory(new MapFiles(nodes));
    const handle = handleOf(await client.ask(Opendir, { path: '/' }));
    const answers = await Promise.all(client.together(() => Array.from({ length: 5 }, () => client.ask(Readdir, { handle }))));
    const names = answers.slice(0, 3).flatMap((answer) => namesOf(answer).map((name) => `/${name.filename}`));
    expect(names).toEqual(Object.keys(nodes));
    expect(answers.slice(3).map(statusOf)).toEqual([1, 1]);
  });
});

describe('on paths', () => {
  it('a folder is there before what is made in it, and a file written before it is moved', async () => {
    const files = new MapFiles();
    const { client } = await serveInMemory(files);
    // The later one would overtake if it could.
    files.gate = async (call) => {
      for (let turns = call.startsWith('mkdir /a/') ? 1 : 10; turns > 0; turns--) await new Promise(setImmediate);
    };
    const answers = client.together(() => [
      client.ask(Mkdir, { path: '/a', attributes: none }),
      client.ask(Mkdir, { path: '/a/b', attributes: none }),
      client.open('/a/b/f', FXF_WRITE | FXF_CREAT, none),
    ]);
    const [made, inside, opened] = await Promise.all(answers);
    expect([made, inside].map((answer) => statusOf(answer as Uint8Array))).toEqual([0, 0]);
    const handle = handleOf(opened as Uint8Array);
    const rest = client.together(() => [
      client.ask(Write, { handle, offset: 0, data: bytes('text') }),
      client.ask(Close, { handle }),
      client.ask(Rename, { from: '/a/b/f', to: '/a/g' }),
      client.ask(Rmdir, { path: '/a/b' }),
    ]);
    expect((await Promise.all(rest)).map(statusOf)).toEqual([0, 0, 0, 0]);
    expect(files.nodes.get('/a/g')).toBe('text');
  });

  it('files in one folder are made side by side', async () => {
    const files = new MapFiles({ '/d': null });
    const { client } = await serveInMemory(files);
    const hold = deferred<void>();
    files.gate = () => hold.promise;
    const answers = client.together(() =>
      Array.from({ length: 100 }, (_, i) => client.open(`/d/${i}`, FXF_WRITE | FXF_CREAT | FXF_TRUNC, none)),
    );
    await eventually(() => files.calls.length).toBe(100);
    hold.resolve();
    await Promise.all(answers);
  });

  it('a hook that hangs holds up nobody but those who want the same file', async () => {
    const files = new MapFiles({ '/a': 'a', '/b': 'b' });
    const { client } = await serveInMemory(files);
    const hold = deferred<void>();
    files.gate = (call) => (call === 'chattr /a' ? hold.promise : undefined);
    const stuck = client.ask(Setstat, { path: '/a', attributes: withSize(0) });
    const waiting = client.ask(Stat, { path: '/a' });
    const handle = handleOf(await client.open('/b', FXF_READ, none));
    expect(textOf(await client.ask(Read, { handle, offset: 0, length: 1 }))).toBe('b');
    expect(files.calls).not.toContain('stat /a');
    hold.resolve();
    await Promise.all([stuck, waiting]);
    expect(files.calls.at(-1)).toBe('stat /a');
  });
});

// ------------------------------------------------------------------------------------------------------------ a property

type Ask = (client: RawSftp, handles: readonly Uint8Array[]) => Promise<Uint8Array>;
const PATHS = ['/a', '/d', '/d/x', '/d/y', '/d/e', '/d/e/z', 'a', 'd', 'd/x', './d/e'];
const path = fc.constantFrom(...PATHS);
const file = fc.nat(3);
const request: fc.Arbitrary<Ask> = fc.oneof(
  path.map(
    (each): Ask =>
      (client) =>
        client.ask(Stat, { path: each }),
  ),
  path.map(
    (each): Ask =>
      (client) =>
        client.ask(Lstat, { path: each }),
  ),
  path.map(
    (each): Ask =>
      (client) =>
        client.ask(Mkdir, { path: each, attributes: none }),
  ),
  path.map(
    (each): Ask =>
      (client) =>
        client.ask(Rmdir, { path: each }),
  ),
  path.map(
    (each): Ask =>
      (client) =>
        client.ask(Remove, { path: each }),
  ),
  fc.tuple(path, path).map(
    ([from, to]): Ask =>
      (client) =>
        client.ask(Rename, { from, to }),
  ),
  fc.tuple(path, fc.nat(9)).map(
    ([each, size]): Ask =>
      (client) =>
        client.ask(Setstat, { path: each, attributes: withSize(size) }),
  ),
  fc.tuple(path, fc.constantFrom(FXF_READ, FXF_WRITE | FXF_CREAT, FXF_WRITE | FXF_CREAT | FXF_TRUNC)).map(
    ([each, flags]): Ask =>
      (client) =>
        client.open(each, flags, none),
  ),
  fc.tuple(file, fc.nat(9)).map(
    ([which, offset]): Ask =>
      (client, handles) =>
        client.ask(Read, { handle: handles[which] as Uint8Array, offset, length: 5 }),
  ),
  fc.tuple(file, fc.nat(9), fc.constantFrom('x', 'yy', 'zzz')).map(
    ([which, offset, text]): Ask =>
      (client, handles) =>
        client.ask(Write, { handle: handles[which] as Uint8Array, offset, data: bytes(text) }),
  ),
  file.map(
    (which): Ask =>
      (client, handles) =>
        client.ask(Fstat, { handle: handles[which] as Uint8Array }),
  ),
  fc.tuple(file, fc.nat(9)).map(
    ([which, size]): Ask =>
      (client, handles) =>
        client.ask(Fsetstat, { handle: handles[which] as Uint8Array, attributes: withSize(size) }),
  ),
  file.map(
    (which): Ask =>
      (client, handles) =>
        client.ask(Close, { handle: handles[which] as Uint8Array }),
  ),
);

describe('any requests', () => {
  /** What they are answered and what is left of the files, sent one by one or all together. */
  async function run(asks: readonly Ask[], delays: readonly number[], together: boolean) {
    const files = new MapFiles({ '/a': 'aaaa', '/d': null, '/d/x': 'xxxxxx', '/d/e': null });
    const { client, log } = await serveInMemory(files);
    const handles: Uint8Array[] = [];
    for (const each of ['/a', '/a', '/d/x', 'd/x']) handles.push(handleOf(await client.open(each, FXF_READ | FXF_WRITE, none)));
    let calls = 0;
    files.gate = async () => {
      for (let turns = delays[calls++ % delays.length] ?? 0; turns > 0; turns--) await new Promise(setImmediate);
    };
    const answers: Uint8Array[] = [];
    if (together) answers.push(...(await Promise.all(client.together(() => asks.map((ask) => ask(client, handles))))));
    else for (const ask of asks) answers.push(await ask(client, handles));
    // A handle's bytes are chance.
    const told = answers.map((answer) => Buffer.from(answer.subarray(0, answer[0] === 102 ? 5 : undefined)).toString('hex'));
    return { told, nodes: [...files.nodes].sort(), log };
  }

  it('have the same results together as one by one', { timeout: 60_000 }, async () => {
    const programs = fc.array(request, { minLength: 2, maxLength: 25 });
    const delays = fc.array(fc.nat(6), { minLength: 1, maxLength: 10 });
    await fc.assert(
      fc.asyncProperty(programs, delays, async (asks, turns) => {
        const expected = await run(asks, [0], false);
        expect(await run(asks, turns, true)).toEqual(expected);
        expect(expected.log).toEqual([]);
      }),
      { numRuns: 400 },
    );
  });
});
