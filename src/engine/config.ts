// What an engine is told when it is made. The defaults are not here: whoever makes engines for users (`transport/`) has them, so
// that nothing in the core depends on a figure that it was not given.

import type { AlgorithmLists } from '../algorithms/registry.ts';
import type { ServerAuthHooks, ServerAuthLimits } from '../auth/server.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import type { DhGroup } from '../kex/dh-group.ts';
import type { GssClientConfig, GssServerConfig } from '../kex/gss.ts';
import type { PublicKey } from '../keys/public-key.ts';
import type { Signer } from '../keys/signer.ts';

export interface RekeyLimits {
  /** Bytes sent or received under one set of keys. */
  readonly bytes: number;
  readonly packets: number;
  /** 0 for none. */
  readonly milliseconds: number;
}

export interface EngineConfig {
  readonly role: 'client' | 'server';
  readonly crypto: CryptoProvider;
  /** Our part of the identification line after "SSH-2.0-". */
  readonly software: string;
  /** What to offer; asked at every key exchange. */
  algorithms(): AlgorithmLists;
  readonly strictKex: boolean;
  readonly rekey: RekeyLimits;
  /** From the start to NEWKEYS, and the same again for every later exchange. Milliseconds, 0 for none. */
  readonly handshakeTimeoutMs: number;
  /** Client: whether this is the right server. Only the literal `true` is a yes. */
  verifyHostKey(key: PublicKey): boolean | PromiseLike<boolean>;
  /** Client: with whom GSS-API key exchanges are made. Without it none are offered. */
  readonly gss?: GssClientConfig | undefined;
  /** Server: host keys, who may in, and how long it may take. */
  readonly server: ServerConfig | null;
  /**
   * Gets what decrypts a recording of this connection: the cookie of our KEXINIT and K as it enters key derivation (length
   * and bytes), for every exchange. The only way that a secret leaves the engine, and only where somebody asked for it.
   */
  readonly keylog?: (cookie: Uint8Array, encodedSecret: Uint8Array) => void;
}

/** Hears every payload in clear, passwords included. The view is valid during the call only. */
export type PacketTrace = (direction: 'in' | 'out', payload: Uint8Array) => void;

export interface ServerConfig {
  readonly hostKeys: readonly Signer[];
  readonly auth: ServerAuthHooks;
  readonly authLimits: ServerAuthLimits;
  /** From the start until authenticated, milliseconds; 0 for none. */
  readonly loginTimeoutMs: number;
  /** What to pick from in a group exchange (RFC 4419); default the groups of RFC 3526. */
  readonly moduli?: readonly DhGroup[] | undefined;
  /** With whose keys GSS-API key exchanges are made. Without it none are offered. */
  readonly gss?: GssServerConfig | undefined;
  /** Send EXT_INFO with server-sig-algs. */
  readonly serverSigAlgs: boolean;
}
