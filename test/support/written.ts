// What a verb of the command line writes when a test calls its `main`, in place of the terminal.

import { afterEach, beforeEach, vi } from 'vitest';

/** Empty before each test of the file that calls this. */
export function captureWritten(): { stdout: string; stderr: string } {
  const written = { stdout: '', stderr: '' };
  beforeEach(() => {
    for (const name of ['stdout', 'stderr'] as const) {
      written[name] = '';
      vi.spyOn(process[name], 'write').mockImplementation((chunk) => {
        written[name] += String(chunk);
        return true;
      });
    }
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });
  return written;
}
