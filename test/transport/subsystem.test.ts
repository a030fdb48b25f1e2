// Subsystem handlers: registered classes are started with what they were registered with; failures stay on their channel.
import { describe, expect, it } from 'vitest';
import {
  type Channel,
  ChannelRequestError,
  type ServerInterface,
  SubsystemHandler,
  type Transport,
  UsageError,
} from '../../src/index.ts';
import { loopback, OpenServer, text } from '../support/loopback.ts';

class Greeter extends SubsystemHandler {
  static finished = 0;
  readonly #greeting: string;
  readonly #times: number;

  constructor(channel: Channel, name: string, server: ServerInterface, greeting: string, times: number) {
    super(channel, name, server);
    this.#greeting = greeting;
    this.#times = times;
  }

  override async startSubsystem(name: string, transport: Transport, channel: Channel): Promise<void> {
    const mine = transport === channel.getTransport() && this.getServer() instanceof OpenServer && channel === this.channel;
    for (let i = 0; i < this.#times; i++) await channel.write(`${this.#greeting} ${name} ${this.name} ${mine}\n`);
  }

  override async finishSubsystem(): Promise<void> {
    Greeter.finished++;
    await super.finishSubsystem();
  }
}

class Broken extends SubsystemHandler {
  override async startSubsystem(): Promise<void> {
    throw new Error('no good');
  }
}

class Unmakeable extends SubsystemHandler {
  constructor(channel: Channel, name: string, server: ServerInterface) {
    super(channel, name, server);
    throw new Error('not made');
  }
}

describe('subsystem handlers', () => {
  it('are constructed with their arguments, run, and end with the channel closed', async () => {
    await using pair = await loopback({
      prepare: (_client, server) => server.setSubsystemHandler('greet', Greeter, 'hello', 2),
    });
    const before = Greeter.finished;
    const channel = await pair.client.openSession();
    await channel.invokeSubsystem('greet');
    expect(text(await channel.stdout.readAll())).toBe('hello greet greet true\nhello greet greet true\n');
    await channel.closed;
    expect(Greeter.finished).toBe(before + 1);
  });

  it('are refused where none is registered, and the channel stays usable', async () => {
    await using pair = await loopback();
    const channel = await pair.client.openSession();
    await expect(channel.invokeSubsystem('greet')).rejects.toThrow(ChannelRequestError);
    pair.server.setSubsystemHandler('greet', Greeter, 'late', 1);
    await channel.invokeSubsystem('greet');
    expect(text(await channel.stdout.readAll())).toContain('late greet');
  });

  it('that fail cost only their channel, and are logged', async () => {
    const lines: string[] = [];
    await using pair = await loopback({
      serverOptions: { log: (_level, line) => lines.push(line) },
      prepare: (_client, server) => {
        server.setSubsystemHandler('broken', Broken);
        server.setSubsystemHandler('unmakeable', Unmakeable);
        server.setSubsystemHandler('greet', Greeter, 'still', 1);
      },
    });
    const broken = await pair.client.openSession();
    await broken.invokeSubsystem('broken');
    expect(await broken.closed).toBeUndefined();
    const unmade = await pair.client.openSession();
    await expect(unmade.invokeSubsystem('unmakeable')).rejects.toThrow(ChannelRequestError);
    const greeted = await pair.client.openSession();
    await greeted.invokeSubsystem('greet');
    expect(text(await greeted.stdout.readAll())).toContain('still greet');
    expect(lines.join('\n')).toContain("the handler of subsystem 'broken' failed: no good");
    expect(lines.join('\n')).toContain("the handler of subsystem 'unmakeable' could not be made: not made");
  });

  it('start only when an asynchronous hook has said yes', async () => {
    class Slow extends OpenServer {
      override async checkChannelSubsystemRequest(channel: Channel, name: string): Promise<boolean> {
        const granted = await super.checkChannelSubsystemRequest(channel, name);
        await Promise.resolve();
        return granted;
      }
    }
    await using pair = await loopback({
      server: new Slow(),
      prepare: (_client, server) => server.setSubsystemHandler('greet', Greeter, 'slow', 1),
    });
    const channel = await pair.client.openSession();
    await channel.invokeSubsystem('greet');
    expect(text(await channel.stdout.readAll())).toBe('slow greet greet true\n');
  });

  it('are registered under a name, as classes', async () => {
    await using pair = await loopback();
    expect(() => pair.server.setSubsystemHandler('', Broken)).toThrow(UsageError);
    expect(() => pair.server.setSubsystemHandler('x', {} as typeof Broken)).toThrow(UsageError);
  });
});
