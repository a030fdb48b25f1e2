// The public Transport, client and server: the seed's names over an engine. Nothing of the protocol is decided here; this class
// turns events into promises and promises into calls.

import type { Authenticated } from '../auth/server.ts';
import { EMPTY } from '../bytes/bytes.ts';
import { nodeCrypto } from '../crypto/node/index.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import type { Engine } from '../engine/engine.ts';
import type { EngineEvent } from '../engine/events.ts';
import { type AuthenticationAttempt, ClosedError, SSHError, UsageError } from '../errors.ts';
import type { ByteStream } from '../io/byte-stream.ts';
import { check } from '../io/check-arguments.ts';
import { options as optionsOf } from '../io/kinds.ts';
import { type CallOptions, waitFor } from '../io/waiting.ts';
import type { PublicKey } from '../keys/public-key.ts';
import type { Signer } from '../keys/signer.ts';
import type { SFTPChannelOptions } from '../sftp/client/connecting.ts';
import type { SFTPClient } from '../sftp/client/sftp-client.ts';
import { DisconnectReason } from '../wire/messages/transport.ts';
import { AcceptQueue } from './accept-queue.ts';
import { guardTransport } from './argument-kinds.ts';
import type { Channel } from './channel.ts';
import { ChannelTimeouts } from './channel-timeouts.ts';
import { ClientAuthentication } from './client-authentication.ts';
import { ClientSide, type Endpoint, type ForwardHandler } from './client-side.ts';
import { ConnectionEnd } from './connection-end.ts';
import { describeActive, wordsOf } from './connection-words.ts';
import { Driver } from './driver.ts';
import { engineConfig } from './engine-config.ts';
import { TransportGss } from './gss.ts';
import { hexdump } from './hexdump.ts';
import { HostKeyAnnouncer } from './host-key-announcer.ts';
import type { HostKeyLearner } from './host-key-learner.ts';
import { hostKeyRotation } from './host-key-rotation.ts';
import { logIn } from './log-in.ts';
import { OfferedAlgorithms } from './offered-algorithms.ts';
import { openChannel } from './open-channel.ts';
import { OTHER_TRANSPORT, TRANSPORT } from './option-kinds.ts';
import {
  type CloseInfo,
  type ConnectOptions,
  DEFAULT_TIMEOUTS,
  type InteractiveHandler,
  type Negotiated,
  type OpenChannelOptions,
  type SessionProof,
  type TransportOptions,
  type TransportSocket,
  toVerifier,
  type VerifyHostKey,
} from './options.ts';
import { PeerQuestions } from './peer-questions.ts';
import { SecurityOptions } from './security-options.ts';
import { ServerInterface } from './server-interface.ts';
import { loadServerModuli } from './server-moduli.ts';
import { ServerSide } from './server-side.ts';
import { SessionFacts } from './session-facts.ts';
import { StreamSource } from './stream-source.ts';
import { registerSubsystem, type SubsystemHandlerClass } from './subsystem-handler.ts';
import { TransportLog } from './transport-log.ts';

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

  readonly #options: TransportOptions;
  readonly #crypto: CryptoProvider;
  readonly #source: StreamSource;
  readonly #offered: OfferedAlgorithms;
  readonly #serverKeys = new Map<string, Signer>();
  readonly #accepted = new AcceptQueue();
  readonly #facts = new SessionFacts();
  readonly #end = new ConnectionEnd();
  readonly #questions: PeerQuestions;
  readonly #auth: ClientAuthentication;
  readonly #client: ClientSide;
  readonly #idle: ChannelTimeouts;
  readonly #gss: TransportGss;
  readonly #logger: TransportLog;
  #hexdump = false;
  #hostKeys: HostKeyAnnouncer | HostKeyLearner | null = null;
  #driver: Driver | null = null;
  #started = false;
  #server: ServerSide | null = null;
  #verifyHostKey: VerifyHostKey = () => true;
  #keepalive: { interval: number; countMax: number } | null = null;

  static {
    guardTransport(Transport.prototype);
  }

  constructor(sock: TransportSocket, options: TransportOptions = {}) {
    check('new Transport', 'options', options, optionsOf(TRANSPORT, OTHER_TRANSPORT));
    this.#options = options;
    this.#crypto = options.crypto ?? nodeCrypto;
    this.#logger = new TransportLog(this, options.log);
    this.#offered = new OfferedAlgorithms(options);
    this.#source = new StreamSource(sock);
    this.#questions = new PeerQuestions({ engine: () => this.#engine(), peerPings: () => this.#facts.peerPings });
    this.#auth = new ClientAuthentication({
      engine: () => this.#engine(),
      hostKey: () => this.sessionProof?.hostKey ?? null,
      pubkeys: () => this.#offered.lists.pubkeys,
      log: (level, message) => this.#log(level, message),
      timeout: options.timeouts?.auth ?? DEFAULT_TIMEOUTS.auth,
    });
    this.#idle = new ChannelTimeouts(options.channelTimeouts ?? [], (message) => this.#log(1, message));
    this.#client = new ClientSide({
      transport: this,
      opened: (channel) => this.#idle.watch(channel),
      options,
      accepted: this.#accepted,
      request: (...request) => this.#questions.request(...request),
      handlerFailed: (error) => this.#log(1, `a handler of a forwarded connection failed: ${error}`),
    });
    this.#gss = new TransportGss({
      provider: options.gssProvider,
      hostname: this.#source.address?.host ?? null,
      disabled: options.disabledAlgorithms?.['kex'],
      kex: options.gssKex ?? false,
      delegate: options.gssDelegCreds ?? false,
      log: (level, message) => this.#log(level, message),
    });
    this.closed = this.#end.closed;
  }

  /**
   * Server: reads a file of Diffie-Hellman groups, moduli(5), for all transports of this process that start after this as servers
   * and have no `moduli` option: the given file, else `/etc/ssh/moduli` or `/usr/local/etc/moduli`. Resolves with whether one of
   * them was there and of use; without it the groups of RFC 3526 serve. Never rejects.
   */
  static loadServerModuli(filename?: string): Promise<boolean> {
    return loadServerModuli(filename);
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
   * Without `server` everything is denied. At least one {@link addServerKey} must come before, unless `gssKex` is all that is
   * offered.
   */
  async startServer(server: ServerInterface = new ServerInterface(), options: CallOptions = {}): Promise<Negotiated> {
    if (this.#serverKeys.size === 0 && !this.#gss.wantsKex)
      throw new UsageError('a server needs a host key: call addServerKey first');
    this.#server = new ServerSide(server, {
      transport: this,
      options: this.#options,
      accepted: this.#accepted,
      gss: this.#gss,
      hookFailed: (error) => this.#hookFailed(error),
      log: (message) => this.#log(1, message),
      handlerFailed: (error) => this.#log(1, `what took a channel failed: ${error}`),
    });
    return this.#start('server', options);
  }

  /**
   * Negotiates, checks the host key, and logs in if told how: by Kerberos, else by the key, else by the password, which is also
   * what follows a key that the server takes for a first step. `timeout` (milliseconds) is for each of these phases.
   * @throws UsageError, what {@link startClient} and {@link authPassword} throw; AuthenticationError too where the server wants
   *   more than was given
   */
  async connect(options: ConnectOptions): Promise<void> {
    const { hostKey, username, password, privateKey, gssHost, gssAuth, gssKex, gssDelegCreds, gssTrustDns, ...call } = options;
    if (hostKey === undefined) throw new UsageError("connect needs `hostKey`: a key, a check, or 'ignore'");
    const byKerberos = gssAuth === true || (gssKex !== undefined && gssKex !== false);
    if ((password !== undefined || privateKey !== undefined || byKerberos) && !username)
      throw new UsageError('connect needs a username to authenticate');
    if (hostKey !== 'ignore' && typeof hostKey !== 'function') this.#offered.preferKeysOf([hostKey].flat());
    if (gssKex !== undefined) this.#gss.useKex(gssKex);
    if (gssDelegCreds !== undefined) this.#gss.delegate = gssDelegCreds;
    const dns = {
      gssapiRequested: byKerberos || gssHost !== undefined,
      ...(gssTrustDns !== undefined && { trustDns: gssTrustDns }),
    };
    await this.setGssHost(gssHost, dns);
    await this.startClient({ ...call, verifyHostKey: toVerifier(hostKey) });
    const kerberos = gssAuth === true ? 'any' : byKerberos ? 'keyex' : 'no';
    await logIn(this, username as string, { kerberos, privateKey, password }, call);
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

  /**
   * Server: has `handler` serve a subsystem, unless `ServerInterface.checkChannelSubsystemRequest` is overridden. It is
   * constructed for each request, with `args` at the end. @throws UsageError
   */
  setSubsystemHandler<Args extends readonly unknown[]>(name: string, handler: SubsystemHandlerClass<Args>, ...args: Args): void {
    registerSubsystem(this, name, handler, args, (message) => this.#log(1, message));
  }

  /**
   * Says which host is meant when we ask for Kerberos tickets, default the one that the transport connects to. With `trustDns`
   * (default true, as in the seed) DNS may replace the name by the full one of the address it leads to: who can forge DNS answers
   * then chooses which host of the realm we believe. Does nothing where `gssapiRequested` is false.
   * @throws UsageError where no name is known
   */
  async setGssHost(
    gssHost?: string | null,
    { trustDns = true, gssapiRequested = true }: { trustDns?: boolean; gssapiRequested?: boolean } = {},
  ): Promise<void> {
    if (gssapiRequested) await this.#gss.setHost(gssHost ?? null, trustDns);
  }

  /** A live view on the algorithms that are offered. */
  getSecurityOptions(): SecurityOptions {
    return new SecurityOptions({
      getAlgorithms: () => this.#offered.lists,
      setAlgorithms: (lists) => {
        this.#offered.lists = lists;
      },
    });
  }

  /** Whether to ask for compression. Takes effect at the next key exchange: call it before starting. */
  useCompression(compress = true): void {
    this.#offered.compress(compress);
  }

  // ---- authentication of a client -----------------------------------------------------------------------------------

  /** Tries without credentials. Resolves with the methods for the next step, empty when in. See {@link authPassword} for errors. */
  async authNone(username: string, options?: CallOptions): Promise<readonly string[]> {
    return this.#auth.none(username, options);
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
    return this.#auth.password(username, password, options);
  }

  /**
   * Tries a key. `query` asks first whether the server would take it; by default only where signing is costly.
   * Errors as {@link authPassword}.
   */
  async authPublickey(
    username: string,
    key: Signer,
    options: CallOptions & { query?: boolean } = {},
  ): Promise<readonly string[]> {
    return this.#auth.publickey(username, key, options);
  }

  /** Lets `handler` answer the server's questions, as often as it asks. Errors as {@link authPassword}. */
  async authInteractive(
    username: string,
    handler: InteractiveHandler,
    options: CallOptions & { submethods?: string } = {},
  ): Promise<readonly string[]> {
    return this.#auth.interactive(username, handler, options);
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

  /**
   * Logs in by Kerberos (RFC 4462 section 3). `gssHost` is the host's name in Kerberos (default see {@link setGssHost});
   * `gssDelegCreds` whether our credentials go along (default the option of that name, which is false). Errors as
   * {@link authPassword}, and GssError where there is no ticket: then the server has not heard of it, and other methods go on.
   */
  async authGssapiWithMic(
    username: string,
    gssHost?: string | null,
    gssDelegCreds?: boolean,
    options?: CallOptions,
  ): Promise<readonly string[]> {
    return this.#auth.attempt(username, this.#gss.withMic(username, gssHost, gssDelegCreds, options ?? {}), options);
  }

  /**
   * Logs in by the Kerberos context of the key exchange (RFC 4462 section 4). Errors as {@link authGssapiWithMic}; GssError too
   * where the exchange was another.
   */
  async authGssapiKeyex(username: string, options?: CallOptions): Promise<readonly string[]> {
    return this.#auth.attempt(username, this.#gss.keyex(username, this.#facts.negotiated !== null), options);
  }

  /** Every attempt so far, without secrets. */
  get authAttempts(): readonly AuthenticationAttempt[] {
    return this.#auth.attempts;
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
    const opened = (channel: Channel) => this.#idle.watch(channel);
    const port = { transport: this, options: this.#options, offers: this.#client, engine: () => this.#engine(), opened };
    return openChannel(port, kind, options);
  }

  /** Client: opens a channel and begins SFTP on it. @throws ChannelRequestError where the server has no SFTP, ... */
  async openSftpClient(options: SFTPChannelOptions = {}): Promise<SFTPClient> {
    const { SFTPClient } = await import('../sftp/client/sftp-client.ts');
    return SFTPClient.fromTransport(this, options);
  }

  /** Server: opens an X11 connection to the client's display. @throws ChannelOpenError */
  openX11Channel(srcAddr: Endpoint, options: CallOptions = {}): Promise<Channel> {
    return this.openChannel('x11', { ...options, srcAddr });
  }

  /** Server: opens a connection to the client's agent. @throws ChannelOpenError */
  openForwardAgentChannel(options: CallOptions = {}): Promise<Channel> {
    return this.openChannel('auth-agent@openssh.com', options);
  }

  /** Server: passes on a connection to a port that the client had us listen on. @throws ChannelOpenError */
  openForwardedTcpipChannel(srcAddr: Endpoint, destAddr: Endpoint, options: CallOptions = {}): Promise<Channel> {
    return this.openChannel('forwarded-tcpip', { ...options, srcAddr, destAddr });
  }

  /**
   * Client: has the server listen, and resolves with the port (which for 0 the server chooses). Each connection goes to
   * `handler`, or to {@link accept} without one. What is granted only after time or signal have ended the call is cancelled.
   * @throws ChannelRequestError if the server refuses
   */
  requestPortForward(address: string, port: number, handler?: ForwardHandler, options?: CallOptions): Promise<number> {
    return this.#client.requestPortForward(address, port, handler, options);
  }

  /** Client: has the server listen no more. Connections that are there go on. @throws ChannelRequestError if it refuses */
  cancelPortForward(address: string, port: number, options?: CallOptions): Promise<void> {
    return this.#client.cancelPortForward(address, port, options);
  }

  /** Client: has the server listen on a unix socket (OpenSSH PROTOCOL section 2.4). @throws ChannelRequestError */
  requestStreamlocalForward(path: string, handler?: ForwardHandler, options?: CallOptions): Promise<void> {
    return this.#client.requestStreamlocalForward(path, handler, options);
  }

  /** Client: ends {@link requestStreamlocalForward}. @throws ChannelRequestError */
  cancelStreamlocalForward(path: string, options?: CallOptions): Promise<void> {
    return this.#client.cancelStreamlocalForward(path, options);
  }

  /** The next channel that the peer has opened; null when the time is up or the connection over. */
  accept(options?: CallOptions): Promise<Channel | null> {
    return this.#accepted.next(options);
  }

  // ---- the connection -----------------------------------------------------------------------------------------------

  /** Exchanges keys anew; resolves when the new ones are in use. */
  renegotiateKeys(options?: CallOptions): Promise<Negotiated> {
    return waitFor<Negotiated>('the key exchange', options, (settle) => {
      const engine = this.#engine();
      // Before it begins, or who waits would not hear of an exchange that fails at once.
      const giveUp = this.#facts.awaitKeys(settle);
      try {
        engine.rekey();
      } catch (error) {
        settle.reject(error);
      }
      return giveUp;
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
  globalRequest(
    kind: string,
    data: Uint8Array = EMPTY,
    options: CallOptions & { wait?: boolean } = {},
  ): Promise<Uint8Array | null> {
    if (options.wait !== false) return this.#questions.request(kind, data, options);
    this.#engine().globalRequest(kind, data, null);
    return Promise.resolve(null);
  }

  /** The round trip time in milliseconds: by ping@openssh.com where the peer knows it, else by a request that it refuses. */
  ping(options?: CallOptions): Promise<number> {
    return this.#questions.ping(options);
  }

  /** @internal Whether the peer knows ping@openssh.com. */
  get peerAnswersPings(): boolean {
    return this.#facts.peerPings;
  }

  /**
   * @internal Sends a ping that is as long as a keystroke, for who listens to take for one. False where the peer does not know pings,
   * or owes answers to too many.
   */
  chaff(): boolean {
    return this.isActive() && this.#questions.chaff();
  }

  /** The connection has been started and is not over. */
  isActive(): boolean {
    return this.#driver !== null && this.#end.error === null;
  }

  isAuthenticated(): boolean {
    return this.isActive() && this.#facts.authenticated;
  }

  /** The user that is logged in, or null before that. */
  getUsername(): string | null {
    if (!this.#facts.authenticated) return null;
    return this.#facts.username ?? this.#auth.username;
  }

  /** What the server said before the login, all banners one after the other, or null. Hostile text: escape it for terminals. */
  getBanner(): string | null {
    return this.#facts.banner;
  }

  /** [address, port] of the peer, or ['unknown', 0]. */
  getpeername(): readonly [string, number] {
    return this.#driver?.peername() ?? this.#source.peername() ?? ['unknown', 0];
  }

  /** The error that ended the connection, once; null afterwards. */
  getException(): SSHError | null {
    return this.#end.takeException();
  }

  /**
   * Logs every message in hexadecimal, at level 3, from now on or from the start. Authentication messages are not shown, what
   * runs inside channels is: for debugging only.
   */
  setHexdump(on: boolean): void {
    this.#hexdump = on;
    this.#driver?.engine.setTrace(on ? (direction, payload) => this.#log(3, hexdump(direction, payload)) : null);
  }

  getHexdump(): boolean {
    return this.#hexdump;
  }

  /**
   * Names the `node:diagnostics_channel` that log lines are published on, as TransportLogMessage; default `amiko:transport`. The
   * `log` option hears them too, and stderr under NODE_DEBUG=amiko. @throws UsageError for an empty name
   */
  setLogChannel(name: string): void {
    this.#logger.name = name;
  }

  getLogChannel(): string {
    return this.#logger.name;
  }

  /** What the last key exchange has agreed, or null. */
  get negotiated(): Negotiated | null {
    return this.#facts.negotiated;
  }

  /** The peer's identification line, or null. */
  get peerVersion(): string | null {
    return this.#facts.peerVersion;
  }

  /** Identifies the session (the exchange hash of the first exchange), or null. */
  get sessionId(): Uint8Array | null {
    return this.#driver?.engine.sessionId?.slice() ?? null;
  }

  /**
   * Client: what ties an agent to this session: the host key as it came, and its signature over {@link sessionId}. Null before
   * the first key exchange and where that was one of GSS-API.
   * @internal
   */
  get sessionProof(): SessionProof | null {
    const { sessionId, hostKey, hostKeySignature } = this.#driver?.engine ?? {};
    if (this.#server !== null || !sessionId || !hostKey || !hostKeySignature) return null;
    return { hostKey: hostKey.certificate?.blob ?? hostKey.blob, sessionId: sessionId.slice(), signature: hostKeySignature };
  }

  /**
   * Ends the connection: what is queued goes out first (for at most `timeout` milliseconds, default 2 s), then DISCONNECT.
   * Everything pending rejects with ClosedError. Never fails, may be called again.
   */
  async close(options: { reason?: number; message?: string; timeout?: number } = {}): Promise<void> {
    const driver = this.#driver;
    if (driver === null) {
      this.#over(new ClosedError());
      this.#source.destroy();
      return;
    }
    const { reason = DisconnectReason.byApplication, message = '', timeout = CLOSE_TIMEOUT } = options;
    if (this.#end.error === null) await driver.flushed(timeout);
    driver.engine.close(reason, message);
    await driver.streamClosed;
  }

  /** Closes the stream at once, without a word to the peer. Everything pending rejects. */
  destroy(): void {
    const error = new ClosedError('the connection was destroyed');
    this.#driver?.engine.abort(error);
    this.#driver?.destroy();
    this.#source.destroy();
    this.#over(error);
  }

  /**
   * As {@link destroy}. In the seed it frees a forked child of the connection that its parent goes on using; Node has no fork, and
   * a socket handed to another process is that process's own. Nothing is said to the peer.
   */
  atfork(): void {
    this.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  toString(): string {
    return `<amiko.Transport ${this.#describe()}>`;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }

  /**
   * Drives the connection from start to end; `startClient` and `startServer` call it. Override it to wrap the whole life of a
   * connection. Resolves when the connection is over, never rejects; an override that does ends the connection.
   */
  async run(): Promise<void> {
    this.#driver?.start();
    await this.closed;
  }

  // ---- inside -------------------------------------------------------------------------------------------------------

  async #start(role: 'client' | 'server', options: CallOptions): Promise<Negotiated> {
    if (this.#started) throw new UsageError('this transport has been started before');
    this.#started = true;
    if (this.#end.error !== null) throw this.#end.error;
    options.signal?.throwIfAborted();
    const gssClient = role === 'client' ? this.#gss.clientConfig() : undefined;
    if (role === 'server') this.#gss.offer();
    const { address } = this.#source;
    if (address !== null) this.#log(1, `connecting to ${address.host} port ${address.port ?? 22}`);
    let stream: ByteStream;
    try {
      const opening = this.#source.open(options, this.closed);
      [stream] = await Promise.all([opening, this.#offered.load(this.#crypto), gssClient && this.#gss.prepare(options)]);
      // Aborted, or closed, while the connection was being made.
      options.signal?.throwIfAborted();
      if (this.#end.error !== null) throw this.#end.error;
    } catch (error) {
      this.#source.abandon();
      this.#over(error instanceof SSHError ? error : new ClosedError('the connection was destroyed'));
      throw error;
    }
    const { packetizerClass, onHostKeys } = this.#options;
    const hostKeys = [...this.#serverKeys.values()];
    const driver = new Driver(
      packetizerClass === undefined ? stream : packetizerClass(stream),
      engineConfig(this.#options, {
        crypto: this.#crypto,
        algorithms: () => this.#offered.lists,
        gss: this.#gss,
        gssClient,
        verifyHostKey: (key) => this.#verifyHostKey(key),
        server: role === 'server' ? { side: this.#server as ServerSide, hostKeys } : null,
      }),
      {
        onEvent: (event) => this.#event(event),
        onChannelOpen: (open) => (this.#server ?? this.#client).channelOpen(open),
        onGlobalRequest: (request) => {
          if (this.#hostKeys?.receive(request)) return;
          if (this.#server === null) request.reply(null);
          else this.#server.globalRequest(request);
        },
      },
    );
    this.#driver = driver;
    this.#hostKeys = hostKeyRotation({
      role,
      crypto: this.#crypto,
      engine: driver.engine,
      facts: this.#facts,
      questions: this.#questions,
      hostKeys,
      onHostKeys,
      log: (message) => this.#log(1, message),
    });
    if (this.#hexdump) this.setHexdump(true);
    if (this.#keepalive !== null) driver.engine.setKeepalive(this.#keepalive.interval, this.#keepalive.countMax);
    return waitFor<Negotiated>('the handshake', options, (settle) => {
      this.#facts.awaitKeys(settle);
      // Only an override can fail.
      this.run().catch((error: unknown) => {
        settle.reject(error);
        this.destroy();
      });
      return () => this.destroy();
    });
  }

  #engine(): Engine {
    if (this.#end.error !== null) throw this.#end.error;
    if (this.#driver === null) throw new UsageError('the transport has not been started');
    return this.#driver.engine;
  }

  #event(event: EngineEvent): void {
    this.#facts.learn(event);
    const words = wordsOf(event, this.#facts);
    if (words !== null) this.#log(...words);
    switch (event.type) {
      case 'keys':
        this.#gss.handshakeOver();
        break;
      case 'extensions':
        this.#auth.learn(event.extensions);
        break;
      case 'authenticated':
        if (event.who !== null) this.#loggedIn(event.who);
        break;
      case 'closed':
        this.#over(event.error);
        break;
    }
  }

  /** Server: somebody has. */
  #loggedIn({ user, method, key }: Authenticated): void {
    this.#options.onLogin?.({ username: user, method, key });
    this.#server?.authenticated(user, method, key);
    if (this.#hostKeys instanceof HostKeyAnnouncer) this.#hostKeys.announce();
  }

  #over(error: SSHError): void {
    if (!this.#end.end(error)) return;
    this.#log(1, `the connection is over: ${error.message}`);
    this.#facts.fail(error);
    this.#accepted.close();
    this.#gss.release();
    this.#end.settle();
  }

  /** A hook that throws is a fault of ours, and no reason to go on with a connection that nobody decides about. */
  #hookFailed(error: unknown): void {
    this.#log(1, `a server hook failed: ${error instanceof Error ? error.message : String(error)}`);
    this.#end.hookFailed(error);
    this.#driver?.engine.close(DisconnectReason.byApplication, 'internal error');
  }

  #describe(): string {
    if (this.#end.error !== null) return '(closed)';
    if (this.#driver === null) return '(unconnected)';
    return describeActive(this.#facts, this.#driver.engine.channelCount);
  }

  #log(level: 1 | 2 | 3, message: string): void {
    this.#logger.write(level, message);
  }
}
