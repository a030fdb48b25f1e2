// authorized_keys, line by line: what lets whom in, and what they may do then.

import { beforeAll, describe, expect, it } from 'vitest';
import { generateKey, type PrivateKey, type SignCertificateOptions, signCertificate } from '../../../src/keys.ts';
import { matchesFrom, matchesSourceAddress } from '../../../src/server/addresses.ts';
import { AuthorizedKeys } from '../../../src/server/authorized-keys.ts';
import { everything, mayListen, mayOpen, restricted } from '../../../src/server/grant.ts';

let key: PrivateKey;
let ca: PrivateKey;
const now = Date.now() / 1000;

beforeAll(async () => {
  key = await generateKey('ed25519');
  ca = await generateKey('ed25519');
});

const parse = (options: string, who = key) =>
  AuthorizedKeys.parse(`${options}${options === '' ? '' : ' '}${who.publicKey} me\n`, 'ak');
const ask = (keys: AuthorizedKeys, change: object = {}) =>
  keys.authorize({ user: 'alice', key: key.publicKey, address: '192.0.2.7', now, ...change });

describe('a line', () => {
  it.each([
    ['', everything],
    ['restrict', restricted],
    ['restrict,pty', { ...restricted, pty: true }],
    ['pty,restrict', restricted],
    ['RESTRICT,Port-Forwarding,X11-forwarding,agent-forwarding', { ...everything, pty: false }],
    ['no-pty', { ...everything, pty: false }],
    ['no-port-forwarding,no-X11-forwarding,no-agent-forwarding', { ...restricted, pty: true }],
    ['no-user-rc,user-rc,tunnel="0",tunnel="ANY",tunnel="2147483645"', everything],
    // They lift nothing of what was taken away.
    ['restrict,user-rc,tunnel="any"', restricted],
    ['tunnel="any",restrict,user-rc,pty', { ...restricted, pty: true }],
    ['no-pty,user-rc', { ...everything, pty: false }],
    ['command="echo \\"a, b\\" # c"', { ...everything, command: 'echo "a, b" # c' }],
    ['environment="A=1",environment="B=x=y",environment="A=2"', { ...everything, environment: { A: '1', B: 'x=y' } }],
    ['no-touch-required,verify-required', { ...everything, touchRequired: false, verifyRequired: true }],
    // What a FIDO device must do is no permission: restrict neither asks for it nor lets it be.
    ['no-touch-required,verify-required,restrict', { ...restricted, touchRequired: false, verifyRequired: true }],
    ['no-touch-required,touch-required,verify-required,no-verify-required', everything],
    ['command=""', { ...everything, command: '' }],
    [
      'permitopen="a:1",permitopen="[::1]:*"',
      {
        ...everything,
        permitOpen: [
          { host: 'a', port: 1 },
          { host: '::1', port: null },
        ],
      },
    ],
    [
      'permitlisten="8080",permitlisten="*.x:*"',
      {
        ...everything,
        permitListen: [
          { host: '*', port: 8080 },
          { host: '*.x', port: null },
        ],
      },
    ],
  ])('with %s grants that', (options, grant) => {
    expect(ask(parse(options))).toEqual({ granted: grant, by: 'ak:1' });
  });

  it.each([
    ['nonsense', /not known/],
    ['command', /needs a value/],
    ['command=true', /not in quotes/],
    ['command="true', /not closed/],
    ['pty="x"', /takes no value/],
    ['pty,,restrict', /no name/],
    ['pty,', /no name/],
    ['environment="A B=1"', /not a variable/],
    ['environment="A"', /not a variable/],
    ['permitopen="a"', /host and port/],
    ['permitopen="a:0"', /host and port/],
    ['permitopen="a:70000"', /host and port/],
    ['permitopen="8080"', /host and port/],
    ['permitopen="a:1,b:2"', /host and port/],
    ['permitopen="a,b:2"', /host and port/],
    ['permitopen="/socket:1"', /host and port/],
    ['permitlisten="1,2"', /host and port/],
    ['permitlisten="0"', /host and port/],
    ['permitlisten="a:0"', /host and port/],
    ['permitlisten=""', /host and port/],
    ['permitlisten', /needs a value/],
    ['restrict=""', /takes no value/],
    ['expiry-time=""', /YYYYMMDD/],
    ['expiry-time="2020"', /YYYYMMDD/],
    ['expiry-time="20200231"', /not a time/],
    ['principals="a"', /cert-authority/],
    ['command="first",command="second"', /'command' twice/],
    ['from="*",FROM="192.0.2.7"', /'from' twice/],
    ['cert-authority,principals="a",principals="b"', /'principals' twice/],
    ['tunnel="x"', /tunnel/],
    ['tunnel="2147483646"', /tunnel/],
    ['tunnel="1:2"', /tunnel/],
    ['tunnel=""', /tunnel/],
    ['no-tunnel="1"', /not known/],
    ['user-rc="yes"', /takes no value/],
  ])('with %s is refused, with file and line', (options, why) => {
    expect(() => parse(options)).toThrow(why);
    expect(() => parse(options)).toThrow(/^ak:1: /);
  });

  it('without a key, or with another type in front, is refused', () => {
    expect(() => AuthorizedKeys.parse('restrict\n', 'ak')).toThrow(/^ak:1: /);
    expect(() => AuthorizedKeys.parse(`# fine\n\nssh-rsa ${key.publicKey.getBase64()}\n`, 'ak')).toThrow(/^ak:3: /);
  });

  it('with a key of a type that is not supported is passed over, and said', () => {
    const said: string[] = [];
    const text = `ssh-dss AAAAB3NzaC1kc3M= old\nrestrict ssh-new@example.com AAAA\n${key.publicKey}\n`;
    const keys = AuthorizedKeys.parse(text, 'ak', (message) => said.push(message));
    expect(ask(keys)).toEqual({ granted: everything, by: 'ak:3' });
    expect(said).toEqual([
      expect.stringMatching(/^ak:1: skipped: ssh-dss \(DSA\) is broken/),
      expect.stringMatching(/^ak:2: skipped: unsupported key type 'ssh-new@example\.com'/),
    ]);
    // What it would not let in, it must not hide: its options are looked at all the same.
    expect(() => AuthorizedKeys.parse('nonsense ssh-dss AAAA\n', 'ak')).toThrow(/not known/);
  });

  it('lets nobody else in', async () => {
    const other = await generateKey('ed25519');
    expect(ask(parse('', other))).toEqual({ granted: null, why: 'no line has the key', near: false });
  });

  it('counts only while it lasts, and the first that fits is the one', () => {
    expect(ask(parse('expiry-time="20200101"'))).toMatchObject({ granted: null, why: 'ak:1: the line has expired' });
    for (const zone of ['', 'Z', 'z', 'UTC', 'utc']) {
      expect(ask(parse(`expiry-time="29990101${zone}"`)).granted).toEqual(everything);
      expect(ask(parse(`expiry-time="20200101${zone}"`)).granted).toBeNull();
    }
    expect(ask(parse('expiry-time="29990101",expiry-time="20200101"')).granted).toBeNull();
    const two = AuthorizedKeys.parse(`from="10.0.0.1" ${key.publicKey}\nrestrict ${key.publicKey}\n${key.publicKey}\n`, 'ak');
    expect(ask(two)).toEqual({ granted: restricted, by: 'ak:2' });
    expect(ask(two, { address: '10.0.0.1' })).toEqual({ granted: everything, by: 'ak:1' });
  });
});

describe('from', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7', true],
    ['192.0.2.7', '::ffff:192.0.2.7', true],
    ['192.0.2.*', '192.0.2.7', true],
    ['192.0.2.?', '192.0.2.77', false],
    ['192.0.2.0/24', '192.0.2.7', true],
    ['192.0.2.0/24,!192.0.2.7', '192.0.2.7', false],
    ['!192.0.2.0/24,*', '192.0.2.7', false],
    ['!10.0.0.0/8,*', '192.0.2.7', true],
    ['!10.0.0.0/8', '192.0.2.7', false],
    ['2001:db8::/32', '2001:db8::1', true],
    ['2001:db8::/32', '192.0.2.7', false],
    ['2001:DB8::1', '2001:db8::1', true],
    ['host.example.com', '192.0.2.7', false],
    ['*,192.0.2.0/33', '192.0.2.7', false],
    ['192.0.2.0/33,*', '192.0.2.7', false],
    // Bits behind the prefix, and an entry that is empty: mistakes for sshd, which lets nobody in then.
    ['192.0.2.7/24', '192.0.2.7', false],
    ['*,192.0.2.7/24', '192.0.2.7', false],
    ['2001:db8::1/32', '2001:db8::1', false],
    ['192.0.2.7,', '192.0.2.7', false],
    [',192.0.2.7', '192.0.2.7', false],
    ['!,*', '192.0.2.7', false],
    ['::ffff:192.0.2.0/120', '192.0.2.7', false],
    ['', '192.0.2.7', false],
  ])('%s for %s: %s', (list, address, lets) => {
    expect(matchesFrom(list, address)).toBe(lets);
  });
});

describe('source-address', () => {
  it.each([
    ['192.0.2.7', true],
    ['10.0.0.0/8,192.0.2.0/24', true],
    ['10.0.0.0/8', false],
    ['192.0.2.*', false],
    ['*', false],
    ['', false],
    ['192.0.2.7,nonsense', false],
    ['192.0.2.7/', false],
    ['192.0.2.7/24', false],
    ['192.0.2.7,', false],
  ])('%s: %s', (list, lets) => expect(matchesSourceAddress(list, '192.0.2.7')).toBe(lets));
});

describe('an authority', () => {
  const certified = async (change: Partial<SignCertificateOptions> = {}, by = ca) => {
    const options: SignCertificateOptions = { kind: 'user', keyId: 'id', principals: ['alice'], ...change };
    return { key: (await signCertificate(by, key.publicKey, options)).publicKey };
  };
  const all = { ...everything };

  it('lets its certificates in, with what both grant', async () => {
    const keys = parse('cert-authority', ca);
    expect(ask(keys, await certified())).toMatchObject({ granted: all, by: "ak:1, certificate 'id' serial 0" });
    expect(ask(keys, await certified({ extensions: {} })).granted).toEqual(restricted);
    expect(ask(parse('cert-authority,no-pty', ca), await certified()).granted).toEqual({ ...everything, pty: false });
    const forced = { criticalOptions: { 'force-command': 'true' } };
    expect(ask(keys, await certified(forced)).granted?.command).toBe('true');
    expect(ask(parse('cert-authority,command="true"', ca), await certified(forced)).granted?.command).toBe('true');
    expect(ask(parse('cert-authority,command="id"', ca), await certified(forced))).toMatchObject({ granted: null, near: true });
  });

  it.each([
    ['for another user', '', { principals: ['bob'] }, /principals/],
    ['whose principal only looks like the user', '', { principals: ['alic'] }, /principals/],
    ['for a user where others are asked for', ',principals="carol,dave"', {}, /principals/],
    ['that has expired', '', { validAfter: new Date(1e9), validBefore: new Date(2e9) }, /expired/],
    ['that is not yet valid', '', { validAfter: new Date(Date.now() + 1e9) }, /not yet/],
    ['of a host', '', { kind: 'host', extensions: {} }, /host certificate/],
    ['for other addresses', '', { criticalOptions: { 'source-address': '10.0.0.0/8' } }, /not good for clients at/],
    ['for no addresses', '', { criticalOptions: { 'source-address': '' } }, /source-address/],
    ['whose forced command ends early for some', '', { criticalOptions: { 'force-command': 'true\0; id' } }, /'force-command'/],
    ['with a permission that says more', '', { extensions: { 'permit-pty': 'x' } }, /'permit-pty'.*value/],
    ['with an option that nobody knows', '', { criticalOptions: { 'new-thing': 'x' } }, /'new-thing'/],
    ['for here, on a line for elsewhere', ',from="10.0.0.1"', {}, /not from/],
  ] as const)('does not let one in %s', async (_name, options, change, why) => {
    const decided = ask(parse(`cert-authority${options}`, ca), await certified(change as Partial<SignCertificateOptions>));
    expect(decided).toMatchObject({ granted: null, near: true, why: expect.stringMatching(why) });
  });

  it('and its principals, addresses and PINs are what counts', async () => {
    expect(ask(parse('cert-authority,principals="carol,alice"', ca), await certified()).granted).toEqual(everything);
    const near = { criticalOptions: { 'source-address': '192.0.2.0/24', 'verify-required': '' } };
    expect(ask(parse('cert-authority', ca), await certified(near)).granted).toEqual({ ...everything, verifyRequired: true });
  });

  it('is not a plain key, nor the other way round, nor somebody else', async () => {
    expect(ask(parse('', ca), await certified()).granted).toBeNull();
    expect(ask(parse('cert-authority')).granted).toBeNull();
    expect(ask(parse(''), await certified()).granted).toBeNull();
    expect(ask(parse('cert-authority', ca), await certified({}, await generateKey('ed25519'))).granted).toBeNull();
  });
});

describe('places', () => {
  const places = [
    { host: 'db', port: 5432 },
    { host: '10.0.0.1', port: null },
    { host: '*', port: 80 },
  ];
  it.each([
    ['db', 5432, true],
    ['DB', 5432, false],
    ['db', 5433, false],
    ['10.0.0.1', 9, true],
    ['anything', 80, true],
    ['anything', 81, false],
  ])('connecting to %s:%i: %s', (host, port, may) => {
    expect(mayOpen({ ...everything, permitOpen: places }, host, port)).toBe(may);
    expect(mayOpen({ ...everything, permitOpen: places, portForwarding: false }, host, port)).toBe(false);
  });

  it.each([
    ['localhost', 8080, true],
    ['', 8080, true],
    ['localhost', 8081, false],
    ['a.example', 9, true],
    ['', 9, false],
  ])('listening at %s:%i: %s', (host, port, may) => {
    const permitListen = [
      { host: '*', port: 8080 },
      { host: '*.example', port: null },
    ];
    expect(mayListen({ ...everything, permitListen }, host, port)).toBe(may);
  });
});
