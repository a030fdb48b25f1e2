// Two Transports over a stream in memory that a test can watch, hold and cut. Nothing here opens a socket or waits for time.
import { Duplex } from 'node:stream';
import { type Channel, ServerInterface, Transport, type TransportOptions } from '../../src/index.ts';
import { testKey } from './seeded-crypto.ts';

/** One end of a stream: what is written here is read there, when the wire lets it. */
export class PipeEnd extends Duplex {
  other: PipeEnd | null = null;
  /** Bytes that have come out here so far. */
  delivered = 0;
  /** Destroys both ends when this many bytes have come out here. */
  cutAt = Number.POSITIVE_INFINITY;
  #held: (() => void)[] = [];
  #holding = false;
  #waiting: (() => void) | null = null;

  /** Holds what comes from the other side, as a network does that is down. */
  hold(): void {
    this.#holding = true;
  }

  release(): void {
    this.#holding = false;
    for (const deliver of this.#held.splice(0)) deliver();
  }

  fromOther(chunk: Buffer | null, done: () => void): void {
    if (this.#holding) {
      this.#held.push(() => this.fromOther(chunk, done));
      return;
    }
    if (this.destroyed || chunk === null) {
      if (!this.destroyed) this.push(null);
      done();
      return;
    }
    const left = this.cutAt - this.delivered;
    this.delivered += Math.min(chunk.length, left);
    if (chunk.length >= left) {
      if (left > 0) this.push(chunk.subarray(0, left));
      // After what came before the cut has been read.
      setImmediate(() => {
        this.destroy(new Error('cut'));
        this.other?.destroy();
      });
      return;
    }
    if (this.push(chunk)) done();
    else this.#waiting = done;
  }

  override _read(): void {
    const done = this.#waiting;
    this.#waiting = null;
    done?.();
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.other?.fromOther(chunk, done);
  }

  override _final(done: () => void): void {
    this.other?.fromOther(null, done);
  }

  override _destroy(_error: Error | null, done: (error: Error | null) => void): void {
    const { other } = this;
    if (other && !other.destroyed) setImmediate(() => other.push(null));
    done(null);
  }
}

export function pipe(): [PipeEnd, PipeEnd] {
  const [a, b] = [new PipeEnd(), new PipeEnd()];
  a.other = b;
  b.other = a;
  return [a, b];
}

/** Lets 'u' in with 'p' and grants everything; commands echo until told otherwise. */
export class OpenServer extends ServerInterface {
  readonly started: Channel[] = [];
  serve: (channel: Channel, command: string) => void = (channel) => void echo(channel);

  override getAllowedAuths(): string[] {
    return ['password'];
  }

  override checkAuthPassword(user: string, password: string): 'successful' | 'failed' {
    return user === 'u' && password === 'p' ? 'successful' : 'failed';
  }

  override checkChannelRequest(): boolean {
    return true;
  }

  override checkChannelExecRequest(channel: Channel, command: Uint8Array): boolean {
    this.started.push(channel);
    const text = Buffer.from(command).toString();
    queueMicrotask(() => this.serve(channel, text));
    return true;
  }
}

/** Sends back what comes, then says 0. */
export async function echo(channel: Channel): Promise<void> {
  try {
    for await (const chunk of channel) await channel.write(chunk);
    channel.sendExitStatus(0);
    channel.close();
  } catch {
    // The connection is gone: the client is who tests look at.
  }
}

export const hostKey = testKey(0);

export interface TransportPair {
  readonly client: Transport;
  readonly server: Transport;
  readonly clientEnd: PipeEnd;
  readonly serverEnd: PipeEnd;
  readonly interface: OpenServer;
  /** When the server's handshake is over, or why it is not. */
  readonly serverStarted: Promise<unknown>;
}

const fast: TransportOptions = { algorithms: { kex: ['curve25519-sha256'] }, authFailureDelay: 0 };

/** Both transports, the server running, the client not yet. */
export function transportPair(
  options: { client?: TransportOptions; server?: TransportOptions; interface?: OpenServer } = {},
): TransportPair {
  const [clientEnd, serverEnd] = pipe();
  const client = new Transport(clientEnd, { ...fast, ...options.client });
  const server = new Transport(serverEnd, { ...fast, ...options.server });
  server.addServerKey(hostKey);
  const serverInterface = options.interface ?? new OpenServer();
  const serverStarted = server.startServer(serverInterface).catch((error: unknown) => error);
  return { client, server, clientEnd, serverEnd, interface: serverInterface, serverStarted };
}

export const credentials = { hostKey: hostKey.publicKey, username: 'u', password: 'p' };

/** Both, connected and logged in. */
export async function connectedPair(options: Parameters<typeof transportPair>[0] = {}): Promise<TransportPair> {
  const pair = transportPair(options);
  await pair.client.connect(credentials);
  return pair;
}

export async function closePair({ client, server }: TransportPair): Promise<void> {
  await Promise.all([client.close(), server.close()]);
}
