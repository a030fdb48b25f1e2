// A command on a channel: stdin, stdout and stderr through pipes with backpressure both ways, the exit status, signals. No output
// is lost: the exit is reported when both output streams have ended, and the channel closes after that. A program that still
// runs when its channel closes is ended, with its whole process group.

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import type { Channel } from '../transport/channel.ts';
import type { ReadQueue } from '../transport/read-queue.ts';
import { isSignalName, ProcessGroup } from './process-group.ts';

/** What to run. There is no shell in between unless it is the program. */
export interface Program {
  readonly file: string;
  readonly args: readonly string[];
  /** The name that it sees as its own; a login shell has one that begins with `-`. */
  readonly argv0?: string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Milliseconds between the request to end and SIGKILL, when the channel has closed. */
  readonly killGrace: number;
}

/** A program that runs on a channel. */
export interface ChannelProcess {
  /** Sends a signal to all its processes; the name without "SIG". False for names that RFC 4254 does not have. */
  signal(name: string): boolean;
  /** Tells a terminal its new size; false where there is none. */
  resize(columns: number, rows: number): boolean;
  /** Resolves when it has ended and the channel is closed or closing. Never rejects. */
  readonly ended: Promise<void>;
}

/** The exit status of a program that could not be started, as a shell has it. */
const CANNOT_START = 126;

/** Runs a program on a channel, through pipes. */
export function runProcess(channel: Channel, program: Program): ChannelProcess {
  const { file, args, argv0, cwd, env } = program;
  let child: ChildProcessWithoutNullStreams;
  try {
    // Its own process group, so that signals reach what it starts.
    child = spawn(file, args, { cwd, env, detached: true, stdio: 'pipe', ...(argv0 !== undefined && { argv0 }) });
  } catch (error) {
    return failedToStart(channel, error);
  }
  const { pid } = child;
  if (pid === undefined) {
    child.on('error', (error) => failedToStart(channel, error));
    return nothing(new Promise((resolve) => child.once('error', () => resolve())));
  }
  const group = new ProcessGroup(pid);
  const exit = new Promise<Exit>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  child.once('exit', () => group.leaderEnded());
  child.on('error', () => {});
  void feed(channel, child.stdin);
  const outputs = [
    drain(child.stdout, (chunk) => channel.write(chunk)),
    drain(child.stderr, (chunk) => channel.writeStderr(chunk)),
  ];
  const finished = Promise.all([exit, ...outputs]).then(([{ code, signal }]) => reportExit(channel, code, signal));
  void channel.closed.then(() => {
    group.end('SIGTERM', program.killGrace);
    // Something outside of the group may hold the other ends of the pipes; nobody is left to hear it.
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
  });
  return {
    signal: (name) => isSignalName(name) && group.signal(`SIG${name}` as NodeJS.Signals),
    resize: () => false,
    ended: finished.then(() => group.ended),
  };
}

interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Tells how it ended, and closes the channel after what is queued. */
export function reportExit(channel: Channel, code: number | null, signal: NodeJS.Signals | null): void {
  channel.shutdownWrite();
  const name = signal?.slice('SIG'.length);
  if (name === undefined) channel.sendExitStatus(code ?? 0);
  else channel.sendExitSignal(name);
  channel.close();
}

/** Says why on the channel's stderr, and ends it. */
export function failedToStart(channel: Channel, error: unknown): ChannelProcess {
  const why = error instanceof Error ? error.message : String(error);
  channel.writeStderr(`amiko: cannot start the command: ${why}\n`).catch(() => {});
  channel.sendExitStatus(CANNOT_START);
  channel.close();
  return nothing(Promise.resolve());
}

function nothing(ended: Promise<void>): ChannelProcess {
  return { signal: () => false, resize: () => false, ended };
}

/** The channel's data to the program, no faster than it reads. EOF is passed on; a broken connection ends it as well. */
async function feed(channel: Channel, stdin: Writable): Promise<void> {
  // A program that does not read to the end closes its stdin. What is still to come need not be sent (eow@openssh.com).
  stdin.on('error', () => channel.shutdownRead());
  try {
    for await (const chunk of channel.stdout) {
      if (stdin.destroyed) break;
      if (!stdin.write(chunk)) await writable(stdin);
    }
    stdin.end();
  } catch {
    stdin.destroy();
  }
  swallow(channel.stdout);
}

/** Resolves when there is room again, or never will be. */
export function writable(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      stream.off('drain', done);
      stream.off('close', done);
      resolve();
    };
    stream.on('drain', done);
    stream.on('close', done);
    if (stream.destroyed) done();
  });
}

/** The program's output to the channel, no faster than the client takes it. Without a taker the pipe closes: SIGPIPE. */
async function drain(source: Readable, write: (chunk: Uint8Array) => Promise<void>): Promise<void> {
  try {
    for await (const chunk of source) await write(chunk as Uint8Array);
  } catch {
    source.destroy();
  }
}

/** Data that nobody reads any more must not be kept. */
function swallow(queue: ReadQueue): void {
  queue.watch(() => queue.discard());
  queue.discard();
}
