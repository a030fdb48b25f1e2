// What a transport asks its peer apart from channels: global requests, and signs of life. Answers come in the order of the
// questions, and a question whose caller has given up still gets one.

import { EMPTY } from '../bytes/bytes.ts';
import type { ReplyWaiter } from '../connection/replies.ts';
import type { Engine } from '../engine/engine.ts';
import { type CallOptions, waitFor } from '../io/waiting.ts';

/** As many bytes as make a ping as long as CHANNEL_DATA of one byte. */
const CHAFF = new Uint8Array(5);
/** Chaff that may wait for its answers. */
const MOST_CHAFF = 256;

export interface PeerQuestionsPort {
  /** @throws where the connection is not there, or over. */
  engine(): Engine;
  /** The peer knows ping@openssh.com. */
  peerPings(): boolean;
}

export class PeerQuestions {
  readonly #port: PeerQuestionsPort;
  /** Pings of {@link chaff} that wait for their answers. */
  #chaff = 0;

  constructor(port: PeerQuestionsPort) {
    this.#port = port;
  }

  /** `granted` is called with the answer before anything that came behind it is looked at; `late` that nobody waits any more. */
  request(
    kind: string,
    data: Uint8Array,
    options?: CallOptions,
    granted?: (answer: Uint8Array, late: boolean) => void,
  ): Promise<Uint8Array | null> {
    return waitFor<Uint8Array | null>(`the answer to '${kind}'`, options, ({ resolve, reject }) => {
      let late = false;
      this.#port.engine().globalRequest(kind, data, {
        reply: (answer) => {
          if (answer !== null) granted?.(answer, late);
          resolve(answer);
        },
        abandon: reject,
      });
      return () => {
        late = true;
      };
    });
  }

  /** The round trip, milliseconds. */
  async ping(options?: CallOptions): Promise<number> {
    const since = performance.now();
    await waitFor<void>('the ping', options, ({ resolve, reject }) => {
      const waiter: ReplyWaiter = { reply: () => resolve(), abandon: reject };
      if (this.#port.peerPings()) this.#port.engine().ping(EMPTY, waiter);
      else this.#port.engine().globalRequest('keepalive@openssh.com', EMPTY, waiter);
      return undefined;
    });
    return performance.now() - since;
  }

  /** Sends a ping that looks like a keystroke. False where the peer does not know pings, or owes answers to too many. */
  chaff(): boolean {
    if (!this.#port.peerPings() || this.#chaff >= MOST_CHAFF) return false;
    this.#chaff++;
    const answered = () => {
      this.#chaff--;
    };
    this.#port.engine().ping(CHAFF, { reply: answered, abandon: answered });
    return true;
  }
}
