// Joins a channel and a socket, byte for byte: backpressure in both directions, and each end's EOF passed on by itself, since a
// protocol may go on in one direction after the other has ended (half-close).

import type { Duplex } from 'node:stream';
import type { Channel } from '../transport/channel.ts';

/** Resolves when both directions have ended and the channel is closed. Never rejects: what breaks one side ends the other. */
export async function couple(channel: Channel, socket: Duplex): Promise<void> {
  // Whatever breaks the socket shows up as its 'close'.
  socket.on('error', () => {});
  const closed = new Promise<void>((resolve) => {
    if (socket.destroyed) resolve();
    else socket.once('close', () => resolve());
  });
  // A socket that fails ends the channel at once, or its peer would wait for data that can't come.
  void closed.then(() => channel.close());
  const sent = toSocket(channel, socket);
  // A channel that is over takes nothing more from the socket, whose other end may go on for ever; what came is still written out.
  void Promise.all([sent, channel.closed]).then(async () => {
    await finished(socket);
    socket.destroy();
  });
  await Promise.all([sent, toChannel(channel, socket)]);
  channel.close();
  await Promise.all([closed, channel.closed]);
}

async function toSocket(channel: Channel, socket: Duplex): Promise<void> {
  try {
    for (let chunk = await channel.read(); chunk !== null; chunk = await channel.read()) {
      if (socket.destroyed) break;
      if (!socket.write(chunk)) await drained(socket);
    }
    socket.end();
  } catch {
    socket.destroy();
  }
  // What still comes is nobody's: it must not hold the window.
  channel.stdout.watch(() => channel.stdout.discard());
  channel.stdout.discard();
}

async function toChannel(channel: Channel, socket: Duplex): Promise<void> {
  try {
    for await (const chunk of socket.iterator({ destroyOnReturn: false })) await channel.write(chunk as Uint8Array);
    channel.shutdownWrite();
  } catch {
    channel.close();
  }
}

function finished(socket: Duplex): Promise<void> {
  return new Promise((resolve) => {
    if (socket.writableFinished || socket.destroyed) resolve();
    else socket.once('finish', resolve).once('close', resolve);
  });
}

function drained(socket: Duplex): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      socket.off('drain', done);
      socket.off('close', done);
      resolve();
    };
    socket.on('drain', done);
    socket.on('close', done);
    if (socket.destroyed) done();
  });
}
