import { describe, expect, it } from 'vitest';
import { nearest } from '../../../src/algorithms/nearest.ts';
import { chooseAlgorithms, disableAlgorithms } from '../../../src/algorithms/policy.ts';
import { defaultAlgorithms, insecureAlgorithms, supportedAlgorithms } from '../../../src/algorithms/registry.ts';
import { UsageError } from '../../../src/errors.ts';

const ciphers = (choice: string) => chooseAlgorithms({ ciphers: choice }).ciphers;
const all = defaultAlgorithms().ciphers;

describe('what is offered', () => {
  it('is OpenSSH 10 in its order, and nothing weak', () => {
    const { kex, keys, macs, compression } = defaultAlgorithms();
    expect(kex.slice(0, 3)).toEqual(['mlkem768x25519-sha256', 'curve25519-sha256', 'curve25519-sha256@libssh.org']);
    expect(keys[0]).toBe('ssh-ed25519');
    expect(keys).not.toContain('ssh-rsa');
    expect(macs[0]).toBe('hmac-sha2-256-etm@openssh.com');
    expect(compression).toEqual(['none']);
    for (const [category, names] of Object.entries(insecureAlgorithms())) {
      const offered: readonly string[] = defaultAlgorithms()[category as 'kex'];
      for (const name of names) expect(offered).not.toContain(name);
    }
  });

  it('takes exact lists, in the order given, without repetitions', () => {
    expect(ciphers('aes256-ctr,aes128-ctr,aes256-ctr')).toEqual(['aes256-ctr', 'aes128-ctr']);
    expect(chooseAlgorithms({ ciphers: ['aes256-ctr'] }).ciphers).toEqual(['aes256-ctr']);
  });

  it('takes +, - and ^ as OpenSSH does', () => {
    expect(ciphers('-aes*-ctr')).toEqual(all.filter((name) => !name.endsWith('-ctr')));
    expect(ciphers('-aes1?8-ctr,chacha*')).toEqual(all.filter((name) => name !== 'aes128-ctr' && !name.startsWith('chacha')));
    expect(ciphers('^aes256-ctr')).toEqual(['aes256-ctr', ...all.filter((name) => name !== 'aes256-ctr')]);
    expect(chooseAlgorithms({ keys: '+ssh-rsa' }).keys.at(-1)).toBe('ssh-rsa');
    expect(chooseAlgorithms({ compression: '+zlib@openssh.com' }).compression).toEqual(['none', 'zlib@openssh.com']);
  });

  it('refuses what it does not know, with the nearest name that it does', () => {
    expect(() => ciphers('aes128-gcm')).toThrow(/unknown cipher 'aes128-gcm'; did you mean 'aes128-ctr'\?/);
    expect(() => ciphers('aes256-gcm@openssh.co')).toThrow(/did you mean 'aes256-gcm@openssh.com'/);
    expect(() => chooseAlgorithms({ cipher: 'x' } as object)).toThrow(/did you mean 'ciphers'/);
    expect(() => ciphers('')).toThrow(UsageError);
    expect(() => ciphers('+none-such')).toThrow(UsageError);
  });

  it('disables names, and refuses categories that there are not', () => {
    const left = disableAlgorithms(supportedAlgorithms(), { kex: ['curve25519-sha256', 'not there'] });
    expect(left.kex).not.toContain('curve25519-sha256');
    expect(left.kex.length).toBe(supportedAlgorithms().kex.length - 1);
    expect(() => disableAlgorithms(supportedAlgorithms(), { hashes: [] })).toThrow(UsageError);
  });

  it('matches hostile patterns in linear time', () => {
    const since = performance.now();
    expect(ciphers(`-${'*a'.repeat(20_000)}`)).toEqual(all);
    expect(performance.now() - since).toBeLessThan(200);
  });
});

describe('nearest', () => {
  it('suggests what is close and nothing else', () => {
    expect(nearest('Prot', ['Port', 'User'])).toBe('Port');
    expect(nearest('zzzzzz', ['Port', 'User'])).toBeNull();
    expect(nearest('IDENTITYFILE', ['IdentityFile'])).toBe('IdentityFile');
  });
});
