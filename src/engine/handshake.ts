// Key exchange from KEXINIT to NEWKEYS, the first one and every later one alike (RFC 4253 sections 7 to 9): what we offer, what
// was agreed, when which keys take effect. A rekey is the same flow again; it only starts at another time.

import type { AlgorithmLists } from '../algorithms/registry.ts';
import type { GssAcceptor, GssInitiator } from '../crypto/gss.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { ProtocolError } from '../errors.ts';
import { expect, type Flow, type FlowHost, FlowRunner } from '../flow/flow.ts';
import { builtInGroups, type DhGroup } from '../kex/dh-group.ts';
import type { ExchangeContext } from '../kex/exchange.ts';
import { gssKexMethod } from '../kex/gss-methods.ts';
import type { KexMethod } from '../kex/method.ts';
import { kexMethods } from '../kex/methods.ts';
import { isWrongGuess, kexMarkers, type NegotiatedAlgorithms, negotiate } from '../kex/negotiate.ts';
import type { PublicKey } from '../keys/public-key.ts';
import { cipherStrength } from '../packet/ciphers.ts';
import { Compressor, Decompressor } from '../packet/compression.ts';
import type { PacketDecoder } from '../packet/decoder.ts';
import type { KeyMaterial } from '../packet/derive-keys.ts';
import type { PacketEncoder } from '../packet/encoder.ts';
import { KexInit, NewKeys } from '../wire/messages/transport.ts';
import { openerOf, sealerOf } from './direction-keys.ts';
import { offerKexInit } from './offer.ts';
import { type Exchanged, ServerProof, type ServerProofPort } from './server-proof.ts';

export interface HandshakePort extends ServerProofPort {
  readonly crypto: CryptoProvider;
  readonly encoder: PacketEncoder;
  readonly decoder: PacketDecoder;
  readonly flowHost: FlowHost;
  readonly strictKex: boolean;
  /** Server: what to pick from in a group exchange. Default the groups of RFC 3526. */
  readonly moduli?: readonly DhGroup[] | undefined;
  /** What to offer; asked anew at every exchange. */
  algorithms(): AlgorithmLists;
  /** Our NEWKEYS is out: everything may be sent again. */
  outboundReady(): void;
  /** Hears each exchange's secret together with the cookie of our KEXINIT; see {@link EngineConfig.keylog}. */
  readonly keylog?: ((cookie: Uint8Array, encodedSecret: Uint8Array) => void) | undefined;
  /** Both NEWKEYS have passed. */
  completed(algorithms: NegotiatedAlgorithms): void;
}

/** Where an exchange stands, for admission. */
export type ExchangeState = 'idle' | 'kex' | 'newkeys';

export class Handshake {
  readonly #port: HandshakePort;
  readonly #runner: FlowRunner;
  readonly #proof: ServerProof;
  #versions: { client: Uint8Array; server: Uint8Array } | null = null;
  #ourInit: Uint8Array | null = null;
  #state: ExchangeState = 'idle';
  #blocked = false;
  #ignoreGuess = false;
  #strict = false;
  #compressing = false;
  #sessionId: Uint8Array | null = null;
  #algorithms: NegotiatedAlgorithms | null = null;
  #peerExtInfo = false;

  constructor(port: HandshakePort) {
    this.#port = port;
    this.#runner = new FlowRunner(port.flowHost, 'kex-out-of-order');
    this.#proof = new ServerProof(port);
  }

  /** What the peer may send of the exchange. */
  get state(): ExchangeState {
    return this.#state;
  }

  /** From our KEXINIT to our NEWKEYS nothing but the exchange itself may be sent. */
  get outboundBlocked(): boolean {
    return this.#blocked;
  }

  get inProgress(): boolean {
    return this.#blocked || this.#state !== 'idle';
  }

  get gated(): boolean {
    return this.#runner.gated;
  }

  /** Both sides asked for strict kex in their first KEXINIT. */
  get strict(): boolean {
    return this.#strict;
  }

  /** H of the first exchange; null until it has passed. */
  get sessionId(): Uint8Array | null {
    return this.#sessionId;
  }

  /** Client: the server's key. Server: the key that was used. Null also where GSS-API did without one. */
  get hostKey(): PublicKey | null {
    return this.#proof.hostKey;
  }

  /** The host key's signature over H of the first exchange; null until that has passed, and where it was one of GSS-API. */
  get hostKeySignature(): Uint8Array | null {
    return this.#proof.signature;
  }

  get algorithms(): NegotiatedAlgorithms | null {
    return this.#algorithms;
  }

  /** Client: the context of the first exchange, where that was one of GSS-API, until {@link releaseGss}. */
  get gssInitiator(): GssInitiator | null {
    return this.#proof.gssInitiator;
  }

  /** Server: as {@link gssInitiator}. */
  get gssAcceptor(): GssAcceptor | null {
    return this.#proof.gssAcceptor;
  }

  /** The peer reads EXT_INFO (RFC 8308 section 2.1). */
  get peerExtInfo(): boolean {
    return this.#peerExtInfo;
  }

  /** Identification lines without line ends; needed before the peer's KEXINIT is looked at. */
  setVersions(client: Uint8Array, server: Uint8Array): void {
    this.#versions = { client, server };
  }

  /** Sends KEXINIT, unless an exchange is under way. */
  start(): void {
    if (this.#blocked || this.#state !== 'idle') return;
    this.#sendKexInit();
  }

  receiveKexInit(payload: Uint8Array): void {
    const theirs = KexInit.decode(payload);
    this.start();
    const ourPayload = this.#ourInit as Uint8Array;
    const ours = KexInit.decode(ourPayload);
    const isClient = this.#port.role === 'client';
    const first = this.#sessionId === null;
    if (first) this.#readMarkers(theirs);
    const [client, server] = isClient ? [ours, theirs] : [theirs, ours];
    const algorithms = negotiate(client, server, this.#port.role);
    this.#ignoreGuess = theirs.firstKexPacketFollows && isWrongGuess(client, server);
    this.#state = 'kex';
    this.#ourInit = null;
    const transcript = {
      clientVersion: this.#versions?.client as Uint8Array,
      serverVersion: this.#versions?.server as Uint8Array,
      clientKexInit: isClient ? ourPayload : payload.slice(),
      serverKexInit: isClient ? payload.slice() : ourPayload,
    };
    const { crypto, encoder } = this.#port;
    const send = (message: Uint8Array) => encoder.send(message);
    const { clientToServer, serverToClient } = algorithms;
    const strengthBits = Math.max(cipherStrength(clientToServer.cipher), cipherStrength(serverToClient.cipher));
    const groups = this.#port.moduli ?? builtInGroups();
    const shared = { crypto, hostKeyAlgorithm: algorithms.hostKey, transcript, strengthBits, groups, send };
    const gssMethod = gssKexMethod(algorithms.kex);
    if (gssMethod !== undefined) {
      const context = { ...shared, method: gssMethod };
      this.#runner.start(this.#exchange(context, this.#proof.byGss(context), algorithms));
      return;
    }
    const method: KexMethod = kexMethods.find((candidate) => candidate.name === algorithms.kex) as KexMethod;
    const context = { ...shared, method };
    this.#runner.start(this.#exchange(context, this.#proof.bySignature(context), algorithms));
  }

  /** NEWKEYS and messages 30 to 49. */
  receive(payload: Uint8Array): void {
    if (this.#ignoreGuess && payload[0] !== NewKeys.number) {
      this.#ignoreGuess = false;
      return;
    }
    this.#runner.receive(payload);
  }

  /** zlib@openssh.com starts now: authentication is done (OpenSSH PROTOCOL section 1.2). */
  startCompression(): void {
    this.#compressing = true;
    this.#compressOutbound();
    this.#compressInbound();
  }

  cancel(): void {
    this.#runner.cancel();
    this.releaseGss();
  }

  /** gssapi-keyex is over, or not wanted: the context and the credentials with it are forgotten. */
  releaseGss(): void {
    this.#proof.releaseGss();
  }

  #sendKexInit(): void {
    const { role, crypto, encoder, strictKex, hostKeys, gssClient, gssServer } = this.#port;
    const gss = (role === 'client' ? gssClient : gssServer) !== undefined;
    const first = this.#sessionId === null;
    this.#ourInit = offerKexInit({ role, crypto, lists: this.#port.algorithms(), first, strictKex, gss, hostKeys });
    this.#blocked = true;
    encoder.send(this.#ourInit);
  }

  #readMarkers(theirs: KexInit): void {
    const peer = this.#port.role === 'client' ? kexMarkers.server : kexMarkers.client;
    this.#peerExtInfo = theirs.kex.includes(peer.extInfo);
    this.#strict = this.#port.strictKex && theirs.kex.includes(peer.strict);
    // "the peer MUST send KEXINIT as its first packet": one that came before could have shifted the sequence numbers.
    if (this.#strict && this.#port.decoder.sequence !== 1) {
      throw new ProtocolError('strict-kex', 'the first packet was not KEXINIT');
    }
  }

  *#exchange(
    context: Pick<ExchangeContext, 'transcript'> & { readonly method: Pick<KexMethod, 'hash'> },
    flow: Flow<Exchanged>,
    algorithms: NegotiatedAlgorithms,
  ): Flow<void> {
    const isClient = this.#port.role === 'client';
    const result = yield* flow;
    this.#sessionId ??= result.exchangeHash;
    const material: KeyMaterial = {
      hash: context.method.hash,
      encodedSecret: result.encodedSecret,
      exchangeHash: result.exchangeHash,
      sessionId: this.#sessionId,
    };
    const { crypto, encoder, decoder, keylog } = this.#port;
    // The cookie stands right behind the message number.
    if (keylog !== undefined) {
      const { clientKexInit, serverKexInit } = context.transcript;
      keylog((isClient ? clientKexInit : serverKexInit).subarray(1, 17), result.encodedSecret);
    }
    const [us, peer] = isClient ? (['client', 'server'] as const) : (['server', 'client'] as const);
    const { clientToServer, serverToClient } = algorithms;
    const sealer = sealerOf(crypto, material, us, isClient ? clientToServer : serverToClient);
    const opener = openerOf(crypto, material, peer, isClient ? serverToClient : clientToServer);
    result.encodedSecret.fill(0);
    encoder.send(NewKeys.encode({}));
    encoder.useKeys(sealer, this.#strict);
    this.#algorithms = algorithms;
    if (this.#compressing) this.#compressOutbound();
    this.#blocked = false;
    this.#state = 'newkeys';
    this.#port.outboundReady();
    yield* expect(NewKeys);
    decoder.useKeys(opener, this.#strict);
    if (this.#compressing) this.#compressInbound();
    this.#state = 'idle';
    this.#port.completed(algorithms);
  }

  /** RFC 4253 section 6.2: the context is new after each key exchange. */
  #compressOutbound(): void {
    const { clientToServer, serverToClient } = this.#algorithms as NegotiatedAlgorithms;
    const outbound = this.#port.role === 'client' ? clientToServer : serverToClient;
    this.#port.encoder.useCompression(outbound.compression === 'none' ? null : new Compressor());
  }

  #compressInbound(): void {
    const { clientToServer, serverToClient } = this.#algorithms as NegotiatedAlgorithms;
    const inbound = this.#port.role === 'client' ? serverToClient : clientToServer;
    this.#port.decoder.useDecompression(inbound.compression === 'none' ? null : new Decompressor());
  }
}
