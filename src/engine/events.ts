// What the engine tells its driver. Rare things are events, one discriminated union; data goes straight to channel handlers.

import type { Authenticated } from '../auth/server.ts';
import type { ConnectionHandler } from '../connection/connection.ts';
import type { SSHError } from '../errors.ts';
import type { Task } from '../flow/flow.ts';
import type { NegotiatedAlgorithms } from '../kex/negotiate.ts';
import type { PublicKey } from '../keys/public-key.ts';

export type EngineEvent =
  /** The peer's identification line. */
  | { readonly type: 'version'; readonly version: string }
  /** A key exchange has passed; `first` is the one that opens the session. */
  | {
      readonly type: 'keys';
      readonly first: boolean;
      readonly algorithms: NegotiatedAlgorithms;
      /** Null where GSS-API has proven the server and it sent no key. */
      readonly hostKey: PublicKey | null;
      readonly strictKex: boolean;
    }
  /** RFC 8308 extensions of the peer, by name. */
  | { readonly type: 'extensions'; readonly extensions: ReadonlyMap<string, Uint8Array> }
  /** RFC 4252 section 5.4, as the peer wrote it. */
  | { readonly type: 'banner'; readonly text: string }
  /** Client: we are in. Server: the user is, `who` says which. */
  | { readonly type: 'authenticated'; readonly who: Authenticated | null }
  /** SSH_MSG_DEBUG */
  | { readonly type: 'debug'; readonly text: string; readonly alwaysDisplay: boolean }
  /** The last event: nothing comes after it. */
  | { readonly type: 'closed'; readonly error: SSHError };

export interface EngineHandler extends ConnectionHandler {
  /** Something must be computed or decided; see {@link Task}. */
  onTask(task: Task): void;
  onEvent(event: EngineEvent): void;
  /** There is, or may be, something to write: call `flush` soon. May be called often. */
  onOutput(): void;
}
