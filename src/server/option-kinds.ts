// What createServer and Server.listen may be told, for callers without types, and where the names lead that ssh2 has for it.

import { callback, count, kind, listOf, needed, options, portOrAny, signer, type TableOf, text } from '../io/kinds.ts';
import { OTHER_TRANSPORT, serverInterface, TRANSPORT } from '../transport/option-kinds.ts';
import type { ServerOptions } from './server.ts';

const TABLE: TableOf<ServerOptions> = {
  ...TRANSPORT,
  hostKeys: needed(listOf(signer, 'an array of at least one host key (of keys that can sign: readPrivateKey makes one)', 1)),
  server: needed(
    kind(
      'a function that makes a ServerInterface: () => new MyServer()',
      // A class is a function too, and can't be called.
      (value) => typeof value === 'function' && !serverInterface.fits(value.prototype),
    ),
  ),
  maxStartups: count,
  maxPerSource: count,
  onConnection: callback,
  onLogin: callback,
  onClose: callback,
  onRefused: callback,
  onError: callback,
};

export const SERVER = needed(
  options(TABLE, {
    ...OTHER_TRANSPORT,
    hostKey: "it is 'hostKeys', an array",
    banner: "override ServerInterface's getBanner",
    greeting: "override ServerInterface's getBanner",
    keepaliveInterval: "call setKeepalive of a connection's transport, in 'onConnection'",
    loginGraceTime: "it is 'timeouts': { login }",
    highWaterMark: "it is 'defaultWindowSize'",
  }),
);

export const LISTEN = options(
  {
    host: text,
    port: portOrAny,
    path: kind("a unix socket's path", (value) => typeof value === 'string' && value !== ''),
  },
  { hostname: "it is 'host'", address: "it is 'host'" },
);
