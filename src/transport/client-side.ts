// The client's side of an open connection: channels that the server opens. It may open only what we have asked for: connections
// to ports that we had it listen on, X11 and agent connections where we offered those. All else is refused, or a server could
// reach into the client's network (the class of attack behind RFC 4254 section 7.2's "MUST be rejected").

import { EMPTY } from '../bytes/bytes.ts';
import type { InboundOpen } from '../connection/connection.ts';
import { ChannelRequestError } from '../errors.ts';
import type { CallOptions } from '../io/waiting.ts';
import { OpenFailureReason } from '../wire/messages/connection.ts';
import {
  forwardedStreamlocalOpen,
  streamlocalForward,
  tcpipForward,
  tcpipForwardReply,
  tcpipOpen,
  x11Open,
} from '../wire/requests.ts';
import type { AcceptQueue } from './accept-queue.ts';
import { Channel } from './channel.ts';
import { answerAsClient } from './channel-requests.ts';
import { channelSizes, type TransportOptions } from './options.ts';
import type { Transport } from './transport.ts';

export type Endpoint = readonly [host: string, port: number];

/** Takes a connection to a port that the server listens on for us. `origin` is who connected, `server` where. */
export type ForwardHandler = (channel: Channel, origin: Endpoint, server: Endpoint) => void | PromiseLike<void>;

/** Takes an X11 connection; `origin` is the program's address. */
export type X11Handler = (channel: Channel, origin: Endpoint) => void | PromiseLike<void>;

/** Takes a connection to the agent that we have forwarded. */
export type AgentHandler = (channel: Channel) => void | PromiseLike<void>;

export interface ClientSidePort {
  readonly transport: Transport;
  readonly options: TransportOptions;
  /** Where channels go that nobody handles. */
  readonly accepted: AcceptQueue;
  /** A global request; `granted` gets the answer before anything that came behind it is looked at, `late` if the call has ended. */
  request(
    kind: string,
    data: Uint8Array,
    options?: CallOptions,
    granted?: (answer: Uint8Array, late: boolean) => void,
  ): Promise<Uint8Array | null>;
  /** A channel that the server has opened is there. */
  opened(channel: Channel): void;
  /** A handler threw. */
  handlerFailed(error: unknown): void;
}

/** Where a channel says what the server may open. The functions that are returned take it back. */
export interface Offers {
  /** X11 connections; without a handler they go to `accept`. `once`: the first only. */
  offerX11(handler: X11Handler | undefined, once: boolean): () => void;
  offerAgent(handler: AgentHandler): () => void;
}

interface X11Offer {
  readonly handler: X11Handler;
  readonly once: boolean;
}

export class ClientSide implements Offers {
  readonly #port: ClientSidePort;
  readonly #tcp = new Map<number, Map<string, ForwardHandler>>();
  readonly #unix = new Map<string, ForwardHandler>();
  #x11: X11Offer | null = null;
  #agent: AgentHandler | null = null;

  constructor(port: ClientSidePort) {
    this.#port = port;
  }

  async requestPortForward(
    address: string,
    port: number,
    handler: ForwardHandler = (channel) => this.#port.accepted.push(channel),
    options?: CallOptions,
  ): Promise<number> {
    let bound = port;
    // The first connection may come right behind the answer, so the answer itself has to register the port that it names.
    const granted = (answer: Uint8Array, late: boolean) => {
      if (port === 0) bound = tcpipForwardReply.decode(answer)?.port ?? 0;
      if (bound === 0) return;
      // Nobody knows of it, so nobody could end it.
      if (late) this.#withdraw('cancel-tcpip-forward', tcpipForward.encode({ address, port: bound }));
      else this.#register(address, bound, handler);
    };
    const answer = await this.#port.request('tcpip-forward', tcpipForward.encode({ address, port }), options, granted);
    if (answer === null || bound === 0) throw new ChannelRequestError('tcpip-forward');
    return bound;
  }

  async cancelPortForward(address: string, port: number, options?: CallOptions): Promise<void> {
    const answer = await this.#port.request('cancel-tcpip-forward', tcpipForward.encode({ address, port }), options);
    if (answer === null) throw new ChannelRequestError('cancel-tcpip-forward');
    const byAddress = this.#tcp.get(port);
    byAddress?.delete(address);
    if (byAddress?.size === 0) this.#tcp.delete(port);
  }

  async requestStreamlocalForward(
    path: string,
    handler: ForwardHandler = (channel) => this.#port.accepted.push(channel),
    options?: CallOptions,
  ): Promise<void> {
    const request = 'streamlocal-forward@openssh.com';
    const granted = (_answer: Uint8Array, late: boolean) => {
      if (late) this.#withdraw('cancel-streamlocal-forward@openssh.com', streamlocalForward.encode({ path }));
      else this.#unix.set(path, handler);
    };
    const answer = await this.#port.request(request, streamlocalForward.encode({ path }), options, granted);
    if (answer === null) throw new ChannelRequestError(request);
  }

  async cancelStreamlocalForward(path: string, options?: CallOptions): Promise<void> {
    const request = 'cancel-streamlocal-forward@openssh.com';
    const answer = await this.#port.request(request, streamlocalForward.encode({ path }), options);
    if (answer === null) throw new ChannelRequestError(request);
    this.#unix.delete(path);
  }

  offerX11(handler: X11Handler = (channel) => this.#port.accepted.push(channel), once: boolean): () => void {
    const before = this.#x11;
    const offer = { handler, once };
    this.#x11 = offer;
    return () => {
      if (this.#x11 === offer) this.#x11 = before;
    };
  }

  offerAgent(handler: AgentHandler): () => void {
    const before = this.#agent;
    this.#agent = handler;
    return () => {
      if (this.#agent === handler) this.#agent = before;
    };
  }

  channelOpen(open: InboundOpen): void {
    const take = this.#taker(open);
    if (take === null) {
      open.refuse(OpenFailureReason.administrativelyProhibited, 'not expected');
      return;
    }
    const sizes = channelSizes(this.#port.options);
    const { transport } = this.#port;
    const channel = new Channel({ transport, kind: open.kind, windowBytes: sizes.windowBytes, onRequest: answerAsClient });
    channel.attach(open.accept(channel.handler, sizes));
    this.#port.opened(channel);
    // Not within the engine's call: a handler is the user's.
    queueMicrotask(async () => {
      try {
        await take(channel);
      } catch (error) {
        channel.close();
        this.#port.handlerFailed(error);
      }
    });
  }

  /** Has the server stop listening; whether it does is its affair, as we take no connections from there. */
  #withdraw(request: string, data: Uint8Array): void {
    this.#port.request(request, data).catch(() => {});
  }

  #register(address: string, port: number, handler: ForwardHandler): void {
    const byAddress = this.#tcp.get(port) ?? new Map<string, ForwardHandler>();
    byAddress.set(address, handler);
    this.#tcp.set(port, byAddress);
  }

  /** Who takes this channel, or null where we have not asked for any such. */
  #taker({ kind, data }: InboundOpen): ((channel: Channel) => void | PromiseLike<void>) | null {
    switch (kind) {
      case 'forwarded-tcpip': {
        const details = tcpipOpen.decode(data);
        if (details === null) return null;
        const { host, port, originatorHost, originatorPort } = details;
        const handler = this.#tcpHandler(host, port);
        return handler === undefined ? null : (channel) => handler(channel, [originatorHost, originatorPort], [host, port]);
      }
      case 'forwarded-streamlocal@openssh.com': {
        const details = forwardedStreamlocalOpen.decode(data);
        const handler = details === null ? undefined : this.#unix.get(details.path);
        return handler === undefined || details === null ? null : (channel) => handler(channel, ['', 0], [details.path, 0]);
      }
      case 'x11': {
        const details = x11Open.decode(data);
        const offer = this.#x11;
        if (details === null || offer === null) return null;
        if (offer.once) this.#x11 = null;
        return (channel) => offer.handler(channel, [details.originatorHost, details.originatorPort]);
      }
      case 'auth-agent@openssh.com': {
        const handler = this.#agent;
        return handler === null || data.length > EMPTY.length ? null : (channel) => handler(channel);
      }
      default:
        return null;
    }
  }

  /** Servers name the address as we asked for it, or as it resolved; the port decides where only one address is forwarded. */
  #tcpHandler(host: string, port: number): ForwardHandler | undefined {
    const byAddress = this.#tcp.get(port);
    if (byAddress === undefined) return undefined;
    return byAddress.get(host) ?? (byAddress.size === 1 ? [...byAddress.values()][0] : undefined);
  }
}
