// GSS-API for a transport: which host is meant, which exchanges are offered, and a provider that keeps track. Every context that it
// has made is disposed of when the connection is over, wherever the protocol stood; and no call waits for a KDC for ever.
//
// A client asks for its first token before it offers an exchange by GSS-API: without a ticket the connection goes on without, and
// then the host key is checked like any other.

import { lookup, lookupService } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { AlgorithmLists } from '../algorithms/registry.ts';
import type { ClientAuthMethod } from '../auth/client.ts';
import { gssKeyexMethod, gssWithMicMethod } from '../auth/gssapi.ts';
import type {
  GssAcceptOptions,
  GssAcceptor,
  GssContext,
  GssInitiator,
  GssInitOptions,
  GssProvider,
  GssStep,
} from '../crypto/gss.ts';
import { GssError, SSHTimeoutError, UsageError } from '../errors.ts';
import { type CallOptions, waitFor } from '../io/waiting.ts';
import type { GssClientConfig, GssServerConfig } from '../kex/gss.ts';
import { type GssKexName, gssKexMethod, gssKexMethods } from '../kex/gss-methods.ts';

/** How long one step may take, milliseconds: the library asks several KDCs several times, and some firewalls say nothing at all. */
const STEP_TIMEOUT = 20_000;

export interface TransportGssPort {
  /** Absent for the one over the system's library. */
  readonly provider: GssProvider | undefined;
  /** The name that the transport was told to connect to, where it was. */
  readonly hostname: string | null;
  /** Names that are not to be offered. */
  readonly disabled: Iterable<string> | undefined;
  readonly kex: boolean | readonly GssKexName[];
  readonly delegate: boolean;
  log(level: 1 | 2 | 3, message: string): void;
}

export class TransportGss {
  /** Keeps track of what it makes. */
  readonly provider: GssProvider;
  delegate: boolean;
  /** Why no exchange by GSS-API was offered although one was wanted. */
  unavailable: GssError | SSHTimeoutError | null = null;

  readonly #port: TransportGssPort;
  readonly #contexts = new Set<GssContext>();
  #kex: readonly string[] = [];
  #host: string | null = null;
  #loading: Promise<GssProvider> | null = null;
  /** The context with its first token, made before the exchange was offered. */
  #prepared: { readonly options: GssInitOptions; readonly gss: GssInitiator; readonly step: GssStep } | null = null;
  #offering = false;
  /** When the ticket is over; a later exchange by GSS-API would fail and take the connection with it. */
  #goodUntil = Number.POSITIVE_INFINITY;
  #over = false;

  constructor(port: TransportGssPort) {
    this.#port = port;
    this.delegate = port.delegate;
    this.useKex(port.kex);
    this.provider = {
      initContext: (options) => this.#init(options, {}),
      acceptContext: (options) => this.#accept(options),
    };
  }

  /**
   * Client: one attempt at gssapi-with-mic. None of its steps outlasts the call: the next attempt need not wait for a KDC that says
   * nothing. @throws UsageError where no name is known
   */
  withMic(username: string, host: string | null | undefined, delegate: boolean | undefined, call: CallOptions): ClientAuthMethod {
    const provider = { ...this.provider, initContext: (options: GssInitOptions) => this.#init(options, call) };
    return gssWithMicMethod(username, provider, this.target(host), delegate ?? this.delegate);
  }

  /** Client: one attempt at gssapi-keyex. @throws GssError where keys were exchanged, and by another method */
  keyex(username: string, exchanged: boolean): ClientAuthMethod {
    const { unavailable } = this;
    if (unavailable !== null && exchanged) {
      throw new GssError(`there was no key exchange by GSS-API: ${unavailable.message}`, { cause: unavailable });
    }
    return gssKeyexMethod(username);
  }

  /** Which exchanges to offer. @throws UsageError for a name that there is not */
  useKex(kex: boolean | readonly GssKexName[]): void {
    const unknown = typeof kex === 'boolean' ? undefined : kex.find((name) => gssKexMethod(name) === undefined);
    if (unknown !== undefined) throw new UsageError(`unknown GSS-API key exchange '${unknown}'`);
    const byDefault = gssKexMethods.filter((method) => method.status === 'default').map((method) => method.name);
    const names: readonly string[] = kex === true ? byDefault : kex === false ? [] : kex;
    const disabled = new Set(this.#port.disabled ?? []);
    this.#kex = names.filter((name) => !disabled.has(name));
  }

  get wantsKex(): boolean {
    return this.#kex.length > 0;
  }

  log(level: 1 | 2 | 3, message: string): void {
    this.#port.log(level, message);
  }

  /** See `Transport.setGssHost`. */
  async setHost(host: string | null, trustDns: boolean): Promise<void> {
    const name = host ?? this.#port.hostname;
    if (name === null) throw new UsageError('GSS-API needs the name of the host: none was given, and the stream has none');
    this.#host = checkedHost(trustDns ? await canonicalName(name) : name);
  }

  /** `host@name`. @throws UsageError where no name is known */
  target(host?: string | null): string {
    const name = host ?? this.#host ?? this.#port.hostname;
    if (name === null) throw new UsageError('GSS-API needs the name of the host: call setGssHost');
    return `host@${checkedHost(name)}`;
  }

  /** Client: gets the first token, if an exchange is wanted. Fails only if the caller wants no more. */
  async prepare(call: CallOptions): Promise<void> {
    if (!this.wantsKex) return;
    const options = { target: this.target(), delegate: this.delegate, mutual: true, integrity: true } as const;
    try {
      await waitFor<void>(
        'GSS-API',
        call,
        (settle) => {
          this.#prepare(options).then(settle.resolve, settle.reject);
          return undefined;
        },
        STEP_TIMEOUT,
      );
    } catch (error) {
      call.signal?.throwIfAborted();
      const known = error instanceof GssError || error instanceof SSHTimeoutError;
      this.unavailable = known ? error : new GssError('the GSS-API provider failed', { cause: error });
      this.#port.log(1, `no key exchange by GSS-API: ${this.unavailable.message}`);
    }
  }

  /** Server: offers what is wanted. */
  offer(): void {
    this.#offering = this.wantsKex;
  }

  /** What to offer now, GSS-API first. */
  offered(lists: AlgorithmLists): AlgorithmLists {
    if (!this.#offering || performance.now() >= this.#goodUntil) return lists;
    return { ...lists, kex: [...this.#kex, ...lists.kex] };
  }

  clientConfig(): GssClientConfig | undefined {
    return this.wantsKex ? { provider: this.provider, target: this.target(), delegate: this.delegate } : undefined;
  }

  serverConfig(): GssServerConfig | undefined {
    return this.wantsKex ? { provider: this.provider, delegation: this.delegate } : undefined;
  }

  /** The first exchange has passed: what was prepared is used or not wanted. */
  handshakeOver(): void {
    this.#prepared?.gss.dispose();
    this.#prepared = null;
  }

  /** The connection is over. */
  release(): void {
    this.#over = true;
    this.#prepared = null;
    for (const context of [...this.#contexts]) context.dispose();
  }

  async #prepare(options: GssInitOptions): Promise<void> {
    const gss = await this.#init(options, {});
    try {
      this.#prepared = { options, gss, step: await gss.step(null) };
      this.#offering = true;
    } catch (error) {
      gss.dispose();
      throw error;
    }
  }

  #provider(): Promise<GssProvider> {
    const given = this.#port.provider;
    this.#loading ??=
      given === undefined ? import('../gssapi/provider.ts').then(({ gssapi }) => gssapi()) : Promise.resolve(given);
    return this.#loading;
  }

  async #init(options: GssInitOptions, call: CallOptions): Promise<GssInitiator> {
    const prepared = this.#prepared;
    this.#prepared = null;
    if (prepared !== null) {
      const { target, delegate } = prepared.options;
      if (target === options.target && delegate === options.delegate) return replay(prepared.gss, prepared.step);
      prepared.gss.dispose();
    }
    const provider = await this.#provider();
    const gss = await inTime(call, async () => provider.initContext(options), dispose);
    return this.#track(gss, {
      get lifetime() {
        return gss.lifetime;
      },
      step: async (token: Uint8Array | null) => {
        const step = await inTime(call, async () => gss.step(token));
        if (step.done) this.#goodUntil = performance.now() + gss.lifetime * 1_000;
        return step;
      },
    });
  }

  async #accept(options?: GssAcceptOptions): Promise<GssAcceptor> {
    const provider = await this.#provider();
    const gss = await inTime({}, async () => provider.acceptContext(options), dispose);
    return this.#track(gss, {
      get initiatorName() {
        return gss.initiatorName;
      },
      get delegatedCredentials() {
        return gss.delegatedCredentials;
      },
      step: (token: Uint8Array) => inTime({}, async () => gss.step(token)),
    });
  }

  #track<More extends object>(gss: GssContext, more: More): GssContext & More {
    const base: GssContext = {
      get mutual() {
        return gss.mutual;
      },
      get integrity() {
        return gss.integrity;
      },
      getMic: (data) => gss.getMic(data),
      verifyMic: (data, mic) => gss.verifyMic(data, mic),
      dispose: () => {
        this.#contexts.delete(tracked);
        gss.dispose();
      },
    };
    const tracked = Object.defineProperties(base, Object.getOwnPropertyDescriptors(more)) as GssContext & More;
    this.#contexts.add(tracked);
    if (this.#over) tracked.dispose();
    return tracked;
  }
}

/** An initiator whose first step has been made. */
function replay(gss: GssInitiator, first: GssStep): GssInitiator {
  return Object.create(gss, {
    step: { value: (token: Uint8Array | null) => (token === null ? first : gss.step(token)) },
  }) as GssInitiator;
}

function dispose(context: GssContext): void {
  context.dispose();
}

/** What comes too late is given to `late`. */
function inTime<T>(call: CallOptions, work: () => Promise<T>, late?: (result: T) => void): Promise<T> {
  return waitFor<T>(
    'GSS-API',
    call,
    ({ resolve, reject }) => {
      let gone = false;
      work().then((result) => (gone ? late?.(result) : resolve(result)), reject);
      return () => {
        gone = true;
      };
    },
    STEP_TIMEOUT,
  );
}

/** Nothing that could be taken for a realm or another service: `host@` goes before it. */
function checkedHost(host: string): string {
  if (!/^[^\s@/\\\0]{1,255}$/.test(host)) throw new UsageError(`not a host name for GSS-API: '${host}'`);
  return host;
}

/** What DNS, or the hosts file, calls the host in full; the name itself where that says nothing better. */
async function canonicalName(host: string): Promise<string> {
  try {
    const { address } = await lookup(host);
    const { hostname } = await lookupService(address, 22);
    if (hostname.includes('.') && isIP(hostname) === 0) return hostname;
  } catch {
    // A name that DNS does not know is used as it is.
  }
  return host;
}
