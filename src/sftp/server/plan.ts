// How a request gets from its packet to its answer: a handler reads the packet at once and says what serving it touches; when its
// turn has come it is served, and what that resolves with is posted.

import { SFTP_BAD_MESSAGE } from '../protocol/status.ts';
import type { AnswerTurn } from './answer-line.ts';
import type { HandleTable } from './handle-table.ts';
import type { SFTPServerInterface } from './interface.ts';
import { type Effect, pathKey, type Touch } from './order.ts';
import { Refusal } from './outcome.ts';
import type { ReplyQueue } from './reply-queue.ts';

/** What handlers know of the session. */
export interface Serving {
  readonly fileSystem: SFTPServerInterface;
  readonly handles: HandleTable;
  readonly replies: ReplyQueue;
  readonly maxOpenHandles: number;
  /** SYMLINK comes with the link before the target (symlink-order.ts). */
  readonly linkFirst: boolean;
  /** The session is over, and nobody waits for answers. */
  readonly over: boolean;
  /** Nobody looks at the packet any more. */
  recycle(packet: Uint8Array): void;
}

export interface Plan {
  readonly touches: readonly Touch[];
  /** Memory that serving it takes, besides the packet. Bytes. */
  readonly bytes?: number;
  /** Its place among those after which it is answered. */
  readonly answer?: AnswerTurn;
  /** It is served even when the session has ended meanwhile. */
  readonly always?: boolean;
  /** Resolves with the framed answer, or rejects with what {@link errorReply} understands. */
  serve(): Promise<Uint8Array>;
}

/** The most that one READ is answered with, and that a WRITE should have: what OpenSSH's server says of itself. Bytes. */
export const MAX_DATA_BYTES = 261_120;

/** Longer than any system takes: Linux has 4,096 with the final zero. */
const MAX_PATH = 4_096;

/** A path that may be handed to a hook. An empty one is the default folder (the draft's section 6.2). @throws Refusal */
export function checkedPath(path: string): string {
  return checkedTarget(path) || '.';
}

/** What a symbolic link may say. @throws Refusal */
export function checkedTarget(path: string): string {
  if (path.length >= MAX_PATH) throw new Refusal(SFTP_BAD_MESSAGE, 'File name too long');
  // Everything behind a zero would be cut off by a hook that hands the path to C.
  if (path.includes('\0')) throw new Refusal(SFTP_BAD_MESSAGE, 'Invalid argument');
  return path;
}

export function touching(effect: Effect, ...paths: readonly string[]): Touch[] {
  return paths.map((path) => ({ key: pathKey(path), effect }));
}
