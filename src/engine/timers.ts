// The engine's alarm clocks, by name. The time is an argument; whoever drives the engine sleeps until `deadline`.

import { SSHTimeoutError } from '../errors.ts';

export type TimerName = 'handshake' | 'login' | 'rekey' | 'keepalive' | 'flow';

export class Timers {
  readonly #timers = new Map<TimerName, { at: number; fire: () => void }>();

  /** When the next one is due, in milliseconds of the driver's clock, or null. */
  get deadline(): number | null {
    let first: number | null = null;
    for (const { at } of this.#timers.values()) if (first === null || at < first) first = at;
    return first;
  }

  set(name: TimerName, at: number, fire: () => void): void {
    this.#timers.set(name, { at, fire });
  }

  /** Ends what takes longer than so many milliseconds with SSHTimeoutError; 0 for no limit. */
  limit(name: TimerName, what: string, milliseconds: number, now: number): void {
    if (milliseconds <= 0) return;
    this.set(name, now + milliseconds, () => {
      throw new SSHTimeoutError(what, milliseconds);
    });
  }

  clear(name: TimerName): void {
    this.#timers.delete(name);
  }

  clearAll(): void {
    this.#timers.clear();
  }

  /** Fires what is due. Each is forgotten before it fires, so it may set itself again. */
  tick(now: number): void {
    for (const [name, timer] of [...this.#timers]) {
      if (timer.at > now || this.#timers.get(name) !== timer) continue;
      this.#timers.delete(name);
      timer.fire();
    }
  }
}
