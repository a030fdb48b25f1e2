// Finds a peer that is gone: after some silence it is asked for a sign of life (a global request that wants a reply, as
// OpenSSH's ServerAliveInterval does), and after so many questions without any packet coming back it is dead.

import type { ReplyWaiter } from '../connection/replies.ts';
import { SSHTimeoutError } from '../errors.ts';
import type { Timers } from './timers.ts';

export interface KeepalivePort {
  now(): number;
  probe(waiter: ReplyWaiter): void;
}

export class Keepalive {
  readonly #timers: Timers;
  readonly #port: KeepalivePort;
  #intervalMs = 0;
  #countMax = 3;
  #unanswered = 0;
  #lastHeard = 0;
  /** When the peer was last heard or asked. Each question gets a whole interval, also where the clock has jumped. */
  #since = 0;

  constructor(timers: Timers, port: KeepalivePort) {
    this.#timers = timers;
    this.#port = port;
  }

  configure(intervalMs: number, countMax: number): void {
    this.#intervalMs = intervalMs;
    this.#countMax = countMax;
    if (intervalMs <= 0) this.#timers.clear('keepalive');
  }

  start(): void {
    if (this.#intervalMs <= 0) return;
    this.heard();
    this.#arm();
  }

  /** A packet came: whatever it was, the peer lives. */
  heard(): void {
    this.#unanswered = 0;
    this.#lastHeard = this.#port.now();
    this.#since = this.#lastHeard;
  }

  #arm(): void {
    this.#timers.set('keepalive', this.#since + this.#intervalMs, () => this.#due());
  }

  #due(): void {
    const now = this.#port.now();
    if (now >= this.#since + this.#intervalMs) {
      if (this.#unanswered >= this.#countMax) throw new SSHTimeoutError('the peer', Math.round(now - this.#lastHeard));
      this.#unanswered++;
      this.#since = now;
      this.#port.probe({ reply: () => {}, abandon: () => {} });
    }
    this.#arm();
  }
}
