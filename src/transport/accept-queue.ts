// Channels that the peer has opened and nobody has taken yet.

import { SSHTimeoutError } from '../errors.ts';
import { type CallOptions, waitFor } from '../io/waiting.ts';
import type { Channel } from './channel.ts';

export class AcceptQueue {
  #channels: Channel[] = [];
  #takers: ((channel: Channel | null) => void)[] = [];
  #closed = false;

  push(channel: Channel): void {
    const taker = this.#takers.shift();
    if (taker !== undefined) taker(channel);
    else this.#channels.push(channel);
    // One that is over before anybody took it is of no use to anybody, and must not be kept.
    void channel.closed.then(() => {
      this.#channels = this.#channels.filter((other) => other !== channel || channel.stdout.bytes > 0);
    });
  }

  /** The next one; null when the time is up or the connection is over. */
  async next(options?: CallOptions): Promise<Channel | null> {
    const channel = this.#channels.shift();
    if (channel !== undefined) return channel;
    if (this.#closed) return null;
    try {
      return await waitFor<Channel | null>('accept', options, ({ resolve }) => {
        this.#takers.push(resolve);
        return () => {
          this.#takers = this.#takers.filter((other) => other !== resolve);
        };
      });
    } catch (error) {
      if (error instanceof SSHTimeoutError) return null;
      throw error;
    }
  }

  close(): void {
    this.#closed = true;
    for (const taker of this.#takers.splice(0)) taker(null);
  }
}
