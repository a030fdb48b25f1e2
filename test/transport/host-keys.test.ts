// Host key rotation (OpenSSH PROTOCOL section 2.5), our client against our server and against liars.
import { describe, expect, it } from 'vitest';
import { generateKey, type PublicKey, type Signer, type TransportOptions } from '../../src/index.ts';
import type { SignatureAlgorithm } from '../../src/keys.ts';
import { decodeStrings, encodeStrings, proofData } from '../../src/transport/host-key-proof.ts';
import { deferred, fingerprints, hostKey, loopback, OpenServer } from '../support/loopback.ts';

const ecdsa = generateKey('ecdsa');
const rsa = generateKey('rsa', { bits: 2048 });

/** A signer whose signatures are made by `sign` instead. */
function lying(key: Signer, sign: Signer['sign']): Signer {
  return { publicKey: key.publicKey, algorithms: key.algorithms, sign };
}

async function learn(hostKeys: readonly Signer[], options: TransportOptions = {}) {
  const learned = deferred<readonly PublicKey[]>();
  const lines: string[] = [];
  const log: NonNullable<TransportOptions['log']> = (_level, line) => {
    lines.push(line);
    if (/not prove|not learned/.test(line)) refused.resolve(line);
  };
  const refused = deferred<string>();
  const pair = await loopback({
    hostKeys,
    clientOptions: { algorithms: { kex: ['curve25519-sha256'] }, onHostKeys: learned.resolve, log, ...options },
  });
  return { ...pair, pair, learned: learned.promise, refused: refused.promise, lines };
}

describe('host key rotation', () => {
  it('gives the client all keys of the server, proven', async () => {
    const keys = [await hostKey(), await ecdsa, await rsa];
    const { pair, learned } = await learn(keys);
    await using _pair = pair;
    expect(fingerprints(await learned)).toEqual(fingerprints(keys.map((key) => key.publicKey)));
  });

  it('uses the agreed algorithm for an RSA key', async () => {
    const used: string[] = [];
    const key = await rsa;
    const watched = lying(key, (data, algorithm) => {
      used.push(algorithm);
      return key.sign(data, algorithm);
    });
    const { pair, learned } = await learn([watched, await hostKey()], {
      algorithms: { kex: ['curve25519-sha256'], keys: ['rsa-sha2-256', 'ssh-ed25519'] },
    });
    await using _pair = pair;
    expect(await learned).toHaveLength(2);
    // The RSA key was proven by the key exchange, so it was not asked for again.
    expect(used).toEqual(['rsa-sha2-256']);
    const answer = await pair.client.globalRequest('hostkeys-prove-00@openssh.com', encodeStrings([key.publicKey.blob]));
    const [signature] = decodeStrings(answer as Uint8Array) as [Uint8Array];
    const data = proofData(pair.client.sessionId as Uint8Array, key.publicKey.blob);
    expect(key.publicKey.verify(data, signature, 'rsa-sha2-256')).toBe(true);
    expect(used).toEqual(['rsa-sha2-256', 'rsa-sha2-256']);
  });

  it('leaves out a key whose proof is wrong, or for another session', async () => {
    const good = await ecdsa;
    const other = await generateKey('rsa', { bits: 2048 });
    // What the server verifies is right; only what reaches the client is for another session.
    const wrongSession = (data: Uint8Array, algorithm: SignatureAlgorithm) => {
      const bent = data.slice();
      bent[40] = (bent[40] as number) ^ 1;
      return other.sign(bent, algorithm);
    };
    const bent = lying(other, wrongSession);
    const blind = {
      ...bent,
      publicKey: new Proxy(other.publicKey, { get: (key, name) => (name === 'verify' ? () => true : bound(key, name)) }),
    };
    const { pair, learned, refused } = await learn([await hostKey(), good, blind as Signer]);
    await using _pair = pair;
    expect(fingerprints(await learned)).toEqual(fingerprints([(await hostKey()).publicKey, good.publicKey]));
    expect(await refused).toContain(other.publicKey.fingerprint);
  });

  it('tells nothing where the server refuses to prove', async () => {
    const failing = lying(await ecdsa, () => {
      throw new Error('the HSM is on fire');
    });
    const { pair, refused, learned } = await learn([await hostKey(), failing]);
    await using _pair = pair;
    expect(await refused).toContain('does not prove its other host keys');
    const told = await Promise.race([learned.then(() => true), pair.client.ping().then(() => false)]);
    expect(told).toBe(false);
  });

  it('asks for nothing, and says nothing, where nobody listens', async () => {
    let asked = 0;
    const key = await ecdsa;
    const counted = lying(key, (data, algorithm) => {
      asked++;
      return key.sign(data, algorithm);
    });
    await using pair = await loopback({ hostKeys: [await hostKey(), counted] });
    await pair.client.ping();
    await pair.client.openSession();
    expect(asked).toBe(0);
  });

  it('proves only its own keys, each once, and no long lists', async () => {
    await using pair = await loopback({ hostKeys: [await hostKey(), await ecdsa] });
    const ask = (blobs: readonly Uint8Array[]) =>
      pair.client.globalRequest('hostkeys-prove-00@openssh.com', encodeStrings(blobs));
    const own = (await ecdsa).publicKey.blob;
    expect(decodeStrings((await ask([own])) as Uint8Array)).toHaveLength(1);
    expect(await ask([])).toBeNull();
    expect(await ask([own, own])).toBeNull();
    expect(await ask([(await rsa).publicKey.blob])).toBeNull();
    expect(await ask(Array.from({ length: 65 }, () => own))).toBeNull();
    expect(await pair.client.globalRequest('hostkeys-prove-00@openssh.com', new Uint8Array([0, 0, 0, 9, 1]))).toBeNull();
  });

  it('ignores announcements that are malformed, too long, or come again, and keys it does not know', async () => {
    const calls: (readonly PublicKey[])[] = [];
    const first = deferred<void>();
    await using pair = await loopback({
      clientOptions: {
        algorithms: { kex: ['curve25519-sha256'] },
        onHostKeys: (keys) => {
          calls.push(keys);
          first.resolve();
        },
      },
    });
    await first.promise;
    const send = (data: Uint8Array) => pair.server.globalRequest('hostkeys-00@openssh.com', data, { wait: false });
    await send(encodeStrings([(await ecdsa).publicKey.blob]));
    await pair.server.ping();
    await pair.client.ping();
    expect(calls).toHaveLength(1);
    expect(calls[0]?.map((key) => key.fingerprint)).toEqual([(await hostKey()).publicKey.fingerprint]);
    expect(decodeStrings(encodeStrings(Array.from({ length: 64 }, () => new Uint8Array(1))))).toHaveLength(64);
    expect(decodeStrings(encodeStrings(Array.from({ length: 65 }, () => new Uint8Array(1))))).toBeNull();
    expect(decodeStrings(new Uint8Array([0, 0, 0, 9, 1]))).toBeNull();
  });

  it('comes after the login only', async () => {
    const learned = deferred<readonly PublicKey[]>();
    let told = false;
    await using pair = await loopback({
      login: false,
      server: new OpenServer(),
      clientOptions: {
        algorithms: { kex: ['curve25519-sha256'] },
        onHostKeys: (keys) => {
          told = true;
          learned.resolve(keys);
        },
      },
    });
    await expect(pair.client.authPassword('u', 'wrong')).rejects.toThrow('refused');
    expect(told).toBe(false);
    await pair.client.authPassword('u', 'p');
    expect(await learned.promise).toHaveLength(1);
  });
});

function bound(key: PublicKey, name: string | symbol): unknown {
  const value = Reflect.get(key, name, key) as unknown;
  return typeof value === 'function' ? value.bind(key) : value;
}

it('signs nothing for a client that wants no answer', async () => {
  const key = await hostKey();
  let signatures = 0;
  const counted = lying(key, (data, algorithm) => {
    signatures++;
    return key.sign(data, algorithm);
  });
  const { pair } = await learn([counted]);
  await using _pair = pair;
  const before = signatures;
  const blobs = encodeStrings([key.publicKey.blob]);
  for (let i = 0; i < 5; i++) await pair.client.globalRequest('hostkeys-prove-00@openssh.com', blobs, { wait: false });
  expect(await pair.client.globalRequest('hostkeys-prove-00@openssh.com', blobs)).not.toBeNull();
  expect(signatures - before).toBe(1);
});
