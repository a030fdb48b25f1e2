// A folder with all that is below it, parents before their children. Links are not followed. Folders to come are opened ahead, a
// bounded number of them, so that a tree of many small folders does not cost a round trip for each. What is below an endless
// folder comes as it is asked for, too: each folder is read as it is walked.

import { SFTPError } from '../../errors.ts';
import type { CallOptions } from '../../io/waiting.ts';
import type { SFTPAttributes } from '../protocol/attributes.ts';
import { FolderReader } from './listing.ts';
import { join } from './paths.ts';
import { lstat } from './questions.ts';
import type { SFTPSession } from './session.ts';

/** Folders opened before they are due, in one walk. */
const MOST_AHEAD = 16;
/** No file system has longer paths; a server that invents folder below folder must come to an end. */
const LONGEST_PATH = 32_768;

export interface WalkOptions extends CallOptions {
  /** Decides for a folder that can't be read, or that is gone. Default 'throw', which ends the walk. */
  readonly onError?: (error: unknown, path: string) => 'skip' | 'throw';
}

/** What a walk finds. */
export interface Found {
  /** The name for the server. */
  readonly path: string;
  /** Counted from where the walk began. */
  readonly relative: string;
  readonly attributes: SFTPAttributes;
}

interface TreeOptions extends WalkOptions {
  /** Whether to look into a folder; default all. */
  readonly enter?: (found: Found) => boolean;
}

export async function* walkTree(session: SFTPSession, root: string, options: TreeOptions = {}): AsyncGenerator<Found, void> {
  const { onError = () => 'throw', enter = () => true, ...call } = options;
  const walk = new Walk(session, call);
  try {
    walk.enter(root, '', walk.open(root));
    for (let found = await walk.next(onError); found !== null; found = await walk.next(onError)) {
      yield found;
      if (found.attributes.isDirectory() && enter(found)) walk.enter(found.path, found.relative);
    }
  } finally {
    walk.close();
  }
}

/** One folder on the way down. */
interface Level {
  readonly path: string;
  readonly relative: string;
  readonly reader: Promise<FolderReader>;
  entries: readonly SFTPAttributes[];
  at: number;
}

class Walk {
  readonly #session: SFTPSession;
  readonly #call: CallOptions;
  readonly #levels: Level[] = [];
  readonly #ahead = new Map<string, Promise<FolderReader>>();

  constructor(session: SFTPSession, call: CallOptions) {
    this.#session = session;
    this.#call = call;
  }

  open(path: string): Promise<FolderReader> {
    const reader = FolderReader.open(this.#session, path, this.#call);
    // Whoever comes to it hears of it.
    reader.catch(() => {});
    return reader;
  }

  enter(path: string, relative: string, reader: Promise<FolderReader> = this.#ahead.get(path) ?? this.open(path)): void {
    this.#ahead.delete(path);
    this.#levels.push({ path, relative, reader, entries: [], at: 0 });
  }

  /** The next entry, of the lowest level that has one. */
  async next(onError: NonNullable<WalkOptions['onError']>): Promise<Found | null> {
    for (let level = this.#levels.at(-1); level !== undefined; level = this.#levels.at(-1)) {
      try {
        const attributes = await this.#entryOf(level);
        if (attributes !== null) return this.#found(level, attributes);
      } catch (error) {
        if (this.#levels.length === 1 || onError(error, level.path) !== 'skip') throw error;
      }
      this.#levels.pop();
    }
    return null;
  }

  close(): void {
    const readers = [...this.#levels.map(({ reader }) => reader), ...this.#ahead.values()];
    for (const reader of readers) {
      reader.then(
        (each) => each.close(),
        () => {},
      );
    }
  }

  async #entryOf(level: Level): Promise<SFTPAttributes | null> {
    if (level.at === level.entries.length) {
      const entries = await (await level.reader).next();
      if (entries === null) return null;
      level.entries = entries;
      level.at = 0;
    }
    this.#lookAhead(level);
    const entry = level.entries[level.at++] as SFTPAttributes;
    // Servers need not say what an entry is.
    if (entry.stMode === undefined) {
      const { stMode, stSize, stMtime } = await lstat(this.#session, below(level.path, entry), this.#call);
      Object.assign(entry, { stMode, stSize: entry.stSize ?? stSize, stMtime: entry.stMtime ?? stMtime });
    }
    return entry;
  }

  #found(level: Level, attributes: SFTPAttributes): Found {
    const name = attributes.filename as string;
    const relative = level.relative === '' ? name : `${level.relative}/${name}`;
    return { path: below(level.path, attributes), relative, attributes };
  }

  #lookAhead(level: Level): void {
    for (let at = level.at; at < level.entries.length && this.#ahead.size < MOST_AHEAD; at++) {
      const entry = level.entries[at] as SFTPAttributes;
      if (!entry.isDirectory()) continue;
      const path = below(level.path, entry);
      if (!this.#ahead.has(path)) this.#ahead.set(path, this.open(path));
    }
  }
}

/** @throws SFTPError ENAMETOOLONG where a tree goes deeper than trees go */
function below(folder: string, { filename = '' }: SFTPAttributes): string {
  const path = join(folder, filename);
  if (path.length <= LONGEST_PATH) return path;
  const details = { operation: 'readdir', path: `${folder.slice(0, 200)}...` };
  throw new SFTPError('ENAMETOOLONG', `a path of more than ${LONGEST_PATH} characters`, details);
}
