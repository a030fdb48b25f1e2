// The SFTP protocol's values: encoding undoes decoding, names lose nothing, any bytes give a value or the one error, and packets
// come out of a stream whatever way it was cut.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat, equalBytes } from '../../src/bytes/bytes.ts';
import { ProtocolError } from '../../src/errors.ts';
import { SFTPAttributes } from '../../src/sftp/protocol/attributes.ts';
import {
  DATA_HEADER_BYTES,
  dataOf,
  framedRead,
  putDataHeader,
  putWriteHeader,
  writeHeaderBytes,
  writeOf,
} from '../../src/sftp/protocol/data.ts';
import * as extensions from '../../src/sftp/protocol/extensions.ts';
import { Framing, frame } from '../../src/sftp/protocol/framing.ts';
import { Data, messages, Read, Write } from '../../src/sftp/protocol/messages.ts';
import { decodeName, encodeName } from '../../src/sftp/protocol/names.ts';
import { DecodeError } from '../../src/wire/reader.ts';
import { runs } from '../support/runs.ts';

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const offset = fc.oneof(fc.nat(), fc.maxSafeNat());
const bytes = fc.uint8Array({ maxLength: 300 });
/** Names as they come off the wire: any bytes at all. */
const name = fc.uint8Array({ maxLength: 40 }).map(decodeName);
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const attributes = fc
  .record({
    stSize: optional(fc.maxSafeNat()),
    owner: optional(fc.tuple(u32, u32)),
    stMode: optional(u32),
    times: optional(fc.tuple(u32, u32)),
    attr: fc.array(fc.tuple(fc.string(), bytes), { maxLength: 2 }),
  })
  .map(({ stSize, owner, stMode, times, attr }) =>
    Object.assign(new SFTPAttributes(), {
      stSize,
      stMode,
      stUid: owner?.[0],
      stGid: owner?.[1],
      stAtime: times?.[0],
      stMtime: times?.[1],
      attr: new Map(attr),
    }),
  );
const named = fc
  .tuple(attributes, name, fc.string())
  .map(([entry, filename, longname]) => Object.assign(entry, { filename, longname }));

/** By the name of the field: the rows of the protocol call the same things the same. */
const byField: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  id: u32,
  version: u32,
  flags: u32,
  status: u32,
  length: u32,
  offset,
  handle: bytes,
  data: bytes,
  path: name,
  from: name,
  to: name,
  target: name,
  link: name,
  attributes,
  names: fc.array(named, { maxLength: 4 }),
  message: fc.string(),
  language: fc.string(),
  request: fc.string(),
  extensions: fc.array(fc.tuple(fc.string(), bytes), { maxLength: 4 }).map((pairs) => new Map(pairs)),
};

function valuesFor(fields: object): fc.Arbitrary<Record<string, unknown>> {
  const entries = Object.keys(fields).map((key) => {
    const arbitrary = byField[key];
    if (arbitrary === undefined) throw new Error(`no values for ${key}`);
    return [key, arbitrary] as const;
  });
  return fc.record(Object.fromEntries(entries));
}

function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return `bytes ${Buffer.from(value).toString('hex')}`;
  if (value instanceof Map) return [...value].map(plain);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]));
  return value;
}

describe.each(messages.map((row) => [row.name, row] as const))('%s', (_name, row) => {
  it('comes out as it went in', () => {
    fc.assert(
      fc.property(valuesFor(row.fields), (values) => {
        const packet = row.encode(values as never);
        expect(packet[0]).toBe(row.number);
        expect(plain(row.decode(packet))).toEqual(plain(values));
      }),
      runs(60),
    );
  });

  it('is a value or a ProtocolError, whatever the bytes are', () => {
    const changed = valuesFor(row.fields).chain((values) => {
      const packet = row.encode(values as never).slice();
      return fc.tuple(fc.nat(packet.length), fc.nat(packet.length - 1), fc.nat(255), fc.boolean()).map(([end, at, byte, cut]) => {
        const other = packet.slice(0, cut ? end : packet.length);
        if (at < other.length) other[at] = byte;
        return other;
      });
    });
    fc.assert(
      fc.property(
        fc.oneof(
          changed,
          bytes.map((rest) => concat(Uint8Array.of(row.number), rest)),
          bytes,
        ),
        (packet) => {
          try {
            row.decode(packet);
          } catch (error) {
            expect(error).toBeInstanceOf(ProtocolError);
          }
        },
      ),
      runs(150),
    );
  });
});

describe('extensions', () => {
  const payloads = Object.entries(extensions).flatMap(([key, value]) => {
    if (typeof value !== 'object' || !('request' in value)) return [];
    const reply = value.reply as { decode(data: Uint8Array): unknown } | null;
    return [[`${key} request`, value.request], ...(reply === null ? [] : [[`${key} reply`, reply]])] as [
      string,
      { decode(data: Uint8Array): unknown },
    ][];
  });

  it('are all there', () => expect(payloads.length).toBeGreaterThanOrEqual(18));

  it.each(payloads)('%s: any bytes give a value or a DecodeError', (_name, payload) => {
    fc.assert(
      fc.property(fc.oneof(bytes, fc.uint8Array({ minLength: 88, maxLength: 88 })), (data) => {
        try {
          payload.decode(data);
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
        }
      }),
      runs(100),
    );
  });

  it('come out as they went in', () => {
    const asked = { readHandle: Uint8Array.of(1), readOffset: 5e12, length: 0, writeHandle: Uint8Array.of(2, 3), writeOffset: 7 };
    expect(plain(extensions.copyData.request.decode(extensions.copyData.request.encode(asked)))).toEqual(plain(asked));
    const ids = { uids: [0, 4_294_967_295], gids: [] };
    expect(extensions.usersGroupsById.request.decode(extensions.usersGroupsById.request.encode(ids))).toEqual(ids);
    const users = { usernames: ['root', ''], groupnames: [] };
    expect(extensions.usersGroupsById.reply.decode(extensions.usersGroupsById.reply.encode(users))).toEqual(users);
  });
});

describe('names', () => {
  it('are any bytes, without loss, as strings that differ where the bytes do', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 30 }), fc.uint8Array({ maxLength: 30 }), (a, b) => {
        expect(equalBytes(encodeName(decodeName(a)), a)).toBe(true);
        expect(decodeName(a) === decodeName(b)).toBe(equalBytes(a, b));
      }),
      runs(3_000),
    );
  });

  it('are text where they are UTF-8', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(decodeName(encodeName(text))).toBe(text);
        expect(equalBytes(encodeName(text), new TextEncoder().encode(text))).toBe(true);
      }),
      runs(1_000),
    );
  });
});

describe('framing', () => {
  const packets = fc.array(
    fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 50 }),
      fc.nat(60_000).map((n) => new Uint8Array(n + 1).fill(n)),
    ),
    {
      maxLength: 8,
    },
  );

  it('gives the same packets however the stream was cut, and whoever gives buffers back', () => {
    fc.assert(
      fc.property(
        packets,
        fc.array(fc.integer({ min: 1, max: 20_000 }), { minLength: 1, maxLength: 20 }),
        fc.boolean(),
        (list, cuts, recycle) => {
          const stream = concat(...list.map(frame));
          const framing = new Framing();
          const seen: Uint8Array[] = [];
          for (let at = 0, i = 0; at < stream.length; i++) {
            const size = cuts[i % cuts.length] as number;
            framing.feed(stream.slice(at, at + size), (packet) => {
              seen.push(packet.slice());
              if (recycle) framing.recycle(packet);
            });
            at += size;
          }
          expect(seen.length).toBe(list.length);
          seen.forEach((packet, i) => void expect(equalBytes(packet, list[i] as Uint8Array)).toBe(true));
          expect(framing.complete).toBe(true);
        },
      ),
      runs(150),
    );
  });

  it.each([0, 262_145, 0xffff_ffff])('refuses a length of %i before it takes room for it', (length) => {
    const header = Uint8Array.of(length >>> 24, length >>> 16, length >>> 8, length);
    const before = process.memoryUsage().arrayBuffers;
    for (const cut of [0, 1, 3, 4]) {
      const framing = new Framing();
      expect(() => {
        framing.feed(header.subarray(0, cut), () => expect.unreachable());
        framing.feed(concat(header.subarray(cut), new Uint8Array(4)), () => expect.unreachable());
      }).toThrow(ProtocolError);
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_000_000);
  });

  it('refuses a whole packet in one piece that is too long', () => {
    expect(() => new Framing().feed(frame(new Uint8Array(262_145)), () => expect.unreachable())).toThrow(ProtocolError);
  });
});

describe('READ, DATA and WRITE by hand', () => {
  it('are what the rows say', () => {
    fc.assert(
      fc.property(u32, fc.uint8Array({ maxLength: 256 }), offset, bytes, (id, handle, at, data) => {
        expect(Read.decode(framedRead(id, handle, at, data.length).subarray(4))).toEqual({
          id,
          handle,
          offset: at,
          length: data.length,
        });
        const header = new Uint8Array(writeHeaderBytes(handle.length));
        putWriteHeader(header, id, handle, at, data.length);
        const write = concat(header, data).subarray(4);
        expect(plain(Write.decode(write))).toEqual(plain({ id, handle, offset: at, data }));
        expect(plain(writeOf(write))).toEqual(plain({ id, handle, offset: at, data }));
        const framed = new Uint8Array(4 + DATA_HEADER_BYTES);
        putDataHeader(framed, id, data.length);
        const answer = concat(framed, data).subarray(4);
        expect(plain(Data.decode(answer))).toEqual(plain({ id, data }));
        expect(equalBytes(dataOf(answer), data)).toBe(true);
      }),
      runs(300),
    );
  });

  it('take any bytes', () => {
    fc.assert(
      fc.property(bytes, (packet) => {
        for (const read of [writeOf, dataOf]) {
          try {
            read(packet);
          } catch (error) {
            expect(error).toBeInstanceOf(DecodeError);
          }
        }
      }),
      runs(500),
    );
  });
});
