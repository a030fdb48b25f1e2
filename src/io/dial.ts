// A TCP connection to a host: every address of the name is tried (happy eyeballs, RFC 8305), and if none answers the error
// names each with its reason.

import { lookup } from 'node:dns/promises';
import { connect, isIP, type Socket } from 'node:net';
import { ConnectError, printable, UsageError } from '../errors.ts';
import type { ByteStream, ByteStreamSink } from './byte-stream.ts';
import { addressOfInterface } from './interface-address.ts';
import { NodeStream } from './node-stream.ts';

export interface Address {
  readonly host: string;
  /** Default 22. */
  readonly port?: number;
  /** 4 or 6 to try only addresses of that kind. */
  readonly family?: 0 | 4 | 6;
  /** The address of this machine to connect from. Default: the system's choice. */
  readonly localAddress?: string;
  /** The network interface of this machine to connect from, such as `eth0`; with `localAddress` it does not count. */
  readonly localInterface?: string;
  /** Whether the system finds out, in hours, that the other machine is gone (SO_KEEPALIVE). Default true, as with ssh. */
  readonly keepAlive?: boolean;
}

export interface DialOptions {
  readonly signal?: AbortSignal;
}

const SSH_PORT = 22;
/** How long one address may take before the next is tried as well, milliseconds. */
const ATTEMPT_DELAY = 250;

/** `host`, `host:port`, `[v6]`, `[v6]:port`, or a bare IPv6 literal. @throws UsageError */
export function parseAddress(text: string): { host: string; port: number } {
  const bracketed = /^\[([^\]]+)\](?::(\d{1,5}))?$/.exec(text);
  const plain = /^([^:]+)(?::(\d{1,5}))?$/.exec(text);
  const literal = /^([0-9a-fA-F:.]*:[0-9a-fA-F:.]*:[0-9a-fA-F:.]*(?:%[\w.-]+)?)$/.exec(text);
  const [, host, port] = bracketed ?? plain ?? literal ?? [];
  if (host === undefined) throw new UsageError(`not an address: '${text}'`);
  return checkAddress({ host, ...(port === undefined ? {} : { port: Number(port) }) });
}

export function checkAddress({ host, port = SSH_PORT }: Address): { host: string; port: number } {
  if (typeof host !== 'string' || host === '' || /[\0-\x20\x7f]/.test(host) || host.startsWith('-'))
    throw new UsageError(`not a host name: '${host}'`);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new UsageError(`not a port: ${port}`);
  return { host, port };
}

/** @throws ConnectError naming every address that was tried; `signal.reason` if aborted. */
export function dial(address: Address, options: DialOptions = {}): Promise<ByteStream> {
  const { localInterface, localAddress } = address;
  const chosen = localInterface === undefined || localAddress !== undefined;
  return chosen ? dialFrom(address, options) : dialFromInterface(address, localInterface, options);
}

/** One address of the interface after the other, each for what it can reach. */
async function dialFromInterface(address: Address, localInterface: string, options: DialOptions): Promise<ByteStream> {
  const { host, port } = checkAddress(address);
  const failures: Error[] = [];
  for (const family of await familiesOf(address)) {
    const from = addressOfInterface(localInterface, family);
    if (from === null) continue;
    try {
      return await dialFrom({ ...address, family, localAddress: from }, options);
    } catch (error) {
      if (!(error instanceof ConnectError)) throw error;
      failures.push(error);
    }
  }
  const why = failures.map(({ message }) => message).join('; ') || `${printable(localInterface)} has no suitable address`;
  throw new ConnectError(failures.length === 0 ? `cannot connect to ${host} port ${port}: ${why}` : why, failures);
}

/** The kinds of addresses that a host has, in the order in which they are tried. @throws ConnectError */
async function familiesOf(address: Address): Promise<readonly (4 | 6)[]> {
  const { host, port } = checkAddress(address);
  const { family = 0 } = address;
  if (family !== 0) return [family];
  try {
    return [...new Set((await lookup(host, { all: true })).map((found) => found.family as 4 | 6))];
  } catch (error) {
    const reason = error as Error;
    throw new ConnectError(`cannot connect to ${host} port ${port}: ${reason.message}`, [reason], { cause: error });
  }
}

function dialFrom(address: Address, options: DialOptions): Promise<ByteStream> {
  const { host, port } = checkAddress(address);
  const { localAddress, keepAlive = true } = address;
  const local = localAddress === undefined ? 0 : isIP(localAddress);
  if (localAddress !== undefined && local === 0) throw new UsageError(`not an address to connect from: '${localAddress}'`);
  // From an address of one kind only others of that kind are reached.
  const family = address.family || (local as 0 | 4 | 6);
  const { signal } = options;
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    // Node looks at the family only where there is a name to look up.
    if (family !== 0 && isIP(host) !== 0 && isIP(host) !== family) {
      throw new ConnectError(`cannot connect to ${host} port ${port}: it is not an IPv${family} address`, []);
    }
    const buffer = new ReadBuffer();
    const socket = connect({
      host,
      port,
      family,
      ...(localAddress !== undefined && { localAddress }),
      noDelay: true,
      keepAlive,
      autoSelectFamily: family === 0,
      autoSelectFamilyAttemptTimeout: ATTEMPT_DELAY,
      onread: { buffer: buffer.memory, callback: (count) => buffer.received(count) },
    });
    const abort = () => {
      socket.destroy();
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', abort, { once: true });
    socket.once('connect', () => {
      signal?.removeEventListener('abort', abort);
      socket.removeAllListeners('error');
      resolve(new DialedStream(socket, buffer));
    });
    socket.once('error', (error) => {
      signal?.removeEventListener('abort', abort);
      const errors = error instanceof AggregateError ? (error.errors as Error[]) : [error];
      const reasons = errors.map((one) => one.message).join('; ');
      reject(new ConnectError(`cannot connect to ${host} port ${port}: ${reasons}`, errors, { cause: error }));
    });
  });
}

/** Fits into the processor's cache together with what is made of it. */
const READ = 262_144;

/** Where the socket reads to, again and again, so that the memory stays in the cache. Halves the cost of receiving. */
class ReadBuffer {
  readonly memory = Buffer.allocUnsafeSlow(READ);
  #sink: ((chunk: Uint8Array) => void) | null = null;
  #early: Uint8Array[] = [];

  received(count: number): boolean {
    const chunk = new Uint8Array(this.memory.buffer, 0, count);
    if (this.#sink === null) {
      this.#early.push(chunk.slice());
      // Stops reading until `open`: a peer must not fill our memory before anybody looks at what it sends.
      return false;
    }
    this.#sink(chunk);
    return true;
  }

  start(sink: (chunk: Uint8Array) => void): void {
    this.#sink = sink;
    for (const chunk of this.#early.splice(0)) sink(chunk);
  }
}

class DialedStream extends NodeStream {
  readonly #buffer: ReadBuffer;

  constructor(socket: Socket, buffer: ReadBuffer) {
    super(socket);
    this.#buffer = buffer;
  }

  override open(sink: ByteStreamSink): void {
    super.open(sink);
    this.#buffer.start((chunk) => sink.data(chunk));
  }
}
