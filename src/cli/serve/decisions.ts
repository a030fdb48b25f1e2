// What `amiko serve` decides for one connection: one user may log in, by what the command line says; sessions run programs; what
// is forwarded, and whether anything is, the command line says too.

import { type ForwardTarget, isPath } from '../../forward/target.ts';
import type { AuthDecision, Channel, GssIdentity, PublicKey } from '../../index.ts';
import type { SecurityKeyFacts } from '../../keys/security-key.ts';
import { AgentSocket } from '../../server/agent-socket.ts';
import { ServerForwarding } from '../../server/forwarding.ts';
import { everything, type Grant, mayListen, mayOpen, restricted } from '../../server/grant.ts';
import { X11Display } from '../../server/x11-display.ts';
import {
  type Authorization,
  InteractiveQuery,
  type OpenDecision,
  ProcessServer,
  type ProcessServerOptions,
  type ServerConnection,
} from '../../server.ts';
import { SFTPServer } from '../../sftp/server/sftp-server.ts';
import type { Credentials } from './credentials.ts';
import { internalSftp, type SftpLimits } from './internal-sftp.ts';
import { ServedFolder, type SftpEvent } from './served-folder.ts';

/** What may be forwarded. */
export interface Allowed {
  /** Ports and unix sockets, both ways. */
  readonly forward: boolean;
  readonly agentForward: boolean;
  readonly x11: boolean;
}

/** What SFTP shows. */
export interface ServedFiles {
  readonly root: string;
  readonly write: boolean;
}

/** A connection that goes through us, or a place where we listen for the client. */
export interface ForwardStart {
  readonly request: 'direct-tcpip' | 'direct-streamlocal' | 'tcpip-forward' | 'streamlocal-forward' | 'agent' | 'x11';
  /** `host:port`, a path, or the display. */
  readonly where: string;
}

export interface ServeDecisionsOptions extends Omit<ProcessServerOptions, 'subsystems'> {
  readonly banner: string | null;
  readonly allowed: Allowed;
  /** Null for no SFTP. */
  readonly files: ServedFiles | null;
  readonly onForward: (forward: ForwardStart) => void;
  readonly onSftp: (event: SftpEvent) => void;
  /** A key that is known was not let in, for this reason. */
  readonly onNearMiss: (why: string) => void;
}

/** How long sessions may take to close their files, milliseconds. */
const SFTP_GRACE = 2_000;

export class ServeDecisions extends ProcessServer {
  readonly #credentials: Credentials;
  readonly #connection: ServerConnection;
  readonly #options: ServeDecisionsOptions;
  readonly #forwarding: ServerForwarding;
  readonly #environments = new WeakMap<Channel, Record<string, string>>();
  /** What sessions have left behind, and are about to remove. */
  readonly #cleaning = new Set<Promise<void>>();
  #granted: Grant = everything;
  /** SFTP is what a forced `internal-sftp` of {@link #granted} makes of it. */
  #obeysSftp = false;
  #sftpSessions = 0;
  #noSftpSession: () => void = () => {};

  constructor(connection: ServerConnection, credentials: Credentials, options: ServeDecisionsOptions) {
    super(connection, { ...options, subsystems: options.files !== null });
    this.#connection = connection;
    this.#credentials = credentials;
    this.#options = options;
    this.#forwarding = new ServerForwarding(connection.transport);
    this.#serveSftp({});
  }

  /** @param limits Win over what the command line allows only where they allow less. */
  #serveSftp({ readOnly = false, ...limits }: SftpLimits): void {
    const { files } = this.#options;
    if (files === null) return;
    const options = { ...limits, readOnly: readOnly || !files.write };
    const onEvent = (event: SftpEvent) => this.#onSftp(event);
    this.#connection.transport.setSubsystemHandler('sftp', SFTPServer, ServedFolder, files.root, options, onEvent);
  }

  override async ended(): Promise<void> {
    await super.ended();
    await Promise.all(this.#cleaning);
    // What they have done is told when their files are closed.
    if (this.#sftpSessions === 0) return;
    await new Promise<void>((resolve) => {
      this.#noSftpSession = resolve;
      // A disk that does not answer must not keep the server from ending.
      setTimeout(resolve, SFTP_GRACE);
    });
  }

  override getBanner(): string | null {
    return this.#options.banner;
  }

  override getAllowedAuths(): readonly string[] {
    return this.#credentials.methods;
  }

  override checkAuthPassword(user: string, password: string, newPassword: string | null): AuthDecision {
    // A password is changed where it was set: in the environment of the server.
    if (newPassword !== null) return 'failed';
    return this.#credentials.isPassword(user, password) ? 'successful' : 'failed';
  }

  override checkAuthPublickey(user: string, key: PublicKey): AuthDecision {
    const decided = this.#authorize(user, key);
    if (decided.granted !== null) return 'successful';
    // A key that should work: whoever runs the server wants to know why it does not.
    if (decided.near) this.#options.onNearMiss(decided.why);
    return 'failed';
  }

  override checkAuthSecurityKey(user: string, key: PublicKey, { userPresent, userVerified }: SecurityKeyFacts): boolean {
    const { granted } = this.#authorize(user, key);
    if (granted === null) return userPresent;
    return (userPresent || !granted.touchRequired) && (userVerified || !granted.verifyRequired);
  }

  override authenticated(user: string, _method: string, key: PublicKey | null): void {
    if (key === null) return;
    this.#granted = this.#authorize(user, key).granted ?? restricted;
    const limits = internalSftp(this.#granted.command, user);
    this.#obeysSftp = limits !== null && typeof limits !== 'string';
    if (limits !== null && typeof limits !== 'string') this.#serveSftp(limits);
  }

  protected override obeysInternalSftp(): boolean {
    return this.#obeysSftp;
  }

  protected override get grant(): Grant {
    return this.#granted;
  }

  override checkAuthInteractive(): AuthDecision | InteractiveQuery {
    return this.#credentials.takesPassword ? new InteractiveQuery('', '', ['Password: ', false]) : 'failed';
  }

  override checkAuthInteractiveResponse(responses: readonly string[], user: string): AuthDecision {
    return this.#credentials.isPassword(user, responses[0] ?? '') ? 'successful' : 'failed';
  }

  override enableAuthGssapi(): boolean {
    return this.#credentials.takesKerberos;
  }

  override checkAuthGssapiWithMic(user: string, { principal }: GssIdentity): AuthDecision {
    return this.#credentials.isPrincipal(user, principal) ? 'successful' : 'failed';
  }

  override checkChannelDirectTcpipRequest(
    _id: number,
    _origin: readonly [string, number],
    [host, port]: readonly [string, number],
  ): OpenDecision | Promise<OpenDecision> {
    return mayOpen(this.#granted, host, port) && this.#connect('direct-tcpip', { host, port });
  }

  override checkChannelDirectStreamlocalRequest(_id: number, path: string): OpenDecision | Promise<OpenDecision> {
    return this.#mayStreamlocal && this.#connect('direct-streamlocal', { path });
  }

  override async checkPortForwardRequest(address: string, port: number): Promise<number | false> {
    if (!this.#options.allowed.forward || !mayListen(this.#granted, address, port)) return false;
    const bound = await this.#forwarding.listen(address, port);
    if (bound !== false) this.#options.onForward({ request: 'tcpip-forward', where: `${address}:${bound}` });
    return bound;
  }

  override cancelPortForwardRequest(address: string, port: number): void {
    this.#forwarding.cancel(address, port);
  }

  override async checkStreamlocalForwardRequest(path: string): Promise<boolean> {
    const listening = this.#options.allowed.forward && this.#mayStreamlocal && (await this.#forwarding.listenUnix(path));
    if (listening) this.#options.onForward({ request: 'streamlocal-forward', where: path });
    return listening;
  }

  override cancelStreamlocalForwardRequest(path: string): void {
    this.#forwarding.cancelUnix(path);
  }

  override async checkChannelForwardAgentRequest(channel: Channel): Promise<boolean> {
    if (!this.#options.allowed.agentForward || !this.#granted.agentForwarding || 'SSH_AUTH_SOCK' in this.environmentFor(channel))
      return false;
    const socket = await AgentSocket.open(this.#connection.transport);
    if (socket === null) return false;
    this.#give(channel, { SSH_AUTH_SOCK: socket.path }, socket);
    this.#options.onForward({ request: 'agent', where: socket.path });
    return true;
  }

  override async checkChannelX11Request(
    channel: Channel,
    singleConnection: boolean,
    authProtocol: string,
    authCookie: string,
    screenNumber: number,
  ): Promise<boolean> {
    if (!this.#options.allowed.x11 || !this.#granted.x11Forwarding || 'DISPLAY' in this.environmentFor(channel)) return false;
    const options = { singleConnection, authProtocol, authCookie, screenNumber };
    const display = await X11Display.open(this.#connection.transport, options);
    if (display === null) return false;
    this.#give(channel, display.environment, display);
    this.#options.onForward({ request: 'x11', where: display.environment['DISPLAY'] ?? '' });
    return true;
  }

  protected override environmentFor(channel: Channel): Readonly<Record<string, string>> {
    return this.#environments.get(channel) ?? {};
  }

  #onSftp(event: SftpEvent): void {
    if (event.operation === 'start') this.#sftpSessions++;
    this.#options.onSftp(event);
    if (event.operation === 'end' && --this.#sftpSessions === 0) this.#noSftpSession();
  }

  /** Lists of hosts and ports say nothing about sockets, so where there is one, these are not on it. */
  get #mayStreamlocal(): boolean {
    const { portForwarding, permitOpen, permitListen } = this.#granted;
    return portForwarding && permitOpen === null && permitListen === null;
  }

  #authorize(user: string, key: PublicKey): Authorization {
    const applicant = { user, key, address: this.#connection.remoteAddress, now: Date.now() / 1000 };
    const decided = this.#credentials.authorize(applicant);
    if (decided.granted === null) return decided;
    const limits = internalSftp(decided.granted.command, user);
    return typeof limits === 'string' ? { granted: null, why: `${decided.by}: ${limits}`, near: true } : decided;
  }

  #connect(request: ForwardStart['request'], target: ForwardTarget): OpenDecision | Promise<OpenDecision> {
    if (!this.#options.allowed.forward) return false;
    this.#options.onForward({ request, where: isPath(target) ? target.path : `${target.host}:${target.port}` });
    return this.#forwarding.connect(target);
  }

  /** For as long as the session lives. */
  #give(channel: Channel, variables: Readonly<Record<string, string>>, resource: { close(): Promise<void> }): void {
    this.#environments.set(channel, { ...this.environmentFor(channel), ...variables });
    const cleaned: Promise<void> = channel.closed.then(() => resource.close()).finally(() => this.#cleaning.delete(cleaned));
    this.#cleaning.add(cleaned);
  }
}
