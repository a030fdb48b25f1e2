// Encoding and decoding of every message: one undoes the other, and any bytes give a value or a ProtocolError, never anything else
// (for requests: a value or null).
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat, decodeUtf8, encodeUtf8, fromBase64, toBase64 } from '../../src/bytes/bytes.ts';
import { decodeMpint, encodeMpint, stripLeadingZeros } from '../../src/bytes/mpint.ts';
import { ProtocolError } from '../../src/errors.ts';
import { DecodeError, Reader } from '../../src/wire/reader.ts';
import * as requests from '../../src/wire/requests.ts';
import { Writer } from '../../src/wire/writer.ts';
import { allMessages, asciiName, blob, valuesFor } from '../support/message-tables.ts';
import { runs } from '../support/runs.ts';

it('knows all the messages', () => {
  expect(allMessages.length).toBeGreaterThanOrEqual(35);
  expect(new Set(allMessages.map((message) => message.name)).size).toBe(allMessages.length);
});

/** Views and Maps aside, what is equal. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return `bytes ${Buffer.from(value).toString('hex')}`;
  if (value instanceof Map) return [...value].map(plain);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]));
  return value;
}

describe.each(allMessages.map((message) => [message.name, message] as const))('%s', (_name, message) => {
  it('comes out as it went in', () => {
    fc.assert(
      fc.property(valuesFor(message), (values) => {
        const payload = message.encode(values);
        expect(payload[0]).toBe(message.number);
        expect(plain(message.decode(payload))).toEqual(plain(values));
      }),
      runs(60),
    );
  });

  it('is a value or a ProtocolError, whatever the bytes are', () => {
    const number = Uint8Array.of(message.number);
    const close = valuesFor(message).chain((values) => {
      const payload = message.encode(values).slice();
      return fc
        .tuple(fc.constant(payload), fc.nat(payload.length), fc.nat(payload.length - 1), fc.nat(255), fc.boolean())
        .map(([bytes, end, at, byte, cut]) => {
          const changed = bytes.slice(0, cut ? end : bytes.length);
          if (at < changed.length) changed[at] = byte;
          return changed;
        });
    });
    const any = fc.oneof(
      close,
      blob(100).map((bytes) => concat(number, bytes)),
      blob(100),
    );
    fc.assert(
      fc.property(any, (payload) => {
        try {
          const values = message.decode(payload);
          // What decodes can be said again, if not always in the same bytes.
          expect(plain(message.decode(message.encode(values)))).toEqual(plain(values));
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
          expect((error as ProtocolError).violation).toBe('malformed-message');
        }
      }),
      runs(100),
    );
  });

  it('is not itself with a byte more', () => {
    const last = Object.keys(message.fields).at(-1) as string;
    // What ends with "all the rest", or with a language that may be missing, has no end of its own.
    if (last === 'data' || last === 'language') return;
    fc.assert(
      fc.property(valuesFor(message), (values) => {
        expect(() => message.decode(concat(message.encode(values), Uint8Array.of(0)))).toThrow(ProtocolError);
      }),
      runs(20),
    );
  });
});

interface AnyPayload {
  encode(values: never): Uint8Array;
  decode(data: Uint8Array): unknown;
}

describe.each(Object.entries(requests) as [string, AnyPayload][])('%s', (_name, payload) => {
  it('is a value or null, whatever the bytes are', () => {
    const words = fc.array(fc.oneof(fc.nat(8), fc.nat(0xffff_ffff)), { maxLength: 12 }).map((numbers) => {
      const writer = new Writer();
      for (const number of numbers) writer.u32(number);
      return writer.finish();
    });
    fc.assert(
      fc.property(fc.oneof(blob(80), words), (data) => {
        const values = payload.decode(data);
        if (values === null) return;
        expect(plain(payload.decode(payload.encode(values as never)))).toEqual(plain(values));
      }),
      runs(200),
    );
  });
});

describe('an mpint', () => {
  const toBigInt = (bytes: Uint8Array): bigint => BigInt(`0x0${Buffer.from(bytes).toString('hex')}`);

  it('is the number that went in, in its shortest form', () => {
    fc.assert(
      fc.property(blob(140), (bytes) => {
        const content = encodeMpint(bytes);
        const back = decodeMpint(content);
        expect(back).not.toBeNull();
        expect(toBigInt(back as Uint8Array)).toBe(toBigInt(bytes));
        // RFC 4251 section 5, in words of its own: two's complement, nothing superfluous in front, zero is empty.
        const number = toBigInt(bytes);
        const least = number === 0n ? 0 : Math.floor(number.toString(2).length / 8) + 1;
        expect(content).toHaveLength(least);
      }),
      runs(1_000),
    );
  });

  it('has one form only: what decodes encodes to the same bytes', () => {
    fc.assert(
      fc.property(blob(20), (content) => {
        const value = decodeMpint(content);
        if (value === null) return;
        expect(Buffer.compare(encodeMpint(value), content)).toBe(0);
        expect(stripLeadingZeros(value)).toHaveLength(value.length);
      }),
      runs(1_000),
    );
  });

  it('is as the RFC has it in its examples', () => {
    const cases: [string, string][] = [
      ['', ''],
      ['09a378f9b2e332a7', '09a378f9b2e332a7'],
      ['80', '0080'],
      ['0000', ''],
      ['00ff', '00ff'],
    ];
    for (const [number, content] of cases) {
      expect(Buffer.from(encodeMpint(Buffer.from(number, 'hex'))).toString('hex')).toBe(content);
    }
    for (const bad of ['00', '0001', '80', 'ff', 'edcc']) expect(decodeMpint(Buffer.from(bad, 'hex'))).toBeNull();
  });
});

describe('a name-list', () => {
  it('comes out as it went in, and an empty one too', () => {
    fc.assert(
      fc.property(fc.array(asciiName, { maxLength: 100 }), (names) => {
        expect(new Reader(new Writer().nameList(names).finish()).nameList()).toEqual(names);
      }),
      runs(300),
    );
  });

  it('is a list of names or a DecodeError, whatever the bytes are', () => {
    fc.assert(
      fc.property(blob(60), (bytes) => {
        try {
          const names = new Reader(new Writer().string(bytes).finish()).nameList();
          expect(names.join(',').length).toBeLessThanOrEqual(bytes.length);
          for (const name of names) expect(name).toMatch(/^[!-+\--~]+$/);
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
        }
      }),
      runs(500),
    );
  });

  it('has at most 1024 names in 16 KiB', () => {
    const read = (text: string) => new Reader(new Writer().string(text).finish()).nameList();
    expect(read(Array.from({ length: 1_024 }, () => 'abc').join(','))).toHaveLength(1_024);
    expect(() => read(Array.from({ length: 1_025 }, () => 'abc').join(','))).toThrow(DecodeError);
    expect(read('x'.repeat(16_384))).toHaveLength(1);
    expect(() => read('x'.repeat(16_385))).toThrow(DecodeError);
  });
});

describe('text', () => {
  it('is the same after UTF-8 and back, and base64 and back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), blob(), (string, bytes) => {
        expect(decodeUtf8(encodeUtf8(string))).toBe(string);
        expect(toBase64(bytes)).toBe(Buffer.from(bytes).toString('base64'));
        expect(Buffer.compare(fromBase64(toBase64(bytes)) as Uint8Array, bytes)).toBe(0);
      }),
      runs(300),
    );
  });
});
