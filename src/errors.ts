/**
 * Every error that amiko throws or rejects with. The root is {@link SSHError}; each class has a literal `code`, so a
 * `switch (error.code)` narrows. This file imports nothing.
 *
 * Text that came from the peer is passed through {@link printable} before it enters a message: a DISCONNECT description
 * is attacker-controlled and must not be able to drive a terminal or forge log lines.
 */

export type SSHErrorCode =
  | 'ERR_SSH_USAGE'
  | 'ERR_SSH_PROTOCOL'
  | 'ERR_SSH_NEGOTIATION'
  | 'ERR_SSH_HOST_KEY'
  | 'ERR_SSH_AUTHENTICATION'
  | 'ERR_SSH_BAD_AUTHENTICATION_TYPE'
  | 'ERR_SSH_CHANNEL_OPEN'
  | 'ERR_SSH_CHANNEL_REQUEST'
  | 'ERR_SSH_CHANNEL_CLOSED'
  | 'ERR_SSH_DISCONNECTED'
  | 'ERR_SSH_CONNECTION_LOST'
  | 'ERR_SSH_CLOSED'
  | 'ERR_SSH_CONNECT'
  | 'ERR_SSH_TIMEOUT'
  | 'ERR_SSH_KEY_FORMAT'
  | 'ERR_SSH_PASSPHRASE'
  | 'ERR_SSH_EXEC'
  | 'ERR_SSH_GSSAPI'
  | 'ERR_SSH_AGENT'
  | 'ERR_SSH_CONFIG'
  | SFTPErrorCode;

/**
 * How an SFTP request failed, in Node's own words where there is one for it. Version 3 of the protocol has few codes: where a
 * server says no more than "failure", it is `ERR_SSH_SFTP_FAILURE`.
 */
export type SFTPErrorCode =
  | 'ERR_SSH_SFTP_FAILURE'
  | 'ERR_SSH_SFTP_EOF'
  | 'ERR_SSH_SFTP_INCOMPLETE'
  | 'ERR_SSH_SFTP_MISMATCH'
  | 'EACCES'
  | 'EBADF'
  | 'EBADMSG'
  | 'EBUSY'
  | 'ECONNRESET'
  | 'EDQUOT'
  | 'EEXIST'
  | 'EFAULT'
  | 'EFBIG'
  | 'EINVAL'
  | 'EIO'
  | 'EISDIR'
  | 'ELOOP'
  | 'EMFILE'
  | 'EMLINK'
  | 'ENAMETOOLONG'
  | 'ENOENT'
  | 'ENOSPC'
  | 'ENOSYS'
  | 'ENOTCONN'
  | 'ENOTDIR'
  | 'ENOTEMPTY'
  | 'ENOTSUP'
  | 'EPERM'
  | 'EROFS'
  | 'ETXTBSY'
  | 'EXDEV';

/** How far a connection had come. Handshake phases in the order in which they happen. */
export type Phase = 'connect' | 'version' | 'kex' | 'auth' | 'open' | 'closed';

/** The root of every amiko error. */
export class SSHError extends Error {
  readonly code: SSHErrorCode;
  /** How far the connection had come when this happened; absent for errors that have no connection. */
  phase?: Phase;

  constructor(code: SSHErrorCode, message: string, options?: { cause?: unknown; phase?: Phase }) {
    super(message, options && 'cause' in options ? { cause: options.cause } : undefined);
    this.name = new.target.name;
    this.code = code;
    if (options?.phase !== undefined) this.phase = options.phase;
  }
}

/** The caller's mistake: a wrong argument or a call at the wrong time. It never harms the connection. */
export class UsageError extends SSHError {
  declare readonly code: 'ERR_SSH_USAGE';
  constructor(message: string, options?: { cause?: unknown }) {
    super('ERR_SSH_USAGE', message, options);
  }
}

/** The rule that the peer broke. Each member has a test in `test/adversary/`. */
export type Violation =
  | 'bad-identification'
  | 'identification-too-long'
  | 'packet-too-long'
  | 'packet-too-short'
  | 'packet-misaligned'
  | 'bad-padding'
  | 'empty-payload'
  | 'mac-mismatch'
  | 'decompression-failed'
  | 'decompressed-too-long'
  | 'sequence-wrapped'
  | 'malformed-message'
  | 'message-not-admitted'
  | 'strict-kex'
  | 'kex-out-of-order'
  | 'rekey-ignored'
  | 'bad-kex-value'
  | 'bad-host-key'
  | 'bad-host-key-signature'
  | 'host-key-changed'
  | 'unexpected-service'
  | 'auth-out-of-order'
  | 'too-many-auth-attempts'
  | 'unknown-channel'
  | 'channel-out-of-order'
  | 'window-exceeded'
  | 'window-overflow'
  | 'channel-packet-too-long'
  | 'bad-channel-parameters'
  | 'unexpected-reply'
  | 'queue-overflow';

/** The peer broke the protocol. `violation` says which rule, `disconnectReason` is what it was told (RFC 4253 section 11.1). */
export class ProtocolError extends SSHError {
  declare readonly code: 'ERR_SSH_PROTOCOL';
  readonly violation: Violation;
  readonly disconnectReason: number;
  constructor(violation: Violation, message: string, disconnectReason = 2, options?: { cause?: unknown }) {
    super('ERR_SSH_PROTOCOL', message, options);
    this.violation = violation;
    this.disconnectReason = disconnectReason;
  }
}

/** What a negotiation is about, in KEXINIT order (RFC 4253 section 7.1). */
export type NegotiationCategory =
  | 'kex'
  | 'server host key'
  | 'cipher client to server'
  | 'cipher server to client'
  | 'mac client to server'
  | 'mac server to client'
  | 'compression client to server'
  | 'compression server to client'
  | 'signature';

/** No algorithm in common. Holds both lists, in preference order. */
export class NegotiationError extends SSHError {
  declare readonly code: 'ERR_SSH_NEGOTIATION';
  readonly category: NegotiationCategory;
  readonly ours: readonly string[];
  readonly theirs: readonly string[];
  constructor(category: NegotiationCategory, ours: readonly string[], theirs: readonly string[]) {
    super('ERR_SSH_NEGOTIATION', `no common ${category} algorithm: we offer ${list(ours)}; the peer offers ${list(theirs)}`);
    this.category = category;
    this.ours = ours;
    this.theirs = theirs;
  }
}

/** The server's host key was not accepted. */
export class HostKeyError extends SSHError {
  declare readonly code: 'ERR_SSH_HOST_KEY';
  readonly reason: 'unknown' | 'changed' | 'revoked' | 'refused';
  /** `SHA256:...` of the key that the server proved. */
  readonly fingerprint?: string;
  /** `SHA256:...` of the key that was expected, where one was. */
  readonly expectedFingerprint?: string;
  constructor(
    reason: HostKeyError['reason'],
    message: string,
    details: { fingerprint?: string; expectedFingerprint?: string; cause?: unknown } = {},
  ) {
    super('ERR_SSH_HOST_KEY', message, 'cause' in details ? { cause: details.cause } : undefined);
    this.reason = reason;
    if (details.fingerprint !== undefined) this.fingerprint = details.fingerprint;
    if (details.expectedFingerprint !== undefined) this.expectedFingerprint = details.expectedFingerprint;
  }
}

/** One attempt at authentication, for diagnosis: never holds a secret. */
export interface AuthenticationAttempt {
  readonly method: string;
  /** `SHA256:...` of the key that was tried, for public-key methods. */
  readonly key?: string;
  readonly result: 'success' | 'partial' | 'failure' | 'refused';
  /** The methods that the server would accept next. */
  readonly next: readonly string[];
}

/** Authentication failed. `attempts` lists what was tried, `allowedTypes` what the server would still accept. */
export class AuthenticationError extends SSHError {
  declare readonly code: 'ERR_SSH_AUTHENTICATION' | 'ERR_SSH_BAD_AUTHENTICATION_TYPE';
  readonly attempts: readonly AuthenticationAttempt[];
  readonly allowedTypes: readonly string[];
  constructor(
    message: string,
    details: {
      attempts?: readonly AuthenticationAttempt[];
      allowedTypes?: readonly string[];
      cause?: unknown;
      code?: 'ERR_SSH_BAD_AUTHENTICATION_TYPE';
    } = {},
  ) {
    super(details.code ?? 'ERR_SSH_AUTHENTICATION', message, 'cause' in details ? { cause: details.cause } : undefined);
    this.attempts = details.attempts ?? [];
    this.allowedTypes = details.allowedTypes ?? [];
  }
}

/** The server does not accept this method for this user; `allowedTypes` says which it does. */
export class BadAuthenticationTypeError extends AuthenticationError {
  declare readonly code: 'ERR_SSH_BAD_AUTHENTICATION_TYPE';
  constructor(method: string, allowedTypes: readonly string[], attempts: readonly AuthenticationAttempt[] = []) {
    super(`the server does not accept '${method}' authentication here; it accepts ${list(allowedTypes)}`, {
      allowedTypes,
      attempts,
      code: 'ERR_SSH_BAD_AUTHENTICATION_TYPE',
    });
  }
}

/** The peer refused to open a channel (RFC 4254 section 5.1). */
export class ChannelOpenError extends SSHError {
  declare readonly code: 'ERR_SSH_CHANNEL_OPEN';
  /** 1 administratively prohibited, 2 connect failed, 3 unknown channel type, 4 resource shortage. */
  readonly reason: number;
  /** The peer's own words. */
  readonly description: string;
  constructor(kind: string, reason: number, description: string) {
    const names = ['', 'administratively prohibited', 'connect failed', 'unknown channel type', 'resource shortage'];
    const why = names[reason] || `reason ${reason}`;
    super(
      'ERR_SSH_CHANNEL_OPEN',
      `the peer refused to open a '${kind}' channel: ${why}${description ? ` (${printable(description)})` : ''}`,
    );
    this.reason = reason;
    this.description = description;
  }
}

/** The peer answered a channel or global request with FAILURE. The channel stays usable. */
export class ChannelRequestError extends SSHError {
  declare readonly code: 'ERR_SSH_CHANNEL_REQUEST';
  readonly request: string;
  constructor(request: string) {
    super('ERR_SSH_CHANNEL_REQUEST', `the peer refused the '${request}' request`);
    this.request = request;
  }
}

/** A call on a channel that is closed, or closed while the call was waiting. */
export class ChannelClosedError extends SSHError {
  declare readonly code: 'ERR_SSH_CHANNEL_CLOSED';
  constructor(message = 'the channel is closed', options?: { cause?: unknown }) {
    super('ERR_SSH_CHANNEL_CLOSED', message, options);
  }
}

/** The peer said goodbye: SSH_MSG_DISCONNECT (RFC 4253 section 11.1). */
export class DisconnectedError extends SSHError {
  declare readonly code: 'ERR_SSH_DISCONNECTED';
  /** The number in the message, see RFC 4253 section 11.1. */
  readonly reason: number;
  /** The peer's own words, as sent. */
  readonly description: string;
  constructor(reason: number, description: string) {
    super('ERR_SSH_DISCONNECTED', `the peer disconnected (reason ${reason})${description ? `: ${printable(description)}` : ''}`);
    this.reason = reason;
    this.description = description;
  }
}

/** The stream below ended or failed without SSH_MSG_DISCONNECT. */
export class ConnectionLostError extends SSHError {
  declare readonly code: 'ERR_SSH_CONNECTION_LOST';
  constructor(message: string, options?: { cause?: unknown }) {
    super('ERR_SSH_CONNECTION_LOST', message, options);
  }
}

/** We closed the connection ourselves while the call was waiting, or before it. */
export class ClosedError extends SSHError {
  declare readonly code: 'ERR_SSH_CLOSED';
  constructor(message = 'the connection is closed') {
    super('ERR_SSH_CLOSED', message);
  }
}

/** No TCP connection: `errors` has one entry per address that was tried. */
export class ConnectError extends SSHError {
  declare readonly code: 'ERR_SSH_CONNECT';
  readonly errors: readonly Error[];
  constructor(message: string, errors: readonly Error[], options?: { cause?: unknown }) {
    super('ERR_SSH_CONNECT', message, { ...options, phase: 'connect' });
    this.errors = errors;
  }
}

/** A time limit ran out; `milliseconds` is the limit. */
export class SSHTimeoutError extends SSHError {
  declare readonly code: 'ERR_SSH_TIMEOUT';
  readonly milliseconds: number;
  constructor(what: string, milliseconds: number, options?: { phase?: Phase }) {
    super('ERR_SSH_TIMEOUT', `${what} timed out after ${milliseconds} ms`, options);
    this.milliseconds = milliseconds;
  }
}

/** A key could not be read. The message names the format that was recognised and what is wrong with it. */
export class KeyFormatError extends SSHError {
  declare readonly code: 'ERR_SSH_KEY_FORMAT';
  /** The file, where there was one. */
  file?: string;
  constructor(message: string, options?: { cause?: unknown; file?: string }) {
    super('ERR_SSH_KEY_FORMAT', options?.file === undefined ? message : `${options.file}: ${message}`, options);
    if (options?.file !== undefined) this.file = options.file;
  }
}

/** A key is encrypted and the passphrase is missing or wrong; `reason` says which. */
export class PassphraseError extends SSHError {
  declare readonly code: 'ERR_SSH_PASSPHRASE';
  readonly reason: 'missing' | 'wrong';
  file?: string;
  /** The format of the file, in words. */
  format?: string;
  constructor(reason: 'missing' | 'wrong', options?: { cause?: unknown; file?: string; format?: string }) {
    const message = reason === 'missing' ? 'the key is encrypted and no passphrase was given' : 'wrong passphrase for the key';
    const where = [options?.file, options?.format].filter((part) => part !== undefined);
    super('ERR_SSH_PASSPHRASE', [...where, message].join(': '), options);
    this.reason = reason;
    if (options?.file !== undefined) this.file = options.file;
    if (options?.format !== undefined) this.format = options.format;
  }
}

/** An SSH agent is not there, refuses, or does not speak as one. */
export class AgentError extends SSHError {
  declare readonly code: 'ERR_SSH_AGENT';
  constructor(message: string, options?: { cause?: unknown }) {
    super('ERR_SSH_AGENT', message, options);
  }
}

/** One mistake in a configuration file. */
export interface ConfigProblem {
  /** As people write it, with `~`. */
  readonly file: string;
  /** From 1; null where it is about the file as a whole. */
  readonly line: number | null;
  readonly message: string;
}

/** A configuration file cannot be read, or says what cannot be meant. The message names file and line of each mistake. */
export class ConfigError extends SSHError {
  declare readonly code: 'ERR_SSH_CONFIG';
  readonly problems: readonly ConfigProblem[];
  constructor(problems: readonly ConfigProblem[], options?: { cause?: unknown }) {
    const told = problems
      .slice(0, 10)
      .map(({ file, line, message }) => `${printable(file)}${line === null ? '' : ` line ${line}`}: ${printable(message)}`);
    const more = problems.length > told.length ? [`and ${problems.length - told.length} more`] : [];
    super('ERR_SSH_CONFIG', [...told, ...more].join('; '), options);
    this.problems = problems;
  }
}

/** What a remote command left behind. */
export interface ExecResult {
  readonly command: string;
  /** The exit status, or null where a signal killed it or the peer did not say. */
  readonly code: number | null;
  /** The signal that killed it, without "SIG", or null. */
  readonly signal: string | null;
  /** The peer's words about that signal. */
  readonly message: string;
  /** As text; what is not UTF-8 becomes U+FFFD. */
  readonly stdout: string;
  readonly stderr: string;
  readonly stdoutBytes: Uint8Array;
  readonly stderrBytes: Uint8Array;
}

/** A remote command did not exit with 0; `result` is everything it left behind. */
export class ExecError extends SSHError {
  declare readonly code: 'ERR_SSH_EXEC';
  readonly result: ExecResult;
  constructor(result: ExecResult) {
    const how =
      result.signal === null ? `exited with ${result.code ?? 'an unknown status'}` : `was killed by ${printable(result.signal)}`;
    const said = result.stderr.trim() === '' ? '' : `: ${printable(result.stderr.trim().slice(-500))}`;
    super('ERR_SSH_EXEC', `the command ${how}${said}`);
    this.result = result;
  }
}

/**
 * GSS-API failed: no ticket, an expired one, a wrong key, no KDC, or no library. Where a mechanism said why, `major` and `minor`
 * are its status codes (RFC 2743 section 1.2.1) and the texts what it calls them.
 */
export class GssError extends SSHError {
  declare readonly code: 'ERR_SSH_GSSAPI';
  readonly major: number;
  readonly minor: number;
  readonly majorText: string;
  readonly minorText: string;
  /** A token for the peer that explains the failure, where the mechanism has made one. */
  readonly errorToken: Uint8Array | null;
  constructor(
    message: string,
    details: {
      major?: number;
      minor?: number;
      majorText?: string;
      minorText?: string;
      errorToken?: Uint8Array | null;
      cause?: unknown;
    } = {},
  ) {
    const { major = 0, minor = 0, majorText = '', minorText = '', errorToken = null } = details;
    const why = [majorText, minorText].filter((text) => text !== '').map(printable);
    super(
      'ERR_SSH_GSSAPI',
      why.length === 0 ? message : `${message}: ${why.join(': ')}`,
      'cause' in details ? { cause: details.cause } : undefined,
    );
    this.major = major;
    this.minor = minor;
    this.majorText = majorText;
    this.minorText = minorText;
    this.errorToken = errorToken;
  }
}

/**
 * An SFTP request failed. `code` is what a Node program looks at (`ENOENT`, `EACCES`, ...), `status` what the server sent
 * (draft-ietf-secsh-filexfer-02 section 7), or null where the failure was found on our side.
 */
export class SFTPError extends SSHError {
  declare readonly code: SFTPErrorCode;
  readonly status: number | null;
  /** What was asked for: `open`, `rename`, ... */
  readonly operation: string;
  /** The file, where there is one. */
  readonly path?: string;
  /** The second file of `rename`, `link` and their like. */
  readonly dest?: string;
  /** The server's own words. */
  readonly serverMessage: string;
  constructor(
    code: SFTPErrorCode,
    reason: string,
    details: {
      operation: string;
      path?: string | undefined;
      dest?: string | undefined;
      status?: number | null;
      serverMessage?: string;
      cause?: unknown;
    },
  ) {
    const { operation, path, dest, status = null, serverMessage = '' } = details;
    const files = [path, dest].filter((file) => file !== undefined).map((file) => ` '${printable(file as string)}'`);
    const told = printable(serverMessage);
    const said = told === '' || told.toLowerCase() === reason.toLowerCase() ? '' : ` (${told})`;
    super(code, `${operation}${files.join(' ->')}: ${reason}${said}`, 'cause' in details ? { cause: details.cause } : undefined);
    this.status = status;
    this.operation = operation;
    if (path !== undefined) this.path = path;
    if (dest !== undefined) this.dest = dest;
    this.serverMessage = serverMessage;
  }
}

/** The incomplete file that a transfer has left behind, from which `resume` goes on. */
export interface PartialFile {
  readonly side: 'local' | 'remote';
  readonly path: string;
  /** So many bytes at its beginning are those of the source. */
  readonly bytes: number;
}

/**
 * A transfer of a file failed on the way. `code` is that of what went wrong, which is `cause`; `partial` is what there is now at
 * the target. A transfer that could not even begin rejects with what went wrong itself.
 *
 * @example
 * try {
 *   await sftp.put('disk.img', '/srv/disk.img');
 * } catch (error) {
 *   if (!(error instanceof TransferError)) throw error;
 *   console.error(`${error.partial.bytes} bytes are there; trying again`);
 *   await sftp.put('disk.img', '/srv/disk.img', { resume: true });
 * }
 */
export class TransferError extends SSHError {
  /** `get`, `put` or `copy`. */
  readonly operation: string;
  /** The source. */
  readonly path: string;
  /** The target. */
  readonly dest: string;
  readonly partial: PartialFile;
  constructor(
    code: SSHErrorCode,
    reason: string,
    details: { operation: string; path: string; dest: string; partial: PartialFile; cause: unknown },
  ) {
    const { operation, path, dest, partial, cause } = details;
    const left = `'${printable(partial.path)}' holds its first ${partial.bytes} bytes`;
    super(code, `${operation} '${printable(path)}' -> '${printable(dest)}': ${reason}; ${left}`, { cause });
    this.operation = operation;
    this.path = path;
    this.dest = dest;
    this.partial = partial;
  }
}

/** At most this many characters of the peer's text enter an error message. */
const PRINTABLE_LIMIT = 1024;

/**
 * The peer's text made safe to print: control characters (C0, DEL, C1) and line separators become `\xNN` or `\uNNNN`,
 * the length is capped at 1024 characters.
 */
export function printable(text: string): string {
  const cut = text.length > PRINTABLE_LIMIT ? `${text.slice(0, PRINTABLE_LIMIT)}...` : text;
  let out = '';
  for (const character of cut) {
    const code = character.codePointAt(0) as number;
    if (code < 0x20 || (code >= 0x7f && code <= 0x9f)) out += `\\x${code.toString(16).padStart(2, '0')}`;
    // Line and paragraph separators and the bidirectional controls can reorder or split what a reader sees.
    else if ((code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069)) out += `\\u${code.toString(16)}`;
    else out += character;
  }
  return out;
}

function list(names: readonly string[]): string {
  return names.length === 0
    ? 'nothing'
    : names
        .map(printable)
        .join(', ')
        .slice(0, 4 * PRINTABLE_LIMIT);
}
