// Whether small steps on the local file system are taken at once, without a detour over the thread pool. For a file of a few
// kilobytes the detours cost several times what the file does, but whoever waits for a disk here keeps everything else waiting. So
// it is done on disks and memory of this machine only (not over a network, and not where another process serves the files: that may
// need this very process to go on), and not for long: after a step that took its time, the next ones take the detour.

import { statfs as statfsCallback } from 'node:fs';
import { promisify } from 'node:util';
import { stat } from './local-fs.ts';
import { forNode } from './local-path.ts';

const statfs = promisify(statfsCallback);

/** Types of file systems as statfs(2) of Linux has them: tmpfs, ext2 to ext4, XFS, Btrfs, F2FS, bcachefs, ZFS, overlayfs. */
const DISKS: ReadonlySet<number> = new Set([
  0x01021994, 0xef53, 0x58465342, 0x9123683e, 0xf2f52010, 0xca451a4e, 0x2fc12fc1, 0x794c7630,
]);
/** A step may take so long, milliseconds. */
const PATIENCE_MS = 4;
/** Of the time no more than one in so many parts is spent on steps that took longer. */
const SHARE = 10;
/** Folders that are remembered, however many there are: those that are under way are among the last. */
const MOST_FOLDERS = 4_096;

export class Pace {
  /** By device number. */
  readonly #devices = new Map<number, boolean>();
  readonly #folders = new Set<string>();
  #slowUntil = 0;

  /** Has to be called for a folder before {@link isQuick} may be true for it. */
  async enter(folder: string): Promise<void> {
    if (process.platform !== 'linux') return;
    try {
      const { dev } = await stat(forNode(folder));
      let quick = this.#devices.get(dev);
      if (quick === undefined) {
        quick = DISKS.has((await statfs(forNode(folder))).type);
        this.#devices.set(dev, quick);
      }
      if (!quick) return;
      const [oldest] = this.#folders;
      if (this.#folders.size >= MOST_FOLDERS && oldest !== undefined) this.#folders.delete(oldest);
      this.#folders.add(folder);
    } catch {
      // What is wrong with it, whoever uses it will see.
    }
  }

  /** Whether files in this folder may be used with {@link step}. */
  isQuick(folder: string): boolean {
    return this.#folders.has(folder) && performance.now() >= this.#slowUntil;
  }

  /** Does a small thing with a file that is no device, pipe or mount of its own. @throws what it throws */
  step<T>(work: () => T): T {
    const start = performance.now();
    try {
      return work();
    } finally {
      const end = performance.now();
      if (end - start > PATIENCE_MS) this.#slowUntil = end + SHARE * (end - start);
    }
  }
}
