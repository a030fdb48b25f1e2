// Random programs over a wire that delivers in any pieces at any time: what goes in comes out, nothing is stuck, every waiter is
// settled once, memory stays within the windows. With and without rekeys, down to one after every packet.
//
// A failing run prints its seed; `AMIKO_SEED=n npx vitest run test/sim/programs.test.ts` runs that one alone.
import { describe, expect, it } from 'vitest';
import { EnginePair, type PeerOptions } from '../support/engine-pair.ts';
import { Program, type ProgramOptions } from '../support/program.ts';
import { Dice } from '../support/seeded-crypto.ts';

const RUNS = Number(process.env['AMIKO_RUNS'] ?? 0);
const SEED = process.env['AMIKO_SEED'];

interface Scenario {
  readonly name: string;
  readonly runs: number;
  readonly program: ProgramOptions;
  readonly side: Omit<PeerOptions, 'role'>;
}

const fast = { kex: ['curve25519-sha256'] };
const scenarios: readonly Scenario[] = [
  { name: 'plain', runs: 25, program: { channels: 6, bytes: 60_000 }, side: {} },
  {
    name: 'small windows',
    runs: 25,
    program: { channels: 4, bytes: 20_000, windowBytes: 1_000, maxPacketBytes: 300 },
    side: {},
  },
  { name: 'one large channel', runs: 6, program: { channels: 1, bytes: 1_500_000 }, side: {} },
  { name: 'rekeys from both sides', runs: 20, program: { channels: 4, bytes: 40_000, rekeyOnceIn: 10 }, side: {} },
  { name: 'a rekey after every packet', runs: 6, program: { channels: 2, bytes: 2_000 }, side: { rekey: { packets: 1 } } },
  { name: 'a rekey after a few packets', runs: 10, program: { channels: 3, bytes: 20_000 }, side: { rekey: { packets: 5 } } },
  { name: 'a rekey after 256 bytes', runs: 4, program: { channels: 2, bytes: 4_000 }, side: { rekey: { bytes: 256 } } },
  {
    name: 'compression and rekeys',
    runs: 8,
    program: { channels: 3, bytes: 20_000, rekeyOnceIn: 20 },
    side: { algorithms: { ...fast, compression: ['zlib@openssh.com'] } },
  },
  {
    name: 'chacha20-poly1305 without strict kex, and rekeys',
    runs: 8,
    program: { channels: 3, bytes: 20_000, rekeyOnceIn: 20 },
    side: { algorithms: { ...fast, ciphers: ['chacha20-poly1305@openssh.com'] }, strictKex: false },
  },
  {
    name: 'aes256-ctr with hmac-sha2-512, and rekeys',
    runs: 8,
    program: { channels: 3, bytes: 20_000, rekeyOnceIn: 20 },
    side: { algorithms: { ...fast, ciphers: ['aes256-ctr'], macs: ['hmac-sha2-512'] } },
  },
  {
    name: 'tasks that are settled late, and rekeys',
    runs: 15,
    program: { channels: 3, bytes: 20_000, rekeyOnceIn: 15 },
    side: { manualTasks: true },
  },
];

function run({ program: options, side }: Scenario, seed: number): void {
  const dice = new Dice(seed);
  const box: { program: Program | null } = { program: null };
  const onOpen: PeerOptions['onOpen'] = (open, peer) => box.program?.accept(open, peer);
  const pair = new EnginePair({ client: { ...side, onOpen, seed: seed * 2 }, server: { ...side, onOpen, seed: seed * 2 + 1 } });
  const program = new Program(pair, dice, options);
  box.program = program;
  pair.start();
  const reach = (phase: string) => {
    while (pair.client.engine.phase !== phase)
      if (!pair.step(dice)) throw new Error(`stuck before ${phase}: ${pair.client.error}`);
  };
  reach('auth');
  const outcomes = pair.authenticate();
  reach('open');
  expect(outcomes).toEqual([{ result: 'success' }]);
  const window = options.windowBytes ?? 65_536;
  program.run(() => {
    for (const peer of pair.peers) {
      for (const channel of peer.channels) {
        // What the peer can make us hold is a window per channel, whatever the wire does.
        const held = channel.bytes - program.consumed(channel);
        if (held > window) throw new Error(`${held} bytes held in a window of ${window}`);
      }
    }
  });
  program.check();
  expect(pair.peers.map((peer) => [peer.engine.channelCount, peer.engine.queuedBytes, peer.engine.holdsInput])).toEqual([
    [0, 0, false],
    [0, 0, false],
  ]);
  // The end of one is heard by the other, once.
  pair.client.engine.close();
  pair.settle();
  expect(pair.peers.map((peer) => [peer.eventsOf('closed').length, peer.engine.deadline])).toEqual([
    [1, null],
    [1, null],
  ]);
}

describe.each(scenarios)('$name', (scenario) => {
  const seeds = SEED === undefined ? Array.from({ length: RUNS || scenario.runs }, (_, index) => index + 1) : [Number(SEED)];
  it(`comes to its end in ${seeds.length} runs`, { timeout: 60_000 + RUNS * 2_000 }, () => {
    for (const seed of seeds) {
      try {
        run(scenario, seed);
      } catch (error) {
        throw new Error(
          `AMIKO_SEED=${seed} npx vitest run test/sim/programs.test.ts -t '${scenario.name}': ${(error as Error).message}`,
          {
            cause: error,
          },
        );
      }
    }
  });
});

it('is the same byte for byte whenever the seed is', () => {
  const transcript = () => {
    const pair = new EnginePair({ client: { seed: 5 }, server: { seed: 6 } }).login();
    pair.client.engine.rekey();
    pair.client.open().onOpened = () => {};
    pair.settle();
    return Buffer.concat([...pair.transcript.client, ...pair.transcript.server]).toString('base64');
  };
  expect(transcript()).toBe(transcript());
});
