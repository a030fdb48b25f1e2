// Opening a channel of ours, of any kind. A channel that is confirmed when nobody waits for it any more is closed by the engine, so
// none is ever half open.

import type { Engine } from '../engine/engine.ts';
import { waitFor } from '../io/waiting.ts';
import { Channel } from './channel.ts';
import { answerAsClient } from './channel-requests.ts';
import type { Offers } from './client-side.ts';
import { channelSizes, DEFAULT_TIMEOUTS, type OpenChannelOptions, openData, type TransportOptions } from './options.ts';
import type { Transport } from './transport.ts';

export interface OpenChannelPort {
  readonly transport: Transport;
  readonly options: TransportOptions;
  /** Where a session says which channels the server may open. */
  readonly offers: Offers;
  /** @throws where the connection is not there, or over. */
  engine(): Engine;
  /** The channel is there. */
  opened(channel: Channel): void;
}

/** @throws as `Transport.openChannel`, at once what is wrong with the options */
export function openChannel(port: OpenChannelPort, kind: string, options: OpenChannelOptions): Promise<Channel> {
  const { transport, offers } = port;
  const data = openData(kind, options);
  const sizes = channelSizes(port.options, options);
  const channel = new Channel({ transport, kind, windowBytes: sizes.windowBytes, onRequest: answerAsClient, offers });
  return waitFor<Channel>(
    `opening a '${kind}' channel`,
    options,
    ({ resolve, reject }) =>
      port.engine().openChannel(kind, data, sizes, channel.handler, {
        opened: (machine) => {
          channel.attach(machine);
          port.opened(channel);
          resolve(channel);
        },
        refused: reject,
      }),
    port.options.timeouts?.channelOpen ?? DEFAULT_TIMEOUTS.channelOpen,
  );
}
