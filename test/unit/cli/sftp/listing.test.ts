// What `ls` prints, and what of a server's own words it believes.
import { describe, expect, it } from 'vitest';
import { type Entry, formatListing, listingOptions, sorted } from '../../../../src/cli/sftp/listing.ts';
import { SFTPAttributes } from '../../../../src/sftp/protocol/attributes.ts';

const NOW = Date.UTC(2026, 5, 15, 12);
const RECENT = NOW / 1000 - 3_600;

function entry(name: string, values: Partial<SFTPAttributes> = {}): Entry {
  const attributes = new SFTPAttributes();
  const known = { filename: name, stMode: 0o100644, stSize: 5, stUid: 1, stGid: 2, stMtime: RECENT, stAtime: RECENT };
  return { name, attributes: Object.assign(attributes, known, values) };
}

const list = (entries: Entry[], flags: string, columns = 80, owners?: Parameters<typeof formatListing>[4]) =>
  formatListing(sorted(entries, listingOptions(new Set(flags))), listingOptions(new Set(flags)), columns, NOW, owners);

describe('columns', () => {
  const names = ['alpha', 'be', 'gamma', 'd'].map((name) => entry(name));
  it.each([
    [80, 'alpha  be     d      gamma  \n'],
    [14, 'alpha  be     \nd      gamma  \n'],
    [7, 'alpha  \nbe     \nd      \ngamma  \n'],
    [1, 'alpha\nbe\nd\ngamma\n'],
  ])('in %i', (columns, expected) => {
    expect(list(names, '', columns)).toBe(expected);
  });

  it('are as wide as what is shown', () => {
    expect(list([entry('日本'), entry('a\nb')], '', 20)).toBe('a\\012b    日本      \n');
  });

  it('are none where there is nothing', () => {
    expect(list([], '')).toBe('');
    expect(list([], 'l')).toBe('');
  });
});

describe('the order', () => {
  const entries = [
    entry('b', { stSize: 1, stMtime: 3 }),
    entry('a', { stSize: 2, stMtime: 1 }),
    entry('c', { stSize: 2, stMtime: 2 }),
  ];
  it.each([
    ['1', 'a b c'],
    ['1r', 'c b a'],
    ['1S', 'a c b'],
    ['1t', 'b c a'],
    ['1tr', 'a c b'],
    ['1f', 'b a c'],
  ])('of -%s is %s', (flags, expected) => {
    expect(list(entries, flags).trim().split('\n').join(' ')).toBe(expected);
  });
});

describe('long lines', () => {
  it("are the server's, up to the name", () => {
    const longname = '-rw-r--r--    2 alice    staff           5 Jun 15 11:00 file';
    expect(list([entry('file', { longname })], 'l')).toBe(`${longname}\n`);
    const link = 'lrwxrwxrwx    1 alice    staff           5 Jun 15 11:00 file -> elsewhere';
    expect(list([entry('file', { longname: link })], 'l')).toBe(`${link.replace(' -> elsewhere', '')}\n`);
  });

  it.each([
    ['another name', '-rw-r--r--    2 alice    staff           5 Jun 15 11:00 other'],
    ['no name', 'total 0'],
    ['nothing', ''],
    ['only the name', 'file'],
  ])('are ours where the server says %s', (_what, longname) => {
    expect(list([entry('file', { longname })], 'l')).toMatch(/^-rw-r--r-- {4}\? 1 {8}2 {15}5 Jun 15 \d\d:\d\d file\n$/);
  });

  it('cannot drive the terminal or forge a line', () => {
    const longname = '\x1b[2J-rw-r--r--    2 al\nice    staff           5 Jun 15 11:00 file';
    expect(list([entry('file', { longname })], 'l')).toMatch(/^\\033\[2J-rw-r--r-- {4}2 al\\012ice.* file\n$/);
    expect(list([entry('a\n-rw-r--r-- b')], 'l')).toMatch(/^\S+ .* a\\012-rw-r--r-- b\n$/);
  });

  it('show the names of owners where the server tells them, but numbers with -n', () => {
    const owners = { users: new Map([[1, 'alice']]), groups: new Map([[2, '']]) };
    expect(list([entry('file')], 'lh', 80, owners)).toMatch(/^-rw-r--r-- {4}\? alice {4}2 {14}5B /);
    expect(list([entry('file', { longname: 'x file' })], 'ln', 80, owners)).toMatch(/^-rw-r--r-- {4}\? 1 {8}2 {15}5 /);
  });

  it('show the year of what is old, or of tomorrow, and question marks for what is not known', () => {
    expect(list([entry('old', { stMtime: 86_400 * 365 })], 'l')).toMatch(/ Jan {2}\d {2}197[01] old\n$/);
    expect(list([entry('new', { stMtime: RECENT + 86_400 * 30 })], 'l')).toMatch(/ Jul 15 {2}2026 new\n$/);
    const bare = entry('bare', { stMode: undefined, stSize: undefined, stUid: undefined, stGid: undefined, stMtime: undefined });
    expect(list([bare], 'l')).toBe('?---------    ? ?        ?               ?            ? bare\n');
  });
});
