// The seed's authentication strategies: sources of credentials tried one after the other, with a record of what each brought.
// A source that brings partial success has not logged anyone in, so the strategy goes on with the next one that the server
// would take; a source that the server did not take before may be what it wants after that, so it gets its turn then.

import { AuthenticationError, BadAuthenticationTypeError, printable, UsageError } from '../errors.ts';
import type { CallOptions } from '../io/waiting.ts';
import type { Signer } from '../keys/signer.ts';
import type { Transport } from './transport.ts';

type Eventually<T> = T | PromiseLike<T>;

/** One way to authenticate as one user. */
export abstract class AuthSource {
  readonly username: string;
  /**
   * The methods of the protocol (`password`, `publickey`, ...) that it may use, for the strategy to know whether the server
   * would take it; null for whatever the server asks for.
   */
  readonly methods: readonly string[] | null = null;

  constructor(username: string) {
    this.username = username;
  }

  /** Tries once. Resolves with the methods for the next step, empty when in; throws as `Transport.authPassword` does. */
  abstract authenticate(transport: Transport, options?: CallOptions): Promise<readonly string[]>;

  /** For logs: never the secret. */
  toString(): string {
    return `${this.constructor.name}(user='${printable(this.username)}')`;
  }
}

/** No credentials at all. */
export class NoneAuth extends AuthSource {
  override readonly methods: readonly string[] = ['none'];

  override authenticate(transport: Transport, options?: CallOptions): Promise<readonly string[]> {
    return transport.authNone(this.username, options);
  }
}

/** A password, asked for only when its turn has come. */
export class Password extends AuthSource {
  override readonly methods: readonly string[] = ['password', 'keyboard-interactive'];
  readonly #getter: () => Eventually<string>;

  /** `passwordGetter` may ask a person or a vault. */
  constructor(username: string, passwordGetter: () => Eventually<string>) {
    super(username);
    this.#getter = passwordGetter;
  }

  override async authenticate(transport: Transport, options?: CallOptions): Promise<readonly string[]> {
    const password = await this.#getter();
    return transport.authPassword(this.username, password, options);
  }
}

/** A key, wherever it comes from: the seed's `PrivateKey`, whose name here belongs to the key itself. */
export abstract class PrivateKeyAuth extends AuthSource {
  override readonly methods: readonly string[] = ['publickey'];
  abstract readonly pkey: Signer;

  override authenticate(transport: Transport, options?: CallOptions): Promise<readonly string[]> {
    return transport.authPublickey(this.username, this.pkey, options);
  }

  protected get description(): string {
    return `${this.pkey.publicKey.type} ${this.pkey.publicKey.fingerprint}`;
  }

  override toString(): string {
    return `${this.constructor.name}(user='${printable(this.username)}', key=${this.description})`;
  }
}

/** A key that the program has: read by itself, or held by an agent. */
export class InMemoryPrivateKey extends PrivateKeyAuth {
  override readonly pkey: Signer;

  constructor(username: string, pkey: Signer) {
    super(username);
    this.pkey = pkey;
  }
}

/** Who named a key file: ssh_config, the program, or nobody (the default places). */
export type KeyFileSource = 'ssh-config' | 'program' | 'implicit-home';

/** A key from a file, with where it came from for the record. The key has been read already. */
export class OnDiskPrivateKey extends PrivateKeyAuth {
  override readonly pkey: Signer;
  readonly source: KeyFileSource;
  readonly path: string;

  /** @throws UsageError for a `source` that there is not */
  constructor(username: string, source: KeyFileSource, path: string, pkey: Signer) {
    super(username);
    if (!['ssh-config', 'program', 'implicit-home'].includes(source))
      throw new UsageError(`not a source of key files: '${source}'`);
    this.source = source;
    this.path = path;
    this.pkey = pkey;
  }

  protected override get description(): string {
    return `${super.description}, source=${this.source}, path='${printable(this.path)}'`;
  }
}

/** What one source brought: the methods for the next step (empty where it was let in), or why it failed. */
export class SourceResult {
  readonly source: AuthSource;
  readonly result: readonly string[] | Error;

  constructor(source: AuthSource, result: readonly string[] | Error) {
    this.source = source;
    this.result = result;
  }

  toString(): string {
    const { source, result } = this;
    if (result instanceof Error) return `${source} -> ${result.name}: ${result.message}`;
    return `${source} -> ${result.length === 0 ? 'success' : `partial, next: ${result.map(printable).join(', ')}`}`;
  }
}

/** The record of a strategy: one entry per source that was tried, in order. */
export class AuthResult implements Iterable<SourceResult> {
  readonly strategy: AuthStrategy;
  readonly results: SourceResult[] = [];

  constructor(strategy: AuthStrategy, ...results: readonly SourceResult[]) {
    this.strategy = strategy;
    this.results.push(...results);
  }

  get length(): number {
    return this.results.length;
  }

  [Symbol.iterator](): Iterator<SourceResult> {
    return this.results[Symbol.iterator]();
  }

  toString(): string {
    return this.results.join('\n');
  }
}

/** No source of a strategy got in; `result` says what each brought. */
export class AuthFailure extends AuthenticationError {
  readonly result: AuthResult;

  constructor(result: AuthResult) {
    const tried = result.length === 0 ? 'there was nothing to try' : `tried:\n${result}`;
    const last = result.results.at(-1)?.result;
    super(`authentication failed, ${tried}`, {
      allowedTypes: last instanceof AuthenticationError ? last.allowedTypes : last instanceof Error ? [] : (last ?? []),
      attempts: last instanceof AuthenticationError ? last.attempts : [],
    });
    this.result = result;
  }
}

/**
 * Decides what to try, in which order. Subclass it and override {@link getSources}.
 *
 * @example
 * class KeyThenPassword extends AuthStrategy {
 *   override *getSources() {
 *     yield new InMemoryPrivateKey('me', key);
 *     yield new Password('me', () => askThePerson());
 *   }
 * }
 * await new KeyThenPassword().authenticate(transport);
 */
export abstract class AuthStrategy {
  /** What the subclass may want to look at. */
  readonly sshConfig: unknown;

  constructor(sshConfig: unknown = null) {
    this.sshConfig = sshConfig;
  }

  /** The sources in order. Each is asked for only when those before it have failed. */
  abstract getSources(): Iterable<AuthSource> | AsyncIterable<AuthSource>;

  /**
   * Tries the sources until one is let in. Time limit and signal are those of each attempt.
   * @throws AuthFailure when all have failed; the connection's error, `signal.reason`
   */
  async authenticate(transport: Transport, options?: CallOptions): Promise<AuthResult> {
    const result = new AuthResult(this);
    const state: { wanted: readonly string[] | null; later: AuthSource[] } = { wanted: null, later: [] };
    for await (const source of this.getSources()) {
      if (await this.#offer(source, transport, result, state, options)) return result;
      if (await this.#offerLater(transport, result, state, options)) return result;
    }
    throw new AuthFailure(result);
  }

  /** Sources that the server did not want when they had their turn, and after partial success does. */
  async #offerLater(
    transport: Transport,
    result: AuthResult,
    state: { wanted: readonly string[] | null; later: AuthSource[] },
    options: CallOptions | undefined,
  ): Promise<boolean> {
    for (;;) {
      const source = state.wanted === null ? undefined : state.later.find((one) => fits(one, state.wanted));
      if (source === undefined) return false;
      state.later = state.later.filter((other) => other !== source);
      if (await this.#offer(source, transport, result, state, options)) return true;
    }
  }

  /** Tries one source; true where it got in. */
  async #offer(
    source: AuthSource,
    transport: Transport,
    result: AuthResult,
    state: { wanted: readonly string[] | null; later: AuthSource[] },
    options: CallOptions | undefined,
  ): Promise<boolean> {
    if (!fits(source, state.wanted)) {
      state.later.push(source);
      return false;
    }
    try {
      const next = await source.authenticate(transport, options);
      result.results.push(new SourceResult(source, next));
      if (next.length === 0) return true;
      state.wanted = next;
    } catch (error) {
      // A connection that is gone, or a caller that has given up, ends the strategy: nothing else can succeed.
      if (!transport.isActive() || options?.signal?.aborted) throw error;
      result.results.push(new SourceResult(source, error instanceof Error ? error : new Error(String(error))));
      // What was not taken now may be taken after a partial success; what was refused stays refused.
      if (error instanceof BadAuthenticationTypeError && state.wanted === null) state.later.push(source);
      if (error instanceof AuthenticationError && state.wanted !== null) state.wanted = error.allowedTypes;
    }
    return false;
  }
}

function fits(source: AuthSource, wanted: readonly string[] | null): boolean {
  return wanted === null || source.methods === null || source.methods.some((method) => wanted.includes(method));
}
