// What `amiko serve` decides for one connection: one user may log in, by what the command line says; sessions run programs.

import type { AuthDecision, PublicKey } from '../../index.ts';
import { InteractiveQuery, ProcessServer, type ProcessServerOptions, type ServerConnection } from '../../server.ts';
import type { Credentials } from './credentials.ts';

export class ServeDecisions extends ProcessServer {
  readonly #credentials: Credentials;
  readonly #banner: string | null;

  constructor(connection: ServerConnection, credentials: Credentials, banner: string | null, options: ProcessServerOptions) {
    super(connection, options);
    this.#credentials = credentials;
    this.#banner = banner;
  }

  override getBanner(): string | null {
    return this.#banner;
  }

  override getAllowedAuths(): readonly string[] {
    return this.#credentials.methods;
  }

  override checkAuthPassword(user: string, password: string, newPassword: string | null): AuthDecision {
    // A password is changed where it was set: in the environment of the server.
    if (newPassword !== null) return 'failed';
    return this.#credentials.isPassword(user, password) ? 'successful' : 'failed';
  }

  override checkAuthPublickey(user: string, key: PublicKey): AuthDecision {
    return this.#credentials.isKey(user, key) ? 'successful' : 'failed';
  }

  override checkAuthInteractive(): AuthDecision | InteractiveQuery {
    return this.#credentials.takesPassword ? new InteractiveQuery('', '', ['Password: ', false]) : 'failed';
  }

  override checkAuthInteractiveResponse(responses: readonly string[], user: string): AuthDecision {
    return this.#credentials.isPassword(user, responses[0] ?? '') ? 'successful' : 'failed';
  }
}
