// Keys to log in with as the configuration names them: files, certificates, an agent. An encrypted file is opened when the server would
// take its key, by the caller's passphrase, once; a key that cannot be used is passed over, and the error of the login says why.

import { PassphraseError } from '../errors.ts';
import { type CallOptions, waitFor } from '../io/waiting.ts';
import { readPrivateKey } from '../keys/node/read.ts';
import type { PrivateKey } from '../keys/private-key.ts';
import type { Signer } from '../keys/signer.ts';
import type { Transport } from '../transport/transport.ts';
import type { ConnectOptions } from './connect-options.ts';
import { Identities, type IdentityOptions } from './identities.ts';
import { type IdentityPort, LockedKeyError } from './identity-files.ts';
import type { Attempt, Method } from './log-in.ts';

export interface KeyLogin {
  readonly username: string;
  readonly identities: IdentityOptions;
  readonly passphrase: ConnectOptions['passphrase'];
  readonly call: CallOptions;
  readonly log: IdentityPort['log'];
}

/** The method, and what closes the agent in the end. */
export function byConfiguredKeys(transport: Transport, login: KeyLogin): Method & { close(): void } {
  const passphrases = login.passphrase === undefined ? null : new Passphrases(login.passphrase, login);
  const port: IdentityPort = { unlock: passphrases === null ? null : (file) => passphrases.unlock(file), log: login.log };
  const identities = new Identities(transport, login.identities, port, login.call);
  return {
    names: ['publickey'],
    attempts: attempts(transport, login, identities, passphrases),
    close: () => identities.close(),
  };
}

async function* attempts(
  transport: Transport,
  { username, call, log }: KeyLogin,
  identities: Identities,
  passphrases: Passphrases | null,
): AsyncGenerator<Attempt, void> {
  /** Keys that have done their part: a server that wants more wants another one. */
  const used = new Set<string>();
  for (const candidate of await identities.candidates()) {
    yield async () => {
      const key = await abortable(call, () => candidate.open());
      passphrases?.rethrow();
      if (key === null || used.has(key.publicKey.fingerprint)) return null;
      try {
        const next = await transport.authPublickey(username, key, call);
        used.add(key.publicKey.fingerprint);
        return next;
      } catch (error) {
        passphrases?.rethrow();
        // It was the file that failed, and the server waits for something else.
        if (error instanceof LockedKeyError) return null;
        throw error;
      }
    };
  }
  const { heldBack, missing } = identities;
  for (const what of missing) log.error(what);
  if (heldBack > 0)
    log.error(`${heldBack} keys of the agent were not tried, since servers hang up after six; name the right one`);
}

/** A passphrase is asked for outside of any call that honours the signal. */
function abortable({ signal }: CallOptions, open: () => Promise<Signer | null>): Promise<Signer | null> {
  return waitFor('opening a key', signal === undefined ? {} : { signal }, ({ resolve, reject }) => {
    open().then(resolve, reject);
    return undefined;
  });
}

class Passphrases {
  readonly #passphrase: NonNullable<ConnectOptions['passphrase']>;
  readonly #login: KeyLogin;
  #thrown: { readonly error: unknown } | null = null;

  constructor(passphrase: NonNullable<ConnectOptions['passphrase']>, login: KeyLogin) {
    this.#passphrase = passphrase;
    this.#login = login;
  }

  /** Null, after saying why, where the file stays locked. */
  async unlock(file: string): Promise<PrivateKey | null> {
    const { log, call } = this.#login;
    const passphrase = await this.#ask(file);
    if (passphrase === null) {
      log.error(`identity ${file} stays locked: there is no passphrase for it`);
      return null;
    }
    try {
      return await readPrivateKey(file, { passphrase, signal: call.signal });
    } catch (error) {
      if (call.signal?.aborted && !(error instanceof PassphraseError)) throw error;
      log.error(`identity ${error instanceof Error ? error.message : String(error)}`);
      return null;
    }
  }

  /** What the caller's function threw is the caller's, and no failure of a key. */
  rethrow(): void {
    if (this.#thrown !== null) throw this.#thrown.error;
  }

  async #ask(file: string): Promise<string | null> {
    if (typeof this.#passphrase === 'string') return this.#passphrase;
    try {
      return await this.#passphrase(file);
    } catch (error) {
      this.#thrown = { error };
      return null;
    }
  }
}
