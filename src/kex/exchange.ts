// The exchange itself, both sides: two messages, the exchange hash, the host key's signature over it (RFC 4253 section 8,
// RFC 5656 section 4). What the method computes is behind KexScheme; nothing here depends on which one it is.

import type { CryptoProvider } from '../crypto/provider.ts';
import { ProtocolError, SSHError } from '../errors.ts';
import { call, expect, type Flow } from '../flow/flow.ts';
import { PublicKey } from '../keys/public-key.ts';
import { type SignatureAlgorithm, signatureRow } from '../keys/signature.ts';
import type { Signer } from '../keys/signer.ts';
import { limits } from '../packet/limits.ts';
import { KexDhInit, KexDhReply, KexEcdhInit, KexEcdhReply } from '../wire/messages/kex.ts';
import { Writer } from '../wire/writer.ts';
import type { KexMethod } from './method.ts';

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
  send(payload: Uint8Array): void;
}

export interface ExchangeResult {
  readonly exchangeHash: Uint8Array;
  /** K as it enters key derivation. Whoever has derived the keys overwrites it. */
  readonly encodedSecret: Uint8Array;
  readonly hostKey: PublicKey;
}

/** The client's side. The signature has been verified when this returns; whether the key is the right one has not. */
export function* clientExchange(context: ExchangeContext): Flow<ExchangeResult> {
  const { crypto, method, hostKeyAlgorithm } = context;
  const [init, reply] = method.values === 'string' ? [KexEcdhInit, KexEcdhReply] : [KexDhInit, KexDhReply];
  const half = method.scheme.start(crypto);
  context.send(init.encode({ clientValue: half.value }));
  const { hostKey: blob, serverValue, signature } = yield* expect(reply);
  const hostKey = parseHostKey(crypto, blob, hostKeyAlgorithm);
  const encodedSecret = checked(() => half.finish(serverValue));
  const exchangeHash = hashOf(context, blob, half.value, serverValue, encodedSecret);
  if (hostKey.verify(exchangeHash, signature, hostKeyAlgorithm) !== true) {
    throw new ProtocolError('bad-host-key-signature', "the host key's signature over the exchange is wrong", KEY_EXCHANGE_FAILED);
  }
  return { exchangeHash, encodedSecret, hostKey };
}

/** The server's side. `signer` has the key for the negotiated algorithm. */
export function* serverExchange(context: ExchangeContext, signer: Signer): Flow<ExchangeResult> {
  const { crypto, method, hostKeyAlgorithm } = context;
  const [init, reply] = method.values === 'string' ? [KexEcdhInit, KexEcdhReply] : [KexDhInit, KexDhReply];
  const { clientValue } = yield* expect(init);
  const { value, encodedSecret } = checked(() => method.scheme.respond(crypto, clientValue));
  const hostKey = signer.publicKey;
  const exchangeHash = hashOf(context, hostKey.blob, clientValue, value, encodedSecret);
  const signature = yield* call('sign', () => signer.sign(exchangeHash, hostKeyAlgorithm as SignatureAlgorithm));
  // A fault in an RSA signature gives the key away to whoever sees it (Ryan et al. 2023), so none leaves unverified.
  if (hostKey.verify(exchangeHash, signature, hostKeyAlgorithm) !== true) {
    throw new SSHError('ERR_SSH_HOST_KEY', 'the host key made a signature that does not verify');
  }
  context.send(reply.encode({ hostKey: hostKey.blob, serverValue: value, signature }));
  return { exchangeHash, encodedSecret, hostKey };
}

function hashOf(
  { crypto, method, transcript }: ExchangeContext,
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
    .string(hostKey);
  if (method.values === 'string') writer.string(clientValue).string(serverValue);
  else writer.mpint(clientValue).mpint(serverValue);
  const exchangeHash = crypto.hash(method.hash, writer.raw(encodedSecret).finish());
  writer.finish().fill(0);
  return exchangeHash;
}

function parseHostKey(crypto: CryptoProvider, blob: Uint8Array, algorithm: string): PublicKey {
  let key: PublicKey;
  try {
    key = PublicKey.parse(blob, crypto);
  } catch (error) {
    throw new ProtocolError('bad-host-key', 'the host key cannot be read', HOST_KEY_NOT_VERIFIABLE, { cause: error });
  }
  if (signatureRow(algorithm)?.keyType !== key.type) {
    throw new ProtocolError('bad-host-key', `a ${key.type} host key where ${algorithm} was agreed`, HOST_KEY_NOT_VERIFIABLE);
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
function checked<T>(compute: () => T): T {
  try {
    return compute();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new ProtocolError('bad-kex-value', error.message, KEY_EXCHANGE_FAILED, { cause: error });
  }
}
