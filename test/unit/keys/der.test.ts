// The DER reader: strict, bounded, total; and the writers, which produce what it reads.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DerReader, der, isOneSequence } from '../../../src/keys/formats/der.ts';
import { DecodeError } from '../../../src/wire/reader.ts';

const reader = (...bytes: number[]): DerReader => new DerReader(Uint8Array.from(bytes));

describe('DerReader', () => {
  it('reads what the writers write', () => {
    for (const length of [0, 1, 127, 128, 255, 256, 65_535, 65_536]) {
      const bytes = new Uint8Array(length).fill(7);
      expect(new DerReader(der.octetString(bytes)).octetString()).toEqual(bytes);
    }
    for (const oid of ['1.2.840.113549.1.1.1', '1.3.101.112', '2.16.840.1.101.3.4.1.42', '1.3.6.1.4.1.11591.4.11', '2.999.3']) {
      expect(new DerReader(der.oid(oid)).oid()).toBe(oid);
    }
    const outer = new DerReader(der.sequence(der.integer(Uint8Array.of(0)), der.integer(Uint8Array.of(0x80)), der.null()));
    const inner = outer.sequence();
    expect(inner.smallInteger()).toBe(0);
    expect(inner.smallInteger()).toBe(0x80);
    inner.null();
    inner.end();
    outer.end();
  });

  it.each([
    ['an indefinite length', [0x04, 0x80, 0, 0]],
    ['a long form of a short length', [0x04, 0x81, 0x01, 0]],
    ['a length with leading zeros', [0x04, 0x82, 0x00, 0x80, ...new Array<number>(128).fill(0)]],
    ['a length of four bytes', [0x04, 0x84, 0, 0, 0, 1, 0]],
    ['a length beyond the end', [0x04, 0x02, 0]],
    ['no length', [0x04]],
    ['nothing', []],
    ['another tag', [0x05, 0]],
    ['a constructed string', [0x24, 0x00]],
  ])('refuses %s', (_what, bytes) => {
    expect(() => reader(...bytes).octetString()).toThrow(DecodeError);
  });

  it('refuses integers that are empty, negative, padded or too large', () => {
    for (const bytes of [[], [0x80], [0, 0], [0, 0x7f]]) {
      expect(() => reader(0x02, bytes.length, ...bytes).integer()).toThrow(DecodeError);
    }
    expect(() => reader(0x02, 5, 1, 0, 0, 0, 0).smallInteger()).toThrow(DecodeError);
    expect(reader(0x02, 5, 0, 0xff, 0xff, 0xff, 0xff).smallInteger()).toBe(0xffff_ffff);
  });

  it('refuses malformed object identifiers and bit strings', () => {
    for (const bytes of [[], [0x80, 1], [0x2a, 0x86], [0x2a, 0x80, 1], [0xff, 0xff, 0xff, 0xff, 0x7f]]) {
      expect(() => reader(0x06, bytes.length, ...bytes).oid()).toThrow(DecodeError);
    }
    expect(() => reader(0x03, 0).bitString()).toThrow(DecodeError);
    expect(() => reader(0x03, 2, 1, 0).bitString()).toThrow(DecodeError);
    expect(() => reader(0x05, 1, 0).null()).toThrow(DecodeError);
  });

  it('bounds the nesting', () => {
    let bytes: Uint8Array = der.null();
    for (let i = 0; i < 100; i++) bytes = der.sequence(bytes);
    expect(() => {
      let inner = new DerReader(bytes);
      for (;;) inner = inner.sequence();
    }).toThrow(/nested/);
  });

  it('isOneSequence is total and exact', () => {
    expect(isOneSequence(der.sequence(der.null()))).toBe(true);
    expect(isOneSequence(der.null())).toBe(false);
    expect(isOneSequence(Uint8Array.of(0x30, 0, 0))).toBe(false);
    fc.assert(fc.property(fc.uint8Array(), (bytes) => typeof isOneSequence(bytes) === 'boolean'));
  });
});
