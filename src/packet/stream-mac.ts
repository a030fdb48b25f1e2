// A cipher in CTR (RFC 4344) or CBC mode with a separate MAC, in both orders. Encrypt-and-MAC (RFC 4253 section 6.4): the MAC
// covers the plaintext and the length is encrypted. Encrypt-then-MAC (the "-etm@openssh.com" names): the length is in clear and
// the MAC covers length and ciphertext, so nothing is decrypted before it has been authenticated.

import { readU32, writeU32 } from '../bytes/bytes.ts';
import type { CryptoProvider, Mac, RunningCipher } from '../crypto/provider.ts';
import type { Opener, Sealer } from './cipher.ts';

/** A cipher that runs on from packet to packet. */
export interface BlockCipher {
  readonly running: RunningCipher;
  readonly blockBytes: number;
  /** CBC: a block decrypts to something of its own wherever it is put, which makes the length field an oracle. */
  readonly chained: boolean;
}

/** A MAC of which only the first bytes are sent (RFC 2104 section 5). */
export function truncated(mac: Mac, bytes: number): Mac {
  return { bytes, compute: (a, b, c) => mac.compute(a, b, c).subarray(0, bytes) };
}

/** The sequence number as the MAC sees it: four bytes in front of the packet. */
class SequenceBytes {
  readonly #bytes = new Uint8Array(4);

  of(sequence: number): Uint8Array {
    writeU32(this.#bytes, 0, sequence);
    return this.#bytes;
  }
}

export function encryptThenMacSealer({ running, blockBytes }: BlockCipher, mac: Mac): Sealer {
  const sequenceBytes = new SequenceBytes();
  return {
    blockBytes,
    clearBytes: 4,
    seal(sequence, packet, outbox) {
      const end = packet.length;
      const target = outbox.reserve(end + mac.bytes);
      target.set(packet.subarray(0, 4));
      running.updateInto(packet.subarray(4), target.subarray(4, end));
      target.set(mac.compute(sequenceBytes.of(sequence), target.subarray(0, end)), end);
    },
  };
}

export function encryptThenMacOpener(crypto: CryptoProvider, { running, blockBytes }: BlockCipher, mac: Mac): Opener {
  const sequenceBytes = new SequenceBytes();
  return {
    blockBytes,
    clearBytes: 4,
    headerBytes: 4,
    tagBytes: mac.bytes,
    length: (_sequence, header) => readU32(header, 0),
    open(sequence, packet) {
      const end = packet.length - mac.bytes;
      const expected = mac.compute(sequenceBytes.of(sequence), packet.subarray(0, end));
      if (!crypto.timingSafeEqual(expected, packet.subarray(end))) return null;
      return running.update(packet.subarray(4, end));
    },
  };
}

export function encryptAndMacSealer({ running, blockBytes }: BlockCipher, mac: Mac): Sealer {
  const sequenceBytes = new SequenceBytes();
  return {
    blockBytes,
    clearBytes: 0,
    seal(sequence, packet, outbox) {
      const end = packet.length;
      const target = outbox.reserve(end + mac.bytes);
      running.updateInto(packet, target.subarray(0, end));
      target.set(mac.compute(sequenceBytes.of(sequence), packet), end);
    },
  };
}

export function encryptAndMacOpener(crypto: CryptoProvider, { running, blockBytes, chained }: BlockCipher, mac: Mac): Opener {
  const sequenceBytes = new SequenceBytes();
  /** The first block, decrypted by `length` because the length is in it; `open` continues behind it. */
  let first: Uint8Array = new Uint8Array(blockBytes);
  return {
    blockBytes,
    clearBytes: 0,
    headerBytes: blockBytes,
    tagBytes: mac.bytes,
    hidesFailures: chained,
    length(_sequence, header) {
      first = running.update(header);
      return readU32(first, 0);
    },
    open(sequence, packet) {
      const end = packet.length - mac.bytes;
      const plain = new Uint8Array(end);
      plain.set(first);
      if (end > blockBytes) running.updateInto(packet.subarray(blockBytes, end), plain.subarray(blockBytes));
      // The MAC is looked at before any byte of the plaintext is, padding included.
      const expected = mac.compute(sequenceBytes.of(sequence), plain);
      if (!crypto.timingSafeEqual(expected, packet.subarray(end))) return null;
      return plain.subarray(4);
    },
  };
}
