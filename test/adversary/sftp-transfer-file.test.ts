// Servers that lie while a file is transferred: about its size, what they have written, and its hash. Nothing is taken for complete that
// is not, and whoever gives up gets away.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { encodeUtf8 } from '../../src/bytes/bytes.ts';
import { CHECK_FILE, checkFileHandle } from '../../src/sftp/protocol/extensions.ts';
import {
  Close,
  Data,
  Extended,
  ExtendedReply,
  Fsetstat,
  Fstat,
  Handle,
  Mkdir,
  Open,
  Read,
  Setstat,
  Stat,
  Symlink,
  Write,
} from '../../src/sftp/protocol/messages.ts';
import { SFTP_EOF, SFTP_FAILURE, SFTP_NO_SUCH_FILE, SFTP_OK, SFTP_OP_UNSUPPORTED } from '../../src/sftp/protocol/status.ts';
import { randomBytes, tempDir } from '../support/peers.ts';
import { type Answers, attributesOf, scriptedClient } from '../support/scripted-client.ts';
import { FILE, FOLDER, isFile, refuses, says } from '../support/scripted-folders.ts';
import { idOf, statusFor } from '../support/scripted-sftp.ts';

describe('a server whose file is received', () => {
  const pieces =
    (content: Uint8Array, most: number): Answers =>
    (packet) => {
      const { offset, length } = Read.decode(packet);
      const data = content.subarray(offset, offset + Math.min(length, most));
      return [data.length === 0 ? statusFor(packet, SFTP_EOF) : Data.encode({ id: idOf(packet), data })];
    };

  it('may give less than asked for each time', async () => {
    await using folder = tempDir();
    const content = randomBytes(200_003, 1);
    for (const [size, most] of [
      [200_003, 1_000],
      [undefined, 5_000],
      [10, 7_000],
      [0, 9_000],
    ] as const) {
      const { sftp } = await scriptedClient([
        [Stat, isFile(size)],
        [Fstat, isFile(size)],
        [Read, pieces(content, most)],
      ]);
      expect(await sftp.get('/r', folder.join('t'))).toMatchObject({ bytes: 200_003 });
      expect(readFileSync(folder.join('t')).equals(content)).toBe(true);
    }
  });

  it('may have more by now than it has said, and says itself where the end is', async () => {
    await using folder = tempDir();
    const content = randomBytes(123_000, 5);
    // The size that it believes in ends with an answer, which says nothing of what is behind it.
    for (const size of [8_192, 32_768, 65_536, 122_880]) {
      const { sftp } = await scriptedClient([
        [Stat, isFile(size)],
        [Fstat, isFile(size)],
        [Read, pieces(content, 4_096)],
      ]);
      expect(await sftp.get('/r', folder.join('t'))).toMatchObject({ bytes: 123_000 });
      expect(readFileSync(folder.join('t')).equals(content)).toBe(true);
      const chunks: Uint8Array[] = [];
      for await (const chunk of sftp.createReadStream('/r')) chunks.push(chunk as Uint8Array);
      expect(Buffer.concat(chunks).equals(content)).toBe(true);
    }
  });

  it('may not end before the end, be it silent about it', async () => {
    await using folder = tempDir();
    const content = randomBytes(200_000, 2);
    for (const end of ['EOF', 'nothing']) {
      const short: Answers = (packet, server) => {
        if (Read.decode(packet).offset < 150_000) return pieces(content.subarray(0, 150_000), 32_768)(packet, server);
        return [end === 'EOF' ? statusFor(packet, SFTP_EOF) : Data.encode({ id: idOf(packet), data: new Uint8Array(0) })];
      };
      const { sftp, count, settled } = await scriptedClient([
        [Stat, isFile(200_000)],
        [Read, short],
      ]);
      await expect(sftp.get('/r', folder.join('t'))).rejects.toMatchObject({
        code: 'ERR_SSH_SFTP_INCOMPLETE',
        partial: { side: 'local', path: folder.join('t'), bytes: 150_000 },
      });
      expect(statSync(folder.join('t')).size).toBe(150_000);
      await settled();
      expect(count(Close)).toBe(count(Open));
    }
  });

  it('may fail in the middle; what came before stays', async () => {
    await using folder = tempDir();
    const content = randomBytes(500_000, 3);
    const failing: Answers = (packet, server) =>
      Read.decode(packet).offset < 300_000
        ? pieces(content, 32_768)(packet, server)
        : [statusFor(packet, SFTP_FAILURE, 'Input/output error')];
    const { sftp } = await scriptedClient([
      [Stat, isFile(500_000)],
      [Read, failing],
    ]);
    const bytes = Math.ceil(300_000 / 32_768) * 32_768;
    await expect(sftp.get('/r', folder.join('t'))).rejects.toMatchObject({ code: 'EIO', partial: { bytes } });
    expect(readFileSync(folder.join('t')).equals(content.subarray(0, bytes))).toBe(true);
  });

  it('may never stop; whoever gives up gets away, and it hears no more', async () => {
    await using folder = tempDir();
    const data = new Uint8Array(32_768).fill(1);
    const { sftp, count, settled } = await scriptedClient([
      [Stat, isFile(undefined)],
      [Fstat, isFile(undefined)],
      [Read, (packet) => [Data.encode({ id: idOf(packet), data })]],
    ]);
    const stop = new AbortController();
    const callback = (transferred: number) => {
      if (transferred > 2_000_000) stop.abort(new RangeError('enough'));
    };
    await expect(sftp.get('/r', folder.join('t'), { signal: stop.signal, callback })).rejects.toThrow('enough');
    await settled();
    const reads = count(Read);
    await settled();
    expect(count(Read)).toBe(reads);
    expect(count(Close)).toBe(1);
  });

  it('may say nothing at all; the limit of time holds, and a handle that comes late is closed', async () => {
    await using folder = tempDir();
    let late: (() => void) | null = null;
    const { sftp, count, settled } = await scriptedClient([
      [
        Open,
        (packet, server) => {
          late = () => server.reply(Handle.encode({ id: idOf(packet), handle: Uint8Array.of(9) }));
          return [];
        },
      ],
    ]);
    const start = performance.now();
    await expect(sftp.get('/r', folder.join('t'), { timeout: 50 })).rejects.toMatchObject({ name: 'SSHTimeoutError' });
    await expect(sftp.put(folder.write('s', 'x'), '/r', { timeout: 50 })).rejects.toMatchObject({ name: 'SSHTimeoutError' });
    expect(performance.now() - start).toBeLessThan(5_000);
    expect(existsSync(folder.join('t'))).toBe(false);
    expect(count(Close)).toBe(0);
    (late as unknown as () => void)();
    await settled();
    expect(count(Close)).toBe(1);
  });
});

describe('a server that is sent a file', () => {
  const size = 1_000_000;

  /** Refuses the writes that begin between two positions, and writes down what it was told to do behind that. */
  function writing(refuse: (offset: number) => boolean, extra: readonly [{ readonly number: number }, Answers][] = []) {
    const seen: string[] = [];
    const rest: readonly [{ readonly number: number }, Answers][] = [
      [
        Write,
        (packet) => {
          const { offset, data } = Write.decode(packet);
          seen.push(`write ${offset} ${data.length}`);
          return [statusFor(packet, refuse(offset) ? SFTP_FAILURE : SFTP_OK, refuse(offset) ? 'No space left on device' : '')];
        },
      ],
      [
        Fsetstat,
        (packet) => {
          seen.push(`cut ${Fsetstat.decode(packet).attributes.stSize}`);
          return [statusFor(packet, SFTP_OK)];
        },
      ],
      [
        Setstat,
        (packet) => {
          seen.push(`cut by name ${Setstat.decode(packet).attributes.stSize}`);
          return [statusFor(packet, SFTP_OK)];
        },
      ],
      [
        Close,
        (packet) => {
          seen.push('close');
          return [statusFor(packet, SFTP_OK)];
        },
      ],
      [Fstat, isFile(size)],
      [Stat, isFile(size)],
      ...extra,
    ];
    return { seen, answers: rest };
  }

  it('keeps only what comes before the first gap', async () => {
    await using folder = tempDir();
    const source = folder.write('s', randomBytes(size, 4));
    // One piece fails, and others behind it do not.
    const { seen, answers } = writing((offset) => offset === 10 * 32_768);
    const { sftp, settled } = await scriptedClient(answers);
    await expect(sftp.put(source, '/t')).rejects.toMatchObject({
      name: 'TransferError',
      code: 'ENOSPC',
      operation: 'put',
      partial: { side: 'remote', path: '/t', bytes: 10 * 32_768 },
    });
    await settled();
    expect(seen.length).toBeGreaterThan(12);
    // It was closed before anybody knew.
    expect(seen.slice(-2).join()).toMatch(/^(close,cut by name 327680|cut 327680,close)$/);
  });

  it('has to have what it says it has', async () => {
    await using folder = tempDir();
    const source = folder.write('s', randomBytes(size, 5));
    const wrong = { code: 'ERR_SSH_SFTP_MISMATCH', message: expect.stringMatching(/the server has 999999 bytes of 1000000/) };
    const less = isFile(size - 1);
    const { sftp } = await scriptedClient(writing(() => false, [[Fstat, less]]).answers);
    await expect(sftp.put(source, '/t')).rejects.toMatchObject(wrong);
    expect(await sftp.put(source, '/t', { verify: false })).toMatchObject({ files: 1, attributes: null });
    expect(await sftp.put(source, '/t', { confirm: false })).toMatchObject({ files: 1 });
    // Where it can't tell of an open file it is asked again when that is closed.
    const extra: [{ readonly number: number }, Answers][] = [
      [Fstat, refuses(SFTP_OP_UNSUPPORTED)],
      [Stat, less],
    ];
    const other = await scriptedClient(writing(() => false, extra).answers);
    await expect(other.sftp.put(source, '/t')).rejects.toMatchObject(wrong);
    await expect(other.sftp.putfo(readFileSync(source), '/t')).rejects.toMatchObject(wrong);
  });

  it('may find out when it closes the file', async () => {
    await using folder = tempDir();
    const source = folder.write('s', randomBytes(size, 6));
    const late = (packet: Uint8Array) => [statusFor(packet, SFTP_FAILURE, 'Disk quota exceeded')];
    const { sftp } = await scriptedClient(writing(() => false, [[Close, late]]).answers);
    await expect(sftp.put(source, '/t')).rejects.toMatchObject({ code: 'EDQUOT', partial: { bytes: size } });
  });

  it('may not want the attributes', async () => {
    await using folder = tempDir();
    const source = folder.write('s', randomBytes(size, 7));
    const never = refuses(SFTP_OP_UNSUPPORTED);
    const { sftp } = await scriptedClient(writing(() => false, [[Fsetstat, never]]).answers);
    await expect(sftp.put(source, '/t', { preserve: true })).rejects.toMatchObject({ code: 'ENOTSUP', partial: { bytes: size } });
  });

  it('may stop answering; the caller gets away', async () => {
    await using folder = tempDir();
    const source = folder.write('s', randomBytes(size, 8));
    const { sftp, count, settled } = await scriptedClient(writing(() => false, [[Write, () => []]]).answers);
    const stop = new AbortController();
    const put = sftp.put(source, '/t', { signal: stop.signal });
    await expect.poll(() => count(Write)).toBeGreaterThan(0);
    stop.abort(new RangeError('enough'));
    await expect(put).rejects.toThrow('enough');
    await settled();
    expect(count(Close)).toBe(1);
  });

  it('may never say how much it takes; the file that it has opened is closed', async () => {
    await using folder = tempDir();
    const source = folder.write('s', randomBytes(size, 8));
    const mute = writing(() => false, [[Extended, () => []]]).answers;
    const { sftp, count, settled } = await scriptedClient(mute, new Map([['limits@openssh.com', encodeUtf8('1')]]));
    const stop = new AbortController();
    const put = sftp.put(source, '/t', { signal: stop.signal });
    await expect.poll(() => count(Open)).toBe(1);
    await settled();
    stop.abort(new RangeError('enough'));
    await expect(put).rejects.toThrow('enough');
    await settled();
    expect(count(Close)).toBe(1);
  });

  it('gets folders only where it has none', async () => {
    await using folder = tempDir();
    mkdirSync(folder.join('s', 'd'), { recursive: true });
    folder.write('s/d/f', '1234567');
    for (const [kind, code] of [
      [FOLDER, null],
      [FILE, 'ENOTDIR'],
    ] as const) {
      const { sftp, count } = await scriptedClient([
        [Mkdir, refuses(SFTP_FAILURE)],
        [Stat, says(attributesOf({ stMode: kind, stSize: 7 }))],
      ]);
      const put = sftp.put(folder.join('s'), '/t', { recursive: true });
      if (code === null) expect(await put).toMatchObject({ files: 1, folders: 2 });
      else await expect(put).rejects.toMatchObject({ code });
      expect(count(Symlink)).toBe(0);
    }
    const refused = await scriptedClient([
      [Mkdir, refuses(SFTP_NO_SUCH_FILE)],
      [Stat, refuses(SFTP_NO_SUCH_FILE)],
    ]);
    await expect(refused.sftp.put(folder.join('s'), '/a/b/c', { recursive: true })).rejects.toMatchObject({ code: 'ENOENT' });
    expect(refused.count(Mkdir)).toBeLessThan(10);
  });
});

describe('a server that hashes its files', () => {
  const content = encodeUtf8('content');
  const announced = new Map([[CHECK_FILE, encodeUtf8('sha256,md5')]]);
  const hashing =
    (algorithm: string, hashes: Uint8Array): Answers =>
    (packet) => {
      expect(Extended.decode(packet).request).toBe(checkFileHandle.name);
      const data = checkFileHandle.reply.encode({ extension: 'check-file', algorithm, hashes });
      return [ExtendedReply.encode({ id: idOf(packet), data })];
    };

  it('is believed when they are the same, and only then', async () => {
    await using folder = tempDir();
    const right = createHash('sha256').update(content).digest();
    const good = await scriptedClient([[Extended, hashing('sha256', right)]], announced);
    expect(await good.sftp.get('/r', folder.join('t'), { verify: 'hash' })).toMatchObject({ bytes: 7 });
    const reads = good.count(Read);
    expect(await good.sftp.put(folder.join('t'), '/r', { verify: 'hash' })).toMatchObject({ bytes: 7 });
    expect(good.count(Read)).toBe(reads);
    const bad = await scriptedClient([[Extended, hashing('sha256', new Uint8Array(32))]], announced);
    const wrong = { code: 'ERR_SSH_SFTP_MISMATCH' };
    await expect(bad.sftp.get('/r', folder.join('t'), { verify: 'hash' })).rejects.toMatchObject(wrong);
    await expect(bad.sftp.put(folder.join('t'), '/r', { verify: 'hash' })).rejects.toMatchObject(wrong);
    await expect(bad.sftp.putfo('content', '/r', { verify: 'hash' })).rejects.toMatchObject(wrong);
  });

  it('is asked for the file itself where the answer is of no use', async () => {
    await using folder = tempDir();
    const useless = [
      hashing('crc32', new Uint8Array(4)),
      hashing('sha256', new Uint8Array(3)),
      hashing('sha256', new Uint8Array(64)),
    ];
    for (const answer of [...useless, refuses(SFTP_FAILURE)]) {
      const { sftp, count } = await scriptedClient([[Extended, answer]], announced);
      await sftp.get('/r', folder.join('t'), { verify: 'hash' });
      expect(count(Read)).toBeGreaterThan(1);
    }
  });
});
