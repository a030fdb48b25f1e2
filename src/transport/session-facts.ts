// What the engine's events have told about a connection so far: who the peer is, what was agreed, who is logged in; and who waits for
// keys to be agreed on. Facts only; what follows from an event is the transport's to decide.

import type { EngineEvent } from '../engine/events.ts';
import type { SSHError } from '../errors.ts';
import type { Settle } from '../io/waiting.ts';
import { kexMethods } from '../kex/methods.ts';
import type { Negotiated } from './options.ts';

export class SessionFacts {
  peerVersion: string | null = null;
  /** What the last key exchange has agreed. */
  negotiated: Negotiated | null = null;
  /** The peer knows ping@openssh.com. */
  peerPings = false;
  authenticated = false;
  /** Server: the user that is logged in. */
  username: string | null = null;
  readonly #banners: string[] = [];
  #keysWaiters: Settle<Negotiated>[] = [];

  /** All banners one after the other, or null. Hostile text. */
  get banner(): string | null {
    return this.#banners.length === 0 ? null : this.#banners.join('');
  }

  /** Settles with the next keys. The function that is returned gives up. */
  awaitKeys(settle: Settle<Negotiated>): () => void {
    this.#keysWaiters.push(settle);
    return () => {
      this.#keysWaiters = this.#keysWaiters.filter((other) => other !== settle);
    };
  }

  /** There will be no more keys. */
  fail(error: SSHError): void {
    for (const waiter of this.#keysWaiters.splice(0)) waiter.reject(error);
  }

  learn(event: EngineEvent): void {
    switch (event.type) {
      case 'version':
        this.peerVersion = event.version;
        break;
      case 'keys': {
        const { algorithms, strictKex } = event;
        const postQuantum = kexMethods.find((method) => method.name === algorithms.kex)?.postQuantum ?? false;
        const negotiated = { ...algorithms, postQuantum, strictKex };
        this.negotiated = negotiated;
        for (const waiter of this.#keysWaiters.splice(0)) waiter.resolve(negotiated);
        break;
      }
      case 'extensions':
        this.peerPings = event.extensions.has('ping@openssh.com');
        break;
      case 'banner':
        this.#banners.push(event.text);
        break;
      case 'authenticated':
        this.authenticated = true;
        if (event.who !== null) this.username = event.who.user;
        break;
    }
  }
}
