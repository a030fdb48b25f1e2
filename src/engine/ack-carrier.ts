// 40 ms less for logging in, and again for opening a channel. sshd leaves Nagle on until the first session runs: a second small
// packet of its waits for the ACK of the first, which our kernel delays by 40 ms unless something carries it. So while a client
// waits for an answer and got something else, it sends an empty IGNORE: a few times, and only where that can do no harm.

/** Logging in and opening the first channel take fewer. */
const ACK_CARRIERS = 8;

export interface AckCarrierPort {
  /** An answer of the server is what comes next, and nothing of ours is on its way to it. */
  waiting(): boolean;
  peerVersion(): string | null;
  /** Compression may begin with any message of the server's. */
  compressionDue(): boolean;
  /** Sends an empty IGNORE. */
  send(): void;
}

export class AckCarrier {
  readonly #port: AckCarrierPort;
  #left = ACK_CARRIERS;

  constructor(port: AckCarrierPort) {
    this.#port = port;
  }

  /** A chunk has come and been looked at. */
  received(): void {
    if (this.#left === 0 || !this.#port.waiting()) return;
    // Others need it less, and some old devices take an IGNORE during the login amiss.
    if (!this.#port.peerVersion()?.includes('OpenSSH')) return;
    // zlib@openssh.com begins with the server's USERAUTH_SUCCESS: nothing of ours may cross it, or it would be inflated.
    if (this.#port.compressionDue()) return;
    this.#left--;
    this.#port.send();
  }
}
