// AES-CTR (RFC 4344) with a separate MAC, in both orders. Encrypt-and-MAC (RFC 4253 section 6.4): the MAC covers the
// plaintext and the length is encrypted. Encrypt-then-MAC (the "-etm@openssh.com" names): the length is in clear and the MAC
// covers length and ciphertext, so nothing is decrypted before it has been authenticated.

import { readU32, writeU32 } from '../bytes/bytes.ts';
import type { CryptoProvider, Mac, RunningCipher } from '../crypto/provider.ts';
import type { Opener, Sealer } from './cipher.ts';

const BLOCK = 16;

/** The sequence number as the MAC sees it: four bytes in front of the packet. */
class SequenceBytes {
  readonly #bytes = new Uint8Array(4);

  of(sequence: number): Uint8Array {
    writeU32(this.#bytes, 0, sequence);
    return this.#bytes;
  }
}

export function encryptThenMacSealer(cipher: RunningCipher, mac: Mac): Sealer {
  const sequenceBytes = new SequenceBytes();
  return {
    blockBytes: BLOCK,
    clearBytes: 4,
    seal(sequence, packet, outbox) {
      const length = packet.subarray(0, 4);
      const ciphertext = cipher.update(packet.subarray(4));
      outbox.push(length);
      outbox.push(ciphertext);
      outbox.push(mac.compute(sequenceBytes.of(sequence), length, ciphertext).slice());
    },
  };
}

export function encryptThenMacOpener(crypto: CryptoProvider, cipher: RunningCipher, mac: Mac): Opener {
  const sequenceBytes = new SequenceBytes();
  return {
    blockBytes: BLOCK,
    clearBytes: 4,
    headerBytes: 4,
    tagBytes: mac.bytes,
    length: (_sequence, header) => readU32(header, 0),
    open(sequence, packet) {
      const end = packet.length - mac.bytes;
      const expected = mac.compute(sequenceBytes.of(sequence), packet.subarray(0, end));
      if (!crypto.timingSafeEqual(expected, packet.subarray(end))) return null;
      return cipher.update(packet.subarray(4, end));
    },
  };
}

export function encryptAndMacSealer(cipher: RunningCipher, mac: Mac): Sealer {
  const sequenceBytes = new SequenceBytes();
  return {
    blockBytes: BLOCK,
    clearBytes: 0,
    seal(sequence, packet, outbox) {
      const tag = mac.compute(sequenceBytes.of(sequence), packet).slice();
      outbox.push(cipher.update(packet));
      outbox.push(tag);
    },
  };
}

export function encryptAndMacOpener(crypto: CryptoProvider, cipher: RunningCipher, mac: Mac): Opener {
  const sequenceBytes = new SequenceBytes();
  /** The first block, decrypted by `length` because the length is in it; `open` continues behind it. */
  let first: Uint8Array = new Uint8Array(BLOCK);
  return {
    blockBytes: BLOCK,
    clearBytes: 0,
    headerBytes: BLOCK,
    tagBytes: mac.bytes,
    length(_sequence, header) {
      first = cipher.update(header);
      return readU32(first, 0);
    },
    open(sequence, packet) {
      const end = packet.length - mac.bytes;
      const plain = new Uint8Array(end);
      plain.set(first);
      if (end > BLOCK) plain.set(cipher.update(packet.subarray(BLOCK, end)), BLOCK);
      // The MAC is looked at before any byte of the plaintext is, padding included.
      const expected = mac.compute(sequenceBytes.of(sequence), plain);
      if (!crypto.timingSafeEqual(expected, packet.subarray(end))) return null;
      return plain.subarray(4);
    },
  };
}
