// Keys of `-o` that concern a session with a command or a shell. What only transfers files has no use for them, but scripts and
// other programs give them (`-o ForwardX11=no`, `-o ClearAllForwardings=yes`): they are taken and mean nothing, as in sftp(1),
// which turns all forwarding off.

import { type Keyword, row } from './keywords.ts';

const NAMES = [
  ...['SetEnv', 'SendEnv', 'RequestTTY', 'LocalForward', 'RemoteForward', 'DynamicForward', 'ClearAllForwardings'],
  ...['ExitOnForwardFailure', 'GatewayPorts', 'SessionType', 'ForwardAgent', 'ForwardX11', 'ForwardX11Trusted'],
];

export const ignoredSessionKeywords: readonly Keyword<unknown>[] = NAMES.map((name) => row(name, () => {}));
