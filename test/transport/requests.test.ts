// Channel requests of every kind, cut at every byte and made longer, to a server and to a client (libssh2 CVE-2019-3857, Go 9beb694):
// refused or granted, but nobody throws, no hook hears of what was not whole, and the connection lives on.
import { describe, expect, it } from 'vitest';
import {
  type CallOptions,
  type Channel,
  ChannelOpenError,
  ChannelRequestError,
  ServerInterface,
  SSHTimeoutError,
  type Transport,
} from '../../src/index.ts';
import * as requests from '../../src/wire/requests.ts';
import { closePair, connectedPair, credentials, OpenServer, transportPair } from '../support/transport-pair.ts';

const encoded: Readonly<Record<string, Uint8Array>> = {
  'pty-req': requests.ptyRequest.encode({
    term: 'vt100',
    columns: 80,
    rows: 24,
    widthPixels: 0,
    heightPixels: 0,
    modes: Uint8Array.of(0),
  }),
  env: requests.envRequest.encode({ variable: 'LANG', value: new Uint8Array(3) }),
  shell: requests.emptyRequest.encode({}),
  exec: requests.execRequest.encode({ command: new Uint8Array(4) }),
  subsystem: requests.subsystemRequest.encode({ subsystem: 'sftp' }),
  'window-change': requests.windowChangeRequest.encode({ columns: 1, rows: 2, widthPixels: 3, heightPixels: 4 }),
  signal: requests.signalRequest.encode({ signal: 'TERM' }),
  break: requests.breakRequest.encode({ length: 500 }),
  'x11-req': requests.x11Request.encode({ singleConnection: true, authProtocol: 'MIT', authCookie: 'ab', screenNumber: 0 }),
  'exit-status': requests.exitStatusRequest.encode({ status: 1 }),
  'exit-signal': requests.exitSignalRequest.encode({ signal: 'TERM', coreDumped: false, message: '', language: '' }),
  'made-up': new Uint8Array(5),
};

/** All that is not exactly this payload. */
function broken(payload: Uint8Array): Uint8Array[] {
  const cuts = Array.from({ length: payload.length }, (_, end) => payload.slice(0, end));
  const longer = new Uint8Array(payload.length + 1);
  longer.set(payload);
  const lying = payload.slice();
  if (lying.length >= 4) lying.fill(0xff, 0, 4);
  return [...cuts, longer, ...(lying.length >= 4 ? [lying] : [])];
}

/** Counts every hook that is called. */
class Counting extends OpenServer {
  heard: string[] = [];
  override checkChannelPtyRequest(): boolean {
    return this.#note('pty-req');
  }
  override checkChannelEnvRequest(): boolean {
    return this.#note('env');
  }
  override checkChannelShellRequest(): boolean {
    return this.#note('shell');
  }
  override checkChannelExecRequest(): boolean {
    return this.#note('exec');
  }
  override checkChannelSubsystemRequest(): boolean {
    return this.#note('subsystem');
  }
  override checkChannelWindowChangeRequest(): boolean {
    return this.#note('window-change');
  }
  override checkChannelSignalRequest(): boolean {
    return this.#note('signal');
  }
  override checkChannelBreakRequest(): boolean {
    return this.#note('break');
  }
  #note(name: string): boolean {
    this.heard.push(name);
    return true;
  }
}

async function answerTo(channel: Channel, name: string, data: Uint8Array): Promise<boolean> {
  try {
    await channel.request(name, data);
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(ChannelRequestError);
    return false;
  }
}

describe('a server', () => {
  it.each(Object.keys(encoded))('refuses %s in every broken form, unheard', { timeout: 20_000 }, async (name) => {
    const server = new Counting();
    const pair = await connectedPair({ interface: server });
    const channel = await pair.client.openSession();
    for (const data of broken(encoded[name] as Uint8Array)) {
      // The length of the first string, where there is none, is just a number: that one is whole.
      const whole = ['window-change', 'break', 'exit-status'].includes(name) && data.length === encoded[name]?.length;
      const before = server.heard.length;
      if (whole) await answerTo(channel, name, data);
      else {
        expect(await answerTo(channel, name, data)).toBe(false);
        expect(server.heard).toHaveLength(before);
      }
    }
    expect(await pair.client.ping()).toBeGreaterThan(0);
    await closePair(pair);
  });

  it('grants them whole', async () => {
    for (const name of ['pty-req', 'env', 'window-change', 'signal', 'break', 'shell']) {
      const server = new Counting();
      const pair = await connectedPair({ interface: server });
      const channel = await pair.client.openSession();
      expect(await answerTo(channel, name, encoded[name] as Uint8Array), name).toBe(true);
      expect(server.heard).toEqual([name]);
      await closePair(pair);
    }
  });

  it('grants one program per channel', async () => {
    const pair = await connectedPair({ interface: new Counting() });
    const channel = await pair.client.openSession();
    expect(await answerTo(channel, 'exec', encoded['exec'] as Uint8Array)).toBe(true);
    for (const name of ['exec', 'shell', 'subsystem', 'pty-req', 'env']) {
      expect(await answerTo(channel, name, encoded[name] as Uint8Array), name).toBe(false);
    }
    await closePair(pair);
  });
});

describe('a client', () => {
  it.each(Object.keys(encoded))('takes %s in every broken form for what it is', { timeout: 20_000 }, async (name) => {
    const pair = await connectedPair();
    const channel = await pair.client.openSession();
    const served = (await pair.server.accept()) as Channel;
    for (const data of broken(encoded[name] as Uint8Array)) {
      const whole = name === 'exit-status' && data.length === 4;
      if (!whole) expect(await answerTo(served, name, data)).toBe(false);
    }
    expect(channel.exitStatusReady()).toBe(false);
    expect(await pair.client.ping()).toBeGreaterThan(0);
    await closePair(pair);
  });

  it('denies everything as a server by default', async () => {
    const plain = new ServerInterface();
    expect(await plain.checkChannelRequest('session', 0)).not.toBe(true);
    expect(await plain.checkAuthNone('me')).toBe('failed');
  });
});

describe('a forward that is granted when its caller has given up', () => {
  class Late extends OpenServer {
    readonly cancelled: (string | number)[] = [];
    readonly #granted: Promise<void>;
    grant: () => void = () => {};
    heardOfCancel: () => void = () => {};

    constructor() {
      super();
      this.#granted = new Promise((resolve) => {
        this.grant = resolve;
      });
    }
    override checkPortForwardRequest(): Promise<number> {
      return this.#granted.then(() => 4_321);
    }
    override cancelPortForwardRequest(address: string, port: number): void {
      this.cancelled.push(address, port);
      this.heardOfCancel();
    }
    override checkStreamlocalForwardRequest(): Promise<boolean> {
      return this.#granted.then(() => true);
    }
    override cancelStreamlocalForwardRequest(path: string): void {
      this.cancelled.push(path);
      this.heardOfCancel();
    }
  }

  it.each<[string, (client: Transport, options: CallOptions) => Promise<unknown>, (string | number)[]]>([
    ['a port', (client, options) => client.requestPortForward('localhost', 0, undefined, options), ['localhost', 4_321]],
    ['a unix socket', (client, options) => client.requestStreamlocalForward('/run/x', undefined, options), ['/run/x']],
  ])('is cancelled: %s', async (_name, request, cancelled) => {
    const server = new Late();
    const pair = await connectedPair({ interface: server });
    await expect(request(pair.client, { timeout: 20 })).rejects.toBeInstanceOf(SSHTimeoutError);
    const heard = new Promise<void>((resolve) => {
      server.heardOfCancel = resolve;
    });
    server.grant();
    await heard;
    expect(server.cancelled).toEqual(cancelled);
    await expect(pair.server.openForwardedTcpipChannel(['', 0], ['localhost', 4_321])).rejects.toBeInstanceOf(ChannelOpenError);
    await closePair(pair);
  });
});

describe('what a server is asked', () => {
  it('listens at no more than 100 places at once, also while those are undecided, and whatever the kind', async () => {
    class Listening extends OpenServer {
      #port = 1_000;
      override async checkPortForwardRequest(): Promise<number> {
        return this.#port++;
      }
      override async checkStreamlocalForwardRequest(): Promise<boolean> {
        return true;
      }
    }
    const pair = await connectedPair({ interface: new Listening() });
    const { client } = pair;
    const tcp = Array.from({ length: 60 }, () => client.requestPortForward('localhost', 0));
    const unix = Array.from({ length: 60 }, (_, index) => client.requestStreamlocalForward(`/run/${index}`));
    const results = await Promise.allSettled([...tcp, ...unix]);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(100);
    await client.cancelStreamlocalForward('/run/0');
    await client.requestPortForward('localhost', 0);
    await expect(client.requestPortForward('localhost', 0)).rejects.toBeInstanceOf(ChannelRequestError);
    await closePair(pair);
  });

  it('asks nothing more about a channel that is over', async () => {
    let decide: (granted: boolean) => void = () => {};
    class Slow extends Counting {
      override checkChannelPtyRequest(): never {
        this.heard.push('pty-req');
        return new Promise((resolve) => {
          decide = resolve;
        }) as never;
      }
    }
    const server = new Slow();
    const pair = await connectedPair({ interface: server });
    const channel = await pair.client.openSession();
    const answers = Promise.allSettled([channel.getPty(), channel.execCommand('x')]);
    channel.close();
    await channel.closed;
    await answers;
    decide(true);
    await pair.client.ping();
    expect(server.heard).toEqual(['pty-req']);
    await closePair(pair);
  });

  it('closes a channel whose taker throws or rejects, and goes on', async () => {
    class Throwing extends OpenServer {
      readonly takers = [
        () => {
          throw new Error('at once');
        },
        async () => {
          throw new Error('later');
        },
      ];
      override checkChannelRequest(): never {
        return Promise.resolve(this.takers.shift()) as never;
      }
    }
    const pair = await connectedPair({ interface: new Throwing() });
    for (const _taker of [1, 2]) await (await pair.client.openSession()).closed;
    await pair.client.ping();
    await closePair(pair);
  });

  it('ends the connection, not the process, where `authenticated` rejects', async () => {
    class Rejecting extends OpenServer {
      override async authenticated(): Promise<void> {
        throw new Error('no');
      }
    }
    const pair = transportPair({ interface: new Rejecting() });
    await pair.client.connect(credentials).catch(() => {});
    await pair.server.closed;
    await closePair(pair);
  });
});
