// Security contexts over the native library. What the library hands out is given back exactly once: on dispose, or, where a call is
// still running on another thread then, when that has ended.

import { equalBytes } from '../bytes/bytes.ts';
import type { GssAcceptor, GssContext, GssDelegatedCredentials, GssInitiator, GssStep } from '../crypto/gss.ts';
import { GssError } from '../errors.ts';
import { type Calls, KERBEROS, NULL } from './call.ts';
import type { Memory } from './memory.ts';

/** RFC 2744 section 5.19 */
const Flag = { deleg: 1, mutual: 2, integ: 32, anon: 64 } as const;
const COMPLETE = 0;
const INITIATE = 1;
/** GSS_S_BAD_SIG, GSS_S_DEFECTIVE_TOKEN and their like say that a MIC is wrong, which is an answer and no failure. */
const BAD_SIG = 0x0006_0000;
const DEFECTIVE_TOKEN = 0x0009_0000;

abstract class NativeContext implements GssContext {
  protected readonly calls: Calls;
  /** Lives as long as the context. */
  protected readonly memory: Memory;
  /** gss_ctx_id_t, NULL before the first step. */
  protected readonly context: bigint;
  /** gss_cred_id_t; may stay NULL for the default ones. */
  protected readonly credentials: bigint;
  #flags = 0;
  #running = 0;
  #disposed = false;

  constructor(calls: Calls, memory: Memory, credentials: bigint) {
    this.calls = calls;
    this.memory = memory;
    this.credentials = credentials;
    this.context = memory.cell();
  }

  get mutual(): boolean {
    return (this.#flags & Flag.mutual) !== 0;
  }

  get integrity(): boolean {
    return (this.#flags & Flag.integ) !== 0;
  }

  getMic(data: Uint8Array): Uint8Array {
    this.assertUsable();
    const memory = this.calls.memory();
    try {
      const mic = memory.buffer();
      this.calls.now('gss_get_mic', 'no MIC', memory.readCell(this.context), 0, memory.buffer(data), mic);
      return this.calls.take(memory, mic);
    } finally {
      memory.free();
    }
  }

  verifyMic(data: Uint8Array, mic: Uint8Array): boolean {
    this.assertUsable();
    const memory = this.calls.memory();
    try {
      const context = memory.readCell(this.context);
      this.calls.now('gss_verify_mic', 'the MIC', context, memory.buffer(data), memory.buffer(mic), NULL);
      return true;
    } catch (error) {
      if (error instanceof GssError && (error.major === BAD_SIG || error.major === DEFECTIVE_TOKEN)) return false;
      throw error;
    } finally {
      memory.free();
    }
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    if (this.#running === 0) this.#release();
  }

  /** Runs something of which dispose must not take away the ground. */
  protected async running<T>(work: () => Promise<T>): Promise<T> {
    this.assertUsable();
    this.#running++;
    try {
      return await work();
    } finally {
      this.#running--;
      if (this.#disposed && this.#running === 0) this.#release();
    }
  }

  protected established(flags: number): void {
    this.#flags = flags;
  }

  /** What a subclass has of the library's. */
  protected abstract releaseMore(): void;

  protected assertUsable(): void {
    if (this.#disposed) throw new GssError('the GSS-API context has been disposed of');
  }

  #release(): void {
    this.#flags = 0;
    this.calls.release('gss_delete_sec_context', this.context, NULL);
    if (this.memory.readCell(this.credentials) !== NULL) this.calls.release('gss_release_cred', this.credentials);
    this.releaseMore();
    this.memory.free();
  }
}

export class NativeInitiator extends NativeContext implements GssInitiator {
  lifetime = 0;
  readonly #target: bigint;
  readonly #flags: number;

  constructor(calls: Calls, memory: Memory, credentials: bigint, target: string, delegate: boolean) {
    super(calls, memory, credentials);
    this.#target = memory.cell();
    this.#flags = Flag.mutual | Flag.integ | (delegate ? Flag.deleg : 0);
    calls.importName(memory, target, this.#target);
  }

  step(token: Uint8Array | null): Promise<GssStep> {
    return this.running(async () => {
      const memory = this.calls.memory();
      try {
        const [output, granted, left] = [memory.buffer(), memory.number(), memory.number()];
        const { major, minor } = await this.calls.later(
          'gss_init_sec_context',
          memory.readCell(this.credentials),
          this.context,
          memory.readCell(this.#target),
          memory.oid(KERBEROS),
          this.#flags,
          0,
          NULL,
          token === null ? NULL : memory.buffer(token),
          NULL,
          output,
          granted,
          left,
        );
        const answer = nonEmpty(this.calls.take(memory, output));
        if (this.calls.isError(major)) throw this.calls.error('no GSS-API context with the server', major, minor, answer);
        const done = major === COMPLETE;
        if (done) {
          this.established(memory.readNumber(granted));
          this.lifetime = memory.readNumber(left);
        }
        return { token: answer, done };
      } finally {
        memory.free();
      }
    });
  }

  protected override releaseMore(): void {
    this.calls.release('gss_release_name', this.#target);
  }
}

export class NativeAcceptor extends NativeContext implements GssAcceptor {
  initiatorName: string | null = null;
  delegatedCredentials: GssDelegatedCredentials | null = null;
  readonly #source: bigint;
  /** NULL where delegated credentials are not wanted: then the library does not even unpack them. */
  readonly #delegated: bigint;

  constructor(calls: Calls, memory: Memory, credentials: bigint, delegation: boolean) {
    super(calls, memory, credentials);
    this.#source = memory.cell();
    this.#delegated = delegation ? memory.cell() : NULL;
  }

  step(token: Uint8Array): Promise<GssStep> {
    return this.running(async () => {
      const memory = this.calls.memory();
      try {
        const [mechanism, output, granted] = [memory.cell(), memory.buffer(), memory.number()];
        const { major, minor } = await this.calls.later(
          'gss_accept_sec_context',
          this.context,
          memory.readCell(this.credentials),
          memory.buffer(token),
          NULL,
          this.#source,
          mechanism,
          output,
          granted,
          NULL,
          this.#delegated,
        );
        const answer = nonEmpty(this.calls.take(memory, output));
        if (this.calls.isError(major)) throw this.calls.error('no GSS-API context with the client', major, minor, answer);
        const done = major === COMPLETE;
        if (done) this.#establish(memory.readNumber(granted), memory.readOid(memory.readCell(mechanism)));
        return { token: answer, done };
      } finally {
        memory.free();
      }
    });
  }

  #establish(flags: number, mechanism: Uint8Array): void {
    if (!equalBytes(mechanism, KERBEROS)) throw new GssError('the client used another mechanism than Kerberos');
    if ((flags & Flag.anon) !== 0) throw new GssError('the client is anonymous');
    this.established(flags);
    this.initiatorName = this.calls.displayName(this.memory.readCell(this.#source));
    const there = this.#delegated !== NULL && this.memory.readCell(this.#delegated) !== NULL;
    if (there && (flags & Flag.deleg) !== 0) this.delegatedCredentials = { store: (cache) => this.#store(cache) };
  }

  #store(cache: string): Promise<void> {
    return this.running(async () => {
      const memory = this.calls.memory();
      try {
        const { major, minor } = await this.calls.later(
          'gss_store_cred_into',
          memory.readCell(this.#delegated),
          INITIATE,
          memory.oid(KERBEROS),
          1,
          1,
          memory.store('ccache', cache),
          NULL,
          NULL,
        );
        if (this.calls.isError(major)) throw this.calls.error(`delegated credentials cannot be stored in ${cache}`, major, minor);
      } finally {
        memory.free();
      }
    });
  }

  protected override releaseMore(): void {
    if (this.memory.readCell(this.#source) !== NULL) this.calls.release('gss_release_name', this.#source);
    if (this.#delegated !== NULL && this.memory.readCell(this.#delegated) !== NULL) {
      this.calls.release('gss_release_cred', this.#delegated);
    }
  }
}

function nonEmpty(token: Uint8Array): Uint8Array | null {
  return token.length === 0 ? null : token;
}
