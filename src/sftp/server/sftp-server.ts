// The SFTP subsystem as the seed has it: registered on a server's transport with the class of the file system to serve. The work
// is SFTPSession's; this class gives it a life on a channel.

import { UsageError } from '../../errors.ts';
import type { Channel } from '../../transport/channel.ts';
import type { ServerInterface } from '../../transport/server-interface.ts';
import { SubsystemHandler, subsystemLog } from '../../transport/subsystem-handler.ts';
import type { Transport } from '../../transport/transport.ts';
import type { SFTPAttributes } from '../protocol/attributes.ts';
import type { SFTPStatus } from '../protocol/status.ts';
import { SFTPServerInterface } from './interface.ts';
import { statusOf } from './outcome.ts';
import { changeFileAt } from './real-file.ts';
import { SFTPSession } from './session.ts';
import { sendsLinkFirst } from './symlink-order.ts';

/** A class of file systems; one object is made for each session. */
export type SFTPServerInterfaceClass = new (server: ServerInterface, ...args: never[]) => SFTPServerInterface;

export interface SFTPServerOptions {
  /** The file system. */
  readonly sftpSi: SFTPServerInterfaceClass;
  /** Files and folders that a session may have open at once; more are refused. Default 1,024. */
  readonly maxOpenHandles?: number;
  /** Requests of a session that are served at once; further ones wait in the channel. Default 128. */
  readonly maxPendingRequests?: number;
}

const DEFAULT_OPEN_HANDLES = 1_024;
const DEFAULT_PENDING_REQUESTS = 128;

/**
 * Serves SFTP version 3 on a channel. Register it with `Transport.setSubsystemHandler`, with the class of the file system and what
 * its constructor takes beyond the server, or with {@link SFTPServerOptions} in the place of the class.
 *
 * Requests are served side by side, in an order that the client cannot tell from one after the other; the reads of one file are
 * answered in the order in which they were asked for. A client that breaks the framing, asks before INIT or sends a packet above
 * 256 KiB loses the channel, with exit status 1.
 *
 * @example
 * class Hello extends SFTPServerInterface {
 *   override stat() { return SFTPAttributes.fromStat({ mode: 0o100444, size: 5 }); }
 *   override open() { return Object.assign(new SFTPHandle(), { read: (at: number) => Buffer.from('hello').subarray(at) }); }
 * }
 * transport.setSubsystemHandler('sftp', SFTPServer, Hello);
 * transport.setSubsystemHandler('sftp-small', SFTPServer, { sftpSi: Hello, maxOpenHandles: 4 });
 */
export class SFTPServer extends SubsystemHandler {
  readonly #fileSystem: SFTPServerInterface;
  readonly #session: SFTPSession;
  readonly #log: (message: string) => void;
  #finished: Promise<void> | null = null;

  /** @throws UsageError for limits that are none */
  constructor(
    channel: Channel,
    name: string,
    server: ServerInterface,
    sftpSi: SFTPServerInterfaceClass | SFTPServerOptions = SFTPServerInterface,
    ...args: readonly unknown[]
  ) {
    super(channel, name, server);
    const options = typeof sftpSi === 'function' ? { sftpSi } : sftpSi;
    const { maxOpenHandles = DEFAULT_OPEN_HANDLES, maxPendingRequests = DEFAULT_PENDING_REQUESTS } = options;
    for (const limit of [maxOpenHandles, maxPendingRequests]) {
      if (!Number.isSafeInteger(limit) || limit < 1) throw new UsageError(`not a limit: ${limit}`);
    }
    this.#log = subsystemLog(channel, name);
    this.#fileSystem = new options.sftpSi(server, ...(args as never[]));
    const linkFirst = sendsLinkFirst(channel.getTransport().peerVersion);
    const limits = { maxOpenHandles, maxPendingRequests };
    this.#session = new SFTPSession(channel, this.#fileSystem, { ...limits, linkFirst, log: this.#log });
  }

  override async startSubsystem(_name: string, _transport: Transport, channel: Channel): Promise<void> {
    try {
      // A client that has gone does not wait for a hook that never ends.
      await Promise.race([this.#fileSystem.sessionStarted(), channel.closed]);
    } catch (error) {
      channel.sendExitStatus(1);
      throw error;
    }
    const violation = await this.#session.serve();
    channel.sendExitStatus(violation === null ? 0 : 1);
    if (violation === null) return;
    // Hooks that are still at work must not keep it open.
    channel.close();
    throw violation;
  }

  /** Closes every handle, waits for the hooks that are at work, and then calls `sessionEnded`, once. */
  override finishSubsystem(): Promise<void> {
    this.#finished ??= this.#finish();
    return this.#finished;
  }

  async #finish(): Promise<void> {
    await this.#session.end();
    try {
      await this.#fileSystem.sessionEnded();
    } finally {
      await super.finishSubsystem();
    }
  }

  /**
   * The status for an error of the system: its name (`'ENOENT'`), its number (as `os.constants.errno` or, negative, as Node's
   * `errno`), or an Error that has a code or is an SFTPError. SFTP_FAILURE where version 3 has nothing better.
   */
  static convertErrno(e: unknown): SFTPStatus {
    return statusOf(e);
  }

  /**
   * Changes the attributes of a real file, following links: what is set in `attr`, in this order: size (the file is cut or grows,
   * what is before that stays), mode, times, owner. @throws what the system says, an error of Node's
   */
  static async setFileAttr(filename: string, attr: SFTPAttributes): Promise<void> {
    await changeFileAt(filename, attr);
  }
}
