// Logging in: which method, with what, in what order. The server says what it takes; of that, ours are tried by preference, each
// as often as there is something new to try. A method that was right but not enough (partial success, RFC 4252 section 5.1)
// begins a new step, in which all methods count again.

import { Identities } from '../../client/identities.ts';
import { AgentError, AuthenticationError, GssError, NegotiationError, printable, SSHError } from '../../errors.ts';
import type { Transport } from '../../transport/transport.ts';
import type { Asking } from './asking.ts';
import type { Log } from './log.ts';
import type { ConnectionOptions } from './options.ts';
import { identityPort, whyNobody } from './unlock.ts';

export interface AuthenticateOptions
  extends Pick<
    ConnectionOptions,
    | 'identityFiles'
    | 'certificateFiles'
    | 'identitiesOnly'
    | 'identityAgent'
    | 'addKeysToAgent'
    | 'requiredRsaSize'
    | 'authentications'
    | 'passwordPrompts'
    | 'gssapiDelegateCredentials'
  > {
  readonly user: string;
  /** For prompts, and for Kerberos. */
  readonly host: string;
}

/** No server needs more steps; one that asks for more is not going to let us in. */
const MAX_STEPS = 8;

/** Logs in, or throws what went wrong. @throws AuthenticationError naming all that was tried, or the connection's error */
export async function authenticate(transport: Transport, options: AuthenticateOptions, asking: Asking, log: Log): Promise<void> {
  const identities = new Identities(transport, options, identityPort(options.addKeysToAgent, asking, log));
  try {
    await new Login(transport, options, identities, asking, log).run();
  } finally {
    identities.close();
  }
}

type Outcome = 'in' | 'partial' | 'failed';

class Login {
  readonly #transport: Transport;
  readonly #options: AuthenticateOptions;
  readonly #asking: Asking;
  readonly #log: Log;
  readonly #identities: Identities;
  /** Keys that have done their part in an earlier step: a server wants another one now. */
  readonly #usedKeys = new Set<string>();
  #methods: readonly string[] = [];
  #banner = '';
  #passwordRefused = false;
  /** Why something that the server takes was not tried. */
  #obstacle = '';

  constructor(transport: Transport, options: AuthenticateOptions, identities: Identities, asking: Asking, log: Log) {
    this.#transport = transport;
    this.#options = options;
    this.#asking = asking;
    this.#log = log;
    this.#identities = identities;
  }

  async run(): Promise<void> {
    const { user, authentications } = this.#options;
    let outcome = await this.#attempt(() => this.#transport.authNone(user));
    for (let step = 0; step < MAX_STEPS && outcome !== 'in'; step++) {
      outcome = 'failed';
      for (const method of authentications) {
        if (!this.#methods.includes(method)) continue;
        this.#log.debug(1, `next authentication method: ${method}`);
        outcome = await this.#tryMethod(method);
        if (outcome !== 'failed') break;
      }
      if (outcome === 'failed') throw this.#denied();
      if (outcome === 'partial') this.#log.debug(1, `one step is done; the server takes next: ${this.#methods.join(', ')}`);
    }
    if (outcome !== 'in') throw this.#denied();
  }

  #tryMethod(method: string): Promise<Outcome> | Outcome {
    if (method === 'gssapi-with-mic') return this.#tryKerberos();
    if (method === 'publickey') return this.#tryKeys();
    if (method === 'keyboard-interactive') return this.#tryInteractive();
    return method === 'password' ? this.#tryPassword() : 'failed';
  }

  async #tryKerberos(): Promise<Outcome> {
    const { user, host, gssapiDelegateCredentials } = this.#options;
    // The name as it was typed: DNS must not choose whom we believe (GSSAPITrustDNS no).
    return this.#attempt(() => this.#transport.authGssapiWithMic(user, host, gssapiDelegateCredentials));
  }

  async #tryKeys(): Promise<Outcome> {
    for (const candidate of await this.#identities.candidates()) {
      const key = await candidate.open();
      if (key === null || this.#usedKeys.has(key.publicKey.fingerprint)) continue;
      const outcome = await this.#attempt(() => this.#transport.authPublickey(this.#options.user, key));
      if (outcome === 'partial') this.#usedKeys.add(key.publicKey.fingerprint);
      if (outcome !== 'failed') return outcome;
      // The server may have taken the method from its list meanwhile.
      if (!this.#methods.includes('publickey')) return 'failed';
    }
    return 'failed';
  }

  async #tryPassword(): Promise<Outcome> {
    const { user, passwordPrompts } = this.#options;
    const fromEnvironment = this.#environmentPassword();
    for (let attempt = 0; attempt < passwordPrompts && this.#methods.includes('password'); attempt++) {
      const password = fromEnvironment ?? (await this.#ask(`${this.#who()}'s password: `, false));
      if (password === null) return 'failed';
      const onChangeRequest = this.#asking.possible ? { onChangeRequest: (prompt: string) => this.#newPassword(prompt) } : {};
      const outcome = await this.#attempt(() =>
        this.#transport.authPassword(user, password, { fallback: false, ...onChangeRequest }),
      );
      if (outcome !== 'failed') return outcome;
      if (fromEnvironment !== null) {
        this.#passwordRefused = true;
        return 'failed';
      }
      this.#log.say('The server did not accept that password.');
    }
    return 'failed';
  }

  async #tryInteractive(): Promise<Outcome> {
    const method = 'keyboard-interactive';
    for (let attempt = 0; attempt < this.#options.passwordPrompts && this.#methods.includes(method); attempt++) {
      let usedEnvironment = false;
      let asked = false;
      const outcome = await this.#attempt(() =>
        this.#transport.authInteractive(this.#options.user, async (title, instructions, prompts) => {
          this.#showBanner();
          for (const text of [title, instructions]) if (text !== '') this.#log.say(text);
          const only = prompts.length === 1 ? prompts[0] : undefined;
          const password = only !== undefined && !only[1] && !usedEnvironment ? this.#environmentPassword() : null;
          if (password !== null) {
            usedEnvironment = true;
            return [password];
          }
          const answers: string[] = [];
          for (const [prompt, echo] of prompts) {
            asked = true;
            // Says whose question it is: a server must not be able to pose as the local machine.
            const answer = await this.#ask(`(${this.#who()}) ${prompt}`, echo);
            if (answer === null) throw new AuthenticationError("the server's question was not answered");
            answers.push(answer);
          }
          return answers;
        }),
      );
      if (outcome !== 'failed') return outcome;
      if (usedEnvironment) this.#passwordRefused = true;
      if (usedEnvironment || !asked || !this.#asking.possible) return 'failed';
    }
    return 'failed';
  }

  /** Runs one attempt; the methods that the server takes next are remembered. */
  async #attempt(run: () => Promise<readonly string[]>): Promise<Outcome> {
    try {
      const methods = await run();
      if (this.#transport.isAuthenticated()) return 'in';
      this.#methods = methods;
      return 'partial';
    } catch (error) {
      if (!(error instanceof SSHError) || !this.#transport.isActive()) throw error;
      // GSS-API: no ticket, no library. An agent that does not sign. Other methods and keys go on.
      if (error instanceof NegotiationError || error instanceof GssError || error instanceof AgentError) {
        this.#log.debug(1, error.message);
        return 'failed';
      }
      if (!(error instanceof AuthenticationError)) throw error;
      this.#log.debug(1, error.message);
      if (error.allowedTypes.length > 0) this.#methods = error.allowedTypes;
      return 'failed';
    } finally {
      this.#showBanner();
    }
  }

  async #ask(prompt: string, echo: boolean): Promise<string | null> {
    this.#showBanner();
    if (!this.#asking.possible) {
      this.#obstacle = `nobody can be asked: ${whyNobody}; a password can also be in AMIKO_PASSWORD`;
      return null;
    }
    return this.#asking.ask(prompt, echo);
  }

  async #newPassword(prompt: string): Promise<string> {
    this.#log.say(prompt);
    const fresh = await this.#ask(`New password of ${this.#who()}: `, false);
    const again = await this.#ask(`New password of ${this.#who()}, again: `, false);
    if (!fresh || fresh !== again) throw new AuthenticationError('the two new passwords are not the same');
    return fresh;
  }

  #environmentPassword(): string | null {
    return this.#passwordRefused ? null : this.#asking.environmentPassword;
  }

  #who(): string {
    return printable(`${this.#options.user}@${this.#options.host}`);
  }

  /** Shows what the server has said since the last call (RFC 4252 section 5.4). */
  #showBanner(): void {
    const banner = this.#transport.getBanner() ?? '';
    const fresh = banner.slice(this.#banner.length);
    this.#banner = banner;
    if (fresh !== '') this.#log.say(fresh.endsWith('\n') ? fresh.slice(0, -1) : fresh);
  }

  #denied(): AuthenticationError {
    const attempts = this.#transport.authAttempts.filter(({ method }) => method !== 'none');
    const tried = attempts.map(({ method, key, result }) => `${method}${key === undefined ? '' : ` ${key}`} (${result})`);
    const { heldBack, missing } = this.#identities;
    const parts = [
      `permission denied for ${this.#who()}`,
      tried.length === 0 ? 'nothing could be tried' : `tried ${tried.join(', ')}`,
      `the server takes ${this.#methods.map(printable).join(', ') || 'nothing more'}`,
      ...(this.#passwordRefused ? ['the password in AMIKO_PASSWORD was refused'] : []),
      ...(this.#obstacle === '' ? [] : [this.#obstacle]),
      ...missing,
      ...(heldBack === 0 ? [] : [`${heldBack} more keys of the agent were not tried: name the right one with -i`]),
    ];
    return new AuthenticationError(parts.join('; '), { attempts, allowedTypes: this.#methods });
  }
}
