// What `amiko cp` tells: a line per file for people, on stderr, or JSON Lines on stdout. Errors are always told.

import { SSHError } from '../../errors.ts';
import type { TransferProgress } from '../../sftp/client/transfer/options.ts';
import { followProgress } from '../transfer/follow.ts';
import { messageOf } from '../transfer/messages.ts';
import { Progress } from '../transfer/progress.ts';

/** The end of everything. */
export interface Summary {
  readonly files: number;
  readonly bytes: number;
  readonly failed: number;
}

/** One source on its way. */
export interface SourceReport {
  onProgress?: (progress: TransferProgress) => void;
  /** It is over, well or not. */
  end(): void;
}

export interface Report {
  /** `name` makes what people see of a source path. */
  begin(name: (path: string) => string, resumed: boolean): SourceReport;
  failed(error: unknown, path: string): void;
  /** Something else is about to be written. */
  clear(): void;
  end(summary: Summary): void;
}

/** `progress` false for no more than errors. */
export function textReport(progress: boolean): Report {
  const display = new Progress(progress ? process.stderr : null);
  return {
    begin(name, resumed) {
      if (!display.enabled) return { end() {} };
      return followProgress(display, name, resumed);
    },
    failed(error) {
      display.clear();
      process.stderr.write(`amiko cp: ${messageOf(error)}\n`);
    },
    clear: () => display.clear(),
    end: () => display.finish(),
  };
}

/** Milliseconds between two progress lines. */
const JSON_INTERVAL = 200;

/** Paths that are not UTF-8 hold lone surrogates, which JSON escapes: they can be told apart and turned back. */
export function jsonReport(write: (line: string) => void, now: () => number = () => performance.now()): Report {
  const startedAt = now();
  const line = (event: string, values: object) => write(`${JSON.stringify({ event, ...values })}\n`);
  let toldAt = Number.NEGATIVE_INFINITY;
  return {
    begin: () => ({
      onProgress({ path, transferred, total, done }) {
        if (done) return line('file', { path, bytes: transferred });
        if (now() - toldAt < JSON_INTERVAL) return;
        toldAt = now();
        line('progress', { path, transferred, total });
      },
      end() {},
    }),
    failed(error, path) {
      const code = error instanceof SSHError ? error.code : ((error as NodeJS.ErrnoException | null)?.code ?? null);
      line('error', { path, code, message: messageOf(error) });
    },
    clear() {},
    end: (summary) => line('end', { ...summary, milliseconds: Math.round(now() - startedAt) }),
  };
}
