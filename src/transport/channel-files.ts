// The seed's file objects as Node streams. Unlike `toNode`, what becomes of a stream is not what becomes of the channel: ending
// one says EOF at most, destroying one says nothing, and the channel lives on.

import { Duplex, Writable } from 'node:stream';
import type { Channel } from './channel.ts';
import type { ReadQueue } from './read-queue.ts';

/** Small, because the channel's window is the buffer. */
const HIGH_WATER_MARK = 1;

export function channelFile(channel: Channel): Duplex {
  return duplex(
    channel.stdout,
    (chunk) => channel.write(chunk),
    () => channel.shutdownWrite(),
  );
}

export function channelStdinFile(channel: Channel): Writable {
  const writable = new Writable({
    write(chunk: Uint8Array, _encoding, done) {
      channel.write(chunk).then(() => done(), done);
    },
    final(done) {
      channel.shutdownWrite();
      done();
    },
  });
  // A consumer that forgets 'error' must not lose the process for it.
  writable.on('error', () => {});
  return writable;
}

export function channelStderrFile(channel: Channel): Duplex {
  return duplex(
    channel.stderr,
    (chunk) => channel.writeStderr(chunk),
    () => {},
  );
}

function duplex(queue: ReadQueue, write: (chunk: Uint8Array) => Promise<void>, end: () => void): Duplex {
  const stream: Duplex = new Duplex({
    allowHalfOpen: true,
    readableHighWaterMark: HIGH_WATER_MARK,
    read() {
      pull();
    },
    write(chunk: Uint8Array, _encoding, done) {
      write(chunk).then(() => done(), done);
    },
    final(done) {
      end();
      done();
    },
  });
  const pull = queue.feed(stream);
  stream.on('error', () => {});
  return stream;
}
