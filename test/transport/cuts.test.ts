// A connection that is cut at any point of its life, in either direction: every promise settles, soon and once, nothing is unhandled,
// no 'error' kills the process, and the transport says that it is over.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SSHError, type Transport } from '../../src/index.ts';
import { closePair, credentials, transportPair } from '../support/transport-pair.ts';

const unhandled: unknown[] = [];
const note = (reason: unknown) => void unhandled.push(reason);

beforeAll(() => void process.on('unhandledRejection', note));
afterAll(() => void process.off('unhandledRejection', note));

interface Tracked {
  readonly what: string;
  outcome: unknown;
  settled: number;
}

/** Everything that one can wait for, begun in turn; each step after what it needs. Ends when nothing is left or it broke. */
async function useAll(client: Transport, track: <T>(what: string, promise: Promise<T>) => Promise<T>): Promise<void> {
  await track('connect', client.connect(credentials));
  const [channel] = await Promise.all([
    track('openSession', client.openSession()),
    track('ping', client.ping()),
    track('globalRequest', client.globalRequest('x')),
    track('renegotiateKeys', client.renegotiateKeys()),
  ]);
  void track('closed', channel.closed);
  void track('exited', channel.exited).catch(() => {});
  const requests = [track('execCommand', channel.execCommand('cat')), track('env', channel.setEnvironmentVariable('A', 'b'))];
  await Promise.allSettled(requests);
  const reading = track('readAll', channel.stdout.readAll());
  reading.catch(() => {});
  await track('write', channel.write(new Uint8Array(300_000)));
  channel.shutdownWrite();
  await reading;
  await track('recvExitStatus', channel.recvExitStatus());
  await track('close', client.close());
}

async function run(cut: {
  client?: number;
  server?: number;
}): Promise<{ tracked: Tracked[]; bytes: [number, number]; error: unknown }> {
  const pair = transportPair();
  const { client, server, clientEnd, serverEnd } = pair;
  clientEnd.cutAt = cut.client ?? Number.POSITIVE_INFINITY;
  serverEnd.cutAt = cut.server ?? Number.POSITIVE_INFINITY;
  const tracked: Tracked[] = [];
  const track = <T>(what: string, promise: Promise<T>): Promise<T> => {
    const one: Tracked = { what, outcome: undefined, settled: 0 };
    tracked.push(one);
    const settle = (outcome: unknown) => {
      one.settled++;
      one.outcome = outcome;
    };
    promise.then(settle, settle);
    return promise;
  };
  void track('accept of the server', server.accept());
  const error = await useAll(client, track).then(
    () => null,
    (reason: unknown) => reason,
  );
  const info = await Promise.all([track('closed of the client', client.closed), track('closed of the server', server.closed)]);
  expect(info.map((one) => one.error instanceof SSHError)).toEqual([true, true]);
  await pair.serverStarted;
  // One turn, so that what hangs on these has settled too.
  await new Promise(setImmediate);
  await closePair(pair);
  return { tracked, bytes: [clientEnd.delivered, serverEnd.delivered], error };
}

describe('a connection', () => {
  it('does all of it when it is not cut', async () => {
    const { tracked, error, bytes } = await run({});
    expect(error).toBeNull();
    expect(tracked.filter((one) => one.settled !== 1)).toEqual([]);
    expect(Math.min(...bytes)).toBeGreaterThan(300_000);
  });

  it.each(['client', 'server'] as const)(
    'cut on its way to the %s settles everything within a second',
    { timeout: 60_000 },
    async (side) => {
      const whole = (await run({})).bytes[side === 'client' ? 0 : 1];
      // Closely at the beginning, where the phases follow each other, then in larger steps.
      const places = [
        0,
        1,
        10,
        22,
        100,
        500,
        800,
        1_000,
        1_200,
        1_400,
        1_600,
        1_800,
        2_000,
        2_200,
        2_500,
        3_000,
        5_000,
        50_000,
        200_000,
        whole - 200,
      ];
      for (const place of places) {
        const since = performance.now();
        const { tracked, error } = await run({ [side]: place });
        expect(performance.now() - since, `cut at ${place}`).toBeLessThan(1_000);
        expect(error, `cut at ${place}`).toBeInstanceOf(SSHError);
        expect(
          tracked.filter((one) => one.settled !== 1).map((one) => one.what),
          `cut at ${place}`,
        ).toEqual([]);
        for (const one of tracked) if (one.outcome instanceof Error) expect(one.outcome, one.what).toBeInstanceOf(SSHError);
      }
    },
  );

  it('has left nothing unhandled in all of that', async () => {
    await new Promise(setImmediate);
    expect(unhandled).toEqual([]);
  });
});
