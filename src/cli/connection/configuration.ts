// ssh_config(5) for one run of a verb: the files are read once, and each host is looked up in them with the lines of the command
// line in front. As with ssh, these are the destination's: jump hosts hear of a few that say how to talk, and of none that decides
// whom to trust.

import { spawn } from 'node:child_process';
import { homedir } from 'node:os';
import { LineError } from '../../config/line.ts';
import type { ResolvedConfig } from '../../config/resolved-config.ts';
import { SSHConfig } from '../../config/ssh-config.ts';
import { ConfigError, printable, UsageError } from '../../errors.ts';
import { type CommandLine, keywordOf, linesOf, type TypedLine } from './command-line.ts';
import type { Destination } from './destination.ts';
import { type ConnectionOptions, connectionOptions } from './options.ts';

/** What a lookup is about, besides the host: for `Match`, and lines that a verb sets. */
export interface Purpose {
  readonly command?: string;
  readonly subsystem?: boolean;
  /** Count before those of the command line. */
  readonly first?: readonly string[];
  /** Count after those of the command line, and before the files. */
  readonly last?: readonly string[];
}

/** As sftp and scp have it: what concerns a session, or runs something here, is not for those who want none. */
const WITHOUT_SESSION: readonly string[] = [
  'PermitLocalCommand no',
  'ClearAllForwardings yes',
  'RemoteCommand none',
  'ForkAfterAuthentication no',
  'RequestTTY no',
  'ForwardAgent no',
  'ForwardX11 no',
];

/** What jump hosts take over of the command line. */
const FOR_JUMP_HOSTS: readonly string[] = ['addressfamily', 'batchmode', 'connecttimeout', 'identityagent', 'loglevel'];

export class Configuration {
  readonly commandLine: CommandLine;
  readonly #config: SSHConfig;

  private constructor(commandLine: CommandLine, config: SSHConfig) {
    this.commandLine = commandLine;
    this.#config = config;
  }

  /** @throws ConfigError where a file cannot be read */
  static async load(commandLine: CommandLine): Promise<Configuration> {
    const { configFile } = commandLine;
    const files = configFile?.toLowerCase() === 'none' ? [] : configFile;
    return new Configuration(commandLine, await SSHConfig.load(files, { home: homedir() }));
  }

  /** @throws UsageError for a mistake of the command line, ConfigError for one of the files */
  async destination({ host, user, port }: Destination, purpose: Purpose = {}): Promise<ResolvedConfig> {
    const line = this.commandLine;
    const given = { user: user ?? line.user, port: port ?? line.port };
    return this.#lookup({ host, ...given }, linesOf(line), purpose);
  }

  /** A host for something else than a session; `subsystem` is for `Match`. @throws UsageError, ConfigError */
  async withoutSession(destination: Destination, subsystem: string | null): Promise<ConnectionOptions> {
    const about = subsystem === null ? {} : { command: subsystem, subsystem: true };
    return connectionOptions(await this.destination(destination, { first: WITHOUT_SESSION, ...about }), this);
  }

  /** A host on the way, itself behind others. @throws UsageError, ConfigError */
  async jumpHost(hop: Destination, before: readonly Destination[]): Promise<ResolvedConfig> {
    const lines = linesOf(this.commandLine).filter(({ text }) => FOR_JUMP_HOSTS.includes(keywordOf(text)));
    const jump = before.length === 0 ? [] : [`ProxyJump ${before.map(jumpText).join(',')}`];
    return this.#lookup(hop, lines, { first: [...WITHOUT_SESSION, 'SessionType none', ...jump] });
  }

  async #lookup({ host, user, port }: Destination, lines: readonly TypedLine[], purpose: Purpose): Promise<ResolvedConfig> {
    const { first = [], last = [], command, subsystem } = purpose;
    try {
      return await this.#config.lookup(host, {
        ...(user !== undefined && { user }),
        ...(port !== undefined && { port }),
        ...(command !== undefined && { command }),
        ...(subsystem !== undefined && { subsystem }),
        overrides: [...first, ...lines.map(({ text }) => text), ...last],
        exec: runForMatch,
        machine: { home: homedir() },
      });
    } catch (error) {
      throw error instanceof ConfigError ? ofCommandLine(error, first.length, lines) : error;
    }
  }
}

/** A mistake of the lines in front of the files is one of whoever typed them. */
function ofCommandLine(error: ConfigError, before: number, lines: readonly TypedLine[]): ConfigError | UsageError {
  const [problem] = error.problems;
  const typed = problem?.file === 'option' && problem.line !== null ? lines[problem.line - 1 - before] : undefined;
  return problem === undefined || typed === undefined
    ? error
    : new UsageError(`${printable(typed.typed)}: ${printable(problem.message)}`, { cause: error });
}

function jumpText({ host, user, port }: Destination): string {
  const name = host.includes(':') ? `[${host}]` : host;
  return `${user === undefined ? '' : `${user}@`}${name}${port === undefined ? '' : `:${port}`}`;
}

/**
 * The command of a `Match exec`, by the user's shell as ssh has it; it neither reads nor prints. Whether a block applies must not
 * hang on a command that came to no end of its own, which with `!exec` would say yes.
 */
function runForMatch(command: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, { shell: process.env['SHELL'] || true, stdio: ['ignore', 'ignore', 'inherit'] });
    child.once('error', (error) => reject(new LineError(`the command of Match exec cannot be run: ${error.message}`)));
    child.once('close', (code, signal) => {
      if (signal === null) resolve(code === 0);
      else reject(new LineError(`the command of Match exec was ended by ${signal}`));
    });
  });
}
