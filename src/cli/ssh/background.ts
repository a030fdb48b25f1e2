// `-f` and ForkAfterAuthentication. Node cannot fork, so who connects is a process of its own from the beginning, in a session of its
// own: it asks for passwords on the terminal that it inherits. The one that was started waits until the other says that all is set up,
// and ends; until then signals are passed on, and neither outlives the other.

import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { UsageError } from '../../errors.ts';

/** Says to a process that it is the one in the background. */
const MARK = 'AMIKO_BACKGROUND';
const READY = 'ready';
const FAILED = 255;

/** The process that connects, as it sees itself. */
export class Background {
  /** Null in any other process. */
  static current(): Background | null {
    const marked = process.env[MARK] !== undefined && process.send !== undefined;
    // Not for what is started from here.
    delete process.env[MARK];
    return marked ? new Background() : null;
  }

  readonly #alone = (): void => {
    process.kill(process.pid, 'SIGTERM');
  };

  private constructor() {
    process.once('disconnect', this.#alone);
  }

  /** All is set up: whoever waits in the foreground may go. */
  ready(): void {
    process.off('disconnect', this.#alone);
    process.send?.(READY, () => {
      if (process.connected) process.disconnect();
    });
  }
}

/**
 * Has a process in the background do what this one was called for, and waits until it is ready; resolves with the exit status. Without
 * a session nothing is written to stdout there, so that who reads it does not wait.
 * @throws UsageError where there is no background
 */
export function goToBackground({ noSession }: { readonly noSession: boolean }): Promise<number> {
  if (process.platform === 'win32') throw new UsageError('-f is not possible on Windows: there, start /b does it');
  const [program, ...args] = process.argv as [string, ...string[]];
  const child = spawn(program, [...process.execArgv, ...args], {
    detached: true,
    stdio: ['inherit', noSession ? 'ignore' : 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, [MARK]: '1' },
  });
  const pass = (signal: NodeJS.Signals): void => void child.kill(signal);
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, pass);
  return new Promise<number>((resolve, reject) => {
    child.once('message', () => resolve(0));
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? (signal === null ? FAILED : 128 + constants.signals[signal])));
  }).finally(() => {
    for (const signal of signals) process.off(signal, pass);
    if (child.connected) child.disconnect();
    child.unref();
  });
}
