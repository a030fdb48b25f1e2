// From options to a connection that is logged in: the way there (a socket, jump hosts, a program), the check of the host's key, the
// login. Whatever fails on the way leaves nothing open that was opened here.

import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import type { Agent } from '../agent/agent.ts';
import { defaultAlgorithms } from '../algorithms/registry.ts';
import { UsageError } from '../errors.ts';
import { agentForwarding } from '../forward/agent.ts';
import type { CallOptions } from '../io/waiting.ts';
import type { Certificate } from '../keys/certificate.ts';
import type { Signer } from '../keys/signer.ts';
import type { AgentHandler } from '../transport/client-side.ts';
import type { InteractiveHandler, ConnectOptions as TransportConnectOptions, TransportOptions } from '../transport/options.ts';
import { Transport } from '../transport/transport.ts';
import { Client } from './client.ts';
import { verifyHostKey } from './host-key-policy.ts';
import { throughHops } from './jump.ts';
import { KnownHosts } from './known-hosts.ts';
import { logIn } from './log-in.ts';
import { startProxyCommand } from './proxy-command.ts';

export interface ConnectOptions extends CallOptions, TransportOptions {
  readonly host: string;
  /** Default 22. */
  readonly port?: number;
  readonly username: string;
  readonly password?: string;
  /** One key or several, tried in order, before those of an agent. */
  readonly privateKey?: Signer | readonly Signer[];
  /** Certificates for `privateKey` or for keys of the agent: each is offered right before its key. */
  readonly certificates?: Certificate | readonly Certificate[];
  /**
   * Keys of an agent to log in with: at a socket's path, `true` for the one in SSH_AUTH_SOCK (on Windows else the pipe of its
   * OpenSSH), or one that is open. Default none. At most five keys are tried in all, those of `privateKey` first, since servers
   * hang up after six. The agent is told which session it signs for; one that is given open can be told only once, so keys that
   * are limited to some hosts want a path.
   */
  readonly agent?: string | Agent | true;
  /**
   * Lets programs of every session use our agent: `true` for the one at `agent`, else in SSH_AUTH_SOCK; or a socket's path. Who is
   * root on the server can use it too. A session of a server that refuses rejects with ChannelRequestError.
   */
  readonly agentForward?: boolean | string;
  /** Answers questions of the server (keyboard-interactive) where a password is not what it wants. */
  readonly onQuestions?: InteractiveHandler;
  /**
   * Which host key is right. By default the server must be in `~/.ssh/known_hosts` or `/etc/ssh/ssh_known_hosts`. A key,
   * several, a function, or `'ignore'` replace that.
   */
  readonly hostKey?: TransportConnectOptions['hostKey'];
  /** Log in by Kerberos, before anything else: by the key exchange where `gssKex` made it one of GSS-API, else by gssapi-with-mic. */
  readonly gssAuth?: boolean;
  /** The host's name in Kerberos, where it is not `host`. DNS is not asked. */
  readonly gssHost?: string;
  /** A stream to use in place of a TCP connection; `host` then only names the server in known_hosts. */
  readonly sock?: Duplex;
  /**
   * Hosts to connect through, nearest first: options for each, with a host key, a user and keys of its own. The first may be a
   * client that is connected already; that one stays open, the others are closed with the connection. They see nothing of what
   * goes through.
   */
  readonly jump?: JumpHost | readonly JumpHost[];
  /** A program, with its arguments, whose stdin and stdout are the connection; no shell. It ends with the connection. */
  readonly proxyCommand?: readonly string[];
  /** Silence in milliseconds after which the server is asked for a sign of life; three without an answer end it. Default 15 s, 0 for never. */
  readonly keepalive?: number;
}

/** A host on the way: how to connect to it, or a connection to it. */
export type JumpHost = Client | ConnectOptions;

const GLOBAL_KNOWN_HOSTS = '/etc/ssh/ssh_known_hosts';
const KEEPALIVE = 15_000;

/**
 * Connects, checks the host key, logs in. Tries the keys, then those of the agent, then the password, then the questions, as far as
 * the server wants them; several steps in a row where it wants more than one.
 * @throws HostKeyError, AuthenticationError (with everything that was tried), AgentError where the agent was all there was, ConnectError
 *   where a jump host can't reach the next or the proxy command can't be run, and what `Transport.connect` throws
 *
 * @example
 * await using ssh = await connect({ host: 'example.com', username: 'me', privateKey: await readPrivateKey('id_ed25519') });
 * const { stdout } = await ssh.exec('uname -a');
 */
export async function connect(options: ConnectOptions): Promise<Client> {
  const { host, port = 22, username, hostKey, keepalive = KEEPALIVE, timeout, signal, ...transportOptions } = options;
  const { gssAuth = false, gssHost = host, gssKex = false } = options;
  const call: CallOptions = { ...(timeout !== undefined && { timeout }), ...(signal !== undefined && { signal }) };
  if (!username) throw new UsageError('connect needs a username');
  const forwarded = agentToForward(options);
  const known =
    hostKey === undefined ? await KnownHosts.read([join(homedir(), '.ssh', 'known_hosts'), GLOBAL_KNOWN_HOSTS]) : null;
  const { keys } = defaultAlgorithms(transportOptions.policy);
  // The known keys' algorithms first, or the server would come with another of its keys; the caller's own list wins.
  const algorithms = {
    ...(known !== null && { keys: known.preferredAlgorithms(host, port, keys) }),
    ...transportOptions.algorithms,
  };
  const way = await openWay(options, { host, port }, call);
  let transport: Transport | null = null;
  try {
    transport = new Transport(way.sock ?? [host, port], { ...transportOptions, algorithms });
    await transport.setGssHost(gssHost, { trustDns: false, gssapiRequested: gssAuth || gssKex !== false });
    await transport.connect({ ...call, hostKey: hostKey ?? verifyHostKey({ host, port }, { knownHosts: known as KnownHosts }) });
    await logIn(transport, options, call);
    transport.setKeepalive(keepalive);
    return new Client(transport, way.close, forwarded);
  } catch (error) {
    transport?.destroy();
    way.sock?.destroy();
    await way.close();
    throw error;
  }
}

/** What a connection runs over, where that is not a socket of its own. */
export interface Way {
  readonly sock: Duplex | undefined;
  /** Closes what lies below. Never fails. */
  readonly close: () => Promise<void>;
}

async function openWay(
  { sock, jump, proxyCommand }: ConnectOptions,
  target: { readonly host: string; readonly port: number },
  call: CallOptions,
): Promise<Way> {
  if ([sock, jump, proxyCommand].filter((way) => way !== undefined).length > 1) {
    throw new UsageError('sock, jump and proxyCommand are three ways to one server: give one of them');
  }
  const nothing = async () => {};
  if (jump !== undefined) {
    const hops = [jump].flat() as readonly JumpHost[];
    return hops.length === 0 ? { sock, close: nothing } : throughHops(hops, target, call, connect);
  }
  if (proxyCommand === undefined) return { sock, close: nothing };
  return { sock: await startProxyCommand(proxyCommand), close: nothing };
}

function agentToForward({ agent, agentForward = false }: ConnectOptions): AgentHandler | null {
  if (agentForward === false) return null;
  if (typeof agentForward === 'string') return agentForwarding(agentForward);
  return typeof agent === 'string' ? agentForwarding(agent) : agentForwarding();
}
