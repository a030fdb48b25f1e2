// How a remote command ended (RFC 4254 section 6.10).

export interface ExitStatus {
  /** What the command returned, or null where it was killed or the peer did not say. */
  readonly code: number | null;
  /** The signal that killed it, without "SIG", or null. */
  readonly signal: string | null;
  readonly coreDumped: boolean;
  /** The peer's words about the signal. */
  readonly message: string;
}

export const unknownExit: ExitStatus = { code: null, signal: null, coreDumped: false, message: '' };
