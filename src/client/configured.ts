// `connect({ config })`: what `ssh NICKNAME` would do, as a plan. The options of the caller win; the rest is looked up, the hosts on the
// way included, and all of it before anything is connected to, so that mistakes cost no connection.

import { usualAgent } from '../agent/location.ts';
import type { ResolvedConfig } from '../config/resolved-config.ts';
import { ConfigError } from '../errors.ts';
import { agentForwarding } from '../forward/agent.ts';
import { type CallOptions, callOf } from '../io/waiting.ts';
import { transportOptionsOf } from '../transport/option-kinds.ts';
import { DEFAULT_TIMEOUTS, type TransportOptions } from '../transport/options.ts';
import type { ForwardedAgent } from './client.ts';
import { type ConfiguredHostKey, configuredHostKey } from './configured-host-key.ts';
import { configuredLogin } from './configured-login.ts';
import { type Asked, Lookups } from './configured-lookup.ts';
import { addressOf, connectTimeoutOf, identityAgentOf, keepaliveOf, rekeyOf } from './configured-settings.ts';
import type { ConfiguredOptions } from './connect-options.ts';
import { establish, type Plan, type Way } from './establish.ts';
import { over } from './jump.ts';
import { startProxyCommand, throughShell } from './proxy-command.ts';
import { direct, openWay, type Planner, saysWay } from './way.ts';
import { proxyProblem, withoutEffect } from './without-effect.ts';

/** As without a configuration, where it does not say. */
const KEEPALIVE = 15_000;

/** @throws ConfigError, UsageError, HostKeyError where known hosts cannot be read, SSHTimeoutError, `signal.reason` */
export async function configuredPlan(options: ConfiguredOptions, plan: Planner): Promise<Plan> {
  const { host, username = null, port = null } = options;
  const lookups = await Lookups.load(options, callOf(options));
  return planOf({ host, user: username, port, before: [], trail: [] }, options, lookups, plan);
}

async function planOf(asked: Asked, options: ConfiguredOptions, lookups: Lookups, plan: Planner): Promise<Plan> {
  const { keepalive, gssHost, gssAuth, gssKex = false } = options;
  const ownWay = saysWay(options);
  const config = await lookups.lookup(asked);
  const log = (message: string) => options.log?.(1, message);
  for (const notice of config.notices) log(notice);
  for (const { keyword, why } of withoutEffect(config)) log(`${keyword} of the configuration has no effect: ${why}`);
  const command = ownWay ? null : proxyWords(config);
  const target = addressOf(config);
  const call = callOf(options);
  const limit = options.timeout === undefined ? connectTimeoutOf(config) : null;
  const connecting = limit === null ? call : { ...call, timeout: limit };
  const given = options.hostKey === undefined ? null : { hostKey: options.hostKey, keys: undefined };
  const { hostKey, keys } = given ?? (await configuredHostKey(config, options.policy, log));
  return {
    target,
    openWay: ownWay
      ? () => openWay(options, target, connecting, plan)
      : ((await wayThroughHops(asked, config, connecting, options, lookups, plan)) ?? (() => wayByCommand(command))),
    transport: transportOptions(config, options, keys, limit),
    call: connecting,
    hostKey,
    gss: { host: gssHost ?? config.hostname, requested: (gssAuth ?? config.gssapiAuthentication) || gssKex !== false },
    logIn: configuredLogin(config, options, call),
    keepalive:
      keepalive !== undefined || config.setting('ServerAliveInterval') === null
        ? { interval: keepalive ?? KEEPALIVE }
        : keepaliveOf(config),
    agent: agentToForward(config, options, log),
  };
}

/** Null where there are none. Each is looked up in the same configuration, and is itself behind its own. */
async function wayThroughHops(
  asked: Asked,
  config: ResolvedConfig,
  call: CallOptions,
  options: ConfiguredOptions,
  lookups: Lookups,
  plan: Planner,
): Promise<(() => Promise<Way>) | null> {
  const { proxyJump } = config;
  const hop = proxyJump.at(-1);
  if (hop === undefined) return null;
  const question = { ...hop, before: proxyJump.slice(0, -1), trail: [...asked.trail, asked] };
  const next = await planOf(question, forHop(options, hop.host), lookups, plan);
  return async () => {
    const client = await establish(next);
    try {
      return await over({ transport: client.transport, name: next.target.host }, addressOf(config), call, () => client.close());
    } catch (error) {
      await client.close();
      throw error;
    }
  };
}

/** Null where there is none. @throws ConfigError for one that wants what we cannot do */
function proxyWords(config: ResolvedConfig): readonly string[] | null {
  const { proxyCommand } = config;
  const problem = proxyProblem(config);
  if (problem !== null) throw new ConfigError([{ file: `the configuration of ${config.host}`, line: null, message: problem }]);
  return proxyCommand && (proxyCommand.argv ?? throughShell(proxyCommand.text));
}

async function wayByCommand(words: readonly string[] | null): Promise<Way> {
  return words === null ? direct : { ...direct, sock: await startProxyCommand(words) };
}

/**
 * What the hosts on the way take over: how to read the configuration, how long to wait, and what opens keys that lie here. What logs
 * in to the destination, or says which host key it has, is no other host's business.
 */
const FOR_HOPS = ['config', 'configExec', 'passphrase', 'agent', 'log', 'timeout', 'signal', 'timeouts'] as const;

function forHop(options: ConfiguredOptions, host: string): ConfiguredOptions {
  const taken = FOR_HOPS.filter((name) => options[name] !== undefined).map((name) => [name, options[name]]);
  return { host, ...(Object.fromEntries(taken) as Pick<ConfiguredOptions, (typeof FOR_HOPS)[number]>) };
}

/** `limit` is the ConnectTimeout, in milliseconds. */
function transportOptions(
  config: ResolvedConfig,
  options: ConfiguredOptions,
  keys: ConfiguredHostKey['keys'] | undefined,
  limit: number | null,
): TransportOptions {
  return {
    channelTimeouts: config.channelTimeouts,
    ...transportOptionsOf(options),
    algorithms: { ...config.algorithms, ...(keys !== undefined && { keys }), ...options.algorithms },
    rekey: { ...rekeyOf(config), ...options.rekey },
    // A long ConnectTimeout is not cut short by our own limit, which also holds for every later exchange.
    timeouts: { ...(limit !== null && { handshake: Math.max(limit, DEFAULT_TIMEOUTS.handshake) }), ...options.timeouts },
  };
}

/** As with ssh, an agent that is not there is not forwarded; one that the caller wants to have forwarded is missed. */
function agentToForward(
  config: ResolvedConfig,
  options: ConfiguredOptions,
  log: (message: string) => void,
): ForwardedAgent | null {
  const { agent, agentForward } = options;
  const required = agentForward !== undefined;
  const wish = agentForward ?? (agent === false ? false : config.forwardAgent);
  if (wish === false) return null;
  const own = typeof agent === 'string' ? agent : agent === undefined ? identityAgentOf(config) : undefined;
  const path = typeof wish === 'string' ? wish : own === undefined ? usualAgent() : own;
  if (path || required) return { handler: agentForwarding(path), required };
  log('ForwardAgent of the configuration has no effect: there is no agent');
  return null;
}
