// Keys leave in step with a clock, with chaff in between and behind, and what is no key is not held up.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Keystrokes } from '../../../src/cli/ssh/keystrokes.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Takes down what is sent, and when. */
class Port {
  readonly sent: { at: number; text: string }[] = [];
  understood = true;
  failure: Error | null = null;
  readonly #since = performance.now();

  write(data: Uint8Array): Promise<void> {
    if (this.failure !== null) return Promise.reject(this.failure);
    this.#note(Buffer.from(data).toString());
    return Promise.resolve();
  }

  chaff(): boolean {
    if (this.understood) this.#note('*');
    return this.understood;
  }

  get text(): string {
    return this.sent.map(({ text }) => text).join('');
  }

  #note(text: string): void {
    this.sent.push({ at: performance.now() - this.#since, text });
  }
}

const bytes = (text: string) => new TextEncoder().encode(text);

describe('keystrokes', () => {
  it('leave at the next step, and between and behind them there is chaff', async () => {
    const port = new Port();
    const keys = new Keystrokes(port, 20);
    for (const key of 'abc') {
      await keys.write(bytes(key));
      await vi.advanceTimersByTimeAsync(110);
    }
    await vi.advanceTimersByTimeAsync(5_000);
    expect(port.text.replaceAll('*', '')).toBe('abc');
    expect(port.text).toMatch(/^a\*{3,6}b\*{3,6}c\*{45,175}$/);
    const pauses = port.sent.slice(1).map(({ at }, index) => at - (port.sent[index]?.at ?? 0));
    expect(Math.min(...pauses)).toBeGreaterThanOrEqual(18);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(23);
    expect(port.sent[0]?.at).toBeLessThanOrEqual(20);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('of one step leave together', async () => {
    const port = new Port();
    const keys = new Keystrokes(port, 20);
    for (const key of 'quick') await keys.write(bytes(key));
    expect(port.text).toBe('');
    await vi.advanceTimersByTimeAsync(20);
    expect(port.text).toBe('quick');
    keys.stop();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('what is pasted goes at once, behind the keys that wait, and without chaff', async () => {
    const port = new Port();
    const keys = new Keystrokes(port, 20);
    await keys.write(bytes('k'));
    await keys.write(bytes('x'.repeat(100)));
    expect(port.text).toBe(`k${'x'.repeat(100)}`);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(port.sent).toHaveLength(1);
  });

  it('the end does not wait for a step', async () => {
    const port = new Port();
    const keys = new Keystrokes(port, 1_000);
    await keys.write(bytes('exit\n'));
    await keys.flush();
    expect(port.text).toBe('exit\n');
  });

  it('go on where chaff is not understood any more', async () => {
    const port = new Port();
    port.understood = false;
    const keys = new Keystrokes(port, 20);
    for (const key of 'ab') {
      await keys.write(bytes(key));
      await vi.advanceTimersByTimeAsync(1_000);
    }
    expect(port.text).toBe('ab');
  });

  it('a channel that is closed is told of by the next key', async () => {
    const port = new Port();
    port.failure = new Error('closed');
    const keys = new Keystrokes(port, 20);
    await keys.write(bytes('a'));
    await vi.advanceTimersByTimeAsync(100);
    await expect(keys.write(bytes('b'))).rejects.toThrow('closed');
    expect(vi.getTimerCount()).toBe(0);
  });
});
