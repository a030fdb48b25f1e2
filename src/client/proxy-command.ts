// A program whose stdin and stdout are the connection to the server (ProxyCommand of ssh_config(5)). It is started from a list of
// arguments, never by a shell: whoever wants a shell names it. It ends with the connection.

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { Duplex, type Readable, type Writable } from 'node:stream';
import { ConnectError, printable, UsageError } from '../errors.ts';

type Child = ChildProcessByStdio<Writable, Readable, null>;

/** Milliseconds that the program has to end after SIGHUP, and that we wait for its exit status after the end of its output. */
const GRACE = 1_000;

/**
 * Starts the program; its stderr is ours, and its environment too unless another one is given. Destroying the stream ends it.
 * @throws ConnectError where it cannot be started
 */
export function startProxyCommand(command: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<Duplex> {
  const [program, ...args] = command;
  if (!program) throw new UsageError('a proxy command needs a program');
  return new Promise((resolve, reject) => {
    const failed = (error: Error) => {
      const text = `the proxy command '${printable(program)}' cannot be run: ${error.message}`;
      reject(new ConnectError(text, [error], { cause: error }));
    };
    let child: Child;
    try {
      child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'], env });
    } catch (error) {
      // Some of the system's errors are thrown, and others told.
      failed(error as Error);
      return;
    }
    child.once('error', failed);
    child.once('spawn', () => {
      child.off('error', failed);
      resolve(new ChildStream(child));
    });
  });
}

/** The arguments of a command that is written for a shell, of which nothing is left but the command: so it is what gets the signal. */
export function throughShell(command: string, shell?: string): readonly string[] {
  return [shell || '/bin/sh', '-c', `exec ${command}`];
}

class ChildStream extends Duplex {
  readonly #child: Child;
  #ended = false;
  /** Somebody reads. One that ends before that is told of then, or nobody would hear why. */
  #read = false;
  #over = false;

  constructor(child: Child) {
    super({ allowHalfOpen: true });
    this.#child = child;
    // Killing may fail when it has ended already; writing fails when it does not read any more: its end tells.
    child.on('error', () => {});
    child.stdin.on('error', () => {});
    child.stdout.on('data', (chunk: Uint8Array) => {
      if (!this.push(chunk)) child.stdout.pause();
    });
    // Its output may end a moment before itself, and the status is what explains the end.
    child.stdout.once('end', () => setTimeout(() => this.#end(), GRACE).unref());
    child.once('close', () => this.#end());
    this.on('error', () => {});
  }

  override _read(): void {
    this.#read = true;
    if (this.#over) queueMicrotask(() => this.#end());
    this.#child.stdout.resume();
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const { stdin } = this.#child;
    // One that has gone away is told by its end.
    if (stdin.destroyed) done();
    else if (stdin.write(chunk)) done();
    else onceEither(stdin, 'drain', 'close', done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#child.stdin.end();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const child = this.#child;
    this.#ended = true;
    child.stdin.destroy();
    child.stdout.destroy();
    if (running(child)) {
      child.kill('SIGHUP');
      const force = setTimeout(() => child.kill('SIGKILL'), GRACE);
      force.unref();
      child.once('exit', () => clearTimeout(force));
    }
    done(error);
  }

  #end(): void {
    this.#over = true;
    if (this.#ended || !this.#read) return;
    this.#ended = true;
    const { exitCode, signalCode } = this.#child;
    if (exitCode !== null && exitCode !== 0) this.destroy(new Error(`the proxy command ended with exit status ${exitCode}`));
    else if (signalCode !== null) this.destroy(new Error(`the proxy command was ended by ${signalCode}`));
    else this.push(null);
  }
}

function running({ exitCode, signalCode }: Child): boolean {
  return exitCode === null && signalCode === null;
}

function onceEither(emitter: Writable, one: string, other: string, then: () => void): void {
  const once = () => {
    emitter.off(one, once);
    emitter.off(other, once);
    then();
  };
  emitter.on(one, once);
  emitter.on(other, once);
}
