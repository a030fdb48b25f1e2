// The first word: a verb, a host, or a mistake. Nothing here connects.
import { describe, expect, it } from 'vitest';
import { main } from '../../../src/cli/main.ts';
import { VERSION } from '../../../src/transport/version.ts';
import { captureWritten } from '../../support/written.ts';

const written = captureWritten();

describe('the first word', () => {
  it.each([['--help'], ['-h'], ['help']])('%s prints the usage', async (word) => {
    expect(await main([word])).toBe(0);
    expect(written.stdout).toMatch(/Usage:[\s\S]*amiko ssh[\s\S]*amiko sftp[\s\S]*amiko cp[\s\S]*amiko serve[\s\S]*Examples:/);
    expect(written.stderr).toBe('');
  });

  it('is missing', async () => {
    expect(await main([])).toBe(2);
    expect(written.stderr).toContain('Usage:');
    expect(written.stdout).toBe('');
  });

  it.each([['--version'], ['-V']])('%s prints the version', async (word) => {
    expect(await main([word])).toBe(0);
    expect(written.stdout).toBe(`amiko ${VERSION}\n`);
  });

  it.each([
    ['srve', "unknown verb 'srve'; did you mean 'serve'?"],
    ['copyid', "unknown verb 'copyid'; did you mean 'copy-id'?"],
    ['--verion', "unknown option '--verion'; did you mean '--version'?"],
    ['-p', "unknown option '-p'"],
  ])('%s is refused', async (word, message) => {
    expect(await main([word, 'x'])).toBe(2);
    expect(written.stderr).toContain(message);
    expect(written.stdout).toBe('');
  });

  it.each([[['ssh', '--help']], [['host', '--help']], [['u@serv.example', '--help']]])('%j means ssh', async (args) => {
    expect(await main(args)).toBe(0);
    expect(written.stdout).toMatch(/Usage: amiko ssh[\s\S]*ssh_config[\s\S]*Examples:/);
  });

  it('ssh with a wrong option is wrong usage', async () => {
    expect(await main(['ssh', '-Q', 'h'])).toBe(2);
    expect(written.stderr).toContain("amiko ssh: -Q (queries) is not supported yet\nTry 'amiko ssh --help'.");
  });

  it('has a help of at most 130 columns', async () => {
    await main(['ssh', '--help']);
    for (const line of written.stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(130);
  });
});
