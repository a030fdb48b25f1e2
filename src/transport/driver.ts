// Drives an engine over a byte stream: bytes down, bytes up, tasks run, the clock read. All that is asynchronous about a
// connection is here; one write per turn, reading paused while the engine wants none.

import type { EngineConfig } from '../engine/config.ts';
import { Engine } from '../engine/engine.ts';
import type { EngineHandler } from '../engine/events.ts';
import type { Task } from '../flow/flow.ts';
import type { ByteStream } from '../io/byte-stream.ts';
import { LONGEST_TIMER } from '../io/waiting.ts';

/** Milliseconds that the peer has to close after we have said goodbye. */
const LINGER = 1_000;

type EngineEvents = Omit<EngineHandler, 'onTask' | 'onOutput'>;

export class Driver {
  readonly engine: Engine;
  readonly #stream: ByteStream;
  #timer: NodeJS.Timeout | undefined;
  #timerAt: number | null = null;
  #flushScheduled = false;
  #writable = true;
  #reading = true;
  #flushWaiters: (() => void)[] = [];
  #closed: () => void = () => {};
  /** Settles when the stream below is gone. */
  readonly streamClosed: Promise<void>;

  constructor(stream: ByteStream, config: EngineConfig, events: EngineEvents) {
    this.#stream = stream;
    this.streamClosed = new Promise((resolve) => {
      this.#closed = resolve;
    });
    const handler: EngineHandler = {
      onTask: (task) => this.#run(task),
      onOutput: () => this.#scheduleFlush(),
      onEvent: (event) => {
        events.onEvent(event);
        if (event.type === 'closed') this.#hangUp();
      },
      onChannelOpen: (open) => events.onChannelOpen(open),
      onGlobalRequest: (request) => events.onGlobalRequest(request),
    };
    this.engine = new Engine(config, handler, performance.now());
  }

  start(): void {
    this.engine.start();
    this.#stream.open({
      data: (chunk) => {
        this.engine.receive(chunk, performance.now());
        this.#afterStep();
      },
      end: (cause) => {
        this.engine.end(performance.now(), cause);
        this.#stream.destroy();
        clearTimeout(this.#timer);
        this.#closed();
      },
      drain: () => {
        this.#writable = true;
        this.engine.resume(performance.now());
        this.#flush();
      },
    });
    this.#flush();
  }

  /** Resolves when all channel data has been handed to the stream, or after `timeout` milliseconds. */
  flushed(timeout: number): Promise<void> {
    if (this.engine.queuedBytes === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.min(timeout, LONGEST_TIMER));
      this.#flushWaiters.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /** Closes the stream without a word. */
  destroy(): void {
    this.#stream.destroy();
  }

  peername(): readonly [string, number] | null {
    return this.#stream.peername();
  }

  #run(task: Task): void {
    let result: unknown;
    try {
      result = task.run();
    } catch (error) {
      task.reject(error);
      return;
    }
    if (!isThenable(result)) {
      task.resolve(result);
      return;
    }
    result.then(
      (value) => this.#settle(() => task.resolve(value)),
      (error) => this.#settle(() => task.reject(error)),
    );
  }

  /** A task that ends later: the engine goes on with what waited for it. */
  #settle(step: () => void): void {
    this.engine.tick(performance.now());
    step();
    this.#afterStep();
  }

  #scheduleFlush(): void {
    // Also while nothing can be written: there may be a new deadline.
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    queueMicrotask(() => {
      this.#flushScheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    while (this.#writable) {
      const chunks = this.engine.flush(performance.now());
      if (chunks.length === 0) break;
      this.#writable = this.#stream.write(chunks, () => this.engine.recycle(chunks));
    }
    if (this.#flushWaiters.length > 0 && this.engine.queuedBytes === 0) {
      for (const resolve of this.#flushWaiters.splice(0)) resolve();
    }
    this.#afterStep();
  }

  #afterStep(): void {
    const { wantsInput, deadline } = this.engine;
    if (wantsInput !== this.#reading) {
      this.#reading = wantsInput;
      if (wantsInput) this.#stream.resume();
      else if (this.engine.error === null) this.#stream.pause();
    }
    if (deadline !== this.#timerAt) this.#arm(deadline);
  }

  #arm(deadline: number | null): void {
    clearTimeout(this.#timer);
    this.#timerAt = deadline;
    if (deadline === null) return;
    const delay = Math.min(Math.max(0, Math.ceil(deadline - performance.now())), LONGEST_TIMER);
    this.#timer = setTimeout(() => {
      this.#timerAt = null;
      this.engine.tick(performance.now());
      this.#flush();
    }, delay);
  }

  /** The engine is done: what it still has to say goes out, then the stream closes, by force if the peer does not follow. */
  #hangUp(): void {
    for (const resolve of this.#flushWaiters.splice(0)) resolve();
    queueMicrotask(() => {
      clearTimeout(this.#timer);
      const chunks = this.engine.flush(performance.now());
      if (chunks.length > 0) this.#stream.write(chunks);
      this.#stream.resume();
      this.#stream.end();
      const force = setTimeout(() => {
        this.#stream.destroy();
        // Not every stream says that it is closed; nobody must wait for one that does not.
        this.#closed();
      }, LINGER);
      void this.streamClosed.then(() => clearTimeout(force));
    });
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function';
}
