// A channel as Node Duplex and as web streams: adapters at the edge, for code that wants streams. Data is pushed one chunk per
// read, so that window credit follows real consumption and nothing is buffered twice.

import { Duplex, Readable } from 'node:stream';
import { ReadableStream, WritableStream } from 'node:stream/web';
import type { Channel } from './channel.ts';
import type { ReadQueue } from './read-queue.ts';

/** Small, because the channel's window is the buffer. */
const HIGH_WATER_MARK = 1;

export function channelDuplex(channel: Channel): Duplex {
  const duplex = new Duplex({
    allowHalfOpen: true,
    readableHighWaterMark: HIGH_WATER_MARK,
    read() {
      pull();
    },
    write(chunk: Uint8Array, _encoding, done) {
      channel.write(chunk).then(() => done(), done);
    },
    final(done) {
      channel.shutdownWrite();
      done();
    },
    destroy(error, done) {
      channel.close();
      done(error);
    },
  });
  const pull = channel.stdout.feed(duplex);
  // A consumer that forgets 'error' must not lose the process for it.
  duplex.on('error', () => {});
  return duplex;
}

export function queueReadable(queue: ReadQueue): Readable {
  const readable = new Readable({
    highWaterMark: HIGH_WATER_MARK,
    read() {
      pull();
    },
  });
  const pull = queue.feed(readable);
  readable.on('error', () => {});
  return readable;
}

export function channelWebStreams(channel: Channel): {
  readable: ReadableStream<Uint8Array>;
  writable: WritableStream<Uint8Array>;
} {
  const readable = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const chunk = await channel.stdout.read();
        if (chunk === null) controller.close();
        else controller.enqueue(chunk);
      },
      cancel() {
        channel.shutdownRead();
      },
    },
    { highWaterMark: 0 },
  );
  const writable = new WritableStream<Uint8Array>({
    write: (chunk) => channel.write(chunk),
    close: () => channel.shutdownWrite(),
    abort: () => channel.close(),
  });
  return { readable, writable };
}
