// What a Transport can be told, and what it tells: the types of its options and results, and their defaults.

import type { Duplex } from 'node:stream';
import type { AlgorithmOptions } from '../algorithms/policy.ts';
import type { AlgorithmPolicy } from '../algorithms/registry.ts';
import { EMPTY } from '../bytes/bytes.ts';
import type { GssProvider } from '../crypto/gss.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import type { RekeyLimits } from '../engine/config.ts';
import { HostKeyError, type SSHError, UsageError } from '../errors.ts';
import type { ByteStream } from '../io/byte-stream.ts';
import type { Address } from '../io/dial.ts';
import type { SocketLike } from '../io/socket-like.ts';
import type { CallOptions } from '../io/waiting.ts';
import type { DhGroup } from '../kex/dh-group.ts';
import type { GssKexName } from '../kex/gss-methods.ts';
import type { NegotiatedAlgorithms } from '../kex/negotiate.ts';
import type { PublicKey } from '../keys/public-key.ts';
import type { Signer } from '../keys/signer.ts';
import { limits } from '../packet/limits.ts';
import { directStreamlocalOpen, forwardedStreamlocalOpen, tcpipOpen, x11Open } from '../wire/requests.ts';
import type { ChannelTimeout } from './channel-timeouts.ts';

/** What a transport can run over: a Duplex, a socket-like object, `host[:port]`, `[host, port]`, or an address. */
export type TransportSocket = Duplex | SocketLike | string | readonly [host: string, port: number] | Address;

export interface TransportOptions {
  /** Receive window of each channel to begin with, bytes. Default 2 MiB; 32 KiB to 2^32 - 1. See {@link maxWindowSize}. */
  readonly defaultWindowSize?: number;
  /**
   * How far the receive window of a channel may grow, bytes; also one whose size was given. Default 64 MiB, up to 2^32 - 1. It
   * grows while data is read as fast as it comes and the round trip is so long that the window holds the peer back, and all
   * windows of a connection together by 64 MiB. At or below the size to begin with, windows are fixed.
   */
  readonly maxWindowSize?: number;
  /** Largest channel data in one packet that we take, bytes. Default 32 KiB; 4 KiB to 2^32 - 1. */
  readonly defaultMaxPacketSize?: number;
  /** How far to go for old peers; what `+`, `-` and `^` of `algorithms` start from. Default 'modern': not at all. */
  readonly policy?: AlgorithmPolicy;
  /** What to offer: per category an exact list, or OpenSSH's `+`, `-`, `^` forms. */
  readonly algorithms?: AlgorithmOptions;
  /** Names to take away, per category. */
  readonly disabledAlgorithms?: { readonly [category: string]: Iterable<string> };
  /**
   * Server: the groups for a `diffie-hellman-group-exchange`, from `parseModuli` or `readModuli`. Default what
   * `Transport.loadServerModuli` has loaded, else groups 14, 16 and 18 of RFC 3526. Only 2048 to 8192 bits are ever used.
   */
  readonly moduli?: readonly DhGroup[];
  /** Server: send `server-sig-algs`. Default true. */
  readonly serverSigAlgs?: boolean;
  /** Offer strict key exchange, the answer to Terrapin (CVE-2023-48795). Default true. */
  readonly strictKex?: boolean;
  /** When to exchange keys anew, whichever comes first. Default 1 GiB, 2^31 packets, one hour. */
  readonly rekey?: Partial<RekeyLimits>;
  readonly timeouts?: {
    /** From the start to the first keys, and every later exchange. Milliseconds, default 20 s, 0 for none. */
    readonly handshake?: number;
    /** The server's answer to an authentication request. Default 30 s. */
    readonly auth?: number;
    /** The answer to a channel open. Default 60 s. */
    readonly channelOpen?: number;
    /** Server: from the start until authenticated. Default 120 s, 0 for none. */
    readonly login?: number;
  };
  /** Server: failed authentication requests before it hangs up. Default 6. */
  readonly maxAuthTries?: number;
  /** Server: no failure is answered sooner, milliseconds. Default 10: unknown users must look like known ones. */
  readonly authFailureDelay?: number;
  /** Server: session channels at once. Default 10. */
  readonly maxSessions?: number;
  /**
   * Client: hears, after the login, of the server's host keys: those that it has proven to hold, the one of the key exchange among
   * them (OpenSSH PROTOCOL section 2.5). Nothing is stored: compare and store them yourself. Without it nothing is asked.
   */
  readonly onHostKeys?: (keys: readonly PublicKey[]) => void | PromiseLike<void>;
  /**
   * Client: closes channels on which nothing moves; of several limits for a channel the first one counts. Default none. What the
   * server has started on a session may go on: it only hears that the channel is closed.
   */
  readonly channelTimeouts?: readonly ChannelTimeout[];
  /**
   * Gets a line for each key exchange that lets Wireshark (later than 4.0, preference `ssh.keylog_file`) decrypt a recording.
   * Whoever has the line can read everything, passwords included: for debugging only.
   */
  readonly keylog?: (line: string) => void;
  /**
   * Wraps the stream of bytes below the packets, for tests: counts, cuts, delays. The seed's argument of this name replaces the
   * packet layer itself, which here is part of the engine.
   */
  readonly packetizerClass?: (stream: ByteStream) => ByteStream;
  /**
   * Offer key exchanges by GSS-API (Kerberos), first; `true` for all but the one with SHA-1, or names. Default false. The server then
   * proves itself by Kerberos alone, as `host@` the name of the host, and `hostKey` and `verifyHostKey` are not asked. Any other
   * exchange is checked as ever: without a ticket, or with a server that has no Kerberos, the connection falls back to that.
   */
  readonly gssKex?: boolean | readonly GssKexName[];
  /**
   * Client: let our Kerberos credentials go along with a login by GSS-API; whoever controls the server then can act as us
   * everywhere, until they expire. Default FALSE, where the seed has true: like agent forwarding it is for servers that one
   * trusts as oneself. Server: take delegated credentials, and give them to the hooks.
   */
  readonly gssDelegCreds?: boolean;
  /** Who does GSS-API; default `gssapi()` of `amiko/gssapi`, loaded when it is first needed. */
  readonly gssProvider?: GssProvider;
  /** Hears what goes on: 1 phases and results, 2 details, 3 everything. Never secrets. */
  readonly log?: (level: 1 | 2 | 3, message: string) => void;
  /** Server: called once, when a user has logged in. Must not throw. */
  readonly onLogin?: (login: LoginInfo) => void;
  /** Another implementation of the cryptography. */
  readonly crypto?: CryptoProvider;
}

/** What a key exchange has brought. */
export interface Negotiated extends NegotiatedAlgorithms {
  /** Whether an eavesdropper who records today and has a quantum computer later is kept out. */
  readonly postQuantum: boolean;
  readonly strictKex: boolean;
}

/** What a key exchange has proven about the server, as agents want it (OpenSSH PROTOCOL.agent section 1). */
export interface SessionProof {
  /** The host key, or its certificate where it came in one. */
  readonly hostKey: Uint8Array;
  readonly sessionId: Uint8Array;
  /** The host key's signature over the session identifier. */
  readonly signature: Uint8Array;
}

/** Who has logged in, and by what. `key` is the one whose signature was verified. */
export interface LoginInfo {
  readonly username: string;
  readonly method: string;
  readonly key: PublicKey | null;
}

/** How a connection ended. */
export interface CloseInfo {
  readonly by: 'us' | 'peer' | 'error';
  readonly error: SSHError;
}

export interface OpenChannelOptions extends CallOptions {
  /** Receive window to begin with, bytes; default the transport's. */
  readonly windowSize?: number;
  readonly maxPacketSize?: number;
  /** direct-tcpip, forwarded-tcpip: where to. */
  readonly destAddr?: readonly [host: string, port: number];
  /** direct-tcpip, forwarded-tcpip, x11: where from. */
  readonly srcAddr?: readonly [host: string, port: number];
  /** direct-streamlocal@openssh.com and forwarded-streamlocal@openssh.com: the unix socket. */
  readonly path?: string;
  /** Other kinds: what follows in CHANNEL_OPEN. */
  readonly data?: Uint8Array;
}

/**
 * A check of a server's key. Only the literal `true` is a yes; may throw a HostKeyError that says more. Its time is part of
 * `timeouts.handshake`: raise that where a person is asked.
 */
export type VerifyHostKey = (key: PublicKey) => boolean | PromiseLike<boolean>;

export interface ConnectOptions extends CallOptions {
  /** The key that the server must have, several that it may have, a check, or the word that none is wanted. */
  readonly hostKey: PublicKey | readonly PublicKey[] | VerifyHostKey | 'ignore';
  readonly username?: string;
  readonly password?: string;
  readonly privateKey?: Signer;
  /** The host's name in Kerberos, where it is not the one that the transport connects to. */
  readonly gssHost?: string;
  /** Log in by Kerberos: by the key exchange where that was one of GSS-API, else by gssapi-with-mic. Other credentials come after. */
  readonly gssAuth?: boolean;
  /** As in {@link TransportOptions}, with a login by it. */
  readonly gssKex?: boolean | readonly GssKexName[];
  /** As in {@link TransportOptions}. */
  readonly gssDelegCreds?: boolean;
  /** See `Transport.setGssHost`. Default true, as in the seed. */
  readonly gssTrustDns?: boolean;
}

/** Answers the server's questions: as many answers as prompts. */
export type InteractiveHandler = (
  title: string,
  instructions: string,
  prompts: readonly (readonly [prompt: string, echo: boolean])[],
) => readonly string[] | PromiseLike<readonly string[]>;

export const DEFAULT_TIMEOUTS = { handshake: 20_000, auth: 30_000, channelOpen: 60_000, login: 120_000 };
export const DEFAULT_REKEY: RekeyLimits = { bytes: 2 ** 30, packets: 2 ** 31, milliseconds: 3_600_000 };

/** Receive window and packet size of a channel, within what the protocol allows. */
export function channelSizes(
  transport: TransportOptions,
  channel: { readonly windowSize?: number; readonly maxPacketSize?: number } = {},
): { windowBytes: number; maxWindowBytes: number; maxPacketBytes: number } {
  const windowBytes = clamp(channel.windowSize ?? transport.defaultWindowSize ?? limits.windowBytes, 32_768);
  return {
    windowBytes,
    maxWindowBytes: clamp(transport.maxWindowSize ?? limits.maxWindowBytes, windowBytes),
    maxPacketBytes: clamp(channel.maxPacketSize ?? transport.defaultMaxPacketSize ?? limits.channelPacketBytes, 4_096),
  };
}

/** What follows in CHANNEL_OPEN. @throws UsageError where an address is missing */
export function openData(kind: string, { destAddr, srcAddr, path, data }: OpenChannelOptions): Uint8Array {
  if (data !== undefined) return data;
  if (kind === 'direct-tcpip' || kind === 'forwarded-tcpip') {
    if (destAddr === undefined || srcAddr === undefined) throw new UsageError(`a '${kind}' channel needs destAddr and srcAddr`);
    return tcpipOpen.encode({ host: destAddr[0], port: destAddr[1], originatorHost: srcAddr[0], originatorPort: srcAddr[1] });
  }
  if (kind === 'x11') {
    if (srcAddr === undefined) throw new UsageError("an 'x11' channel needs srcAddr");
    return x11Open.encode({ originatorHost: srcAddr[0], originatorPort: srcAddr[1] });
  }
  if (kind === 'direct-streamlocal@openssh.com') {
    if (path === undefined) throw new UsageError(`a '${kind}' channel needs a path`);
    return directStreamlocalOpen.encode({ path, reserved: EMPTY, reservedPort: 0 });
  }
  if (kind === 'forwarded-streamlocal@openssh.com' && path !== undefined)
    return forwardedStreamlocalOpen.encode({ path, reserved: EMPTY });
  return EMPTY;
}

/** The check that stands for a key, several keys, or none. */
export function toVerifier(hostKey: ConnectOptions['hostKey']): VerifyHostKey {
  if (hostKey === 'ignore') return () => true;
  if (typeof hostKey === 'function') return hostKey;
  const expected = [hostKey].flat() as readonly PublicKey[];
  return (key) => {
    if (expected.some((one) => one.equals(key))) return true;
    const { fingerprint } = key;
    const expectedFingerprint = expected.map((one) => one.fingerprint).join(', ');
    throw new HostKeyError('changed', `the server's host key is ${fingerprint}, expected was ${expectedFingerprint}`, {
      fingerprint,
      expectedFingerprint,
    });
  };
}

function clamp(bytes: number, least: number): number {
  if (!Number.isInteger(bytes)) throw new UsageError(`not a size in bytes: ${bytes}`);
  return Math.min(Math.max(bytes, least), 0xffff_ffff);
}
