// Key exchange from KEXINIT to NEWKEYS, the first one and every later one alike (RFC 4253 sections 7 to 9): what we offer, what
// was agreed, when which keys take effect. A rekey is the same flow again; it only starts at another time.

import type { AlgorithmLists } from '../algorithms/registry.ts';
import type { GssAcceptor, GssContext, GssInitiator } from '../crypto/gss.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { HostKeyError, NegotiationError, ProtocolError, UsageError } from '../errors.ts';
import { call, expect, type Flow, type FlowHost, FlowRunner } from '../flow/flow.ts';
import { builtInGroups, type DhGroup } from '../kex/dh-group.ts';
import { clientExchange, type ExchangeContext, type ExchangeResult, serverExchange } from '../kex/exchange.ts';
import {
  clientGssExchange,
  type GssClientConfig,
  type GssExchangeContext,
  type GssServerConfig,
  serverGssExchange,
} from '../kex/gss.ts';
import { gssKexMethod, NULL_HOST_KEY } from '../kex/gss-methods.ts';
import type { KexMethod } from '../kex/method.ts';
import { kexMethods } from '../kex/methods.ts';
import { type DirectionAlgorithms, isWrongGuess, kexMarkers, type NegotiatedAlgorithms, negotiate } from '../kex/negotiate.ts';
import { keyAlgorithm } from '../keys/certificate-algorithms.ts';
import { offeredBlob } from '../keys/offered-key.ts';
import type { PublicKey } from '../keys/public-key.ts';
import type { Signer } from '../keys/signer.ts';
import { cipherStrength, createOpener, createSealer, keySizes } from '../packet/ciphers.ts';
import { Compressor, Decompressor } from '../packet/compression.ts';
import type { PacketDecoder } from '../packet/decoder.ts';
import { deriveKey, type KeyMaterial } from '../packet/derive-keys.ts';
import type { PacketEncoder } from '../packet/encoder.ts';
import { KexInit, NewKeys } from '../wire/messages/transport.ts';

export interface HandshakePort {
  readonly role: 'client' | 'server';
  readonly crypto: CryptoProvider;
  readonly encoder: PacketEncoder;
  readonly decoder: PacketDecoder;
  readonly flowHost: FlowHost;
  readonly strictKex: boolean;
  /** Keys of the server, by preference of nobody: the client chooses. */
  readonly hostKeys: readonly Signer[];
  /** Server: what to pick from in a group exchange. Default the groups of RFC 3526. */
  readonly moduli?: readonly DhGroup[] | undefined;
  /** What to offer; asked anew at every exchange. */
  algorithms(): AlgorithmLists;
  /** Client: whether this is the right server. Only the literal `true` is a yes. */
  verifyHostKey(key: PublicKey): boolean | PromiseLike<boolean>;
  /** GSS-API key exchanges are offered only with the one of our role. */
  readonly gssClient?: GssClientConfig | undefined;
  readonly gssServer?: GssServerConfig | undefined;
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
  #versions: { client: Uint8Array; server: Uint8Array } | null = null;
  #ourInit: Uint8Array | null = null;
  #state: ExchangeState = 'idle';
  #blocked = false;
  #ignoreGuess = false;
  #strict = false;
  #compressing = false;
  #sessionId: Uint8Array | null = null;
  #hostKey: PublicKey | null = null;
  #hostKeySignature: Uint8Array | null = null;
  #algorithms: NegotiatedAlgorithms | null = null;
  #peerExtInfo = false;
  #initiator: GssInitiator | null = null;
  #acceptor: GssAcceptor | null = null;

  constructor(port: HandshakePort) {
    this.#port = port;
    this.#runner = new FlowRunner(port.flowHost, 'kex-out-of-order');
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
    return this.#hostKey;
  }

  /** The host key's signature over H of the first exchange; null until that has passed, and where it was one of GSS-API. */
  get hostKeySignature(): Uint8Array | null {
    return this.#hostKeySignature;
  }

  get algorithms(): NegotiatedAlgorithms | null {
    return this.#algorithms;
  }

  /** Client: the context of the first exchange, where that was one of GSS-API, until {@link releaseGss}. */
  get gssInitiator(): GssInitiator | null {
    return this.#initiator;
  }

  /** Server: as {@link gssInitiator}. */
  get gssAcceptor(): GssAcceptor | null {
    return this.#acceptor;
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
      this.#runner.start(this.#exchange(context, this.#gssExchange(context), algorithms));
      return;
    }
    const method: KexMethod = kexMethods.find((candidate) => candidate.name === algorithms.kex) as KexMethod;
    const context = { ...shared, method };
    this.#runner.start(this.#exchange(context, this.#signedExchange(context), algorithms));
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
    this.#initiator?.dispose();
    this.#acceptor?.dispose();
    this.#initiator = null;
    this.#acceptor = null;
  }

  #sendKexInit(): void {
    const { role, crypto, encoder } = this.#port;
    const lists = this.#port.algorithms();
    const first = this.#sessionId === null;
    const markers: string[] = [];
    // Both belong in the first KEXINIT only (RFC 8308 section 2.1, OpenSSH PROTOCOL section 1.10).
    if (first) {
      markers.push(kexMarkers[role].extInfo);
      if (this.#port.strictKex) markers.push(kexMarkers[role].strict);
    }
    const gss = (role === 'client' ? this.#port.gssClient : this.#port.gssServer) !== undefined;
    const own = role === 'client' ? lists.keys : lists.keys.filter((name) => this.#signerFor(name) !== undefined);
    // Without a host key a server can still be one that proves itself by GSS-API, and nothing else (RFC 4462 section 5).
    const kex = lists.kex.filter((name) => (gssKexMethod(name) === undefined ? own.length > 0 : gss));
    const nullKey = kex.some((name) => gssKexMethod(name)) && (role === 'client' || own.length === 0);
    const serverHostKey = nullKey ? [...own, NULL_HOST_KEY] : own;
    if (serverHostKey.length === 0) throw new UsageError('a server needs a host key before it can start');
    const cookie = new Uint8Array(16);
    crypto.randomFill(cookie);
    this.#ourInit = KexInit.encode({
      cookie,
      kex: [...kex, ...markers],
      serverHostKey,
      cipherClientToServer: lists.ciphers,
      cipherServerToClient: lists.ciphers,
      macClientToServer: lists.macs,
      macServerToClient: lists.macs,
      compressionClientToServer: lists.compression,
      compressionServerToClient: lists.compression,
      languagesClientToServer: [],
      languagesServerToClient: [],
      firstKexPacketFollows: false,
      reserved: 0,
    });
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
    this.#hostKey = result.hostKey ?? this.#hostKey;
    if (this.#sessionId === null) this.#hostKeySignature = result.signature ?? null;
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
    const [ours, theirs] = isClient ? (['C', 'S'] as const) : (['S', 'C'] as const);
    const outbound = isClient ? algorithms.clientToServer : algorithms.serverToClient;
    const inbound = isClient ? algorithms.serverToClient : algorithms.clientToServer;
    const sealer = this.#withKeys(material, outbound, ours, (keys) => createSealer(crypto, outbound.cipher, outbound.mac, keys));
    const opener = this.#withKeys(material, inbound, theirs, (keys) => createOpener(crypto, inbound.cipher, inbound.mac, keys));
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

  /** The host key has signed; a client asks whether it is the right one. */
  *#signedExchange(context: ExchangeContext): Flow<Exchanged> {
    if (this.#port.role === 'server') return yield* this.#serverExchange(context);
    const result = yield* clientExchange(context);
    yield* this.#checkHostKey(result.hostKey);
    return result;
  }

  /** Kerberos has proven the server: nobody is asked about its key, but it must stay the same. */
  *#gssExchange(context: GssExchangeContext): Flow<Exchanged> {
    const { role, gssClient, gssServer } = this.#port;
    const first = this.#sessionId === null;
    if (role === 'client') {
      const config = gssClient as GssClientConfig;
      // Credentials go along once; a rekey only needs the proof.
      const result = yield* clientGssExchange(context, { ...config, delegate: first && config.delegate });
      if (this.#hostKey !== null && result.hostKey !== null && !this.#hostKey.equals(result.hostKey)) throw hostKeyChanged();
      this.#initiator = this.#keepFirst(first, result.gss);
      return result;
    }
    const config = gssServer as GssServerConfig;
    const result = yield* serverGssExchange(context, { ...config, delegation: first && config.delegation });
    this.#acceptor = this.#keepFirst(first, result.gss);
    return result;
  }

  /** RFC 4462 section 4: the context of the first exchange is the one that users authenticate by. */
  #keepFirst<C extends GssContext>(first: boolean, gss: C): C | null {
    if (first) return gss;
    gss.dispose();
    return (this.#port.role === 'client' ? this.#initiator : this.#acceptor) as C | null;
  }

  *#serverExchange(context: ExchangeContext): Flow<ExchangeResult> {
    const signer = this.#signerFor(context.hostKeyAlgorithm);
    if (signer === undefined) throw new NegotiationError('server host key', [], [context.hostKeyAlgorithm]);
    return yield* serverExchange(context, signer);
  }

  /** Before NEWKEYS goes out: nothing of the user's may reach a server that is not the right one. */
  *#checkHostKey(key: PublicKey): Flow<void> {
    if (this.#hostKey !== null) {
      if (!this.#hostKey.equals(key)) throw hostKeyChanged();
      return;
    }
    const { fingerprint } = key;
    const accepted = yield* call('verify-host-key', () => this.#port.verifyHostKey(key));
    if (accepted !== true)
      throw new HostKeyError('refused', `the server's host key was not accepted (${fingerprint})`, { fingerprint });
  }

  /** Derives a direction's keys (RFC 4253 section 7.2: A, C, E client to server; B, D, F server to client), uses them, wipes them. */
  #withKeys<T>(
    material: KeyMaterial,
    algorithms: DirectionAlgorithms,
    sender: 'C' | 'S',
    use: (keys: { key: Uint8Array; iv: Uint8Array; macKey: Uint8Array }) => T,
  ): T {
    const { crypto } = this.#port;
    const sizes = keySizes(algorithms.cipher, algorithms.mac);
    const [iv, key, macKey] = sender === 'C' ? ['A', 'C', 'E'] : ['B', 'D', 'F'];
    const keys = {
      iv: deriveKey(crypto, material, iv as string, sizes.iv),
      key: deriveKey(crypto, material, key as string, sizes.key),
      macKey: deriveKey(crypto, material, macKey as string, sizes.macKey),
    };
    const used = use(keys);
    keys.key.fill(0);
    keys.macKey.fill(0);
    return used;
  }

  #signerFor(algorithm: string): Signer | undefined {
    const row = keyAlgorithm(algorithm);
    return this.#port.hostKeys.find(
      ({ publicKey, algorithms }) =>
        row !== undefined && algorithms.includes(row.signs) && offeredBlob(publicKey, algorithm) !== null,
    );
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

/** What both kinds of exchange bring. */
type Exchanged = Pick<ExchangeResult, 'exchangeHash' | 'encodedSecret'> & {
  readonly hostKey: PublicKey | null;
  readonly signature?: Uint8Array;
};

function hostKeyChanged(): ProtocolError {
  return new ProtocolError('host-key-changed', 'the server came with another host key when rekeying', 9);
}
