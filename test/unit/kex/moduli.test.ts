// The parser of moduli(5): what it takes, what it leaves out, and that no text makes it throw, stall or take what is too large.
import { getDiffieHellman } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../../src/bytes/bytes.ts';
import { bestGroups, builtInGroups, type DhGroup } from '../../../src/kex/dh-group.ts';
import { sizeForStrength } from '../../../src/kex/group-exchange.ts';
import { MODULI_LIMIT, parseModuli } from '../../../src/kex/moduli.ts';

const prime = getDiffieHellman('modp14').getPrime('hex').toUpperCase();

function line(changes: Partial<Record<'type' | 'tests' | 'trials' | 'size' | 'generator' | 'prime', string>> = {}): string {
  const {
    type,
    tests,
    trials,
    size,
    generator,
    prime: p,
  } = {
    type: '2',
    tests: '6',
    trials: '100',
    size: '2047',
    generator: '2',
    prime,
    ...changes,
  };
  return `20230501044321 ${type} ${tests} ${trials} ${size} ${generator} ${p}`;
}

describe('parseModuli', () => {
  it('reads a group', () => {
    const [group, ...rest] = parseModuli(`# Time Type Tests Tries Size Generator Modulus\n${line()}\n`);
    expect(rest).toEqual([]);
    expect(group).toMatchObject({ bits: 2048, generator: Uint8Array.of(2) });
    expect(toHex((group as DhGroup).prime)).toBe(prime.toLowerCase());
  });

  it('takes other white space, line ends and generators', () => {
    const text = [
      `  ${line().replaceAll(' ', '\t')}\r`,
      line({ generator: '5' }),
      line({ generator: '05' }),
      line({ generator: '1F3' }),
    ];
    expect(parseModuli(text.join('\n')).map(({ generator }) => toHex(generator))).toEqual(['02', '05', '05', '01f3']);
  });

  const bad: [string, string][] = [
    ['a comment', `#${line()}`],
    ['a prime that is not safe', line({ type: '4' })],
    ['an unknown kind', line({ type: '0' })],
    ['one that is known to be composite', line({ tests: '7' })],
    ['one that was only sieved', line({ tests: '2' })],
    ['one that was not tested', line({ tests: '0' })],
    ['tests without trials', line({ trials: '0' })],
    ['another size than it says', line({ size: '2048' })],
    ['1024 bits', line({ size: '1023', prime: getDiffieHellman('modp2').getPrime('hex') })],
    ['16384 bits', line({ size: '16383', prime: 'f'.repeat(4096) })],
    ['an even number', line({ prime: prime.replace(/F$/, 'E') })],
    ['g = 1', line({ generator: '1' })],
    ['g = 0', line({ generator: '0' })],
    ['g of the size of p', line({ generator: prime })],
    ['no hexadecimal', line({ prime: prime.replace(/F$/, 'G') })],
    ['a sign', line({ prime: `-${prime}` })],
    ['numbers that are not', line({ tests: '0x6' })],
    ['a type with decimals', line({ type: '2.0' })],
    ['a field too few', line().slice(0, -prime.length - 1)],
    ['a field too many', `${line()} x`],
    ['nothing', ''],
  ];
  it.each(bad)('leaves out %s, and reads on', (_what, text) => {
    expect(parseModuli(text)).toEqual([]);
    expect(parseModuli(`${text}\n${line()}`)).toHaveLength(1);
  });

  it('takes any text at all', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(2_000), (text, at) => {
        const good = line();
        for (const each of [text, good.slice(0, at) + text + good.slice(at)]) parseModuli(each);
      }),
      { numRuns: 500 },
    );
  });

  it('is linear and bounded', () => {
    const since = performance.now();
    expect(parseModuli(' '.repeat(8_000_000))).toEqual([]);
    expect(parseModuli('1 '.repeat(4_000_000))).toEqual([]);
    expect(parseModuli('\n'.repeat(4_000_000))).toEqual([]);
    expect(performance.now() - since).toBeLessThan(4_000);
    expect(() => parseModuli(' '.repeat(MODULI_LIMIT + 1))).toThrow(RangeError);
  });

  it.skipIf(!existsSync('/etc/ssh/moduli'))("reads every group of this machine's own file", () => {
    const text = readFileSync('/etc/ssh/moduli', 'utf8');
    const lines = text.split('\n').filter((each) => /^\d/.test(each));
    const groups = parseModuli(text);
    expect(groups.length).toBe(lines.filter((each) => Number(each.split(' ')[4]) >= 2047).length);
    expect(groups.length).toBeGreaterThan(0);
  });
});

describe('the groups without a file', () => {
  it('are those of RFC 3526 as OpenSSL has them', () => {
    expect(builtInGroups().map(({ prime: p }) => toHex(p))).toEqual(
      ['modp14', 'modp16', 'modp18'].map((name) => getDiffieHellman(name).getPrime('hex')),
    );
    expect(builtInGroups().map(({ bits, generator }) => [bits, toHex(generator)])).toEqual([
      [2048, '02'],
      [4096, '02'],
      [8192, '02'],
    ]);
  });
});

describe('bestGroups', () => {
  const group = (bits: number): DhGroup => ({ bits, prime: Uint8Array.of(bits >> 8), generator: Uint8Array.of(2) });
  const groups = [8192, 2048, 3072, 3072, 4096, 1024, 16_384].map(group);
  const best = (min: number, preferred: number, max: number) =>
    bestGroups(groups, { min, preferred, max }).map(({ bits }) => bits);

  it.each([
    ['the one that is asked for', 2048, 2048, 8192, [2048]],
    ['all of that size', 2048, 3072, 8192, [3072, 3072]],
    ['the next larger one', 2048, 3073, 8192, [4096]],
    ['the largest where none is large enough', 2048, 7680, 8000, [4096]],
    ['nothing above what the client takes', 2048, 8192, 8192, [8192]],
    ['nothing below 2048, whatever is preferred', 1024, 1024, 8192, [2048]],
    ['nothing above 8192, whatever is preferred', 2048, 16_384, 65_536, [8192]],
    ['none where the range has none', 5000, 6000, 7000, []],
    ['none where all that is taken is too small', 512, 1024, 1536, []],
    ['none where all that is taken is too large', 9000, 9000, 20_000, []],
    ['none where min is above max', 4096, 4096, 2048, []],
    ['none where the preferred size is not in the range', 2048, 1024, 8192, []],
    ['none where the preferred size is above the range', 2048, 8192, 4096, []],
    ['none for zeros', 0, 0, 0, []],
    ['none for huge numbers', 0xffff_ffff, 0xffff_ffff, 0xffff_ffff, []],
  ])('gives %s', (_what, min, preferred, max, sizes) => {
    expect(best(min, preferred, max)).toEqual(sizes);
  });

  it('has nothing to give of nothing', () => {
    expect(bestGroups([], { min: 2048, preferred: 2048, max: 8192 })).toEqual([]);
  });
});

describe('sizeForStrength', () => {
  it("is OpenSSH's", () => {
    expect([112, 128, 192, 256].map(sizeForStrength)).toEqual([2048, 3072, 7680, 8192]);
  });
});
