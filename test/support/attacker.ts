// A peer that keeps to the protocol exactly as far as a test wants and then sends whatever it likes, properly sealed. It speaks SSH
// by hand: the packet codec is the product's, the exchange is done here once more, so that each of its inputs can be falsified.

import { noneMethod } from '../../src/auth/client.ts';
import { encodeUtf8 } from '../../src/bytes/bytes.ts';
import { Outbox } from '../../src/bytes/outbox.ts';
import type { OpenParameters } from '../../src/connection/connection.ts';
import type { Agreement, CryptoProvider } from '../../src/crypto/provider.ts';
import type { AdmissionPhase } from '../../src/engine/admission.ts';
import { ProtocolError, type SSHError, type Violation } from '../../src/errors.ts';
import type { PrivateKey } from '../../src/keys/private-key.ts';
import { createOpener, createSealer, keySizes } from '../../src/packet/ciphers.ts';
import { Compressor, Decompressor } from '../../src/packet/compression.ts';
import { PacketDecoder } from '../../src/packet/decoder.ts';
import { deriveKey, type KeyMaterial } from '../../src/packet/derive-keys.ts';
import { PacketEncoder } from '../../src/packet/encoder.ts';
import { UserauthRequest, UserauthSuccess } from '../../src/wire/messages/auth.ts';
import { ChannelOpen, ChannelOpenConfirmation } from '../../src/wire/messages/connection.ts';
import { KexEcdhInit, KexEcdhReply } from '../../src/wire/messages/kex.ts';
import { Disconnect, KexInit, NewKeys, ServiceAccept, ServiceRequest } from '../../src/wire/messages/transport.ts';
import { Writer } from '../../src/wire/writer.ts';
import { Peer, type PeerOptions, type RecordedChannel, WINDOW } from './engine-pair.ts';
import { Dice, seededCrypto, testKey } from './seeded-crypto.ts';

const KEX = 'curve25519-sha256';

export interface AttackerOptions {
  /** The role of the engine under attack. */
  readonly victim: 'client' | 'server';
  readonly victimOptions?: Omit<PeerOptions, 'role'>;
  readonly strict?: boolean;
  readonly extInfo?: boolean;
  readonly cipher?: string;
  readonly mac?: string;
  readonly compression?: string;
  readonly hostKey?: PrivateKey;
  /** Changes our KEXINIT before it is sent. */
  alterKexInit?(init: KexInit): KexInit;
  /** Changes what enters the exchange hash that the (server) attacker signs. */
  alterHash?(inputs: Record<HashInput, Uint8Array>): void;
  /** Changes the (server) attacker's reply. */
  alterReply?(reply: { hostKey: Uint8Array; serverValue: Uint8Array; signature: Uint8Array }): unknown;
}

export type HashInput =
  | 'clientVersion'
  | 'serverVersion'
  | 'clientInit'
  | 'serverInit'
  | 'hostKey'
  | 'clientValue'
  | 'serverValue'
  | 'secret';

/** In the order in which a connection comes to them. */
const ORDER = ['version', 'kexinit', 'kex', 'newkeys', 'service', 'auth', 'open', 'rekey', 'rekey-newkeys'] as const;
export type AttackPhase = (typeof ORDER)[number];
export const admissionPhases = ORDER.slice(1) as readonly AdmissionPhase[];

export class Attacker {
  readonly victim: Peer;
  /** Payloads that the victim sent, oldest first. */
  readonly received: Uint8Array[] = [];
  readonly outbox = new Outbox();
  readonly crypto: CryptoProvider;
  readonly dice = new Dice(77);
  readonly encoder: PacketEncoder;
  readonly decoder = new PacketDecoder();
  phase: AttackPhase = 'version';
  sessionId: Uint8Array | null = null;
  authSettled: unknown[] = [];
  readonly #options: AttackerOptions;
  readonly #version = 'SSH-2.0-attacker';
  #victimVersion = '';
  #ourInit = new Uint8Array(0);
  #victimInit = new Uint8Array(0);
  #agreement: Agreement | null = null;
  #material: { encodedSecret: Uint8Array; exchangeHash: Uint8Array } | null = null;
  #greeting: number[] | null = [];

  constructor(options: AttackerOptions) {
    this.#options = options;
    this.crypto = seededCrypto(99);
    this.encoder = new PacketEncoder(this.crypto, this.outbox);
    this.victim = new Peer({ ...options.victimOptions, role: options.victim });
    this.victim.engine.start();
    this.pull();
  }

  /** Goes through the protocol up to the moment where the victim is in this phase. */
  reach(target: AttackPhase): this {
    while (this.phase !== target) {
      const next = ORDER[ORDER.indexOf(this.phase) + 1] as AttackPhase;
      this.#enter(next);
      if (this.victim.error !== null) throw this.victim.error;
      this.phase = next;
    }
    return this;
  }

  /** Sends a payload as a proper packet. */
  send(payload: Uint8Array): this {
    this.encoder.send(payload);
    return this.deliver();
  }

  /** Several payloads in one delivery. */
  sendAll(payloads: readonly Uint8Array[]): this {
    for (const payload of payloads) this.encoder.send(payload);
    return this.deliver();
  }

  deliver(): this {
    const bytes = Buffer.concat(this.outbox.take());
    if (bytes.length > 0) this.victim.receive(new Uint8Array(bytes));
    return this.pull();
  }

  /** Bytes as they are. */
  raw(bytes: Uint8Array | string): this {
    this.victim.receive(typeof bytes === 'string' ? encodeUtf8(bytes) : bytes);
    return this.pull();
  }

  /** Reads what the victim has to say. */
  pull(): this {
    const bytes = this.victim.output();
    let rest = bytes;
    if (this.#greeting !== null) {
      for (const [index, byte] of bytes.entries()) {
        this.#greeting.push(byte);
        if (byte !== 0x0a) continue;
        this.#victimVersion = String.fromCharCode(...this.#greeting.slice(0, -2));
        this.#greeting = null;
        rest = bytes.subarray(index + 1);
        break;
      }
      if (this.#greeting !== null) return this;
    }
    this.decoder.input.push(rest);
    for (let payload = this.decoder.next(); payload !== null; payload = this.decoder.next()) {
      this.received.push(payload);
      if (payload[0] === KexInit.number) this.#victimInit = payload.slice();
      if (payload[0] === NewKeys.number) this.#useInbound();
      // A server victim compresses right after this one.
      if (payload[0] === UserauthSuccess.number) this.#startCompression();
    }
    return this;
  }

  /** The payloads with this number that the victim has sent. */
  receivedOf(number: number): Uint8Array[] {
    return this.received.filter((payload) => payload[0] === number);
  }

  get victimIsClient(): boolean {
    return this.#options.victim === 'client';
  }

  /** A channel that is open on both sides: the victim's channel, and the number by which it goes there. */
  channel(parameters: OpenParameters = WINDOW): { channel: RecordedChannel; id: number } {
    const ours = 7_000 + this.victim.channels.length;
    if (this.victimIsClient) {
      const channel = this.victim.open('session', parameters);
      this.pull();
      const open = ChannelOpen.decode(this.received.at(-1) as Uint8Array);
      this.send(ChannelOpenConfirmation.encode({ recipient: open.sender, sender: ours, ...WIDE, data: new Uint8Array(0) }));
      return { channel, id: open.sender };
    }
    this.send(ChannelOpen.encode({ kind: 'session', sender: ours, ...WIDE, data: new Uint8Array(0) }));
    const confirmation = ChannelOpenConfirmation.decode(this.received.at(-1) as Uint8Array);
    return { channel: this.victim.channels.at(-1) as RecordedChannel, id: confirmation.sender };
  }

  /** The disconnect reasons that the victim has sent. */
  get disconnects(): number[] {
    return this.receivedOf(Disconnect.number).map((payload) => Disconnect.decode(payload).reason);
  }

  #enter(next: AttackPhase): void {
    const { victim } = this;
    switch (next) {
      case 'kexinit':
        this.raw(`${this.#version}\r\n`);
        break;
      case 'kex':
        this.sendKexInit();
        break;
      case 'newkeys':
        if (this.victimIsClient) this.sendReply();
        else this.sendInit();
        break;
      case 'service':
        this.sendNewKeys();
        break;
      case 'auth':
        if (this.victimIsClient) {
          victim.engine.authenticate(noneMethod('me'), (outcome) => void this.authSettled.push(outcome));
          this.pull().send(ServiceAccept.encode({ service: 'ssh-userauth' }));
        } else this.send(ServiceRequest.encode({ service: 'ssh-userauth' }));
        break;
      case 'open':
        if (this.victimIsClient) {
          this.send(UserauthSuccess.encode({}));
          this.#startCompression();
        } else this.send(authRequest('none'));
        break;
      case 'rekey':
        this.sendKexInit();
        break;
      case 'rekey-newkeys':
        if (this.victimIsClient) this.sendReply();
        else this.sendInit();
        break;
    }
  }

  kexInit(): KexInit {
    const {
      strict = true,
      extInfo = true,
      cipher = 'aes128-gcm@openssh.com',
      mac = 'hmac-sha2-256',
      compression = 'none',
    } = this.#options;
    const side = this.victimIsClient ? 's' : 'c';
    const markers = [...(extInfo ? [`ext-info-${side}`] : []), ...(strict ? [`kex-strict-${side}-v00@openssh.com`] : [])];
    const init: KexInit = {
      cookie: this.dice.bytes(16),
      kex: [KEX, ...(this.sessionId === null ? markers : [])],
      serverHostKey: ['ssh-ed25519'],
      cipherClientToServer: [cipher],
      cipherServerToClient: [cipher],
      macClientToServer: [mac],
      macServerToClient: [mac],
      compressionClientToServer: [compression],
      compressionServerToClient: [compression],
      languagesClientToServer: [],
      languagesServerToClient: [],
      firstKexPacketFollows: false,
      reserved: 0,
    };
    return this.#options.alterKexInit?.(init) ?? init;
  }

  sendKexInit(): this {
    this.#ourInit = KexInit.encode(this.kexInit()).slice();
    return this.send(this.#ourInit);
  }

  /** As client: our public value. */
  sendInit(): this {
    this.#agreement = this.crypto.agreement('x25519');
    this.send(KexEcdhInit.encode({ clientValue: this.#agreement.publicKey }));
    const reply = this.receivedOf(KexEcdhReply.number).at(-1);
    if (reply !== undefined) this.#finishAsClient(KexEcdhReply.decode(reply));
    return this;
  }

  /** As server: our public value and a signature over everything. */
  sendReply(): this {
    const { clientValue } = KexEcdhInit.decode(this.receivedOf(KexEcdhInit.number).at(-1) as Uint8Array);
    const own = this.crypto.agreement('x25519');
    const key = this.#options.hostKey ?? testKey(0);
    const secret = own.derive(clientValue);
    const inputs = this.#inputs(clientValue, own.publicKey, key.publicKey.blob, secret);
    const honest = this.#hash(inputs);
    this.#options.alterHash?.(inputs);
    const reply = {
      hostKey: key.publicKey.blob,
      serverValue: own.publicKey,
      signature: key.sign(this.#hash(inputs), 'ssh-ed25519'),
    };
    this.#options.alterReply?.(reply);
    this.#material = { encodedSecret: new Writer().mpint(secret).finish(), exchangeHash: honest };
    this.sessionId ??= honest;
    return this.send(KexEcdhReply.encode(reply));
  }

  sendNewKeys(): this {
    this.encoder.send(NewKeys.encode({}));
    const { encoder } = this;
    const material = this.#keyMaterial();
    const sender = this.victimIsClient ? 'S' : 'C';
    encoder.useKeys(createSealer(this.crypto, this.#cipher, this.#mac, this.keys(material, sender)), this.#strict);
    return this.deliver();
  }

  /** Keys of one direction, for tests that seal packets of their own. */
  keys(material: KeyMaterial, sender: 'C' | 'S'): { key: Uint8Array; iv: Uint8Array; macKey: Uint8Array } {
    const sizes = keySizes(this.#cipher, this.#mac);
    const [iv, key, macKey] = sender === 'C' ? (['A', 'C', 'E'] as const) : (['B', 'D', 'F'] as const);
    return {
      iv: deriveKey(this.crypto, material, iv, sizes.iv),
      key: deriveKey(this.crypto, material, key, sizes.key),
      macKey: deriveKey(this.crypto, material, macKey, sizes.macKey),
    };
  }

  material(): KeyMaterial {
    return this.#keyMaterial();
  }

  get #cipher(): string {
    return this.#options.cipher ?? 'aes128-gcm@openssh.com';
  }

  get #mac(): string {
    return this.#options.mac ?? 'hmac-sha2-256';
  }

  get #strict(): boolean {
    return (this.#options.strict ?? true) && (this.#options.victimOptions?.strictKex ?? true);
  }

  #keyMaterial(): KeyMaterial {
    if (this.#material === null || this.sessionId === null) throw new Error('no keys yet');
    return { hash: 'sha256' as const, ...this.#material, sessionId: this.sessionId };
  }

  #useInbound(): void {
    // The victim sends NEWKEYS as soon as it has what it needs; as client we learn that from the reply in front of it.
    const reply = this.receivedOf(KexEcdhReply.number).at(-1);
    if (!this.victimIsClient && reply !== undefined) this.#finishAsClient(KexEcdhReply.decode(reply));
    const keys = this.keys(this.#keyMaterial(), this.victimIsClient ? 'C' : 'S');
    this.decoder.useKeys(createOpener(this.crypto, this.#cipher, this.#mac, keys), this.#strict);
  }

  #finishAsClient({ hostKey, serverValue }: { hostKey: Uint8Array; serverValue: Uint8Array }): void {
    const own = this.#agreement as Agreement;
    const secret = own.derive(serverValue);
    const exchangeHash = this.#hash(this.#inputs(own.publicKey, serverValue, hostKey, secret));
    this.#material = { encodedSecret: new Writer().mpint(secret).finish(), exchangeHash };
    this.sessionId ??= exchangeHash;
  }

  #inputs(client: Uint8Array, server: Uint8Array, hostKey: Uint8Array, secret: Uint8Array): Record<HashInput, Uint8Array> {
    const isServer = this.victimIsClient;
    const [ours, theirs] = [encodeUtf8(this.#version), encodeUtf8(this.#victimVersion)];
    return {
      clientVersion: isServer ? theirs : ours,
      serverVersion: isServer ? ours : theirs,
      clientInit: isServer ? this.#victimInit : this.#ourInit,
      serverInit: isServer ? this.#ourInit : this.#victimInit,
      hostKey: hostKey.slice(),
      clientValue: client.slice(),
      serverValue: server.slice(),
      secret,
    };
  }

  #hash(inputs: Record<HashInput, Uint8Array>): Uint8Array {
    const writer = new Writer();
    for (const part of [
      inputs.clientVersion,
      inputs.serverVersion,
      inputs.clientInit,
      inputs.serverInit,
      inputs.hostKey,
      inputs.clientValue,
      inputs.serverValue,
    ]) {
      writer.string(part);
    }
    return this.crypto.hash('sha256', writer.mpint(inputs.secret).finish());
  }

  #startCompression(): void {
    if ((this.#options.compression ?? 'none') === 'none') return;
    this.encoder.useCompression(new Compressor());
    this.decoder.useDecompression(new Decompressor());
  }
}

const WIDE = { windowBytes: 0x7fff_ffff, maxPacketBytes: 32_768 };

export function authRequest(method: string, data: Uint8Array = new Uint8Array(0), user = 'me'): Uint8Array {
  return UserauthRequest.encode({ user, service: 'ssh-connection', method, data });
}

/** The violation that ended a connection, or what else did. */
export function violationOf(error: SSHError | null): Violation | string | null {
  return error instanceof ProtocolError ? error.violation : (error?.name ?? null);
}
