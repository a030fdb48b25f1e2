// AES-GCM packets: RFC 5647 section 7.3 as OpenSSH names it (aes128-gcm@openssh.com). The length travels in clear as
// associated data. The nonce is a 4-byte fixed part and an 8-byte counter that counts packets under one key: it must never
// repeat, and cannot, because keys are replaced long before 2^64 packets.

import { readU32 } from '../bytes/bytes.ts';
import type { CryptoProvider, GcmCipher } from '../crypto/provider.ts';
import type { Opener, Sealer } from './cipher.ts';

const TAG = 16;

class Nonce {
  readonly bytes: Uint8Array;

  constructor(iv: Uint8Array) {
    this.bytes = iv.slice(0, 12);
  }

  advance(): void {
    for (let i = 11; i >= 4; i--) {
      const next = (this.bytes[i]! + 1) & 0xff;
      this.bytes[i] = next;
      if (next !== 0) return;
    }
  }
}

export function gcmSealer(crypto: CryptoProvider, key: Uint8Array, iv: Uint8Array): Sealer {
  const cipher: GcmCipher = crypto.aesGcm(key);
  const nonce = new Nonce(iv);
  return {
    blockBytes: 16,
    clearBytes: 4,
    seal(_sequence, packet, outbox) {
      const length = packet.subarray(0, 4);
      const target = outbox.reserve(packet.length + TAG);
      target.set(length);
      cipher.seal(nonce.bytes, length, packet.subarray(4), target.subarray(4));
      nonce.advance();
    },
  };
}

export function gcmOpener(crypto: CryptoProvider, key: Uint8Array, iv: Uint8Array): Opener {
  const cipher = crypto.aesGcm(key);
  const nonce = new Nonce(iv);
  return {
    blockBytes: 16,
    clearBytes: 4,
    headerBytes: 4,
    tagBytes: TAG,
    length: (_sequence, header) => readU32(header, 0),
    open(_sequence, packet) {
      const end = packet.length - TAG;
      const body = cipher.open(nonce.bytes, packet.subarray(0, 4), packet.subarray(4, end), packet.subarray(end));
      nonce.advance();
      return body;
    },
  };
}
