// How a value of one host is read: the keyword's own value or none, with tokens and `~` put in where it is a path or a command, and
// mistakes as a ConfigError that names the host. What the values mean is in connection-config.ts and resolved-config.ts.

import { ConfigError } from '../errors.ts';
import { type ConfigCommand, commandProblem, expandCommand } from './command.ts';
import { effective, type Finished } from './finish.ts';
import { LineError } from './line.ts';
import { expand, expandTilde, type Tokens } from './tokens.ts';

/** What is settled about one host, for whoever says what it means. */
export class SettledValues {
  readonly #finished: Finished;

  /** @internal */
  constructor(finished: Finished) {
    this.#finished = finished;
  }

  /** As it was asked for. */
  get host(): string {
    return this.#finished.original;
  }

  /** @internal Not a property of its own: the environment is in there, and has no place where a configuration is printed. */
  protected get finished(): Finished {
    return this.#finished;
  }

  /** @internal */
  protected value(key: string): string | undefined {
    return effective(this.#finished.settings, key);
  }

  /** @internal */
  protected flag(key: string, fallback = false): boolean {
    return (this.value(key) ?? (fallback ? 'yes' : 'no')) === 'yes';
  }

  /** @internal */
  protected paths(paths: readonly string[]): readonly string[] {
    const { tokens, machine } = this.#finished;
    const wanted = paths.filter((path) => path.toLowerCase() !== 'none');
    return this.asConfigError(() => wanted.map((path) => expand(expandTilde(path, machine), { tokens, env: machine.env })));
  }

  /** @internal */
  protected command(key: string, tokens: Tokens): ConfigCommand | null {
    const command = this.value(key);
    if (command === undefined) return null;
    const problem = commandProblem(command, tokens);
    if (problem !== null) throw this.#error(problem);
    return this.asConfigError(() => expandCommand(command, tokens));
  }

  /** @internal */
  protected asConfigError<T>(make: () => T): T {
    try {
      return make();
    } catch (error) {
      throw error instanceof LineError ? this.#error(error.message, error) : error;
    }
  }

  #error(message: string, cause?: unknown): ConfigError {
    return new ConfigError([{ file: `the configuration of ${this.host}`, line: null, message }], { cause });
  }
}
