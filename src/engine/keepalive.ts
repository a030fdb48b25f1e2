// Finds a peer that is gone: after some silence it is asked for a sign of life (a global request that wants a reply, as
// OpenSSH's ServerAliveInterval does), and after so many questions without any packet coming back it is dead.

import type { ReplyWaiter } from '../connection/replies.ts';
import type { Timers } from './timers.ts';

export interface KeepalivePort {
  now(): number;
  probe(waiter: ReplyWaiter): void;
  /** Nothing has been heard for this long, milliseconds. */
  dead(milliseconds: number): void;
}

export class Keepalive {
  readonly #timers: Timers;
  readonly #port: KeepalivePort;
  #intervalMs = 0;
  #countMax = 3;
  #unanswered = 0;
  #lastHeard = 0;

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
  }

  #arm(): void {
    const at = this.#lastHeard + this.#intervalMs * (this.#unanswered + 1);
    this.#timers.set('keepalive', Math.max(at, this.#port.now()), () => this.#due());
  }

  #due(): void {
    const silence = this.#port.now() - this.#lastHeard;
    if (silence >= this.#intervalMs * (this.#unanswered + 1)) {
      if (this.#unanswered >= this.#countMax) {
        this.#port.dead(silence);
        return;
      }
      this.#unanswered++;
      this.#port.probe({ reply: () => {}, abandon: () => {} });
    }
    this.#arm();
  }
}
