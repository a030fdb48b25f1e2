// Agent forwarding, the server's side: a socket that the programs of a session take for an agent. It lies in a directory that only
// the server's user may enter, each connection to it is passed on to the client, and nothing of it outlives the session.

import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { couple } from '../forward/couple.ts';
import type { Transport } from '../transport/transport.ts';

export class AgentSocket {
  /** For SSH_AUTH_SOCK. */
  readonly path: string;
  readonly #folder: string;
  readonly #server: Server;
  #closed: Promise<void> | null = null;

  private constructor(folder: string, path: string, server: Server) {
    this.#folder = folder;
    this.path = path;
    this.#server = server;
  }

  /** Null where it can't be made. */
  static async open(transport: Transport): Promise<AgentSocket | null> {
    // mkdtemp makes it for its owner alone, so there is no moment in which others could connect.
    const folder = await mkdtemp(join(tmpdir(), 'amiko-agent-')).catch(() => null);
    if (folder === null) return null;
    const path = join(folder, 'socket');
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => {});
      transport.openForwardAgentChannel().then(
        (channel) => couple(channel, socket),
        () => socket.destroy(),
      );
    });
    const listening = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(path, () => {
        server.on('error', () => {});
        resolve(true);
      });
    });
    if (listening) return new AgentSocket(folder, path, server);
    await rm(folder, { recursive: true, force: true });
    return null;
  }

  /** Takes no more connections and removes the socket. Never rejects, may be called again. */
  close(): Promise<void> {
    this.#server.close();
    this.#closed ??= rm(this.#folder, { recursive: true, force: true }).catch(() => {});
    return this.#closed;
  }
}
