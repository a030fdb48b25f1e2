// A folder with all that is in it, from one side to the other. Folders are listed and made many at a time, and files transferred
// while the listing goes on. Symbolic links are made last of all, and modes and times of folders after that: whatever the source
// lists, nothing is ever written through a link that came from it (CVE-2019-6111 and its kind).

import { SFTPError } from '../../../errors.ts';
import { isKindKnown, type SFTPAttributes } from '../../protocol/attributes.ts';
import type { TransferCall } from './call.ts';
import { Crew } from './crew.ts';
import type { Entry, FileJob, SourceTree, TargetTree } from './trees.ts';

/** Folders that are listed at once. */
const FOLDERS = 16;
/** Files at once, unless the caller says otherwise: here, and where each of them waits for round trips. */
const FILES = 64;
const FILES_FAR = 256;
/** Deeper than anything that was made on purpose; a server can list without end. */
const MOST_DEPTH = 256;

export interface FolderSides {
  readonly source: SourceTree;
  readonly target: TargetTree;
  /** Transfers one file. */
  readonly move: (job: FileJob) => Promise<void>;
  /** Handles that a server lets us have at once; 0 where it does not say. */
  readonly mostHandles: number;
  /** Whether round trips are what takes the time. */
  readonly far: boolean;
  /** Whether either side is gone, so that no other file will fare better. */
  readonly gone: () => boolean;
}

interface Folder {
  readonly from: string;
  readonly to: string;
  readonly attributes: SFTPAttributes;
  readonly depth: number;
  /** Where links are followed: real paths of this folder, and of those that links led away from. */
  readonly trail: readonly string[];
}

/** @throws the first error that `onError` does not want to skip */
export async function transferFolder(
  call: TransferCall,
  sides: FolderSides,
  from: string,
  to: string,
  attributes: SFTPAttributes,
): Promise<void> {
  try {
    await new FolderTransfer(call, sides).run(from, to, attributes);
  } catch (error) {
    throw untold(error);
  }
}

class FolderTransfer {
  readonly #call: TransferCall;
  readonly #sides: FolderSides;
  readonly #files: Crew;
  readonly #walkers: Crew;
  /** Found, and not yet looked into; the last first, so that they do not pile up. */
  readonly #found: Folder[] = [];
  readonly #made: Folder[] = [];
  readonly #links: { readonly from: string; readonly to: string }[] = [];

  constructor(call: TransferCall, sides: FolderSides) {
    const { mostHandles } = sides;
    this.#call = call;
    this.#sides = sides;
    const stop = (error: unknown) => call.stop(untold(error));
    const most = mostHandles === 0 ? Number.POSITIVE_INFINITY : Math.max(1, Math.floor(mostHandles / 2));
    this.#files = new Crew(Math.min(call.options.concurrency ?? (sides.far ? FILES_FAR : FILES), most), sides.far, stop);
    this.#walkers = new Crew(Math.min(FOLDERS, most), sides.far, stop);
  }

  async run(from: string, to: string, attributes: SFTPAttributes): Promise<void> {
    const follows = this.#call.options.links === 'follow';
    const trail = follows ? [await this.#sides.source.realpath(from)] : [];
    const topmost: Folder = { from, to, attributes, depth: 0, trail };
    await this.#make(topmost);
    await this.#walkers.begin(0, () => this.#walk(topmost));
    for (;;) {
      const folder = this.#found.pop();
      if (folder !== undefined) await this.#walkers.begin(0, () => this.#enter(folder));
      else if (this.#walkers.running > 0) await this.#walkers.change();
      else break;
    }
    // Both are waited for, whichever has failed: no file may be open when this rejects.
    await Promise.allSettled([this.#walkers.done(), this.#files.done()]);
    this.#call.signal.throwIfAborted();
    for (const link of this.#links) await this.#files.begin(0, () => this.#link(link));
    await this.#files.done();
    if (this.#call.options.preserve) await this.#finish();
  }

  async #make(folder: Folder): Promise<void> {
    await this.#sides.target.makeFolder(folder.to, folder.attributes, folder.depth === 0);
    this.#made.push(folder);
    this.#call.tally.folders++;
  }

  async #enter(folder: Folder): Promise<void> {
    try {
      if (folder.depth > MOST_DEPTH)
        throw new SFTPError('ELOOP', 'folders without end', { operation: 'list', path: folder.from });
      await this.#make(folder);
    } catch (error) {
      await this.#failed(error, folder.from);
      return;
    }
    await this.#walk(folder);
  }

  async #walk(folder: Folder): Promise<void> {
    const { signal } = this.#call;
    try {
      for await (const entries of this.#sides.source.list(folder.from)) {
        for (const entry of entries) {
          if (signal.aborted) throw signal.reason;
          await this.#entry(folder, entry);
        }
      }
    } catch (error) {
      if (error instanceof Told) throw error;
      await this.#failed(error, folder.from);
    }
  }

  async #entry(folder: Folder, { name, attributes: listed }: Entry): Promise<void> {
    const { source, target } = this.#sides;
    const from = source.join(folder.from, name);
    try {
      const to = target.join(folder.to, name);
      const followed = listed.isSymbolicLink();
      const { links = 'copy', filter } = this.#call.options;
      if (followed && links === 'skip') {
        this.#call.tally.skipped++;
        return;
      }
      const known = isKindKnown(listed) && !(followed && links === 'follow');
      const attributes = known ? listed : await source.stat(from);
      if (filter !== undefined && !(await filter(from, attributes))) return;
      if (attributes.isSymbolicLink()) this.#links.push({ from, to });
      else if (attributes.isDirectory()) await this.#folder(folder, { from, to, name, attributes, followed });
      else if (attributes.isFile()) await this.#file({ folder, from, to, attributes, followed });
      else await this.#leaveOut(new SFTPError('ENOTSUP', 'not a file, folder or link', { operation: 'open', path: from }), from);
    } catch (error) {
      await this.#failed(error, from);
    }
  }

  async #folder(
    parent: Folder,
    { from, to, name, attributes, followed }: Omit<FileJob, 'count' | 'folder'> & { readonly name: string },
  ): Promise<void> {
    const { source } = this.#sides;
    let { trail } = parent;
    if (trail.length > 0) {
      const real = followed ? await source.realpath(from) : source.join(trail[0] as string, name);
      if (followed && trail.some((passed) => isInside(passed, real))) {
        const reason = 'the link leads back to a folder that it is in';
        await this.#leaveOut(new SFTPError('ELOOP', reason, { operation: 'open', path: from }), from);
        return;
      }
      trail = followed ? [real, ...trail] : [real, ...trail.slice(1)];
    }
    this.#found.push({ from, to, attributes, depth: parent.depth + 1, trail });
  }

  #file(file: Omit<FileJob, 'count'>): Promise<void> | undefined {
    const { tally } = this.#call;
    const { from, attributes } = file;
    const count = tally.found(from, attributes.size);
    return this.#files.begin(attributes.size, async () => {
      try {
        await this.#sides.move({ ...file, count });
      } catch (error) {
        tally.dropped(count);
        await this.#failed(error, from, 0);
      }
    });
  }

  async #link({ from, to }: { readonly from: string; readonly to: string }): Promise<void> {
    try {
      await this.#sides.target.makeLink(to, await this.#sides.source.readlink(from));
      this.#call.tally.links++;
    } catch (error) {
      await this.#failed(error, from);
    }
  }

  /** The deepest first: a folder that nobody may enter any more must have nothing left to do inside. */
  async #finish(): Promise<void> {
    const byDepth = this.#made.sort((a, b) => b.depth - a.depth);
    let depth = Number.POSITIVE_INFINITY;
    for (const folder of byDepth) {
      if (folder.depth < depth) await this.#files.done();
      depth = folder.depth;
      await this.#files.begin(0, async () => {
        try {
          await this.#sides.target.finishFolder(folder.to, folder.attributes);
        } catch (error) {
          await this.#failed(error, folder.from);
        }
      });
    }
    await this.#files.done();
  }

  /** The caller decides. @throws the error, marked as told */
  async #failed(error: unknown, path: string, skipped = 1): Promise<void> {
    const { signal, options, tally } = this.#call;
    if (error instanceof Told || signal.aborted || this.#sides.gone()) throw error;
    const decision = await (options.onError?.(error, path) ?? 'throw');
    if (decision !== 'skip') throw new Told(error);
    tally.skipped += skipped;
  }

  /** What nobody expects to be transferred; the caller may object. */
  async #leaveOut(error: SFTPError, path: string): Promise<void> {
    if ((await this.#call.options.onError?.(error, path)) === 'throw') throw new Told(error);
    this.#call.tally.skipped++;
  }
}

/** An error that `onError` has been told of: on its way out nobody else is to tell it again. */
class Told {
  readonly error: unknown;
  constructor(error: unknown) {
    this.error = error;
  }
}

function untold(error: unknown): unknown {
  return error instanceof Told ? error.error : error;
}

function isInside(path: string, folder: string): boolean {
  if (path === folder || folder === '/') return true;
  return path.startsWith(folder) && /[/\\]/.test(path[folder.length] ?? '');
}
