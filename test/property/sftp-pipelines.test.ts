// The two pipelines against servers that answer short, late, in any order, or not with what was asked for: every byte arrives in
// its place, or the transfer fails.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SSHError } from '../../src/errors.ts';
import { Download, type DownloadOptions } from '../../src/sftp/client/download.ts';
import { SFTPSession } from '../../src/sftp/client/session.ts';
import { Upload } from '../../src/sftp/client/upload.ts';
import { writeOf } from '../../src/sftp/protocol/data.ts';
import { Data, Handle, Read, Write } from '../../src/sftp/protocol/messages.ts';
import { runs } from '../support/runs.ts';
import { idOf, type ScriptedServer, scriptedSftp, statusFor } from '../support/scripted-sftp.ts';

const HANDLE = Uint8Array.of(7, 7);

function contents(size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => (i * 31 + (i >> 8)) & 0xff);
}

interface Manners {
  /** Answers are cut to these fractions of what was asked for, one after the other, in percent. */
  readonly cuts: readonly number[];
  /** Answers wait until so many are there, and then come in another order. */
  readonly hold: number;
}

const manners = fc.record({ cuts: fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 5 }), hold: fc.nat(4) });

/** Answers after a turn, so that a batch that is smaller than `hold` goes out too. */
function reordering(hold: number): (server: ScriptedServer, packet: Uint8Array) => void {
  let held: Uint8Array[] = [];
  return (server, packet) => {
    held.push(packet);
    const flush = () => {
      const out = held.reverse();
      held = [];
      for (const one of out) server.reply(one);
    };
    if (held.length > hold) flush();
    else setImmediate(() => setImmediate(() => held.includes(packet) && flush()));
  };
}

function readServer(file: () => Uint8Array, { cuts, hold }: Manners): ScriptedServer {
  let answered = 0;
  const send = reordering(hold);
  return scriptedSftp((packet, server) => {
    const { id, offset, length } = Read.decode(packet);
    const share = cuts[answered++ % cuts.length] as number;
    const data = file().subarray(offset, offset + Math.max(1, Math.floor((length * share) / 100)));
    send(server, data.length === 0 ? statusFor(packet, 1) : Data.encode({ id, data }));
  });
}

interface Outcome {
  bytes: Uint8Array;
  end: number;
}

async function read(server: ScriptedServer, options: DownloadOptions, patient = false): Promise<Outcome> {
  const session = await SFTPSession.open(server.channel);
  const pieces: Uint8Array[] = [];
  let at = options.start ?? 0;
  return new Promise<Outcome>((resolve, reject) => {
    const download: Download = new Download(
      session,
      HANDLE,
      { operation: 'read' },
      {
        data: (bytes, position, packet) => {
          if (position !== at) reject(new Error(`${position} where ${at} was due`));
          at += bytes.length;
          pieces.push(bytes.slice());
          const release = () => download.release(bytes.length, packet);
          if (patient) setImmediate(release);
          else release();
        },
        end: (end) => resolve({ bytes: Buffer.concat(pieces), end }),
        fail: reject,
      },
      options,
    );
    download.start();
  });
}

describe('a download', () => {
  it('has every byte, in order, whatever the server is like', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(3_000),
        fc.nat(3_500),
        fc.nat(3_000),
        fc.option(fc.nat(3_500), { nil: undefined }),
        fc.integer({ min: 30, max: 900 }),
        fc.integer({ min: 1, max: 4_000 }),
        manners,
        fc.boolean(),
        async (size, expected, start, end, requestBytes, mostBytes, how, patient) => {
          const file = contents(size);
          const options = { expected, start, requestBytes, mostBytes, ...(end !== undefined && { end }) };
          // An answer that ends just where the file was believed to end is taken for its end, so a file that has grown must not be
          // answered short there.
          const manner = expected < size ? { ...how, cuts: [100] } : how;
          const outcome = await read(
            readServer(() => file, manner),
            options,
            patient,
          );
          expect(Buffer.compare(outcome.bytes, file.subarray(start, end))).toBe(0);
          if (start < size && (end === undefined || end > start)) expect(outcome.end).toBe(Math.min(size, end ?? size));
        },
      ),
      runs(100),
    );
  }, 20_000);

  it('never has more under way than it may', async () => {
    const file = contents(100_000);
    let asked = 0;
    let answered = 0;
    let most = 0;
    const server = scriptedSftp((packet, s) => {
      const { id, offset, length } = Read.decode(packet);
      asked += length;
      most = Math.max(most, asked - answered);
      setImmediate(() => {
        answered += length;
        s.reply(Data.encode({ id, data: file.subarray(offset, offset + length) }));
      });
    });
    const { bytes } = await read(server, { expected: file.length, end: file.length, requestBytes: 1_000, mostBytes: 8_000 });
    expect(bytes.length).toBe(file.length);
    expect(most).toBeLessThanOrEqual(8_000);
    expect(most).toBeGreaterThan(4_000);
  });

  it('ends where the file ends, also when that shrinks or grows meanwhile', async () => {
    let file = contents(50_000);
    const shrinking = readServer(
      () => {
        if (shrinking.requests.length === 20) file = file.slice(0, 15_000);
        return file;
      },
      { cuts: [100], hold: 0 },
    );
    const shrunk = await read(shrinking, { expected: 50_000, requestBytes: 1_000, mostBytes: 10_000 });
    expect(shrunk.bytes.length).toBe(shrunk.end);
    expect(shrunk.end).toBeGreaterThanOrEqual(15_000);
    expect(shrunk.end).toBeLessThan(50_000);
    const grown = contents(20_500);
    const growing = await read(
      readServer(() => grown, { cuts: [100], hold: 1 }),
      { expected: 5_000, requestBytes: 1_000 },
    );
    expect(Buffer.compare(growing.bytes, grown)).toBe(0);
  });

  it.each([
    ['an error', (packet: Uint8Array) => statusFor(packet, 3), 'EACCES'],
    ['success without data', (packet: Uint8Array) => statusFor(packet, 0), 'ERR_SSH_PROTOCOL'],
    ['a handle', (packet: Uint8Array) => Handle.encode({ id: idOf(packet), handle: HANDLE }), 'ERR_SSH_PROTOCOL'],
    [
      'a length that lies',
      (packet: Uint8Array) => Uint8Array.of(103, ...packet.subarray(1, 5), 0, 0, 1, 0, 5),
      'ERR_SSH_PROTOCOL',
    ],
  ])('fails once at %s', async (_name, answer, code) => {
    const file = contents(5_000);
    const server = scriptedSftp((packet, s) => {
      const { id, offset, length } = Read.decode(packet);
      s.reply(offset === 2_000 ? answer(packet) : Data.encode({ id, data: file.subarray(offset, offset + length) }));
    });
    await expect(read(server, { expected: 5_000, requestBytes: 1_000 })).rejects.toMatchObject({ code });
  });

  it('takes no more than it asked for, and an empty answer for the end', async () => {
    const long = scriptedSftp((packet, s) => s.reply(Data.encode({ id: idOf(packet), data: contents(5_000) })));
    expect((await read(long, { expected: 2_000, end: 2_000, requestBytes: 1_000 })).bytes.length).toBe(2_000);
    const empty = scriptedSftp((packet, s) => s.reply(Data.encode({ id: idOf(packet), data: new Uint8Array(0) })));
    expect(await read(empty, { expected: 2_000 })).toMatchObject({ end: 0 });
  });

  it('asks for nothing and says nothing after it was stopped', async () => {
    const server = scriptedSftp((packet, s) => s.reply(Data.encode({ id: idOf(packet), data: contents(1_000) })));
    const session = await SFTPSession.open(server.channel);
    const heard: string[] = [];
    const sink = {
      data: () => {
        heard.push('data');
        download.stop();
      },
      end: () => heard.push('end'),
      fail: () => heard.push('fail'),
    };
    const download = new Download(session, HANDLE, { operation: 'read' }, sink, {
      expected: 1e6,
      requestBytes: 1_000,
      mostBytes: 4_000,
    });
    download.start();
    await expect.poll(() => server.requests.length).toBe(4);
    // A question that is answered after all of those.
    await session
      .perform({ operation: 'x' }, (id) => Write.encode({ id, handle: HANDLE, offset: 0, data: HANDLE }))
      .catch(() => {});
    expect(heard).toEqual(['data']);
    expect(server.requests.length).toBe(5);
  });

  it('fails with the session', async () => {
    const server = scriptedSftp((_packet, s) => s.end());
    await expect(read(server, { expected: 5_000 })).rejects.toMatchObject({ code: 'ERR_SSH_CHANNEL_CLOSED' });
  });
});

describe('an upload', () => {
  it('puts every byte in its place, whatever the order of the answers and however many lanes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(2_500), { maxLength: 6 }),
        fc.integer({ min: 50, max: 900 }),
        fc.integer({ min: 1, max: 4_000 }),
        fc.nat(4),
        fc.integer({ min: 1, max: 3 }),
        async (pieces, requestBytes, mostBytes, hold, lanes) => {
          const target: number[] = [];
          const server = () => {
            const send = reordering(hold);
            return scriptedSftp((packet, s) => {
              const { offset, data } = writeOf(packet);
              data.forEach((byte, i) => {
                if (target[offset + i] !== undefined) throw new Error(`${offset + i} written twice`);
                target[offset + i] = byte;
              });
              send(s, statusFor(packet, 0));
            });
          };
          const lane = async () => ({ session: await SFTPSession.open(server().channel), handle: HANDLE });
          const upload = new Upload(await lane(), { operation: 'write' }, { requestBytes, mostBytes });
          for (let i = 1; i < lanes; i++) upload.addLane(await lane());
          const file = contents(pieces.reduce((sum, piece) => sum + piece, 0));
          let at = 0;
          let done = 0;
          for (const piece of pieces) {
            await upload.room();
            upload.send(file.subarray(at, at + piece), at, () => done++);
            at += piece;
          }
          await upload.finish();
          expect(done).toBe(pieces.length);
          expect(upload.acknowledged).toBe(file.length);
          expect(Buffer.compare(Uint8Array.from(target), file)).toBe(0);
        },
      ),
      runs(80),
    );
  }, 20_000);

  it('sends nothing after the first refusal, says all are done, and fails with it once all are answered', async () => {
    const server = scriptedSftp((packet, s) => {
      const { offset } = writeOf(packet);
      s.reply(statusFor(packet, offset === 2_000 ? 4 : 0, offset === 2_000 ? 'No space left on device' : ''));
    });
    const session = await SFTPSession.open(server.channel);
    const upload = new Upload(
      { session, handle: HANDLE },
      { operation: 'write', path: 'x' },
      { requestBytes: 1_000, mostBytes: 2_000 },
    );
    let done = 0;
    for (let at = 0; at < 20_000; at += 1_000) {
      await upload.room();
      upload.send(contents(1_000), at, () => done++);
    }
    await expect(upload.finish()).rejects.toMatchObject({ code: 'ENOSPC', path: 'x', operation: 'write' });
    expect(done).toBe(20);
    expect(server.requests.length).toBeLessThan(6);
    expect(upload.acknowledged).toBe((server.requests.length - 1) * 1_000);
  });

  it('fails with the session, and lets go of the buffers', async () => {
    const server = scriptedSftp((_packet, s) => s.end());
    const session = await SFTPSession.open(server.channel);
    const upload = new Upload({ session, handle: HANDLE }, { operation: 'write' });
    let done = 0;
    upload.send(contents(10), 0, () => done++);
    const error: unknown = await upload.finish().catch((one: SSHError) => one);
    expect(error).toMatchObject({ code: 'ERR_SSH_CHANNEL_CLOSED' });
    upload.send(contents(10), 0, () => done++);
    expect(done).toBe(2);
  });
});
