// Straight-line protocol logic without I/O. A flow is a generator that yields effects: wait for one of these messages, have
// someone compute or decide this, sleep. The engine runs it; in tests a simulator does, in whatever order it likes.
// For the cold path only (key exchange, authentication): channel data never passes through a generator.

import { ProtocolError, type Violation } from '../errors.ts';
import type { Message, Values } from '../wire/message.ts';

// biome-ignore lint/suspicious/noExplicitAny: a message of any shape; the fields come back typed through Values<M>.
type AnyMessage = Message<string, any>;

/** Something that must be computed or decided outside: a signature by an agent, a user's answer. May take as long as it likes. */
export interface Task {
  /** What it is, for logs and for tests: 'sign', 'verify-host-key', 'check-password'... */
  readonly label: string;
  /** Does it. The driver calls this once and hands the outcome to `resolve` or `reject`, now or later. */
  run(): unknown;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

export type Effect =
  | { readonly op: 'expect'; readonly messages: readonly AnyMessage[] }
  | { readonly op: 'call'; readonly label: string; readonly run: () => unknown }
  | { readonly op: 'sleep'; readonly until: number };

export type Flow<T> = Generator<Effect, T, unknown>;

/** Waits for this message and nothing else. */
export function* expect<M extends AnyMessage>(message: M): Flow<Values<M>> {
  return message.decode((yield { op: 'expect', messages: [message] }) as Uint8Array) as Values<M>;
}

/** A received message: `name` tells which, `values` its fields. */
export type Received<M> = M extends AnyMessage ? { readonly name: M['name']; readonly values: Values<M> } : never;

/** Waits for any of these messages; their numbers differ. */
export function* expectOneOf<const M extends readonly AnyMessage[]>(...messages: M): Flow<Received<M[number]>> {
  const payload = (yield { op: 'expect', messages }) as Uint8Array;
  const message = messages.find((candidate) => candidate.number === payload[0]) as AnyMessage;
  return { name: message.name, values: message.decode(payload) } as Received<M[number]>;
}

/** Has the driver do something, synchronously or not. A rejection is thrown here. */
export function* call<T>(label: string, run: () => T | PromiseLike<T>): Flow<T> {
  return (yield { op: 'call', label, run }) as T;
}

/** Waits until the engine's clock shows `until` (milliseconds). */
export function* sleepUntil(until: number): Flow<void> {
  yield { op: 'sleep', until };
}

/** What a runner needs of the engine around it. */
export interface FlowHost {
  /** A task for the driver. It may settle it before it returns. */
  task(task: Task): void;
  /** Calls `wake` once when the clock shows `until`. */
  sleep(until: number, wake: () => void): void;
  /** Runs a step that begins outside of `receive`: catches what it throws and goes on reading afterwards. */
  enter(step: () => void): void;
}

type Outcome = { readonly value: unknown } | { readonly error: unknown };

/** Runs one flow at a time. */
export class FlowRunner {
  readonly #host: FlowHost;
  /** What a message at the wrong time is called. */
  readonly #violation: Violation;
  #flow: Flow<void> | null = null;
  #expected: readonly AnyMessage[] | null = null;
  #gated = false;

  constructor(host: FlowHost, violation: Violation) {
    this.#host = host;
    this.#violation = violation;
  }

  /** Whether a flow is running. */
  get active(): boolean {
    return this.#flow !== null;
  }

  /** Whether the flow waits for a task or the clock: until then no further packet may be looked at. */
  get gated(): boolean {
    return this.#gated;
  }

  start(flow: Flow<void>): void {
    this.#flow = flow;
    this.#advance(flow, { value: undefined });
  }

  /** Hands over a message. @throws ProtocolError if the flow does not wait for this one. */
  receive(payload: Uint8Array): void {
    const flow = this.#flow;
    if (flow === null || !this.#expected?.some((message) => message.number === payload[0])) {
      throw new ProtocolError(this.#violation, `message ${payload[0]} out of order`);
    }
    this.#expected = null;
    this.#advance(flow, { value: payload });
  }

  /** Ends the flow; what its tasks still bring is dropped. */
  cancel(): void {
    this.#flow = null;
    this.#expected = null;
    this.#gated = false;
  }

  #advance(flow: Flow<void>, outcome: Outcome): void {
    let next = outcome;
    for (;;) {
      const step = 'error' in next ? flow.throw(next.error) : flow.next(next.value);
      // The step itself may have cancelled us (a flow that ends the connection).
      if (this.#flow !== flow) return;
      if (step.done === true) {
        this.#flow = null;
        return;
      }
      const effect = step.value;
      if (effect.op === 'expect') {
        this.#expected = effect.messages;
        return;
      }
      const settled = this.#wait(flow, effect);
      // So may the task: a hook that closes the connection and then says yes must not be followed.
      if (settled === null || this.#flow !== flow) return;
      next = settled;
    }
  }

  /** Starts a task or a sleep: its outcome if it settles on the spot, else null and the flow goes on later. */
  #wait(flow: Flow<void>, effect: Exclude<Effect, { op: 'expect' }>): Outcome | null {
    let immediate: Outcome | null = null;
    let waiting = false;
    let done = false;
    const settle = (outcome: Outcome) => {
      if (done) return;
      done = true;
      if (!waiting) {
        immediate = outcome;
        return;
      }
      this.#host.enter(() => {
        if (this.#flow !== flow) return;
        this.#gated = false;
        this.#advance(flow, outcome);
      });
    };
    if (effect.op === 'sleep') {
      this.#host.sleep(effect.until, () => settle({ value: undefined }));
    } else {
      this.#host.task({
        label: effect.label,
        run: effect.run,
        resolve: (value) => settle({ value }),
        reject: (error) => settle({ error }),
      });
    }
    waiting = immediate === null;
    this.#gated = waiting && this.#flow === flow;
    return immediate;
  }
}
