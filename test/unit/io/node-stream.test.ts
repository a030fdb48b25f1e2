/** What a NodeStream does with memory: which chunks it gives back, which it frees, and which it must leave alone. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { ByteStreamSink } from '../../../src/io/byte-stream.ts';
import { dial } from '../../../src/io/dial.ts';
import { NodeStream } from '../../../src/io/node-stream.ts';

/** Two ends of a TCP connection. */
async function pair(): Promise<{ here: Socket; there: Socket; [Symbol.asyncDispose](): Promise<void> }> {
  const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const there = connect((server.address() as { port: number }).port, '127.0.0.1');
  const [here] = (await once(server, 'connection')) as [Socket];
  server.close();
  return {
    here,
    there,
    async [Symbol.asyncDispose]() {
      const closed = [here, there].map((socket) => (socket.closed ? null : once(socket, 'close')));
      here.destroy();
      there.destroy();
      await Promise.all(closed);
    },
  };
}

/** Hears chunks until so many bytes have come. */
function collector(bytes: number): { sink: ByteStreamSink; chunks: Uint8Array[]; seen: Buffer[]; done: Promise<void> } {
  const chunks: Uint8Array[] = [];
  const seen: Buffer[] = [];
  let left = bytes;
  let resolve: () => void;
  const done = new Promise<void>((settle) => {
    resolve = settle;
  });
  const data = (chunk: Uint8Array) => {
    chunks.push(chunk);
    seen.push(Buffer.from(chunk));
    left -= chunk.length;
    // After the stream has done with the chunk.
    if (left <= 0) setImmediate(resolve);
  };
  return { sink: { data, end() {}, drain() {} }, chunks, seen, done };
}

const BULK = 300_000;

describe('what is written', () => {
  it('comes back from a socket when it has gone out', async () => {
    await using sockets = await pair();
    sockets.there.resume();
    const stream = new NodeStream(sockets.here);
    await new Promise<void>((resolve) => {
      stream.write([new Uint8Array(10), new Uint8Array(BULK)], resolve);
    });
    expect(sockets.here.bytesWritten).toBe(BULK + 10);
  });

  it('never comes back from another stream: it may hand on what it has taken', async () => {
    const through = new PassThrough({ highWaterMark: 2 ** 20 });
    const stream = new NodeStream(through);
    let came = false;
    const piece = new Uint8Array(BULK).fill(1);
    stream.write([piece], () => {
      came = true;
    });
    const [chunk] = (await once(through, 'data')) as [Buffer];
    // The very memory that was written: had it come back, it would be overwritten now.
    expect(chunk.buffer).toBe(piece.buffer);
    await new Promise(setImmediate);
    expect(came).toBe(false);
  });
});

describe('what is read', () => {
  it('from a socket is freed when it has been looked at', async () => {
    await using sockets = await pair();
    const { sink, chunks, seen, done } = collector(BULK);
    new NodeStream(sockets.here).open(sink);
    sockets.there.write(Buffer.alloc(BULK, 5));
    await done;
    expect(Buffer.concat(seen).equals(Buffer.alloc(BULK, 5))).toBe(true);
    expect(seen.some((chunk) => chunk.length >= 4_096)).toBe(true);
    for (const [index, chunk] of chunks.entries()) {
      if ((seen[index] as Buffer).length >= 4_096) expect(chunk.length).toBe(0);
    }
  });

  it('is left alone where somebody else listens', async () => {
    await using sockets = await pair();
    const { sink, chunks, seen, done } = collector(BULK);
    sockets.here.on('data', () => {});
    new NodeStream(sockets.here).open(sink);
    sockets.there.write(Buffer.alloc(BULK, 5));
    await done;
    expect(chunks.map((chunk) => chunk.length)).toEqual(seen.map((chunk) => chunk.length));
  });

  it('is left alone where somebody has put it back', async () => {
    await using sockets = await pair();
    const mine = Buffer.from(new ArrayBuffer(8_192)).fill(7);
    sockets.here.unshift(mine);
    const { sink, seen, done } = collector(mine.length + BULK);
    new NodeStream(sockets.here).open(sink);
    sockets.there.write(Buffer.alloc(BULK, 5));
    await done;
    expect(mine.equals(Buffer.alloc(8_192, 7))).toBe(true);
    expect(Buffer.concat(seen).equals(Buffer.concat([mine, Buffer.alloc(BULK, 5)]))).toBe(true);
  });

  it('from another stream is left alone', async () => {
    const through = new PassThrough();
    const { sink, chunks, done } = collector(8_192);
    new NodeStream(through).open(sink);
    const mine = Buffer.from(new ArrayBuffer(8_192));
    through.write(mine);
    await done;
    expect([mine.length, chunks[0]?.length]).toEqual([8_192, 8_192]);
  });
});

describe('a dialled connection', () => {
  it('gives every byte once, in order, in the same memory, and what came before anybody looked too', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const accepted = once(server, 'connection') as Promise<[Socket]>;
    const stream = await dial({ host: '127.0.0.1', port: (server.address() as { port: number }).port });
    const [peer] = await accepted;
    server.close();
    const all = Buffer.alloc(3_000_000);
    for (let i = 0; i < all.length; i += 4) all.writeUInt32BE(i, i);
    await new Promise<void>((resolve) => void peer.write(all.subarray(0, 1_000), () => resolve()));
    // One turn, so that it has come before `open`.
    await new Promise(setImmediate);
    const { sink, chunks, seen, done } = collector(all.length);
    const closed = new Promise<void>((resolve) => {
      stream.open({ ...sink, end: () => resolve() });
    });
    peer.write(all.subarray(1_000));
    await done;
    expect(Buffer.concat(seen).equals(all)).toBe(true);
    // At most what came early lies elsewhere.
    expect(new Set(chunks.map((chunk) => chunk.buffer)).size).toBeLessThanOrEqual(2);
    peer.destroy();
    await closed;
    stream.destroy();
  });
});
