// `-R`: the server listens, we connect (RFC 4254 section 7.1, OpenSSH PROTOCOL section 2.4).

import type { CallOptions } from '../io/waiting.ts';
import type { Transport } from '../transport/transport.ts';
import { couple } from './couple.ts';
import { type Forward, type ForwardOptions, forwardCallOptions } from './forward.ts';
import { serveRemote } from './remote-serving.ts';
import { checkForward, checkTarget, type ForwardTarget, openSocket } from './target.ts';

/**
 * Has the server listen on `from` and passes each connection on to `to`, which we connect to. Port 0 lets the server choose.
 * @throws ChannelRequestError if the server refuses, UsageError
 */
export async function forwardRemote(
  transport: Transport,
  from: ForwardTarget,
  to: ForwardTarget,
  options: ForwardOptions & CallOptions = {},
): Promise<Forward> {
  checkForward('forwardRemote', transport, options, forwardCallOptions);
  checkTarget('forwardRemote', 'to', to, 1);
  return serveRemote('forwardRemote', transport, from, options, async (channel, origin) => {
    options.onConnection?.({ origin, destination: to });
    try {
      await couple(channel, await openSocket(to));
    } catch (error) {
      channel.close();
      options.onFailure?.({ origin, destination: to, error });
    }
  });
}
