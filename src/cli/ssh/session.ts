// One session over a connection that has been logged in to: the command or the shell, its input and output joined to ours, its
// end turned into our exit status. Nothing is buffered without limit on either way.

import { constants } from 'node:os';
import { ChannelClosedError, ChannelRequestError, printable } from '../../errors.ts';
import type { Channel } from '../../transport/channel.ts';
import type { ExitStatus } from '../../transport/exit-status.ts';
import type { Transport } from '../../transport/transport.ts';
import type { Log } from '../connection/log.ts';
import { EscapeFilter } from './escape.ts';
import { Keystrokes } from './keystrokes.ts';
import { offerAgent, offerX11 } from './offers.ts';
import type { SshOptions } from './options.ts';
import { Output } from './output.ts';
import type { Terminal } from './terminal.ts';

const FAILED = 255;
/** As a shell has it for SIGPIPE. */
const BROKEN_PIPE = 128 + 13;

const escapeHelp = (character: string) => `Escapes, right after a new line:
  ${character}.  end the connection
  ${character}${character}  the character itself
  ${character}?  this text`;

/** What happens during a session. */
export interface SessionEvents {
  /** It runs there, and nothing has been read from stdin yet: that waits. */
  started(): Promise<void>;
  /** The user has ended it by `~.`; the connection will break for it. */
  escaped(): void;
}

/** Runs the session to its end; resolves with the exit status. @throws the connection's error */
export async function runSession(
  transport: Transport,
  options: SshOptions,
  terminal: Terminal,
  log: Log,
  events: SessionEvents,
): Promise<number> {
  const channel = await transport.openSession();
  await offerX11(channel, options, log);
  await offerAgent(channel, options, log);
  sendEnvironment(channel, options, log);
  const pty = await askForPty(channel, options, terminal, log);
  await start(channel, options);
  log.debug(1, options.command === null ? 'the shell has been started' : 'the command has been started');
  await events.started();

  const stopResize = pty ? terminal.onResize(() => channel.resizePty(terminal.size)) : () => {};
  // The size may have changed while the pty was asked for.
  if (pty) channel.resizePty(terminal.size);
  // Where nothing is read from it, as in the background, the terminal is somebody else's.
  if (pty && terminal.interactive && !options.noStdin) {
    terminal.enterRaw();
    log.raw = true;
  }
  try {
    let nobodyReads = () => {};
    const unread = new Promise<'unread'>((resolve) => {
      nobodyReads = () => resolve('unread');
    });
    const out = new Output(process.stdout, () => {
      // The command is told, as by a broken pipe. Others than OpenSSH do not know how, and would let it go on for ever.
      if (transport.peerVersion?.includes('OpenSSH')) channel.shutdownRead();
      else nobodyReads();
    });
    const err = new Output(process.stderr, () => {});
    const endByUser = () => {
      events.escaped();
      transport.destroy();
    };
    void forwardStdin(channel, options, pty, endByUser, log);
    const pumped = Promise.all([out.pump(channel.stdout), err.pump(channel.stderr)]);
    const end = await Promise.race([unread, pumped.then(() => channel.closed)]);
    if (end === 'unread') return BROKEN_PIPE;
    if (end !== undefined) throw end;
  } finally {
    stopResize();
    terminal.restore();
    log.raw = false;
  }
  const status = await channel.exited;
  log.debug(1, describe(status));
  return exitCode(status);
}

/** Our exit status for the command's: its own, or as a shell has it for a signal. */
export function exitCode({ code, signal }: ExitStatus): number {
  // A status is 32 bits on the wire and 8 bits here; what does not fit must not look like success.
  if (code !== null) return code > FAILED ? FAILED : code;
  const number = signal === null ? undefined : (constants.signals as Record<string, number | undefined>)[`SIG${signal}`];
  return number === undefined ? FAILED : 128 + number;
}

function sendEnvironment(channel: Channel, { environment }: SshOptions, log: Log): void {
  if (environment.size === 0) return;
  log.debug(2, `sending the variables ${[...environment.keys()].join(', ')}`);
  channel.updateEnvironment(Object.fromEntries(environment));
}

async function askForPty(channel: Channel, options: SshOptions, terminal: Terminal, log: Log): Promise<boolean> {
  const { requestTty, command, noStdin, environment } = options;
  if (requestTty === 'no' || (requestTty === 'auto' && command !== null)) return false;
  if (requestTty !== 'force' && (!terminal.interactive || noStdin)) {
    if (requestTty === 'yes')
      log.notice('There will be no terminal there, as stdin here is none; -tt asks for one all the same.');
    return false;
  }
  try {
    // As ssh has it: SetEnv says which terminal it is to be taken for there, where the server does not know ours.
    const term = environment.get('TERM') || process.env['TERM'] || 'vt100';
    await channel.getPty({ term, ...terminal.size, modes: terminal.modes() });
    return true;
  } catch (error) {
    if (!(error instanceof ChannelRequestError)) throw error;
    log.error('the server gives no terminal');
    return false;
  }
}

async function start(channel: Channel, { command, subsystem }: SshOptions): Promise<void> {
  if (command === null) await channel.invokeShell();
  else if (subsystem) await channel.invokeSubsystem(command);
  else await channel.execCommand(command);
}

/** Sends stdin and its end. `pty` and the options decide about escapes; `endByUser` is called for `~.`. Never rejects. */
export async function forwardStdin(
  channel: Channel,
  { noStdin, escapeChar, keystrokeInterval }: Pick<SshOptions, 'noStdin' | 'escapeChar' | 'keystrokeInterval'>,
  pty: boolean,
  endByUser: () => void,
  log: Log,
): Promise<void> {
  if (noStdin) {
    channel.shutdownWrite();
    return;
  }
  const keys = pty && keystrokeInterval !== null ? obscured(channel, keystrokeInterval, log) : null;
  const write = (data: Uint8Array) => (keys ?? channel).write(data);
  const filter = pty && escapeChar !== null ? new EscapeFilter(escapeChar) : null;
  try {
    // Not destroyed at the end: the terminal's settings can only be put back through it.
    for await (const chunk of process.stdin.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
      if (filter === null) {
        await write(chunk);
        continue;
      }
      for (const typed of filter.push(chunk)) {
        if (typed.kind === 'data') await write(typed.data);
        else if (typed.kind === 'help') log.say(`${escapeChar}?\n${escapeHelp(escapeChar as string)}`);
        else {
          endByUser();
          return;
        }
      }
    }
    await keys?.flush();
  } catch (error) {
    // The command does not read any more; what it still writes counts. Everything else is stdin itself: its end.
    if (!(error instanceof ChannelClosedError)) log.debug(1, `stdin: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!channel.isClosed) channel.shutdownWrite();
}

/** Null where the server does not know the pings that keys are hidden among. */
function obscured(channel: Channel, interval: number, log: Log): Keystrokes | null {
  const transport = channel.getTransport();
  if (!transport.peerAnswersPings) return null;
  log.debug(1, `the times of keystrokes are obscured: a packet every ${interval} ms`);
  const keys = new Keystrokes({ write: (data) => channel.write(data), chaff: () => transport.chaff() }, interval);
  void channel.closed.then(() => keys.stop());
  return keys;
}

function describe({ code, signal, message }: ExitStatus): string {
  if (code !== null) return `the command has ended with exit status ${code}`;
  if (signal === null) return 'the server did not say how the command has ended';
  return `the command was ended by the signal ${printable(signal)}${message === '' ? '' : `: ${printable(message)}`}`;
}
