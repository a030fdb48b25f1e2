// What a transport's options come to for its engine. The defaults of a transport meet the core here and nowhere else: the engine has
// none of its own.

import type { AlgorithmLists } from '../algorithms/registry.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import type { EngineConfig } from '../engine/config.ts';
import type { GssClientConfig } from '../kex/gss.ts';
import type { PublicKey } from '../keys/public-key.ts';
import type { Signer } from '../keys/signer.ts';
import type { TransportGss } from './gss.ts';
import { keylogLine } from './keylog.ts';
import { DEFAULT_REKEY, DEFAULT_TIMEOUTS, type TransportOptions } from './options.ts';
import { serverModuli } from './server-moduli.ts';
import type { ServerSide } from './server-side.ts';
import { VERSION } from './version.ts';

export interface EngineParts {
  readonly crypto: CryptoProvider;
  readonly gss: TransportGss;
  /** Client: with whom exchanges by GSS-API are made. */
  readonly gssClient: GssClientConfig | undefined;
  /** Absent in a client. */
  readonly server: { readonly side: ServerSide; readonly hostKeys: readonly Signer[] } | null;
  algorithms(): AlgorithmLists;
  verifyHostKey(key: PublicKey): boolean | PromiseLike<boolean>;
}

export function engineConfig(options: TransportOptions, parts: EngineParts): EngineConfig {
  const { handshake, login } = { ...DEFAULT_TIMEOUTS, ...options.timeouts };
  const { maxAuthTries = 6, authFailureDelay = 10, serverSigAlgs = true, strictKex = true, keylog } = options;
  const { crypto, gss, gssClient, server } = parts;
  return {
    role: server === null ? 'client' : 'server',
    crypto,
    software: `amiko_${VERSION}`,
    algorithms: () => gss.offered(parts.algorithms()),
    gss: gssClient,
    strictKex,
    rekey: { ...DEFAULT_REKEY, ...options.rekey },
    handshakeTimeoutMs: handshake,
    verifyHostKey: (key) => parts.verifyHostKey(key),
    ...(keylog && { keylog: (cookie, secret) => keylog(keylogLine(cookie, secret)) }),
    server: server && {
      hostKeys: server.hostKeys,
      auth: server.side.authHooks(),
      authLimits: { maxAttempts: maxAuthTries, failureDelayMs: authFailureDelay },
      loginTimeoutMs: login,
      serverSigAlgs,
      gss: gss.serverConfig(),
      moduli: options.moduli ?? serverModuli(),
    },
  };
}
