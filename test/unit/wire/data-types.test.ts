// The data types of RFC 4251 section 5: the RFC's own examples, and what must be refused.

import { describe, expect, it } from 'vitest';
import { toHex } from '../../../src/bytes/bytes.ts';
import { decodeMpint, encodeMpint } from '../../../src/bytes/mpint.ts';
import { DecodeError, Reader } from '../../../src/wire/reader.ts';
import { Writer } from '../../../src/wire/writer.ts';

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replace(/ /g, ''), 'hex'));
const written = (write: (writer: Writer) => Writer) => toHex(write(new Writer(1)).finish());

describe('RFC 4251 section 5', () => {
  it.each([
    ['00', '00 00 00 00'],
    ['09a378f9b2e332a7', '00 00 00 08 09 a3 78 f9 b2 e3 32 a7'],
    ['80', '00 00 00 02 00 80'],
    ['0000000080', '00 00 00 02 00 80'],
    ['7f', '00 00 00 01 7f'],
  ])('mpint %s', (value, encoded) => {
    expect(written((w) => w.mpint(hex(value)))).toBe(encoded.replace(/ /g, ''));
    expect(toHex(new Reader(hex(encoded)).mpint())).toBe(value.replace(/^(00)+/, ''));
  });

  it.each([
    ['negative: -0x1234', 'edcc'],
    ['negative: -0xdeadbeef', 'ff21524111'],
    ['a zero byte for zero', '00'],
    ['an unnecessary zero byte', '007f'],
    ['two zero bytes', '000080'],
  ])('refuses an mpint that is %s', (_why, content) => {
    expect(decodeMpint(hex(content))).toBeNull();
    expect(() => new Reader(hex(`${(content.length / 2).toString(16).padStart(8, '0')}${content}`)).mpint()).toThrow(DecodeError);
  });

  it('encodes without copying what needs no change', () => {
    const value = hex('7fff');
    expect(encodeMpint(value)).toEqual(value);
  });

  it.each([
    [[], '00000000'],
    [['zlib'], '000000047a6c6962'],
    [['zlib', 'none'], '000000097a6c69622c6e6f6e65'],
  ])('name-list %j', (names, encoded) => {
    expect(written((w) => w.nameList(names))).toBe(encoded);
    expect(new Reader(hex(encoded)).nameList()).toEqual(names);
  });

  it('skips empty names, refuses control, space and non-ASCII characters', () => {
    const list = (text: string) => new Reader(new Writer().string(text).finish()).nameList();
    expect(list(',a,,b,')).toEqual(['a', 'b']);
    for (const bad of ['a b', 'a\0', 'é', 'a\x7f']) expect(() => list(bad)).toThrow(DecodeError);
  });

  it('refuses lists of more than 16 KiB or 1,024 names', () => {
    const list = (text: string) => new Reader(new Writer().string(text).finish()).nameList();
    expect(list(Array(1024).fill('a').join(','))).toHaveLength(1024);
    expect(() => list(Array(1025).fill('a').join(','))).toThrow(DecodeError);
    expect(() => list('x'.repeat(16_385))).toThrow(DecodeError);
  });

  it('boolean: 0 is false, everything else true', () => {
    const reader = new Reader(hex('00 01 ff'));
    expect([reader.bool(), reader.bool(), reader.bool()]).toEqual([false, true, true]);
  });

  it('uint32 and uint64 at their ends', () => {
    expect(written((w) => w.u32(0x29b7f4aa))).toBe('29b7f4aa');
    expect(new Reader(hex('ffffffff')).u32()).toBe(0xffff_ffff);
    expect(written((w) => w.u64(0xffff_ffff_ffff_ffffn))).toBe('ffffffffffffffff');
    expect(new Reader(hex('8000000000000001')).u64()).toBe(0x8000_0000_0000_0001n);
  });

  it('a string is a view, and a length beyond the end is refused before anything is allocated', () => {
    const bytes = hex('00000003 616263');
    const view = new Reader(bytes).string();
    expect(view.buffer).toBe(bytes.buffer);
    expect(() => new Reader(hex('ffffffff')).string()).toThrow(DecodeError);
    expect(() => new Reader(hex('00000004 616263')).string()).toThrow(DecodeError);
    expect(() => new Reader(hex('0000')).u32()).toThrow(DecodeError);
  });

  it('names must be UTF-8, texts need not be', () => {
    const bytes = hex('00000002 c328');
    expect(() => new Reader(bytes).utf8()).toThrow(DecodeError);
    expect(new Reader(bytes).text()).toBe('\ufffd(');
    expect(new Reader(hex('00000003 efbbbf')).utf8()).toBe('\ufeff');
  });

  it('end() refuses what is left over', () => {
    const reader = new Reader(hex('0001'));
    reader.u8();
    expect(() => reader.end()).toThrow(DecodeError);
    reader.u8();
    reader.end();
  });
});
