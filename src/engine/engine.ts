// The SSH engine: bytes in, bytes and events out. No I/O, no clock, no promise; time and randomness are given, so a session
// can be replayed byte for byte. This file only puts the parts together: identification, packets, key exchange,
// authentication, the connection protocol, and the timers around them.
//
// Errors end here: inside, code throws; `#enter` is the only place that catches. Whatever went wrong is told to the peer in
// general words, to every waiter of ours as one and the same error, and to the handler as the last event.

import type { ClientAuthMethod } from '../auth/client.ts';
import type { AuthOutcome } from '../auth/outcome.ts';
import type { Authenticated } from '../auth/server.ts';
import { decodeText, EMPTY, encodeUtf8 } from '../bytes/bytes.ts';
import { Outbox } from '../bytes/outbox.ts';
import type { ChannelHandler } from '../connection/channel-machine.ts';
import { Connection, type OpenParameters, type OpenWaiter } from '../connection/connection.ts';
import { OutboundRequests, type ReplyWaiter } from '../connection/replies.ts';
import { ClosedError, DisconnectedError, type Phase, ProtocolError, type SSHError, UsageError } from '../errors.ts';
import type { NegotiatedAlgorithms } from '../kex/negotiate.ts';
import type { PublicKey } from '../keys/public-key.ts';
import { PacketDecoder } from '../packet/decoder.ts';
import { PacketEncoder } from '../packet/encoder.ts';
import { limits } from '../packet/limits.ts';
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
import { AckCarrier } from './ack-carrier.ts';
import { admission, admissionPhase, type Stage } from './admission.ts';
import { Authentication } from './authentication.ts';
import type { EngineConfig, PacketTrace } from './config.ts';
import type { EngineHandler } from './events.ts';
import { ExtensionInfo, serverExtensions } from './extension-info.ts';
import { Handshake } from './handshake.ts';
import { HeldMessages } from './held-messages.ts';
import { Keepalive } from './keepalive.ts';
import { connectionLost, failureOf, farewell, type Goodbye } from './last-words.ts';
import { RekeyRule } from './rekey-rule.ts';
import { Timers } from './timers.ts';
import { VersionExchange } from './version.ts';

export class Engine {
  readonly #config: EngineConfig;
  readonly #handler: EngineHandler;
  readonly #outbox = new Outbox();
  readonly #encoder: PacketEncoder;
  readonly #decoder = new PacketDecoder();
  readonly #timers = new Timers();
  readonly #version: VersionExchange;
  readonly #handshake: Handshake;
  readonly #auth: Authentication;
  readonly #connection: Connection;
  readonly #keepalive: Keepalive;
  readonly #rekeyRule: RekeyRule;
  readonly #extensions: ExtensionInfo;
  /** Only a client's: see there. */
  readonly #ackCarrier: AckCarrier | null;
  readonly #held = new HeldMessages();
  readonly #pings = new OutboundRequests('a pong to no ping');
  #trace: PacketTrace | null = null;

  #now: number;
  #depth = 0;
  #ourVersion: string;
  #peerVersion: string | null = null;
  /** Which service the connection has reached; 'none' until the first keys are in use. */
  #stage: Stage = 'none';
  /** A message of the peer's is being looked at. */
  #dispatching = false;
  #ended = false;
  #error: SSHError | null = null;

  constructor(config: EngineConfig, handler: EngineHandler, now: number) {
    this.#config = config;
    this.#handler = handler;
    this.#now = now;
    this.#ourVersion = `SSH-2.0-${config.software}`;
    this.#encoder = new PacketEncoder(config.crypto, this.#outbox);
    this.#rekeyRule = new RekeyRule(config.rekey, this.#encoder, this.#decoder);
    this.#extensions = new ExtensionInfo(config.role);
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
    this.#auth = new Authentication({
      flowHost,
      crypto: config.crypto,
      server: config.server,
      session: this.#handshake,
      algorithms: () => config.algorithms(),
      now: () => this.#now,
      send: (payload) => this.#send(payload),
      begun: () => {
        this.#stage = 'auth';
      },
      banner: (text) => handler.onEvent({ type: 'banner', text }),
      passed: (who) => this.#authenticated(who),
    });
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
    });
    this.#ackCarrier = config.role === 'client' ? this.#makeAckCarrier() : null;
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
      this.#timers.limit('handshake', 'the handshake', handshakeTimeoutMs, this.#now);
      if (server !== null) this.#timers.limit('login', 'the login', server.loginTimeoutMs, this.#now);
      this.#handshake.start();
    });
  }

  /** Bytes from the peer, in any split. The engine does not keep the chunk. */
  receive(chunk: Uint8Array, now: number): void {
    this.#now = now;
    this.#enter(() => this.#decoder.input.push(chunk));
    this.#decoder.input.own();
    this.#ackCarrier?.received();
  }

  /** The stream below has ended, or failed with `cause`. A DISCONNECT that came just before still counts. */
  end(now: number, cause?: unknown): void {
    this.#now = now;
    this.#ended = true;
    this.#enter(() => {});
    this.#enter(() => {
      throw connectionLost(this.phase, cause);
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
    if (this.#auth.underWay) throw new UsageError('another authentication attempt is under way');
    this.#enter(() => this.#auth.attempt(method, settle));
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
    this.#pings.add(this.#connection.roundTrip.timed(waiter));
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
    if (this.#stage !== 'open') this.#rekeyRule.wantFrom(this.#now);
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
      const { outboundBlocked, state } = this.#handshake;
      if (this.#stage === 'open' && outboundBlocked && state === 'idle') this.#rekeyRule.checkPatience();
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

  #dispatch(payload: Uint8Array): void {
    const number = payload[0] as number;
    const phase = admissionPhase(this.#stage, this.#handshake.state);
    const strictFirstExchange = this.#handshake.strict && this.#stage === 'none';
    const verdict = admission(number, this.#config.role, phase, strictFirstExchange);
    if (verdict === 'unimplemented') {
      this.#send(Unimplemented.encode({ sequence: (this.#decoder.sequence - 1) >>> 0 }));
      return;
    }
    if (verdict !== 'admit') throw new ProtocolError(verdict, `message ${number} in phase '${phase}'`);
    this.#extensions.checkNext(number);
    if (number >= 80 && number <= 127) this.#connection.receive(payload);
    else if (number >= 50 && number <= 79) {
      // RFC 4252 section 5.1: after success further requests "SHOULD be silently ignored".
      if (this.#stage !== 'open') this.#auth.receive(payload);
    } else if (number === 21 || (number >= 30 && number <= 49)) this.#handshake.receive(payload);
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
        this.#auth.receiveServiceRequest(payload);
        break;
      case ServiceAccept.number:
        this.#auth.receiveServiceAccept(payload);
        break;
      case ExtInfo.number: {
        const afterNewKeys = this.#decoder.packets === 1 && this.#stage === 'service';
        const extensions = this.#extensions.receive(payload, afterNewKeys);
        this.#handler.onEvent({ type: 'extensions', extensions });
        break;
      }
      case KexInit.number:
        if (!this.#handshake.inProgress) this.#limitExchange();
        this.#handshake.receiveKexInit(payload);
        break;
      case Ping.number:
        this.#send(Pong.encode({ data: Ping.decode(payload).data }));
        break;
      case Pong.number:
        this.#pings.settle(Pong.decode(payload).data);
        break;
      default:
        // IGNORE and UNIMPLEMENTED: nothing to do. Whoever waits for an answer that is not implemented has a timeout.
        break;
    }
  }

  #authenticated(who: Authenticated | null): void {
    this.#timers.clear('login');
    this.#extensions.authenticated();
    this.#stage = 'open';
    this.#decoder.liftLimit();
    this.#handshake.releaseGss();
    this.#handshake.startCompression();
    this.#keepalive.start();
    this.#rekeyWhenDue();
    this.#handler.onEvent({ type: 'authenticated', who });
  }

  // ---- keys ---------------------------------------------------------------------------------------------------------

  #startRekey(): void {
    // Not before the login: zlib@openssh.com begins in the middle of it, and clients do not expect it (OpenSSH waits too).
    if (this.#handshake.inProgress || this.#stage !== 'open') return;
    this.#rekeyRule.asked();
    this.#limitExchange();
    this.#handshake.start();
    this.#handler.onOutput();
  }

  #rekeyWhenDue(): void {
    if (this.#stage !== 'open' || this.#handshake.inProgress || this.#error !== null) return;
    if (this.#rekeyRule.due(this.#now)) this.#startRekey();
  }

  /** Our NEWKEYS is out: EXT_INFO has its only place here, then what was held back. */
  #outboundReady(): void {
    const { server } = this.#config;
    if (this.#stage === 'none' && server?.serverSigAlgs && this.#handshake.peerExtInfo) {
      this.#encoder.send(serverExtensions(this.#config.algorithms().pubkeys));
    }
    for (const payload of this.#held.take()) this.#send(payload);
  }

  #exchangeCompleted(algorithms: NegotiatedAlgorithms): void {
    const first = this.#stage === 'none';
    if (first) this.#stage = 'service';
    this.#timers.clear('handshake');
    const wornOutAt = this.#rekeyRule.renewed(this.#now);
    if (wornOutAt !== null) this.#timers.set('rekey', wornOutAt, () => this.#startRekey());
    const { strict: strictKex, hostKey } = this.#handshake;
    this.#handler.onEvent({ type: 'keys', first, algorithms, hostKey, strictKex });
    this.#handler.onOutput();
  }

  /**
   * Decisions of ours count too: a check of the host key that never answers must not hold a connection for ever. Whoever asks a
   * person sets a longer limit.
   */
  #limitExchange(): void {
    this.#timers.limit('handshake', 'the key exchange', this.#config.handshakeTimeoutMs, this.#now);
  }

  // ---- sending ------------------------------------------------------------------------------------------------------

  /** Sends a message of the layers above the key exchange, or holds it until our NEWKEYS is out. */
  #send(payload: Uint8Array): void {
    if (this.#error !== null) return;
    if (this.#handshake.outboundBlocked) {
      // Of what we send while a message of the peer's is looked at, the peer is the cause.
      this.#held.hold(payload, this.#dispatching);
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

  #makeAckCarrier(): AckCarrier {
    return new AckCarrier({
      waiting: () =>
        this.#stage !== 'none' && this.#outbox.size === 0 && (this.#auth.active || this.#connection.openingCount > 0),
      peerVersion: () => this.#peerVersion,
      compressionDue: () => this.#stage !== 'open' && this.algorithms?.clientToServer.compression !== 'none',
      send: () => this.#enter(() => this.#send(Ignore.encode({ data: EMPTY }))),
    });
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
    const failure = failureOf(error);
    failure.phase ??= this.phase;
    this.#finish(failure, farewell(failure));
  }

  #finish(error: SSHError, goodbye: Goodbye | null): void {
    if (this.#error !== null) return;
    if (goodbye !== null) {
      this.#encoder.send(Disconnect.encode({ ...goodbye, language: '' }));
      this.#handler.onOutput();
    }
    this.#error = error;
    this.#timers.clearAll();
    this.#handshake.cancel();
    this.#decoder.input.clear();
    this.#held.take();
    this.#auth.fail(error);
    this.#pings.abandon(error);
    this.#connection.fail(error);
    this.#handler.onEvent({ type: 'closed', error });
  }
}
