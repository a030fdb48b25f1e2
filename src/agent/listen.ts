// The socket of an agent of ours: for its owner alone from its first moment, never in the place of an agent that lives, and gone when
// it is closed. What a dead agent left behind is taken away: who connects there is refused, and the file is ours.

import { lstatSync, type Stats, unlinkSync } from 'node:fs';
import { chmod, unlink } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { AgentError, printable } from '../errors.ts';
import type { Keyring } from './keyring.ts';
import { serveAgent } from './serve.ts';

/** A forwarded agent is reached through many connections at once; more than this is nobody's need. */
const MOST_CLIENTS = 1_000;

/**
 * A listening agent.
 *
 * @example
 * const server = await listenAgent(new Keyring(), '/run/user/1000/my-agent');
 * process.once('SIGTERM', () => void server.close());
 */
export class AgentServer implements AsyncDisposable {
  readonly path: string;
  readonly #server: Server;
  readonly #sockets: ReadonlySet<Socket>;

  /** @internal */
  constructor(path: string, server: Server, sockets: ReadonlySet<Socket>) {
    this.path = path;
    this.#server = server;
    this.#sockets = sockets;
  }

  /** Hangs up on all clients and removes the socket. The keys stay in their keyring. */
  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/**
 * Serves a keyring at a socket that only its owner can open (or a pipe on Windows). A socket there that nobody listens at any more is
 * replaced.
 * @throws AgentError where it can't listen there
 *
 * @example
 * await using server = await listenAgent(keyring, `${process.env.XDG_RUNTIME_DIR}/my-agent`);
 * process.env.SSH_AUTH_SOCK = server.path;
 */
export async function listenAgent(keyring: Keyring, path: string): Promise<AgentServer> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    void serveAgent(keyring, socket).then(() => sockets.delete(socket));
  });
  server.maxConnections = MOST_CLIENTS;
  try {
    await listen(server, path).catch(async (error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || !(await removeStale(path))) throw error;
      await listen(server, path);
    });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new AgentError(`can't listen at ${printable(path)}: ${why}`, { cause: error });
  }
  // A connection that could not be accepted (no descriptors left) is the client's loss, not ours.
  server.on('error', () => {});
  if (process.platform !== 'win32') {
    await chmod(path, 0o600).catch(async (error: unknown) => {
      server.close();
      await unlink(path).catch(() => {});
      throw new AgentError(`can't protect ${printable(path)}`, { cause: error });
    });
  }
  return new AgentServer(path, server, sockets);
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.once('listening', () => {
      server.off('error', reject);
      resolve();
    });
    // Between bind and chmod anybody could connect. The bind happens before listen() returns, so nobody else's files are affected.
    const restore = narrowUmask();
    try {
      server.listen(path);
    } finally {
      restore();
    }
  });
}

/** Worker threads have no umask of their own; there only the chmod that follows protects. */
function narrowUmask(): () => void {
  try {
    const before = process.umask(0o177);
    return () => void process.umask(before);
  } catch {
    return () => {};
  }
}

/** Removes the socket of an agent of ours that is dead. False where it is anything else. */
async function removeStale(path: string): Promise<boolean> {
  const before = ownSocket(path);
  if (before === null || !(await isDeaf(path))) return false;
  // Another one may have come while we knocked.
  const now = ownSocket(path);
  if (now?.ino !== before.ino || now.ctimeMs !== before.ctimeMs) return false;
  unlinkSync(path);
  return true;
}

function ownSocket(path: string): Stats | null {
  if (process.getuid === undefined) return null;
  const stats = lstatSync(path, { throwIfNoEntry: false });
  return stats?.isSocket() && stats.uid === process.getuid() ? stats : null;
}

/** Whether nobody listens. Anything but a clear no is somebody. */
function isDeaf(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
  });
}
