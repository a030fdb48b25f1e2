// `amiko audit`: the verdicts, and what it makes of servers that say strange things.
import { createServer as createTcpServer, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { main } from '../../../src/cli/audit/main.ts';
import { readOffer } from '../../../src/cli/audit/offer.ts';
import { isKex, isOpenToTerrapin, isPostQuantum, judge, judgeHostKey } from '../../../src/cli/audit/weakness.ts';
import { defaultAlgorithms, generateKey, insecureAlgorithms, ServerInterface, supportedAlgorithms } from '../../../src/index.ts';
import { createServer } from '../../../src/server.ts';
import { Disconnect, Ignore, KexInit } from '../../../src/wire/messages/transport.ts';
import { captureWritten } from '../../support/written.ts';

const written = captureWritten();

const categories = ['kex', 'keys', 'ciphers', 'macs', 'compression'] as const;

describe('verdicts', () => {
  it.each(categories)('on %s are those of our own policy', (category) => {
    for (const name of supportedAlgorithms()[category]) {
      const { grade } = judge(category, name);
      expect(grade, name).toBe(
        defaultAlgorithms()[category].includes(name) || !insecureAlgorithms()[category].includes(name)
          ? 'good'
          : defaultAlgorithms('compatible')[category].includes(name)
            ? 'dated'
            : 'weak',
      );
    }
  });

  it.each([
    ['kex', 'rsa1024-sha1', 'weak'],
    ['kex', 'gss-group1-sha1-toWM5Slw5Ew8Mqkay+al2g==', 'weak'],
    ['kex', 'gss-group14-sha1-toWM5Slw5Ew8Mqkay+al2g==', 'dated'],
    ['kex', 'sntrup4591761x25519-sha512@tinyssh.org', 'unknown'],
    ['kex', 'x', 'unknown'],
    ['keys', 'ssh-dss', 'weak'],
    ['keys', 'ssh-rsa-cert-v01@openssh.com', 'weak'],
    ['keys', 'rsa-sha2-256', 'good'],
    ['ciphers', 'arcfour256', 'weak'],
    ['ciphers', 'blowfish-cbc', 'weak'],
    ['ciphers', 'rijndael-cbc@lysator.liu.se', 'weak'],
    ['ciphers', 'none', 'weak'],
    ['macs', 'none', 'weak'],
    ['macs', 'hmac-md5-96-etm@openssh.com', 'weak'],
    ['macs', 'umac-64-etm@openssh.com', 'dated'],
    ['macs', 'umac-128@openssh.com', 'good'],
    ['compression', 'zlib', 'dated'],
    ['compression', 'none', 'good'],
  ] as const)('on %s %s: %s', (category, name, grade) => {
    expect(judge(category, name).grade).toBe(grade);
  });

  it('on what quantum computers cannot do', () => {
    const names = ['mlkem768x25519-sha256', 'sntrup761x25519-sha512@openssh.com', 'sntrup4591761x25519-sha512@tinyssh.org'];
    expect(names.map(isPostQuantum)).toEqual([true, true, true]);
    expect(['curve25519-sha256', 'diffie-hellman-group18-sha512'].map(isPostQuantum)).toEqual([false, false]);
  });

  it('on sizes, markers and Terrapin', () => {
    expect([1024, 2048, 3072].map((bits) => judgeHostKey('ssh-rsa', bits).grade)).toEqual(['weak', 'dated', 'good']);
    expect(judgeHostKey('ssh-ed25519', 256).grade).toBe('good');
    expect(['ext-info-s', 'kex-strict-s-v00@openssh.com', 'curve25519-sha256'].map(isKex)).toEqual([false, false, true]);
    expect(isOpenToTerrapin(['aes128-ctr', 'aes128-gcm@openssh.com'], ['hmac-sha2-256-etm@openssh.com'])).toBe(false);
    expect(isOpenToTerrapin(['chacha20-poly1305@openssh.com'], [])).toBe(true);
    expect(isOpenToTerrapin(['aes128-cbc'], ['hmac-sha2-256-etm@openssh.com'])).toBe(true);
  });
});

/** A payload as a packet without encryption. */
function packet(payload: Uint8Array): Buffer {
  const padding = 8 - ((payload.length + 5) % 8) + (8 - ((payload.length + 5) % 8) < 4 ? 8 : 0);
  const out = Buffer.alloc(5 + payload.length + padding);
  out.writeUInt32BE(1 + payload.length + padding, 0);
  out[4] = padding;
  out.set(payload, 5);
  return out;
}

function kexInit(change: Partial<Parameters<typeof KexInit.encode>[0]> = {}): Buffer {
  const { kex, ciphers, macs } = defaultAlgorithms();
  const lists = {
    cookie: new Uint8Array(16),
    kex,
    serverHostKey: ['ssh-ed25519'],
    cipherClientToServer: ciphers,
    cipherServerToClient: ciphers,
    macClientToServer: macs,
    macServerToClient: macs,
    compressionClientToServer: ['none'],
    compressionServerToClient: ['none'],
    languagesClientToServer: [],
    languagesServerToClient: [],
    firstKexPacketFollows: false,
    reserved: 0,
    ...change,
  };
  return packet(KexInit.encode(lists));
}

/** A server that says these bytes to whoever comes. */
async function scripted(talk: (socket: Socket) => void): Promise<AsyncDisposable & { port: number }> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    talk(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    port: address.port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe('what a server says first', () => {
  it('is read in any split, behind a banner and messages without meaning', async () => {
    const bytes = Buffer.concat([
      Buffer.from('hello\r\nSSH-2.0-test\r\n'),
      packet(Ignore.encode({ data: new Uint8Array(3) })),
      kexInit(),
      Buffer.from('more'),
    ]);
    await using server = await scripted((socket) => {
      socket.setNoDelay(true);
      let at = 0;
      const next = () => {
        const piece = bytes.subarray(at, at + 7);
        at += piece.length;
        if (piece.length > 0 && !socket.destroyed) socket.write(piece, () => setImmediate(next));
      };
      next();
    });
    const { version, kexInit: offered } = await readOffer({ host: '127.0.0.1', port: server.port }, 5_000);
    expect(version).toBe('SSH-2.0-test');
    expect(offered.serverHostKey).toEqual(['ssh-ed25519']);
  });

  it.each([
    ['nothing', Buffer.alloc(0), 'before it said what it offers'],
    ['no SSH', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), 'before it said what it offers'],
    ['SSH 1', Buffer.from('SSH-1.5-old\r\n'), 'speaks another version'],
    [
      'goodbye',
      Buffer.concat([
        Buffer.from('SSH-2.0-x\r\n'),
        packet(Disconnect.encode({ reason: 12, description: 'full\x1b', language: '' })),
      ]),
      'reason 12): full\\x1b',
    ],
    ['another message', Buffer.concat([Buffer.from('SSH-2.0-x\r\n'), packet(Uint8Array.of(50, 1))]), 'message 50 where KEXINIT'],
    ['a length that is a lie', Buffer.from('SSH-2.0-x\r\n\xff\xff\xff\xff\xff', 'latin1'), 'packet_length'],
    ['half a list', Buffer.concat([Buffer.from('SSH-2.0-x\r\n'), packet(Uint8Array.of(20, 1, 2, 3))]), 'KEXINIT'],
  ])('may be %s', async (_what, bytes, message) => {
    await using server = await scripted((socket) => socket.end(bytes));
    expect(await main(['-T', '5', '-p', String(server.port), '127.0.0.1'])).toBe(255);
    expect(written.stderr).toContain(message);
    expect(written.stderr.split('\n').length).toBe(2);
    expect(written.stdout).toBe('');
  });

  it('may take too long', async () => {
    await using server = await scripted((socket) => socket.write('SSH-2.0-slow\r\n'));
    await expect(readOffer({ host: '127.0.0.1', port: server.port }, 50)).rejects.toMatchObject({ code: 'ERR_SSH_TIMEOUT' });
  });

  it('may be nothing that we have: that is told, with all that is weak', async () => {
    const offer = kexInit({
      kex: ['diffie-hellman-group1-sha1'],
      serverHostKey: ['ssh-dss'],
      cipherClientToServer: ['arcfour'],
      cipherServerToClient: ['chacha20-poly1305@openssh.com'],
      macClientToServer: ['hmac-mine@example.com'],
    });
    const bytes = Buffer.concat([Buffer.from('SSH-1.99-old\r\n'), offer]);
    await using server = await scripted((socket) => socket.write(bytes));
    expect(await main(['--json', '-p', String(server.port), '127.0.0.1'])).toBe(1);
    const result = JSON.parse(written.stdout) as { weaknesses: string[]; negotiated: unknown; negotiationFailure: string };
    expect(result.negotiated).toBe(null);
    expect(result.negotiationFailure).toContain('diffie-hellman-group1-sha1');
    const about = ['version:', 'key exchange diffie', 'host key algorithm ssh-dss', 'cipher arcfour', 'no strict key exchange'];
    expect(result.weaknesses.map((line, index) => line.startsWith(about[index] ?? '?'))).toEqual(about.map(() => true));
    written.stdout = '';
    expect(await main(['-p', String(server.port), '127.0.0.1'])).toBe(1);
    expect(written.stdout).toContain('5 weak:');
    expect(written.stdout).toMatch(/hmac-mine@example\.com +not known here/);
  });
});

it('finds nothing weak in a server of ours', async () => {
  const key = await generateKey('ed25519');
  await using server = createServer({ hostKeys: [key], server: () => new ServerInterface() });
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  expect(await main(['--json', `127.0.0.1:${port}`])).toBe(0);
  expect(JSON.parse(written.stdout)).toMatchObject({
    hostKeys: [{ type: 'ssh-ed25519', bits: 256, fingerprint: key.fingerprint, grade: 'good' }],
    negotiated: { kex: 'mlkem768x25519-sha256', postQuantum: true },
    postQuantum: true,
    strictKex: true,
    weaknesses: [],
  });
  written.stdout = '';
  expect(await main([`127.0.0.1:${port}`])).toBe(0);
  expect(written.stdout).toMatch(/mlkem768x25519-sha256 +post-quantum\n[\s\S]*Strict key exchange: yes\n\nNothing is weak\.\n$/);
});

it.each([
  [[], 'one host'],
  [['a', 'b'], 'one host'],
  [['-p', 'x', 'a'], '-p is a whole'],
  [['--jso', 'a'], "'--json'"],
])('%j is wrong usage', async (args, message) => {
  expect(await main(args)).toBe(2);
  expect(written.stderr).toContain(message);
});
