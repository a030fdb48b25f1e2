// More SFTP sessions on the same connection: a server that grants each channel a small window for ever (OpenSSH: 2 MiB) limits
// what one channel carries over a distance (`Upload.addLane`). They are opened when a transfer first needs them and are shared by
// all. Servers allow few sessions on a connection, so they are closed when nobody has needed them for a while.

import type { SFTPSession } from './session.ts';

/** OpenSSH allows 10 sessions on a connection (MaxSessions); some are left for others. */
const MOST = 7;
/** How long they stay when the last one who used them is done, milliseconds. */
const IDLE_MS = 5_000;

export class SideSessions {
  readonly #openSession: (() => Promise<SFTPSession>) | null;
  readonly #idleMs: number;
  readonly #sessions: Promise<SFTPSession | null>[] = [];
  #borrowers = 0;
  #refused = false;
  #closed = false;
  #idle: NodeJS.Timeout | undefined;

  /** Null where there is no way to open more. */
  constructor(openSession: (() => Promise<SFTPSession>) | null, idleMs: number = IDLE_MS) {
    this.#openSession = openSession;
    this.#idleMs = idleMs;
  }

  /** At most so many sessions beside the first, as many as the server lets us have. Never rejects. Ends with {@link giveBack}. */
  async borrow(count: number): Promise<SFTPSession[]> {
    const sessions = await this.borrowEarly(count);
    const ready = await Promise.all(sessions.map((session) => session.ready));
    return sessions.filter((session, index) => ready[index] && !session.isClosed);
  }

  /** As {@link borrow}, a round trip earlier: the server may still refuse SFTP on any of them, and what is asked of it is lost then. */
  async borrowEarly(count: number): Promise<SFTPSession[]> {
    this.#borrowers++;
    clearTimeout(this.#idle);
    const open = this.#openSession;
    if (open === null || this.#closed) return [];
    while (!this.#refused && this.#sessions.length < Math.min(count, MOST)) this.#sessions.push(this.#another(open));
    const sessions = await Promise.all(this.#sessions.slice(0, count));
    return sessions.filter((session) => session !== null && !session.isClosed) as SFTPSession[];
  }

  /** Whoever has borrowed needs them no more. */
  giveBack(): void {
    this.#borrowers--;
    if (this.#borrowers > 0 || this.#sessions.length === 0) return;
    this.#idle = setTimeout(() => this.#closeAll(), this.#idleMs).unref();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#idle);
    this.#closeAll();
  }

  #closeAll(): void {
    this.#refused = false;
    for (const session of this.#sessions.splice(0)) void session.then((each) => each?.close());
  }

  async #another(open: () => Promise<SFTPSession>): Promise<SFTPSession | null> {
    try {
      const session = await open();
      if (this.#closed) session.close();
      else void session.ready.then((ready) => ready || this.#refuse());
      return session;
    } catch {
      this.#refuse();
      return null;
    }
  }

  /** MaxSessions is reached, say: what there is must do, and asking again would annoy. */
  #refuse(): void {
    this.#refused = true;
  }
}
