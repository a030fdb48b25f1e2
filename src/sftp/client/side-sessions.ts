// More SFTP sessions on the same connection: a server that grants each channel a small window for ever (OpenSSH: 2 MiB) limits
// what one channel carries over a distance (`Upload.addLane`). They are opened when a transfer first needs them, are shared by
// all, and are closed with the client.

import type { ByteChannel } from '../byte-channel.ts';
import { SFTPSession } from './session.ts';

/** OpenSSH allows 10 sessions on a connection (MaxSessions); some are left for others. */
const MOST = 7;

export class SideSessions {
  readonly #openChannel: (() => Promise<ByteChannel>) | null;
  readonly #sessions: Promise<SFTPSession | null>[] = [];
  #refused = false;
  #closed = false;

  /** Null where there is no way to open more. */
  constructor(openChannel: (() => Promise<ByteChannel>) | null) {
    this.#openChannel = openChannel;
  }

  /** At most so many sessions beside the first, as many as the server lets us have. Never rejects. */
  async some(count: number): Promise<SFTPSession[]> {
    const open = this.#openChannel;
    if (open === null || this.#closed) return [];
    while (!this.#refused && this.#sessions.length < Math.min(count, MOST)) this.#sessions.push(this.#another(open));
    const sessions = await Promise.all(this.#sessions.slice(0, count));
    return sessions.filter((session) => session !== null && !session.isClosed) as SFTPSession[];
  }

  close(): void {
    this.#closed = true;
    for (const session of this.#sessions.splice(0)) void session.then((each) => each?.close());
  }

  async #another(open: () => Promise<ByteChannel>): Promise<SFTPSession | null> {
    try {
      const session = await SFTPSession.open(await open());
      if (this.#closed) session.close();
      return session;
    } catch {
      // MaxSessions is reached, say: what there is must do, and asking again would annoy.
      this.#refused = true;
      return null;
    }
  }
}
