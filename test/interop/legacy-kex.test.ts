/**
 * The group exchange, the post-quantum exchange of older OpenSSH and everything that is kept for old peers, one at a time and in both
 * roles, against OpenSSH: data both ways, and an exchange of keys in between, so that what runs on from packet to packet is used.
 */
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { nodeCrypto } from '../../src/crypto/node/index.ts';
import type { CryptoProvider } from '../../src/crypto/provider.ts';
import {
  type AlgorithmOptions,
  type Channel,
  insecureAlgorithms,
  parseModuli,
  parsePublicKey,
  readModuli,
  readPrivateKey,
  ServerInterface,
  Transport,
  type TransportOptions,
} from '../../src/index.ts';
import {
  describePeer,
  keyPair,
  type PeerName,
  randomBytes,
  runPeer,
  type Sshd,
  sha256,
  startSshd,
  tempDir,
} from '../support/peers.ts';

const MODULI = '/etc/ssh/moduli';
const blob = randomBytes(300_000, 'legacy');
const GEX = 'diffie-hellman-group-exchange-sha256';
const weak = insecureAlgorithms();

/** What both sides are told to use, nothing else: a cipher or MAC only counts beside the other kind. */
type Choice = { readonly [C in 'kex' | 'keys' | 'pubkeys' | 'ciphers' | 'macs']?: string };

const choices: readonly (readonly [string, Choice])[] = [
  ...[GEX, 'sntrup761x25519-sha512@openssh.com', ...weak.kex].map((kex) => [kex, { kex }] as const),
  ...weak.ciphers.flatMap((ciphers) => [
    [`${ciphers} over hmac-sha1`, { ciphers, macs: 'hmac-sha1' }] as const,
    [`${ciphers} under an -etm MAC`, { ciphers, macs: 'hmac-sha2-256-etm@openssh.com' }] as const,
  ]),
  ...weak.macs.flatMap((macs) => [
    [macs, { ciphers: 'aes128-ctr', macs }] as const,
    [`${macs} with 3des-cbc`, { ciphers: '3des-cbc', macs }] as const,
  ]),
  ['ssh-rsa for host and user', { keys: 'ssh-rsa', pubkeys: 'ssh-rsa' }],
];

const KEYWORDS = {
  kex: 'KexAlgorithms',
  ciphers: 'Ciphers',
  macs: 'MACs',
  keys: 'HostKeyAlgorithms',
  pubkeys: 'PubkeyAcceptedAlgorithms',
} as const;

/** `nodeCrypto`, with the sizes of the groups that come out of a group exchange written down. */
function recordingCrypto(): { crypto: CryptoProvider; sizes: number[] } {
  const sizes: number[] = [];
  const dhAgreement: CryptoProvider['dhAgreement'] = (prime, generator) => {
    sizes.push(prime.length * 8);
    return nodeCrypto.dhAgreement(prime, generator);
  };
  return { crypto: { ...nodeCrypto, dhAgreement }, sizes };
}

// ---- our client ----

describePeer(['sshd', 'ssh'], 'our client and sshd', () => {
  let sshd: Sshd;
  const all = (category: 'kex' | 'ciphers' | 'macs' | 'keys') => `+${weak[category].join(',')}`;
  const old = {
    KexAlgorithms: all('kex'),
    Ciphers: all('ciphers'),
    MACs: all('macs'),
    HostKeyAlgorithms: all('keys'),
    PubkeyAcceptedAlgorithms: '+ssh-rsa',
  };

  beforeAll(async () => {
    const authorizedKeys = [keyPair('ed25519').publicLine, keyPair('rsa').publicLine];
    sshd = await startSshd({ config: old, authorizedKeys });
  });
  afterAll(() => sshd.stop());

  async function echo(server: Sshd, algorithms: Choice, options: TransportOptions = {}) {
    const isRsa = algorithms.keys === 'ssh-rsa';
    await using transport = new Transport([server.host, server.port], { algorithms: algorithms as AlgorithmOptions, ...options });
    await transport.connect({
      hostKey: parsePublicKey(server.hostKeys[isRsa ? 'rsa' : 'ed25519'].publicLine),
      username: server.user,
      privateKey: await readPrivateKey(keyPair(isRsa ? 'rsa' : 'ed25519').path),
    });
    const channel = await transport.openSession();
    await channel.execCommand('cat');
    const received = channel.stdout.readAll();
    await channel.write(blob.subarray(0, 150_000));
    await transport.renegotiateKeys();
    await channel.write(blob.subarray(150_000));
    channel.shutdownWrite();
    expect(sha256(await received)).toBe(sha256(blob));
    return transport.negotiated;
  }

  it.each(choices)('%s', async (_name, choice) => {
    const negotiated = await echo(sshd, choice);
    const { kex, keys, ciphers, macs } = choice;
    if (kex) expect(negotiated?.kex).toBe(kex);
    if (keys) expect(negotiated?.hostKey).toBe(keys);
    if (ciphers) expect(negotiated?.clientToServer).toMatchObject({ cipher: ciphers, mac: macs });
    if (ciphers) expect(negotiated?.serverToClient).toMatchObject({ cipher: ciphers, mac: macs });
    expect(negotiated?.postQuantum).toBe(kex === undefined || kex.startsWith('sntrup'));
  });

  it.each([
    ['3des-cbc', 2048],
    ['aes128-ctr', 3072],
    ['aes192-ctr', 7680],
    ['aes256-ctr', 8192],
  ])('gets a group that is as strong as %s: %i bits', async (ciphers, bits) => {
    const { crypto, sizes } = recordingCrypto();
    await echo(sshd, { kex: GEX, ciphers }, { crypto });
    expect(sizes).toEqual([bits, bits]);
  });

  it.each([2048, 4096])('takes what a server has that knows groups of %i bits only', async (bits) => {
    await using dir = tempDir();
    const lines = readFileSync(MODULI, 'utf8').split('\n');
    const file = dir.write('moduli', lines.filter((line) => line.split(' ')[4] === String(bits - 1)).join('\n'), 0o644);
    await using other = await startSshd({ config: { ModuliFile: file } });
    const { crypto, sizes } = recordingCrypto();
    await echo(other, { kex: GEX, ciphers: 'aes256-ctr' }, { crypto });
    expect(sizes).toEqual([bits, bits]);
  });

  it('gets along with a server that has nothing but what is old, by policy', async () => {
    const config = {
      KexAlgorithms: 'diffie-hellman-group1-sha1',
      Ciphers: '3des-cbc',
      MACs: 'hmac-md5-96',
      HostKeyAlgorithms: 'ssh-rsa',
    };
    await using other = await startSshd({ config });
    const privateKey = await readPrivateKey(other.identity.path);
    const hostKey = parsePublicKey(other.hostKeys.rsa.publicLine);
    await using transport = new Transport([other.host, other.port], { policy: 'legacy' });
    await transport.connect({ hostKey, username: other.user, privateKey });
    expect(transport.negotiated).toMatchObject({ kex: config.KexAlgorithms, hostKey: 'ssh-rsa' });
    for (const policy of ['modern', 'compatible'] as const) {
      await using refused = new Transport([other.host, other.port], { policy });
      await expect(refused.connect({ hostKey, username: other.user, privateKey })).rejects.toMatchObject({
        code: 'ERR_SSH_NEGOTIATION',
        category: 'kex',
      });
    }
  });

  it('does not sign with SHA-1 for a server that wants nothing else, unless told to', async () => {
    const config = { PubkeyAcceptedAlgorithms: 'ssh-rsa' };
    await using other = await startSshd({ config, authorizedKeys: [keyPair('rsa').publicLine] });
    const privateKey = await readPrivateKey(keyPair('rsa').path);
    const hostKey = parsePublicKey(other.hostKeys.ed25519.publicLine);
    await using strict = new Transport([other.host, other.port]);
    // This sshd says in server-sig-algs what it knows, not what it takes, so the attempt is made.
    await expect(strict.connect({ hostKey, username: other.user, privateKey })).rejects.toMatchObject({
      code: 'ERR_SSH_AUTHENTICATION',
    });
    await using told = new Transport([other.host, other.port], { algorithms: { pubkeys: ['ssh-rsa'] } });
    await told.connect({ hostKey, username: other.user, privateKey });
    expect(told.isAuthenticated()).toBe(true);
  });
});

describePeer('sshd-trixie', 'our client and the sshd of Debian 13', () => {
  it.each(['sntrup761x25519-sha512', 'sntrup761x25519-sha512@openssh.com'] as const)('agree by %s', async (name) => {
    await using sshd = await startSshd({ trixie: true });
    await using transport = new Transport([sshd.host, sshd.port], { algorithms: { kex: [name] } });
    await transport.connect({
      hostKey: parsePublicKey(sshd.hostKeys.ed25519.publicLine),
      username: sshd.user,
      privateKey: await readPrivateKey(sshd.identity.path),
    });
    expect(transport.negotiated).toMatchObject({ kex: name, postQuantum: true });
  });
});

describePeer('ssh-keygen', 'a server that is too old to say what signatures it takes', () => {
  it('gets SHA-1 from who allows it, and else not', async () => {
    await using server = await serve({ algorithms: { pubkeys: ['ssh-rsa'] }, serverSigAlgs: false });
    const hostKey = parsePublicKey(keyPair('ed25519', { name: 'host' }).publicLine);
    const privateKey = await readPrivateKey(keyPair('rsa').path);
    await using told = new Transport(['127.0.0.1', server.port], { algorithms: { pubkeys: '+ssh-rsa' } });
    await told.connect({ hostKey, username: 'me', privateKey });
    expect(told.isAuthenticated()).toBe(true);
    await using strict = new Transport(['127.0.0.1', server.port]);
    await expect(strict.connect({ hostKey, username: 'me', privateKey })).rejects.toMatchObject({
      code: 'ERR_SSH_AUTHENTICATION',
    });
  });

  it('is not signed for with SHA-1 where it says that it wants nothing else, unless the caller does', async () => {
    await using server = await serve({ algorithms: { pubkeys: ['ssh-rsa'] } });
    const hostKey = parsePublicKey(keyPair('ed25519', { name: 'host' }).publicLine);
    const privateKey = await readPrivateKey(keyPair('rsa').path);
    await using strict = new Transport(['127.0.0.1', server.port]);
    await expect(strict.connect({ hostKey, username: 'me', privateKey })).rejects.toMatchObject({
      code: 'ERR_SSH_NEGOTIATION',
      category: 'signature',
    });
  });
});

// ---- our server ----

class EchoServer extends ServerInterface {
  override getAllowedAuths() {
    return ['publickey'];
  }

  override checkAuthPublickey() {
    return 'successful' as const;
  }

  override checkChannelRequest(kind: string) {
    return kind === 'session';
  }

  override checkChannelExecRequest(channel: Channel) {
    setImmediate(() => void this.#echo(channel));
    return true;
  }

  async #echo(channel: Channel): Promise<void> {
    try {
      for await (const chunk of channel) await channel.write(chunk);
      channel.sendExitStatus(0);
      channel.close();
    } catch {
      // The client was refused something or went away: its own output says so, and that is what tests look at.
    }
  }
}

interface OwnServer extends AsyncDisposable {
  readonly port: number;
  /** Errors that connections ended with. */
  readonly errors: string[];
}

async function serve(options: TransportOptions): Promise<OwnServer> {
  const keys = await Promise.all(
    (['ed25519', 'rsa'] as const).map((type) => readPrivateKey(keyPair(type, { name: 'host' }).path)),
  );
  const errors: string[] = [];
  const transports = new Set<Transport>();
  const listener = createServer((socket: Socket) => {
    const transport = new Transport(socket, options);
    transports.add(transport);
    for (const key of keys) transport.addServerKey(key);
    void transport.closed.then(({ error }) => errors.push(error.message));
    transport.startServer(new EchoServer()).catch(() => undefined);
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  return {
    port: (listener.address() as AddressInfo).port,
    errors,
    async [Symbol.asyncDispose]() {
      for (const transport of transports) transport.destroy();
      listener.close();
      await once(listener, 'close');
    },
  };
}

/** OpenSSH's client, with all that it says about itself. */
async function ssh(server: OwnServer, choice: Choice, name: PeerName = 'ssh', extra: Record<string, string> = {}) {
  const rsa = choice.pubkeys === 'ssh-rsa';
  const known = `[127.0.0.1]:${server.port}`;
  await using dir = tempDir();
  const lines = (['ed25519', 'rsa'] as const).map((type) => `${known} ${keyPair(type, { name: 'host' }).publicLine}\n`);
  const options: Record<string, string> = {
    UserKnownHostsFile: dir.write('known_hosts', lines.join('')),
    GlobalKnownHostsFile: '/dev/null',
    IdentitiesOnly: 'yes',
    BatchMode: 'yes',
    StrictHostKeyChecking: 'yes',
    ...Object.fromEntries(Object.entries(choice).map(([category, value]) => [KEYWORDS[category as keyof Choice], value])),
    ...extra,
  };
  const args = Object.entries(options).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  const identity = keyPair(rsa ? 'rsa' : 'ed25519').path;
  const result = await runPeer(
    name,
    ['-vvv', '-F', 'none', '-i', identity, ...args, '-p', String(server.port), 'me@127.0.0.1', 'cat'],
    {
      input: blob,
    },
  );
  return { ...result, log: result.stderr.replaceAll('\r', '') };
}

describePeer('ssh', 'ssh and our server', () => {
  let server: OwnServer;
  beforeAll(async () => {
    server = await serve({ policy: 'legacy' });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  it.each(choices)('%s', async (_name, choice) => {
    // New keys after every 100 kB, so that there are several exchanges.
    const { stdout, log, code } = await ssh(server, choice, 'ssh', { RekeyLimit: '100K' });
    expect(code, log).toBe(0);
    expect(sha256(stdout)).toBe(sha256(blob));
    const { kex, keys, pubkeys, ciphers, macs } = choice;
    expect(log.match(/rekey (in|out)put|SSH2_MSG_NEWKEYS received/g)?.length ?? 0).toBeGreaterThan(2);
    if (kex) expect(log).toContain(`kex: algorithm: ${kex}\n`);
    if (keys) expect(log).toContain(`kex: host key algorithm: ${keys}\n`);
    if (pubkeys) expect(log).toMatch(/sign_and_send_pubkey: signing using ssh-rsa /);
    if (ciphers) expect(log).toContain(`client->server cipher: ${ciphers} MAC: ${macs} `);
    if (ciphers) expect(log).toContain(`server->client cipher: ${ciphers} MAC: ${macs} `);
  });

  it('has nothing of it by default', async () => {
    await using plain = await serve({});
    const one = { ciphers: weak.ciphers[0], macs: weak.macs[0], kex: weak.kex[0], keys: 'ssh-rsa' } as const;
    for (const [category, name] of Object.entries(one)) {
      const beside = category === 'macs' ? { Ciphers: 'aes128-ctr' } : {};
      const { log, code } = await ssh(plain, { [category]: name as string }, 'ssh', beside);
      expect(code).toBe(255);
      expect(log).toMatch(/no matching/);
    }
    const { log, code } = await ssh(plain, { pubkeys: 'ssh-rsa' });
    expect(code).toBe(255);
    expect(log).toMatch(/no mutual signature algorithm/);
  });
});

describePeer('ssh-trixie', 'the ssh of Debian 13 and our server', () => {
  it.each(['sntrup761x25519-sha512', 'sntrup761x25519-sha512@openssh.com'] as const)('agree by %s', async (kex) => {
    await using server = await serve({});
    const { stdout, log, code } = await ssh(server, { kex }, 'ssh-trixie');
    expect(code, log).toBe(0);
    expect(log).toContain(`kex: algorithm: ${kex}\n`);
    expect(sha256(stdout)).toBe(sha256(blob));
  });
});

describePeer('ssh', 'the groups of our server', () => {
  /** What makes ssh ask for so many bits: the length of its keys, those of MACs included. */
  const asks: Record<number, Choice> = {
    3072: { kex: GEX, ciphers: 'aes128-ctr', macs: 'hmac-md5' },
    7680: { kex: GEX, ciphers: 'aes192-ctr', macs: 'hmac-md5' },
    8192: { kex: GEX, ciphers: 'aes256-ctr', macs: 'hmac-sha2-256' },
  };
  const legacy = { policy: 'legacy' } as const;

  async function sizeGiven(options: TransportOptions, asked: number): Promise<number> {
    await using server = await serve(options);
    const { log, code, stdout } = await ssh(server, asks[asked] as Choice);
    expect(log).toContain(`SSH2_MSG_KEX_DH_GEX_REQUEST(2048<${asked}<8192) sent`);
    expect(code, log).toBe(0);
    expect(sha256(stdout)).toBe(sha256(blob));
    // "bits set: 1530/3072"
    return Number(/bits set: \d+\/(\d+)/.exec(log)?.[1]);
  }

  it.each([
    [3072, 4096],
    [7680, 8192],
    [8192, 8192],
  ])('without a file: asked for %i bits gives %i', async (asked, given) => {
    expect(await sizeGiven(legacy, asked)).toBe(given);
  });

  it('with groups of its own', async () => {
    const text = existsSync(MODULI) ? readFileSync(MODULI, 'utf8') : '';
    const moduli = parseModuli(text).filter(({ bits }) => bits === 2048 || bits === 3072);
    expect(await sizeGiven({ ...legacy, moduli }, 3072)).toBe(3072);
    expect(await sizeGiven({ ...legacy, moduli }, 8192)).toBe(3072);
    expect((await readModuli(MODULI)).length).toBeGreaterThan(moduli.length);
  });

  // Last, because what is loaded is there for the whole process.
  it('with Transport.loadServerModuli', async () => {
    await using dir = tempDir();
    const lines = readFileSync(MODULI, 'utf8').split('\n');
    const only6144 = dir.write('moduli', lines.filter((line) => line.split(' ')[4] === '6143').join('\n'));
    expect(await Transport.loadServerModuli(only6144)).toBe(true);
    expect(await sizeGiven(legacy, 3072)).toBe(6144);
    // A file that is not there, or of no use: the usual ones.
    expect(await Transport.loadServerModuli(dir.join('none'))).toBe(true);
    expect(await sizeGiven(legacy, 3072)).toBe(3072);
    expect(await Transport.loadServerModuli('/dev/zero')).toBe(true);
    expect(await Transport.loadServerModuli()).toBe(true);
    expect(await sizeGiven(legacy, 7680)).toBe(7680);
  });
});
