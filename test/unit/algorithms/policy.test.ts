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
    expect(kex).toEqual([
      'mlkem768x25519-sha256',
      'sntrup761x25519-sha512',
      'sntrup761x25519-sha512@openssh.com',
      'curve25519-sha256',
      'curve25519-sha256@libssh.org',
      'ecdh-sha2-nistp256',
      'ecdh-sha2-nistp384',
      'ecdh-sha2-nistp521',
      'diffie-hellman-group-exchange-sha256',
      'diffie-hellman-group16-sha512',
      'diffie-hellman-group18-sha512',
      'diffie-hellman-group14-sha256',
    ]);
    // `ssh -G` of OpenSSH 9.2 and 10.0.
    expect(keys.join(',')).toBe(
      'ssh-ed25519-cert-v01@openssh.com,ecdsa-sha2-nistp256-cert-v01@openssh.com,ecdsa-sha2-nistp384-cert-v01@openssh.com,' +
        'ecdsa-sha2-nistp521-cert-v01@openssh.com,sk-ssh-ed25519-cert-v01@openssh.com,' +
        'sk-ecdsa-sha2-nistp256-cert-v01@openssh.com,rsa-sha2-512-cert-v01@openssh.com,rsa-sha2-256-cert-v01@openssh.com,' +
        'ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,sk-ssh-ed25519@openssh.com,' +
        'sk-ecdsa-sha2-nistp256@openssh.com,rsa-sha2-512,rsa-sha2-256',
    );
    expect(keys).not.toContain('ssh-rsa');
    expect(macs[0]).toBe('hmac-sha2-256-etm@openssh.com');
    expect(compression).toEqual(['none']);
    for (const [category, names] of Object.entries(insecureAlgorithms())) {
      const offered: readonly string[] = defaultAlgorithms()[category as 'kex'];
      for (const name of names) expect(offered).not.toContain(name);
    }
  });

  it('grows by policy, at the end of each list', () => {
    const [modern, compatible, legacy] = (['modern', 'compatible', 'legacy'] as const).map((policy) => defaultAlgorithms(policy));
    expect(modern).toEqual(defaultAlgorithms());
    for (const category of ['kex', 'keys', 'pubkeys', 'ciphers', 'macs'] as const) {
      expect(compatible?.[category].slice(0, modern?.[category].length)).toEqual(modern?.[category]);
      expect(legacy?.[category].slice(0, compatible?.[category].length)).toEqual(compatible?.[category]);
      expect(legacy?.[category]).toEqual([...(modern?.[category] ?? []), ...insecureAlgorithms()[category]]);
    }
    expect(compatible?.kex.slice(-2)).toEqual(['diffie-hellman-group-exchange-sha1', 'diffie-hellman-group14-sha1']);
    expect(compatible?.keys).not.toContain('ssh-rsa');
    expect(legacy?.ciphers.slice(-4)).toEqual(['aes128-cbc', 'aes192-cbc', 'aes256-cbc', '3des-cbc']);
    expect(legacy?.keys.at(-1)).toBe('ssh-rsa');
    expect(() => defaultAlgorithms('ancient' as 'legacy')).toThrow(UsageError);
    expect(() => defaultAlgorithms('constructor' as 'legacy')).toThrow(UsageError);
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
