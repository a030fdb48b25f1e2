// `amiko audit` beside ssh-audit, of a server that is weak on purpose and of one of ours. It runs what is in dist/, or AMIKO_BIN.
import { describe, expect, it } from 'vitest';
import { amikoBin, startAmikoServe } from '../support/amiko-serve.ts';
import { describePeer, keyPair, run, runPeer, startSshd } from '../support/peers.ts';

interface Named {
  readonly name: string;
  readonly grade: 'good' | 'dated' | 'weak' | 'unknown';
}

interface Result {
  readonly version: string;
  readonly algorithms: Readonly<Record<'kex' | 'keys' | 'ciphers' | 'macs' | 'compression', readonly Named[]>>;
  readonly hostKeys: readonly { type: string; bits: number; fingerprint: string | null; grade: string; reason: string }[];
  readonly weaknesses: readonly string[];
  readonly postQuantum: boolean;
  readonly strictKex: boolean;
  readonly negotiated: { kex: string; postQuantum: boolean } | null;
}

async function audit(port: number): Promise<{ code: number | null; result: Result }> {
  const { code, stdout, stderr } = await run(process.execPath, [amikoBin, 'audit', '--json', '-p', String(port), '127.0.0.1']);
  expect(stderr).toBe('');
  return { code, result: JSON.parse(stdout.toString()) as Result };
}

const sections = { kex: 'kex', key: 'keys', enc: 'ciphers', mac: 'macs' } as const;

/** What ssh-audit names, by our categories, with the worst that it says about each. */
async function sshAudit(port: number): Promise<Map<string, 'fail' | 'warn' | 'info'>> {
  const { stdout } = await runPeer('ssh-audit-trixie', ['-j', '-4', '-p', String(port), '127.0.0.1'], { timeoutMs: 60_000 });
  const parsed = JSON.parse(stdout.toString()) as Record<
    keyof typeof sections,
    { algorithm: string; notes?: Record<string, unknown> }[]
  >;
  const found = new Map<string, 'fail' | 'warn' | 'info'>();
  for (const [section, category] of Object.entries(sections)) {
    for (const { algorithm, notes = {} } of parsed[section as keyof typeof sections]) {
      found.set(`${category} ${algorithm}`, 'fail' in notes ? 'fail' : 'warn' in notes ? 'warn' : 'info');
    }
  }
  return found;
}

function names(result: Result): Map<string, Named['grade']> {
  const lists = Object.values(sections).flatMap((category) =>
    result.algorithms[category].map(({ name, grade }) => [`${category} ${name}`, grade] as const),
  );
  return new Map(lists);
}

/** In the list of key exchanges, but none. */
const isMarker = (name: string) => /^kex (?:ext-info|kex-strict)-/.test(name);

describePeer(['sshd', 'ssh-audit-trixie'], 'beside ssh-audit', () => {
  it('finds what is weak in a server that is so on purpose', { timeout: 90_000 }, async () => {
    const config = {
      KexAlgorithms: [
        ...['diffie-hellman-group1-sha1', 'diffie-hellman-group14-sha1', 'diffie-hellman-group-exchange-sha1'],
        ...['diffie-hellman-group14-sha256', 'ecdh-sha2-nistp256', 'curve25519-sha256', 'sntrup761x25519-sha512@openssh.com'],
      ].join(','),
      HostKeyAlgorithms: 'ssh-rsa,rsa-sha2-256,ssh-ed25519,ecdsa-sha2-nistp256',
      Ciphers: '3des-cbc,aes128-cbc,aes256-cbc,aes128-ctr,aes256-gcm@openssh.com,chacha20-poly1305@openssh.com',
      MACs: 'hmac-md5,hmac-md5-96,hmac-sha1-96,hmac-sha1,umac-64@openssh.com,hmac-sha2-256,hmac-sha2-512-etm@openssh.com',
      // Not the only key: that of the harness has 3072 bits.
      HostKey: [
        keyPair('rsa-2048', { name: 'weak' }).path,
        keyPair('ed25519', { name: 'host' }).path,
        keyPair('ecdsa', { name: 'host' }).path,
      ],
    };
    await using sshd = await startSshd({ config });
    const { code, result } = await audit(sshd.port);
    expect(code).toBe(1);
    const ours = names(result);
    const theirs = await sshAudit(sshd.port);
    expect([...ours.keys()].sort()).toEqual([...theirs.keys()].filter((name) => !isMarker(name)).sort());
    // What we call weak nobody calls good.
    const weak = [...ours].filter(([, grade]) => grade === 'weak').map(([name]) => name);
    expect(weak.filter((name) => theirs.get(name) === 'info')).toEqual([]);
    expect(weak.sort()).toEqual([
      'ciphers 3des-cbc',
      'ciphers aes128-cbc',
      'ciphers aes256-cbc',
      'kex diffie-hellman-group1-sha1',
      'keys ssh-rsa',
      'macs hmac-md5',
      'macs hmac-md5-96',
      'macs hmac-sha1-96',
    ]);
    // What fails there is weak here or at least dated, but for the curves of NIST: that somebody may have chosen them badly is a
    // suspicion, and every server has them.
    const failing = [...theirs].filter(([name, worst]) => worst === 'fail' && !/nistp/.test(name)).map(([name]) => name);
    expect(failing.length).toBeGreaterThan(5);
    expect(failing.filter((name) => !['weak', 'dated'].includes(ours.get(name) ?? 'good'))).toEqual([]);
    expect(result.hostKeys.map(({ type, bits, grade }) => [type, bits, grade])).toEqual(
      expect.arrayContaining([
        ['ssh-rsa', 2048, 'dated'],
        ['ssh-ed25519', 256, 'good'],
        ['ecdsa-sha2-nistp256', 256, 'good'],
      ]),
    );
    expect(result.hostKeys.map(({ fingerprint }) => fingerprint)).toContain(keyPair('rsa-2048', { name: 'weak' }).fingerprint);
    expect(result).toMatchObject({ postQuantum: true, strictKex: true });
    expect(result.version.startsWith('SSH-2.0-OpenSSH_')).toBe(true);
    expect(result.weaknesses).toHaveLength(8);
  });

  it('finds nothing weak in amiko serve', { timeout: 90_000 }, async () => {
    await using serve = await startAmikoServe();
    const { code, result } = await audit(serve.port);
    expect([code, result.weaknesses]).toEqual([0, []]);
    const ours = names(result);
    const theirs = await sshAudit(serve.port);
    expect([...ours.keys()].sort()).toEqual([...theirs.keys()].filter((name) => !isMarker(name)).sort());
    expect([...ours].filter(([, grade]) => grade !== 'good')).toEqual([]);
    expect(result.hostKeys).toEqual([
      { type: 'ssh-ed25519', bits: 256, fingerprint: serve.hostKey.fingerprint, grade: 'good', reason: '' },
    ]);
    expect(result).toMatchObject({
      postQuantum: true,
      strictKex: true,
      negotiated: { kex: 'mlkem768x25519-sha256', postQuantum: true },
    });
  });
});

describePeer('sshd', 'a host key that is too small', () => {
  it('is weak, though no client of ours takes it', async () => {
    const small = await run('ssh-keygen', [
      '-q',
      '-t',
      'rsa',
      '-b',
      '1024',
      '-N',
      '',
      '-f',
      keyPair('rsa', { name: 'dir' }).path.replace(/[^/]*$/, 'small'),
    ]);
    expect(small.code).toBe(0);
    const file = keyPair('rsa', { name: 'dir' }).path.replace(/[^/]*$/, 'small');
    await using sshd = await startSshd({ config: { HostKey: file, RequiredRSASize: '1024' }, hostKeys: ['rsa'] });
    const { code, result } = await audit(sshd.port);
    expect(code).toBe(1);
    expect(result.hostKeys).toMatchObject([{ type: 'ssh-rsa', fingerprint: null, grade: 'weak' }]);
    expect(result.hostKeys[0]?.reason).toContain('1024 bits');
  });
});

describe('what people see', () => {
  it('is a report that ends with the verdict', async () => {
    await using serve = await startAmikoServe();
    const { code, stdout } = await run(process.execPath, [amikoBin, 'audit', `127.0.0.1:${serve.port}`]);
    const text = stdout.toString();
    expect(code).toBe(0);
    expect(text).toMatch(/^127\.0\.0\.1 port \d+: SSH-2\.0-amiko_/);
    expect(text).toContain(serve.hostKey.fingerprint);
    expect(text.endsWith('\nNothing is weak.\n')).toBe(true);
    expect(text.includes('\x1b')).toBe(false);
  });
});
