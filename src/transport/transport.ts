// The public Transport, client and server: the seed's names over an engine. Nothing of the protocol is decided here; this class
// turns events into promises and promises into calls.

import type { Duplex } from 'node:stream';
import { type AlgorithmOptions, chooseAlgorithms, disableAlgorithms } from '../algorithms/policy.ts';
import type { AlgorithmLists } from '../algorithms/registry.ts';
import {
  type ClientAuthMethod,
  type InteractiveAnswer,
  interactiveMethod,
  noneMethod,
  passwordMethod,
  publickeyMethod,
} from '../auth/client.ts';
import type { AuthOutcome } from '../auth/outcome.ts';
import { decodeText, EMPTY } from '../bytes/bytes.ts';
import type { InboundGlobalRequest, InboundOpen } from '../connection/connection.ts';
import type { ReplyWaiter } from '../connection/replies.ts';
import { nodeCrypto } from '../crypto/node/index.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import type { EngineEvent } from '../engine/events.ts';
import type { Engine, RekeyLimits } from '../engine/engine.ts';
import {
  type AuthenticationAttempt,
  AuthenticationError,
  BadAuthenticationTypeError,
  ClosedError,
  DisconnectedError,
  HostKeyError,
  NegotiationError,
  printable,
  SSHError,
  UsageError,
} from '../errors.ts';
import type { ByteStream } from '../io/byte-stream.ts';
import { type Address, dial, parseAddress } from '../io/dial.ts';
import { NodeStream } from '../io/node-stream.ts';
import { type SocketLike, SocketLikeStream } from '../io/socket-like.ts';
import type { NegotiatedAlgorithms } from '../kex/negotiate.ts';
import { kexMethods } from '../kex/methods.ts';
import type { PublicKey } from '../keys/public-key.ts';
import type { SignatureAlgorithm } from '../keys/signature.ts';
import type { Signer } from '../keys/signer.ts';
import { limits } from '../packet/limits.ts';
import { OpenFailureReason } from '../wire/messages/connection.ts';
import { DisconnectReason } from '../wire/messages/transport.ts';
import { tcpipOpen, x11Open } from '../wire/requests.ts';
import { VERSION } from '../version.ts';
import { AcceptQueue } from './accept-queue.ts';
import { Channel } from './channel.ts';
import { answerAsClient, ChannelRequests } from './channel-requests.ts';
import { Driver } from './driver.ts';
import { SecurityOptions } from './security-options.ts';
import { ServerInterface } from './server-interface.ts';
import { type CallOptions, waitFor } from './waiting.ts';

/** What a transport can run over: a Duplex, a socket-like object, `host[:port]`, `[host, port]`, or an address. */
export type TransportSocket = Duplex | SocketLike | string | readonly [host: string, port: number] | Address;

export interface TransportOptions {
  /** Receive window of each channel, bytes. Default 2 MiB; 32 KiB to 2^32 - 1. */
  readonly defaultWindowSize?: number;
  /** Largest channel data in one packet that we take, bytes. Default 32 KiB; 4 KiB to 2^32 - 1. */
  readonly defaultMaxPacketSize?: number;
  /** What to offer: per category an exact list, or OpenSSH's `+`, `-`, `^` forms. */
  readonly algorithms?: AlgorithmOptions;
  /** Names to take away, per category. */
  readonly disabledAlgorithms?: { readonly [category: string]: Iterable<string> };
  /** Server: send `server-sig-algs`. Default true. */
  readonly serverSigAlgs?: boolean;
  /** Offer strict key exchange, the answer to Terrapin (CVE-2023-48795). Default true. */
  readonly strictKex?: boolean;
  /** When to exchange keys anew, whichever comes first. Default 1 GiB, 2^31 packets, one hour. */
  readonly rekey?: Partial<RekeyLimits>;
  readonly timeouts?: {
    /** From the start to the first keys, and every later exchange. Milliseconds, default 20 s, 0 for none. */
    readonly handshake?: number;
    /** The server's answer to an authentication request. Default 30 s. */
    readonly auth?: number;
    /** The answer to a channel open. Default 60 s. */
    readonly channelOpen?: number;
    /** Server: from the start until authenticated. Default 120 s, 0 for none. */
    readonly login?: number;
  };
  /** Server: failed authentication requests before it hangs up. Default 6. */
  readonly maxAuthTries?: number;
  /** Server: no failure is answered sooner, milliseconds. Default 10: unknown users must look like known ones. */
  readonly authFailureDelay?: number;
  /** Server: session channels at once. Default 10. */
  readonly maxSessions?: number;
  /** Hears what goes on: 1 phases and results, 2 details, 3 everything. Never secrets. */
  readonly log?: (level: 1 | 2 | 3, message: string) => void;
  /** Another implementation of the cryptography. */
  readonly crypto?: CryptoProvider;
}

/** What a key exchange has brought. */
export interface Negotiated extends NegotiatedAlgorithms {
  /** Whether an eavesdropper who records today and has a quantum computer later is kept out. */
  readonly postQuantum: boolean;
  readonly strictKex: boolean;
}

/** How a connection ended. */
export interface CloseInfo {
  readonly by: 'us' | 'peer' | 'error';
  readonly error: SSHError;
}

export interface OpenChannelOptions extends CallOptions {
  /** Bytes; default the transport's. */
  readonly windowSize?: number;
  readonly maxPacketSize?: number;
  /** direct-tcpip, forwarded-tcpip: where to. */
  readonly destAddr?: readonly [host: string, port: number];
  /** direct-tcpip, forwarded-tcpip, x11: where from. */
  readonly srcAddr?: readonly [host: string, port: number];
  /** Other kinds: what follows in CHANNEL_OPEN. */
  readonly data?: Uint8Array;
}

/** A check of a server's key. Only the literal `true` is a yes; may throw a HostKeyError that says more. */
export type VerifyHostKey = (key: PublicKey) => boolean | PromiseLike<boolean>;

export interface ConnectOptions extends CallOptions {
  /** The key that the server must have, several that it may have, a check, or the word that none is wanted. */
  readonly hostKey: PublicKey | readonly PublicKey[] | VerifyHostKey | 'ignore';
  readonly username?: string;
  readonly password?: string;
  readonly privateKey?: Signer;
}

/** Answers the server's questions: as many answers as prompts. */
export type InteractiveHandler = (
  title: string,
  instructions: string,
  prompts: readonly (readonly [prompt: string, echo: boolean])[],
) => readonly string[] | PromiseLike<readonly string[]>;

const DEFAULT_TIMEOUTS = { handshake: 20_000, auth: 30_000, channelOpen: 60_000, login: 120_000 };
const DEFAULT_REKEY: RekeyLimits = { bytes: 2 ** 30, packets: 2 ** 31, milliseconds: 3_600_000 };
/** How long `close` waits for data that is still queued, milliseconds. */
const CLOSE_TIMEOUT = 2_000;

/**
 * One SSH connection, client or server, over any stream.
 *
 * @example
 * await using transport = new Transport('server.example.com');
 * await transport.connect({ hostKey: knownKey, username: 'me', privateKey: key });
 * const channel = await transport.openSession();
 * await channel.execCommand('uptime');
 * console.log(Buffer.from(await channel.stdout.readAll()).toString());
 */
export class Transport implements AsyncDisposable {
  /** Settles when the connection is over; never rejects. */
  readonly closed: Promise<CloseInfo>;

  readonly #sock: TransportSocket;
  readonly #options: TransportOptions;
  readonly #crypto: CryptoProvider;
  readonly #serverKeys = new Map<string, Signer>();
  readonly #accepted = new AcceptQueue();
  readonly #banners: string[] = [];
  readonly #attempts: AuthenticationAttempt[] = [];
  #algorithms: AlgorithmLists;
  #stream: ByteStream | null = null;
  #driver: Driver | null = null;
  #server: ServerInterface | null = null;
  #verifyHostKey: VerifyHostKey = () => true;
  #negotiated: Negotiated | null = null;
  #serverSigAlgs: readonly string[] | null = null;
  #peerPings = false;
  #peerVersion: string | null = null;
  #username: string | null = null;
  #authenticated = false;
  #authQueue: Promise<unknown> = Promise.resolve();
  #keysWaiters: { resolve(value: Negotiated): void; reject(error: unknown): void }[] = [];
  #sessions = 0;
  #noMoreSessions = false;
  #keepalive: { interval: number; countMax: number } | null = null;
  #error: SSHError | null = null;
  #lastException: SSHError | null = null;
  #resolveClosed: (info: CloseInfo) => void = () => {};

  constructor(sock: TransportSocket, options: TransportOptions = {}) {
    this.#sock = sock;
    this.#options = options;
    this.#crypto = options.crypto ?? nodeCrypto;
    const chosen = chooseAlgorithms(options.algorithms);
    this.#algorithms = options.disabledAlgorithms ? disableAlgorithms(chosen, options.disabledAlgorithms) : chosen;
    if (typeof sock === 'string') parseAddress(sock);
    else if (isDuplex(sock)) this.#stream = new NodeStream(sock);
    else if (isSocketLike(sock)) this.#stream = new SocketLikeStream(sock);
    else toAddress(sock);
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
  }

  // ---- starting -----------------------------------------------------------------------------------------------------

  /**
   * Negotiates as client and resolves with what was agreed. The server's key has been proven, and is the right one where
   * `verifyHostKey` says so; without it, compare {@link getRemoteServerKey} before authenticating.
   * @throws ConnectError, NegotiationError, HostKeyError, ProtocolError, DisconnectedError, ConnectionLostError,
   *   SSHTimeoutError, `signal.reason`
   */
  async startClient(options: CallOptions & { verifyHostKey?: VerifyHostKey } = {}): Promise<Negotiated> {
    if (options.verifyHostKey !== undefined) this.#verifyHostKey = options.verifyHostKey;
    return this.#start('client', options);
  }

  /**
   * Negotiates as server and resolves with what was agreed; authentication follows by itself, {@link accept} gives channels.
   * Without `server` everything is denied. At least one {@link addServerKey} must come before.
   */
  async startServer(server: ServerInterface = new ServerInterface(), options: CallOptions = {}): Promise<Negotiated> {
    if (this.#serverKeys.size === 0) throw new UsageError('a server needs a host key: call addServerKey first');
    this.#server = server;
    return this.#start('server', options);
  }

  /** Negotiates, checks the host key, and authenticates if told how. */
  async connect(options: ConnectOptions): Promise<void> {
    const { hostKey, username, password, privateKey, ...call } = options;
    if (hostKey === undefined) throw new UsageError("connect needs `hostKey`: a key, a check, or 'ignore'");
    if ((password !== undefined || privateKey !== undefined) && !username) throw new UsageError('connect needs a username to authenticate');
    if (hostKey !== 'ignore' && typeof hostKey !== 'function') this.#preferKeysOf([hostKey].flat());
    await this.startClient({ ...call, verifyHostKey: toVerifier(hostKey) });
    if (privateKey !== undefined) await this.authPublickey(username as string, privateKey, call);
    else if (password !== undefined) await this.authPassword(username as string, password, call);
  }

  /** Server: adds a host key; one of each type is kept. */
  addServerKey(key: Signer): void {
    this.#serverKeys.set(key.publicKey.type, key);
  }

  /** Server: the key that was negotiated, or null before that and in a client. */
  getServerKey(): Signer | null {
    if (this.#server === null || this.#driver === null) return null;
    return this.#serverKeys.get(this.#driver.engine.hostKey?.type ?? '') ?? null;
  }

  /** Client: the server's host key. @throws UsageError where none has been proven yet. */
  getRemoteServerKey(): PublicKey {
    const key = this.#server === null ? (this.#driver?.engine.hostKey ?? null) : null;
    if (key === null) throw new UsageError('no existing session');
    return key;
  }

  /** A live view on the algorithms that are offered. */
  getSecurityOptions(): SecurityOptions {
    return new SecurityOptions({
      getAlgorithms: () => this.#algorithms,
      setAlgorithms: (lists) => {
        this.#algorithms = lists;
      },
    });
  }

  /** Whether to ask for compression. Takes effect at the next key exchange: call it before starting. */
  useCompression(compress = true): void {
    this.#algorithms = { ...this.#algorithms, compression: compress ? ['zlib@openssh.com', 'none'] : ['none'] };
  }

  // ---- authentication of a client -----------------------------------------------------------------------------------

  /** Tries without credentials. Resolves with the methods for the next step, empty when in. See {@link authPassword} for errors. */
  async authNone(username: string, options?: CallOptions): Promise<readonly string[]> {
    return this.#authenticate(username, noneMethod(username), options);
  }

  /**
   * Tries a password. Where the server does not take passwords but asks questions, the one hidden question is answered with it
   * (unless `fallback` is false). `onChangeRequest` gives a new password where the old one has expired.
   * Resolves with the methods for the next step, empty when in.
   * @throws BadAuthenticationTypeError if the server does not take the method, AuthenticationError if it refused,
   *   SSHTimeoutError, `signal.reason`, or the connection's error
   */
  async authPassword(
    username: string,
    password: string,
    options: CallOptions & { fallback?: boolean; onChangeRequest?: (prompt: string) => string | PromiseLike<string> } = {},
  ): Promise<readonly string[]> {
    try {
      return await this.#authenticate(username, passwordMethod(username, password, options.onChangeRequest), options);
    } catch (error) {
      const asks = error instanceof BadAuthenticationTypeError && error.allowedTypes.includes('keyboard-interactive');
      if (!asks || options.fallback === false) throw error;
      return this.#passwordByQuestion(username, password, options, error);
    }
  }

  /**
   * Tries a key. `query` asks first whether the server would take it; by default only where signing is costly.
   * Errors as {@link authPassword}.
   */
  async authPublickey(username: string, key: Signer, options: CallOptions & { query?: boolean } = {}): Promise<readonly string[]> {
    const algorithm = this.#signatureAlgorithm(key);
    const query = options.query ?? key.costly ?? false;
    return this.#authenticate(username, publickeyMethod(username, key, algorithm, query), options);
  }

  /** Lets `handler` answer the server's questions, as often as it asks. Errors as {@link authPassword}. */
  async authInteractive(
    username: string,
    handler: InteractiveHandler,
    options: CallOptions & { submethods?: string } = {},
  ): Promise<readonly string[]> {
    const answer: InteractiveAnswer = ({ name, instructions, prompts }) =>
      handler(name, instructions, prompts.map(({ prompt, echo }) => [prompt, echo] as const));
    return this.#authenticate(username, interactiveMethod(username, answer, options.submethods), options);
  }

  /** As {@link authInteractive}, asking on the terminal; what is not to be echoed is not. */
  async authInteractiveDumb(
    username: string,
    handler?: InteractiveHandler,
    options: CallOptions & { submethods?: string } = {},
  ): Promise<readonly string[]> {
    const { askOnTerminal } = await import('./ask-on-terminal.ts');
    return this.authInteractive(username, handler ?? askOnTerminal, options);
  }

  /** Every attempt so far, without secrets. */
  get authAttempts(): readonly AuthenticationAttempt[] {
    return this.#attempts;
  }

  // ---- channels -----------------------------------------------------------------------------------------------------

  /** Opens a session: a place for one command, shell or subsystem. @throws ChannelOpenError */
  openSession(options: Omit<OpenChannelOptions, 'destAddr' | 'srcAddr' | 'data'> = {}): Promise<Channel> {
    return this.openChannel('session', options);
  }

  /**
   * Opens a channel of any kind.
   * @throws ChannelOpenError with the peer's reason and words, SSHTimeoutError, `signal.reason`, UsageError before
   *   authentication, or the connection's error. A confirmation that comes too late is answered with CLOSE.
   */
  openChannel(kind: string, options: OpenChannelOptions = {}): Promise<Channel> {
    const data = openData(kind, options);
    const windowBytes = clamp(options.windowSize ?? this.#options.defaultWindowSize ?? limits.windowBytes, 32_768);
    const maxPacketBytes = clamp(options.maxPacketSize ?? this.#options.defaultMaxPacketSize ?? limits.channelPacketBytes, 4_096);
    const channel = new Channel({ transport: this, kind, windowBytes, onRequest: answerAsClient });
    return waitFor<Channel>(
      `opening a '${kind}' channel`,
      options,
      ({ resolve, reject }) =>
        this.#engine().openChannel(kind, data, { windowBytes, maxPacketBytes }, channel.handler, {
          opened: (machine) => {
            channel.attach(machine);
            resolve(channel);
          },
          refused: reject,
        }),
      this.#options.timeouts?.channelOpen ?? DEFAULT_TIMEOUTS.channelOpen,
    );
  }

  /** The next channel that the peer has opened; null when the time is up or the connection over. */
  accept(options?: CallOptions): Promise<Channel | null> {
    return this.#accepted.next(options);
  }

  // ---- the connection -----------------------------------------------------------------------------------------------

  /** Exchanges keys anew; resolves when the new ones are in use. */
  renegotiateKeys(options?: CallOptions): Promise<Negotiated> {
    return waitFor<Negotiated>('the key exchange', options, (settle) => {
      this.#engine().rekey();
      this.#keysWaiters.push(settle);
      return undefined;
    });
  }

  /**
   * After `interval` milliseconds of silence asks the peer for a sign of life; after `countMax` (3) questions without an answer
   * the connection ends with SSHTimeoutError. 0 switches it off.
   */
  setKeepalive(interval: number, { countMax = 3 }: { countMax?: number } = {}): void {
    this.#keepalive = { interval, countMax };
    this.#driver?.engine.setKeepalive(interval, countMax);
  }

  /** Sends random bytes that the peer ignores; 10 to 41 of them by default. */
  sendIgnore(byteCount?: number): void {
    const pick = new Uint8Array(1);
    this.#crypto.randomFill(pick);
    const data = new Uint8Array(byteCount ?? 10 + ((pick[0] as number) % 32));
    this.#crypto.randomFill(data);
    this.#engine().sendIgnore(data);
  }

  /** Asks for something that concerns the whole connection. Resolves with the answer's data, null where it was refused. */
  globalRequest(kind: string, data: Uint8Array = EMPTY, options: CallOptions & { wait?: boolean } = {}): Promise<Uint8Array | null> {
    if (options.wait === false) {
      this.#engine().globalRequest(kind, data, null);
      return Promise.resolve(null);
    }
    return waitFor<Uint8Array | null>(`the answer to '${kind}'`, options, ({ resolve, reject }) => {
      this.#engine().globalRequest(kind, data, { reply: resolve, abandon: reject });
      return undefined;
    });
  }

  /** The round trip time in milliseconds: by ping@openssh.com where the peer knows it, else by a request that it refuses. */
  async ping(options?: CallOptions): Promise<number> {
    const since = performance.now();
    await waitFor<void>('the ping', options, ({ resolve, reject }) => {
      const waiter: ReplyWaiter = { reply: () => resolve(), abandon: reject };
      if (this.#peerPings) this.#engine().ping(EMPTY, waiter);
      else this.#engine().globalRequest('keepalive@openssh.com', EMPTY, waiter);
      return undefined;
    });
    return performance.now() - since;
  }

  /** The connection has been started and is not over. */
  isActive(): boolean {
    return this.#driver !== null && this.#error === null;
  }

  isAuthenticated(): boolean {
    return this.isActive() && this.#authenticated;
  }

  /** The user that is logged in, or null before that. */
  getUsername(): string | null {
    return this.#authenticated ? this.#username : null;
  }

  /** What the server said before the login, all banners one after the other, or null. Hostile text: escape it for terminals. */
  getBanner(): string | null {
    return this.#banners.length === 0 ? null : this.#banners.join('');
  }

  /** [address, port] of the peer, or ['unknown', 0]. */
  getpeername(): readonly [string, number] {
    return this.#driver?.peername() ?? this.#stream?.peername() ?? ['unknown', 0];
  }

  /** The error that ended the connection, once; null afterwards. */
  getException(): SSHError | null {
    const error = this.#lastException;
    this.#lastException = null;
    return error;
  }

  /** What the last key exchange has agreed, or null. */
  get negotiated(): Negotiated | null {
    return this.#negotiated;
  }

  /** The peer's identification line, or null. */
  get peerVersion(): string | null {
    return this.#peerVersion;
  }

  /** Identifies the session (the exchange hash of the first exchange), or null. */
  get sessionId(): Uint8Array | null {
    return this.#driver?.engine.sessionId?.slice() ?? null;
  }

  /**
   * Ends the connection: what is queued goes out first (for at most `timeout` milliseconds, default 2 s), then DISCONNECT.
   * Everything pending rejects with ClosedError. Never fails, may be called again.
   */
  async close(options: { reason?: number; message?: string; timeout?: number } = {}): Promise<void> {
    const driver = this.#driver;
    if (driver === null) {
      this.#over(new ClosedError());
      this.#stream?.destroy();
      return;
    }
    const { reason = DisconnectReason.byApplication, message = '', timeout = CLOSE_TIMEOUT } = options;
    if (this.#error === null) await driver.flushed(timeout);
    driver.engine.close(reason, message);
    await driver.streamClosed;
  }

  /** Closes the stream at once, without a word to the peer. Everything pending rejects. */
  destroy(): void {
    this.#driver?.engine.end(performance.now(), new ClosedError('the connection was destroyed'));
    this.#driver?.destroy();
    this.#stream?.destroy();
    this.#over(new ClosedError('the connection was destroyed'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  toString(): string {
    return `[Transport ${this.#describe()}]`;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }

  /**
   * Drives the connection from start to end; `startClient` and `startServer` call it. Override it to wrap the whole life of a
   * connection. Resolves when the connection is over, never rejects.
   */
  async run(): Promise<void> {
    this.#driver?.start();
    await this.closed;
  }

  // ---- inside -------------------------------------------------------------------------------------------------------

  async #start(role: 'client' | 'server', options: CallOptions): Promise<Negotiated> {
    if (this.#driver !== null) throw new UsageError('this transport has been started before');
    if (this.#error !== null) throw this.#error;
    options.signal?.throwIfAborted();
    const stream = await this.#openStream(options);
    const { handshake, login } = { ...DEFAULT_TIMEOUTS, ...this.#options.timeouts };
    const { maxAuthTries = 6, authFailureDelay = 10, serverSigAlgs = true } = this.#options;
    const driver = new Driver(
      stream,
      {
        role,
        crypto: this.#crypto,
        software: `amiko_${VERSION}`,
        algorithms: () => this.#algorithms,
        strictKex: this.#options.strictKex ?? true,
        rekey: { ...DEFAULT_REKEY, ...this.#options.rekey },
        handshakeTimeoutMs: handshake,
        verifyHostKey: (key) => this.#verifyHostKey(key),
        server:
          role === 'client'
            ? null
            : {
                hostKeys: [...this.#serverKeys.values()],
                auth: authHooks(this.#server as ServerInterface),
                authLimits: { maxAttempts: maxAuthTries, failureDelayMs: authFailureDelay },
                loginTimeoutMs: login,
                serverSigAlgs,
              },
      },
      {
        onEvent: (event) => this.#event(event),
        onChannelOpen: (open) => this.#peerOpens(open),
        onGlobalRequest: (request) => this.#peerRequests(request),
      },
    );
    this.#driver = driver;
    if (this.#keepalive !== null) driver.engine.setKeepalive(this.#keepalive.interval, this.#keepalive.countMax);
    return waitFor<Negotiated>('the handshake', options, (settle) => {
      this.#keysWaiters.push(settle);
      void this.run();
      return () => this.destroy();
    });
  }

  async #openStream({ signal, timeout }: CallOptions): Promise<ByteStream> {
    if (this.#stream !== null) return this.#stream;
    const address = toAddress(this.#sock as string | readonly [string, number] | Address);
    this.#log(1, `connecting to ${address.host} port ${address.port ?? 22}`);
    const controller = new AbortController();
    this.#stream = await waitFor<ByteStream>('connecting', { ...(signal && { signal }), ...(timeout && { timeout }) }, (settle) => {
      dial(address, { signal: controller.signal }).then(settle.resolve, settle.reject);
      return () => controller.abort();
    });
    return this.#stream;
  }

  #engine(): Engine {
    if (this.#error !== null) throw this.#error;
    if (this.#driver === null) throw new UsageError('the transport has not been started');
    return this.#driver.engine;
  }

  #event(event: EngineEvent): void {
    switch (event.type) {
      case 'version':
        this.#peerVersion = event.version;
        this.#log(1, `the peer is ${event.version}`);
        break;
      case 'keys': {
        const { algorithms, strictKex, hostKey } = event;
        const postQuantum = kexMethods.find((method) => method.name === algorithms.kex)?.postQuantum ?? false;
        this.#negotiated = { ...algorithms, postQuantum, strictKex };
        this.#log(1, describeKeys(this.#negotiated, event.first, hostKey));
        for (const waiter of this.#keysWaiters.splice(0)) waiter.resolve(this.#negotiated);
        break;
      }
      case 'extensions': {
        const algorithms = event.extensions.get('server-sig-algs');
        if (algorithms !== undefined) this.#serverSigAlgs = decodeText(algorithms).split(',');
        this.#peerPings = event.extensions.has('ping@openssh.com');
        this.#log(2, `the peer's extensions: ${[...event.extensions.keys()].join(', ')}`);
        break;
      }
      case 'banner':
        this.#banners.push(event.text);
        break;
      case 'authenticated':
        this.#authenticated = true;
        if (event.who !== null) {
          const { user, method, key } = event.who;
          this.#username = user;
          this.#log(1, `'${printable(user)}' logged in by ${method}`);
          this.#server?.authenticated(user, method, key, this);
        }
        break;
      case 'debug':
        this.#log(event.alwaysDisplay ? 1 : 2, `the peer says: ${printable(event.text)}`);
        break;
      case 'closed':
        this.#over(event.error);
        break;
    }
  }

  #over(error: SSHError): void {
    if (this.#error !== null) return;
    this.#error = error;
    if (!(error instanceof ClosedError)) this.#lastException = error;
    this.#log(1, `the connection is over: ${error.message}`);
    for (const waiter of this.#keysWaiters.splice(0)) waiter.reject(error);
    this.#accepted.close();
    const by = error instanceof ClosedError ? 'us' : error instanceof DisconnectedError ? 'peer' : 'error';
    this.#resolveClosed({ by, error });
  }

  /** A hook that throws is a fault of ours, and no reason to go on with a connection that nobody decides about. */
  #hookFailed(error: unknown): void {
    this.#log(1, `a server hook failed: ${error instanceof Error ? error.message : String(error)}`);
    this.#lastException = error instanceof SSHError ? error : new SSHError('ERR_SSH_CLOSED', 'a server hook failed', { cause: error });
    this.#driver?.engine.close(DisconnectReason.byApplication, 'internal error');
  }

  // ---- what the peer wants ------------------------------------------------------------------------------------------

  #peerOpens(open: InboundOpen): void {
    const server = this.#server;
    const { administrativelyProhibited, resourceShortage } = OpenFailureReason;
    // A client has asked for no channel of the server's, so it accepts none.
    if (server === null) return open.refuse(administrativelyProhibited, 'not expected');
    const isSession = open.kind === 'session';
    if (isSession && this.#noMoreSessions) return open.refuse(administrativelyProhibited, 'no more sessions');
    if (isSession && this.#sessions >= (this.#options.maxSessions ?? 10)) return open.refuse(resourceShortage, 'too many sessions');
    if (isSession) this.#sessions++;
    const release = () => {
      if (isSession) this.#sessions--;
    };
    this.#decide(
      () => server.checkChannelRequest(open.kind, -1),
      (decision) => {
        if (decision === true) {
          this.#acceptChannel(open, server, release);
          return;
        }
        release();
        const { reason, description } = typeof decision === 'object' && decision !== null ? decision : { reason: administrativelyProhibited, description: 'not allowed' };
        open.refuse(reason, description);
      },
    );
  }

  #acceptChannel(open: InboundOpen, server: ServerInterface, release: () => void): void {
    const windowBytes = clamp(this.#options.defaultWindowSize ?? limits.windowBytes, 32_768);
    const maxPacketBytes = clamp(this.#options.defaultMaxPacketSize ?? limits.channelPacketBytes, 4_096);
    const channel: Channel = new Channel({
      transport: this,
      kind: open.kind,
      windowBytes,
      onRequest: (_channel, request) => requests.receive(request),
      onClosed: release,
    });
    const requests = new ChannelRequests(channel, server, (error) => this.#hookFailed(error));
    channel.attach(open.accept(channel.handler, { windowBytes, maxPacketBytes }));
    this.#accepted.push(channel);
  }

  #peerRequests({ request, data, reply }: InboundGlobalRequest): void {
    const server = this.#server;
    if (server === null) return reply(null);
    if (request === 'no-more-sessions@openssh.com') {
      this.#noMoreSessions = true;
      return reply(EMPTY);
    }
    this.#decide(
      () => server.checkGlobalRequest(request, data),
      (granted) => reply(granted === true ? EMPTY : granted instanceof Uint8Array ? granted : null),
    );
  }

  /** Asks a hook, which may take its time. */
  #decide<T>(ask: () => T | PromiseLike<T>, decided: (value: T) => void): void {
    let answer: T | PromiseLike<T>;
    try {
      answer = ask();
    } catch (error) {
      this.#hookFailed(error);
      return;
    }
    if (typeof (answer as PromiseLike<T> | null | undefined)?.then === 'function') {
      (answer as PromiseLike<T>).then(decided, (error) => this.#hookFailed(error));
    } else {
      decided(answer as T);
    }
  }

  // ---- authentication, inside ---------------------------------------------------------------------------------------

  /** One attempt after the other: the engine takes one at a time, and one that timed out may still be under way. */
  #authenticate(username: string, method: ClientAuthMethod, options?: CallOptions): Promise<readonly string[]> {
    const attempt = () =>
      waitFor<readonly string[]>(
        `'${method.method}' authentication`,
        options,
        ({ resolve, reject }) => {
          this.#log(2, `trying '${method.method}' for '${printable(username)}'${method.key ? ` with ${method.key}` : ''}`);
          this.#engine().authenticate(method, (outcome) => {
            try {
              resolve(this.#judge(username, method, outcome));
            } catch (error) {
              reject(error);
            }
          });
          return undefined;
        },
        this.#options.timeouts?.auth ?? DEFAULT_TIMEOUTS.auth,
      );
    const result = this.#authQueue.then(attempt, attempt);
    this.#authQueue = result.catch(() => {});
    return result;
  }

  #judge(username: string, { method, key }: ClientAuthMethod, outcome: AuthOutcome | SSHError): readonly string[] {
    if (outcome instanceof SSHError) throw outcome;
    const record = (result: AuthenticationAttempt['result'], next: readonly string[]) => {
      this.#attempts.push({ method, result, next, ...(key !== undefined && { key }) });
      this.#log(2, `'${method}': ${result}${next.length > 0 ? `; the server takes ${next.map(printable).join(', ')}` : ''}`);
    };
    if (outcome.result === 'success') {
      record('success', []);
      this.#username = username;
      return [];
    }
    const { methods, partialSuccess, refused } = outcome;
    if (partialSuccess) {
      record('partial', methods);
      return methods;
    }
    record(refused ? 'refused' : 'failure', methods);
    if (method !== 'none' && methods.includes(method)) {
      const why = refused ? `the server does not want the key ${key}` : 'the server refused it';
      throw new AuthenticationError(`'${method}' authentication as '${printable(username)}' failed: ${why}`, {
        allowedTypes: methods,
        attempts: [...this.#attempts],
      });
    }
    throw new BadAuthenticationTypeError(method, methods, [...this.#attempts]);
  }

  async #passwordByQuestion(username: string, password: string, options: CallOptions, original: unknown): Promise<readonly string[]> {
    const answer: InteractiveAnswer = ({ prompts }) => {
      if (prompts.length === 0) return [];
      // More than one question, or one to be shown, is not the password.
      return prompts.length === 1 && prompts[0]?.echo === false ? [password] : null;
    };
    try {
      return await this.#authenticate(username, interactiveMethod(username, answer), options);
    } catch (error) {
      if (error instanceof BadAuthenticationTypeError) throw original;
      throw error;
    }
  }

  /** RFC 8332 section 3.3: the first that we may use and the server says it takes. */
  #signatureAlgorithm(key: Signer): SignatureAlgorithm {
    const ours = key.algorithms.filter((name) => this.#algorithms.pubkeys.includes(name));
    const theirs = this.#serverSigAlgs;
    const chosen = theirs === null ? ours[0] : (ours.find((name) => theirs.includes(name)) ?? null);
    if (chosen) return chosen;
    throw new NegotiationError('signature', ours, theirs ?? []);
  }

  /** A known host key decides which algorithms come first, or the server would come with another of its keys. */
  #preferKeysOf(keys: readonly PublicKey[]): void {
    const known = new Set<string>(keys.flatMap((key) => key.algorithms));
    const { keys: all } = this.#algorithms;
    this.#algorithms = { ...this.#algorithms, keys: [...all.filter((name) => known.has(name)), ...all.filter((name) => !known.has(name))] };
  }

  #describe(): string {
    if (this.#error !== null) return 'closed';
    if (this.#driver === null) return 'unconnected';
    if (this.#negotiated === null) return 'connecting';
    const { cipher } = this.#negotiated.clientToServer;
    const state = this.#authenticated ? `active; ${this.#driver.engine.channelCount} open channel(s)` : 'connected; awaiting auth';
    return `(cipher ${cipher}) (${state})`;
  }

  #log(level: 1 | 2 | 3, message: string): void {
    this.#options.log?.(level, message);
  }
}

function isDuplex(sock: TransportSocket): sock is Duplex {
  return typeof (sock as Partial<Duplex>).pipe === 'function' && typeof (sock as Partial<Duplex>).write === 'function';
}

function isSocketLike(sock: TransportSocket): sock is SocketLike {
  return typeof (sock as Partial<SocketLike>).recv === 'function' && typeof (sock as Partial<SocketLike>).send === 'function';
}

function toAddress(sock: string | readonly [string, number] | Address): Address {
  if (typeof sock === 'string') return parseAddress(sock);
  if (Array.isArray(sock) && sock.length === 2) return { host: sock[0], port: sock[1] };
  if (typeof (sock as Address).host === 'string') return sock as Address;
  throw new UsageError('a transport needs a Duplex, an object with send and recv, or an address');
}

function toVerifier(hostKey: ConnectOptions['hostKey']): VerifyHostKey {
  if (hostKey === 'ignore') return () => true;
  if (typeof hostKey === 'function') return hostKey;
  const expected = [hostKey].flat() as readonly PublicKey[];
  return (key) => {
    if (expected.some((one) => one.equals(key))) return true;
    const { fingerprint } = key;
    const expectedFingerprint = expected.map((one) => one.fingerprint).join(', ');
    throw new HostKeyError('changed', `the server's host key is ${fingerprint}, expected was ${expectedFingerprint}`, {
      fingerprint,
      expectedFingerprint,
    });
  };
}

function authHooks(server: ServerInterface) {
  return {
    allowedMethods: (user: string) => server.getAllowedAuths(user),
    none: (user: string) => server.checkAuthNone(user),
    password: (user: string, password: string, fresh: string | null) => server.checkAuthPassword(user, password, fresh),
    publickey: (user: string, key: PublicKey, signed: boolean) => server.checkAuthPublickey(user, key, signed),
    interactive: (user: string, submethods: string) => server.checkAuthInteractive(user, submethods),
    interactiveResponse: (user: string, responses: readonly string[]) => server.checkAuthInteractiveResponse(responses, user),
    banner: (user: string) => server.getBanner(user),
  };
}

function openData(kind: string, { destAddr, srcAddr, data }: OpenChannelOptions): Uint8Array {
  if (data !== undefined) return data;
  if (kind === 'direct-tcpip' || kind === 'forwarded-tcpip') {
    if (destAddr === undefined || srcAddr === undefined) throw new UsageError(`a '${kind}' channel needs destAddr and srcAddr`);
    return tcpipOpen.encode({ host: destAddr[0], port: destAddr[1], originatorHost: srcAddr[0], originatorPort: srcAddr[1] });
  }
  if (kind === 'x11') {
    if (srcAddr === undefined) throw new UsageError("an 'x11' channel needs srcAddr");
    return x11Open.encode({ originatorHost: srcAddr[0], originatorPort: srcAddr[1] });
  }
  return EMPTY;
}

function clamp(bytes: number, least: number): number {
  if (!Number.isInteger(bytes)) throw new UsageError(`not a size in bytes: ${bytes}`);
  return Math.min(Math.max(bytes, least), 0xffff_ffff);
}

function describeKeys(negotiated: Negotiated, first: boolean, hostKey: PublicKey): string {
  const { kex, hostKey: algorithm, clientToServer, serverToClient, postQuantum, strictKex } = negotiated;
  const way = (name: string, { cipher, mac, compression }: NegotiatedAlgorithms['clientToServer']) =>
    `${name} ${cipher}${mac && ` + ${mac}`}${compression === 'none' ? '' : ` + ${compression}`}`;
  const what = first ? 'keys' : 'new keys';
  const extras = [postQuantum ? 'post-quantum' : 'not post-quantum', ...(strictKex ? ['strict kex'] : [])].join(', ');
  return `${what}: ${kex} (${extras}), ${algorithm} ${hostKey.fingerprint}, ${way('out', clientToServer)}, ${way('in', serverToClient)}`;
}
