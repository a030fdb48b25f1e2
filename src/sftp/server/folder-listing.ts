// The entries of a real folder, read as the client asks for more, however many there are. Each is looked at below the folder
// that was opened, links not followed; one that has gone meanwhile is left out.

import type { Dir, Stats } from 'node:fs';
import { lstat, opendir } from 'node:fs/promises';
import { SFTPAttributes } from '../protocol/attributes.ts';
import { decodeName } from '../protocol/names.ts';
import type { Held } from './jail-held.ts';
import { codeOf } from './jail-refusal.ts';

/** Entries that are looked at together: enough to keep Node's threads busy, few enough not to keep other sessions from them. */
const BATCH = 32;

/** To be read to its end or closed with `return()`: until then it holds two descriptors. */
export class FolderListing implements AsyncIterableIterator<SFTPAttributes> {
  readonly #folder: Held;
  readonly #entries: Dir;
  #ready: SFTPAttributes[] = [];
  #open = true;
  /** Calls of next and return wait for those before them. */
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(folder: Held, entries: Dir) {
    this.#folder = folder;
    this.#entries = entries;
  }

  /** The listing releases `folder` at its end. @throws errors of Node's, and then it is not released */
  static async of(folder: Held): Promise<FolderListing> {
    // Latin-1 is Node's way to give each byte of a name unchanged.
    return new FolderListing(folder, await opendir(folder.path as string, { encoding: 'latin1', bufferSize: BATCH }));
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<SFTPAttributes, undefined>> {
    return this.#inTurn(async () => {
      while (this.#open && this.#ready.length === 0) await this.#fill();
      const value = this.#ready.pop();
      return value === undefined ? { done: true, value } : { done: false, value };
    });
  }

  return(): Promise<IteratorResult<SFTPAttributes, undefined>> {
    return this.#inTurn(async () => {
      this.#ready = [];
      await this.#close();
      return { done: true, value: undefined };
    });
  }

  async #fill(): Promise<void> {
    try {
      const names: string[] = [];
      while (names.length < BATCH) {
        const entry = await this.#entries.read();
        if (entry === null) break;
        names.push(decodeName(Buffer.from(entry.name, 'latin1')));
      }
      if (names.length === 0) return await this.#close();
      // All of them, also where one fails: none may still be looking when the folder is released.
      const seen = await Promise.allSettled(names.map((name) => this.#look(name)));
      for (const result of seen.reverse()) {
        if (result.status === 'rejected') throw result.reason;
        // Taken from the end.
        if (result.value !== null) this.#ready.push(result.value);
      }
    } catch (error) {
      await this.#close();
      throw error;
    }
  }

  async #look(name: string): Promise<SFTPAttributes | null> {
    let stats: Stats;
    try {
      stats = await lstat(this.#folder.entry(name));
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return null;
      throw error;
    }
    return SFTPAttributes.fromStat(stats, name);
  }

  async #close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    this.#folder.release();
    await this.#entries.close();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => {});
    return result;
  }
}
