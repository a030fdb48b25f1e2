// Changes to a file or folder, found by looking again and again: the protocol has nothing that would tell. Two changes between two
// looks are one, and a change within the same second that leaves the size alone is none, since times are whole seconds.

import { setTimeout as wait } from 'node:timers/promises';
import { SFTPError, UsageError } from '../../errors.ts';
import type { CallOptions } from '../../io/waiting.ts';
import type { SFTPAttributes } from '../protocol/attributes.ts';
import { listFolder } from './listing.ts';
import { baseOf } from './paths.ts';
import { stat } from './questions.ts';
import type { SFTPSession } from './session.ts';
import { walkTree } from './walk.ts';

export interface WatchOptions {
  /** Milliseconds from the end of one look to the next; default 1,000. */
  readonly interval?: number;
  /** Folders below the folder, too. */
  readonly recursive?: boolean;
  /** Ends the iteration: it rejects with `signal.reason`. */
  readonly signal?: AbortSignal;
}

/** As fs.watch's: `rename` for what has come or gone, `change` for what is otherwise than before. */
export interface WatchEvent {
  readonly eventType: 'rename' | 'change';
  /** Counted from the folder that is watched; the file's own name where a file is. */
  readonly filename: string;
}

const INTERVAL = 1_000;

/** What changes when a file does, by its name. */
type Snapshot = ReadonlyMap<string, string>;

/** @throws SFTPError where there is nothing to watch at the start, `signal.reason` */
export async function* watchPath(
  session: SFTPSession,
  path: string,
  options: WatchOptions = {},
): AsyncGenerator<WatchEvent, void> {
  const { interval = INTERVAL, recursive = false, signal } = options;
  if (!(interval > 0)) throw new UsageError(`not an interval: ${interval}`);
  const call: CallOptions = signal === undefined ? {} : { signal };
  const look = async () => lookAt(session, path, recursive, call);
  let before = await look();
  for (;;) {
    await pause(interval, signal);
    // Something that is gone may come back.
    const after: Snapshot = await look().catch((error: unknown) => {
      if (isGone(error)) return new Map<string, string>();
      throw error;
    });
    yield* differences(before, after);
    before = after;
  }
}

async function lookAt(session: SFTPSession, path: string, recursive: boolean, call: CallOptions): Promise<Snapshot> {
  const attributes = await stat(session, path, call);
  const seen = new Map<string, string>();
  if (!attributes.isDirectory()) {
    seen.set(baseOf(path), stateOf(attributes));
  } else if (recursive) {
    const onError = (error: unknown) => (isGone(error) ? 'skip' : 'throw');
    const walk = walkTree(session, path, { ...call, onError });
    for await (const found of walk) seen.set(found.relative, stateOf(found.attributes));
  } else {
    for await (const entry of listFolder(session, path, call)) seen.set(entry.filename as string, stateOf(entry));
  }
  return seen;
}

/** Also a folder that has become a file since it was seen: the next look sees it. */
function isGone(error: unknown): boolean {
  return error instanceof SFTPError && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}

function stateOf({ stSize, stMtime, stMode, stUid, stGid }: SFTPAttributes): string {
  return [stSize, stMtime, stMode, stUid, stGid].join(' ');
}

function* differences(before: Snapshot, after: Snapshot): Generator<WatchEvent, void> {
  for (const filename of before.keys()) if (!after.has(filename)) yield { eventType: 'rename', filename };
  for (const [filename, state] of after) {
    const was = before.get(filename);
    if (was === undefined) yield { eventType: 'rename', filename };
    else if (was !== state) yield { eventType: 'change', filename };
  }
}

async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await wait(milliseconds, undefined, { ref: true, ...(signal !== undefined && { signal }) });
  } catch {
    signal?.throwIfAborted();
  }
}
