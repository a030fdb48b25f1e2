// The processes that one session has started, as far as they stay in its process group: signals reach all of them, and none
// outlives the session that it belongs to. What leaves the group on purpose (setsid, a daemon) is left alone, as OpenSSH does.

import { constants } from 'node:os';

/** The signals that a client may send and that are reported by name: RFC 4254 section 6.10. */
const NAMES: ReadonlySet<string> = new Set([
  'ABRT',
  'ALRM',
  'FPE',
  'HUP',
  'ILL',
  'INT',
  'KILL',
  'PIPE',
  'QUIT',
  'SEGV',
  'TERM',
  'USR1',
  'USR2',
]);

/** Whether RFC 4254 has a name for it; without "SIG". */
export function isSignalName(name: string): boolean {
  return NAMES.has(name);
}

/** `SIGTERM` for 15; null for a number that no signal has. */
export function signalOfNumber(number: number): NodeJS.Signals | null {
  for (const [name, value] of Object.entries(constants.signals)) {
    if (value === number) return name as NodeJS.Signals;
  }
  return null;
}

/** Milliseconds after SIGKILL in which the system has to clear away what it has ended. */
const CLEARING = 500;
/** Milliseconds between two looks at whether a group that was told to end has ended. */
const LOOK_INTERVAL = 20;

export class ProcessGroup {
  /** Resolves when the leader has ended and, after {@link end}, when nothing of the group is left. */
  readonly ended: Promise<void>;

  readonly #pid: number;
  #resolve: () => void = () => {};
  #leaderGone = false;
  #ending = false;

  /** `pid` is that of the group's leader. */
  constructor(pid: number) {
    this.#pid = pid;
    this.ended = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  /** Whether there was anything to send it to. */
  signal(name: NodeJS.Signals | 0): boolean {
    try {
      process.kill(-this.#pid, name);
      return true;
    } catch {
      return false;
    }
  }

  /** The leader has been waited for. */
  leaderEnded(): void {
    this.#leaderGone = true;
    if (!this.#ending) this.#resolve();
  }

  /** Asks all of them to end, and ends them when `grace` milliseconds have not been enough. */
  end(first: NodeJS.Signals, grace: number): void {
    // Once the leader has ended in its own time the number may belong to somebody else.
    if (this.#ending || this.#leaderGone) return;
    this.#ending = true;
    this.signal(first);
    const since = performance.now();
    let killed = false;
    const look = setInterval(() => {
      const passed = performance.now() - since;
      const empty = this.#leaderGone && !this.signal(0);
      // What has ended may stay listed for ever: where we are process 1 of a container, nobody waits for orphans.
      if (empty || (this.#leaderGone && passed >= grace + CLEARING)) {
        clearInterval(look);
        this.#resolve();
      } else if (!killed && passed >= grace) {
        killed = true;
        this.signal('SIGKILL');
      }
    }, LOOK_INTERVAL);
  }
}
