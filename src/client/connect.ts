// From options to a connection that is logged in. Here it is decided what the options mean, establish.ts does it; what a
// configuration says is decided in configured.ts, which is loaded only where one is asked for.

import { isIP } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { defaultAlgorithms } from '../algorithms/registry.ts';
import { printable, UsageError } from '../errors.ts';
import { agentForwarding } from '../forward/agent.ts';
import { checkArguments } from '../io/check-arguments.ts';
import { callOf } from '../io/waiting.ts';
import { transportOptionsOf } from '../transport/option-kinds.ts';
import type { TransportOptions } from '../transport/options.ts';
import { Client, type ForwardedAgent } from './client.ts';
import type { ConfiguredOptions, ConnectOptions } from './connect-options.ts';
import { credentials } from './credentials.ts';
import { establish, type Plan } from './establish.ts';
import { verifyHostKey } from './host-key-policy.ts';
import { KnownHosts } from './known-hosts.ts';
import { logIn } from './log-in.ts';
import { connectOptions } from './option-kinds.ts';
import { withSigners } from './private-keys.ts';
import { openWay, saysWay } from './way.ts';

const GLOBAL_KNOWN_HOSTS = '/etc/ssh/ssh_known_hosts';
const KEEPALIVE = 15_000;

/**
 * Connects, checks the host key, logs in. Tries the keys, then those of the agent, then the password, then the questions, as far as
 * the server wants them; several steps in a row where it wants more than one.
 *
 * With `config` it does what `ssh` does with a host and `~/.ssh/config`: the name, the port and the user, keys, certificates and the
 * agent, known hosts, jump hosts, commands and algorithms come from there, unless the options say otherwise.
 * @throws KeyFormatError, PassphraseError for a `privateKey` given as text; HostKeyError, AuthenticationError (with everything that was tried), AgentError where the agent was all there was, ConnectError
 *   where a jump host can't reach the next or the proxy command can't be run, ConfigError for a configuration with mistakes or of which
 *   nothing can be made, and what `Transport.connect` throws
 *
 * @example
 * await using ssh = await connect({ host: 'example.com', username: 'me', privateKey: await readPrivateKey('id_ed25519') });
 * const { stdout } = await ssh.exec('uname -a');
 *
 * @example
 * await using ssh = await connect({ host: 'web', config: true }); // `Host web` in ~/.ssh/config
 * console.log((await ssh.exec('hostname')).stdout);
 */
export async function connect(options: ConnectOptions | ConfiguredOptions): Promise<Client>;
export async function connect(...given: readonly unknown[]): Promise<Client> {
  checkArguments('connect', given, { options: connectOptions });
  return establish(await plan(given[0] as ConnectOptions | ConfiguredOptions));
}

async function plan(given: ConnectOptions | ConfiguredOptions): Promise<Plan> {
  // Before anything is connected to; a host on the way comes here a second time, with its turn.
  for (const hop of [given.jump ?? []].flat()) {
    if (!(hop instanceof Client)) checkArguments('connect, for a jump host', [hop], { options: connectOptions });
  }
  const options = await withSigners(given);
  if (options.config !== undefined) return (await import('./configured.ts')).configuredPlan(options as ConfiguredOptions, plan);
  if (options.configExec !== undefined)
    throw new UsageError('configExec is about what the configuration says: it goes with config');
  if (options.passphrase !== undefined && options.privateKey === undefined) {
    throw new UsageError('passphrase opens a privateKey that is given as text, or the files that are named with config');
  }
  return explicitPlan(options as ConnectOptions);
}

/** Without a configuration. */
async function explicitPlan(options: ConnectOptions): Promise<Plan> {
  const { host, port = 22, username, hostKey, keepalive = KEEPALIVE } = options;
  const { gssAuth = false, gssHost = host, gssKex = false } = options;
  const call = callOf(options);
  const transport = transportOptionsOf(options);
  if (!username) throw new UsageError('connect needs a username');
  // A colon is an IPv6 address's or a mistake: the lookup would only say that there is no such host.
  if (isIP(host.replace(/%.*/, '')) === 0 && /[:@]/.test(host)) {
    throw new UsageError(`connect: not a host name: '${printable(host)}'; port and username are options of their own`);
  }
  const agent = agentToForward(options);
  saysWay(options);
  const target = { host, port };
  return {
    target,
    openWay: () => openWay(options, target, call, plan),
    transport,
    call,
    ...(hostKey === undefined ? await knownHostKey(target, transport) : { hostKey }),
    gss: { host: gssHost, requested: gssAuth || gssKex !== false },
    logIn: (connected) => logIn(connected, { username, host, call }, credentials(connected, options, call)),
    keepalive: { interval: keepalive },
    agent,
  };
}

/** The host must be known, by the usual files. */
async function knownHostKey(
  target: { readonly host: string; readonly port: number },
  transport: TransportOptions,
): Promise<Pick<Plan, 'hostKey' | 'transport'>> {
  const knownHosts = await KnownHosts.read([join(homedir(), '.ssh', 'known_hosts'), GLOBAL_KNOWN_HOSTS]);
  const { keys } = defaultAlgorithms(transport.policy);
  // The known keys' algorithms first, or the server would come with another of its keys; the caller's own list wins.
  const algorithms = { keys: knownHosts.preferredAlgorithms(target.host, target.port, keys), ...transport.algorithms };
  return { hostKey: verifyHostKey(target, { knownHosts }), transport: { ...transport, algorithms } };
}

function agentToForward({ agent, agentForward = false }: ConnectOptions): ForwardedAgent | null {
  if (agentForward === false) return null;
  const path = typeof agentForward === 'string' ? agentForward : typeof agent === 'string' ? agent : undefined;
  return { handler: agentForwarding(path), required: true };
}
