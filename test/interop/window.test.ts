// A real sshd, half a hundred milliseconds away: what a window that finds its size is good for.
import { expect, it } from 'vitest';
import { Transport, type TransportOptions } from '../../src/index.ts';
import { readPrivateKey } from '../../src/keys.ts';
import { delayingProxy } from '../support/delaying-proxy.ts';
import { describePeer, type Sshd, startSshd } from '../support/peers.ts';

const MiB = 1_048_576;
const BYTES = 64 * MiB;
/** Milliseconds each way. */
const DELAY = 25;
/** What costs little: it is the way that must be slow. */
const quick: TransportOptions = { algorithms: { kex: ['curve25519-sha256'], ciphers: ['aes128-gcm@openssh.com'] } };

async function login(sshd: Sshd, port: number, options: TransportOptions): Promise<Transport> {
  const transport = new Transport(['127.0.0.1', port], { ...quick, ...options });
  await transport.connect({ hostKey: 'ignore', username: sshd.user, privateKey: await readPrivateKey(sshd.identity.path) });
  return transport;
}

/** Milliseconds from the first byte to the last: how long the shell takes to start is not the window's affair. */
async function download(transport: Transport): Promise<number> {
  await using channel = await transport.openSession();
  await channel.execCommand(`head -c ${BYTES} /dev/zero`);
  let bytes = (await channel.read())?.length ?? 0;
  const since = performance.now();
  for await (const chunk of channel) bytes += chunk.length;
  const milliseconds = performance.now() - since;
  expect(bytes).toBe(BYTES);
  expect((await channel.exited).code).toBe(0);
  return milliseconds;
}

for (const name of ['sshd', 'sshd-trixie'] as const) {
  describePeer(name, `${name} at ${DELAY} ms`, () => {
    it('sends 64 MiB at least three times as fast as through a window of 2 MiB', async () => {
      await using sshd = await startSshd({ trixie: name === 'sshd-trixie' });
      await using proxy = await delayingProxy(sshd.port, DELAY);
      await using narrow = await login(sshd, proxy.port, { maxWindowSize: 2 * MiB });
      const fixed = await download(narrow);
      // 2 MiB in each round trip: else the proxy has not delayed.
      expect(fixed).toBeGreaterThan((BYTES / (2 * MiB) - 1) * 2 * DELAY);
      await using wide = await login(sshd, proxy.port, {});
      // The best of a few: what else the machine does adds a lot to a time that is spent working, and little to one spent waiting.
      const tuned = [await download(wide)];
      while (fixed / Math.min(...tuned) < 3 && tuned.length < 5) tuned.push(await download(wide));
      expect(fixed / Math.min(...tuned), `${fixed} and ${tuned} ms`).toBeGreaterThanOrEqual(3);
    });
  });
}
