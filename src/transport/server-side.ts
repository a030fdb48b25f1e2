// The server's side of an open connection: what the peer wants to open and asks for, put before the ServerInterface.

import type { ServerAuthHooks } from '../auth/server.ts';
import { EMPTY } from '../bytes/bytes.ts';
import type { InboundGlobalRequest, InboundOpen } from '../connection/connection.ts';
import { OpenFailureReason } from '../wire/messages/connection.ts';
import type { AcceptQueue } from './accept-queue.ts';
import { Channel } from './channel.ts';
import { ChannelRequests } from './channel-requests.ts';
import { channelSizes, type TransportOptions } from './options.ts';
import type { ServerInterface } from './server-interface.ts';
import type { Transport } from './transport.ts';

export interface ServerSidePort {
  readonly transport: Transport;
  readonly options: TransportOptions;
  readonly accepted: AcceptQueue;
  /** A hook threw. */
  hookFailed(error: unknown): void;
}

const MAX_SESSIONS = 10;

export class ServerSide {
  readonly interface: ServerInterface;
  readonly #port: ServerSidePort;
  #sessions = 0;
  #noMoreSessions = false;

  constructor(server: ServerInterface, port: ServerSidePort) {
    this.interface = server;
    this.#port = port;
  }

  /** The hooks as the engine wants them. */
  authHooks(): ServerAuthHooks {
    const server = this.interface;
    return {
      allowedMethods: (user) => server.getAllowedAuths(user),
      none: (user) => server.checkAuthNone(user),
      password: (user, password, newPassword) => server.checkAuthPassword(user, password, newPassword),
      publickey: (user, key, signed) => server.checkAuthPublickey(user, key, signed),
      interactive: (user, submethods) => server.checkAuthInteractive(user, submethods),
      interactiveResponse: (user, responses) => server.checkAuthInteractiveResponse(responses, user),
      banner: (user) => server.getBanner(user),
    };
  }

  channelOpen(open: InboundOpen): void {
    const { administrativelyProhibited, resourceShortage } = OpenFailureReason;
    const isSession = open.kind === 'session';
    if (isSession && this.#noMoreSessions) {
      open.refuse(administrativelyProhibited, 'no more sessions');
      return;
    }
    if (isSession && this.#sessions >= (this.#port.options.maxSessions ?? MAX_SESSIONS)) {
      open.refuse(resourceShortage, 'too many sessions');
      return;
    }
    // Counted before the decision, or any number could wait for it.
    if (isSession) this.#sessions++;
    const release = () => {
      if (isSession) this.#sessions--;
    };
    this.#decide(
      () => this.interface.checkChannelRequest(open.kind, -1),
      (decision) => {
        if (decision === true) {
          this.#accept(open, release);
          return;
        }
        release();
        const refusal = typeof decision === 'object' && decision !== null ? decision : null;
        open.refuse(refusal?.reason ?? administrativelyProhibited, refusal?.description ?? 'not allowed');
      },
    );
  }

  globalRequest({ request, data, reply }: InboundGlobalRequest): void {
    if (request === 'no-more-sessions@openssh.com') {
      this.#noMoreSessions = true;
      reply(EMPTY);
      return;
    }
    this.#decide(
      () => this.interface.checkGlobalRequest(request, data),
      (granted) => reply(granted === true ? EMPTY : granted instanceof Uint8Array ? granted : null),
    );
  }

  #accept(open: InboundOpen, release: () => void): void {
    const sizes = channelSizes(this.#port.options);
    const channel: Channel = new Channel({
      transport: this.#port.transport,
      kind: open.kind,
      windowBytes: sizes.windowBytes,
      onRequest: (_channel, request) => requests.receive(request),
      onClosed: release,
    });
    const requests = new ChannelRequests(channel, this.interface, (error) => this.#port.hookFailed(error));
    channel.attach(open.accept(channel.handler, sizes));
    this.#port.accepted.push(channel);
  }

  /** Asks a hook, which may take its time. */
  #decide<T>(ask: () => T | PromiseLike<T>, decided: (value: T) => void): void {
    let answer: T | PromiseLike<T>;
    try {
      answer = ask();
    } catch (error) {
      this.#port.hookFailed(error);
      return;
    }
    if (typeof (answer as PromiseLike<T> | null | undefined)?.then === 'function') {
      (answer as PromiseLike<T>).then(decided, (error) => this.#port.hookFailed(error));
    } else {
      decided(answer as T);
    }
  }
}
