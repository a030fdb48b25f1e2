// The server of the demo: one key may log in, and three commands exist. None of them is a program of this machine: a server may
// answer a command with whatever it likes.

import { createHash } from 'node:crypto';
import type { AuthDecision, Channel, PublicKey } from '../index.ts';
import { ServerInterface } from '../index.ts';

export class DemoServer extends ServerInterface {
  readonly #allowed: PublicKey;
  readonly #stream: () => Iterable<Uint8Array>;

  /** @param allowed The key that may log in. @param stream What the command `download` sends. */
  constructor(allowed: PublicKey, stream: () => Iterable<Uint8Array>) {
    super();
    this.#allowed = allowed;
    this.#stream = stream;
  }

  override getAllowedAuths(): readonly string[] {
    return ['publickey'];
  }

  // The signature has been verified before; what is left to decide is whether this key may log in as this user.
  override checkAuthPublickey(username: string, key: PublicKey): AuthDecision {
    return username === 'demo' && key.equals(this.#allowed) ? 'successful' : 'failed';
  }

  override checkChannelRequest(kind: string): boolean {
    return kind === 'session';
  }

  override checkChannelExecRequest(channel: Channel, command: Uint8Array): boolean {
    const run = this.#commands.get(Buffer.from(command).toString());
    if (run === undefined) return false;
    // The answer to the request goes out first; a command whose client has gone away has nobody to tell.
    queueMicrotask(() => void this.#run(channel, run).catch(() => channel.close()));
    return true;
  }

  async #run(channel: Channel, command: (channel: Channel) => Promise<number>): Promise<void> {
    channel.sendExitStatus(await command(channel));
    channel.close();
  }

  readonly #commands: ReadonlyMap<string, (channel: Channel) => Promise<number>> = new Map([
    [
      'greet',
      async (channel: Channel) => {
        await channel.write('hello from stdout\n');
        await channel.writeStderr('hello from stderr\n');
        return 7;
      },
    ],
    [
      'upload',
      async (channel: Channel) => {
        const hash = createHash('sha256');
        for await (const chunk of channel) hash.update(chunk);
        await channel.write(hash.digest('hex'));
        return 0;
      },
    ],
    [
      'download',
      async (channel: Channel) => {
        // `write` resolves when there is room for more: nothing piles up, however slow the reader is.
        for (const chunk of this.#stream()) await channel.write(chunk);
        return 0;
      },
    ],
  ]);
}
