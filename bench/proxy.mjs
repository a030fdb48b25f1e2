// Starts a delaying proxy in front of a port; see delaying-proxy.mjs.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('delaying-proxy.mjs', import.meta.url));

/** `roundTrip` in milliseconds, half of it each way. */
export async function startProxy(port, roundTrip) {
  const child = fork(program, [String(port), String(roundTrip / 2)]);
  const ended = once(child, 'exit');
  const [message] = await Promise.race([
    once(child, 'message'),
    ended.then(() => {
      throw new Error('the delaying proxy ended');
    }),
  ]);
  return {
    port: message.port,
    async stop() {
      if (child.connected) child.disconnect();
      await ended;
    },
  };
}
