// A random user program over a pair of engines: channels opened from both sides, data written both ways on both streams, EOF, close,
// requests, global requests, pings, rekeys. It knows what must arrive, and checks it.
import type { ChannelMachine, DataType, InboundChannelRequest } from '../../src/connection/channel-machine.ts';
import type { InboundOpen } from '../../src/connection/connection.ts';
import type { EnginePair, Peer, RecordedChannel } from './engine-pair.ts';
import type { Dice } from './seeded-crypto.ts';

export interface ProgramOptions {
  readonly channels: number;
  /** Bytes that each end writes on each stream, at most. */
  readonly bytes: number;
  readonly windowBytes?: number;
  readonly maxPacketBytes?: number;
  /** Explicit rekeys from either side, once in so many actions; 0 for none. */
  readonly rekeyOnceIn?: number;
}

/** One end of a channel: what it has still to send, and what it has sent. */
interface End {
  readonly peer: Peer;
  readonly machine: ChannelMachine;
  readonly channel: RecordedChannel;
  readonly left: [number, number];
  /** Position in the pattern, per stream. */
  readonly sent: [number, number];
  unconsumed: number;
  ended: boolean;
}

/** A promise-like thing of ours that must be settled exactly once. */
export interface Waiter {
  readonly what: string;
  settled: number;
}

/** The byte at a position of a stream: every end can say what must come next. */
function pattern(channel: number, type: DataType, position: number): number {
  return (channel * 101 + type * 53 + position * 7 + (position >> 8)) & 0xff;
}

export class Program {
  readonly pair: EnginePair;
  readonly dice: Dice;
  readonly waiters: Waiter[] = [];
  readonly #options: ProgramOptions;
  readonly #ends: End[] = [];
  readonly #received = new Map<RecordedChannel, { bytes: [number, number]; label: number }>();
  readonly #unanswered: InboundChannelRequest[] = [];
  #opensLeft: number;
  #opened = 0;

  constructor(pair: EnginePair, dice: Dice, options: ProgramOptions) {
    this.pair = pair;
    this.dice = dice;
    this.#options = options;
    this.#opensLeft = options.channels;
  }

  /** How a server, or a client, takes a channel: to be given to the pair as `onOpen`. */
  accept(open: InboundOpen, peer: Peer): void {
    const channel = peer.accept(open, this.#parameters);
    this.#adopt(peer, channel, open.data[0] as number);
  }

  get #parameters() {
    return { windowBytes: this.#options.windowBytes ?? 65_536, maxPacketBytes: this.#options.maxPacketBytes ?? 32_768 };
  }

  /** Whether there is nothing left to do and everything has been settled. */
  get finished(): boolean {
    return (
      this.#opensLeft === 0 &&
      this.#ends.length === 2 * this.#opened &&
      this.#ends.every((end) => end.ended && end.channel.closed.length === 1)
    );
  }

  /** Bytes of this channel that its user has let go of. */
  consumed(channel: RecordedChannel): number {
    const end = this.#ends.find((candidate) => candidate.channel === channel);
    return end === undefined ? 0 : channel.bytes - end.unconsumed;
  }

  /** One random action of a user. False where there is nothing to do at the moment. */
  act(): boolean {
    const { dice, pair } = this;
    const actions: (() => void)[] = [];
    if (this.#opensLeft > 0) actions.push(() => this.#open(dice.pick(pair.peers)));
    for (const end of this.#ends) {
      if (end.unconsumed > 0) actions.push(() => this.#consume(end));
      if (end.ended || !end.machine.writable) continue;
      if (end.left[0] + end.left[1] > 0) actions.push(() => this.#write(end));
      else actions.push(() => this.#end(end));
      if (dice.once(20)) actions.push(() => this.#request(end));
    }
    if (this.#unanswered.length > 0) actions.push(() => this.#answer());
    if (actions.length === 0) return false;
    if (dice.once(30))
      actions.push(
        () => this.#global(dice.pick(pair.peers)),
        () => this.#ping(dice.pick(pair.peers)),
      );
    dice.pick(actions)();
    const { rekeyOnceIn = 0 } = this.#options;
    if (rekeyOnceIn > 0 && dice.once(rekeyOnceIn)) {
      // Both sides at the same moment is the case to look for.
      for (const peer of dice.once(2) ? pair.peers : [dice.pick(pair.peers)]) if (peer.error === null) peer.engine.rekey();
    }
    return true;
  }

  #open(peer: Peer): void {
    this.#opensLeft--;
    const label = this.#opened++;
    const waiter = this.#waiter(`open ${label}`);
    const channel = peer.open('session', this.#parameters, Uint8Array.of(label));
    channel.onSettled = () => void waiter.settled++;
    channel.onOpened = () => this.#adopt(peer, channel, label);
  }

  #adopt(peer: Peer, channel: RecordedChannel, label: number): void {
    const { dice } = this;
    const { bytes } = this.#options;
    const end: End = {
      peer,
      channel,
      machine: channel.machine as ChannelMachine,
      left: [dice.below(bytes + 1), dice.below(bytes + 1)],
      sent: [0, 0],
      unconsumed: 0,
      ended: false,
    };
    this.#ends.push(end);
    const seen = { bytes: [0, 0] as [number, number], label };
    this.#received.set(channel, seen);
    channel.consumeAtOnce = false;
    channel.onRequested = (request) => {
      if (request.wantReply) this.#unanswered.push(request);
    };
    channel.onReceived = (data, type) => {
      end.unconsumed += data.length;
      for (let i = 0; i < data.length; i++) {
        if (data[i] !== pattern(label, type, seen.bytes[type] + i))
          throw new Error(`channel ${label}: wrong byte at ${seen.bytes[type] + i}`);
      }
      seen.bytes[type] += data.length;
    };
  }

  #write(end: End): void {
    const { dice } = this;
    const type: DataType = end.left[0] === 0 ? 1 : end.left[1] === 0 ? 0 : dice.once(3) ? 1 : 0;
    const count = Math.min(end.left[type], dice.pick([1, 1 + dice.below(100), 1 + dice.below(5_000), 40_000]));
    const label = this.#received.get(end.channel)?.label as number;
    const data = new Uint8Array(count);
    for (let i = 0; i < count; i++) data[i] = pattern(label, type, end.sent[type] + i);
    end.sent[type] += count;
    end.left[type] -= count;
    end.machine.write(data, type);
  }

  #end(end: End): void {
    end.ended = true;
    end.machine.eof();
    // Whoever closes first must not cut off what the other still sends: close when the other's EOF is there.
    const close = () => {
      if (end.channel.eofs > 0) end.machine.close();
    };
    end.channel.onEnded = close;
    close();
  }

  #consume(end: End): void {
    const count = this.dice.once(2) ? end.unconsumed : 1 + this.dice.below(end.unconsumed);
    end.unconsumed -= count;
    end.machine.consume(count);
  }

  #request(end: End): void {
    const waiter = this.dice.once(4) ? null : this.#waiter('request');
    end.machine.request(
      'env',
      this.dice.bytes(this.dice.below(200)),
      waiter && { reply: () => void waiter.settled++, abandon: () => void waiter.settled++ },
    );
  }

  #global(peer: Peer): void {
    const waiter = this.#waiter('global');
    peer.engine.globalRequest('x', this.dice.bytes(this.dice.below(100)), {
      reply: () => void waiter.settled++,
      abandon: () => void waiter.settled++,
    });
  }

  #ping(peer: Peer): void {
    const waiter = this.#waiter('ping');
    peer.engine.ping(this.dice.bytes(8), { reply: () => void waiter.settled++, abandon: () => void waiter.settled++ });
  }

  #answer(): void {
    this.#unanswered.splice(this.dice.below(this.#unanswered.length), 1)[0]?.reply(this.dice.once(2));
  }

  #waiter(what: string): Waiter {
    const waiter = { what, settled: 0 };
    this.waiters.push(waiter);
    return waiter;
  }

  /** Runs until nothing is left to do. @throws Error where it comes to rest before that, or never. */
  run(afterStep: () => void = () => {}): void {
    for (let i = 0; i < 400_000; i++) {
      const acted = this.dice.once(3) && this.act();
      const moved = this.pair.step(this.dice);
      afterStep();
      for (const peer of this.pair.peers) if (peer.error !== null) throw peer.error;
      if (!acted && !moved && !this.act()) {
        if (this.finished && this.waiters.every((waiter) => waiter.settled === 1)) return;
        throw new Error(`deadlock: ${this.describe()}`);
      }
    }
    throw new Error(`no end: ${this.describe()}`);
  }

  describe(): string {
    const waiting = this.waiters.filter((waiter) => waiter.settled !== 1).map((waiter) => `${waiter.what} ${waiter.settled}`);
    const ends = this.#ends.map(
      (end) => `${end.peer.role} left ${end.left} closed ${end.channel.closed.length} queued ${end.machine.queuedBytes}`,
    );
    return `${this.#opensLeft} opens left; ${ends.join('; ')}; waiting: ${waiting.join(', ')}`;
  }

  /** What came in is what was sent, on every stream. */
  check(): void {
    for (const end of this.#ends) {
      const label = this.#received.get(end.channel)?.label;
      const other = this.#ends.find(
        (candidate) => candidate !== end && this.#received.get(candidate.channel)?.label === label,
      ) as End;
      const got = this.#received.get(end.channel)?.bytes as [number, number];
      if (got[0] !== other.sent[0] || got[1] !== other.sent[1])
        throw new Error(`channel ${label}: sent ${other.sent}, received ${got}`);
    }
  }
}
