// Answers that have been tampered with, in any way: every call of the SFTP client settles, with a value or with an error of ours, and
// what follows on a session that has survived is answered as it should be.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { SSHError } from '../../src/index.ts';
import * as messages from '../../src/sftp/protocol/messages.ts';
import type { SFTPClient } from '../../src/sftp.ts';
import { type Answers, behave, entry, folderOf, scriptedClient } from '../support/scripted-client.ts';
import { idOf, statusFor } from '../support/scripted-sftp.ts';

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

const PARTS: [number, number][] = [
  [0, 2],
  [3, 4],
];

const calls: ((sftp: SFTPClient) => Promise<unknown>)[] = [
  (sftp) => sftp.stat('x'),
  (sftp) => sftp.readFile('x'),
  (sftp) => sftp.writeFile('x', 'y'),
  (sftp) => sftp.appendFile('x', new Uint8Array(100_000)),
  (sftp) => sftp.listdir('x'),
  (sftp) => sftp.readdir('x', { recursive: true, withFileTypes: true }),
  (sftp) => all(sftp.glob('*/**/[a-z]*')),
  (sftp) => sftp.rm('x', { recursive: true, force: true }),
  (sftp) => sftp.mkdir('x/y/z', { recursive: true }),
  (sftp) => sftp.rename('x', 'y'),
  (sftp) => sftp.copyFile('x', 'y'),
  (sftp) => sftp.chdir('x'),
  (sftp) => sftp.realpath('x'),
  (sftp) => all(sftp.createReadStream('x')),
  (sftp) => new Promise((resolve, reject) => sftp.createWriteStream('x').on('error', reject).on('close', resolve).end('text')),
  async (sftp) => {
    const file = await sftp.open('x', 'r+');
    try {
      await file.prefetch();
      await file.readline();
      await file.write('z');
      return await all(file.readv(PARTS));
    } finally {
      await file.close().catch(() => {});
    }
  },
];

/** What is done to one answer. */
type Harm = {
  readonly kind: 'flip' | 'cut' | 'extend' | 'twice' | 'swap' | 'refuse' | 'random';
  readonly a: number;
  readonly b: number;
};
const harm: fc.Arbitrary<Harm> = fc.record({
  kind: fc.constantFrom('flip', 'cut', 'extend', 'twice', 'swap', 'refuse', 'random'),
  a: fc.nat(10_000),
  b: fc.nat(255),
});

function harmed(packet: Uint8Array, request: Uint8Array, { kind, a, b }: Harm): Uint8Array[] {
  const copy = new Uint8Array(packet);
  if (kind === 'flip') {
    copy[a % copy.length] = (copy[a % copy.length] as number) ^ (b || 1);
    return [copy];
  }
  if (kind === 'cut') return [copy.subarray(0, Math.max(1, a % copy.length))];
  if (kind === 'extend') return [Uint8Array.from([...copy, ...new Array<number>(1 + (a % 40)).fill(b)])];
  if (kind === 'twice') return [copy, copy];
  if (kind === 'refuse') return [statusFor(request, b % 32, 'because')];
  if (kind === 'random')
    return [Uint8Array.from({ length: 5 + (a % 60) }, (_, i) => (i === 0 ? 101 + (b % 5) : (i * b + a) & 0xff))];
  return [statusFor(request, 0), copy];
}

it('every call settles, whatever comes', { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat(calls.length - 1),
      fc.array(fc.option(harm, { freq: 3 }), { minLength: 1, maxLength: 12 }),
      async (which, harms) => {
        let answered = 0;
        const folder = folderOf(entry('a'), entry('b', 0o040755), entry('c', 0o120777));
        const answers: Answers = (packet, server) => {
          const right = packet[0] === messages.Readdir.number ? folder(packet, server) : behave(packet, server);
          const done = harms[answered++ % harms.length];
          // After so many everything is right again, so that whoever asks once more gets to an end.
          if (done === null || done === undefined || answered > 60) return right;
          return right.flatMap((each) => harmed(each, packet, done));
        };
        const { sftp, server } = await scriptedClient(messages.messages.map((message) => [message, answers]));
        const call = (calls[which] as (typeof calls)[number])(sftp);
        const outcome = await Promise.race([
          call.then(
            () => null,
            (error: unknown) => error,
          ),
          // Where the number of an answer was changed nobody can know: the session is ended, and with it the call.
          quiet(server).then(() => {
            sftp.close();
            return call.then(
              () => null,
              (error: unknown) => error,
            );
          }),
        ]);
        if (outcome !== null) expect(outcome).toBeInstanceOf(SSHError);
        sftp.close();
        await expect(sftp.stat('x')).rejects.toBeInstanceOf(SSHError);
      },
    ),
    { numRuns: 1_500 },
  );
});

const abortable: ((sftp: SFTPClient, signal: AbortSignal) => Promise<unknown>)[] = [
  (sftp, signal) => sftp.readFile('x', { signal }),
  (sftp, signal) => sftp.writeFile('x', new Uint8Array(200_000), { signal }),
  (sftp, signal) => sftp.writeFile('x', ['a', 'b', 'c'], { signal }),
  (sftp, signal) => sftp.appendFile('x', 'y', { signal }),
  (sftp, signal) => sftp.listdir('x', { signal }),
  (sftp, signal) => sftp.readdir('x', { recursive: true, signal }),
  (sftp, signal) => sftp.rm('x', { recursive: true, signal }),
  (sftp, signal) => sftp.copyFile('x', 'y', 0, { signal }),
  (sftp, signal) => all(sftp.glob('**/*', { signal })),
  (sftp, signal) => all(sftp.walk('x', { signal })),
  (sftp, signal) => all(sftp.createReadStream('x', { signal })),
  (sftp, signal) =>
    new Promise((resolve, reject) =>
      sftp.createWriteStream('x', { signal }).on('error', reject).on('close', resolve).end('text'),
    ),
  (sftp, signal) => sftp.open('x', 'a', { signal }).then((file) => file.close()),
];

it('aborted at any moment, nothing stays open on the server', { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(abortable.length - 1), fc.nat(12), fc.boolean(), async (which, moment, before) => {
      const stop = new AbortController();
      const folder = folderOf(entry('a'), entry('b', 0o040755), entry('c', 0o040755));
      let requests = 0;
      let handles = 0;
      const answers: Answers = (packet, server) => {
        const now = requests++ === moment;
        if (now && before) stop.abort();
        const right = packet[0] === messages.Readdir.number ? folder(packet, server) : behave(packet, server);
        handles += right.filter((each) => each[0] === messages.Handle.number).length;
        if (now && !before) queueMicrotask(() => stop.abort());
        return right;
      };
      const { sftp, server, count } = await scriptedClient(messages.messages.map((message) => [message, answers]));
      await (abortable[which] as (typeof abortable)[number])(sftp, stop.signal).catch((error: unknown) => {
        expect((error as Error).name).toBe('AbortError');
      });
      await quiet(server);
      expect(count(messages.Close)).toBe(handles);
      sftp.close();
    }),
    { numRuns: 1_000 },
  );
});

/** When no request has come for some turns. */
async function quiet(server: { readonly requests: readonly Uint8Array[] }): Promise<void> {
  let seen = -1;
  for (let turns = 0; turns < 30; turns++) {
    if (server.requests.length !== seen) {
      seen = server.requests.length;
      turns = 0;
    }
    await new Promise(setImmediate);
  }
}

it('the harms are what they are called', () => {
  const packet = statusFor(Uint8Array.of(1, 0, 0, 0, 9), 0);
  expect(idOf(packet)).toBe(9);
  expect(harmed(packet, packet, { kind: 'flip', a: 4, b: 0 })[0]?.[4]).toBe(8);
  expect(harmed(packet, packet, { kind: 'cut', a: 3, b: 0 })[0]).toHaveLength(3);
  expect(harmed(packet, packet, { kind: 'extend', a: 0, b: 7 })[0]).toHaveLength(packet.length + 1);
  expect(harmed(packet, packet, { kind: 'twice', a: 0, b: 0 })).toHaveLength(2);
});
