// The binary packet protocol under attack, in every mode: lengths that lie (libssh2 CVE-2019-3855, russh CVE-2024-43410), padding that
// lies, payloads that are not there, and packets whose MAC is right and whose content is not (Go CVE-2021-43565).
import { describe, expect, it } from 'vitest';
import { concat, writeU32 } from '../../src/bytes/bytes.ts';
import { ProtocolError, type Violation } from '../../src/errors.ts';
import { PacketDecoder } from '../../src/packet/decoder.ts';
import { Ignore } from '../../src/wire/messages/transport.ts';
import { Attacker } from '../support/attacker.ts';
import { type Mode, modes, sealed } from '../support/codec.ts';
import { expectViolation } from '../support/death.ts';
import { Dice } from '../support/seeded-crypto.ts';

function decoderFor(mode: Mode): PacketDecoder {
  const decoder = new PacketDecoder();
  decoder.useKeys(mode.opener(), false);
  return decoder;
}

/** packet_length || padding_length || the rest, as long as `total` says, whatever `length` says. */
function packet(length: number, padding: number, total: number): Uint8Array {
  const bytes = new Uint8Array(total).fill(7);
  writeU32(bytes, 0, length);
  if (total > 4) bytes[4] = padding;
  return bytes;
}

/** As many bytes as any packet has before the login: then those modes give up that hide where a packet failed. */
const longest = new Uint8Array(35_100);

function violationIn(decoder: PacketDecoder, bytes: Uint8Array, hides: boolean): Violation | null {
  decoder.input.push(bytes);
  try {
    if (decoder.next() === null && hides) {
      decoder.input.push(longest);
      decoder.next();
    }
    return null;
  } catch (error) {
    // Anything else has escaped.
    expect(error).toBeInstanceOf(ProtocolError);
    return (error as ProtocolError).violation;
  }
}

function throws(step: () => unknown): boolean {
  try {
    step();
    return false;
  } catch {
    return true;
  }
}

/** The least length of a packet in which all that is encrypted is whole blocks. */
function least(mode: Mode): number {
  const { blockBytes, clearBytes } = mode.opener();
  let length = 12;
  while ((length + 4 - clearBytes) % blockBytes !== 0) length++;
  return length;
}

describe.each(modes.map((mode) => [mode.name, mode] as const))('%s', (_name, mode) => {
  const { blockBytes, clearBytes, tagBytes } = mode.opener();
  const hides = mode.opener().hidesFailures === true;
  /** Where it is hidden what is wrong, all that ever comes is what a wrong MAC brings. */
  const said = (violation: Violation): Violation => (hides ? 'mac-mismatch' : violation);
  const violationOf = (bytes: Uint8Array, decoder = decoderFor(mode)) => violationIn(decoder, bytes, hides);
  const aligned = (length: number): boolean => (length + 4 - clearBytes) % blockBytes === 0;

  it.each([0, 1, 4, 5])('refuses a packet_length of %i before it looks further', (length) => {
    expect(violationOf(sealed(mode.sealer(), packet(length, 4, 32 + clearBytes)))).toBe(said('packet-too-short'));
  });

  it.each([35_001, 2 ** 18 + 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1])('refuses a packet_length of %i at its header', (length) => {
    const decoder = decoderFor(mode);
    const header = sealed(mode.sealer(), packet(length, 4, 32 + clearBytes)).subarray(0, mode.opener().headerBytes);
    const before = process.memoryUsage().arrayBuffers;
    expect(violationOf(header, decoder)).toBe(said('packet-too-long'));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_048_576);
  });

  it('refuses a packet_length that is not whole blocks', () => {
    for (let length = 11; length < 64; length++) {
      const violation = violationOf(sealed(mode.sealer(), packet(length, 4, 32 + clearBytes)).subarray(0, 20));
      if (length < least(mode) && !aligned(length))
        expect([said('packet-too-short'), said('packet-misaligned')]).toContain(violation);
      else if (!aligned(length)) expect(violation).toBe(said('packet-misaligned'));
      else if (length >= least(mode)) expect(['packet-misaligned', 'packet-too-short']).not.toContain(violation);
    }
  });

  it('refuses padding of 0 to 3 bytes, and more than there is, after a MAC that is right', () => {
    const length = least(mode) + blockBytes;
    const total = length + 4;
    expect(aligned(length)).toBe(true);
    for (const padding of [0, 1, 2, 3, length, length + 1, 255]) {
      expect(violationOf(sealed(mode.sealer(), packet(length, padding, total))), `${padding}`).toBe('bad-padding');
    }
    expect(violationOf(sealed(mode.sealer(), packet(length, length - 1, total)))).toBe('empty-payload');
    expect(violationOf(sealed(mode.sealer(), packet(length, length - 2, total)))).toBeNull();
  });

  it.each([0, 1, 2, 3, 4, 5])('survives a right MAC around %i bytes', (count) => {
    const violation = violationOf(sealed(mode.sealer(), packet(count, 0, 4 + count + (clearBytes === 0 ? 16 - 4 - count : 0))));
    // Where the header is longer than the packet it waits for more, and what comes is no better.
    if (violation === null) expect(4 + count + tagBytes).toBeLessThan(mode.opener().headerBytes);
    else expect(violation).toBe(said('packet-too-short'));
  });

  it.runIf(tagBytes > 0)('finds every bit that was turned', () => {
    const length = least(mode) + blockBytes;
    const good = sealed(mode.sealer(), packet(length, 5, length + 4));
    expect(violationOf(good)).toBeNull();
    const dice = new Dice(1);
    for (let at = mode.opener().headerBytes; at < good.length; at++) {
      const bad = good.slice();
      bad[at] = (bad[at] as number) ^ (1 << dice.below(8));
      expect(violationOf(bad)).toBe('mac-mismatch');
    }
  });

  it('says the same for a wrong MAC, whatever the padding is', () => {
    if (tagBytes === 0) return;
    const length = least(mode) + blockBytes;
    const errors = [0, 5, 255].map((padding) => {
      const bad = sealed(mode.sealer(), packet(length, padding, length + 4));
      bad[bad.length - 1] = (bad.at(-1) as number) ^ 1;
      const decoder = decoderFor(mode);
      decoder.input.push(bad);
      if (hides) decoder.input.push(longest);
      try {
        decoder.next();
      } catch (error) {
        return error as ProtocolError;
      }
      throw new Error('it was accepted');
    });
    expect(new Set(errors.map((error) => `${error.violation} ${error.message} ${error.disconnectReason}`)).size).toBe(1);
    expect(errors[0]?.disconnectReason).toBe(5);
  });

  it.runIf(hides)('waits for as many bytes after a bad length as after a wrong MAC', () => {
    const length = least(mode) + blockBytes;
    const wrongMac = sealed(mode.sealer(), packet(length, 5, length + 4));
    wrongMac[wrongMac.length - 1] = (wrongMac.at(-1) as number) ^ 1;
    const bad = [0, 13, 35_001, 2 ** 32 - 1].map((lie) => sealed(mode.sealer(), packet(lie, 4, 32)));
    const needed = [wrongMac, ...bad].map((first) => {
      const decoder = decoderFor(mode);
      const all = concat(first, longest);
      for (let at = 0; at < all.length; at++) {
        // Most of it in one piece, and then byte by byte.
        const next = at === 0 ? 34_000 : at + 1;
        decoder.input.push(all.slice(at, next));
        at = next - 1;
        if (throws(() => decoder.next())) return next;
      }
      throw new Error('it was accepted');
    });
    expect(new Set(needed).size).toBe(1);
    expect(needed[0]).toBe(Math.floor(35_004 / blockBytes) * blockBytes + tagBytes);
  });

  it('takes 256 KiB only once the limit is lifted', () => {
    const blocks = Math.floor(262_000 / blockBytes) * blockBytes;
    const length = clearBytes === 4 ? blocks : blocks - 4;
    const big = sealed(mode.sealer(), packet(length, 10, length + 4));
    expect(violationOf(big)).toBe(said('packet-too-long'));
    const decoder = decoderFor(mode);
    decoder.liftLimit();
    decoder.input.push(big);
    expect(decoder.next()).toHaveLength(length - 11);
  });

  it.runIf(tagBytes > 0)('refuses a packet that is sent again', () => {
    const length = least(mode);
    const sealer = mode.sealer();
    const one = sealed(sealer, packet(length, 4, length + 4), 0);
    const decoder = decoderFor(mode);
    expect(violationOf(one, decoder)).toBeNull();
    // A cipher that runs on reads another length out of it, the others find that it does not fit.
    expect(violationOf(one, decoder)).toMatch(/^(mac-mismatch|packet-)/);
  });
});

describe.each(['client', 'server'] as const)('a %s', (victim) => {
  const cases: readonly [Violation, number, Uint8Array][] = [
    ['packet-too-long', 2, packet(35_001, 4, 16)],
    ['packet-too-short', 2, packet(4, 4, 16)],
    ['packet-misaligned', 2, packet(13, 4, 24)],
    ['bad-padding', 2, packet(12, 3, 16)],
    ['empty-payload', 2, packet(12, 11, 16)],
  ];

  it.each(cases)('dies of %s', (violation, reason, bytes) => {
    const attacker = new Attacker({ victim }).reach('kexinit').raw(bytes);
    expectViolation(attacker, violation, reason);
  });

  it('dies of a wrong MAC with reason 5', () => {
    const attacker = new Attacker({ victim }).reach('open');
    attacker.encoder.send(Ignore.encode({ data: new Uint8Array(3) }));
    const bytes = new Uint8Array(Buffer.concat(attacker.outbox.take()));
    bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1;
    attacker.raw(bytes);
    expectViolation(attacker, 'mac-mismatch', 5);
  });

  it('takes 35,000 bytes and no more before the login', () => {
    const attacker = new Attacker({ victim }).reach('service');
    attacker.send(Ignore.encode({ data: new Uint8Array(34_900) }));
    expect(attacker.victim.error).toBeNull();
    attacker.send(Ignore.encode({ data: new Uint8Array(35_000) }));
    expectViolation(attacker, 'packet-too-long');
  });
});
