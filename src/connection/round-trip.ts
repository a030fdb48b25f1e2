// How long the way to the peer and back takes: the shortest time from a question of ours to its answer. Every sample is too
// long rather than too short (the peer may think first, its answer may wait behind data), so the shortest is nearest to the truth.
//
// The clock starts when the question is handed to the stream, not when it is asked: the engine is told the time only when
// something comes in or goes out, and what it knows while a user asks may be minutes old.

import type { ReplyWaiter } from './replies.ts';

export class RoundTrip {
  readonly #now: () => number;
  readonly #askPeer: () => void;
  #shortest = Number.POSITIVE_INFINITY;
  #unsent: { sentAt: number }[] = [];
  #asked = false;

  /** `now` in milliseconds; `askPeer` sends something that any peer answers, and has that measured. */
  constructor(now: () => number, askPeer: () => void) {
    this.#now = now;
    this.#askPeer = askPeer;
  }

  /** Milliseconds, above 0; Infinity as long as nothing has been measured. */
  get milliseconds(): number {
    return this.#shortest;
  }

  /** A question is about to be sent. The function that is returned is called when the answer is there. */
  start(): () => void {
    const question = { sentAt: Number.NaN };
    this.#unsent.push(question);
    return () => {
      const sample = this.#now() - question.sentAt;
      // A clock that has not moved, or went back, has measured nothing. (NaN: answered before it was sent.)
      if (sample > 0 && sample < this.#shortest) this.#shortest = sample;
    };
  }

  /** A waiter whose reply is measured. */
  timed(waiter: ReplyWaiter): ReplyWaiter {
    const answered = this.start();
    return {
      reply: (data) => {
        answered();
        waiter.reply(data);
      },
      abandon: (error) => waiter.abandon(error),
    };
  }

  /** All questions so far are on their way, now. */
  sent(): void {
    if (this.#unsent.length === 0) return;
    const now = this.#now();
    for (const question of this.#unsent) question.sentAt = now;
    this.#unsent = [];
  }

  /**
   * Somebody needs to know. Asks once: a server may have had nothing to ask its client so far. As data is coming in, the answer
   * waits behind up to a window of it: the round trip seems longer by that, which makes windows larger by twice that.
   */
  need(): void {
    if (this.#asked || this.#shortest < Number.POSITIVE_INFINITY) return;
    this.#asked = true;
    this.#askPeer();
  }
}
