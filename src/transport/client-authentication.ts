// How a client logs in: one attempt after the other, each judged and remembered without its secrets.

import {
  type ClientAuthMethod,
  HOST_BOUND_EXTENSION,
  type InteractiveAnswer,
  interactiveMethod,
  noneMethod,
  passwordMethod,
  publickeyMethod,
} from '../auth/client.ts';
import type { AuthOutcome } from '../auth/outcome.ts';
import { decodeText, EMPTY } from '../bytes/bytes.ts';
import type { Engine } from '../engine/engine.ts';
import {
  type AuthenticationAttempt,
  AuthenticationError,
  BadAuthenticationTypeError,
  NegotiationError,
  printable,
  SSHError,
  UsageError,
} from '../errors.ts';
import { check } from '../io/check-arguments.ts';
import { listOf, needed, secret, text } from '../io/kinds.ts';
import { type CallOptions, waitFor } from '../io/waiting.ts';
import { type SignatureAlgorithm, signatureRow } from '../keys/signature.ts';
import type { Signer } from '../keys/signer.ts';
import type { InteractiveHandler } from './options.ts';

const ANSWERS = needed(secret(listOf(text, 'an array of strings, or a promise of one')));

export interface ClientAuthenticationPort {
  /** @throws where the connection is not there, or over. */
  engine(): Engine;
  /** The host key as it came in the first key exchange, or null where there was none. */
  hostKey(): Uint8Array | null;
  /** Signature algorithms that we may use. */
  pubkeys(): readonly string[];
  log(level: 1 | 2 | 3, message: string): void;
  /** How long a server may take to answer, milliseconds. */
  readonly timeout: number;
}

export class ClientAuthentication {
  readonly attempts: AuthenticationAttempt[] = [];
  /** Who is logged in. */
  username: string | null = null;

  readonly #port: ClientAuthenticationPort;
  /** What the server takes (RFC 8308 section 3.1), or null where it did not say. */
  #serverSigAlgs: readonly string[] | null = null;
  /** The server takes publickey requests that name its host key. */
  #hostBound = false;
  /** Settles when the engine has no attempt under way; one that timed out for its caller may still be. */
  #idle: Promise<void> = Promise.resolve();

  constructor(port: ClientAuthenticationPort) {
    this.#port = port;
  }

  /** What the server says of itself (RFC 8308). */
  learn(extensions: ReadonlyMap<string, Uint8Array>): void {
    const algorithms = extensions.get('server-sig-algs');
    if (algorithms !== undefined) this.#serverSigAlgs = decodeText(algorithms).split(',');
    this.#hostBound = decodeText(extensions.get(HOST_BOUND_EXTENSION) ?? EMPTY) === '0';
  }

  none(username: string, options?: CallOptions): Promise<readonly string[]> {
    return this.#try(username, noneMethod(username), options);
  }

  async password(
    username: string,
    password: string,
    options: CallOptions & { fallback?: boolean; onChangeRequest?: (prompt: string) => string | PromiseLike<string> },
  ): Promise<readonly string[]> {
    try {
      return await this.#try(username, passwordMethod(username, password, options.onChangeRequest), options);
    } catch (error) {
      const asks = error instanceof BadAuthenticationTypeError && error.allowedTypes.includes('keyboard-interactive');
      if (!asks || options.fallback === false) throw error;
      return this.#passwordByQuestion(username, password, options, error);
    }
  }

  async publickey(username: string, key: Signer, options: CallOptions & { query?: boolean }): Promise<readonly string[]> {
    // Callers without types give what a key file holds: to fail later would blame something else.
    if (!Array.isArray(key?.algorithms))
      throw new UsageError('the key is no Signer: readPrivateKey and parsePrivateKey make one');
    const query = options.query ?? key.costly ?? false;
    // An agent may want to know the host; for a key at hand it makes no difference.
    const hostKey = key.costly === true && this.#hostBound ? this.#port.hostKey() : null;
    return this.#try(username, publickeyMethod(username, key, this.#signatureAlgorithm(key), query, hostKey), options);
  }

  interactive(
    username: string,
    handler: InteractiveHandler,
    options: CallOptions & { submethods?: string },
  ): Promise<readonly string[]> {
    const answer: InteractiveAnswer = async ({ name, instructions, prompts }) => {
      const answers = await handler(
        name,
        instructions,
        prompts.map(({ prompt, echo }) => [prompt, echo] as const),
      );
      check("'keyboard-interactive' authentication", 'what the handler of the questions returns', answers, ANSWERS);
      return answers;
    };
    return this.#try(username, interactiveMethod(username, answer, options.submethods), options);
  }

  /** Any other method. */
  attempt(username: string, method: ClientAuthMethod, options?: CallOptions): Promise<readonly string[]> {
    return this.#try(username, method, options);
  }

  #try(username: string, method: ClientAuthMethod, options?: CallOptions): Promise<readonly string[]> {
    return waitFor<readonly string[]>(
      `'${method.method}' authentication`,
      options,
      ({ resolve, reject }) => {
        const before = this.#idle;
        let done = () => {};
        this.#idle = new Promise((idle) => {
          done = idle;
        });
        let givenUp = false;
        // The time limit runs while we wait for our turn: the attempt before may never be answered.
        void before.then(() => {
          if (givenUp) {
            done();
            return;
          }
          const key = method.key === undefined ? '' : ` with ${method.key}`;
          this.#port.log(2, `trying '${method.method}' for '${printable(username)}'${key}`);
          try {
            this.#port.engine().authenticate(method, (outcome) => {
              done();
              try {
                resolve(this.#judge(username, method, outcome));
              } catch (error) {
                reject(error);
              }
            });
          } catch (error) {
            done();
            reject(error);
          }
        });
        return () => {
          givenUp = true;
        };
      },
      this.#port.timeout,
    );
  }

  #judge(username: string, { method, key }: ClientAuthMethod, outcome: AuthOutcome | SSHError): readonly string[] {
    if (outcome instanceof SSHError) throw outcome;
    const record = (result: AuthenticationAttempt['result'], next: readonly string[]) => {
      this.attempts.push({ method, result, next, ...(key !== undefined && { key }) });
      const takes = next.length > 0 ? `; the server takes ${next.map(printable).join(', ')}` : '';
      this.#port.log(2, `'${method}': ${result}${takes}`);
    };
    if (outcome.result === 'success') {
      record('success', []);
      this.username = username;
      return [];
    }
    const { methods, partialSuccess, refused, cause } = outcome;
    if (partialSuccess) {
      record('partial', methods);
      return methods;
    }
    record(refused ? 'refused' : 'failure', methods);
    const attempts = [...this.attempts];
    if (method === 'none' || !methods.includes(method)) throw new BadAuthenticationTypeError(method, methods, attempts);
    const why =
      cause instanceof Error ? cause.message : refused ? `the server does not want the key ${key}` : 'the server refused it';
    const message = `'${method}' authentication as '${printable(username)}' failed: ${why}`;
    throw new AuthenticationError(message, { allowedTypes: methods, attempts, ...(cause !== undefined && { cause }) });
  }

  async #passwordByQuestion(
    username: string,
    password: string,
    options: CallOptions,
    original: unknown,
  ): Promise<readonly string[]> {
    const answer: InteractiveAnswer = ({ prompts }) => {
      if (prompts.length === 0) return [];
      // More than one question, or one to be shown, is not the password.
      return prompts.length === 1 && prompts[0]?.echo === false ? [password] : null;
    };
    try {
      return await this.#try(username, interactiveMethod(username, answer), options);
    } catch (error) {
      if (error instanceof BadAuthenticationTypeError) throw original;
      throw error;
    }
  }

  /**
   * RFC 8332 section 3.3: the first that we may use and the server says it takes. A server that says nothing is most likely too
   * old for anything but SHA-1, so that comes first where the caller allows it at all (OpenSSH does the same).
   */
  #signatureAlgorithm(key: Signer): SignatureAlgorithm {
    const pubkeys = this.#port.pubkeys();
    const ours = key.algorithms.filter((name) => pubkeys.includes(name));
    const theirs = this.#serverSigAlgs;
    const old = ours.find((name) => signatureRow(name)?.status === 'legacy');
    const chosen = theirs === null ? (old ?? ours[0]) : ours.find((name) => theirs.includes(name));
    if (chosen === undefined) throw new NegotiationError('signature', ours, theirs ?? []);
    return chosen;
  }
}
