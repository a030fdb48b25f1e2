// Which folders small steps are taken in at once: those of a disk or of memory here, as many as are remembered.
import { describe, expect, it } from 'vitest';
import { Pace } from '../../../src/sftp/client/transfer/pace.ts';

/** Memory, on every Linux; spelt in ways that are different folders to whoever does not look. */
const memory = (spelling: number): string =>
  `/dev/shm${[...spelling.toString(2).padStart(13, '0')].map((digit) => (digit === '1' ? '/.' : '//')).join('')}`;

describe.runIf(process.platform === 'linux')('pace', () => {
  it('is quick in memory, and nowhere that is not known', async () => {
    const pace = new Pace();
    expect(pace.isQuick('/dev/shm')).toBe(false);
    await pace.enter('/dev/shm');
    expect(pace.isQuick('/dev/shm')).toBe(true);
    for (const other of ['/proc', '/no/such/folder']) {
      await pace.enter(other);
      expect(pace.isQuick(other)).toBe(false);
    }
  });

  it('remembers the last few thousand folders, and no more', async () => {
    const pace = new Pace();
    for (let spelling = 0; spelling <= 4_096; spelling++) await pace.enter(memory(spelling));
    expect(pace.isQuick(memory(0))).toBe(false);
    expect(pace.isQuick(memory(1))).toBe(true);
    expect(pace.isQuick(memory(4_096))).toBe(true);
  });

  it('is slow for a while after a step that took its time', async () => {
    const pace = new Pace();
    await pace.enter('/dev/shm');
    const until = performance.now() + 10;
    pace.step(() => {
      while (performance.now() < until);
    });
    expect(pace.isQuick('/dev/shm')).toBe(false);
  });
});
