// What the arguments of Transport and Channel may be, for callers without types. What moves data (write, read, recv) has no row: it
// is called for every chunk, and checks what it gets itself.

import { guard, rejects, throws } from '../io/check-arguments.ts';
import {
  bytes,
  CALL,
  callback,
  count,
  cString,
  cStringOrBytes,
  either,
  endpoint,
  flag,
  isOptions,
  type Kind,
  kind,
  milliseconds,
  needed,
  none,
  options,
  portOrAny,
  signer,
  type TableOf,
  text,
} from '../io/kinds.ts';
import type { Channel, PtyOptions, X11Options } from './channel.ts';
import { CONNECT, OPEN_CHANNEL, OTHER_CONNECT, OTHER_HOST_KEY, password, serverInterface, username } from './option-kinds.ts';
import { terminalModes } from './terminal-modes.ts';
import type { Transport } from './transport.ts';

const call = options(CALL);
const name = needed(cString);
const address = { address: name, port: needed(portOrAny) };
const handler = callback;

/** How many columns or pixels: what a uint32 holds. */
const cells = kind(
  'a whole number from 0',
  (value) => Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 32,
);
const SIZE = { width: cells, height: cells, widthPixels: cells, heightPixels: cells };

/** ssh2's names for the size of a terminal. */
const OTHER_PTY = { rows: "it is 'height'", cols: "it is 'width'", columns: "it is 'width'" };

const VERIFY = "it is 'verifyHostKey': (key) => true or false";

const PTY = {
  ...CALL,
  ...SIZE,
  term: cString,
  modes: options(Object.fromEntries(Object.keys(terminalModes).map((mode) => [mode, cells]))),
} satisfies TableOf<PtyOptions>;

const X11 = {
  ...CALL,
  screenNumber: count,
  authProtocol: text,
  authCookie: text,
  singleConnection: flag,
  handler,
} satisfies TableOf<X11Options>;

/** A terminal, without what limits the call. */
export const ptyOptions: Kind = options(PTY, OTHER_PTY);

export function guardTransport(prototype: Transport): void {
  guard(
    prototype,
    {
      startClient: {
        options: options(
          { ...CALL, verifyHostKey: callback },
          { hostKey: VERIFY, hostVerifier: VERIFY, hostHash: OTHER_HOST_KEY.hostHash },
        ),
      },
      startServer: { server: serverInterface, options: call },
      connect: { options: needed(options(CONNECT, OTHER_CONNECT)) },
      authNone: { username, options: call },
      authPassword: { username, password, options: options({ ...CALL, fallback: flag, onChangeRequest: callback }) },
      authPublickey: { username, key: needed(signer), options: options({ ...CALL, query: flag }) },
      authInteractive: { username, handler: needed(callback), options: options({ ...CALL, submethods: text }) },
      authInteractiveDumb: { username, handler, options: options({ ...CALL, submethods: text }) },
      openSession: { options: options(OPEN_CHANNEL) },
      openChannel: { kind: name, options: options(OPEN_CHANNEL) },
      openSftpClient: { options: options({ ...CALL, windowSize: count, maxPacketSize: count }) },
      openX11Channel: { srcAddr: needed(endpoint), options: call },
      openForwardAgentChannel: { options: call },
      openForwardedTcpipChannel: { srcAddr: needed(endpoint), destAddr: needed(endpoint), options: call },
      requestPortForward: { ...address, handler, options: call },
      cancelPortForward: { ...address, options: call },
      requestStreamlocalForward: { path: name, handler, options: call },
      cancelStreamlocalForward: { path: name, options: call },
      accept: { options: call },
      renegotiateKeys: { options: call },
      globalRequest: { kind: name, data: bytes, options: options({ ...CALL, wait: flag }) },
      ping: { options: call },
    },
    rejects,
  );
  guard(
    prototype,
    {
      addServerKey: { key: needed(signer) },
      setKeepalive: { interval: needed(milliseconds), options: options({ countMax: count }) },
      sendIgnore: { byteCount: count },
      useCompression: { compress: flag },
    },
    throws,
  );
}

export function guardChannel(prototype: Channel): void {
  guard(
    prototype,
    {
      getPty: { options: ptyOptions },
      invokeShell: { options: call },
      execCommand: { command: needed(cStringOrBytes), options: call },
      invokeSubsystem: { subsystem: name, options: call },
      setEnvironmentVariable: { variable: name, value: needed(cStringOrBytes), options: call },
      sendBreak: { milliseconds: count, options: call },
      requestX11: { options: options(X11) },
      requestForwardAgent: { handler: needed(callback), options: call },
      request: { name, data: bytes, options: options({ ...CALL, wantReply: flag }) },
      recvExitStatus: { options: call },
    },
    rejects,
  );
  guard(
    prototype,
    {
      resizePty: { size: needed(options(SIZE, OTHER_PTY)) },
      updateEnvironment: { environment: needed(environment) },
      sendSignal: { signal: name },
      settimeout: { milliseconds: either(milliseconds, none) },
      shutdown: {
        how: needed(kind('0 for reading, 1 for writing, 2 for both', (value) => value === 0 || value === 1 || value === 2)),
      },
      sendExitStatus: { status: needed(kind('a number', Number.isInteger)) },
      sendExitSignal: { signal: name, options: options({ coreDumped: flag, message: text }) },
    },
    throws,
  );
}

/** Undefined is an absent variable, as in `process.env`. */
export const environment = kind(
  'an object whose values are strings without NUL',
  (value) => isOptions(value) && Object.values(value).every((one) => one === undefined || cString.fits(one)),
);
