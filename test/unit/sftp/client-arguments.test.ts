// What callers of the SFTP client say, as what it means: flags, modes, times, paths, patterns.

import { constants } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../src/errors.ts';
import { readSpan, writeSpan } from '../../../src/sftp/client/file-arguments.ts';
import { matches, parseGlob, type Segment } from '../../../src/sftp/client/glob-pattern.ts';
import { openFlags } from '../../../src/sftp/client/open-flags.ts';
import { baseOf, join, nameOf, parentOf, WorkingFolder } from '../../../src/sftp/client/paths.ts';
import { idOf, modeOf, secondsOf, sizeOf } from '../../../src/sftp/client/values.ts';

describe('flags of open', () => {
  const [read, write, append, creat, trunc, excl] = [1, 2, 4, 8, 16, 32];

  it.each([
    ['r', read],
    ['rb', read],
    ['rs', read],
    ['r+', read | write],
    ['rb+', read | write],
    ['+r', read | write],
    ['w', write | creat | trunc],
    ['wb', write | creat | trunc],
    ['w+', read | write | creat | trunc],
    ['wx', write | creat | excl],
    ['xw', write | creat | excl],
    ['wx+', read | write | creat | excl],
    ['x', write | creat | excl],
    ['x+', read | write | creat | excl],
    ['a', write | append | creat],
    ['at', write | append | creat],
    ['a+', read | write | append | creat],
    ['ax', write | append | creat | excl],
    ['ax+', read | write | append | creat | excl],
    [constants.O_RDONLY, read],
    [constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC, write | creat | trunc],
    [constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, read | write | creat | excl],
    [constants.O_WRONLY | constants.O_APPEND, write | append],
  ])('%s', (flags, expected) => {
    expect(openFlags(flags)).toBe(expected);
  });

  it.each(['', 'q', 'rw', 'wa', 'rx', 'rr', '+', 'b', 'r++', 'w x'])('refuses %j', (flags) => {
    expect(() => openFlags(flags)).toThrow(/not a way to open a file/);
  });
});

describe('values', () => {
  it('modes', () => {
    expect([modeOf(undefined), modeOf(0o100644), modeOf('755'), modeOf('1777'), modeOf(0)]).toEqual([
      undefined,
      0o644,
      0o755,
      0o1777,
      0,
    ]);
    for (const wrong of ['', '8', 'rw-', '0x1ff', 1.5, -1, Number.NaN, 0o200000])
      expect(() => modeOf(wrong)).toThrow(/not a file mode/);
  });

  it('times are whole seconds of 32 bits', () => {
    expect([secondsOf(1.9), secondsOf('12.5'), secondsOf(new Date(1_999)), secondsOf(-5), secondsOf(1e12)]).toEqual([
      1, 12, 1, 0, 0xffff_ffff,
    ]);
    for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY, 'soon', '', new Date(Number.NaN)]) {
      expect(() => secondsOf(wrong)).toThrow(/not a time/);
    }
  });

  it('sizes and numbers of users', () => {
    expect([sizeOf(0), sizeOf(2 ** 53 - 1), idOf(0), idOf(0xffff_ffff)]).toEqual([0, 2 ** 53 - 1, 0, 0xffff_ffff]);
    for (const wrong of [-1, 1.5, 2 ** 53, Number.NaN]) expect(() => sizeOf(wrong)).toThrow(/not a number of bytes/);
    for (const wrong of [-1, 1.5, 2 ** 32]) expect(() => idOf(wrong)).toThrow(/not the number/);
  });

  it('parts of buffers', () => {
    const buffer = Buffer.from('0123456789');
    expect(readSpan(buffer, [])).toMatchObject({ position: null });
    expect(Buffer.from(readSpan(buffer, [2, 3, 7]).bytes).toString()).toBe('234');
    expect(readSpan(buffer, [2, 3, 7]).position).toBe(7);
    expect(readSpan(buffer, [null, null, -1]).position).toBeNull();
    expect(readSpan(buffer, [0, 1, 5n]).position).toBe(5);
    expect(readSpan(buffer, [8]).bytes.length).toBe(2);
    expect(readSpan({}, []).bytes.length).toBe(16_384);
    expect(readSpan({ buffer, offset: 9, timeout: 5 }, [])).toMatchObject({ call: { timeout: 5 } });
    const words = new Uint16Array([0x4142, 0x4344]);
    expect(writeSpan(words, []).bytes.length).toBe(4);
    expect(writeSpan('äb', [3, 'latin1'])).toMatchObject({ position: 3, bytes: Buffer.of(0xe4, 0x62) });
    for (const wrong of [[11], [0, 11], [-1], [0, 1.5], [0, 1, 2 ** 60]]) expect(() => readSpan(buffer, wrong)).toThrow();
  });
});

describe('paths', () => {
  it('are joined, and taken apart, as text', () => {
    expect([join('', 'a'), join('.', 'a'), join('/', 'a'), join('/a/', 'b'), join('a', '/b'), join('a', '../b')]).toEqual([
      'a',
      './a',
      '/a',
      '/a/b',
      '/b',
      'a/../b',
    ]);
    expect(['a', '/a', '/', 'a/b', 'a/b//', 'a//b', '/a/b/c'].map(parentOf)).toEqual(['.', '/', '/', 'a', 'a', 'a', '/a/b']);
    expect(['a', '/a', '/', 'a/b/', ''].map(baseOf)).toEqual(['a', 'a', '', 'b', '']);
  });

  it('hold no NUL', () => {
    expect(() => nameOf('a\0')).toThrow(/NUL/);
    expect(() => nameOf(Uint8Array.of(97, 0))).toThrow(/NUL/);
    expect(nameOf(Uint8Array.of(97, 0xff))).toBe('a\udcff');
  });

  it('are text or bytes, and nothing else: what a program has forgotten to set must not become a folder', () => {
    const folder = new WorkingFolder();
    folder.current = '/home/me';
    for (const wrong of [undefined, null, 7, {}, ['a']]) {
      expect(() => folder.at(wrong as never)).toThrow(UsageError);
      expect(() => nameOf(wrong as never)).toThrow(/not a path/);
    }
  });

  it('begin in the working folder', () => {
    const folder = new WorkingFolder();
    expect(folder.at('a')).toBe('a');
    folder.current = '/home/me';
    expect([folder.at('a'), folder.at('/a'), folder.at('..'), folder.at('')]).toEqual([
      '/home/me/a',
      '/a',
      '/home/me/..',
      '/home/me/',
    ]);
    folder.current = '/';
    expect(folder.at('a')).toBe('/a');
  });
});

describe('patterns', () => {
  const fits = (pattern: string, name: string, dot?: boolean): boolean => {
    const [[segment] = []] = parseGlob(pattern);
    if (segment?.kind === 'name') return segment.name === name;
    return segment?.kind === 'pattern' && matches(segment.tokens, name, dot);
  };

  it.each([
    ['*', 'abc', true],
    ['*', '', true],
    ['*', '.abc', false],
    ['.*', '.abc', true],
    ['?abc', '.abc', false],
    ['[.]abc', '.abc', false],
    ['a*c', 'abbbc', true],
    ['a*c', 'abbbd', false],
    ['*a*b*', 'xxaxxbxx', true],
    ['a?c', 'abc', true],
    ['a?c', 'ac', false],
    ['?', '\u{1f600}', true],
    ['?', '\udcff', true],
    ['[a-c]', 'b', true],
    ['[a-c]', 'd', false],
    ['[!a-c]', 'd', true],
    ['[^a-c]', 'b', false],
    ['[]a]', ']', true],
    ['[!]a]', ']', false],
    ['[a-]', '-', true],
    ['[\\]]', ']', true],
    ['[a', '[a', true],
    ['\\*', '*', true],
    ['\\*', 'x', false],
    ['a\\', 'a\\', true],
    ['a(b|c).d+$', 'a(b|c).d+$', true],
    ['[z-a]', 'm', false],
    ['**a', 'bba', true],
  ])('%s and %s: %s', (pattern, name, expected) => {
    expect(fits(pattern, name)).toBe(expected);
  });

  it('let a dot be matched where that is asked for', () => {
    expect([fits('*', '.a', true), fits('?a', '.a', true), fits('[.]a', '.a', true)]).toEqual([true, true, true]);
  });

  it('match as the definition says', () => {
    const tiny = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 8 });
    const name = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 10 });
    const slow = (pattern: string, text: string): boolean => {
      if (pattern === '') return text === '';
      if (pattern[0] === '*') return slow(pattern.slice(1), text) || (text !== '' && slow(pattern, text.slice(1)));
      return text !== '' && (pattern[0] === '?' || pattern[0] === text[0]) && slow(pattern.slice(1), text.slice(1));
    };
    fc.assert(
      fc.property(tiny, name, (pattern, text) => {
        if (pattern !== '' && pattern !== '**') expect(fits(pattern, text)).toBe(slow(pattern, text));
      }),
      { numRuns: 5_000 },
    );
  });

  it('take no time that grows beyond the product of both', () => {
    const pattern = `${'*a'.repeat(300)}*b`;
    const start = performance.now();
    expect(fits(pattern, 'a'.repeat(20_000))).toBe(false);
    // Backtracking over every star would not end at all.
    expect(performance.now() - start).toBeLessThan(5_000);
  });

  it('braces stand for several patterns', () => {
    const texts = (pattern: string) =>
      parseGlob(pattern).map((segments) => segments.map((each) => (each.kind === 'name' ? each.name : each.kind)).join('/'));
    expect(texts('a{b,c}d')).toEqual(['abd', 'acd']);
    expect(texts('{a,b{c,d}}')).toEqual(['a', 'bc', 'bd']);
    expect(texts('x/{a/b,c}')).toEqual(['x/a/b', 'x/c']);
    expect(texts('{a}{,b}')).toEqual(['{a}', '{a}b']);
    expect(texts('\\{a,b\\}')).toEqual(['{a,b}']);
    expect(texts('{a,b')).toEqual(['{a,b']);
    expect(texts('a/**/**/b')).toEqual(['a/folders/b']);
    expect(texts('/a/')).toEqual(['/a/']);
    expect(() => parseGlob('{a,b}'.repeat(20))).toThrow(/more than 1024/);
    const segments: Segment[][] = parseGlob('{a,b}'.repeat(10));
    expect(segments).toHaveLength(1_024);
  });
});
