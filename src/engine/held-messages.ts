// What the layers above the key exchange wanted to say while it was under way (RFC 4253 section 7.1 allows nothing else between our
// KEXINIT and our NEWKEYS). It is kept in order. What the peer makes us answer is bounded; what our own user sends waits, however
// much it is.

import { ProtocolError } from '../errors.ts';
import { limits } from '../packet/limits.ts';

export class HeldMessages {
  #payloads: Uint8Array[] = [];
  #answeredBytes = 0;

  /** `answering`: the peer makes us say it. @throws ProtocolError */
  hold(payload: Uint8Array, answering: boolean): void {
    this.#payloads.push(payload);
    if (answering) this.#answeredBytes += payload.length;
    if (this.#answeredBytes > limits.heldBytes)
      throw new ProtocolError('queue-overflow', 'too much to answer during a key exchange');
  }

  /** All of them, which are then no longer held. */
  take(): readonly Uint8Array[] {
    const payloads = this.#payloads;
    this.#payloads = [];
    this.#answeredBytes = 0;
    return payloads;
  }
}
