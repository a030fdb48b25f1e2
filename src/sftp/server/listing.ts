// A folder that is being listed: a NAME at a time, no more read from the hook's iterable than is sent, and the iterable told when
// nobody wants the rest.

import type { SFTPAttributes } from '../protocol/attributes.ts';
import { SFTP_EOF } from '../protocol/status.ts';
import type { Listing } from './interface.ts';
import { ListingReply, statusReply } from './replies.ts';

/** Names in one NAME, as OpenSSH has it. */
const MAX_NAMES = 100;
/** Bytes of a NAME from which on no more is added. */
export const NAMES_BYTES = 65_536;

type Entries = Iterator<SFTPAttributes> | AsyncIterator<SFTPAttributes>;

/** Calls must not overlap. */
export class OpenListing {
  readonly #entries: Entries;
  #done = false;
  /** What went wrong after names that have been sent: the next answer. */
  #failure: { error: unknown } | null = null;

  /** @throws TypeError for what is no listing */
  constructor(listing: Listing) {
    this.#entries = Symbol.asyncIterator in listing ? listing[Symbol.asyncIterator]() : listing[Symbol.iterator]();
  }

  /** The next NAME, or STATUS with EOF. @throws what the iterable throws */
  async next(id: number): Promise<Uint8Array> {
    const reply = new ListingReply(id);
    const now = Date.now() / 1000;
    try {
      while (!this.#done && this.#failure === null && reply.count < MAX_NAMES && reply.length < NAMES_BYTES) {
        const { done, value } = await this.#entries.next();
        if (done) this.#done = true;
        else if (isName(value.filename)) reply.add(value, now);
      }
    } catch (error) {
      this.#failure = { error };
    }
    if (reply.count > 0) return reply.finish();
    if (this.#failure === null) return statusReply(id, SFTP_EOF);
    const { error } = this.#failure;
    this.#failure = null;
    throw error;
  }

  async close(): Promise<void> {
    if (this.#done) return;
    this.#done = true;
    await this.#entries.return?.();
  }
}

/** Longer than any file system's: no packet could hold the line. */
const MAX_NAME = 16_384;

function isName(name: string | undefined): boolean {
  return name !== undefined && name !== '' && name.length <= MAX_NAME;
}
