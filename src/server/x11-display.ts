// X11 forwarding, the server's side: a display on loopback that passes connections on to the client, and an authority file with the
// client's made-up cookie for the programs of one session. We look at no cookie: the client does, before anything reaches its
// display. The number is ours only if it is free on IPv4 and IPv6 alike: else another user could wait for our programs on the
// address that we did not get (CVE-2008-1483).

import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { couple } from '../forward/couple.ts';
import type { Transport } from '../transport/transport.ts';

/** Displays that programs may have of their own; as OpenSSH's X11DisplayOffset. */
const FIRST_DISPLAY = 10;
const DISPLAYS = 1_000;
const X11_PORT = 6_000;
/** Milliseconds. */
const XAUTH_TIMEOUT = 10_000;

/** What the client has asked for, checked: protocol and cookie hold nothing but letters, digits and a few marks. */
export interface X11DisplayOptions {
  /** Only the first connection. */
  readonly singleConnection: boolean;
  readonly authProtocol: string;
  /** Hexadecimal. */
  readonly authCookie: string;
  readonly screenNumber: number;
}

export class X11Display {
  /** DISPLAY and XAUTHORITY. */
  readonly environment: Readonly<Record<string, string>>;
  readonly #listeners: readonly Server[];
  readonly #folder: string;
  #closed: Promise<void> | null = null;

  private constructor(environment: Readonly<Record<string, string>>, listeners: readonly Server[], folder: string) {
    this.environment = environment;
    this.#listeners = listeners;
    this.#folder = folder;
  }

  /** Null where no display is free, or there is no xauth(1) to write the cookie down with. */
  static async open(transport: Transport, options: X11DisplayOptions): Promise<X11Display | null> {
    const folder = await mkdtemp(join(tmpdir(), 'amiko-x11-')).catch(() => null);
    if (folder === null) return null;
    let display: X11Display | null = null;
    const accepted = (socket: Socket) => {
      socket.on('error', () => {});
      if (options.singleConnection) display?.stop();
      transport.openX11Channel([socket.remoteAddress ?? '', socket.remotePort ?? 0]).then(
        (channel) => couple(channel, socket),
        () => socket.destroy(),
      );
    };
    for (let number = FIRST_DISPLAY; number < FIRST_DISPLAY + DISPLAYS; number++) {
      const listeners = await listen(X11_PORT + number, accepted);
      if (listeners === null) continue;
      const name = `${number}.${options.screenNumber}`;
      const authority = join(folder, 'authority');
      display = new X11Display({ DISPLAY: `localhost:${name}`, XAUTHORITY: authority }, listeners, folder);
      // Programs look for displays of this machine under its own name, which xauth knows as `unix`.
      if (await addCookie(authority, `add unix:${name} ${options.authProtocol} ${options.authCookie}\n`)) return display;
      await display.close();
      return null;
    }
    await rm(folder, { recursive: true, force: true });
    return null;
  }

  /** Takes no more connections. */
  stop(): void {
    for (const listener of this.#listeners) listener.close();
  }

  /** Takes no more connections and removes the authority. Never rejects, may be called again. */
  close(): Promise<void> {
    this.stop();
    this.#closed ??= rm(this.#folder, { recursive: true, force: true }).catch(() => {});
    return this.#closed;
  }
}

/** Listens on both loopback addresses, or not at all. One that the machine does not have is nobody's. */
async function listen(port: number, accepted: (socket: Socket) => void): Promise<Server[] | null> {
  const listeners: Server[] = [];
  for (const host of ['127.0.0.1', '::1']) {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, accepted);
    const code = await new Promise<string | undefined>((resolve) => {
      server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'unknown'));
      server.listen({ host, port }, () => {
        server.on('error', () => {});
        resolve(undefined);
      });
    });
    if (code === undefined) listeners.push(server);
    else if (host === '127.0.0.1' || (code !== 'EADDRNOTAVAIL' && code !== 'EAFNOSUPPORT')) {
      for (const listener of listeners) listener.close();
      return null;
    }
  }
  return listeners;
}

/** Runs xauth with the commands on its stdin: arguments can be seen by everybody on the machine. */
function addCookie(authority: string, commands: string): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn('xauth', ['-q', '-f', authority, '-'], { stdio: ['pipe', 'ignore', 'ignore'], timeout: XAUTH_TIMEOUT });
    child.once('error', () => resolve(false));
    child.once('close', (code) => resolve(code === 0));
    child.stdin.on('error', () => {});
    child.stdin.end(commands);
  });
}
