// ObscureKeystrokeTiming (ssh_config(5)): when somebody types, packets leave in step with a clock and not with the fingers, and where
// there is no key, a ping of the same size (OpenSSH PROTOCOL, ping@openssh.com). Who listens sees that somebody types, not what the
// pauses between the keys would tell (Song, Wagner, Tian 2001). It goes on for a random while after the last key.

/** Bytes above which it is no key but something pasted, or a pipe: that is sent at once. */
const MOST_OF_A_KEY = 64;
/** How long chaff goes on after the last key, milliseconds: at least, and at random up to so much more. */
const CHAFF_MIN = 1_024;
const CHAFF_MORE = 2_048;
/** How much of the interval may be added or missing, so that it is not a clock to be measured. */
const FUZZ = 0.1;

/** Where keys go. */
export interface KeystrokePort {
  write(data: Uint8Array): Promise<void>;
  /** Sends a packet of a key's size that means nothing; false where the peer would not understand, or does not answer any more. */
  chaff(): boolean;
}

export class Keystrokes {
  readonly #port: KeystrokePort;
  readonly #interval: number;
  #waiting: Uint8Array[] = [];
  #bytes = 0;
  #until = 0;
  #timer: NodeJS.Timeout | undefined;
  #failure: Promise<void> | null = null;
  /** What a step has sent and the channel has no room for yet. */
  #sending: Promise<void> | null = null;

  /** @param interval Milliseconds between two packets. */
  constructor(port: KeystrokePort, interval: number) {
    this.#port = port;
    this.#interval = interval;
  }

  /** Sends at the next step, or what is no key at once. Rejects where the port has failed. */
  async write(data: Uint8Array): Promise<void> {
    if (this.#failure !== null) return this.#failure;
    // Where the other side does not read, no more is taken.
    await this.#sending;
    this.#waiting.push(data);
    this.#bytes += data.length;
    if (this.#bytes > MOST_OF_A_KEY) {
      this.stop();
      return this.flush();
    }
    this.#until = performance.now() + CHAFF_MIN + Math.random() * CHAFF_MORE;
    // The first step is at a random moment, or it would be the moment of the key.
    this.#timer ??= setTimeout(() => this.#step(), Math.random() * this.#interval);
  }

  /** Sends what waits. */
  async flush(): Promise<void> {
    const waiting = this.#waiting.splice(0);
    this.#bytes = 0;
    if (waiting.length > 0) await this.#port.write(waiting.length === 1 ? (waiting[0] as Uint8Array) : Buffer.concat(waiting));
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #step(): void {
    this.#timer = undefined;
    if (this.#sending !== null) {
      // The window is full: the next step looks again.
    } else if (this.#waiting.length > 0) {
      const sent = this.flush();
      this.#sending = sent;
      sent.then(
        () => {
          this.#sending = null;
        },
        () => {
          this.#failure = sent;
          this.stop();
        },
      );
    } else if (performance.now() >= this.#until || !this.#port.chaff()) return;
    const fuzz = 1 - FUZZ + Math.random() * 2 * FUZZ;
    this.#timer = setTimeout(() => this.#step(), this.#interval * fuzz);
  }
}
