// Engines in memory: no socket, no clock, no promise. A `Peer` is an engine with everything that it says recorded; an `EnginePair`
// is a client and a server with a wire between them that delivers when, and in the pieces, that a test or a seed decides.
//
// Tasks (signatures, decisions) are settled at moments that the test chooses; time moves only when a test moves it.
import type { AlgorithmLists } from '../../src/algorithms/registry.ts';
import { defaultAlgorithms } from '../../src/algorithms/registry.ts';
import type { ClientAuthMethod } from '../../src/auth/client.ts';
import { noneMethod } from '../../src/auth/client.ts';
import type { AuthOutcome } from '../../src/auth/outcome.ts';
import type { ServerAuthHooks } from '../../src/auth/server.ts';
import type { ChannelHandler, ChannelMachine, InboundChannelRequest } from '../../src/connection/channel-machine.ts';
import type { InboundGlobalRequest, InboundOpen, OpenParameters } from '../../src/connection/connection.ts';
import type { CryptoProvider } from '../../src/crypto/provider.ts';
import type { EngineConfig, RekeyLimits, ServerConfig } from '../../src/engine/config.ts';
import { Engine } from '../../src/engine/engine.ts';
import type { EngineEvent, EngineHandler } from '../../src/engine/events.ts';
import type { SSHError } from '../../src/errors.ts';
import type { Task } from '../../src/flow/flow.ts';
import type { PublicKey } from '../../src/keys/public-key.ts';
import type { Signer } from '../../src/keys/signer.ts';
import { type Dice, seededCrypto, testKey } from './seeded-crypto.ts';

export const NO_REKEY: RekeyLimits = { bytes: 2 ** 30, packets: 2 ** 31, milliseconds: 0 };

/** What a test may want of one engine. Everything has a default that works. */
export interface PeerOptions {
  readonly role: 'client' | 'server';
  readonly seed?: number;
  /** Default: what the seed decides. */
  readonly crypto?: CryptoProvider;
  /** Hears of every event as it happens. */
  onEvent?(event: EngineEvent, peer: Peer): void;
  readonly algorithms?: Partial<AlgorithmLists>;
  readonly strictKex?: boolean;
  readonly rekey?: Partial<RekeyLimits>;
  readonly handshakeTimeoutMs?: number;
  readonly verifyHostKey?: EngineConfig['verifyHostKey'];
  readonly hostKeys?: readonly Signer[];
  readonly auth?: Partial<ServerAuthHooks>;
  readonly authLimits?: Partial<ServerConfig['authLimits']>;
  readonly loginTimeoutMs?: number;
  readonly serverSigAlgs?: boolean;
  /** Does not settle tasks by itself: they wait in `tasks`. */
  readonly manualTasks?: boolean;
  /** What to do with the peer's channel opens; default: accept. */
  onOpen?(open: InboundOpen, peer: Peer): void;
  /** What to do with the peer's global requests; default: refuse. */
  onGlobal?(request: InboundGlobalRequest, peer: Peer): void;
}

/** Every hook says yes. */
export const openHouse: ServerAuthHooks = {
  allowedMethods: () => ['publickey', 'password', 'keyboard-interactive'],
  none: () => 'successful',
  password: () => 'successful',
  publickey: () => 'successful',
  interactive: () => 'successful',
  interactiveResponse: () => 'successful',
  banner: () => null,
};

/** Curve25519 alone, because it is fast and can be repeated. */
export const fastAlgorithms: Partial<AlgorithmLists> = { kex: ['curve25519-sha256'] };

export const WINDOW: OpenParameters = { windowBytes: 2_097_152, maxPacketBytes: 32_768 };

/** One engine and all that it has said. */
export class Peer {
  readonly engine: Engine;
  readonly role: 'client' | 'server';
  readonly events: EngineEvent[] = [];
  readonly tasks: Task[] = [];
  readonly channels: RecordedChannel[] = [];
  readonly globals: InboundGlobalRequest[] = [];
  readonly #options: PeerOptions;
  now = 0;
  /** Whether the engine asked to be flushed since it last was. */
  outputWanted = false;

  constructor(options: PeerOptions) {
    const { role, seed = role === 'client' ? 1 : 2, algorithms = fastAlgorithms } = options;
    this.role = role;
    this.#options = options;
    const lists = { ...defaultAlgorithms(), ...algorithms };
    const config: EngineConfig = {
      role,
      crypto: options.crypto ?? seededCrypto(seed),
      software: 'test',
      algorithms: () => lists,
      strictKex: options.strictKex ?? true,
      rekey: { ...NO_REKEY, ...options.rekey },
      handshakeTimeoutMs: options.handshakeTimeoutMs ?? 0,
      verifyHostKey: options.verifyHostKey ?? ((_key: PublicKey) => true),
      server:
        role === 'client'
          ? null
          : {
              hostKeys: options.hostKeys ?? [testKey(0)],
              auth: { ...openHouse, ...options.auth },
              authLimits: { maxAttempts: 6, failureDelayMs: 0, ...options.authLimits },
              loginTimeoutMs: options.loginTimeoutMs ?? 0,
              serverSigAlgs: options.serverSigAlgs ?? true,
            },
    };
    const handler: EngineHandler = {
      onTask: (task) => {
        if (options.manualTasks) this.tasks.push(task);
        else settle(task);
      },
      onEvent: (event) => {
        this.events.push(event);
        options.onEvent?.(event, this);
      },
      onOutput: () => {
        this.outputWanted = true;
      },
      onChannelOpen: (open) => {
        if (options.onOpen) options.onOpen(open, this);
        else this.accept(open);
      },
      onGlobalRequest: (request) => {
        this.globals.push(request);
        if (options.onGlobal) options.onGlobal(request, this);
        else request.reply(null);
      },
    };
    this.engine = new Engine(config, handler, 0);
  }

  accept(open: InboundOpen, parameters = WINDOW): RecordedChannel {
    const channel = new RecordedChannel();
    this.channels.push(channel);
    channel.machine = open.accept(channel, parameters);
    return channel;
  }

  /** Opens a channel; its `machine` is there once the other side has agreed. */
  open(kind = 'session', parameters = WINDOW, data = new Uint8Array(0)): RecordedChannel {
    const channel = new RecordedChannel();
    this.channels.push(channel);
    this.engine.openChannel(kind, data, parameters, channel, {
      opened: (machine) => {
        channel.machine = machine;
        channel.settled.push('opened');
        channel.onSettled?.();
        channel.onOpened?.();
      },
      refused: (error) => {
        channel.settled.push(error);
        channel.onSettled?.();
      },
    });
    return channel;
  }

  /** All output, in one piece. */
  output(): Uint8Array {
    this.outputWanted = false;
    return new Uint8Array(Buffer.concat(this.engine.flush(this.now)));
  }

  receive(bytes: Uint8Array): void {
    this.engine.receive(bytes, this.now);
    this.catchUp();
  }

  /** Fires what is due now, as a driver's timer of no time would. */
  catchUp(): void {
    for (let i = 0; i < 1_000; i++) {
      const { deadline } = this.engine;
      if (deadline === null || deadline > this.now) return;
      this.engine.tick(this.now);
    }
    throw new Error('a timer that is always due');
  }

  tick(now: number): void {
    this.now = now;
    this.engine.tick(now);
    this.catchUp();
  }

  eventsOf<T extends EngineEvent['type']>(type: T): Extract<EngineEvent, { type: T }>[] {
    return this.events.filter((event): event is Extract<EngineEvent, { type: T }> => event.type === type);
  }

  get error(): SSHError | null {
    return this.engine.error;
  }

  settleTasks(): void {
    for (const task of this.tasks.splice(0)) settle(task);
    this.catchUp();
  }

  get manual(): boolean {
    return this.#options.manualTasks === true;
  }
}

/** Runs a task at once; what it returns must not be a promise. */
export function settle(task: Task): void {
  let value: unknown;
  try {
    value = task.run();
  } catch (error) {
    task.reject(error);
    return;
  }
  task.resolve(value);
}

/** A channel with all that happened on it. By default it consumes at once and grants every request. */
export class RecordedChannel implements ChannelHandler {
  machine: ChannelMachine | null = null;
  readonly data: Uint8Array[] = [];
  readonly stderr: Uint8Array[] = [];
  readonly requests: InboundChannelRequest[] = [];
  /** 'opened' or the error of the refusal: must have one entry in the end. */
  readonly settled: ('opened' | SSHError)[] = [];
  /** What onClose said: must have at most one entry. */
  readonly closed: (SSHError | null)[] = [];
  eofs = 0;
  drains = 0;
  bytes = 0;
  consumeAtOnce = true;
  onSettled: (() => void) | null = null;
  onOpened: (() => void) | null = null;
  onReceived: ((data: Uint8Array, type: 0 | 1) => void) | null = null;
  onRequested: ((request: InboundChannelRequest) => void) | null = null;
  onEnded: (() => void) | null = null;

  onData(data: Uint8Array, type: 0 | 1): void {
    (type === 0 ? this.data : this.stderr).push(data);
    this.bytes += data.length;
    this.onReceived?.(data, type);
    if (this.consumeAtOnce) this.machine?.consume(data.length);
  }

  onEof(): void {
    this.eofs++;
    this.onEnded?.();
  }

  onRequest(request: InboundChannelRequest): void {
    this.requests.push(request);
    if (this.onRequested) this.onRequested(request);
    else request.reply(true);
  }

  onDrain(): void {
    this.drains++;
  }

  onClose(error: SSHError | null): void {
    this.closed.push(error);
  }
}

export interface PairOptions {
  readonly client?: Omit<PeerOptions, 'role'>;
  readonly server?: Omit<PeerOptions, 'role'>;
}

/** A client and a server. Bytes on the wire wait until they are delivered. */
export class EnginePair {
  readonly client: Peer;
  readonly server: Peer;
  /** Bytes under way, by who gets them. */
  readonly wire = { client: [] as Uint8Array[], server: [] as Uint8Array[] };
  /** Everything that was ever sent, by who gets it. */
  readonly transcript = { client: [] as Uint8Array[], server: [] as Uint8Array[] };
  now = 0;

  constructor(options: PairOptions = {}) {
    this.client = new Peer({ ...options.client, role: 'client' });
    this.server = new Peer({ ...options.server, role: 'server' });
  }

  get peers(): readonly [Peer, Peer] {
    return [this.client, this.server];
  }

  other(peer: Peer): Peer {
    return peer === this.client ? this.server : this.client;
  }

  start(): this {
    this.client.engine.start();
    this.server.engine.start();
    return this;
  }

  /** Puts on the wire what a peer wants to send. Returns whether that was anything. */
  flush(peer: Peer): boolean {
    const to = this.other(peer).role;
    const bytes = peer.output();
    if (bytes.length === 0) return false;
    this.wire[to].push(bytes);
    this.transcript[to].push(bytes);
    return true;
  }

  inFlight(peer: Peer): number {
    return this.wire[peer.role].reduce((sum, chunk) => sum + chunk.length, 0);
  }

  /** Delivers up to `count` bytes in one piece. Like a driver, not while the engine wants none. */
  deliver(peer: Peer, count = Number.POSITIVE_INFINITY): boolean {
    const queue = this.wire[peer.role];
    if (queue.length === 0 || (peer.error === null && !peer.engine.wantsInput)) return false;
    const all = queue.length === 1 ? (queue[0] as Uint8Array) : new Uint8Array(Buffer.concat(queue));
    queue.length = 0;
    const piece = all.subarray(0, count);
    if (piece.length < all.length) queue.push(all.subarray(piece.length));
    peer.receive(piece);
    return true;
  }

  /** Flushes, delivers and settles until nothing moves any more. The clock stands still. */
  settle(limit = 100_000): this {
    for (let i = 0; i < limit; i++) {
      let moved = false;
      for (const peer of this.peers) {
        if (peer.tasks.length > 0) {
          peer.settleTasks();
          moved = true;
        }
        if (this.flush(peer)) moved = true;
        if (this.deliver(this.other(peer))) moved = true;
      }
      if (!moved) return this;
    }
    throw new Error(`the engines have not come to rest after ${limit} rounds`);
  }

  /** Moves the clock of both. */
  tick(now: number): this {
    this.now = now;
    for (const peer of this.peers) peer.tick(now);
    return this;
  }

  authenticate(method: ClientAuthMethod = noneMethod('me')): (AuthOutcome | SSHError)[] {
    const outcomes: (AuthOutcome | SSHError)[] = [];
    this.client.engine.authenticate(method, (outcome) => void outcomes.push(outcome));
    return outcomes;
  }

  /** Handshake and login, all at once. */
  login(method?: ClientAuthMethod): this {
    this.start().settle();
    this.authenticate(method);
    return this.settle();
  }

  /** The earliest deadline of the two, or null. */
  get deadline(): number | null {
    const deadlines = this.peers.map((peer) => peer.engine.deadline).filter((at): at is number => at !== null);
    return deadlines.length === 0 ? null : Math.min(...deadlines);
  }

  /**
   * One random thing: a flush, a delivery of some bytes, a task settled. Returns whether anything could happen at all.
   * Deliveries are of one byte, of a few, or of all, so that packets come in every split and glued together.
   */
  step(dice: Dice): boolean {
    const moves: (() => void)[] = [];
    for (const peer of this.peers) {
      if (peer.outputWanted || peer.engine.queuedBytes > 0) moves.push(() => void this.flush(peer));
      const waiting = this.inFlight(peer);
      if (waiting > 0 && (peer.engine.wantsInput || peer.error !== null)) {
        moves.push(() => void this.deliver(peer, dice.pick([1, 3, 1 + dice.below(64), 1 + dice.below(4096), 100_000, waiting])));
      }
      if (peer.tasks.length > 0) {
        moves.push(() => settle(peer.tasks.splice(dice.below(peer.tasks.length), 1)[0] as Task));
      }
    }
    if (moves.length === 0) return false;
    dice.pick(moves)();
    return true;
  }
}
