// How one authentication request ended, as the client sees it (RFC 4252 section 5.1).

import type { GssInitiator } from '../crypto/gss.ts';

export type AuthOutcome =
  | { readonly result: 'success' }
  | {
      readonly result: 'failure';
      /** "authentications that can continue" */
      readonly methods: readonly string[];
      /** The request itself was right, but more is wanted. */
      readonly partialSuccess: boolean;
      /** We stopped by ourselves: a key that the server does not want, an answer that the handler did not give. */
      readonly refused?: boolean;
      /** What the method itself had to say about its failure. */
      readonly cause?: unknown;
    };

/** What a client-side method needs of the connection. */
export interface ClientAuthPort {
  send(payload: Uint8Array): void;
  readonly sessionId: Uint8Array;
  /** The context of the first key exchange, where that was one of GSS-API. */
  readonly gss?: GssInitiator | null;
}

/** What the server's last word on a request means. */
export function outcomeOf(
  reply:
    | { readonly name: 'SSH_MSG_USERAUTH_SUCCESS' }
    | {
        readonly name: 'SSH_MSG_USERAUTH_FAILURE';
        readonly values: { readonly methods: readonly string[]; readonly partialSuccess: boolean };
      },
): AuthOutcome {
  return reply.name === 'SSH_MSG_USERAUTH_SUCCESS' ? { result: 'success' } : { result: 'failure', ...reply.values };
}
