// `amiko ssh`: connect and log in, run a session. This file is the order of these steps and what happens when one of them ends
// otherwise: by an error (255), by a signal (128 + n) or by the user (`~.`).

import { UsageError } from '../../errors.ts';
import { VERSION } from '../../transport/version.ts';
import { Asking } from '../connection/asking.ts';
import { openConnection } from '../connection/connect.ts';
import { Log } from '../connection/log.ts';
import { type Connections, closeAll, withSignals } from '../connection/signals.ts';
import { explain, targetOf } from '../connection/target.ts';
import { startForwards } from './forwarding.ts';
import { usage } from './help.ts';
import { parseArguments, type SshOptions } from './options.ts';
import { runSession } from './session.ts';
import { runStdioForward } from './stdio-forward.ts';
import { Terminal } from './terminal.ts';

const FAILED = 255;
const WRONG_USAGE = 2;

/** Runs `amiko ssh` with the arguments after `ssh`; resolves with the exit status. */
export async function main(args: readonly string[]): Promise<number> {
  let options: SshOptions;
  try {
    const invocation = parseArguments(args);
    if (invocation.kind !== 'connect') {
      process.stdout.write(invocation.kind === 'help' ? usage() : `amiko ${VERSION}\n`);
      return 0;
    }
    options = invocation.options;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`amiko ssh: ${error.message}\nTry 'amiko ssh --help'.\n`);
    return WRONG_USAGE;
  }
  const log = new Log(options);
  const terminal = new Terminal();
  // A log line that cannot be written is no reason to die.
  process.stderr.on('error', () => {});
  process.stdout.on('error', () => {});
  const onSignal = (signal: string) => {
    terminal.restore();
    log.raw = false;
    log.debug(1, `${signal}: closing`);
    return true;
  };
  return withSignals(onSignal, (connections) => connect(options, connections, terminal, log));
}

async function connect(options: SshOptions, connections: Connections, terminal: Terminal, log: Log): Promise<number> {
  const target = targetOf(options, options);
  let escaped = false;
  try {
    const asking = new Asking({ batchMode: options.batchMode ?? false });
    const transport = await openConnection(target, options, asking, log, connections);
    const forwards = await startForwards(transport, options, log);
    if (options.stdioForward !== undefined) return await runStdioForward(transport, options.stdioForward, options, log);
    if (options.noSession) throw (await transport.closed).error;
    const status = await runSession(transport, options, terminal, log, () => {
      escaped = true;
    });
    await forwards.drained();
    return status;
  } catch (error) {
    terminal.restore();
    if (escaped) log.notice(`The connection to ${target.host} has been closed.`);
    else if (!connections.signalled) log.error(explain(error, target));
    return FAILED;
  } finally {
    await closeAll(connections);
  }
}
