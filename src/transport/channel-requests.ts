// Requests that the peer makes on a channel (RFC 4254 section 6): a client hears how its command ended, a server decides
// what to allow. Decisions may take their time; they are made one after the other, in the order of the requests.

import type { InboundChannelRequest } from '../connection/channel-machine.ts';
import { ProtocolError } from '../errors.ts';
import { limits } from '../packet/limits.ts';
import {
  breakRequest,
  emptyRequest,
  envRequest,
  execRequest,
  exitSignalRequest,
  exitStatusRequest,
  ptyRequest,
  signalRequest,
  subsystemRequest,
  windowChangeRequest,
  x11Request,
} from '../wire/requests.ts';
import type { Channel } from './channel.ts';
import type { ServerInterface } from './server-interface.ts';
import { decodeTerminalModes } from './terminal-modes.ts';
import { isX11Cookie } from './x11-cookie.ts';

type Eventually<T> = T | PromiseLike<T>;

/** Client: what a server may say about a session. Everything else is refused. */
export function answerAsClient(channel: Channel, { request, data, reply }: InboundChannelRequest): void {
  switch (request) {
    case 'exit-status': {
      const values = exitStatusRequest.decode(data);
      if (values !== null) channel.setExitStatus({ code: values.status, signal: null, coreDumped: false, message: '' });
      reply(values !== null);
      break;
    }
    case 'exit-signal': {
      const values = exitSignalRequest.decode(data);
      if (values !== null) {
        const { signal, coreDumped, message } = values;
        channel.setExitStatus({ code: null, signal, coreDumped, message });
      }
      reply(values !== null);
      break;
    }
    case 'eow@openssh.com':
      channel.stopWriting();
      reply(true);
      break;
    default:
      reply(false);
  }
}

/** Variables that are asked about per channel; the rest is refused unheard. */
const ENV_COUNT = 64;
const X11_PROTOCOL = /^[A-Za-z0-9._-]{1,64}$/;
const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,255}$/;

/** Server: asks the ServerInterface about each request on one channel. */
export class ChannelRequests {
  readonly #channel: Channel;
  readonly #server: ServerInterface;
  readonly #failed: (error: unknown) => void;
  #queue: InboundChannelRequest[] = [];
  #busy = false;
  #started = false;
  #envCount = 0;

  /** `failed` hears of hooks that threw. */
  constructor(channel: Channel, server: ServerInterface, failed: (error: unknown) => void) {
    this.#channel = channel;
    this.#server = server;
    this.#failed = failed;
  }

  receive(request: InboundChannelRequest): void {
    if (this.#queue.length >= limits.pendingRequests)
      throw new ProtocolError('queue-overflow', 'too many channel requests at once');
    this.#queue.push(request);
    if (!this.#busy) this.#next();
  }

  #next(): void {
    for (let request = this.#queue.shift(); request !== undefined; request = this.#queue.shift()) {
      // It may have ended while we decided about the request before: nothing must start on it any more.
      if (this.#channel.isClosed) return;
      const { reply } = request;
      let granted: Eventually<boolean>;
      try {
        granted = this.#decide(request);
      } catch (error) {
        reply(false);
        this.#failed(error);
        return;
      }
      if (typeof granted === 'boolean') {
        reply(granted);
        continue;
      }
      this.#busy = true;
      Promise.resolve(granted)
        .then(
          (value) => reply(value === true),
          (error) => {
            reply(false);
            this.#failed(error);
          },
        )
        .finally(() => {
          this.#busy = false;
          this.#next();
        });
      return;
    }
  }

  #decide({ request, data }: InboundChannelRequest): Eventually<boolean> {
    const channel = this.#channel;
    const server = this.#server;
    if (request === 'eow@openssh.com') {
      channel.stopWriting();
      return true;
    }
    if (channel.kind !== 'session') return false;
    switch (request) {
      case 'pty-req': {
        const v = ptyRequest.decode(data);
        if (v === null || this.#started) return false;
        const modes = decodeTerminalModes(v.modes);
        return only(server.checkChannelPtyRequest(channel, v.term, v.columns, v.rows, v.widthPixels, v.heightPixels, modes));
      }
      case 'env': {
        const v = envRequest.decode(data);
        if (v === null || this.#started || !ENV_NAME.test(v.variable) || ++this.#envCount > ENV_COUNT) return false;
        return only(server.checkChannelEnvRequest(channel, v.variable, v.value));
      }
      case 'shell':
        if (emptyRequest.decode(data) === null) return false;
        return this.#start(() => server.checkChannelShellRequest(channel));
      case 'exec': {
        const v = execRequest.decode(data);
        return v !== null && this.#start(() => server.checkChannelExecRequest(channel, v.command));
      }
      case 'subsystem': {
        const v = subsystemRequest.decode(data);
        return v !== null && this.#start(() => server.checkChannelSubsystemRequest(channel, v.subsystem));
      }
      case 'window-change': {
        const v = windowChangeRequest.decode(data);
        if (v === null) return false;
        return only(server.checkChannelWindowChangeRequest(channel, v.columns, v.rows, v.widthPixels, v.heightPixels));
      }
      case 'signal': {
        const v = signalRequest.decode(data);
        return v !== null && only(server.checkChannelSignalRequest(channel, v.signal));
      }
      case 'break': {
        const v = breakRequest.decode(data);
        return v !== null && only(server.checkChannelBreakRequest(channel, v.length));
      }
      case 'x11-req': {
        const v = x11Request.decode(data);
        // What is no hexadecimal cookie would be a strange argument for xauth.
        if (v === null || this.#started || !isX11Cookie(v.authCookie) || !X11_PROTOCOL.test(v.authProtocol)) return false;
        const { singleConnection, authProtocol, authCookie, screenNumber } = v;
        return only(server.checkChannelX11Request(channel, singleConnection, authProtocol, authCookie, screenNumber));
      }
      case 'auth-agent-req@openssh.com':
        return emptyRequest.decode(data) !== null && only(server.checkChannelForwardAgentRequest(channel));
      default:
        return false;
    }
  }

  /** RFC 4254 section 6.5: "Only one of these requests can succeed per channel." */
  #start(ask: () => Eventually<boolean>): Eventually<boolean> {
    if (this.#started) return false;
    this.#started = true;
    const release = (granted: boolean) => {
      if (!granted) this.#started = false;
      return granted;
    };
    const granted = only(ask());
    return typeof granted === 'boolean' ? release(granted) : Promise.resolve(granted).then(release);
  }
}

/** Only the literal `true` grants. */
function only(granted: Eventually<boolean>): Eventually<boolean> {
  if (typeof (granted as PromiseLike<boolean> | null | undefined)?.then === 'function') {
    return Promise.resolve(granted).then((value) => value === true);
  }
  return granted === true;
}
