// `amiko ssh`: connect and log in, run a session. This file is the order of these steps and what happens when one of them ends
// otherwise: by an error (255), by a signal (128 + n) or by the user (`~.`).

import { VERSION } from '../../transport/version.ts';
import { Asking } from '../connection/asking.ts';
import { Configuration } from '../connection/configuration.ts';
import { openConnection } from '../connection/connect.ts';
import { Log, LogFile } from '../connection/log.ts';
import { refuse } from '../connection/refuse.ts';
import { type Connections, closeAll, withSignals } from '../connection/signals.ts';
import { explain } from '../connection/target.ts';
import { parseArguments } from './arguments.ts';
import { Background, goToBackground } from './background.ts';
import { startForwards } from './forwarding.ts';
import { usage } from './help.ts';
import { runLocalCommand } from './local-command.ts';
import { lookUp, type SshOptions, sshOptions } from './options.ts';
import { runSession } from './session.ts';
import { runStdioForward } from './stdio-forward.ts';
import { Terminal } from './terminal.ts';

const FAILED = 255;

/** Runs `amiko ssh` with the arguments after `ssh`; resolves with the exit status. */
export async function main(args: readonly string[]): Promise<number> {
  let options: SshOptions;
  let file: LogFile | null = null;
  const background = Background.current();
  try {
    const invocation = parseArguments(args);
    if (invocation.kind !== 'connect') {
      process.stdout.write(invocation.kind === 'help' ? usage() : `amiko ${VERSION}\n`);
      return 0;
    }
    const { typed } = invocation;
    if (typed.logFile !== undefined) file = new LogFile(typed.logFile);
    const configuration = await Configuration.load(typed);
    const config = await lookUp(typed, configuration);
    if (typed.print) {
      process.stdout.write(`${config.dump().join('\n')}\n`);
      return 0;
    }
    options = sshOptions(typed, config, configuration);
    if (options.background && background === null) return await goToBackground(options);
  } catch (error) {
    return refuse('ssh', error, file);
  }
  const log = new Log(options, file);
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
  return withSignals(onSignal, (connections) => connect(options, connections, terminal, log, background));
}

async function connect(
  options: SshOptions,
  connections: Connections,
  terminal: Terminal,
  log: Log,
  background: Background | null,
): Promise<number> {
  const { target, batchMode, stdioForward, localCommand } = options;
  let escaped = false;
  try {
    for (const notice of options.notices) log.notice(notice);
    const asking = new Asking({ batchMode });
    const transport = await openConnection(options, asking, log, connections);
    const forwards = await startForwards(transport, options, log);
    // After the forwards, as with ssh: it may be there to use them.
    if (localCommand !== null) await runLocalCommand(localCommand, log);
    if (background !== null) {
      // From then on the terminal is the shell's again: what has come up is asked before, and what still comes is only told.
      await asking.giveTerminalAway();
      log.debug(1, `going to the background as process ${process.pid}`);
      background.ready();
    }
    if (stdioForward !== null) return await runStdioForward(transport, stdioForward, options, log);
    if (options.noSession) {
      if (background === null) asking.keepTerminal();
      throw (await transport.closed).error;
    }
    const status = await runSession(transport, options, terminal, log, {
      started: () => asking.giveTerminalAway(),
      escaped: () => {
        escaped = true;
      },
    });
    await forwards.drained();
    return status;
  } catch (error) {
    terminal.restore();
    if (escaped) log.say(`The connection to ${target.host} has been closed.`);
    else if (!connections.signalled) log.error(explain(error, target));
    return FAILED;
  } finally {
    await closeAll(connections);
  }
}
