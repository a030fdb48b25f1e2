// `-W`: stdin and stdout joined to an address on the server's side, as a ProxyCommand wants it. Nothing else ever goes to stdout.

import { ChannelOpenError, SSHError } from '../../errors.ts';
import { openDirect } from '../../forward/local.ts';
import type { ForwardTarget } from '../../forward/target.ts';
import type { Transport } from '../../transport/transport.ts';
import type { Log } from '../connection/log.ts';
import { describePlace } from './forward-arguments.ts';
import type { SshOptions } from './options.ts';
import { Output } from './output.ts';
import { forwardStdin } from './session.ts';

/** Resolves with the exit status when both directions have ended. @throws SSHError where the server cannot connect */
export async function runStdioForward(
  transport: Transport,
  target: ForwardTarget,
  options: SshOptions,
  log: Log,
): Promise<number> {
  const channel = await openDirect(transport, target).catch((error: unknown) => {
    if (!(error instanceof ChannelOpenError)) throw error;
    throw new SSHError('ERR_SSH_CHANNEL_OPEN', `connection to ${describePlace(target)}: open failed: ${error.message}`, {
      cause: error,
    });
  });
  log.debug(1, `stdin and stdout are joined to ${describePlace(target)}`);
  const out = new Output(process.stdout, () => channel.close());
  const written = out.pump(channel.stdout);
  const both = Promise.all([forwardStdin(channel, options, false, () => {}, log), written]);
  // Either direction may go on after the other's end; a channel that is closed ends both.
  await Promise.race([both, channel.closed]);
  await written;
  channel.close();
  const end = await channel.closed;
  if (end !== undefined) throw end;
  return 0;
}
