// The keys of `-o` that concern a session and what is forwarded beside it; as the connection's, one row each.

import { printable, UsageError } from '../../errors.ts';
import { type Keyword, row } from '../connection/keywords.ts';
import { fileNames, oneOf, words, yesOrNo } from '../connection/values.ts';
import { parseDynamic, parseForward } from './forward-arguments.ts';
import type { SshOptions } from './options.ts';

export const sessionKeywords: readonly Keyword<SshOptions>[] = [
  row('SetEnv', (options, value) => {
    for (const assignment of words(value)) {
      const equals = assignment.indexOf('=');
      if (equals < 1) throw new UsageError(`SetEnv needs NAME=VALUE, not '${printable(assignment)}'`);
      const name = assignment.slice(0, equals);
      if (!options.setEnv.has(name)) options.setEnv.set(name, assignment.slice(equals + 1));
    }
  }),
  row('SendEnv', (options, value) => options.sendEnv.push(...words(value))),
  row('RequestTTY', (options, value) => {
    const known = { no: 'no', false: 'no', yes: 'yes', true: 'yes', force: 'force', auto: 'auto' } as const;
    options.requestTty ??= oneOf('RequestTTY', value, known);
  }),
  // A configuration file parts the two ends by a blank.
  row('LocalForward', (options, value) => options.forwards.push(parseForward('local', words(value).join(':')))),
  row('RemoteForward', (options, value) => options.forwards.push(parseForward('remote', words(value).join(':')))),
  row('DynamicForward', (options, value) => options.forwards.push(parseDynamic(value))),
  row('ClearAllForwardings', (options, value) => (options.clearAllForwardings ??= yesOrNo('ClearAllForwardings', value))),
  row('ExitOnForwardFailure', (options, value) => (options.exitOnForwardFailure ??= yesOrNo('ExitOnForwardFailure', value))),
  row('GatewayPorts', (options, value) => (options.gatewayPorts ??= yesOrNo('GatewayPorts', value))),
  row('SessionType', (options, value) => {
    options.noSession ??= oneOf('SessionType', value, { none: true, default: false });
  }),
  row('ForwardAgent', (options, value) => (options.forwardAgent ??= agentToForward(value))),
  row('ForwardX11', (options, value) => (options.forwardX11 ??= yesOrNo('ForwardX11', value))),
  row('ForwardX11Trusted', (_options, value) => {
    if (!yesOrNo('ForwardX11Trusted', value)) throw new UsageError('X11 programs with restricted rights are not supported yet');
  }),
];

/** ssh_config(5): "yes", "no", the path of a socket, or the variable that has it, beginning with $. */
function agentToForward(value: string): boolean | string {
  if (value.startsWith('$')) return process.env[value.slice(1)] || false;
  const [path] = value.includes('/') ? fileNames(value) : [];
  return path ?? yesOrNo('ForwardAgent', value);
}
