// The packet codec: whatever goes into the encoder comes out of the decoder, in every mode, at every size, with and without
// compression, in every split.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat } from '../../src/bytes/bytes.ts';
import { Outbox } from '../../src/bytes/outbox.ts';
import { Compressor, Decompressor } from '../../src/packet/compression.ts';
import { PacketDecoder } from '../../src/packet/decoder.ts';
import { PacketEncoder } from '../../src/packet/encoder.ts';
import { modes } from '../support/codec.ts';
import { runs } from '../support/runs.ts';
import { Dice, seededCrypto } from '../support/seeded-crypto.ts';

const sizes = fc.array(
  fc.oneof(fc.integer({ min: 1, max: 70 }), fc.integer({ min: 1, max: 40_000 }), fc.constantFrom(1, 32_768, 40_000)),
  {
    minLength: 1,
    maxLength: 6,
  },
);

describe.each(modes.map((mode) => [mode.name, mode] as const))('%s', (_name, mode) => {
  it.each([false, true])('gives back what went in (compression: %s)', (compressed) => {
    fc.assert(
      fc.property(sizes, fc.nat(), (list, seed) => {
        const dice = new Dice(seed);
        const outbox = new Outbox();
        const encoder = new PacketEncoder(seededCrypto(seed), outbox);
        const decoder = new PacketDecoder();
        encoder.useKeys(mode.sealer(), true);
        decoder.useKeys(mode.opener(), true);
        decoder.liftLimit();
        if (compressed) {
          encoder.useCompression(new Compressor());
          decoder.useDecompression(new Decompressor());
        }
        const payloads = list.map((size) => (dice.once(2) ? dice.bytes(size) : new Uint8Array(size).fill(size)));
        for (const [index, payload] of payloads.entries()) {
          if (index % 2 === 0) encoder.send(payload);
          else encoder.sendChannelData(5, index % 4 === 1 ? 0 : 1, payload);
        }
        const bytes = concat(...outbox.take());
        const out: Uint8Array[] = [];
        for (let at = 0; at < bytes.length; ) {
          const count = dice.pick([1, 1 + dice.below(20), 1 + dice.below(20_000), bytes.length]);
          decoder.input.push(bytes.subarray(at, at + count));
          at += count;
          for (let payload = decoder.next(); payload !== null; payload = decoder.next()) out.push(payload);
        }
        expect(out).toHaveLength(payloads.length);
        for (const [index, payload] of payloads.entries()) {
          const head = index % 2 === 0 ? 0 : index % 4 === 1 ? 9 : 13;
          const got = out[index] as Uint8Array;
          expect(Buffer.compare(got.subarray(head), payload)).toBe(0);
          if (head > 0)
            expect([got[0], got[4], Buffer.from(got).readUInt32BE(head - 4)]).toEqual([head === 9 ? 94 : 95, 5, payload.length]);
        }
        expect(decoder.input.length).toBe(0);
        expect([decoder.packets, decoder.sequence]).toEqual([encoder.packets, encoder.sequence]);
        // Whole blocks, and never less than 16 bytes (RFC 4253 section 6).
        expect(bytes.length).toBeGreaterThanOrEqual(16 * payloads.length);
      }),
      runs(compressed ? 12 : 25),
    );
  });

  it('seals every size from 1 to 300', () => {
    const outbox = new Outbox();
    const encoder = new PacketEncoder(seededCrypto(1), outbox);
    const decoder = new PacketDecoder();
    encoder.useKeys(mode.sealer(), true);
    decoder.useKeys(mode.opener(), true);
    for (let size = 1; size <= 300; size++) {
      encoder.send(new Uint8Array(size).fill(size & 0xff));
      decoder.input.push(concat(...outbox.take()));
      expect(decoder.next()).toHaveLength(size);
    }
  });
});
