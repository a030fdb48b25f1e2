// chacha20-poly1305@openssh.com packets (OpenSSH PROTOCOL.chacha20poly1305): the length is encrypted under its own key, the
// sequence number is the nonce, the tag covers the encrypted length and body.

import type { CryptoProvider } from '../crypto/provider.ts';
import type { Opener, Sealer } from './cipher.ts';

const TAG = 16;

export function chachaSealer(crypto: CryptoProvider, key: Uint8Array): Sealer {
  const cipher = crypto.chachaPoly(key);
  return {
    blockBytes: 8,
    clearBytes: 4,
    seal(sequence, packet, outbox) {
      cipher.seal(sequence, packet, outbox.reserve(packet.length + TAG));
    },
  };
}

export function chachaOpener(crypto: CryptoProvider, key: Uint8Array): Opener {
  const cipher = crypto.chachaPoly(key);
  return {
    blockBytes: 8,
    clearBytes: 4,
    headerBytes: 4,
    tagBytes: TAG,
    length: (sequence, header) => cipher.openLength(sequence, header),
    open: (sequence, packet) => cipher.open(sequence, packet),
  };
}
