// A port that the server listens on for us, as a stream of connections: for programs that serve on somebody else's address.

import { ChannelClosedError } from '../errors.ts';
import { CALL, options as optionsOf } from '../io/kinds.ts';
import type { CallOptions } from '../io/waiting.ts';
import type { Channel } from '../transport/channel.ts';
import type { Transport } from '../transport/transport.ts';
import { checkForward, checkTarget, type ForwardTarget, isPath } from './target.ts';

/** A connection that came in over the server. */
export interface RemoteConnection {
  readonly channel: Channel;
  /** Who connected; an empty host and port 0 for a unix socket. */
  readonly origin: readonly [host: string, port: number];
}

const callOptions = optionsOf(CALL);

/** Connections that nobody has taken yet; what comes above is closed. */
const BACKLOG = 128;

/**
 * Listens on the server's side. Iterate over it; leaving the loop stops it, as `close` does.
 *
 * @example
 * await using listener = await listenRemote(transport, { host: '127.0.0.1', port: 0 });
 * for await (const { channel } of listener) void channel.write('hello\n').then(() => channel.close());
 */
export class RemoteListener implements AsyncIterable<RemoteConnection>, AsyncDisposable {
  /** Where the server listens, with the port that it chose. */
  readonly address: ForwardTarget;
  readonly #stop: () => Promise<void>;
  readonly #queue: Queue;
  #closed: Promise<void> | null = null;

  /** Comes from {@link listenRemote}. @internal */
  constructor(address: ForwardTarget, queue: Queue, stop: () => Promise<void>) {
    this.address = address;
    this.#queue = queue;
    this.#stop = stop;
  }

  /** Stops listening; connections that were taken go on, the others are closed. Never fails, may be called again. */
  close(): Promise<void> {
    this.#closed ??= this.#end();
    return this.#closed;
  }

  async #end(): Promise<void> {
    this.#queue.closed = true;
    for (const { channel } of this.#queue.waiting.splice(0)) channel.close();
    for (const taker of this.#queue.takers.splice(0)) taker({ done: true, value: undefined });
    await this.#stop().catch(() => {});
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  [Symbol.asyncIterator](): AsyncIterator<RemoteConnection, undefined> {
    return {
      next: () => {
        const connection = this.#queue.waiting.shift();
        if (connection !== undefined) return Promise.resolve({ done: false, value: connection });
        if (this.#closed !== null) return Promise.resolve({ done: true, value: undefined });
        return new Promise((resolve) => this.#queue.takers.push(resolve));
      },
      return: async () => {
        await this.close();
        return { done: true, value: undefined };
      },
    };
  }
}

interface Queue {
  readonly waiting: RemoteConnection[];
  readonly takers: ((result: IteratorResult<RemoteConnection, undefined>) => void)[];
  closed: boolean;
}

/** Has the server listen on `from`; port 0 lets it choose. @throws ChannelRequestError if it refuses, UsageError */
export async function listenRemote(transport: Transport, from: ForwardTarget, options?: CallOptions): Promise<RemoteListener> {
  checkForward('listenRemote', transport, options, callOptions);
  checkTarget('listenRemote', 'from', from, 0);
  const queue: Queue = { waiting: [], takers: [], closed: false };
  const handler: Parameters<Transport['requestPortForward']>[2] = (channel, origin) => {
    // The server stops only when it has heard that it should.
    if (queue.closed) throw new ChannelClosedError('the listener has been closed');
    const taker = queue.takers.shift();
    if (taker !== undefined) taker({ done: false, value: { channel, origin } });
    else if (queue.waiting.length < BACKLOG) queue.waiting.push({ channel, origin });
    else throw new ChannelClosedError('too many connections that nobody takes');
  };
  let listener: RemoteListener;
  if (isPath(from)) {
    await transport.requestStreamlocalForward(from.path, handler, options);
    listener = new RemoteListener(from, queue, () => transport.cancelStreamlocalForward(from.path));
  } else {
    const port = await transport.requestPortForward(from.host, from.port, handler, options);
    listener = new RemoteListener({ host: from.host, port }, queue, () => transport.cancelPortForward(from.host, port));
  }
  void transport.closed.then(() => listener.close());
  return listener;
}
