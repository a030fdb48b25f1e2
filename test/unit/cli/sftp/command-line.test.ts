// Lines as commands: prefixes, flags, numbers of words; lines out of a pipe; and the Tab key.
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { parseLine, prefixesOf } from '../../../../src/cli/sftp/command-line.ts';
import { commands } from '../../../../src/cli/sftp/commands.ts';
import { linesOf } from '../../../../src/cli/sftp/lines.ts';
import { UsageError } from '../../../../src/errors.ts';

const parse = (text: string) => {
  const line = parseLine(text, commands);
  return line === null ? null : [line.command.names[0], [...line.call.flags].join(''), ...line.call.words];
};

describe('a line', () => {
  it.each([
    ['', null],
    ['# comment', null],
    ['pwd', ['pwd', '']],
    ['PWD # where', ['pwd', '']],
    ['ls -la dir', ['ls', 'la', 'dir']],
    ['ls -l -a', ['ls', 'la']],
    ['ls -- -l', ['ls', '', '-l']],
    ['ls -', ['ls', '', '-']],
    ['dir', ['ls', '']],
    ['get -PR "a b" c', ['get', 'PR', 'a b', 'c']],
    ['mget a b c d', ['mget', '', 'a', 'b', 'c', 'd']],
    ['rm a b', ['rm', '', 'a', 'b']],
    ['?', ['help', '']],
    ['quit', ['bye', '']],
    ['!ls -l "x', ['!', '']],
    ['!', ['!', '']],
    ['lls -l "it', ['lls', '']],
  ])('%j', (text, expected) => {
    expect(parse(text)).toEqual(expected);
  });

  it('hands the rest on as it is where a shell reads it', () => {
    expect(parseLine('! echo "a  b" ', commands)?.call.rest).toBe('echo "a  b"');
    expect(parseLine('lls  -l  *.txt', commands)?.call.rest).toBe('-l  *.txt');
  });

  it.each([
    ['get', 'usage: get [-afpR] remote [local]'],
    ['get a b c', 'usage: get [-afpR] remote [local]'],
    ['rename a', 'usage: rename oldpath newpath'],
    ['pwd x', 'usage: pwd'],
    ['ls -Z', 'ls has no -Z; usage: ls [-1afhlnrSt] [path ...]'],
    ['gte x', "unknown command 'gte'; did you mean 'get'?"],
    ['x\x1b[2J', "unknown command 'x\\x1b[2J'; 'help' lists them"],
    ['rm "a', 'a double quote is not closed'],
  ])('%j is refused', (text, message) => {
    expect(() => parse(text)).toThrow(new UsageError(message));
  });

  it.each([
    ['pwd', { forgiven: false, silent: false, text: 'pwd' }],
    ['-pwd', { forgiven: true, silent: false, text: 'pwd' }],
    ['@pwd', { forgiven: false, silent: true, text: 'pwd' }],
    ['  -@ ls -l', { forgiven: true, silent: true, text: 'ls -l' }],
    ['@-!x', { forgiven: true, silent: true, text: '!x' }],
    ['', { forgiven: false, silent: false, text: '' }],
  ])('%j has prefixes', (line, expected) => {
    expect(prefixesOf(line)).toEqual(expected);
  });
});

describe('the table', () => {
  it('has every name once, and a help for each', () => {
    const names = commands.flatMap((command) => command.names);
    expect(new Set(names).size).toBe(names.length);
    for (const { names: all, help, flags = '', usage } of commands) {
      expect(help, all[0]).not.toBe('');
      const shown = /^\[-(\w+)\]/.exec(usage)?.[1] ?? '';
      // P and r are other words for p and R, as in sftp(1); reget and reput have -a already.
      for (const letter of shown) expect(flags, all[0]).toContain(letter);
    }
  });

  it('has all commands of sftp(1)', () => {
    const names = new Set(commands.flatMap((command) => command.names));
    const theirs =
      'bye cd chgrp chmod chown copy cp df exit get help lcd lls lmkdir ln lpwd ls lumask mkdir progress put pwd quit reget rename reput rm rmdir symlink version ! ?';
    expect(theirs.split(' ').filter((name) => !names.has(name))).toEqual([]);
  });
});

describe('lines of a pipe', () => {
  const read = async (...chunks: (string | Buffer)[]) => {
    const lines: string[] = [];
    for await (const line of linesOf(Readable.from(chunks.map((chunk) => Buffer.from(chunk as string))))) lines.push(line);
    return lines;
  };

  it('come whole, however they were cut', async () => {
    expect(await read('a', 'b\nc', '\n\nd\r\ne')).toEqual(['ab', 'c', '', 'd', 'e']);
    expect(await read()).toEqual([]);
    expect(await read('a\n')).toEqual(['a']);
  });

  it('keep bytes that are not UTF-8, and characters that were cut in two', async () => {
    expect(await read(Buffer.from('lat\xe9n\n', 'latin1'))).toEqual(['lat\udce9n']);
    const word = Buffer.from('日本\n');
    expect(await read(word.subarray(0, 2), word.subarray(2))).toEqual(['日本']);
  });

  it('end somewhere', async () => {
    await expect(read(Buffer.alloc(600_000, 'a'), Buffer.alloc(600_000, 'a'))).rejects.toThrow('a line of more than');
  });
});
