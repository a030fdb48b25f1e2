// A mechanism of GSS-API without any security, synchronous and in memory: tokens are `init:round:principal` and `accept:round`, a
// MIC is a hash. What a test wants to go wrong is an option; every context that was made is remembered.
import { createHash } from 'node:crypto';
import type {
  GssAcceptOptions,
  GssAcceptor,
  GssContext,
  GssInitiator,
  GssInitOptions,
  GssProvider,
  GssStep,
} from '../../src/crypto/gss.ts';
import { GssError } from '../../src/errors.ts';

export interface FakeGssOptions {
  /** Who the client says that it is. */
  readonly principal?: string;
  /** Tokens each way until both are done. Default 1. */
  readonly rounds?: number;
  readonly mutual?: boolean;
  readonly integrity?: boolean;
  /** Says who and how from the first token on, as if it were done. */
  readonly early?: boolean;
  /** Every MIC is made wrong. */
  readonly badMic?: boolean;
  /** The initiator has no credentials: its first step fails. */
  readonly noTicket?: boolean;
  /** The acceptor's step fails, with this token for the client if it is one. */
  readonly acceptError?: Uint8Array | true;
  /** The acceptor is not done, and has no token either. */
  readonly stuck?: boolean;
}

abstract class FakeContext implements GssContext {
  disposed = 0;
  steps = 0;
  done = false;
  protected readonly fake: FakeGssOptions;

  constructor(fake: FakeGssOptions) {
    this.fake = fake;
  }

  get mutual(): boolean {
    return (this.done || this.fake.early === true) && this.fake.mutual !== false;
  }

  get integrity(): boolean {
    return (this.done || this.fake.early === true) && this.fake.integrity !== false;
  }

  getMic(data: Uint8Array): Uint8Array {
    return this.fake.badMic ? new Uint8Array(32) : hash(data);
  }

  verifyMic(data: Uint8Array, mic: Uint8Array): boolean {
    return hash(data).equals(mic);
  }

  dispose(): void {
    this.disposed++;
  }
}

class FakeInitiator extends FakeContext implements GssInitiator {
  readonly lifetime = 3_600;

  step(token: Uint8Array | null): GssStep {
    const { principal = 'alice@REALM', rounds = 1, noTicket = false } = this.fake;
    if (noTicket) throw new GssError('no ticket', { major: 0x000d_0000, minor: 7 });
    if (token !== null && !text(token).startsWith('accept:')) throw new GssError('not a token', { majorText: text(token) });
    const round = ++this.steps;
    this.done = round > rounds;
    return { token: this.done ? null : bytes(`init:${round}:${principal}`), done: this.done };
  }
}

class FakeAcceptor extends FakeContext implements GssAcceptor {
  readonly delegatedCredentials = null;
  initiatorName: string | null = null;

  step(token: Uint8Array): GssStep {
    const { rounds = 1, acceptError, stuck = false } = this.fake;
    if (acceptError !== undefined) {
      throw new GssError('no key', { major: 0x000d_0000, minor: 9, errorToken: acceptError === true ? null : acceptError });
    }
    const [kind, round, principal = null] = text(token).split(':');
    if (kind !== 'init') throw new GssError('a token that is none');
    if (stuck) return { token: null, done: false };
    this.steps++;
    this.done = Number(round) >= rounds;
    if (this.done || this.fake.early) this.initiatorName = principal;
    return { token: bytes(`accept:${round}`), done: this.done };
  }
}

export class FakeGss implements GssProvider {
  readonly initiators: FakeInitiator[] = [];
  readonly acceptors: FakeAcceptor[] = [];
  /** What was asked for, in order. */
  readonly asked: (GssInitOptions | GssAcceptOptions | undefined)[] = [];
  readonly #options: FakeGssOptions;

  constructor(options: FakeGssOptions = {}) {
    this.#options = options;
  }

  initContext(options: GssInitOptions): GssInitiator {
    this.asked.push(options);
    const context = new FakeInitiator(this.#options);
    this.initiators.push(context);
    return context;
  }

  acceptContext(options?: GssAcceptOptions): GssAcceptor {
    this.asked.push(options);
    const context = new FakeAcceptor(this.#options);
    this.acceptors.push(context);
    return context;
  }

  /** Contexts that nobody has disposed of. */
  get open(): number {
    return [...this.initiators, ...this.acceptors].filter((context) => context.disposed === 0).length;
  }
}

export function bytes(string: string): Uint8Array {
  return new TextEncoder().encode(string);
}

function text(data: Uint8Array): string {
  return new TextDecoder().decode(data);
}

function hash(data: Uint8Array): Buffer {
  return createHash('sha256').update('everybody knows').update(data).digest();
}
