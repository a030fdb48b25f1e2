// From what a transfer tells to what the display shows: one item for each file that is on its way.

import type { TransferProgress } from '../../sftp/client/transfer/options.ts';
import type { Progress, ProgressItem } from './progress.ts';

export interface Follower {
  onProgress(progress: TransferProgress): void;
  /** What did not come to its end keeps its last line. */
  end(): void;
}

/** `name` makes what is shown of a source path. `resumed`: what a file has when it is first heard of was there before. */
export function followProgress(progress: Progress, name: (path: string) => string, resumed: boolean): Follower {
  const items = new Map<string, ProgressItem>();
  return {
    onProgress({ path, transferred, total, done }) {
      let item = items.get(path);
      if (item === undefined) {
        item = progress.begin(name(path), total, resumed ? transferred : 0);
        items.set(path, item);
      }
      item.update(transferred, total === 0 && !done ? null : total);
      if (!done) return;
      item.end();
      items.delete(path);
    },
    end() {
      for (const item of items.values()) item.end();
      items.clear();
    },
  };
}
