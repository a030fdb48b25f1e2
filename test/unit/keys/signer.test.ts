// A key that is somewhere else (an agent, hardware, a cloud service) is whoever can sign for it: as a host key and for a login,
// asynchronously, on both sides of one connection.
import { expect, it } from 'vitest';
import { generateKey, type PrivateKey, type PublicKey, type Signer } from '../../../src/keys.ts';
import { closePair, OpenServer, transportPair } from '../../support/transport-pair.ts';

class Remote implements Signer {
  readonly costly = true;
  asked = 0;
  readonly #key: PrivateKey;
  constructor(key: PrivateKey) {
    this.#key = key;
  }
  get publicKey(): PublicKey {
    return this.#key.publicKey;
  }
  get algorithms(): Signer['algorithms'] {
    return this.#key.algorithms;
  }
  async sign(...args: Parameters<Signer['sign']>): Promise<Uint8Array> {
    this.asked++;
    await new Promise((resolve) => setImmediate(resolve));
    return this.#key.sign(...args);
  }
}

class KeyServer extends OpenServer {
  user: PublicKey | null = null;
  override getAllowedAuths(): string[] {
    return ['publickey'];
  }
  override checkAuthPublickey(_name: string, key: PublicKey): 'successful' | 'failed' {
    return this.user?.equals(key) ? 'successful' : 'failed';
  }
}

it.each(['ed25519', 'ecdsa', 'rsa'] as const)('%s', async (type) => {
  const [host, user] = [
    new Remote(await generateKey(type, type === 'rsa' ? { bits: 2048 } : {})),
    new Remote(await generateKey(type)),
  ];
  const server = new KeyServer();
  server.user = user.publicKey;
  const pair = transportPair({ interface: server });
  try {
    // Over the pair's own host key: a server has one key of a type.
    pair.server.addServerKey(host);
    const algorithms = host.algorithms.filter((name) => name !== 'ssh-rsa');
    pair.client.getSecurityOptions().keyTypes = algorithms;
    await pair.client.connect({ hostKey: host.publicKey, username: 'me', privateKey: user });
    expect(pair.client.isAuthenticated()).toBe(true);
    expect([host.asked, user.asked]).toEqual([1, 1]);
  } finally {
    await closePair(pair);
  }
});
