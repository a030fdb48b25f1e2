// What a session may reach of ours when it was asked for: the agent (`-A`) and the X11 display (`-X`). Neither is worth failing
// for: where there is none, or the server does not want it, the session goes on without, after a word about it if it was typed.

import { execFile } from 'node:child_process';
import { usualAgent } from '../../agent/location.ts';
import { ChannelRequestError, UsageError } from '../../errors.ts';
import { agentForwarding } from '../../forward/agent.ts';
import { type X11Authorization, X11Forwarding } from '../../forward/x11.ts';
import type { Channel } from '../../transport/channel.ts';
import type { Log } from '../connection/log.ts';
import type { SshOptions } from './options.ts';

/** An X server that does not answer must not keep the session from starting, milliseconds. */
const XAUTH_TIMEOUT = 10_000;

type Tell = (message: string) => void;

function teller(typed: boolean, log: Log): Tell {
  return typed ? (message) => log.notice(message) : (message) => log.debug(1, message);
}

/** Asks for agent forwarding, if that was asked for. */
export async function offerAgent(
  channel: Channel,
  { forwardAgent, identityAgent, typedOffers }: Pick<SshOptions, 'forwardAgent' | 'identityAgent' | 'typedOffers'>,
  log: Log,
): Promise<void> {
  if (!forwardAgent) return;
  // As with ssh: the agent that logs in is the one that is forwarded, unless another one is named.
  const path = forwardAgent !== true ? forwardAgent : identityAgent === undefined ? usualAgent() : identityAgent;
  const tell = teller(typedOffers.agent, log);
  if (!path) {
    tell('Warning: there is no agent to forward: SSH_AUTH_SOCK is not set');
    return;
  }
  const onFailure = (error: unknown) => log.error(`a connection to the agent failed: ${textOf(error)}`);
  const handler = agentForwarding(path, { onFailure });
  await unlessRefused(channel.requestForwardAgent(handler), 'agent forwarding', tell, log);
}

/** Asks for X11 forwarding, if that was asked for. */
export async function offerX11(
  channel: Channel,
  { forwardX11, typedOffers }: Pick<SshOptions, 'forwardX11' | 'typedOffers'>,
  log: Log,
): Promise<void> {
  if (!forwardX11) return;
  const tell = teller(typedOffers.x11, log);
  const x11 = await ourDisplay(tell, log);
  if (x11 !== null) await unlessRefused(channel.requestX11(x11), 'X11 forwarding', tell, log);
}

async function ourDisplay(tell: Tell, log: Log): Promise<X11Forwarding | null> {
  const display = process.env['DISPLAY'] ?? '';
  try {
    // Checks the name before it becomes an argument.
    const onFailure = ({ error }: { error: unknown }) => log.error(`an X11 connection failed: ${textOf(error)}`);
    new X11Forwarding({ display });
    const authorization = await authorizationOf(display, tell, log);
    return new X11Forwarding({ display, onFailure, ...(authorization !== null && { authorization }) });
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    tell(`Warning: no X11 forwarding: ${error.message}`);
    return null;
  }
}

/** What xauth(1) knows about a display. Null, after a warning, where it knows nothing: some displays let their user in without. */
async function authorizationOf(display: string, tell: Tell, log: Log): Promise<X11Authorization | null> {
  // Entries for displays of this machine are under its name, which xauth knows as `unix`.
  const name = display.replace(/^localhost:/, 'unix:');
  const output = await new Promise<string>((resolve) => {
    execFile('xauth', ['list', name], { encoding: 'utf8', timeout: XAUTH_TIMEOUT }, (error, stdout) => {
      if (error !== null) log.debug(1, `xauth: ${error.message}`);
      resolve(error === null ? stdout : '');
    });
  });
  const authorization = parseXauthList(output);
  if (authorization === null) tell('Warning: xauth has no entry for the X11 display; going on without');
  return authorization;
}

/** The first usable line of `xauth list`: display, protocol, data in hexadecimal. */
export function parseXauthList(output: string): X11Authorization | null {
  for (const line of output.split('\n')) {
    const [, protocol, data] = /^\S+\s+([\w.-]+)\s+((?:[0-9a-f]{2})+)\s*$/i.exec(line) ?? [];
    if (protocol !== undefined && data !== undefined) return { protocol, data: Buffer.from(data, 'hex') };
  }
  return null;
}

async function unlessRefused(asked: Promise<unknown>, what: string, tell: Tell, log: Log): Promise<void> {
  try {
    await asked;
    log.debug(1, `${what} has been granted`);
  } catch (error) {
    if (!(error instanceof ChannelRequestError)) throw error;
    tell(`Warning: the server refuses ${what}`);
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
