// How long reading and writing on a channel wait where the call itself has no limit (the seed's settimeout): for ever, for so many
// milliseconds, or not at all.

import { UsageError } from '../errors.ts';
import type { CallOptions } from '../io/waiting.ts';

export class ChannelTimeLimit {
  #milliseconds: number | null = null;

  /** Null for ever, 0 not at all. */
  get milliseconds(): number | null {
    return this.#milliseconds;
  }

  /** @throws UsageError for what is no time */
  set milliseconds(milliseconds: number | null) {
    if (milliseconds !== null && !(milliseconds >= 0)) throw new UsageError(`not a time limit: ${milliseconds}`);
    this.#milliseconds = milliseconds;
  }

  /** Whether what can't be done at once is not waited for. */
  atOnce(options: CallOptions | undefined): boolean {
    return this.#milliseconds === 0 && !options?.timeout;
  }

  /** The channel's own limit where the call brings none. */
  within(options: CallOptions | undefined): CallOptions | undefined {
    if (this.#milliseconds === null || this.#milliseconds === 0 || options?.timeout) return options;
    return { ...options, timeout: this.#milliseconds };
  }
}
