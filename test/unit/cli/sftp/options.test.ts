// The arguments of `amiko sftp`: what sftp(1) has, what is refused, and what means nothing here.
import { describe, expect, it } from 'vitest';
import { usage } from '../../../../src/cli/sftp/help.ts';
import { parseArguments, type SftpOptions } from '../../../../src/cli/sftp/options.ts';
import { UsageError } from '../../../../src/errors.ts';
import { settledSftp } from '../../../support/cli-options.ts';

function parse(...args: string[]): SftpOptions {
  const invocation = parseArguments(args);
  if (invocation.kind !== 'connect') throw new Error(invocation.kind);
  return invocation.options;
}

const QUIET = new Map([['LogLevel', { text: 'LogLevel "QUIET"', typed: '-q QUIET' }]]);

describe('arguments', () => {
  it.each([
    [['h'], { place: { kind: 'remote', destination: { host: 'h' }, path: '' } }],
    [['u@h:dir'], { place: { kind: 'remote', destination: { host: 'h', user: 'u' }, path: 'dir' } }],
    [['h:f', 'here'], { target: 'here' }],
    [['-P', '2222', 'h'], { port: 2222 }],
    [['h', '-P2222'], { port: 2222 }],
    [['-b', 'file', 'h'], { batchFile: 'file' }],
    [['-rpaf', 'h'], { recursive: true, preserve: true, resume: true, fsync: true }],
    [['-R', '16', '-B', '65536', 'h'], { requests: 16, requestBytes: 65_536 }],
    [['-X', 'nrequests=3', '-Xbuffer=1024', 'h'], { requests: 3, requestBytes: 1_024 }],
    [['-l', '800', 'h'], { limit: 102_400 }],
    [['-s', 'sftp-test', 'h'], { subsystem: 'sftp-test' }],
    [['h'], { subsystem: 'sftp', letters: new Map(), notQuiet: false }],
    [['-q', 'h'], { letters: QUIET }],
    [['-Nvv46C', 'h'], { notQuiet: true, verbosity: 2 }],
    [['-i', 'k', '-c', 'aes128-ctr', 'h'], { identityFiles: ['k'] }],
  ])('%j', (args, expected) => {
    expect(parse(...args)).toMatchObject(expected);
  });

  it.each([
    [[], 'a host is missing'],
    [['h', 'x'], "'x' is the target of nothing"],
    [['h:f', 'a', 'b'], "what is 'b' for"],
    [['-b', 'f', 'h:f', 'x'], '-b and a target do not go together'],
    [['-b', 'f', '-b', 'g', 'h'], '-b can be given only once'],
    [['-B', '100', 'h'], 'the buffer size needs a whole number from 512'],
    [['-R', '0', 'h'], 'the number of requests needs a whole number from 1'],
    [['-X', 'other=1', 'h'], "-X takes nrequests=N and buffer=BYTES, not 'other=1'"],
    [['-s', '/usr/lib/sftp-server', 'h'], 'paths are not supported'],
    [['-l', '-1', 'h'], '-l needs a whole number'],
    [['-D', 'x', 'h'], '-D (a local sftp-server) is not supported yet'],
    [['-p22', 'h'], "unknown option '-2'"],
    [['sftp://u:pw@h'], 'a password in an address'],
  ])('%j is refused', (args, message) => {
    expect(() => parse(...args)).toThrow(UsageError);
    expect(() => parse(...args)).toThrow(message);
  });

  it.each([
    [['-oPort=24', '-P', '25', 'u@h'], { target: { host: 'h', port: 24, user: 'u' } }],
    [['-P', '25', 'sftp://v@h:26/x'], { target: { host: 'h', port: 26, user: 'v' } }],
    [['-b', 'file', 'h'], { batchMode: true }],
    [['-b', '-', '-oBatchMode=no', 'h'], { batchMode: false }],
    [['-46', 'h'], { address: { family: 6 } }],
    [['-i', 'k', '-c', 'aes128-ctr', 'h'], { identityFiles: ['k'], algorithms: { ciphers: ['aes128-ctr'] } }],
    // What other programs give, and sftp(1) itself to its ssh.
    [['-oForwardX11=no', '-oForwardAgent=no', '-oClearAllForwardings=yes', '-o', 'RequestTTY no', 'h'], { verbosity: 0 }],
    // What is for sessions only does not matter here.
    [['-oRemoteCommand=x', 'h'], { batchMode: false }],
  ])('%j: how to connect', async (args, expected) => {
    expect(await settledSftp(...args)).toMatchObject(expected);
  });

  it.each([
    [['-o', 'Prot=1', 'h'], "-o Prot=1: there is no option 'prot'; did you mean 'Port'?"],
    [['-c', 'aes128-crt', 'h'], "did you mean 'aes128-ctr'?"],
  ])('%j is refused when the host is looked up', async (args, message) => {
    const refused = settledSftp(...args);
    await expect(refused).rejects.toThrow(UsageError);
    await expect(refused).rejects.toThrow(message);
  });

  it('are all in the help', () => {
    const letters = usage().match(/(?<=[\s,(])-[A-Za-z46](?=[\s,;])/g);
    for (const letter of ['b', 'P', 'i', 'o', 'r', 'p', 'a', 'f', 'l', 'R', 'B', 'q', 'N', 's', 'C', '4', '6', 'c', 'v']) {
      expect(letters, letter).toContain(`-${letter}`);
    }
  });
});
