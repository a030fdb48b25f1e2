// The entries of a folder as they come, with several READDIRs under way: over a distance the first answers say how many are worth
// it. Names are the server's word: '.' and '..' are left out, and a name that could lead elsewhere ends the listing with an error
// (the class of CVE-2019-6111 and JSch CVE-2016-5725). To leave it out would be to copy or delete less than was asked for and say
// nothing.

import { printable, SFTPError } from '../../errors.ts';
import type { CallOptions } from '../../io/waiting.ts';
import type { SFTPAttributes } from '../protocol/attributes.ts';
import { Name, Opendir, Readdir } from '../protocol/messages.ts';
import { explained, whetherNoFolder } from './reasons.ts';
import type { Operation, SFTPSession } from './session.ts';

/** READDIRs under way at first: the entries of a small folder and the end behind them come in one round trip. */
const FIRST = 2;
/** At most; each answer may hold up to 256 KiB. */
const MOST = 50;

export interface ListOptions extends CallOptions {
  /** READDIRs that may be under way at once; default 50, reached step by step. */
  readonly readAheads?: number;
}

/** One folder that is being read. Nothing is asked for beyond `readAheads` until what came has been taken. */
export class FolderReader {
  readonly path: string;
  readonly #session: SFTPSession;
  readonly #handle: Uint8Array;
  readonly #most: number;
  readonly #options: CallOptions;
  /** Answers in the order of the requests. */
  #asked: Promise<readonly SFTPAttributes[] | null>[] = [];
  #depth = FIRST;
  #ended = false;
  #closed = false;

  /** @throws SFTPError ENOENT, ENOTDIR, EACCES, ... */
  static async open(session: SFTPSession, path: string, options: ListOptions = {}): Promise<FolderReader> {
    const what = { operation: 'opendir', path };
    const opened = session.askHandle(what, (id) => Opendir.encode({ id, path }), options);
    // OpenSSH sends ENOTDIR as "no such file".
    const handle = await explained(opened, () => whetherNoFolder(session, path, options), ['ERR_SSH_SFTP_FAILURE', 'ENOENT']);
    return new FolderReader(session, path, handle, options);
  }

  private constructor(session: SFTPSession, path: string, handle: Uint8Array, options: ListOptions) {
    const { readAheads = MOST, ...call } = options;
    this.path = path;
    this.#session = session;
    this.#handle = handle;
    this.#most = Math.max(1, readAheads);
    this.#options = call;
    this.#ask();
  }

  /**
   * The next entries, at least one, or null at the end. What fails closes the folder.
   * @throws SFTPError, EBADMSG for a name that no entry can have
   */
  async next(): Promise<readonly SFTPAttributes[] | null> {
    try {
      for (;;) {
        const first = this.#asked.shift();
        if (first === undefined) break;
        const entries = await first;
        if (entries === null) this.#ended = true;
        else this.#depth = Math.min(this.#depth * 2, this.#most);
        this.#ask();
        if (entries !== null && entries.length > 0) return entries;
      }
      this.close();
      return null;
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** May be called again, and at any time. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#ended = true;
    this.#session.release(this.#handle);
  }

  #ask(): void {
    const what: Operation = { operation: 'readdir', path: this.path };
    while (!this.#ended && this.#asked.length < Math.min(this.#depth, this.#most)) {
      const answer = this.#session.ask<readonly SFTPAttributes[] | null>(
        what,
        (id) => Readdir.encode({ id, handle: this.#handle }),
        { decode: (packet) => this.#entries(packet) },
        this.#options,
      );
      const entries = answer.catch(endOfFolder);
      // Whoever takes it hears of it; those that nobody takes must not count as unhandled.
      entries.catch(() => {});
      this.#asked.push(entries);
    }
  }

  #entries(packet: Uint8Array): readonly SFTPAttributes[] | null {
    const { names } = Name.decode(packet);
    // Everything has been copied out of it.
    this.#session.recycle(packet);
    // An empty answer is an end too: to ask again would ask for ever.
    if (names.length === 0) return null;
    return names.filter((entry) => isEntry(entry.filename ?? '', this.path));
  }
}

/** All entries, one after the other. */
export async function* listFolder(
  session: SFTPSession,
  path: string,
  options?: ListOptions,
): AsyncGenerator<SFTPAttributes, void> {
  const folder = await FolderReader.open(session, path, options);
  try {
    for (let entries = await folder.next(); entries !== null; entries = await folder.next()) yield* entries;
  } finally {
    folder.close();
  }
}

/** All entries at once: as many as the server sends. */
export async function entriesOf(session: SFTPSession, path: string, options?: ListOptions): Promise<SFTPAttributes[]> {
  const folder = await FolderReader.open(session, path, options);
  const all: SFTPAttributes[] = [];
  for (let entries = await folder.next(); entries !== null; entries = await folder.next()) {
    for (const entry of entries) all.push(entry);
  }
  return all;
}

function endOfFolder(error: unknown): null {
  if (error instanceof SFTPError && error.code === 'ERR_SSH_SFTP_EOF') return null;
  throw error;
}

function isEntry(name: string, path: string): boolean {
  if (name === '.' || name === '..') return false;
  if (name !== '' && !name.includes('/') && !name.includes('\0')) return true;
  throw new SFTPError('EBADMSG', `the server lists a name that no file can have: '${printable(name)}'`, {
    operation: 'readdir',
    path,
  });
}
