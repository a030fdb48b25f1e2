// An SFTP session over a connection: a channel with the subsystem on it. The connection is known by its shape only.

import type { CallOptions } from '../../io/waiting.ts';
import type { ByteChannel } from '../byte-channel.ts';

export interface SFTPChannelOptions extends CallOptions {
  /** Receive window to begin with, bytes; default the connection's. */
  readonly windowSize?: number;
  /** Largest packet that we take, bytes. */
  readonly maxPacketSize?: number;
}

/** What a `Transport` has of it. */
export interface SessionOpener {
  /** The other side's identification, `SSH-2.0-OpenSSH_10.0` or the like. */
  readonly peerVersion?: string | null;
  openSession(options?: SFTPChannelOptions): Promise<SubsystemChannel>;
}

interface SubsystemChannel extends ByteChannel {
  invokeSubsystem(name: string, options?: CallOptions): Promise<void>;
}

/** @throws ChannelOpenError, ChannelRequestError where the server has no SFTP, SSHTimeoutError, ... */
export async function openSubsystem(transport: SessionOpener, options: SFTPChannelOptions): Promise<ByteChannel> {
  const { windowSize, maxPacketSize, ...call } = options;
  const channel = await transport.openSession(options);
  try {
    await channel.invokeSubsystem('sftp', call);
    return channel;
  } catch (error) {
    channel.close();
    throw error;
  }
}

/**
 * Another one, where the server has shown that it has SFTP: nobody waits for it to say so again, which saves a round trip. Should it
 * refuse all the same, the channel is closed. @throws ChannelOpenError, SSHTimeoutError, ...
 */
export async function openAnother(transport: SessionOpener, options: SFTPChannelOptions): Promise<ByteChannel> {
  const { windowSize, maxPacketSize, ...call } = options;
  const channel = await transport.openSession(options);
  channel.invokeSubsystem('sftp', call).catch(() => channel.close());
  return channel;
}

/** asyncssh's server takes the two names of SYMLINK in the draft's order from whoever does not call himself OpenSSH. */
export function hasLinkFirst({ peerVersion }: SessionOpener): boolean {
  return peerVersion?.includes('AsyncSSH') === true;
}
