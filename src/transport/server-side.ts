// The server's side of an open connection: what the peer wants to open and asks for, put before the ServerInterface.

import type { ServerGssHooks } from '../auth/gssapi.ts';
import type { ServerAuthHooks } from '../auth/server.ts';
import { EMPTY } from '../bytes/bytes.ts';
import type { InboundGlobalRequest, InboundOpen } from '../connection/connection.ts';
import { ProtocolError } from '../errors.ts';
import type { PublicKey } from '../keys/public-key.ts';
import { limits } from '../packet/limits.ts';
import { OpenFailureReason } from '../wire/messages/connection.ts';
import { directStreamlocalOpen, streamlocalForward, tcpipForward, tcpipForwardReply, tcpipOpen } from '../wire/requests.ts';
import type { AcceptQueue } from './accept-queue.ts';
import { Channel } from './channel.ts';
import { ChannelRequests } from './channel-requests.ts';
import type { TransportGss } from './gss.ts';
import { channelSizes, type TransportOptions } from './options.ts';
import type { OpenDecision, ServerInterface } from './server-interface.ts';
import type { Transport } from './transport.ts';

export interface ServerSidePort {
  readonly transport: Transport;
  readonly options: TransportOptions;
  readonly accepted: AcceptQueue;
  readonly gss: TransportGss;
  /** A hook threw. */
  hookFailed(error: unknown): void;
  log(message: string): void;
  /** What a hook gave a channel to threw. */
  handlerFailed(error: unknown): void;
}

const MAX_SESSIONS = 10;
/** Listeners of either kind that one client may have us hold. */
const MAX_FORWARDS = 100;

type Eventually<T> = T | PromiseLike<T>;

export class ServerSide {
  readonly interface: ServerInterface;
  readonly #port: ServerSidePort;
  readonly #tcpForwards = new Set<string>();
  readonly #unixForwards = new Set<string>();
  /** Listeners that are there or being decided about. */
  #forwards = 0;
  #undecidedRequests = 0;
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
      none: (user) => this.#told('checkAuthNone', server.checkAuthNone(user)),
      password: (user, password, newPassword) =>
        this.#told('checkAuthPassword', server.checkAuthPassword(user, password, newPassword)),
      publickey: (user, key, signed) => this.#told('checkAuthPublickey', server.checkAuthPublickey(user, key, signed)),
      securityKey: (user, key, facts) => server.checkAuthSecurityKey(user, key, facts),
      interactive: (user, submethods) => server.checkAuthInteractive(user, submethods),
      interactiveResponse: (user, responses) => server.checkAuthInteractiveResponse(responses, user),
      gss: server.enableAuthGssapi() === true ? this.#gssHooks(server) : undefined,
      banner: (user) => server.getBanner(user),
    };
  }

  /** `true` looks like a yes and counts as a no: whoever wrote the hook would look for the reason everywhere else. */
  #told<T>(hook: string, decision: Eventually<T>): Eventually<T> {
    return after(decision, (answer) => {
      if (typeof answer !== 'string' && (typeof answer !== 'object' || answer === null))
        this.#port.log(
          `${hook} gave a ${typeof answer}, which counts as 'failed': it must be 'successful', 'partial' or 'failed'`,
        );
      return answer;
    });
  }

  #gssHooks(server: ServerInterface): ServerGssHooks {
    const { provider, delegate: delegation } = this.#port.gss;
    return {
      provider,
      delegation,
      withMic: (user, identity) => server.checkAuthGssapiWithMic(user, identity),
      keyex: (user, identity) => server.checkAuthGssapiKeyex(user, identity),
      failed: (error) => this.#port.gss.log(1, `a login by GSS-API failed: ${error.message}`),
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
      () => this.#mayOpen(open),
      (decision) => {
        if (decision === true || typeof decision === 'function') {
          const channel = this.#accept(open, release);
          if (decision === true) this.#port.accepted.push(channel);
          else this.#hand(channel, decision);
          return;
        }
        release();
        const refusal = typeof decision === 'object' && decision !== null ? decision : null;
        open.refuse(refusal?.reason ?? administrativelyProhibited, refusal?.description ?? 'not allowed');
      },
    );
  }

  /** Tells the ServerInterface who has logged in. */
  authenticated(user: string, method: string, key: PublicKey | null): void {
    this.#decide(
      () => this.interface.authenticated(user, method, key, this.#port.transport),
      () => {},
    );
  }

  globalRequest({ request, data, reply }: InboundGlobalRequest): void {
    if (request === 'no-more-sessions@openssh.com') {
      this.#noMoreSessions = true;
      reply(EMPTY);
      return;
    }
    // Those that want no reply are not counted by the replies that we owe.
    if (++this.#undecidedRequests > limits.pendingRequests)
      throw new ProtocolError('queue-overflow', 'too many requests at once');
    this.#decide(
      () => this.#grant(request, data),
      (granted) => {
        this.#undecidedRequests--;
        reply(granted === true ? EMPTY : granted instanceof Uint8Array ? granted : null);
      },
    );
  }

  #mayOpen({ kind, data }: InboundOpen): Eventually<OpenDecision> {
    const server = this.interface;
    switch (kind) {
      case 'direct-tcpip': {
        const details = tcpipOpen.decode(data);
        if (details === null || !isHost(details.host)) return false;
        const { host, port, originatorHost, originatorPort } = details;
        return server.checkChannelDirectTcpipRequest(-1, [originatorHost, originatorPort], [host, port]);
      }
      case 'direct-streamlocal@openssh.com': {
        const details = directStreamlocalOpen.decode(data);
        if (details === null || !isPath(details.path)) return false;
        return server.checkChannelDirectStreamlocalRequest(-1, details.path);
      }
      default:
        return server.checkChannelRequest(kind, -1);
    }
  }

  #grant(request: string, data: Uint8Array): Eventually<boolean | Uint8Array> {
    switch (request) {
      case 'tcpip-forward': {
        const details = tcpipForward.decode(data);
        return details !== null && this.#listen(details.address, details.port);
      }
      case 'cancel-tcpip-forward': {
        const details = tcpipForward.decode(data);
        if (details === null || !this.#tcpForwards.delete(`${details.address}:${details.port}`)) return false;
        this.#forwards--;
        return after(this.interface.cancelPortForwardRequest(details.address, details.port), () => true);
      }
      case 'streamlocal-forward@openssh.com': {
        const details = streamlocalForward.decode(data);
        if (details === null || !isPath(details.path) || this.#unixForwards.has(details.path)) return false;
        if (this.#forwards >= MAX_FORWARDS) return false;
        this.#forwards++;
        return after(this.interface.checkStreamlocalForwardRequest(details.path), (granted) => {
          if (granted !== true || this.#unixForwards.has(details.path)) this.#forwards--;
          if (granted === true) this.#unixForwards.add(details.path);
          return granted === true;
        });
      }
      case 'cancel-streamlocal-forward@openssh.com': {
        const details = streamlocalForward.decode(data);
        if (details === null || !this.#unixForwards.delete(details.path)) return false;
        this.#forwards--;
        return after(this.interface.cancelStreamlocalForwardRequest(details.path), () => true);
      }
      default:
        return this.interface.checkGlobalRequest(request, data);
    }
  }

  /** RFC 4254 section 7.1: for port 0 the answer says which one it became. */
  #listen(address: string, port: number): Eventually<boolean | Uint8Array> {
    if (port > 65_535 || (address !== '' && !isHost(address))) return false;
    if (this.#forwards >= MAX_FORWARDS) return false;
    // Counted before the decision, or any number could wait for it.
    this.#forwards++;
    return after(this.interface.checkPortForwardRequest(address, port), (bound) => {
      const valid = typeof bound === 'number' && Number.isInteger(bound) && bound >= 1 && bound <= 65_535;
      if (!valid || this.#tcpForwards.has(`${address}:${bound}`)) this.#forwards--;
      if (!valid) return false;
      this.#tcpForwards.add(`${address}:${bound}`);
      return port === 0 ? tcpipForwardReply.encode({ port: bound }) : true;
    });
  }

  /** What goes wrong in a handler costs its own channel. */
  #hand(channel: Channel, handler: (channel: Channel) => void | PromiseLike<void>): void {
    const failed = (error: unknown) => {
      channel.close();
      this.#port.handlerFailed(error);
    };
    try {
      const handled = handler(channel);
      if (isThenable(handled)) handled.then(undefined, failed);
    } catch (error) {
      failed(error);
    }
  }

  #accept(open: InboundOpen, release: () => void): Channel {
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
    return channel;
  }

  /** Asks a hook, which may take its time. */
  #decide<T>(ask: () => Eventually<T>, decided: (value: T) => void): void {
    let answer: Eventually<T>;
    try {
      answer = ask();
    } catch (error) {
      this.#port.hookFailed(error);
      return;
    }
    if (isThenable(answer)) answer.then(decided).then(undefined, (error) => this.#port.hookFailed(error));
    else decided(answer);
  }
}

function isThenable<T>(value: Eventually<T>): value is PromiseLike<T> {
  return typeof (value as PromiseLike<T> | null | undefined)?.then === 'function';
}

/** What follows from a decision, at once where the decision came at once. */
function after<T, R>(decision: Eventually<T>, then: (value: T) => R): Eventually<R> {
  return isThenable(decision) ? decision.then(then) : then(decision);
}

/** A host name or address, and nothing that could pass for an option, a second line or an end of string elsewhere. */
function isHost(host: string): boolean {
  return host.length <= 255 && /^[^\0-\x20\x7f-][^\0-\x20\x7f]*$/.test(host);
}

function isPath(path: string): boolean {
  return path !== '' && path.length <= 4_096 && !path.includes('\0');
}
