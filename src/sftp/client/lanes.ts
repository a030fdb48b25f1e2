// More lanes for an upload whose one channel turns out too narrow for the distance: the same file opened once more on each side
// session (`side-sessions.ts`). Where that fails, the lanes that there are carry on.

import type { CallOptions } from '../../io/waiting.ts';
import { FXF_WRITE } from '../protocol/messages.ts';
import { closeHandle, openHandle } from './handles.ts';
import type { SFTPSession } from './session.ts';
import type { SideSessions } from './side-sessions.ts';
import type { Lane, Upload } from './upload.ts';

/** Sessions beside the first. */
const MOST = 7;

export class Lanes {
  readonly #sides: Pick<SideSessions, 'borrowEarly' | 'giveBack'>;
  readonly #path: string;
  #lanes: Lane[] = [];
  #borrowed: Promise<SFTPSession[]> | null = null;
  #widened = false;
  #closed = false;

  constructor(sides: Pick<SideSessions, 'borrowEarly' | 'giveBack'>, path: string) {
    this.#sides = sides;
    this.#path = path;
  }

  /** How many there are beside the first. */
  get count(): number {
    return this.#lanes.length;
  }

  /** Has the sessions opened already, for {@link widen}: before the file is there, which saves a round trip. */
  prepare(most: number = MOST): void {
    if (!this.#closed) this.#borrowed ??= this.#sides.borrowEarly(Math.min(most, MOST));
  }

  /** For `UploadOptions.onNarrow`; `most` where there is not enough left for more. `added` is called for each. Never rejects. */
  async widen(upload: Upload, most: number = MOST, added?: () => void): Promise<void> {
    if (this.#widened || this.#closed) return;
    this.#widened = true;
    this.prepare(most);
    for (const session of (await this.#borrowed) ?? []) void this.#open(upload, session, added);
  }

  /** When all has been acknowledged. What a server could not keep may show here only. @throws SFTPError */
  async finish(call?: CallOptions): Promise<void> {
    this.#closed = true;
    const lanes = this.#lanes.splice(0);
    try {
      await Promise.all(lanes.map(({ session, handle }) => closeHandle(session, handle, this.#path, call)));
    } finally {
      this.#giveBack();
    }
  }

  /** When the upload is over, however it ended: what is on these lanes has been acknowledged then, or does not matter. */
  close(): void {
    this.#closed = true;
    for (const { session, handle } of this.#lanes.splice(0)) session.release(handle);
    this.#giveBack();
  }

  #giveBack(): void {
    if (this.#borrowed !== null) this.#sides.giveBack();
    this.#borrowed = null;
  }

  async #open(upload: Upload, session: Lane['session'], added?: () => void): Promise<void> {
    if (this.#closed) return;
    try {
      const handle = await openHandle(session, this.#path, FXF_WRITE, undefined);
      const lane = { session, handle };
      if (this.#closed) {
        session.release(handle);
        return;
      }
      this.#lanes.push(lane);
      upload.addLane(lane);
      added?.();
    } catch {
      // A file that may be written once only, a server out of handles, ...
    }
  }
}
