// The decisions of a server, as the seed has them: override what you want to allow. Every default denies. Every hook but
// enableAuthGssapi may be asynchronous; one that throws ends the connection, one that returns anything but what it should denies.

import type { InteractivePrompts } from '../auth/server.ts';
import type { GssIdentity } from '../crypto/gss.ts';
import type { PublicKey } from '../keys/public-key.ts';
import type { SecurityKeyFacts } from '../keys/security-key.ts';
import type { Channel } from './channel.ts';
import { startRegisteredSubsystem } from './subsystem-handler.ts';
import type { TerminalModes } from './terminal-modes.ts';
import type { Transport } from './transport.ts';

type Eventually<T> = T | PromiseLike<T>;

export type { AuthDecision } from '../auth/server.ts';

import type { AuthDecision } from '../auth/server.ts';

/**
 * `true` gives the channel to `Transport.accept`, a function takes it itself (and costs its channel if it throws), anything else
 * refuses: with the reason (RFC 4254
 * section 5.1) and text given, or without.
 */
export type OpenDecision =
  | boolean
  | ((channel: Channel) => void | PromiseLike<void>)
  | { readonly reason: 1 | 2 | 3 | 4; readonly description: string };

/** Questions for the user (keyboard-interactive). */
export class InteractiveQuery implements InteractivePrompts {
  readonly name: string;
  readonly instructions: string;
  readonly prompts: { prompt: string; echo: boolean }[] = [];

  constructor(name = '', instructions = '', ...prompts: readonly (string | readonly [prompt: string, echo: boolean])[]) {
    this.name = name;
    this.instructions = instructions;
    for (const prompt of prompts) {
      if (typeof prompt === 'string') this.addPrompt(prompt);
      else this.addPrompt(...prompt);
    }
  }

  /** `echo`: whether what the user types may be shown. */
  addPrompt(prompt: string, echo = true): void {
    this.prompts.push({ prompt, echo });
  }
}

/**
 * What a server allows. Subclass it and override; as it stands it denies everything but the subsystems that were registered.
 *
 * @example
 * class OnlyAlice extends ServerInterface {
 *   override getAllowedAuths() { return ['publickey']; }
 *   override checkAuthPublickey(username: string, key: PublicKey) {
 *     return username === 'alice' && key.equals(aliceKey) ? 'successful' : 'failed';
 *   }
 *   override checkChannelRequest(kind: string) { return kind === 'session'; }
 *   override checkChannelExecRequest(channel: Channel) { queueMicrotask(() => answer(channel)); return true; }
 * }
 */
export class ServerInterface {
  // ---- authentication -----------------------------------------------------------------------------------------------

  /** Methods that this user may try next. The same for users that there are not. */
  getAllowedAuths(_username: string): Eventually<readonly string[]> {
    return ['password'];
  }

  checkAuthNone(_username: string): Eventually<AuthDecision> {
    return 'failed';
  }

  /**
   * `newPassword` is set where the client changes the password. `{ change: prompt }` asks it to. Compare in constant time.
   */
  checkAuthPassword(
    _username: string,
    _password: string,
    _newPassword: string | null,
  ): Eventually<AuthDecision | { readonly change: string }> {
    return 'failed';
  }

  /**
   * Whether this key may log in. Called for a mere question too; `signed` means that the user has proven to hold the key. A key
   * that came in a certificate has it as `key.certificate`: then look at its authority, its principals and its options, as
   * `AuthorizedKeys` of `amiko/server` does, or compare nothing but the key.
   */
  checkAuthPublickey(_username: string, _key: PublicKey, _signed: boolean): Eventually<AuthDecision> {
    return 'failed';
  }

  /**
   * Whether what a FIDO device says of its signature is enough; asked between the two times of {@link checkAuthPublickey}. The default
   * wants somebody to have touched it.
   */
  checkAuthSecurityKey(_username: string, _key: PublicKey, facts: SecurityKeyFacts): Eventually<boolean> {
    return facts.userPresent;
  }

  checkAuthInteractive(_username: string, _submethods: string): Eventually<AuthDecision | InteractiveQuery> {
    return 'failed';
  }

  /** As many responses as prompts were asked. May ask again. */
  checkAuthInteractiveResponse(_responses: readonly string[], _username: string): Eventually<AuthDecision | InteractiveQuery> {
    return 'failed';
  }

  /** Whether users may log in by Kerberos at all. Asked once, when the transport starts. */
  enableAuthGssapi(): boolean {
    return false;
  }

  /**
   * Whether this principal may log in under this name. Called only for one who has proven to be `gssAuthenticated.principal`, by a
   * context and a MIC over this session; the seed says "successful" there, which here would not say who. Nothing else compares the
   * two: decide yourself whether `alice@EXAMPLE.COM` is `alice`. Delegated credentials are forgotten once this has answered.
   */
  checkAuthGssapiWithMic(_username: string, _gssAuthenticated: GssIdentity): Eventually<AuthDecision> {
    return 'failed';
  }

  /** As {@link checkAuthGssapiWithMic}, for one who has proven it in the key exchange. */
  checkAuthGssapiKeyex(_username: string, _gssAuthenticated: GssIdentity): Eventually<AuthDecision> {
    return 'failed';
  }

  /** Text before the login, or null. */
  getBanner(_username: string): Eventually<string | null> {
    return null;
  }

  /** Who has logged in, and by what: called once, after the last successful check. */
  authenticated(_username: string, _method: string, _key: PublicKey | null, _transport: Transport): Eventually<void> {}

  // ---- channels -----------------------------------------------------------------------------------------------------

  /** Whether the peer may open a channel of this kind. `chanid` is its number on our side, where it has one yet. */
  checkChannelRequest(_kind: string, _chanid: number): Eventually<OpenDecision> {
    return false;
  }

  /** Modes are decoded; sizes in characters and pixels. */
  checkChannelPtyRequest(
    _channel: Channel,
    _term: string,
    _width: number,
    _height: number,
    _pixelWidth: number,
    _pixelHeight: number,
    _modes: TerminalModes,
  ): Eventually<boolean> {
    return false;
  }

  checkChannelShellRequest(_channel: Channel): Eventually<boolean> {
    return false;
  }

  /** The command is bytes, as it came. */
  checkChannelExecRequest(_channel: Channel, _command: Uint8Array): Eventually<boolean> {
    return false;
  }

  /** Grants, and starts, what `Transport.setSubsystemHandler` has registered under this name; nothing else. */
  checkChannelSubsystemRequest(channel: Channel, name: string): Eventually<boolean> {
    return startRegisteredSubsystem(channel, name, this);
  }

  /** An allow-list belongs here: variables such as LD_PRELOAD or NODE_OPTIONS run code. At most 64 are ever asked. */
  checkChannelEnvRequest(_channel: Channel, _name: string, _value: Uint8Array): Eventually<boolean> {
    return false;
  }

  checkChannelWindowChangeRequest(
    _channel: Channel,
    _width: number,
    _height: number,
    _pixelWidth: number,
    _pixelHeight: number,
  ): Eventually<boolean> {
    return false;
  }

  /** A signal for the command, without "SIG". */
  checkChannelSignalRequest(_channel: Channel, _signal: string): Eventually<boolean> {
    return false;
  }

  /** A break of so many milliseconds (RFC 4335). */
  checkChannelBreakRequest(_channel: Channel, _milliseconds: number): Eventually<boolean> {
    return false;
  }

  /** X11 forwarding: protocol and cookie as the client made them up, the cookie in hexadecimal. */
  checkChannelX11Request(
    _channel: Channel,
    _singleConnection: boolean,
    _authProtocol: string,
    _authCookie: string,
    _screenNumber: number,
  ): Eventually<boolean> {
    return false;
  }

  /** Whether agent connections may be opened to this client: `Transport.openForwardAgentChannel`. */
  checkChannelForwardAgentRequest(_channel: Channel): Eventually<boolean> {
    return false;
  }

  // ---- forwarding ---------------------------------------------------------------------------------------------------

  /**
   * Whether the client may have us connect to `destination`; true gives the channel to `accept`, and connecting is up to whoever
   * takes it. Names and addresses are the client's words: resolve before you decide about networks.
   */
  checkChannelDirectTcpipRequest(
    _chanid: number,
    _origin: readonly [host: string, port: number],
    _destination: readonly [host: string, port: number],
  ): Eventually<OpenDecision> {
    return false;
  }

  /** As {@link checkChannelDirectTcpipRequest}, for a unix socket (OpenSSH PROTOCOL section 2.4). Not in the seed. */
  checkChannelDirectStreamlocalRequest(_chanid: number, _path: string): Eventually<OpenDecision> {
    return false;
  }

  /**
   * Whether the client may have us listen. The port that we listen on (for 0: any) grants it, false refuses. Connections are
   * passed on with `Transport.openForwardedTcpipChannel`.
   */
  checkPortForwardRequest(_address: string, _port: number): Eventually<number | false> {
    return false;
  }

  /** The client wants no more connections from there. Called only for what was granted. */
  cancelPortForwardRequest(_address: string, _port: number): Eventually<void> {}

  /** As {@link checkPortForwardRequest}, for a unix socket. Not in the seed. */
  checkStreamlocalForwardRequest(_path: string): Eventually<boolean> {
    return false;
  }

  cancelStreamlocalForwardRequest(_path: string): Eventually<void> {}

  // ---- the connection -----------------------------------------------------------------------------------------------

  /** Any global request that amiko does not know. True, or data for the answer, grants it. */
  checkGlobalRequest(_kind: string, _data: Uint8Array): Eventually<boolean | Uint8Array> {
    return false;
  }
}
