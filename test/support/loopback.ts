// A client and a server Transport of ours on the two ends of a loopback connection: for tests of what the classes promise, without
// a peer. Both ends are closed on dispose.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import {
  type Channel,
  generateKey,
  type PublicKey,
  ServerInterface,
  type Signer,
  Transport,
  type TransportOptions,
} from '../../src/index.ts';

let sharedKey: Promise<Signer> | undefined;

/** One host key for all tests of a process. */
export function hostKey(): Promise<Signer> {
  sharedKey ??= generateKey('ed25519');
  return sharedKey;
}

/** Lets user `u` in with password `p`, and sessions be opened. */
export class OpenServer extends ServerInterface {
  override checkAuthPassword(username: string, password: string) {
    return username === 'u' && password === 'p' ? ('successful' as const) : ('failed' as const);
  }

  override checkChannelRequest(kind: string) {
    return kind === 'session';
  }
}

/** Grants every exec and gives its channel to `run`, which gets an error of its own reported as a broken test. */
export class ExecServer extends OpenServer {
  readonly #run: (channel: Channel, command: string) => Promise<void>;

  constructor(run: (channel: Channel, command: string) => Promise<void>) {
    super();
    this.#run = run;
  }

  override checkChannelExecRequest(channel: Channel, command: Uint8Array) {
    setImmediate(() => void this.#run(channel, Buffer.from(command).toString()));
    return true;
  }
}

export interface Loopback extends AsyncDisposable {
  readonly client: Transport;
  readonly server: Transport;
}

export interface LoopbackOptions {
  readonly server?: ServerInterface;
  readonly clientOptions?: TransportOptions;
  readonly serverOptions?: TransportOptions;
  readonly hostKeys?: readonly Signer[];
  /** Default true. */
  readonly login?: boolean;
  /** Between construction and start. */
  prepare?(client: Transport, server: Transport): void;
}

/** Fast to agree on; the post-quantum methods have tests of their own. */
const quick: TransportOptions = { algorithms: { kex: ['curve25519-sha256'] } };

export async function loopback(options: LoopbackOptions = {}): Promise<Loopback> {
  const [left, right] = await socketPair();
  const client = new Transport(left, { ...quick, ...options.clientOptions });
  const server = new Transport(right, { ...quick, ...options.serverOptions });
  for (const key of options.hostKeys ?? [await hostKey()]) server.addServerKey(key);
  options.prepare?.(client, server);
  const login = options.login === false ? {} : { username: 'u', password: 'p' };
  const started = server.startServer(options.server ?? new OpenServer());
  await Promise.all([started, client.connect({ hostKey: 'ignore' as const, ...login })]);
  return {
    client,
    server,
    [Symbol.asyncDispose]: async () => {
      await client.close();
      await server.close();
    },
  };
}

/** The two ends of a TCP connection. */
export async function socketPair(): Promise<[Socket, Socket]> {
  const listener = createServer({ pauseOnConnect: true });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const accepted = once(listener, 'connection') as Promise<[Socket]>;
  const left = connect((listener.address() as AddressInfo).port, '127.0.0.1');
  const [[right]] = await Promise.all([accepted, once(left, 'connect')]);
  listener.close();
  return [left, right];
}

/** A promise and what settles it, for events that tests wait for. */
export function deferred<T>(): { readonly promise: Promise<T>; resolve(value: T): void; reject(error: unknown): void } {
  let resolve: (value: T) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

export function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}

export function fingerprints(keys: readonly PublicKey[]): string[] {
  return keys.map((key) => key.fingerprint).sort();
}
