// Lines taken apart as sftp(1) does it, and put together again for the Tab key.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asPattern, literal, quoteWord, splitWords } from '../../../../src/cli/sftp/words.ts';
import { hasMagic } from '../../../../src/cli/transfer/glob.ts';
import { UsageError } from '../../../../src/errors.ts';

const patterns = (line: string) => splitWords(line).map(({ pattern }) => pattern);

describe('words', () => {
  it.each([
    ['', []],
    ['   ', []],
    ['a b', ['a', 'b']],
    ['  a\t b  ', ['a', 'b']],
    ['"a b" c', ['a b', 'c']],
    ["'a b' c", ['a b', 'c']],
    ['a\\ b c', ['a b', 'c']],
    ['a"b c"d', ['ab cd']],
    ['"it\'s"', ["it's"]],
    ["'it\\'s'", ["it's"]],
    ['"say \\"hi\\""', ['say "hi"']],
    ['"back\\slash"', ['back\\\\slash']],
    ['"back\\\\slash"', ['back\\\\slash']],
    ['back\\slash', ['backslash']],
    ['back\\\\slash', ['back\\\\slash']],
    ['""', ['']],
    ["'' x", ['', 'x']],
    ['*.txt', ['*.txt']],
    ['"*.txt"', ['\\*.txt']],
    ['\\*.txt', ['\\*.txt']],
    ["'[a]?'", ['\\[a\\]\\?']],
    ['{a,b}', ['{a,b}']],
    ['"{a,b}"', ['\\{a\\,b\\}']],
    ['# all of it', []],
    ['a # b', ['a']],
    ['a "#" b', ['a', '#', 'b']],
    ['\\#a', ['#a']],
    // OpenSSH ends the word here; to remove `a` in the place of `a#b` would be too high a price for being the same.
    ['a#b', ['a#b']],
    ['日本 語', ['日本', '語']],
    ['lat\udce9n', ['lat\udce9n']],
  ])('%j', (line, expected) => {
    expect(patterns(line)).toEqual(expected);
  });

  it.each([
    ['"a', 'a double quote is not closed'],
    ["a 'b c", 'a single quote is not closed'],
    ["it's", 'a single quote is not closed'],
    ['a\\', 'a backslash ends the line'],
  ])('%j is refused', (line, message) => {
    expect(() => splitWords(line)).toThrow(new UsageError(message));
  });

  it('end anywhere while they are typed', () => {
    expect(splitWords('get "a b', true)).toEqual([
      { pattern: 'get', start: 0, end: 3, open: null },
      { pattern: 'a b', start: 4, end: 8, open: '"' },
    ]);
    expect(splitWords("get x\\ y'", true).at(-1)).toEqual({ pattern: 'x y', start: 4, end: 9, open: "'" });
    expect(splitWords('get a\\', true).at(-1)).toMatchObject({ pattern: 'a' });
  });

  it('come back from how they are quoted, whatever the name', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', minLength: 1 }),
        fc.constantFrom(null, '"' as const, "'" as const),
        (name, open) => {
          const quote = open ?? '';
          const words = splitWords(`get ${quote}${quoteWord(name, open)}${quote} next`);
          expect(words.map(({ pattern }) => literal(pattern))).toEqual(['get', name, 'next']);
        },
      ),
    );
  });

  it('mean nothing but themselves as patterns', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (name) => {
        const pattern = asPattern(name);
        expect(hasMagic(pattern)).toBe(false);
        expect(literal(pattern)).toBe(name);
      }),
    );
  });
});
