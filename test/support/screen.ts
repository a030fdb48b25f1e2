/** A terminal that a test types on and reads: tmux, with a shell in it whose prompt is `local>`. */
import { join } from 'node:path';
import { peer, run, tempDir } from './peers.ts';

export class Screen implements AsyncDisposable {
  readonly #dir = tempDir();
  readonly #home: string;
  readonly #size: readonly [columns: number, rows: number];

  /** `home` is the home directory of the shell. */
  constructor(home: string, size: readonly [columns: number, rows: number] = [80, 24]) {
    this.#home = home;
    this.#size = size;
  }

  static async open(home: string, size?: readonly [columns: number, rows: number]): Promise<Screen> {
    const screen = new Screen(home, size);
    await screen.open();
    return screen;
  }

  async open(): Promise<void> {
    const shell = `env PS1='local> ' HOME='${this.#home}' TERM=xterm-256color SSH_ASKPASS= AMIKO_PASSWORD= /bin/sh`;
    const [columns, rows] = this.#size.map(String) as [string, string];
    await this.#tmux('-f', '/dev/null', 'new-session', '-d', '-x', columns, '-y', rows, shell);
    await this.until(/local> $/);
  }

  /** A file of the screen's own folder. */
  file(name: string): string {
    return join(this.#dir.path, name);
  }

  async text(): Promise<string> {
    return (await this.#tmux('capture-pane', '-p', '-J')).trimEnd();
  }

  /** Types a text, `Enter` and all other names of keys as tmux has them. */
  async type(...keys: string[]): Promise<void> {
    for (const key of keys) {
      await this.#tmux('send-keys', ...(/^(Enter|Tab|Up|Down|C-.)$/.test(key) ? [key] : ['-l', '--', key]));
    }
  }

  async resize(columns: number, rows: number): Promise<void> {
    await this.#tmux('resize-window', '-x', String(columns), '-y', String(rows));
  }

  /** Waits until the screen, without the blanks at its end and with one after the last character, shows the pattern. */
  async until(pattern: RegExp): Promise<string> {
    const deadline = performance.now() + 10_000;
    for (;;) {
      const text = await this.text();
      if (pattern.test(`${text} `)) return text;
      if (performance.now() > deadline) throw new Error(`the screen never showed ${pattern}:\n${text}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async clear(): Promise<void> {
    await this.type('clear', 'Enter');
    await this.until(/^\S+> $/);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run(peer('tmux').path, ['-S', this.file('socket'), 'kill-server']);
    await this.#dir.remove();
  }

  async #tmux(...args: string[]): Promise<string> {
    const result = await run(peer('tmux').path, ['-u', '-S', this.file('socket'), ...args]);
    if (result.code !== 0) throw new Error(`tmux ${args.join(' ')}: ${result.stderr}`);
    return result.stdout.toString();
  }
}
