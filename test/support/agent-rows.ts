// What somebody may try with keys that are limited to hosts, as rows of messages with the answers that are due: `+` is yes, `-` no, a
// number how many keys are listed.

import { constraints } from './agent-constraint-rows.ts';
import * as raw from './agent-messages.ts';
import {
  a,
  add,
  aToB,
  at,
  authA,
  authB,
  authC,
  b,
  bToC,
  c,
  ca,
  certificate,
  certified,
  certifiedUser,
  cut,
  fwdA,
  fwdB,
  here,
  id,
  logIn,
  many,
  on,
  other,
  type Row,
  rsa,
  signs,
  sshsig,
  toA,
  user,
  userCertificate,
  viaCa,
} from './agent-world.ts';

const allowed: readonly Row[] = [
  { name: 'one hop', expected: '+1+1+', steps: [add(toA), raw.list, authA, raw.list, logIn(a)] },
  { name: 'one hop, in a request without the host', expected: '+++', steps: [add(toA), authA, logIn(a, { hostKey: null })] },
  { name: 'one of several hosts', expected: '+++', steps: [add(raw.destination(here, at(c)), toA), authA, logIn(a)] },
  {
    name: 'one of several keys of a host',
    expected: '+++',
    steps: [
      add(raw.destination(here, { host: 'h', keys: [c, a].map(({ publicKey: { blob } }) => ({ blob })) })),
      authA,
      logIn(a),
    ],
  },
  { name: 'two hops', expected: '++1+1+', steps: [add(toA, aToB), fwdA, raw.list, authB, raw.list, logIn(b)] },
  {
    name: 'three hops',
    expected: '++1+1+1+',
    steps: [add(toA, aToB, bToC), fwdA, raw.list, fwdB, raw.list, authC, raw.list, logIn(c)],
  },
  {
    name: 'an RSA key',
    expected: '++++',
    steps: [
      raw.addKey(rsa, raw.restrict(toA)),
      authA,
      logIn(a, { key: rsa.publicKey, flags: 4, algorithm: 'rsa-sha2-512' }),
      logIn(a, { key: rsa.publicKey, flags: 2, algorithm: 'rsa-sha2-256' }),
    ],
  },
  {
    name: 'a key with a certificate',
    expected: '++++-',
    steps: [
      raw.addKey(user, raw.restrict(toA), userCertificate),
      raw.addKey(user, raw.restrict(raw.destination(here, at(b)))),
      authA,
      logIn(a, { key: certifiedUser }),
      logIn(a),
    ],
  },
  {
    name: 'beside one without limits',
    expected: '+++2-+',
    steps: [
      add(toA),
      raw.addKey(other, raw.CONFIRM.subarray(1)),
      fwdB,
      raw.list,
      logIn(b),
      logIn(b, { key: other.publicKey }),
    ].map((step, index) => (index === 3 ? on(1, step) : step)),
  },
  {
    name: 'other limits as well',
    expected: '+++',
    steps: [raw.addKey(user, Buffer.concat([raw.LIFETIME(60), raw.restrict(toA)])), authA, logIn(a)],
  },
];

const users = (pattern: string, names: readonly string[], expected: string): Row => ({
  name: `as ${pattern}: ${names.join(', ')}`,
  expected: `++${expected}`,
  steps: [add(raw.destination(here, at(a, pattern))), authA, ...names.map((name) => logIn(a, { user: name }))],
});

const stopped: readonly Row[] = [
  { name: 'no binding', expected: '+1-', steps: [add(toA), raw.list, logIn(a)] },
  { name: 'another host', expected: '++0-', steps: [add(toA), authB, raw.list, logIn(b)] },
  {
    name: 'another host, claimed to be the right one',
    expected: '++--',
    steps: [add(toA), authB, logIn(a), logIn(a, { session: 'b' })],
  },
  { name: 'another session', expected: '++-', steps: [add(toA), authA, logIn(a, { session: 'b' })] },
  { name: 'another host in the request', expected: '++-', steps: [add(toA), authA, logIn(b, { session: 'a' })] },
  {
    name: 'anything but a login',
    expected: '++----+',
    steps: [add(toA), authA, signs(new Uint8Array(0)), signs(Buffer.from('x')), signs(sshsig), signs(id('a')), logIn(a)],
  },
  {
    name: 'anything but the login',
    expected: '++-----------',
    steps: [
      add(toA),
      authA,
      logIn(a, { trailing: 'x' }),
      logIn(a, { signs: 0 }),
      logIn(a, { signs: 2 }),
      logIn(a, { service: 'ssh-userauth' }),
      logIn(a, { method: 'password' }),
      logIn(a, { method: 'publickey' }),
      logIn(a, { hostKey: null, method: 'publickey-hostbound-v00@openssh.com' }),
      logIn(a, { type: 51 }),
      logIn(a, { algorithm: 'ecdsa-sha2-nistp256' }),
      logIn(a, { algorithm: userCertificate.type }),
      logIn(a, { blob: other.publicKey.blob }),
    ],
  },
  {
    name: 'a login that is cut off',
    expected: `++${'-'.repeat(8)}`,
    steps: [
      add(toA),
      authA,
      ...[1, 4, 55, 60, 120, 130, 150, 180].map((bytes) => {
        const data = raw.login(user.publicKey, id('a'), { hostKey: a.publicKey.blob });
        return signs(data.subarray(0, data.length - bytes));
      }),
    ],
  },
  { name: 'a binding for forwarding', expected: '++0-', steps: [add(toA), fwdA, raw.list, logIn(a)] },
  {
    name: 'a binding for forwarding, of a key that goes on',
    expected: '++1-',
    steps: [add(toA, aToB), fwdA, raw.list, logIn(a)],
  },
  { name: 'two hops for a key of one', expected: '++0+0-', steps: [add(toA), fwdA, raw.list, authB, raw.list, logIn(b)] },
  { name: 'two hops in the other order', expected: '+++0-', steps: [add(toA, aToB), fwdB, authA, raw.list, logIn(a)] },
  {
    name: 'two hops of which the first is not allowed',
    expected: '++0+0-',
    steps: [add(aToB), fwdA, raw.list, authB, raw.list, logIn(b)],
  },
  { name: 'the second hop without the first', expected: '++0-', steps: [add(toA, aToB), authB, raw.list, logIn(b)] },
  { name: 'a third hop', expected: '++++0-', steps: [add(toA, aToB), fwdA, fwdB, authC, raw.list, logIn(c)] },
  { name: 'back to where it came from', expected: '++++0-', steps: [add(toA, aToB), fwdA, fwdB, authC, raw.list, logIn(a)] },
  {
    name: 'two hops with a request that names no host, or the first',
    expected: '+++--+',
    steps: [add(toA, aToB), fwdA, authB, logIn(b, { hostKey: null }), logIn(a, { session: 'b' }), logIn(b)],
  },
  {
    name: 'the first session at the second host',
    expected: '+++-',
    steps: [add(toA, aToB), fwdA, authB, logIn(b, { session: 'a' })],
  },
  users('root', ['root', 'Root', 'roo', 'rootx', '', ' root'], '+-----'),
  users('r*', ['root', 'r', 'admin'], '++-'),
  users('?oot', ['root', 'boot', 'oot', 'broot'], '++--'),
  users('?', ['x', 'ä', 'xx'], '+--'),
  users('??', ['x', 'ä', 'xx'], '-++'),
  users('a,b', ['a', 'b', 'a,b'], '--+'),
  users('!a', ['b', '!a'], '-+'),
  users('*', ['x'.repeat(1_000)], '+'),
  {
    name: 'as one user on the way, which nobody can know, and another at the end',
    expected: '+++-+',
    steps: [
      add(raw.destination(here, at(a, 'alice')), raw.destination(at(a), at(b, 'bob'))),
      fwdA,
      authB,
      logIn(b, { user: 'alice' }),
      logIn(b, { user: 'bob' }),
    ],
  },
  {
    name: 'as another user at the first hop than at the second',
    expected: '++-',
    steps: [add(raw.destination(here, at(a, 'x')), aToB), authA, logIn(a)],
  },
];

const bindings: readonly Row[] = [
  {
    name: 'a bad signature, then a good one',
    expected: '+-0-+1+',
    oldest: '+-1-+1+',
    steps: [add(toA), await raw.bind(a, id('a'), { signed: id('b') }), raw.list, logIn(a), authA, raw.list, logIn(a)],
  },
  {
    name: 'a signature by another',
    expected: '+-0-',
    oldest: '+-1-',
    steps: [add(toA), await raw.bind(a, id('a'), { signer: b }), raw.list, logIn(a)],
  },
  {
    name: 'nothing at all',
    expected: '+-0',
    oldest: '+-1',
    steps: [add(toA), raw.extension('session-bind@openssh.com'), raw.list],
  },
  {
    name: 'cut off',
    expected: '+------0',
    oldest: '+------1',
    steps: [add(toA), ...[1, 2, 20, 90, 130, 150].map((bytes) => cut(authA, bytes)), raw.list],
  },
  {
    name: 'with bytes too many',
    expected: '++',
    stricter: '+-',
    steps: [add(toA), { ...authA, body: Buffer.concat([authA.body, id('')]) }],
  },
  { name: 'after one for a login', expected: '++---1+', steps: [add(toA, aToB), authA, authB, fwdB, authA, raw.list, logIn(a)] },
  { name: 'the same twice, for forwarding', expected: '++++1+', steps: [add(toA, aToB), fwdA, fwdA, authB, raw.list, logIn(b)] },
  { name: 'the same again, for a login', expected: '+++1-', steps: [add(toA, aToB), fwdA, authA, raw.list, logIn(a)] },
  {
    name: 'a session of another host',
    expected: '++-1',
    steps: [add(toA, aToB), fwdA, await raw.bind(b, id('a')), raw.list],
  },
  { name: 'sixteen of them, and one more', expected: `+${'+'.repeat(16)}-`, steps: [add(toA), ...many] },
  {
    name: 'a session identifier that is too long',
    expected: '++',
    stricter: '+-',
    steps: [add(toA), await raw.bind(a, Buffer.alloc(129, 1))],
  },
  {
    name: 'an empty session identifier',
    expected: '++-',
    stricter: '+--',
    steps: [
      add(toA),
      await raw.bind(a, new Uint8Array(0)),
      signs(raw.login(user.publicKey, new Uint8Array(0), { hostKey: a.publicKey.blob })),
    ],
  },
  { name: 'a session identifier of the longest', expected: '++', steps: [add(toA), await raw.bind(a, Buffer.alloc(128, 1))] },
  {
    name: 'other connections have none',
    expected: '++1+0-1',
    steps: [add(toA), authA, raw.list, on(1, authB), on(1, raw.list), on(1, logIn(a)), on(2, raw.list)],
  },
  {
    name: 'while the agent is locked',
    expected: '++0+-+1+',
    old: '++0--+1-',
    steps: [add(toA), raw.lock('x'), raw.list, authA, logIn(a), raw.unlock('x'), raw.list, logIn(a)],
  },
];

const managing: readonly Row[] = [
  {
    name: 'removing what cannot be seen, and what can',
    expected: '++-++0',
    steps: [
      add(toA),
      on(1, authB),
      on(1, raw.removeKey(user.publicKey.blob)),
      authA,
      raw.removeKey(user.publicKey.blob),
      on(2, raw.list),
    ],
  },
  {
    name: 'freeing a key by adding it again',
    expected: '++--0+1+',
    steps: [
      add(toA),
      authB,
      raw.addKey(user, new Uint8Array(0)),
      add(raw.destination(here, at(b))),
      raw.list,
      on(1, add(raw.destination(here, at(b)))),
      raw.list,
      logIn(b),
    ],
  },
  { name: 'removing all', expected: '+++0', steps: [add(toA), authB, raw.removeAll, on(1, raw.list)] },
];

const authorities: readonly Row[] = [
  await certified('for it', {}, '++1+'),
  await certified('for a pattern', { principals: ['x', '*'] }, '++1+', { old: '++0-', stricter: '++0-' }),
  await certified('for another host', { principals: ['hh', 'H', ''] }, '++0-'),
  await certified('for nobody in particular', { principals: [] }, '++0-', { old: '++1+' }),
  await certified('of a user', { kind: 'user' }, '++0-'),
  await certified('that has expired', { until: 1n }, '++0-'),
  await certified('with an option', { option: 'force-command' }, '++0-'),
  await certified('by another authority', { authority: b }, '++0-'),
  {
    name: "the authority's own key as a host's",
    expected: '++0-',
    steps: [add(raw.destination(here, viaCa())), await raw.bind(ca, id('ca')), raw.list, logIn(ca)],
  },
  {
    name: 'the certified key without its certificate',
    expected: '++0-',
    steps: [add(raw.destination(here, viaCa())), authA, raw.list, logIn(a)],
  },
  {
    name: 'a certificate where the plain key is known',
    expected: '++0-',
    steps: [add(toA), await raw.bind(a, id('a'), { blob: certificate }), raw.list, logIn(a, { hostKey: certificate })],
  },
  {
    name: 'a certificate in the binding and the plain key in the request',
    expected: '++--+',
    steps: [
      add(raw.destination(here, viaCa())),
      await raw.bind(a, id('a'), { blob: certificate }),
      logIn(a),
      logIn(b, { session: 'a' }),
      logIn(a, { hostKey: certificate }),
    ],
  },
  {
    name: 'a certificate as a known key',
    expected: '++0',
    steps: [
      add(raw.destination(here, { host: 'h', keys: [{ blob: certificate }, { blob: certificate, ca: true }] })),
      await raw.bind(a, id('a'), { blob: certificate }),
      raw.list,
    ],
  },
  {
    name: 'an authority on the way',
    expected: '+++1+',
    steps: [
      add(raw.destination(here, viaCa()), raw.destination(viaCa(), at(b))),
      await raw.bind(a, id('a'), { blob: certificate, forwarding: true }),
      authB,
      raw.list,
      logIn(b),
    ],
  },
  {
    name: 'an authority on the way, with the certificate of another host',
    expected: '+++0-',
    steps: [
      add(raw.destination(here, viaCa()), raw.destination(viaCa('other'), at(b))),
      await raw.bind(a, id('a'), { blob: certificate, forwarding: true }),
      authB,
      raw.list,
      logIn(b),
    ],
  },
];

/** All of them, by what they are about. */
export const rows: Readonly<Record<string, readonly Row[]>> = { allowed, stopped, bindings, managing, constraints, authorities };
