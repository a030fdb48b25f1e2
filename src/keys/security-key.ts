// Signatures made by FIDO devices (OpenSSH PROTOCOL.u2f): what the device signs is not the message but the hash of what the key
// was made for, flags, a counter and the hash of the message; in the WebAuthn form, of a JSON text that a browser has made
// around the message. Flags and counter follow the signature. Decoding is total: anything malformed is null.

import { concat, decodeText, encodeUtf8, readU32, toBase64, writeU32 } from '../bytes/bytes.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { DecodeError, Reader } from '../wire/reader.ts';
import { decodeEcdsa, WEBAUTHN } from './signature.ts';

/** Bits of the device's flags (CTAP2 section 6.1, WebAuthn section 6.1). */
const USER_PRESENT = 0x01;
const USER_VERIFIED = 0x04;
const ATTESTED = 0x40;
const HAS_EXTENSIONS = 0x80;

/** What a device says about how it came to sign. */
export interface SecurityKeyFacts {
  /** Somebody touched it. */
  readonly userPresent: boolean;
  /** It asked for a PIN or a finger. */
  readonly userVerified: boolean;
  readonly counter: number;
}

/** A device's signature taken apart: what the key signed, the raw signature, and what the device says. */
export interface SecurityKeySignature {
  readonly signed: Uint8Array;
  readonly raw: Uint8Array;
  readonly facts: SecurityKeyFacts;
}

/** Null where the signature is not of exactly this algorithm, or does not speak of `message`. */
export function decodeSecurityKeySignature(
  signature: Uint8Array,
  algorithm: string,
  application: string,
  message: Uint8Array,
  crypto: CryptoProvider,
): SecurityKeySignature | null {
  try {
    const reader = new Reader(signature);
    if (reader.name() !== algorithm) return null;
    const inner = reader.string();
    const flags = reader.u8();
    const counter = reader.u32();
    const raw = algorithm.includes('ecdsa') ? decodeEcdsa(inner, 32) : inner.length === 64 ? inner : null;
    if (raw === null) return null;
    let extensions: Uint8Array = new Uint8Array(0);
    let text = message;
    if (algorithm === WEBAUTHN) {
      const origin = reader.string();
      text = reader.string();
      extensions = reader.string();
      if (!speaksOf(text, message, origin)) return null;
      // A signature is no place for a new key, and the bit for extensions says whether there are some.
      if ((flags & ATTESTED) !== 0 || ((flags & HAS_EXTENSIONS) !== 0) !== extensions.length > 0) return null;
    }
    reader.end();
    const stamp = Uint8Array.of(flags, 0, 0, 0, 0);
    writeU32(stamp, 1, counter);
    const hash = (data: Uint8Array) => crypto.hash('sha256', data);
    return {
      signed: concat(hash(encodeUtf8(application)), stamp, extensions, hash(text)),
      raw,
      facts: {
        userPresent: (flags & USER_PRESENT) !== 0,
        userVerified: (flags & USER_VERIFIED) !== 0,
        counter: readU32(stamp, 1),
      },
    };
  } catch (error) {
    if (error instanceof DecodeError) return null;
    throw error;
  }
}

/** Browsers write these members first and in this order (WebAuthn section 5.8.1.1), so no JSON needs to be parsed. */
function speaksOf(clientData: Uint8Array, message: Uint8Array, origin: Uint8Array): boolean {
  const site = decodeText(origin);
  // A quote could end the string early and bring another member in.
  if (/["\\]/.test(site)) return false;
  const challenge = toBase64(message).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
  return decodeText(clientData).startsWith(`{"type":"webauthn.get","challenge":"${challenge}","origin":"${site}"`);
}
