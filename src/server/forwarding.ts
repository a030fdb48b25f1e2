// What a server does for port forwarding: connects where clients want to go, listens where they want to be reached (RFC 4254
// section 7, OpenSSH PROTOCOL section 2.4). One object per connection, to which a ServerInterface passes its hooks on; everything
// ends with the connection.

import { chmodSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { couple } from '../forward/couple.ts';
import { type ForwardTarget, openSocket } from '../forward/target.ts';
import type { Channel } from '../transport/channel.ts';
import type { OpenDecision } from '../transport/server-interface.ts';
import type { Transport } from '../transport/transport.ts';

export interface ForwardingOptions {
  /** Milliseconds to connect in. Default 30 s. */
  readonly connectTimeout?: number;
  /**
   * Whether clients may have us listen on other than loopback addresses. Default false, and then whatever they ask for is
   * loopback, as with OpenSSH's GatewayPorts.
   */
  readonly gatewayPorts?: boolean;
}

const CONNECT_TIMEOUT = 30_000;
const CONNECT_FAILED = 2;

/**
 * The forwarding of one connection.
 *
 * @example
 * class Gateway extends ServerInterface {
 *   readonly #forwarding: ServerForwarding;
 *   constructor(transport: Transport) { super(); this.#forwarding = new ServerForwarding(transport); }
 *   override checkChannelDirectTcpipRequest(_id: number, _from: unknown, [host, port]: readonly [string, number]) {
 *     return port === 5432 && this.#forwarding.connect({ host, port });
 *   }
 * }
 */
export class ServerForwarding {
  readonly #transport: Transport;
  readonly #options: ForwardingOptions;
  readonly #listeners = new Map<string, Server>();
  readonly #sockets = new Set<Socket>();

  constructor(transport: Transport, options: ForwardingOptions = {}) {
    this.#transport = transport;
    this.#options = options;
    void transport.closed.then(() => this.#end());
  }

  /** For checkChannelDirectTcpipRequest and checkChannelDirectStreamlocalRequest: connects first, so that a refusal can be told. */
  async connect(target: ForwardTarget): Promise<OpenDecision> {
    let socket: Socket;
    try {
      socket = await openSocket(target, AbortSignal.timeout(this.#options.connectTimeout ?? CONNECT_TIMEOUT));
    } catch (error) {
      return { reason: CONNECT_FAILED, description: error instanceof Error ? error.message : 'connect failed' };
    }
    return (channel) => this.#couple(channel, socket);
  }

  /** For checkPortForwardRequest: the port, or false where it can't be listened on. */
  async listen(address: string, port: number): Promise<number | false> {
    const host = this.#bindAddress(address);
    const server = await started((socket) => this.#accepted(socket, () => this.#openTcp(address, bound, socket)), { host, port });
    if (!this.#keep(server)) return false;
    const { port: bound } = server.address() as { port: number };
    this.#listeners.set(`${address}:${bound}`, server);
    return bound;
  }

  /** For cancelPortForwardRequest. Connections that are there go on. */
  cancel(address: string, port: number): void {
    this.#stop(`${address}:${port}`);
  }

  /** For checkStreamlocalForwardRequest: false where it can't be listened on; an existing file is left alone. */
  async listenUnix(path: string): Promise<boolean> {
    const server = await started((socket) => this.#accepted(socket, () => this.#transport.openChannel(STREAMLOCAL, { path })), {
      path,
    });
    if (!this.#keep(server)) return false;
    // Only for the user that the server runs as, as OpenSSH's StreamLocalBindMask has it.
    chmodSync(path, 0o600);
    this.#listeners.set(path, server);
    return true;
  }

  cancelUnix(path: string): void {
    this.#stop(path);
  }

  /** RFC 4254 section 7.1's words for "everywhere" and "loopback", and addresses. */
  #bindAddress(address: string): string {
    if (this.#options.gatewayPorts !== true) return address === '::1' ? '::1' : '127.0.0.1';
    if (address === '' || address === '*') return '::';
    return address === 'localhost' ? '127.0.0.1' : address;
  }

  #openTcp(address: string, port: number, socket: Socket): Promise<Channel> {
    return this.#transport.openForwardedTcpipChannel([socket.remoteAddress ?? '', socket.remotePort ?? 0], [address, port]);
  }

  #accepted(socket: Socket, open: () => Promise<Channel>): void {
    socket.on('error', () => {});
    open().then(
      (channel) => this.#couple(channel, socket),
      () => socket.destroy(),
    );
  }

  #couple(channel: Channel, socket: Socket): void {
    this.#sockets.add(socket);
    void couple(channel, socket).then(() => this.#sockets.delete(socket));
  }

  /** Not where the connection ended while the listener was starting. */
  #keep(server: Server | null): server is Server {
    if (server !== null && !this.#transport.isActive()) server.close();
    return server !== null && this.#transport.isActive();
  }

  #stop(key: string): void {
    this.#listeners.get(key)?.close();
    this.#listeners.delete(key);
  }

  #end(): void {
    for (const key of [...this.#listeners.keys()]) this.#stop(key);
    for (const socket of this.#sockets) socket.destroy();
  }
}

const STREAMLOCAL = 'forwarded-streamlocal@openssh.com';

/** A listening server, or null where the system refuses. */
function started(
  onSocket: (socket: Socket) => void,
  where: { readonly host: string; readonly port: number } | { readonly path: string },
): Promise<Server | null> {
  return new Promise((resolve) => {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, onSocket);
    server.once('error', () => resolve(null));
    server.listen(where, () => {
      server.on('error', () => {});
      resolve(server);
    });
  });
}
