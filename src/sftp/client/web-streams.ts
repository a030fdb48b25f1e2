// Remote files as web streams: the Node streams beside this file, with the other interface.

import { ReadableStream, WritableStream } from 'node:stream/web';
import type { SFTPReadStream } from './read-stream.ts';
import type { SFTPWriteStream } from './write-stream.ts';

/** Nothing is kept beyond what the stream below keeps. */
const strategy = { highWaterMark: 0 };

export function webReadable(stream: SFTPReadStream): ReadableStream<Uint8Array> {
  // Whoever reads hears of it, be it later; until then, or where nobody reads, 'error' must not end the process.
  stream.on('error', () => {});
  const iterator = stream[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await iterator.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: (reason) => void stream.destroy(reason instanceof Error ? reason : undefined),
    },
    strategy,
  );
}

export function webWritable(stream: SFTPWriteStream): WritableStream<Uint8Array | string> {
  // Whoever waits hears of it; 'error' itself must not end the process.
  const failed = new Promise<never>((_resolve, reject) => {
    stream.on('error', reject);
  });
  failed.catch(() => {});
  const step = (begin: (done: (error?: Error | null) => void) => void): Promise<void> =>
    Promise.race([
      failed,
      new Promise<void>((resolve, reject) => {
        begin((error) => (error ? reject(error) : resolve()));
      }),
    ]).catch((error: Error) => {
      // What cannot be written, for one: the web stream is of no use any more, and nobody would close the file.
      stream.destroy(error);
      throw error;
    });
  return new WritableStream<Uint8Array | string>({
    start: (controller) => void stream.on('error', (error) => controller.error(error)),
    write: (chunk) => step((done) => stream.write(chunk, done)),
    close: () => step((done) => stream.end(done)),
    abort: (reason) => void stream.destroy(reason instanceof Error ? reason : undefined),
  });
}
