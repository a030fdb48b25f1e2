// SFTP on a connection, as the command line asks for it: perhaps another subsystem, perhaps a limit on the bandwidth. With a
// limit the window is small too, so that the network sees about the same as the file does.

import { ChannelRequestError, SSHError } from '../../errors.ts';
import type { SessionTuning } from '../../sftp/client/flight.ts';
import { SFTPClient } from '../../sftp/client/sftp-client.ts';
import type { Channel } from '../../transport/channel.ts';
import type { Transport } from '../../transport/transport.ts';
import { LimitedChannel } from './limited-channel.ts';
import type { Tuning } from './tuning.ts';

export interface ClientSettings extends Readonly<Tuning> {
  readonly subsystem?: string;
}

/** What a limited channel may hold: about a second's worth, bytes. */
const LEAST_WINDOW = 32_768;
const MOST_WINDOW = 2_097_152;

/** @throws SSHError where the server has no SFTP, SFTPError */
export async function openClient(transport: Transport, settings: ClientSettings): Promise<SFTPClient> {
  const { subsystem = 'sftp', limit, requests } = settings;
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
  if (limit === undefined) {
    // Further channels would have further requests under way.
    return SFTPClient.open(await open(), { ...sessionTuning(settings), ...(requests === undefined && { more: () => open() }) });
  }
  const window = Math.round(Math.min(Math.max(limit, LEAST_WINDOW), MOST_WINDOW));
  return SFTPClient.open(new LimitedChannel(await open(window), limit), sessionTuning(settings));
}

/** Behind a limit little is under way: an answer, or Ctrl-C, must not wait behind minutes of it. */
function sessionTuning({ limit, requests, requestBytes }: Tuning): SessionTuning {
  const size = limit === undefined ? requestBytes : Math.min(requestBytes ?? LEAST_WINDOW, LEAST_WINDOW);
  const most = limit === undefined ? undefined : Math.max(Math.round(limit), LEAST_WINDOW);
  const asked = requests === undefined ? undefined : requests * (size ?? LEAST_WINDOW);
  const mostBytes = most === undefined || asked === undefined ? (most ?? asked) : Math.min(most, asked);
  return { ...(size !== undefined && { requestBytes: size }), ...(mostBytes !== undefined && { mostBytes }) };
}
