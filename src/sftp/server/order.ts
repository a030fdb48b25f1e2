// In which order requests are served (draft-ietf-secsh-filexfer-02 section 6.1): the answers must be those that the client would
// get if it waited for each, and still 2,000 small files should not stand in one line. So each request says what it touches, and
// starts when no unfinished request before it touches the same in a way that matters. Whoever came first is never waited for by
// itself through others, so there is no deadlock, and nobody is passed for ever.
//
// Paths are compared by name alone, as far as that is sound: letters of either case are one, and a path with ".." is every path,
// because behind a symbolic link it leads anywhere. Two names of one file (links) are two files here, and an open file has the name
// that it was opened by: who reaches one file by two names should wait for answers.

/** Looks at it. */
export const READS = 0;
/** Changes a file, or the position in a folder, that is there and stays there. */
export const CHANGES = 1;
/** Makes, removes, moves or locks it: everything below it is affected as well, and the listings above. */
export const RESTRUCTURES = 2;

export type Effect = typeof READS | typeof CHANGES | typeof RESTRUCTURES;

/** What a request does to one thing. */
export interface Touch {
  /** A key of {@link pathKey} or {@link handleKey}. */
  readonly key: string;
  readonly effect: Effect;
}

const ANYTHING = '';

/** `/a/b/` or, below wherever the session starts, `./a/b/`: the key of a folder is the beginning of those of its files. */
export function pathKey(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') return ANYTHING;
    if (part !== '' && part !== '.') parts.push(part);
  }
  const root = path.startsWith('/') ? '/' : './';
  return parts.length === 0 ? root : `${root}${parts.join('/').normalize('NFC').toLowerCase()}/`;
}

export function handleKey(serial: number): string {
  return `#${serial}`;
}

/** An entry in the line. */
export interface Turn {
  readonly touches: readonly Touch[];
  readonly onlyReads: boolean;
  readonly start: () => void;
  /** How many before it must leave first. */
  waitsFor: number;
  /** Who waits for it. */
  readonly followers: Turn[];
}

export class Order {
  readonly #turns = new Set<Turn>();

  /** Requests that have come and are not done. */
  get size(): number {
    return this.#turns.size;
  }

  /** Calls `start`, now or when it is its turn. Whoever was started must {@link leave}. */
  enter(touches: readonly Touch[], start: () => void): Turn {
    const onlyReads = touches.every(({ effect }) => effect === READS);
    const turn: Turn = { touches, onlyReads, start, waitsFor: 0, followers: [] };
    for (const earlier of this.#turns) {
      if (!collide(earlier, turn)) continue;
      earlier.followers.push(turn);
      turn.waitsFor++;
    }
    this.#turns.add(turn);
    if (turn.waitsFor === 0) start();
    return turn;
  }

  leave(turn: Turn): void {
    this.#turns.delete(turn);
    for (const follower of turn.followers) if (--follower.waitsFor === 0) follower.start();
  }
}

function collide(a: Turn, b: Turn): boolean {
  if (a.onlyReads && b.onlyReads) return false;
  return a.touches.some((one) => b.touches.some((other) => touchSame(one, other)));
}

function touchSame(a: Touch, b: Touch): boolean {
  if (a.effect === READS && b.effect === READS) return false;
  if (a.key === b.key) return true;
  if (a.key.startsWith('#') || b.key.startsWith('#')) return false;
  if (a.key === ANYTHING || b.key === ANYTHING) return true;
  // Where relative paths begin is the file system's to know.
  if (a.key.startsWith('/') !== b.key.startsWith('/')) return true;
  const related = a.key.startsWith(b.key) || b.key.startsWith(a.key);
  return related && (a.effect === RESTRUCTURES || b.effect === RESTRUCTURES);
}
