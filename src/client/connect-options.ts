// What `connect()` can be told. With `config` the rest may come from ssh_config(5); without it no file but known_hosts is read.

import type { Duplex } from 'node:stream';
import type { Agent } from '../agent/agent.ts';
import type { SSHConfig } from '../config/ssh-config.ts';
import type { CallOptions } from '../io/waiting.ts';
import type { Certificate } from '../keys/certificate.ts';
import type { Signer } from '../keys/signer.ts';
import type { InteractiveHandler, ConnectOptions as TransportConnectOptions, TransportOptions } from '../transport/options.ts';
import type { Client } from './client.ts';

export interface ConnectOptions extends CallOptions, TransportOptions {
  /** A name or an address; with {@link config} whatever `ssh` takes, a nickname too. */
  readonly host: string;
  /** Default 22. */
  readonly port?: number;
  readonly username: string;
  readonly password?: string;
  /**
   * One key or several, tried in order, before those of an agent: keys from `amiko/keys`, or what a key file holds, as text or bytes
   * (see {@link passphrase}). With {@link config} in place of IdentityFile.
   */
  readonly privateKey?: Signer | string | Uint8Array | readonly (Signer | string | Uint8Array)[];
  /**
   * Certificates for `privateKey` or for keys of the agent: each is offered right before its key. With {@link config} in place of
   * CertificateFile, before all keys.
   */
  readonly certificates?: Certificate | readonly Certificate[];
  /**
   * Keys of an agent to log in with: at a socket's path, `true` for the one in SSH_AUTH_SOCK (on Windows else the pipe of its
   * OpenSSH), or one that is open. Default none, with {@link config} that of IdentityAgent. At most five keys are tried in all, those
   * of `privateKey` first, since servers hang up after six. The agent is told which session it signs for; one that is given open can
   * be told only once, so keys that are limited to some hosts want a path.
   */
  readonly agent?: string | Agent | boolean;
  /**
   * Lets programs of every session use our agent: `true` for the one at `agent`, else in SSH_AUTH_SOCK; or a socket's path. Who is
   * root on the server can use it too. A session of a server that refuses rejects with ChannelRequestError, unless it was ForwardAgent
   * of {@link config} that asked.
   */
  readonly agentForward?: boolean | string;
  /** Answers questions of the server (keyboard-interactive) where a password is not what it wants. */
  readonly onQuestions?: InteractiveHandler;
  /**
   * Which host key is right. By default the server must be in `~/.ssh/known_hosts` or `/etc/ssh/ssh_known_hosts`, or in what
   * {@link config} names. A key, several, a function, or `'ignore'` replace that.
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
   * goes through. An empty list is none, whatever {@link config} says.
   */
  readonly jump?: JumpHost | readonly JumpHost[];
  /** A program, with its arguments, whose stdin and stdout are the connection; no shell. It ends with the connection. */
  readonly proxyCommand?: readonly string[];
  /** Silence in milliseconds after which the server is asked for a sign of life; three without an answer end it. Default 15 s, 0 for never. */
  readonly keepalive?: number;
  /**
   * Look `host` up in ssh_config(5), as `ssh` does: `true` in the user's and the system's files, a path in that file only, or in an
   * `SSHConfig` of `amiko/config`. What the other options say wins. docs/ssh-config.md lists the keywords that have an effect.
   */
  readonly config?: true | string | SSHConfig;
  /**
   * With `config`: runs the commands of `Match exec`, by the user's shell. Default false: such blocks do not apply, and `log` hears
   * of it. ProxyCommand needs no leave: it is the way to the host that was asked for.
   */
  readonly configExec?: boolean;
  /**
   * Opens a `privateKey` that is the text of an encrypted key file; a function is called with the word `privateKey` then. With
   * `config` it opens the encrypted files that are named there, too: a function is called once for a file, when the server would take
   * its key (or its public half lies nowhere, so that nobody can tell), in the time of `timeouts.auth`; null passes the key over. What
   * it throws ends the login. Without it encrypted files are passed over, unless an agent holds their key.
   */
  readonly passphrase?: string | ((file: string) => string | null | PromiseLike<string | null>);
}

/** As {@link ConnectOptions}, with a configuration that can tell the user's name. */
export interface ConfiguredOptions extends Omit<ConnectOptions, 'username' | 'config'> {
  readonly config: true | string | SSHConfig;
  /** Default what the configuration says, else the local user's. */
  readonly username?: string;
}

/** A host on the way: how to connect to it, or a connection to it. */
export type JumpHost = Client | ConnectOptions | ConfiguredOptions;
