// A listener: one Transport per connection, limits on those that have not logged in, and an orderly end. Who may do what is the
// ServerInterface's to decide. No error of the listener or of one connection ever becomes an uncaught exception.

import { createServer as createNetServer, type Server as NetServer, type Socket } from 'node:net';
import { UsageError } from '../errors.ts';
import { check, checkArguments, guard, rejects } from '../io/check-arguments.ts';
import { needed } from '../io/kinds.ts';
import type { Signer } from '../keys/signer.ts';
import { serverInterface } from '../transport/option-kinds.ts';
import type { CloseInfo, LoginInfo, TransportOptions } from '../transport/options.ts';
import type { ServerInterface } from '../transport/server-interface.ts';
import { Transport } from '../transport/transport.ts';
import { chooseServerAlgorithms } from './algorithms.ts';
import { LISTEN, SERVER } from './option-kinds.ts';
import { type Refusal, Startups } from './startups.ts';

/** One accepted connection. */
export interface ServerConnection {
  /** Counts the connections of one server, from 1. */
  readonly id: number;
  readonly transport: Transport;
  /** Empty for a unix socket. IPv4 addresses are in their IPv4 form, also where the socket is an IPv6 one. */
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
}

/** How a connection ended; `username` is null where nobody has logged in. */
export interface ConnectionCloseInfo extends CloseInfo {
  readonly username: string | null;
}

/** A connection that was closed at once, before any key exchange. */
export interface RefusedInfo {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly reason: Refusal;
}

export interface ServerOptions extends Omit<TransportOptions, 'onLogin'> {
  /** At least one; of each type the last is taken. */
  readonly hostKeys: readonly Signer[];
  /** The decisions for one connection. Called once for each, so that state of one never reaches another. */
  readonly server: (connection: ServerConnection) => ServerInterface;
  /** Connections at once that have not logged in. Default 100, 0 for no limit. */
  readonly maxStartups?: number;
  /** Of these, from one address. Default 10, 0 for no limit. */
  readonly maxPerSource?: number;
  readonly onConnection?: (connection: ServerConnection) => void;
  readonly onLogin?: (connection: ServerConnection, login: LoginInfo) => void;
  readonly onClose?: (connection: ServerConnection, info: ConnectionCloseInfo) => void;
  readonly onRefused?: (info: RefusedInfo) => void;
  /**
   * Hears of errors that concern no peer: the listener's own (out of file descriptors), and what a callback of these options
   * has thrown. Without it they are dropped; the server goes on in any case.
   */
  readonly onError?: (error: unknown) => void;
}

/** Where to listen. A host and a port, or the path of a unix socket. */
export type ListenOptions =
  | {
      /** Default 127.0.0.1: to be reachable from elsewhere is something to ask for. */
      readonly host?: string;
      /** Default 0: any that is free. */
      readonly port?: number;
    }
  | { readonly path: string };

/** Where a server listens: `path` for a unix socket, else `host` and `port`. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
  readonly path: string | null;
}

const DEFAULT_MAX_STARTUPS = 100;
const DEFAULT_MAX_PER_SOURCE = 10;
/** A line before the identification is allowed (RFC 4253 section 4.2), and clients show it. */
const REFUSAL_TEXT = 'Too many connections that have not logged in; try again later\r\n';

/**
 * Makes a server; {@link Server.listen} starts it. Its algorithms are chosen from a server's own defaults, see serverAlgorithms().
 *
 * @example
 * await using server = createServer({ hostKeys: [await generateKey('ed25519')], server: () => new MyServer() });
 * const { port } = await server.listen({ host: '127.0.0.1', port: 2222 });
 * @throws UsageError without a host key, for a limit that is not a whole number, for an algorithm that is not known
 */
export function createServer(options: ServerOptions): Server;
export function createServer(...given: readonly unknown[]): Server {
  checkArguments('createServer', given, { options: SERVER });
  return new Server(given[0] as ServerOptions);
}

/** A listening SSH server. See {@link createServer}. */
export class Server implements AsyncDisposable {
  readonly #options: ServerOptions;
  readonly #transportOptions: TransportOptions;
  readonly #startups: Startups;
  readonly #connections = new Map<Transport, ServerConnection>();
  #listener: NetServer | null = null;
  #starting: Promise<unknown> | null = null;
  #address: ServerAddress | null = null;
  #nextId = 1;
  #closing: Promise<void> | null = null;

  static {
    guard(Server.prototype, { listen: { options: LISTEN } }, rejects);
  }

  /** Use {@link createServer}, which checks what it gets. @internal */
  constructor(options: ServerOptions) {
    const { hostKeys, server, maxStartups = DEFAULT_MAX_STARTUPS, maxPerSource = DEFAULT_MAX_PER_SOURCE, ...rest } = options;
    const { onConnection, onLogin, onClose, onRefused, onError, ...transportOptions } = rest;
    this.#options = options;
    this.#transportOptions = { ...transportOptions, algorithms: chooseServerAlgorithms(options.algorithms, options.policy) };
    this.#startups = new Startups(maxStartups, maxPerSource);
    // What no transport can be made with is said here, not in the middle of the first connection. Nothing is opened by this.
    new Transport('localhost', this.#transportOptions);
  }

  /** The connections that are not over, oldest first. */
  get connections(): readonly ServerConnection[] {
    return [...this.#connections.values()];
  }

  /** How many of them have not logged in yet. */
  get startups(): number {
    return this.#startups.total;
  }

  /** Where it listens, or null. */
  get address(): ServerAddress | null {
    return this.#address;
  }

  /**
   * Starts to listen and resolves with the bound address.
   * @throws UsageError if it has listened before, or is closed meanwhile; the system's error (EADDRINUSE, EACCES) where it cannot.
   */
  async listen(options: ListenOptions = {}): Promise<ServerAddress> {
    if (this.#listener !== null || this.#closing !== null) {
      throw new UsageError('this server has been started before');
    }
    const where = isPath(options) ? { path: options.path } : { host: options.host ?? '127.0.0.1', port: options.port ?? 0 };
    const listener = createNetServer({ noDelay: true }, (socket) => this.#accept(socket));
    this.#listener = listener;
    const started = new Promise<ServerAddress>((resolve, reject) => {
      const failed = (error: Error) => {
        this.#listener = null;
        reject(error);
      };
      listener.once('error', failed);
      listener.listen(where, () => {
        listener.off('error', failed);
        // EMFILE and the like: what is there goes on, and what comes later is accepted when there is room again.
        listener.on('error', (error) => this.#report(error));
        if (this.#closing !== null) {
          reject(new UsageError('this server was closed before it listened'));
          return;
        }
        const bound = listener.address();
        this.#address =
          typeof bound === 'object' && bound !== null
            ? { host: bound.address, port: bound.port, path: null }
            : { host: '', port: 0, path: bound };
        resolve(this.#address);
      });
    });
    this.#starting = started.catch(() => {});
    return started;
  }

  /**
   * Stops accepting, says DISCONNECT to every peer and resolves when all connections are gone. What is queued for a peer goes
   * out first, for at most two seconds. Never fails, may be called again.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Stops accepting and drops every connection without a word. */
  destroy(): void {
    const closed = this.close();
    for (const transport of this.#connections.keys()) transport.destroy();
    void closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const connections = [...this.#connections.keys()];
    const goodbye = { message: 'the server is shutting down' };
    const gone = Promise.all(connections.map((transport) => transport.close(goodbye)));
    // One that is about to listen cannot be stopped before it does.
    if (this.#address === null) await this.#starting;
    const listener = this.#listener;
    const stopped = listener?.listening ? new Promise<void>((resolve) => listener.close(() => resolve())) : null;
    this.#address = null;
    await gone;
    await stopped;
  }

  #accept(socket: Socket): void {
    // A peer may be gone before anyone listens for it.
    socket.on('error', () => {});
    if (this.#closing !== null) {
      socket.destroy();
      return;
    }
    const { remotePort = 0, localPort = 0 } = socket;
    const remoteAddress = plainAddress(socket.remoteAddress);
    const localAddress = plainAddress(socket.localAddress);
    const slot = this.#startups.begin(remoteAddress === '' ? null : remoteAddress);
    if (typeof slot === 'string') {
      // What the peer has sent is thrown away, or the reset that unread bytes cause would overtake the text.
      socket.resume();
      socket.end(REFUSAL_TEXT, () => socket.destroy());
      this.#call(this.#options.onRefused, { remoteAddress, remotePort, reason: slot });
      return;
    }
    const id = this.#nextId++;
    const { log } = this.#options;
    const transport = new Transport(socket, {
      ...this.#transportOptions,
      ...(log && { log: (level: 1 | 2 | 3, message: string) => log(level, `connection ${id}: ${message}`) }),
      onLogin: (login) => {
        slot();
        username = login.username;
        this.#call(this.#options.onLogin, connection, login);
      },
    });
    for (const key of this.#options.hostKeys) transport.addServerKey(key);
    const connection: ServerConnection = { id, transport, remoteAddress, remotePort, localAddress, localPort };
    this.#connections.set(transport, connection);
    let username: string | null = null;
    void transport.closed.then((info) => {
      slot();
      this.#connections.delete(transport);
      this.#call(this.#options.onClose, connection, { ...info, username });
    });
    this.#call(this.#options.onConnection, connection);
    let decisions: ServerInterface;
    try {
      decisions = this.#options.server(connection);
      check('createServer', 'what the option server returns', decisions, needed(serverInterface));
    } catch (error) {
      this.#report(error);
      transport.destroy();
      return;
    }
    // How it ends is what `closed` tells; a handshake that fails is the peer's affair.
    transport.startServer(decisions).catch(() => {});
  }

  /** Calls a callback of the options; what it throws must not end up in the middle of a connection. */
  #call<A extends readonly unknown[]>(callback: ((...args: A) => void) | undefined, ...args: A): void {
    try {
      callback?.(...args);
    } catch (error) {
      this.#report(error);
    }
  }

  #report(error: unknown): void {
    try {
      this.#options.onError?.(error);
    } catch {
      // Nobody is left to tell.
    }
  }
}

function isPath(options: ListenOptions): options is { readonly path: string } {
  return 'path' in options && options.path !== undefined;
}

/** An IPv4 address that came over an IPv6 socket is an IPv4 address: one source must not count as two. */
function plainAddress(address: string | undefined): string {
  return (address ?? '').replace(/^::ffff:(?=\d+\.)/i, '');
}
