// What somebody who has logged in may do: the options of the line in authorized_keys that let them in, those of their certificate,
// or both, and then only what both allow (sshd(8), OpenSSH PROTOCOL.certkeys).

import { matchesPattern } from '../keys/pattern-list.ts';

/** A place that may be connected to or listened on. */
export interface PermittedPlace {
  /** `*` for any; in permitlisten a pattern. */
  readonly host: string;
  /** null for any. */
  readonly port: number | null;
}

/** What a login may do. */
export interface Grant {
  /** Run in place of whatever the client asks for, which is in SSH_ORIGINAL_COMMAND then; null: what the client asks for. */
  readonly command: string | null;
  /** Have a terminal. */
  readonly pty: boolean;
  /** Forward ports and sockets, in both directions; `permitOpen` and `permitListen` narrow it. */
  readonly portForwarding: boolean;
  /** Bring the agent along. */
  readonly agentForwarding: boolean;
  /** Show X11 programs on the client's display. */
  readonly x11Forwarding: boolean;
  /** Where connections may be made to; null: anywhere. */
  readonly permitOpen: readonly PermittedPlace[] | null;
  /** Where may be listened; null: anywhere. */
  readonly permitListen: readonly PermittedPlace[] | null;
  /** Variables for commands. */
  readonly environment: Readonly<Record<string, string>>;
  /** A FIDO device must have been touched. */
  readonly touchRequired: boolean;
  /** A FIDO device must have asked for a PIN or a finger. */
  readonly verifyRequired: boolean;
}

/** Without any restriction: what a line without options gives. */
export const everything: Grant = {
  command: null,
  pty: true,
  portForwarding: true,
  agentForwarding: true,
  x11Forwarding: true,
  permitOpen: null,
  permitListen: null,
  environment: {},
  touchRequired: true,
  verifyRequired: false,
};

/** With nothing but the login: `restrict`. */
export const restricted: Grant = {
  ...everything,
  pty: false,
  portForwarding: false,
  agentForwarding: false,
  x11Forwarding: false,
};

/** Whether a forced command is the server's own SFTP (sshd_config(5), ForceCommand), which is a subsystem and no program. */
export function isInternalSftp(command: string): boolean {
  return /^internal-sftp(?:[ \t]|$)/.test(command);
}

/** What both allow; a text where they can't be had together. */
export function both(a: Grant, b: Grant): Grant | string {
  // Each wants something else to be run, and to choose one would break the other.
  if (a.command !== null && b.command !== null && a.command !== b.command) {
    return 'the certificate and the line that trusts it force different commands';
  }
  return {
    command: a.command ?? b.command,
    pty: a.pty && b.pty,
    portForwarding: a.portForwarding && b.portForwarding,
    agentForwarding: a.agentForwarding && b.agentForwarding,
    x11Forwarding: a.x11Forwarding && b.x11Forwarding,
    permitOpen: a.permitOpen ?? b.permitOpen,
    permitListen: a.permitListen ?? b.permitListen,
    environment: { ...b.environment, ...a.environment },
    touchRequired: a.touchRequired && b.touchRequired,
    verifyRequired: a.verifyRequired || b.verifyRequired,
  };
}

/** Whether the client may have us connect there. Names are compared as they are: nothing is looked up. */
export function mayOpen({ portForwarding, permitOpen }: Grant, host: string, port: number): boolean {
  if (!portForwarding) return false;
  if (permitOpen === null) return true;
  return permitOpen.some((place) => (place.host === '*' || place.host === host) && (place.port === null || place.port === port));
}

/** Whether the client may have us listen there. */
export function mayListen({ portForwarding, permitListen }: Grant, host: string, port: number): boolean {
  if (!portForwarding) return false;
  if (permitListen === null) return true;
  // As OpenSSH: "" and "*" are what a client sends for everywhere.
  const asked = host === '' ? '*' : host;
  return permitListen.some((place) => matchesPattern(place.host, asked) && (place.port === null || place.port === port));
}
