// The SSH engine: bytes in, bytes and events out. No I/O, no clock, no promise; time and randomness are given, so a session
// can be replayed byte for byte. This file only puts the parts together: identification, packets, key exchange,
// authentication, the connection protocol, and the timers around them.
//
// Errors end here: inside, code throws; `#enter` is the only place that catches. Whatever went wrong is told to the peer in
// general words, to every waiter of ours as one and the same error, and to the handler as the last event.

import type { AlgorithmLists } from '../algorithms/registry.ts';
import type { ClientAuthMethod } from '../auth/client.ts';
import type { AuthOutcome } from '../auth/outcome.ts';
import { authSuccess, type ServerAuthHooks, type ServerAuthLimits, serverAuth } from '../auth/server.ts';
import { decodeText, EMPTY, encodeUtf8 } from '../bytes/bytes.ts';
import { Outbox } from '../bytes/outbox.ts';
import type { ChannelHandler } from '../connection/channel-machine.ts';
import { Connection, type OpenParameters, type OpenWaiter } from '../connection/connection.ts';
import type { ReplyWaiter } from '../connection/replies.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import {
  ClosedError,
  ConnectionLostError,
  DisconnectedError,
  GssError,
  HostKeyError,
  NegotiationError,
  type Phase,
  ProtocolError,
  SSHError,
  SSHTimeoutError,
  UsageError,
} from '../errors.ts';
import { type Flow, FlowRunner } from '../flow/flow.ts';
import type { DhGroup } from '../kex/dh-group.ts';
import type { GssClientConfig, GssServerConfig } from '../kex/gss.ts';
import type { NegotiatedAlgorithms } from '../kex/negotiate.ts';
import { keyAlgorithm } from '../keys/certificate-algorithms.ts';
import type { PublicKey } from '../keys/public-key.ts';
import type { Signer } from '../keys/signer.ts';
import { PacketDecoder } from '../packet/decoder.ts';
import { PacketEncoder } from '../packet/encoder.ts';
import { limits } from '../packet/limits.ts';
import { UserauthBanner } from '../wire/messages/auth.ts';
import {
  Debug,
  Disconnect,
  DisconnectReason,
  ExtInfo,
  Ignore,
  KexInit,
  NewKeys,
  Ping,
  Pong,
  ServiceAccept,
  ServiceRequest,
  Unimplemented,
} from '../wire/messages/transport.ts';
import { type AdmissionPhase, admission } from './admission.ts';
import type { EngineHandler } from './events.ts';
import { Handshake } from './handshake.ts';
import { Keepalive } from './keepalive.ts';
import { Timers } from './timers.ts';
import { VersionExchange } from './version.ts';

export interface RekeyLimits {
  /** Bytes sent or received under one set of keys. */
  readonly bytes: number;
  readonly packets: number;
  readonly milliseconds: number;
}

export interface EngineConfig {
  readonly role: 'client' | 'server';
  readonly crypto: CryptoProvider;
  /** Our part of the identification line after "SSH-2.0-". */
  readonly software: string;
  /** What to offer; asked at every key exchange. */
  algorithms(): AlgorithmLists;
  readonly strictKex: boolean;
  readonly rekey: RekeyLimits;
  /** From the start to NEWKEYS, and the same again for every later exchange. Milliseconds, 0 for none. */
  readonly handshakeTimeoutMs: number;
  /** Client: whether this is the right server. Only the literal `true` is a yes. */
  verifyHostKey(key: PublicKey): boolean | PromiseLike<boolean>;
  /** Client: with whom GSS-API key exchanges are made. Without it none are offered. */
  readonly gss?: GssClientConfig | undefined;
  /** Server: host keys, who may in, and how long it may take. */
  readonly server: ServerConfig | null;
  /**
   * Gets what decrypts a recording of this connection: the cookie of our KEXINIT and K as it enters key derivation (length
   * and bytes), for every exchange. The only way that a secret leaves the engine, and only where somebody asked for it.
   */
  readonly keylog?: (cookie: Uint8Array, encodedSecret: Uint8Array) => void;
}

/** Hears every payload in clear, passwords included. The view is valid during the call only. */
export type PacketTrace = (direction: 'in' | 'out', payload: Uint8Array) => void;

export interface ServerConfig {
  readonly hostKeys: readonly Signer[];
  readonly auth: ServerAuthHooks;
  readonly authLimits: ServerAuthLimits;
  /** From the start until authenticated, milliseconds; 0 for none. */
  readonly loginTimeoutMs: number;
  /** What to pick from in a group exchange (RFC 4419); default the groups of RFC 3526. */
  readonly moduli?: readonly DhGroup[] | undefined;
  /** With whose keys GSS-API key exchanges are made. Without it none are offered. */
  readonly gss?: GssServerConfig | undefined;
  /** Send EXT_INFO with server-sig-algs. */
  readonly serverSigAlgs: boolean;
}

const USERAUTH_SERVICE = 'ssh-userauth';
/** Text of banners that we pass on, bytes; what is above is dropped. */
const BANNER_BYTES = 65_536;
/** See `#carryAck`: logging in and opening the first channel take fewer. */
const ACK_CARRIERS = 8;

export class Engine {
  readonly #config: EngineConfig;
  readonly #handler: EngineHandler;
  readonly #outbox = new Outbox();
  readonly #encoder: PacketEncoder;
  readonly #decoder = new PacketDecoder();
  readonly #timers = new Timers();
  readonly #version: VersionExchange;
  readonly #handshake: Handshake;
  readonly #auth: FlowRunner;
  readonly #connection: Connection;
  readonly #keepalive: Keepalive;
  readonly #pings: ReplyWaiter[] = [];
  #trace: PacketTrace | null = null;

  #now: number;
  #depth = 0;
  #ourVersion: string;
  #peerVersion: string | null = null;
  /** Which service the connection has reached; 'none' until the first keys are in use. */
  #stage: 'none' | 'service' | 'auth' | 'open' = 'none';
  #serviceAsked = false;
  #rekeyAt = Number.POSITIVE_INFINITY;
  /** What had come in under the current keys when we last asked for new ones, bytes. */
  #askedAtBytes = 0;
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  /** A message of the peer's is being looked at. */
  #dispatching = false;
  #bannerBytes = 0;
  #ackCarriers = ACK_CARRIERS;
  /** A second EXT_INFO came: only USERAUTH_SUCCESS may follow (RFC 8308 section 2.4). */
  #successMustFollow = false;
  #settleAuth: ((outcome: AuthOutcome | SSHError) => void) | null = null;
  #ended = false;
  #error: SSHError | null = null;

  constructor(config: EngineConfig, handler: EngineHandler, now: number) {
    this.#config = config;
    this.#handler = handler;
    this.#now = now;
    this.#ourVersion = `SSH-2.0-${config.software}`;
    this.#encoder = new PacketEncoder(config.crypto, this.#outbox);
    this.#version = new VersionExchange(config.role);
    const flowHost = {
      task: handler.onTask.bind(handler),
      sleep: (until: number, wake: () => void) => this.#timers.set('flow', until, wake),
      enter: (step: () => void) => this.#enter(step),
    };
    this.#handshake = new Handshake({
      role: config.role,
      crypto: config.crypto,
      encoder: this.#encoder,
      decoder: this.#decoder,
      flowHost,
      strictKex: config.strictKex,
      hostKeys: config.server?.hostKeys ?? [],
      moduli: config.server?.moduli,
      algorithms: () => config.algorithms(),
      verifyHostKey: (key) => config.verifyHostKey(key),
      gssClient: config.gss,
      gssServer: config.server?.gss,
      keylog: config.keylog,
      outboundReady: () => this.#outboundReady(),
      completed: (algorithms) => this.#exchangeCompleted(algorithms),
    });
    this.#auth = new FlowRunner(flowHost, 'auth-out-of-order');
    this.#connection = new Connection(
      {
        now: () => this.#now,
        send: (payload) => this.#send(payload),
        sendData: (remoteId, type, data) => {
          this.#encoder.sendChannelData(remoteId, type, data);
          this.#rekeyWhenDue();
        },
        canSendData: () => this.#error === null && !this.#handshake.outboundBlocked && this.#outbox.size < limits.outboxBytes,
        outputReady: () => this.#handler.onOutput(),
      },
      handler,
    );
    this.#keepalive = new Keepalive(this.#timers, {
      now: () => this.#now,
      probe: (waiter) => this.#connection.globalRequest('keepalive@openssh.com', EMPTY, waiter),
      dead: (milliseconds) => {
        throw new SSHTimeoutError('the peer', milliseconds);
      },
    });
  }

  // ---- state --------------------------------------------------------------------------------------------------------

  /** How far the connection has come. */
  get phase(): Phase {
    if (this.#error !== null) return 'closed';
    if (this.#peerVersion === null) return 'version';
    if (this.#stage === 'none') return 'kex';
    return this.#stage === 'open' ? 'open' : 'auth';
  }

  /** Why it is over, or null. */
  get error(): SSHError | null {
    return this.#error;
  }

  get peerVersion(): string | null {
    return this.#peerVersion;
  }

  get sessionId(): Uint8Array | null {
    return this.#handshake.sessionId;
  }

  get hostKey(): PublicKey | null {
    return this.#handshake.hostKey;
  }

  get hostKeySignature(): Uint8Array | null {
    return this.#handshake.hostKeySignature;
  }

  get algorithms(): NegotiatedAlgorithms | null {
    return this.#handshake.algorithms;
  }

  get channelCount(): number {
    return this.#connection.channelCount;
  }

  /** Channel data that is queued and not yet sent, bytes. */
  get queuedBytes(): number {
    return this.#connection.queuedBytes;
  }

  /** When {@link tick} wants to be called, in the driver's milliseconds, or null. */
  get deadline(): number | null {
    return this.#timers.deadline;
  }

  /** Whether the driver should go on reading: not while a decision is pending, nor while the peer does not take our answers. */
  get wantsInput(): boolean {
    return this.#error === null && !this.#gated && this.#outbox.size < limits.outboxStopBytes;
  }

  /** Whether bytes wait that were received: of a packet that is not complete yet, or of what must not be looked at yet. */
  get holdsInput(): boolean {
    return this.#decoder.input.length > 0;
  }

  /** Lets somebody who debugs see all messages; null ends it. */
  setTrace(trace: PacketTrace | null): void {
    this.#trace = trace;
    this.#encoder.trace = trace && ((payload) => trace('out', payload));
  }

  // ---- input --------------------------------------------------------------------------------------------------------

  /** Sends our identification and KEXINIT at once: neither has to wait for the peer. */
  start(): void {
    this.#enter(() => {
      const { handshakeTimeoutMs, server } = this.#config;
      this.#outbox.push(encodeUtf8(`${this.#ourVersion}\r\n`));
      this.#armHandshakeTimer(handshakeTimeoutMs, 'the handshake');
      if (server !== null && server.loginTimeoutMs > 0) {
        this.#timers.set('login', this.#now + server.loginTimeoutMs, () => {
          throw new SSHTimeoutError('the login', server.loginTimeoutMs);
        });
      }
      this.#handshake.start();
    });
  }

  /** Bytes from the peer, in any split. The engine does not keep the chunk. */
  receive(chunk: Uint8Array, now: number): void {
    this.#now = now;
    this.#enter(() => this.#decoder.input.push(chunk));
    this.#decoder.input.own();
    this.#carryAck();
  }

  /** The stream below has ended, or failed with `cause`. A DISCONNECT that came just before still counts. */
  end(now: number, cause?: unknown): void {
    this.#now = now;
    this.#ended = true;
    this.#enter(() => {});
    this.#enter(() => {
      throw this.#lost(cause);
    });
  }

  /** Reads on what has been received, after the driver has written something out. */
  resume(now: number): void {
    this.#now = now;
    this.#enter(() => {});
  }

  tick(now: number): void {
    this.#now = now;
    this.#enter(() => {
      this.#timers.tick(now);
      this.#rekeyWhenDue();
    });
  }

  // ---- output -------------------------------------------------------------------------------------------------------

  /**
   * Everything that may be sent now, sealed. The chunks are the caller's. Call it again after writing; empty means nothing.
   * Without the time, round trips are measured from the last input on: too long, and windows may grow more than they should.
   */
  flush(now: number = this.#now): Uint8Array[] {
    this.#now = now;
    this.#enter(() => this.#connection.pump());
    return this.#outbox.take();
  }

  /** Chunks from {@link flush} that nobody holds any more: their memory is used again. Who can't tell need not call it. */
  recycle(chunks: readonly Uint8Array[]): void {
    this.#outbox.recycle(chunks);
  }

  // ---- what the user does -------------------------------------------------------------------------------------------

  /** Client: tries to log in. One attempt at a time. `settle` is called exactly once. */
  authenticate(method: ClientAuthMethod, settle: (outcome: AuthOutcome | SSHError) => void): void {
    if (this.#config.role !== 'client') throw new UsageError('only a client authenticates');
    if (this.#error !== null) throw this.#error;
    if (this.#stage === 'none') throw new UsageError('no keys yet: authenticate after the handshake');
    if (this.#stage === 'open') throw new UsageError('already authenticated');
    if (this.#settleAuth !== null) throw new UsageError('another authentication attempt is under way');
    this.#settleAuth = settle;
    this.#enter(() => {
      // Not waiting for SERVICE_ACCEPT saves a round trip; the server answers in order anyway.
      if (!this.#serviceAsked) this.#send(ServiceRequest.encode({ service: USERAUTH_SERVICE }));
      this.#serviceAsked = true;
      this.#auth.start(this.#attempt(method));
    });
  }

  /** Asks for a channel; the function that is returned gives up waiting. */
  openChannel(
    kind: string,
    data: Uint8Array,
    parameters: OpenParameters,
    handler: ChannelHandler,
    waiter: OpenWaiter,
  ): () => void {
    this.#assertOpen();
    return this.#run(() => this.#connection.open(kind, data, parameters, handler, waiter));
  }

  globalRequest(request: string, data: Uint8Array, waiter: ReplyWaiter | null): void {
    this.#assertOpen();
    this.#run(() => this.#connection.globalRequest(request, data, waiter));
  }

  /** ping@openssh.com: the waiter's reply is the same data. */
  ping(data: Uint8Array, waiter: ReplyWaiter): void {
    this.#assertOpen();
    this.#pings.push(this.#connection.roundTrip.timed(waiter));
    this.#run(() => this.#send(Ping.encode({ data })));
  }

  sendIgnore(data: Uint8Array): void {
    this.#assertKeys();
    this.#run(() => this.#send(Ignore.encode({ data })));
  }

  /** Starts a key exchange unless one is under way; its end is a 'keys' event. */
  rekey(): void {
    this.#assertKeys();
    // Before the login it is only noted, see #startRekey.
    if (this.#stage !== 'open') this.#rekeyAt = this.#now;
    this.#enter(() => this.#startRekey());
  }

  /** Probes the peer after `intervalMs` of silence and gives up after `countMax` probes without answer. 0 switches off. */
  setKeepalive(intervalMs: number, countMax: number): void {
    if (this.#error !== null) return;
    this.#keepalive.configure(intervalMs, countMax);
    if (this.#stage === 'open') this.#keepalive.start();
    this.#handler.onOutput();
  }

  /** Says goodbye: SSH_MSG_DISCONNECT is the last thing in the outbox, everything pending fails with ClosedError. */
  close(reason: number = DisconnectReason.byApplication, description = ''): void {
    if (this.#error !== null) return;
    this.#finish(new ClosedError(), { reason, description });
  }

  /** Ends without a word to the peer: the stream below is about to be closed. */
  abort(error: SSHError): void {
    this.#finish(error, null);
  }

  // ---- reading ------------------------------------------------------------------------------------------------------

  get #gated(): boolean {
    return this.#handshake.gated || this.#auth.gated;
  }

  #read(): void {
    while (this.#error === null && this.#outbox.size < limits.outboxStopBytes) {
      // After the end nobody can be answered, so nothing waits for a decision: all that counts is a DISCONNECT.
      if (this.#gated && !this.#ended) return;
      if (this.#peerVersion === null) {
        if (!this.#readVersion()) return;
        continue;
      }
      const payload = this.#decoder.next();
      if (payload === null) return;
      this.#trace?.('in', payload);
      this.#keepalive.heard();
      if (this.#ended && this.#gated && payload[0] !== Disconnect.number) {
        // Behind NEWKEYS lie packets under keys that will never be derived.
        if (payload[0] === NewKeys.number) return;
        continue;
      }
      this.#checkRekeyAnswered();
      this.#dispatching = true;
      this.#dispatch(payload);
      this.#dispatching = false;
      this.#rekeyWhenDue();
    }
  }

  #readVersion(): boolean {
    const line = this.#version.receive(this.#decoder.input);
    if (line === null) return false;
    const ours = encodeUtf8(this.#ourVersion);
    const [client, server] = this.#config.role === 'client' ? [ours, line] : [line, ours];
    this.#handshake.setVersions(client, server);
    this.#peerVersion = decodeText(line);
    this.#handler.onEvent({ type: 'version', version: this.#peerVersion });
    return true;
  }

  #admissionPhase(): AdmissionPhase {
    const { state } = this.#handshake;
    if (this.#stage === 'none') return state === 'idle' ? 'kexinit' : state;
    if (state === 'idle') return this.#stage;
    return state === 'kex' ? 'rekey' : 'rekey-newkeys';
  }

  #dispatch(payload: Uint8Array): void {
    const number = payload[0] as number;
    const phase = this.#admissionPhase();
    const strictFirstExchange = this.#handshake.strict && this.#stage === 'none';
    const verdict = admission(number, this.#config.role, phase, strictFirstExchange);
    if (verdict === 'unimplemented') {
      this.#send(Unimplemented.encode({ sequence: (this.#decoder.sequence - 1) >>> 0 }));
      return;
    }
    if (verdict !== 'admit') throw new ProtocolError(verdict, `message ${number} in phase '${phase}'`);
    if (this.#successMustFollow && number !== 52 && number !== Disconnect.number) {
      throw new ProtocolError('message-not-admitted', `message ${number} between EXT_INFO and USERAUTH_SUCCESS`);
    }
    if (number >= 80 && number <= 127) this.#connection.receive(payload);
    else if (number >= 50 && number <= 79) this.#receiveAuth(payload);
    else if (number === 21 || (number >= 30 && number <= 49)) this.#handshake.receive(payload);
    else this.#receiveTransport(payload);
  }

  #receiveTransport(payload: Uint8Array): void {
    switch (payload[0]) {
      case Disconnect.number: {
        const { reason, description } = Disconnect.decode(payload);
        throw new DisconnectedError(reason, description);
      }
      case Debug.number: {
        const { alwaysDisplay, message } = Debug.decode(payload);
        this.#handler.onEvent({ type: 'debug', text: message, alwaysDisplay });
        break;
      }
      case ServiceRequest.number:
        this.#receiveServiceRequest(ServiceRequest.decode(payload).service);
        break;
      case ServiceAccept.number:
        if (!this.#serviceAsked || ServiceAccept.decode(payload).service !== USERAUTH_SERVICE) {
          throw new ProtocolError('unexpected-service', 'a service was accepted that was not asked for');
        }
        this.#stage = 'auth';
        break;
      case ExtInfo.number:
        this.#receiveExtInfo(payload);
        break;
      case KexInit.number:
        if (!this.#handshake.inProgress) this.#armHandshakeTimer(this.#config.handshakeTimeoutMs, 'the key exchange');
        this.#handshake.receiveKexInit(payload);
        break;
      case Ping.number:
        this.#send(Pong.encode({ data: Ping.decode(payload).data }));
        break;
      case Pong.number: {
        const waiter = this.#pings.shift();
        if (waiter === undefined) throw new ProtocolError('unexpected-reply', 'a pong to no ping');
        waiter.reply(Pong.decode(payload).data);
        break;
      }
      default:
        // IGNORE and UNIMPLEMENTED: nothing to do. Whoever waits for an answer that is not implemented has a timeout.
        break;
    }
  }

  #receiveExtInfo(payload: Uint8Array): void {
    const afterNewKeys = this.#decoder.packets === 1 && this.#stage === 'service';
    if (!afterNewKeys) {
      // RFC 8308 section 2.4: else only a server may send it, right before USERAUTH_SUCCESS.
      if (this.#config.role === 'server') throw new ProtocolError('message-not-admitted', 'EXT_INFO out of place');
      this.#successMustFollow = true;
    }
    this.#handler.onEvent({ type: 'extensions', extensions: ExtInfo.decode(payload).extensions });
  }

  #receiveServiceRequest(service: string): void {
    if (service !== USERAUTH_SERVICE) {
      throw new ProtocolError('unexpected-service', `service '${service}' was requested`, DisconnectReason.serviceNotAvailable);
    }
    this.#send(ServiceAccept.encode({ service }));
    if (this.#stage === 'auth') return;
    this.#stage = 'auth';
    this.#auth.start(this.#serveAuth());
  }

  #receiveAuth(payload: Uint8Array): void {
    // RFC 4252 section 5.1: after success further requests "SHOULD be silently ignored".
    if (this.#stage === 'open') return;
    if (payload[0] === UserauthBanner.number) {
      const { message } = UserauthBanner.decode(payload);
      this.#bannerBytes += message.length;
      if (this.#bannerBytes <= BANNER_BYTES) this.#handler.onEvent({ type: 'banner', text: message });
      return;
    }
    this.#auth.receive(payload);
  }

  // ---- authentication -----------------------------------------------------------------------------------------------

  *#attempt(method: ClientAuthMethod): Flow<void> {
    let outcome: AuthOutcome | SSHError;
    try {
      const sessionId = this.#handshake.sessionId as Uint8Array;
      outcome = yield* method.run({ send: (payload) => this.#send(payload), sessionId, gss: this.#handshake.gssInitiator });
    } catch (error) {
      // The peer's fault ends the connection; a signer that failed or a user that gave up only this attempt.
      if (error instanceof ProtocolError) throw error;
      outcome =
        error instanceof SSHError
          ? error
          : new SSHError('ERR_SSH_AUTHENTICATION', `'${method.method}' authentication failed: ${text(error)}`, { cause: error });
    }
    if (!(outcome instanceof SSHError) && outcome.result === 'success') {
      this.#successMustFollow = false;
      this.#opened();
      this.#handler.onEvent({ type: 'authenticated', who: null });
    }
    const settle = this.#settleAuth;
    this.#settleAuth = null;
    settle?.(outcome);
  }

  *#serveAuth(): Flow<void> {
    const { auth, authLimits } = this.#config.server as ServerConfig;
    const { crypto } = this.#config;
    const sessionId = this.#handshake.sessionId as Uint8Array;
    const pubkeys = this.#config.algorithms().pubkeys;
    const gss = this.#handshake.gssAcceptor;
    const port = { send: (payload: Uint8Array) => this.#send(payload), now: () => this.#now, sessionId, crypto, pubkeys, gss };
    const who = yield* serverAuth(port, auth, authLimits);
    this.#send(authSuccess());
    this.#timers.clear('login');
    this.#opened();
    this.#handler.onEvent({ type: 'authenticated', who });
  }

  #opened(): void {
    this.#stage = 'open';
    this.#decoder.liftLimit();
    this.#handshake.releaseGss();
    this.#handshake.startCompression();
    this.#keepalive.start();
    this.#rekeyWhenDue();
  }

  // ---- keys ---------------------------------------------------------------------------------------------------------

  #startRekey(): void {
    // Not before the login: zlib@openssh.com begins in the middle of it, and clients do not expect it (OpenSSH waits too).
    if (this.#handshake.inProgress || this.#stage !== 'open') return;
    this.#askedAtBytes = this.#decoder.bytes;
    this.#armHandshakeTimer(this.#config.handshakeTimeoutMs, 'the key exchange');
    this.#handshake.start();
    this.#handler.onOutput();
  }

  #rekeyWhenDue(): void {
    if (this.#stage !== 'open' || this.#handshake.inProgress || this.#error !== null) return;
    const { bytes, packets } = this.#config.rekey;
    const { bytes: bytesOut, packets: packetsOut } = this.#encoder;
    const { bytes: bytesIn, packets: packetsIn } = this.#decoder;
    const due =
      bytesOut >= bytes || bytesIn >= bytes || packetsOut >= packets || packetsIn >= packets || this.#now >= this.#rekeyAt;
    if (due) this.#startRekey();
  }

  /** A peer that goes on as if we had not asked for new keys would wear out the old ones. */
  #checkRekeyAnswered(): void {
    const { outboundBlocked, state } = this.#handshake;
    if (this.#stage !== 'open' || !outboundBlocked || state !== 'idle') return;
    if (this.#decoder.bytes - this.#askedAtBytes <= limits.rekeyIgnoredBytes) return;
    throw new ProtocolError('rekey-ignored', 'the peer goes on without answering our KEXINIT');
  }

  /** Signature algorithms: what OpenSSH says and expects in server-sig-algs, though RFC 8308 section 3.1 would allow more. */
  #plainPubkeys(): readonly string[] {
    return this.#config.algorithms().pubkeys.filter((name) => keyAlgorithm(name)?.certified === false);
  }

  /** Our NEWKEYS is out: EXT_INFO has its only place here, then what was held back. */
  #outboundReady(): void {
    const { server } = this.#config;
    if (this.#stage === 'none' && server?.serverSigAlgs && this.#handshake.peerExtInfo) {
      const extensions = new Map([
        ['server-sig-algs', encodeUtf8(this.#plainPubkeys().join(','))],
        ['ping@openssh.com', encodeUtf8('0')],
      ]);
      this.#encoder.send(ExtInfo.encode({ extensions }));
    }
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    for (const payload of held) this.#send(payload);
  }

  #exchangeCompleted(algorithms: NegotiatedAlgorithms): void {
    const first = this.#stage === 'none';
    if (first) this.#stage = 'service';
    this.#timers.clear('handshake');
    const { milliseconds } = this.#config.rekey;
    this.#rekeyAt = milliseconds > 0 ? this.#now + milliseconds : Number.POSITIVE_INFINITY;
    if (milliseconds > 0) this.#timers.set('rekey', this.#rekeyAt, () => this.#startRekey());
    const { strict: strictKex, hostKey } = this.#handshake;
    this.#handler.onEvent({ type: 'keys', first, algorithms, hostKey, strictKex });
    this.#handler.onOutput();
  }

  #armHandshakeTimer(milliseconds: number, what: string): void {
    if (milliseconds <= 0) return;
    // Decisions of ours count too: a check of the host key that never answers must not hold a connection for ever. Whoever asks
    // a person sets a longer limit.
    this.#timers.set('handshake', this.#now + milliseconds, () => {
      throw new SSHTimeoutError(what, milliseconds);
    });
  }

  // ---- sending ------------------------------------------------------------------------------------------------------

  /** Sends a message of the layers above the key exchange, or holds it until our NEWKEYS is out. */
  #send(payload: Uint8Array): void {
    if (this.#error !== null) return;
    if (this.#handshake.outboundBlocked) {
      this.#held.push(payload);
      // Only what the peer makes us answer is its fault; what our own user sends meanwhile waits, however much it is.
      if (this.#dispatching) this.#heldBytes += payload.length;
      if (this.#heldBytes > limits.heldBytes)
        throw new ProtocolError('queue-overflow', 'too much to answer during a key exchange');
      return;
    }
    this.#encoder.send(payload);
    this.#handler.onOutput();
    this.#rekeyWhenDue();
  }

  #assertKeys(): void {
    if (this.#error !== null) throw this.#error;
    if (this.#stage === 'none') throw new UsageError('no keys yet: wait for the handshake');
  }

  #assertOpen(): void {
    this.#assertKeys();
    if (this.#stage !== 'open') throw new UsageError('not authenticated yet');
  }

  /**
   * sshd leaves Nagle on until the first session runs: a second small packet of its waits for the ACK of the first, which our
   * kernel delays by 40 ms unless something carries it. So while we wait for an answer and got something else, we send an empty
   * IGNORE: 40 ms less for logging in, and again for opening a channel.
   */
  #carryAck(): void {
    if (this.#ackCarriers === 0 || this.#config.role === 'server' || this.#stage === 'none' || this.#outbox.size > 0) return;
    if (!this.#auth.active && this.#connection.openingCount === 0) return;
    // Others need it less, and some old devices take an IGNORE during the login amiss.
    if (!this.#peerVersion?.includes('OpenSSH')) return;
    // zlib@openssh.com begins with the server's USERAUTH_SUCCESS: nothing of ours may cross it, or it would be inflated.
    if (this.#stage !== 'open' && this.algorithms?.clientToServer.compression !== 'none') return;
    this.#ackCarriers--;
    this.#enter(() => this.#send(Ignore.encode({ data: EMPTY })));
  }

  // ---- errors -------------------------------------------------------------------------------------------------------

  /** Runs a step; the outermost one reads on, catches, and tells the driver that there may be output. */
  #enter(step: () => void): void {
    if (this.#error !== null) return;
    if (this.#depth > 0) {
      step();
      return;
    }
    this.#depth++;
    try {
      step();
      this.#read();
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#depth--;
    }
    if (this.#outbox.size > 0) this.#handler.onOutput();
  }

  /** As `#enter`, for calls that return something. What goes wrong goes to the caller as the reason why it is over. */
  #run<T>(step: () => T): T {
    let result: { value: T } | null = null;
    this.#enter(() => {
      result = { value: step() };
    });
    if (result === null) throw this.#error ?? new ClosedError();
    return (result as { value: T }).value;
  }

  #fail(error: unknown): void {
    const failure =
      error instanceof SSHError ? error : new SSHError('ERR_SSH_CLOSED', `internal error: ${text(error)}`, { cause: error });
    failure.phase ??= this.phase;
    if (failure instanceof DisconnectedError || failure instanceof ConnectionLostError) this.#finish(failure, null);
    else this.#finish(failure, farewell(failure));
  }

  #finish(error: SSHError, goodbye: { reason: number; description: string } | null): void {
    if (this.#error !== null) return;
    if (goodbye !== null) {
      this.#encoder.send(Disconnect.encode({ ...goodbye, language: '' }));
      this.#handler.onOutput();
    }
    this.#error = error;
    this.#timers.clearAll();
    this.#handshake.cancel();
    this.#auth.cancel();
    this.#decoder.input.clear();
    this.#held = [];
    const settle = this.#settleAuth;
    this.#settleAuth = null;
    settle?.(error);
    for (const waiter of this.#pings.splice(0)) waiter.abandon(error);
    this.#connection.fail(error);
    this.#handler.onEvent({ type: 'closed', error });
  }

  #lost(cause: unknown): SSHError {
    const during = { version: 'before it identified itself', kex: 'during the key exchange', auth: 'during authentication' };
    const when = (during as Record<string, string>)[this.phase] ?? 'without saying why';
    // sshd drops connections above MaxStartups, and penalised ones, without a word.
    const hint = this.phase === 'version' ? ' (a server that is busy or penalises our address does that)' : '';
    const why =
      cause === undefined ? `the peer closed the connection ${when}${hint}` : `the connection failed ${when}: ${text(cause)}`;
    return new ConnectionLostError(why, cause === undefined ? {} : { cause });
  }
}

/** What the peer is told: general words only, the details are ours (no oracle). */
function farewell(error: SSHError): { reason: number; description: string } {
  if (error instanceof ProtocolError) return { reason: error.disconnectReason, description: 'protocol error' };
  if (error instanceof NegotiationError) return { reason: DisconnectReason.keyExchangeFailed, description: error.message };
  if (error instanceof HostKeyError)
    return { reason: DisconnectReason.hostKeyNotVerifiable, description: 'host key not accepted' };
  if (error instanceof GssError) return { reason: DisconnectReason.keyExchangeFailed, description: 'GSS-API failed' };
  if (error instanceof SSHTimeoutError) return { reason: DisconnectReason.protocolError, description: 'timeout' };
  return { reason: DisconnectReason.byApplication, description: 'internal error' };
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
