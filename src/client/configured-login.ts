// Logging in as the configuration says: its methods, in its order, with the caller's credentials and its own. What it switches off
// is not tried, and the error says so where the caller gave something for it.

import type { ResolvedConfig } from '../config/resolved-config.ts';
import { ConfigError } from '../errors.ts';
import type { CallOptions } from '../io/waiting.ts';
import type { Certificate } from '../keys/certificate.ts';
import type { Signer } from '../keys/signer.ts';
import type { InteractiveHandler } from '../transport/options.ts';
import type { Transport } from '../transport/transport.ts';
import { byConfiguredKeys } from './configured-keys.ts';
import { identityAgentOf, identityFilesOf, METHODS, type MethodName, methodsOf } from './configured-settings.ts';
import type { ConfiguredOptions } from './connect-options.ts';
import { byAnswers, byKerberos, byPassword, once } from './credentials.ts';
import type { IdentityOptions } from './identities.ts';
import { logIn, type Method } from './log-in.ts';

/** As without a configuration: what is at hand before what somebody has to be asked for. */
const USUAL: readonly MethodName[] = ['gssapi-with-mic', 'publickey', 'password', 'keyboard-interactive'];

/** @throws ConfigError at once where no method is left; the promise of the function as `logIn` does */
export function configuredLogin(
  config: ResolvedConfig,
  options: ConfiguredOptions,
  call: CallOptions,
): (transport: Transport) => Promise<void> {
  const { user: username, hostname: host } = config;
  const { password, onQuestions, passphrase, gssAuth } = options;
  const wanted = methodsOf(config, USUAL);
  if (wanted === null) {
    const message = `none of the methods in PreferredAuthentications is one of ${METHODS.join(', ')}`;
    throw new ConfigError([{ file: `the configuration of ${config.host}`, line: null, message }]);
  }
  // What the caller says of Kerberos wins.
  const others = wanted.filter((name) => name !== 'gssapi-with-mic');
  const order = gssAuth === undefined ? wanted : gssAuth ? (['gssapi-with-mic', ...others] as const) : others;
  const identities = identitiesOf(config, options);
  return async (transport) => {
    const notes = switchedOff(options, order);
    const log = {
      error: (message: string) => {
        notes.push(message);
        options.log?.(1, message);
      },
      debug: (level: 1 | 2, message: string) => options.log?.(level, message),
    };
    const keys = byConfiguredKeys(transport, { username, identities, passphrase, call, log });
    const answers = onQuestions ?? (password === undefined || order.includes('password') ? undefined : answerWith(password));
    const byName: Readonly<Record<MethodName, Method | undefined>> = {
      'gssapi-with-mic': byKerberos(transport, username, call, config.gssapiDelegateCredentials),
      publickey: keys,
      password:
        password === undefined
          ? undefined
          : byPassword(transport, username, password, call, order.includes('keyboard-interactive')),
      'keyboard-interactive': answers && byAnswers(transport, username, answers, call),
    };
    // As ssh does: the server says what it takes, and no file is opened nor anybody asked for what it does not.
    const first = once(['none'], () => transport.authNone(username, call));
    try {
      const methods = order.flatMap((name) => byName[name] ?? []);
      await logIn(transport, { username, host, call, notes }, [first, ...methods]);
    } finally {
      keys.close();
    }
  };
}

/** What the caller gives is in place of what the configuration names. */
function identitiesOf(config: ResolvedConfig, { privateKey, certificates, agent }: ConfiguredOptions): IdentityOptions {
  const where = { true: undefined, false: null } as const;
  return {
    ...(privateKey !== undefined && { keys: [privateKey].flat() as readonly Signer[] }),
    identityFiles: privateKey === undefined ? identityFilesOf(config) : [],
    ...(certificates !== undefined && { certificates: [certificates].flat() as readonly Certificate[] }),
    certificateFiles: config.certificateFiles,
    identitiesOnly: config.identitiesOnly,
    requiredRsaSize: config.requiredRsaSize,
    identityAgent: agent === undefined ? identityAgentOf(config) : typeof agent === 'boolean' ? where[`${agent}`] : agent,
  };
}

function switchedOff({ privateKey, password, onQuestions }: ConfiguredOptions, order: readonly MethodName[]): string[] {
  const given = { publickey: privateKey, password, 'keyboard-interactive': onQuestions };
  return Object.entries(given)
    .filter(([name, value]) => value !== undefined && !order.includes(name as MethodName))
    .map(([name]) => `the configuration leaves no '${name}'`);
}

/** The one hidden question of a server is for the password. */
function answerWith(password: string): InteractiveHandler {
  return (_title, _instructions, prompts) => (prompts.length === 1 && prompts[0]?.[1] === false ? [password] : []);
}
