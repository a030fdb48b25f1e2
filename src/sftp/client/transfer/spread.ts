// Which session a file of a folder is sent over. Over a distance the window of one channel holds back many files as it does a large
// one (`lanes.ts`): when it is full, the next files go over further sessions of the same connection, whole.

import { FAR_MS } from '../upload.ts';
import type { RemoteEnd } from './options.ts';

/** Beside the first. */
const MOST = 7;
/** Bytes that wait for the window: as much as may leave at any moment does not count. */
const QUEUED_BYTES = 65_536;

export class Spread {
  readonly #end: RemoteEnd;
  #others: readonly RemoteEnd[] = [];
  #borrowed = false;
  #over = false;

  constructor(end: RemoteEnd) {
    this.#end = end;
  }

  /** For the next file. A session without `sides` takes no lanes of its own. */
  pick(): RemoteEnd {
    const { session, sides } = this.#end;
    if (sides === undefined || session.roundTripMs < FAR_MS || session.channel.queuedBytes < QUEUED_BYTES) return this.#end;
    if (!this.#borrowed) {
      this.#borrowed = true;
      void sides.borrow(MOST).then((sessions) => {
        if (!this.#over) this.#others = sessions.map((other) => ({ session: other }));
      });
    }
    let best = this.#end;
    for (const other of this.#others) {
      const { isClosed, channel } = other.session;
      if (!isClosed && channel.queuedBytes < best.session.channel.queuedBytes) best = other;
    }
    return best;
  }

  /** Nothing more is sent. */
  end(): void {
    this.#over = true;
    if (this.#borrowed) this.#end.sides?.giveBack();
  }
}
