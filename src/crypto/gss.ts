/**
 * What the core needs of GSS-API (RFC 2743): contexts of the Kerberos mechanism, stepped token by token. Interfaces only;
 * `gssapi/` implements them over the system's Kerberos library, tests over nothing at all, and a user may bring another.
 *
 * Every call may be synchronous or not, because the first step of an initiator may have to ask the KDC. A call that fails
 * throws or rejects with a GssError. Whoever made a context disposes of it; a call that is still running may end first.
 */

type Eventually<T> = T | PromiseLike<T>;

export interface GssProvider {
  /**
   * The client's side. `target` is a host-based service name, `host@server.example.com`. With `delegate` the initiator's
   * credentials go along, where policy and ticket allow it: the server can then act as the user everywhere.
   * @throws GssError where there are no credentials
   */
  initContext(options: GssInitOptions): Eventually<GssInitiator>;
  /**
   * The server's side. `service` is the service whose keys are used (default `host`), or `host@name` for that name's alone.
   * @throws GssError where there are no keys
   */
  acceptContext(options?: GssAcceptOptions): Eventually<GssAcceptor>;
}

export interface GssInitOptions {
  readonly target: string;
  readonly delegate: boolean;
  readonly mutual: true;
  readonly integrity: true;
}

export interface GssAcceptOptions {
  readonly service?: string;
  /** Whether delegated credentials are wanted. Without it they are dropped. */
  readonly delegation?: boolean;
}

/** What one token has led to. */
export interface GssStep {
  /** For the peer, or null. */
  readonly token: Uint8Array | null;
  /** The context is established (GSS_S_COMPLETE); otherwise the peer's next token is needed. */
  readonly done: boolean;
}

export interface GssContext {
  /** The peer has proven itself too; false until established. */
  readonly mutual: boolean;
  /** MICs can be made and verified; false until established. */
  readonly integrity: boolean;
  getMic(data: Uint8Array): Eventually<Uint8Array>;
  /** Whether `mic` is the peer's over `data`. Only the literal `true` counts. */
  verifyMic(data: Uint8Array, mic: Uint8Array): Eventually<boolean>;
  /** Forgets keys and credentials. May be called again, and while a call is running. */
  dispose(): void;
}

export interface GssInitiator extends GssContext {
  /** `null` for the first step. @throws GssError */
  step(token: Uint8Array | null): Eventually<GssStep>;
  /** Seconds for which the context is good, once established. */
  readonly lifetime: number;
}

export interface GssAcceptor extends GssContext {
  /** @throws GssError, with a token for the peer where the mechanism has made one */
  step(token: Uint8Array): Eventually<GssStep>;
  /** The principal, such as `alice@EXAMPLE.COM`, once established. */
  readonly initiatorName: string | null;
  /** What the client delegated, where it did and we asked for it. */
  readonly delegatedCredentials: GssDelegatedCredentials | null;
}

/** Another person's credentials. They are forgotten with their context: store them before the hook that got them has answered. */
export interface GssDelegatedCredentials {
  /** Writes them to a credential cache, such as `FILE:/run/user/1000/krb5cc`. @throws GssError */
  store(cache: string): Eventually<void>;
}

/** Who has proven to be whom. The principal is not the login name: whether it may log in under one is the server's decision. */
export interface GssIdentity {
  readonly principal: string;
  readonly delegated: GssDelegatedCredentials | null;
}

/** 1.2.840.113554.1.2.2, the Kerberos mechanism (RFC 4121 section 4.1), DER-encoded with tag and length as RFC 4462 sends it. */
export const KERBEROS_OID: Uint8Array = Uint8Array.of(0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02);
