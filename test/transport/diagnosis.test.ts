// What a transport shows to who debugs it: log lines, hex dumps, key log, its text form; and that none of it holds a password.
import { createDecipheriv, createHash } from 'node:crypto';
import { channel as diagnosticsChannel } from 'node:diagnostics_channel';
import { duplexPair } from 'node:stream';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import {
  type ByteStream,
  ConnectionLostError,
  Transport,
  type TransportLogMessage,
  type TransportOptions,
  UsageError,
} from '../../src/index.ts';
import { ExecServer, loopback, OpenServer } from '../support/loopback.ts';

const PASSWORD = 'correct horse battery staple';

class Guarded extends ExecServer {
  override checkAuthPassword(_username: string, password: string) {
    return password === PASSWORD ? ('successful' as const) : ('failed' as const);
  }
}

const echo = () =>
  new Guarded(async (channel) => {
    await channel.write('visible output');
    channel.close();
  });

function pairWithPassword(options: TransportOptions, prepare?: (client: Transport, server: Transport) => void) {
  return loopback({ server: echo(), clientOptions: options, serverOptions: options, login: false, ...(prepare && { prepare }) });
}

describe('the hex dump', () => {
  it('is off by default, shows messages when on, and never authentication', async () => {
    const lines: [number, string][] = [];
    const log: NonNullable<TransportOptions['log']> = (level, line) => lines.push([level, line]);
    await using pair = await pairWithPassword({ algorithms: { kex: ['curve25519-sha256'] }, log }, (client, server) => {
      expect(client.getHexdump()).toBe(false);
      client.setHexdump(true);
      server.setHexdump(true);
      expect(client.getHexdump()).toBe(true);
    });
    await pair.client.authPassword('u', PASSWORD);
    const channel = await pair.client.openSession();
    await channel.execCommand('a');
    await channel.stdout.readAll();
    await channel.closed;
    const dumps = lines.filter(([, line]) => /^(IN |OUT) message/.test(line));
    expect(dumps.every(([level]) => level === 3)).toBe(true);
    const all = lines.map(([, line]) => line).join('\n');
    expect(all).toMatch(/OUT message 50, \d+ bytes \(authentication, not shown\)/);
    expect(all).toMatch(/IN {2}message 50, \d+ bytes \(authentication, not shown\)/);
    expect(all).toMatch(/OUT message 20, /);
    expect(all).toMatch(/IN {2}message 94, 23 bytes\n0000: 5e 00 00 00 00 00 00 00 0e 76 69 73 69 62 6c 65 {2}\^\.{8}visible\n/);
    const password = Buffer.from(PASSWORD);
    expect(all).not.toContain(PASSWORD);
    expect(all).not.toContain(password.toString('hex'));
    expect(all).not.toContain(password.toString('hex').replace(/..(?=.)/g, '$& '));

    pair.client.setHexdump(false);
    pair.server.setHexdump(false);
    expect(pair.client.getHexdump()).toBe(false);
    const before = lines.length;
    await pair.client.ping();
    expect(lines.slice(before).filter(([, line]) => /message/.test(line))).toEqual([]);
  });

  it('shows compressed traffic in clear, and once', async () => {
    const lines: string[] = [];
    const options: TransportOptions = { algorithms: { kex: ['curve25519-sha256'], compression: ['zlib@openssh.com'] } };
    await using pair = await loopback({
      server: new ExecServer(async (channel) => {
        await channel.write('visible output');
        channel.close();
      }),
      clientOptions: options,
      serverOptions: { ...options, log: (_level, line) => lines.push(line) },
      prepare: (_client, server) => server.setHexdump(true),
    });
    const channel = await pair.client.openSession();
    await channel.execCommand('a');
    await channel.stdout.readAll();
    expect(lines.filter((line) => line.startsWith('OUT message 94, 23 bytes'))).toHaveLength(1);
  });
});

describe('the log channel', () => {
  it('carries what the log option hears', async () => {
    const heard: TransportLogMessage[] = [];
    const subscriber = (message: unknown) => void heard.push(message as TransportLogMessage);
    const lines: string[] = [];
    diagnosticsChannel('amiko:test').subscribe(subscriber);
    try {
      await using pair = await loopback({
        clientOptions: { log: (_level, line) => lines.push(line) },
        prepare: (client) => {
          expect(client.getLogChannel()).toBe('amiko:transport');
          client.setLogChannel('amiko:test');
          expect(client.getLogChannel()).toBe('amiko:test');
        },
      });
      expect(() => pair.client.setLogChannel('')).toThrow(UsageError);
      expect(heard.length).toBeGreaterThan(3);
      expect(heard.map(({ message }) => message)).toEqual(lines);
      expect(heard.every(({ transport, level }) => transport === pair.client && level >= 1 && level <= 3)).toBe(true);
    } finally {
      diagnosticsChannel('amiko:test').unsubscribe(subscriber);
    }
  });
});

describe('the key log', () => {
  it('has for each exchange our cookie and the secret that both ends share', async () => {
    const ours: string[] = [];
    const theirs: string[] = [];
    const cookies: string[] = [];
    const options: TransportOptions = { algorithms: { kex: ['curve25519-sha256'] } };
    await using pair = await loopback({
      clientOptions: {
        ...options,
        keylog: (line) => ours.push(line),
        log: (_level, line) => {
          const cookie = /^OUT message 20, .*\n0000: 14 ((?:[0-9a-f]{2} ){15}).*\n0010: ([0-9a-f]{2})/.exec(line);
          if (cookie !== null) cookies.push(`${cookie[1]}${cookie[2]}`.replaceAll(' ', ''));
        },
      },
      serverOptions: { ...options, keylog: (line) => theirs.push(line) },
      prepare: (client) => client.setHexdump(true),
    });
    await pair.client.renegotiateKeys();
    const form = /^([0-9a-f]{32}) SHARED_SECRET ((?:[0-9a-f]{2}){1,33})$/;
    for (const line of [...ours, ...theirs]) expect(line).toMatch(form);
    expect(ours).toHaveLength(2);
    const part = (lines: string[], group: number) => lines.map((line) => form.exec(line)?.[group]);
    expect(part(ours, 1)).toEqual(cookies);
    expect(part(ours, 2)).toEqual(part(theirs, 2));
    expect(part(ours, 1)).not.toEqual(part(theirs, 1));
    expect(new Set(part(ours, 2)).size).toBe(2);
  });

  it('decrypts a recording', async () => {
    const lines: string[] = [];
    const written: Uint8Array[] = [];
    const recorder = (stream: ByteStream): ByteStream => ({
      ...passOn(stream),
      write: (chunks) => {
        for (const chunk of chunks) written.push(chunk.slice());
        return stream.write(chunks);
      },
    });
    const algorithms = { kex: ['curve25519-sha256'], ciphers: ['aes128-ctr'], macs: ['hmac-sha2-256'] } as const;
    await using pair = await loopback({
      clientOptions: { algorithms, packetizerClass: recorder, keylog: (line) => lines.push(line) },
      serverOptions: { algorithms },
    });
    const sessionId = pair.client.sessionId as Uint8Array;
    // As Wireshark does: K is what the line says, as an mpint (RFC 4253 section 7.2).
    const secret = Buffer.from(lines[0]?.split(' ')[2] as string, 'hex');
    const length = Buffer.alloc(4);
    length.writeUInt32BE(secret.length);
    const derive = (letter: string) =>
      createHash('sha256')
        .update(length)
        .update(secret)
        .update(sessionId)
        .update(letter)
        .update(sessionId)
        .digest()
        .subarray(0, 16);
    const sent = Buffer.concat(written);
    let at = sent.indexOf('\r\n') + 2;
    // Up to NEWKEYS, message 21, packets are in clear.
    for (let number = 0; number !== 21; ) {
      number = sent[at + 5] as number;
      at += 4 + sent.readUInt32BE(at);
    }
    const clear = createDecipheriv('aes-128-ctr', derive('C'), derive('A')).update(sent.subarray(at, at + 32));
    expect(clear.toString('latin1')).toContain('\x05\0\0\0\x0cssh-userauth');
  });
});

describe('toString', () => {
  it('tells the state as the seed does', async () => {
    const [left, right] = duplexPair();
    const idle = new Transport(left);
    expect(String(idle)).toBe('<amiko.Transport (unconnected)>');
    const started = idle.startClient();
    await expect.poll(() => String(idle)).toBe('<amiko.Transport (connecting)>');
    right.destroy();
    left.destroy();
    await expect(started).rejects.toThrow(ConnectionLostError);
    expect(String(idle)).toBe('<amiko.Transport (closed)>');

    const options: TransportOptions = { algorithms: { ciphers: ['aes128-ctr'], kex: ['curve25519-sha256'] } };
    await using pair = await loopback({ login: false, clientOptions: options, serverOptions: options });
    expect(inspect(pair.client)).toBe('<amiko.Transport (cipher aes128-ctr, 128 bits) (connected; awaiting auth)>');
    await pair.client.authPassword('u', 'p');
    await pair.client.openSession();
    expect(`${pair.client}`).toBe('<amiko.Transport (cipher aes128-ctr, 128 bits) (active; 1 open channel(s))>');
  });
});

describe('atfork', () => {
  it('closes the stream without a word to the peer', async () => {
    await using pair = await loopback();
    const channel = await pair.client.openSession();
    pair.client.atfork();
    const { error } = await pair.server.closed;
    expect(error).toBeInstanceOf(ConnectionLostError);
    await expect(channel.execCommand('a')).rejects.toThrow('destroyed');
    expect(pair.client.isActive()).toBe(false);
  });
});

describe('packetizerClass', () => {
  it('wraps the stream below: every byte passes it', async () => {
    const sent = createHash('sha256');
    const received = createHash('sha256');
    let bytes = 0;
    const tap = (stream: ByteStream): ByteStream => ({
      open: (sink) =>
        stream.open({
          data: (chunk) => {
            received.update(chunk);
            return sink.data(chunk);
          },
          end: (cause) => sink.end(cause),
          drain: () => sink.drain(),
        }),
      write: (chunks) => {
        for (const chunk of chunks) {
          sent.update(chunk);
          bytes += chunk.length;
        }
        return stream.write(chunks);
      },
      pause: () => stream.pause(),
      resume: () => stream.resume(),
      end: () => stream.end(),
      destroy: () => stream.destroy(),
      peername: () => ['tapped', 1],
    });
    const options: TransportOptions = { algorithms: { kex: ['curve25519-sha256'] } };
    const otherSent = createHash('sha256');
    const otherTap = (stream: ByteStream): ByteStream => ({
      ...passOn(stream),
      write: (chunks) => {
        for (const chunk of chunks) otherSent.update(chunk);
        return stream.write(chunks);
      },
    });
    {
      await using pair = await loopback({
        server: new OpenServer(),
        clientOptions: { ...options, packetizerClass: tap },
        serverOptions: { ...options, packetizerClass: otherTap },
      });
      expect(pair.client.getpeername()).toEqual(['tapped', 1]);
      await pair.client.openSession();
      await pair.server.close();
      await pair.client.closed;
    }
    expect(bytes).toBeGreaterThan(500);
    expect(received.digest('hex')).toBe(otherSent.digest('hex'));
  });
});

function passOn(stream: ByteStream): ByteStream {
  return {
    open: (sink) => stream.open(sink),
    write: (chunks) => stream.write(chunks),
    pause: () => stream.pause(),
    resume: () => stream.resume(),
    end: () => stream.end(),
    destroy: () => stream.destroy(),
    peername: () => stream.peername(),
  };
}

it('a log that throws costs nothing but its lines', async () => {
  const log = () => {
    throw new Error('disk full');
  };
  await using pair = await loopback({ server: echo(), login: false, clientOptions: { log }, serverOptions: { log } });
  await pair.client.authPassword('u', PASSWORD);
  expect(await pair.client.ping()).toBeGreaterThan(0);
});
