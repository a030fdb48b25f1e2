// What the options of connect() and the arguments of Client may be, for callers without types, and where the names lead that ssh2 and
// paramiko have for them.

import { guard, rejects } from '../io/check-arguments.ts';
import {
  anything,
  CALL,
  callback,
  count,
  cString,
  either,
  flag,
  having,
  isObject,
  isOptions,
  type Kind,
  kind,
  listOf,
  milliseconds,
  needed,
  none,
  options,
  port,
  secret,
  signer,
  type TableOf,
  text,
  textOrBytes,
} from '../io/kinds.ts';
import { environment, ptyOptions } from '../transport/argument-kinds.ts';
import { hostKey, OTHER_HOST_KEY, OTHER_TRANSPORT, TRANSPORT } from '../transport/option-kinds.ts';
import type { Client, ExecOptions } from './client.ts';
import type { ConnectOptions } from './connect-options.ts';

const privateKey = either(signer, kind('the content of a key file (not its path)', textOrBytes.fits));
const certificate = kind(
  'a Certificate (readCertificate and parseCertificate make one)',
  (value) => isObject(value) && 'keyId' in value && 'publicKey' in value,
);
const hop = kind('options as connect takes them, or a connected Client', isOptions);

/** One, or an array of them; whether the array may be empty is decided where it is read. */
function oneOrMore(one: Kind): Kind {
  return either(one, listOf(one, 'an array of those'));
}

const TABLE: TableOf<ConnectOptions> = {
  ...TRANSPORT,
  ...CALL,
  host: needed(kind('a host name or an address', (value) => typeof value === 'string' && value !== '')),
  port,
  username: kind('a name', (value) => typeof value === 'string' && value !== ''),
  password: secret(text),
  privateKey: secret(oneOrMore(privateKey)),
  certificates: oneOrMore(certificate),
  agent: either(flag, kind("a socket's path", text.fits), having('an Agent (openAgent makes one)', 'getKeys', 'bindSession')),
  agentForward: either(flag, kind("a socket's path", text.fits)),
  onQuestions: callback,
  hostKey,
  gssAuth: flag,
  gssHost: text,
  sock: having('a Duplex stream (of a Channel its toNode())', 'pipe', 'write', 'destroy'),
  jump: oneOrMore(hop),
  proxyCommand: listOf(text, 'an array of the program and its arguments'),
  keepalive: milliseconds,
  // Judged where it is read: there it is known what an SSHConfig is.
  config: anything,
  configExec: flag,
  passphrase: secret(either(text, kind('a function', callback.fits))),
};

const SOCKET = "give 'sock': net.connect({ host, port, ... }) with it";

const OTHERS = {
  ...OTHER_TRANSPORT,
  ...OTHER_HOST_KEY,
  hostname: "it is 'host'",
  user: "it is 'username'",
  pass: "it is 'password'",
  readyTimeout: "it is 'timeout', for each step, and 'timeouts'",
  keepaliveInterval: "it is 'keepalive', milliseconds",
  keepaliveCountMax: 'it is three; client.transport.setKeepalive(interval, { countMax }) changes that',
  tryKeyboard: "give 'onQuestions', which answers what the server asks; a password is tried that way without it",
  authHandler: 'keys, agent, password and questions are tried in this order, as far as they are given',
  authMethods: 'keys, agent, password and questions are tried in this order, as far as they are given',
  pkey: "it is 'privateKey'",
  key: "it is 'privateKey'",
  privateKeyPath: "give 'privateKey': await readPrivateKey(path)",
  privateKeyFile: "give 'privateKey': await readPrivateKey(path)",
  keyPath: "give 'privateKey': await readPrivateKey(path)",
  identityFile: "give 'privateKey': await readPrivateKey(path)",
  strictHostKeyChecking: "give 'hostKey': a key, a function, or 'ignore'",
  knownHosts: "give 'hostKey': verifyHostKey(target, { knownHosts }) of amiko/known-hosts",
  proxy: "it is 'jump' for a host, 'proxyCommand' for a program, 'sock' for a stream",
  proxyJump: "it is 'jump'",
  forceIPv4: SOCKET,
  forceIPv6: SOCKET,
  family: SOCKET,
  localAddress: SOCKET,
  localPort: SOCKET,
  localHostname: 'there are no host-based logins',
  localUsername: 'there are no host-based logins',
  strictVendor: 'there is nothing that depends on the vendor',
};

/** Of connect(). */
export const connectOptions: Kind = needed(options(TABLE, OTHERS));

const PROCESS = { ...CALL, env: environment, pty: ptyOptions };
const EXEC = {
  ...PROCESS,
  input: either(
    textOrBytes,
    kind(
      'a stream or another iterable of those',
      (value) => isObject(value) && (Symbol.asyncIterator in value || Symbol.iterator in value),
    ),
  ),
  check: flag,
  maxOutput: count,
} satisfies TableOf<ExecOptions>;

const OTHER_EXEC = {
  x11: 'open a session of client.transport: channel.requestX11(new X11Forwarding())',
  agentForward: 'it is an option of connect',
  encoding: "a result has text ('stdout') and bytes ('stdoutBytes')",
  maxBuffer: "it is 'maxOutput'",
  stdin: "it is 'input'",
  cwd: "put it into the command: 'cd /there && ...'",
  execOptions: 'its fields are options of exec',
  allowHalfOpen: 'a channel has two ends anyway: shutdownWrite() ends one',
};

/** Also a way to get input wrong: spawn has none. */
const OTHER_SPAWN = {
  ...OTHER_EXEC,
  input: 'write it to the channel',
  stdin: 'write it to the channel',
  encoding: 'chunks are bytes',
};

export function guardClient(prototype: Client): void {
  guard(
    prototype,
    {
      exec: { command: needed(cString), options: options(EXEC, OTHER_EXEC) },
      spawn: { command: needed(cString), options: options(PROCESS, OTHER_SPAWN) },
      shell: {
        options: options(
          {
            ...CALL,
            pty: either(ptyOptions, { ...none, wanted: 'null for none' }),
          },
          { ...OTHER_SPAWN, rows: "it is 'pty': { height }", cols: "it is 'pty': { width }", term: "it is 'pty': { term }" },
        ),
      },
      sftp: { options: options({ ...CALL, windowSize: count, maxPacketSize: count }) },
    },
    rejects,
  );
}
