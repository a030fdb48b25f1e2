// A link with a long way and no other limit, in a process of its own: what comes in goes out so many milliseconds later, in
// order, however much is on the way. Arguments: the port to connect to, and the delay of each direction in milliseconds. The
// TCP handshake is not delayed. Ends with its parent.
import { connect, createServer } from 'node:net';

const [port, delay] = process.argv.slice(2).map(Number);

/** Bytes that the receiver may be behind before the sender has to wait: the receiver's own slowness, not that of the link. */
const MOST_BEHIND = 64 * 2 ** 20;

function carry(from, to) {
  /** On the way: `chunk` is null for the end of the stream. */
  let queue = [];
  let timer = null;

  const arrive = () => {
    timer = null;
    const now = performance.now();
    let count = 0;
    to.cork();
    for (; count < queue.length && queue[count].due <= now; count++) {
      const { chunk } = queue[count];
      if (chunk === null) to.end();
      else to.write(chunk);
    }
    to.uncork();
    queue = queue.slice(count);
    if (to.writableLength > MOST_BEHIND) from.pause();
    schedule();
  };
  const schedule = () => {
    // A timer may be early by the part of a millisecond that it rounds off; never deliver before the time.
    if (timer === null && queue.length > 0) timer = setTimeout(arrive, Math.max(0, Math.ceil(queue[0].due - performance.now())));
  };
  const send = (chunk) => {
    queue.push({ chunk, due: performance.now() + delay });
    schedule();
  };

  from.on('data', send);
  from.on('end', () => send(null));
  to.on('drain', () => from.resume());
  from.on('error', () => to.destroy());
  from.on('close', () => {
    // Cut off and not ended: nothing more will arrive.
    if (!from.readableEnded) to.destroy();
  });
}

const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
  const far = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  carry(near, far);
  carry(far, near);
});
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
process.on('disconnect', () => process.exit());
