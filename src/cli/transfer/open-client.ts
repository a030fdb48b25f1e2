// SFTP on a connection, as the command line asks for it: perhaps another subsystem, perhaps a limit on the bandwidth. With a
// limit the window is small too, so that the network sees about the same as the file does.

import { ChannelRequestError, SSHError } from '../../errors.ts';
import { SFTPClient } from '../../sftp/client/sftp-client.ts';
import type { Channel } from '../../transport/channel.ts';
import type { Transport } from '../../transport/transport.ts';
import { LimitedChannel } from './limited-channel.ts';

export interface ClientSettings {
  readonly subsystem?: string;
  /** Bytes a second, each way. */
  readonly limit?: number | undefined;
}

/** What a limited channel may hold: about a second's worth, bytes. */
const LEAST_WINDOW = 32_768;
const MOST_WINDOW = 2_097_152;

/** @throws SSHError where the server has no SFTP, SFTPError */
export async function openClient(transport: Transport, { subsystem = 'sftp', limit }: ClientSettings): Promise<SFTPClient> {
  const open = async (windowSize?: number): Promise<Channel> => {
    const channel = await transport.openSession(windowSize === undefined ? {} : { windowSize });
    try {
      await channel.invokeSubsystem(subsystem);
      return channel;
    } catch (error) {
      channel.close();
      if (!(error instanceof ChannelRequestError)) throw error;
      throw new SSHError('ERR_SSH_CHANNEL_REQUEST', `the server has no SFTP: it refused the subsystem '${subsystem}'`, {
        cause: error,
      });
    }
  };
  if (limit === undefined) return SFTPClient.open(await open(), { more: () => open() });
  const window = Math.round(Math.min(Math.max(limit, LEAST_WINDOW), MOST_WINDOW));
  return SFTPClient.open(new LimitedChannel(await open(window), limit));
}
