// `-Y find-principals` beside ssh-keygen: whom a file of allowed signers names for a signature, by a key and by a certificate.

import { copyFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { keygen, same, theirs } from '../support/amiko-keygen.ts';
import { describePeer, keyPair, type TempDir, tempDir } from '../support/peers.ts';

const publicKey = (line: string) => line.split(' ', 2).join(' ');
const [key, ca, other] = [
  keyPair('ed25519', { name: 'signer' }),
  keyPair('ecdsa', { name: 'ca' }),
  keyPair('ed25519', { name: 'other' }),
];
const K = publicKey(key.publicLine);
const CA = publicKey(ca.publicLine);
const OTHER = publicKey(other.publicLine);
const USER = ['-n', 'alice@x,bob@x,carol@y', '-V', '20200101:20400101'];

/** What each kind of signature is found for, null where nobody is. */
type Found = readonly string[] | null;
const cases: [what: string, lines: string, byKey: Found, byCertificate: Found, options?: string[]][] = [
  ['names', `a@x,b@x ${K}\n`, ['a@x', 'b@x'], null],
  ['names in quotes', `"a b@x,c" ${K}\n`, ['a b@x', 'c'], null],
  ['patterns', `!a@x,*@x,? ${K}\n`, ['!a@x', '*@x', '?'], null],
  ['the first line that fits', `c@x ${OTHER}\n# no\n\na@x,b@x ${K}\nc@x ${K}\n`, ['a@x', 'b@x'], null],
  ['another key', `a@x ${OTHER}\n`, null, null],
  ['the authority as a key', `*@x ${CA}\n`, null, null],
  ['a key as an authority', `*@x cert-authority ${K}\n`, null, null],
  ['an authority', `*@x cert-authority ${CA}\n`, null, ['alice@x', 'bob@x']],
  ['an authority for all', `* cert-authority ${CA}\n`, null, ['alice@x', 'bob@x', 'carol@y']],
  ['an authority for a name', `bob@x cert-authority ${CA}\n`, null, ['bob@x']],
  ['an authority for several patterns', `carol@*,b*,dave cert-authority ${CA}\n`, null, ['carol@y', 'bob@x']],
  ['patterns that overlap', `bob@x,*@x,*ob@x cert-authority ${CA}\n`, null, ['bob@x', 'alice@x', 'bob@x', 'bob@x']],
  ['an authority for others, then for these', `z@z cert-authority ${CA}\n*@y cert-authority ${CA}\n`, null, ['carol@y']],
  ['an authority for others', `z@z cert-authority ${CA}\n`, null, null],
  ['an authority, then the key', `*@x cert-authority ${CA}\nme ${K}\n`, ['me'], ['alice@x', 'bob@x']],
  ['the key, then its authority', `me ${K}\n*@y cert-authority ${CA}\n`, ['me'], ['carol@y']],
  [
    'what it is for does not matter yet',
    `a@x namespaces="git" ${K}\n*@x cert-authority,namespaces="git" ${CA}\n`,
    ['a@x'],
    ['alice@x', 'bob@x'],
  ],
  [
    'a line that has expired',
    `a@x,* cert-authority,valid-before="20200202" ${CA}\n*@y cert-authority ${CA}\n`,
    null,
    ['carol@y'],
  ],
  ['a line that is not yet valid', `x@x valid-after="20390101" ${K}\ny@x ${K}\n`, ['y@x'], null],
  [
    'before the line was valid',
    `x valid-after="20210101" ${K}\n* cert-authority,valid-after="20210101" ${CA}\n`,
    null,
    null,
    ['-Overify-time=20200601'],
  ],
  [
    'when the line was valid',
    `x valid-before="20210101" ${K}\nbob@x cert-authority,valid-before="20210101" ${CA}\n`,
    ['x'],
    ['bob@x'],
    ['-Overify-time=20200601'],
  ],
  ['before the certificate was valid', `* cert-authority ${CA}\n`, null, null, ['-Overify-time=20190601']],
  ['after the certificate was valid', `* cert-authority ${CA}\nme ${K}\n`, ['me'], null, ['-Overify-time=20410101']],
];

describePeer('ssh-keygen', 'find-principals', () => {
  let dir: TempDir;
  const signatures = { key: '', certificate: '', ofHost: '', ofNobody: '' };

  beforeAll(async () => {
    dir = tempDir();
    const make = async (name: string, certificate: readonly string[] | null): Promise<string> => {
      const file = dir.join(name);
      copyFileSync(key.path, file);
      copyFileSync(key.publicPath, `${file}.pub`);
      if (certificate !== null) {
        const made = await theirs(['-q', '-s', ca.path, '-I', name, ...certificate, `${file}.pub`]);
        expect(made.code, made.stderr).toBe(0);
      }
      const signer = certificate === null ? file : `${file}-cert.pub`;
      const signed = await theirs(['-q', '-Y', 'sign', '-f', signer, '-n', 'file'], { input: 'message' });
      expect(signed.code, signed.stderr).toBe(0);
      return dir.write(`${name}.sig`, signed.stdout);
    };
    signatures.key = await make('plain', null);
    signatures.certificate = await make('certified', USER);
    signatures.ofHost = await make('host', ['-h', ...USER]);
    signatures.ofNobody = await make('nobody', ['-V', 'always:forever']);
  });

  afterAll(() => dir.remove());

  it.each(cases)('%s', async (_, lines, byKey, byCertificate, options = []) => {
    const allowed = dir.write('allowed', lines);
    for (const [signature, found] of [
      [signatures.key, byKey],
      [signatures.certificate, byCertificate],
    ] as const) {
      const { code, stdout } = await same(['-Y', 'find-principals', ...options, '-f', allowed, '-s', signature]);
      expect([code, stdout]).toEqual(found === null ? [255, ''] : [0, found.map((name) => `${name}\n`).join('')]);
    }
  });

  it('says nobody for certificates of hosts, and of nobody in particular', async () => {
    const allowed = dir.write('allowed', `* cert-authority ${CA}\n`);
    for (const signature of [signatures.ofHost, signatures.ofNobody]) {
      expect((await same(['-Y', 'find-principals', '-f', allowed, '-s', signature])).code).toBe(255);
    }
  });

  it('what it finds for a certificate is what verify lets through', async () => {
    // ssh-keygen lists alice@x here, too, and then does not let her through.
    const allowed = dir.write('allowed', `!alice@x,*@x cert-authority ${CA}\n`);
    const { stdout } = await keygen(['-Y', 'find-principals', '-f', allowed, '-s', signatures.certificate]);
    expect(stdout).toBe('bob@x\n');
    for (const [name, code] of [
      ['alice@x', 255],
      ['bob@x', 0],
      ['carol@y', 255],
    ] as const) {
      const verify = ['-Y', 'verify', '-f', allowed, '-I', name, '-n', 'file', '-s', signatures.certificate];
      expect((await same(verify, { input: 'message' })).code, name).toBe(code);
    }
  });
});
