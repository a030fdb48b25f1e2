// The arguments of `amiko cp`: scp's, and the few that are its own.
import { describe, expect, it } from 'vitest';
import { usage } from '../../../../src/cli/cp/help.ts';
import { type CpOptions, parseArguments } from '../../../../src/cli/cp/options.ts';
import { UsageError } from '../../../../src/errors.ts';
import { settledCp } from '../../../support/cli-options.ts';

function parse(...args: string[]): CpOptions {
  const invocation = parseArguments(args);
  if (invocation.kind !== 'copy') throw new Error(invocation.kind);
  return invocation.options;
}

const local = (path: string) => ({ kind: 'local', path });
const remote = (host: string, path: string) => ({ kind: 'remote', destination: { host }, path });

const QUIET = new Map([['LogLevel', { text: 'LogLevel "QUIET"', typed: '-q QUIET' }]]);

describe('arguments', () => {
  it.each([
    [['a', 'h:'], { sources: [local('a')], target: remote('h', '') }],
    [['h:a', 'i:b', '.'], { sources: [remote('h', 'a'), remote('i', 'b')], target: local('.') }],
    [['a', 'h:b', 'i:c'], { sources: [local('a'), remote('h', 'b')], target: remote('i', 'c') }],
    [['-rp', 'a', 'h:'], { recursive: true, preserve: true }],
    [['a', 'h:', '-r'], { recursive: true }],
    [['--', '-r', 'h:'], { recursive: false, sources: [local('-r')] }],
    [['-r', '--', 'a', '--', 'h:'], { sources: [local('a'), local('--')] }],
    [['--resume', '--checksum', '--json', 'a', 'h:'], { resume: true, checksum: true, json: true }],
    [['-P', '22', '-l', '100', '-q', 'a', 'h:'], { port: 22, limit: 12_800, letters: QUIET }],
    [['-X', 'buffer=1000', 'a', 'h:'], { requestBytes: 1_000 }],
  ])('%j', (args, expected) => {
    expect(parse(...args)).toMatchObject(expected);
  });

  it('-B asks nobody', async () => {
    expect(await settledCp('-3sT', 'a', 'h:')).toMatchObject({ batchMode: false });
    expect(await settledCp('-3sTB', 'a', 'h:')).toMatchObject({ batchMode: true });
  });

  it.each([
    [[], 'a source and a target are missing'],
    [['h:a'], 'a target is missing'],
    [['a', 'b'], 'all of these are files of this machine'],
    [['h:a', 'b', 'c'], 'a file of this machine is not copied to this machine'],
    [['', 'h:'], 'an empty name is no file'],
    [['--json=1', 'a', 'h:'], "unknown option '--json=1'; did you mean '--json'?"],
    [['-p22', 'a', 'h:'], "unknown option '-2'"],
    [['-R', 'h:a', 'i:b'], '-R (copies that one server makes from the other) is not supported yet'],
    [['-Z', 'h:a', 'b'], "unknown option '-Z'"],
  ])('%j is refused', (args, message) => {
    expect(() => parse(...args)).toThrow(UsageError);
    expect(() => parse(...args)).toThrow(message);
  });

  it('ask for help anywhere', () => {
    expect(parseArguments(['a', '--help'])).toEqual({ kind: 'help' });
    expect(parseArguments(['-V'])).toEqual({ kind: 'version' });
  });

  it('are all in the help', () => {
    for (const word of [
      '-r',
      '-p',
      '--resume',
      '--checksum',
      '-P',
      '-i',
      '-o',
      '-l',
      '-q',
      '--json',
      '-C',
      '-4',
      '-6',
      '-B',
      '-c',
      '-v',
    ]) {
      expect(usage(), word).toMatch(new RegExp(`(^|[\\s,])${word}(?=[\\s,])`, 'm'));
    }
  });
});
