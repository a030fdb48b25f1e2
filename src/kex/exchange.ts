// The exchange itself, both sides: two messages, the exchange hash, the host key's signature over it (RFC 4253 section 8,
// RFC 5656 section 4). What the method computes is behind KexScheme, and what it says before is behind Terms; nothing else here
// depends on which one it is.

import { EMPTY } from '../bytes/bytes.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { ProtocolError, SSHError } from '../errors.ts';
import { call, expect, type Flow } from '../flow/flow.ts';
import { keyAlgorithm } from '../keys/certificate-algorithms.ts';
import { decodeOfferedKey, offeredBlob } from '../keys/offered-key.ts';
import type { PublicKey } from '../keys/public-key.ts';
import type { SignatureAlgorithm } from '../keys/signature.ts';
import type { Signer } from '../keys/signer.ts';
import { limits } from '../packet/limits.ts';
import { KexDhInit, KexDhReply, KexEcdhInit, KexEcdhReply, type KexGexInit, type KexGexReply } from '../wire/messages/kex.ts';
import { Writer } from '../wire/writer.ts';
import type { DhGroup } from './dh-group.ts';
import { offerGroup, requestGroup } from './group-exchange.ts';
import type { KexMethod, KexScheme, SchemeMethod } from './method.ts';

const KEY_EXCHANGE_FAILED = 3;
const HOST_KEY_NOT_VERIFIABLE = 9;

/** What went before and enters the exchange hash: identification lines without CR LF, KEXINIT payloads. */
export interface Transcript {
  readonly clientVersion: Uint8Array;
  readonly serverVersion: Uint8Array;
  readonly clientKexInit: Uint8Array;
  readonly serverKexInit: Uint8Array;
}

export interface ExchangeContext {
  readonly crypto: CryptoProvider;
  readonly method: KexMethod;
  readonly hostKeyAlgorithm: string;
  readonly transcript: Transcript;
  /** Client: how strong the ciphers are that the keys are for. Bits. */
  readonly strengthBits: number;
  /** Server: what to pick from in a group exchange. */
  readonly groups: readonly DhGroup[];
  send(payload: Uint8Array): void;
}

/** What both sides know before they compute: by the method's name, or from messages that went before. */
export interface Terms {
  readonly init: typeof KexEcdhInit | typeof KexDhInit | typeof KexGexInit;
  readonly reply: typeof KexEcdhReply | typeof KexDhReply | typeof KexGexReply;
  readonly values: SchemeMethod['values'];
  readonly scheme: KexScheme;
  /** What enters the exchange hash between the host key and the public values. */
  readonly hashed: Uint8Array;
}

/** What the exchange hash needs of the context. */
export interface HashContext extends Pick<ExchangeContext, 'crypto' | 'transcript'> {
  readonly method: Pick<SchemeMethod, 'hash' | 'values'>;
  /** As in {@link Terms}. */
  readonly hashed?: Uint8Array;
}

export interface ExchangeResult {
  readonly exchangeHash: Uint8Array;
  /** K as it enters key derivation. Whoever has derived the keys overwrites it. */
  readonly encodedSecret: Uint8Array;
  readonly hostKey: PublicKey;
  /** The host key's, over the exchange hash: what an agent wants to see of it (OpenSSH PROTOCOL.agent section 1). */
  readonly signature: Uint8Array;
}

/** The client's side. The signature has been verified when this returns; whether the key is the right one has not. */
export function* clientExchange(context: ExchangeContext): Flow<ExchangeResult> {
  const { crypto, method, hostKeyAlgorithm } = context;
  const terms = method.kind === 'scheme' ? schemeTerms(method) : yield* requestGroup(context);
  const half = checked(() => terms.scheme.start(crypto));
  context.send(terms.init.encode({ clientValue: half.value }));
  const { hostKey: blob, serverValue, signature } = yield* expect(terms.reply);
  const hostKey = parseHostKey(crypto, blob, hostKeyAlgorithm);
  const encodedSecret = checked(() => half.finish(serverValue));
  const exchangeHash = hashOf(hashContext(context, terms), blob, half.value, serverValue, encodedSecret);
  if (hostKey.verify(exchangeHash, signature, signatureName(hostKeyAlgorithm)) !== true) {
    throw new ProtocolError('bad-host-key-signature', "the host key's signature over the exchange is wrong", KEY_EXCHANGE_FAILED);
  }
  return { exchangeHash, encodedSecret, hostKey, signature: signature.slice() };
}

/** The server's side. `signer` has the key for the negotiated algorithm. */
export function* serverExchange(context: ExchangeContext, signer: Signer): Flow<ExchangeResult> {
  const { crypto, method, hostKeyAlgorithm } = context;
  const terms = method.kind === 'scheme' ? schemeTerms(method) : yield* offerGroup(context);
  const { clientValue } = yield* expect(terms.init);
  const { value, encodedSecret } = checked(() => terms.scheme.respond(crypto, clientValue));
  const hostKey = signer.publicKey;
  const blob = offeredBlob(hostKey, hostKeyAlgorithm) ?? hostKey.blob;
  const exchangeHash = hashOf(hashContext(context, terms), blob, clientValue, value, encodedSecret);
  const signature = yield* call('sign', () => signer.sign(exchangeHash, signatureName(hostKeyAlgorithm)));
  // A fault in an RSA signature gives the key away to whoever sees it (Ryan et al. 2023), so none leaves unverified.
  if (hostKey.verify(exchangeHash, signature, signatureName(hostKeyAlgorithm)) !== true) {
    throw new SSHError('ERR_SSH_HOST_KEY', 'the host key made a signature that does not verify');
  }
  context.send(terms.reply.encode({ hostKey: blob, serverValue: value, signature }));
  return { exchangeHash, encodedSecret, hostKey, signature };
}

function schemeTerms({ values, scheme }: SchemeMethod): Terms {
  const [init, reply] = values === 'string' ? ([KexEcdhInit, KexEcdhReply] as const) : ([KexDhInit, KexDhReply] as const);
  return { init, reply, values, scheme, hashed: EMPTY };
}

function hashContext({ crypto, transcript, method }: ExchangeContext, { values, hashed }: Terms): HashContext {
  return { crypto, transcript, method: { hash: method.hash, values }, hashed };
}

/** H. `hostKey` is empty where none was sent (RFC 4462 section 2.1). */
export function hashOf(
  { crypto, method, transcript, hashed = EMPTY }: HashContext,
  hostKey: Uint8Array,
  clientValue: Uint8Array,
  serverValue: Uint8Array,
  encodedSecret: Uint8Array,
): Uint8Array {
  const writer = new Writer(4096)
    .string(transcript.clientVersion)
    .string(transcript.serverVersion)
    .string(transcript.clientKexInit)
    .string(transcript.serverKexInit)
    .string(hostKey)
    .raw(hashed);
  if (method.values === 'string') writer.string(clientValue).string(serverValue);
  else writer.mpint(clientValue).mpint(serverValue);
  const exchangeHash = crypto.hash(method.hash, writer.raw(encodedSecret).finish());
  writer.finish().fill(0);
  return exchangeHash;
}

/** What the host key signs with under an agreed name: a certificate's says one thing, its signatures another. */
function signatureName(algorithm: string): SignatureAlgorithm {
  return keyAlgorithm(algorithm)?.signs ?? (algorithm as SignatureAlgorithm);
}

/** @throws ProtocolError unless it is a key for this algorithm, and not too short. */
export function parseHostKey(crypto: CryptoProvider, blob: Uint8Array, algorithm: string): PublicKey {
  let key: PublicKey;
  try {
    key = decodeOfferedKey(blob, algorithm, crypto);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ProtocolError('bad-host-key', `the host key: ${why}`, HOST_KEY_NOT_VERIFIABLE, { cause: error });
  }
  if (key.type === 'ssh-rsa' && key.bits < limits.rsaBits) {
    throw new ProtocolError(
      'bad-host-key',
      `an RSA host key of ${key.bits} bits; ${limits.rsaBits} is the least`,
      HOST_KEY_NOT_VERIFIABLE,
    );
  }
  return key;
}

/** The provider says RangeError where the peer's public value is invalid. */
export function checked<T>(compute: () => T): T {
  try {
    return compute();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new ProtocolError('bad-kex-value', error.message, KEY_EXCHANGE_FAILED, { cause: error });
  }
}
