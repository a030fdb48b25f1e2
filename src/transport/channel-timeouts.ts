// Closes channels on which nothing has moved for a while (ChannelTimeout of ssh_config(5)). A channel costs a counter per packet and
// no clock: one timer looks at all of them, so the end comes up to a tenth of the limit, and at most a second, late.

import { UsageError } from '../errors.ts';
import { LONGEST_TIMER } from '../io/waiting.ts';
import { matchesPattern } from '../keys/pattern-list.ts';
import type { Channel } from './channel.ts';

/** How long channels of a kind may be idle. */
export interface ChannelTimeout {
  /**
   * `session` (also `session:shell`, `session:command`, `session:subsystem:NAME`), `direct-tcpip`, `forwarded-tcpip`,
   * `agent-connection`, `x11-connection`, or a pattern of these with `*` and `?`. `global`, which no pattern matches, is about all
   * channels together: it ends them when nothing has moved on any.
   */
  readonly type: string;
  /** 0 for no limit. */
  readonly milliseconds: number;
}

const GLOBAL = 'global';
/** Between two looks, milliseconds. */
const SHORTEST_PERIOD = 20;
const LONGEST_PERIOD = 1_000;

/** What OpenSSH calls channels that have another name on the wire. */
const NAMES: Readonly<Record<string, string>> = {
  'auth-agent@openssh.com': 'agent-connection',
  x11: 'x11-connection',
};

interface Watched {
  /** What had moved when it was looked at last, and since when no more has, by `performance.now()`. */
  activity: number;
  /** Bytes that had not left. */
  queued: number;
  since: number;
}

export class ChannelTimeouts {
  readonly #limits: readonly ChannelTimeout[];
  readonly #log: (message: string) => void;
  readonly #channels = new Map<Channel, Watched>();
  readonly #period: number;
  readonly #global: number;
  #lastMove = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @throws UsageError for what is no time */
  constructor(limits: readonly ChannelTimeout[], log: (message: string) => void) {
    for (const { milliseconds } of limits) {
      if (!(milliseconds >= 0)) throw new UsageError(`not a time limit: ${milliseconds}`);
    }
    this.#limits = limits.filter(({ type }) => type !== GLOBAL);
    this.#global = limits.find(({ type, milliseconds }) => type === GLOBAL && milliseconds > 0)?.milliseconds ?? 0;
    this.#log = log;
    const shortest = Math.min(LONGEST_TIMER, ...limits.map(({ milliseconds }) => milliseconds || LONGEST_TIMER));
    this.#period = Math.min(Math.max(shortest / 10, SHORTEST_PERIOD), LONGEST_PERIOD);
  }

  /** From now on, until it closes. */
  watch(channel: Channel): void {
    if (this.#global === 0 && this.#limits.every(({ milliseconds }) => milliseconds === 0)) return;
    const now = performance.now();
    this.#channels.set(channel, { activity: channel.activity, queued: channel.queuedBytes, since: now });
    this.#lastMove = now;
    this.#timer ??= setInterval(() => this.#look(), this.#period).unref();
    void channel.closed.then(() => {
      this.#channels.delete(channel);
      if (this.#channels.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    });
  }

  #look(): void {
    const now = performance.now();
    for (const [channel, watched] of this.#channels) {
      // One large write is under way for as long as its queue gets shorter.
      if (channel.activity !== watched.activity || channel.queuedBytes !== watched.queued) {
        watched.activity = channel.activity;
        watched.queued = channel.queuedBytes;
        watched.since = this.#lastMove = now;
        continue;
      }
      const limit = this.#limitOf(channel);
      if (limit > 0 && now - watched.since >= limit) this.#end(channel, limit);
    }
    if (this.#global === 0 || now - this.#lastMove < this.#global) return;
    for (const channel of this.#channels.keys()) this.#end(channel, this.#global);
  }

  /** The first limit that is about it; 0 for none. */
  #limitOf({ kind, purpose }: Channel): number {
    const name = NAMES[kind] ?? kind;
    const names = purpose === null ? [name] : [name, `${name}:${purpose}`];
    return this.#limits.find(({ type }) => names.some((each) => matchesPattern(type, each)))?.milliseconds ?? 0;
  }

  #end(channel: Channel, limit: number): void {
    this.#log(`${channel} has been idle for ${limit} ms: closing it`);
    this.#channels.delete(channel);
    channel.abandon();
  }
}
