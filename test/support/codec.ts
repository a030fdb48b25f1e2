// Every way in which a packet can be protected, with fixed keys, for tests of the codec alone.

import { concat } from '../../src/bytes/bytes.ts';
import { Outbox } from '../../src/bytes/outbox.ts';
import type { Opener, Sealer } from '../../src/packet/cipher.ts';
import { ciphers, createOpener, createSealer, isAead, keySizes } from '../../src/packet/ciphers.ts';
import { macs } from '../../src/packet/macs.ts';
import { plainOpener, plainSealer } from '../../src/packet/plain.ts';
import { Dice, seededCrypto } from './seeded-crypto.ts';

export interface Mode {
  readonly name: string;
  sealer(): Sealer;
  opener(): Opener;
}

/** No protection, each cipher that authenticates, each other cipher with each MAC. */
export const modes: readonly Mode[] = [
  { name: 'plain', sealer: () => plainSealer, opener: () => plainOpener },
  ...ciphers.flatMap(({ name: cipher }) =>
    (isAead(cipher) ? [''] : macs.map(({ name }) => name)).map((mac) => {
      const crypto = seededCrypto(1);
      const sizes = keySizes(cipher, mac);
      const keys = () => {
        const dice = new Dice(4711);
        return { key: dice.bytes(sizes.key), iv: dice.bytes(sizes.iv), macKey: dice.bytes(sizes.macKey) };
      };
      return {
        name: mac === '' ? cipher : `${cipher} ${mac}`,
        sealer: () => createSealer(crypto, cipher, mac, keys()),
        opener: () => createOpener(crypto, cipher, mac, keys()),
      };
    }),
  ),
];

/** What a sealer makes of `packet_length || padding_length || payload || padding`, none of which it looks at. */
export function sealed(sealer: Sealer, packet: Uint8Array, sequence = 0): Uint8Array {
  const outbox = new Outbox();
  sealer.seal(sequence, packet, outbox);
  return concat(...outbox.take());
}
