// The keywords that are like no other: each has its own small grammar in ssh_config(5). Where OpenSSH's reading has an oddity that
// shows in `ssh -G`, it is kept and said so.

import { matchesPattern } from '../keys/pattern-list.ts';
import { parseForward } from './forward-spec.ts';
import { parseJumpList } from './jump.ts';
import { checkAlone, FLAG, type Kind, lookUp, needTime, TRISTATE, unknownWord } from './keyword-kinds.ts';
import { LineError } from './line.ts';
import type { LineReader } from './reader.ts';
import type { CnameRule } from './settings.ts';
import { expand } from './tokens.ts';
import * as values from './values.ts';

/** A word through a parser of values.ts. */
function parsed(parse: (word: string) => string | null, what: string): Kind {
  return (line) => {
    const word = line.need();
    const value = parse(word);
    if (value === null) throw new LineError(`'${word.slice(0, 64)}' is ${what}`);
    line.set(value);
  };
}

export const port: Kind = (line) => {
  const word = line.need();
  const value = values.port(word, line.context.machine.service);
  if (value === null || value === 0) throw new LineError(`bad port '${word.slice(0, 64)}'`);
  line.set(String(value));
};

export const escapeChar: Kind = parsed(values.escapeCharacter, 'no escape character');
export const tunnelDevice: Kind = parsed(values.tunnelDevice, 'no tunnel device');

export const streamLocalBindMask: Kind = (line) => {
  const mask = values.octalMode(line.need());
  if (mask === null) throw new LineError('this is no mode in octal');
  // The last one wins, and even one of a block that does not apply: so does ssh.
  line.settings.replace(line.key, mask);
};

const FACILITIES = ['daemon', 'user', 'auth', 'authpriv', ...Array.from({ length: 8 }, (_, index) => `local${index}`)];

export const syslogFacility: Kind = (line) => {
  const word = line.need();
  const known = Object.fromEntries(FACILITIES.map((name) => [name, name.toUpperCase()]));
  const facility = lookUp(known, word);
  if (facility === undefined) throw unknownWord(word, known);
  // Also from a block that does not apply: so does ssh.
  line.settings.setFirst(line.key, facility);
};

export const rekeyLimit: Kind = (line) => {
  const word = line.need();
  const bytes = word === 'default' ? 0n : values.scaledBytes(word);
  if (bytes === null || (bytes !== 0n && bytes < 16n))
    throw new LineError(`'${word.slice(0, 64)}' is no limit of 16 bytes or more`);
  line.set(String(bytes));
  if (line.left === 0) return;
  const time = needTime(line);
  // The two halves are first come, first served by themselves.
  if (time !== null) line.set(time, 'rekeylimit-time');
};

export const ipQos: Kind = (line) => {
  const interactive = values.qualityOfService(line.need());
  const second = line.next();
  const bulk = second === undefined ? interactive : values.qualityOfService(second);
  if (interactive === null || bulk === null) throw new LineError('this is no quality of service');
  line.set(`${interactive} ${bulk}`);
};

export function keyFile(to: 'identityFiles' | 'certificateFiles'): Kind {
  return (line) => {
    const path = line.need();
    if (line.active) line.settings.addKeyFile(to, { path, fromUser: line.context.fromUser });
  };
}

export const proxyCommand: Kind = (line) => {
  // Whichever of ProxyCommand and ProxyJump comes first wins; `ProxyJump none` stops only other ProxyJumps.
  if (line.settings.jump === null || line.settings.jump === 'none') line.set(line.rest.replace(/^[ \t\r\n=]+/, ''));
  line.takeAll();
};

export const proxyJump: Kind = (line) => {
  const jump = parseJumpList(line.rest.replace(/^[ \t\r\n=]+/, ''), line.context.machine.service);
  line.takeAll();
  const { settings } = line;
  if (!line.active || settings.get('proxycommand') !== undefined || settings.jump !== null) return;
  settings.jump = jump;
  if (jump !== 'none') settings.setFirst('proxycommand', 'none');
};

export function forward(kind: 'local' | 'remote' | 'dynamic'): Kind {
  return (line) => {
    const listen = line.need();
    const connect = kind === 'dynamic' ? undefined : line.next();
    if (kind === 'local' && (connect === undefined || connect === '')) throw new LineError('the destination is missing');
    const socks = connect === undefined || connect === '';
    const spec = expand(socks ? listen : `${listen}:${connect}`, { env: line.context.machine.env });
    const parsed = parseForward(spec, { socks, remote: kind === 'remote' }, line.context.machine.service);
    if (parsed === null) throw new LineError(`'${spec.slice(0, 100)}' is no forwarding`);
    if (line.active) line.settings.addForward(kind === 'remote' ? 'remoteForwards' : 'localForwards', parsed);
  };
}

export const permitRemoteOpen: Kind = (line) => {
  const targets = line.takeAll();
  checkAlone(targets, ['none', 'any']);
  if (targets.length === 0) throw new LineError('the argument is missing');
  for (const target of targets) {
    if (['none', 'any'].includes(target.toLowerCase())) continue;
    const number = /^(?:\[[^\]]*\]|[^:/[][^:/]*|)[:/](.*)$/.exec(target)?.[1];
    const valid = number === '*' || (number !== undefined && (values.port(number, line.context.machine.service) ?? 0) > 0);
    if (!valid) throw new LineError(`'${target.slice(0, 64)}' is no host:port`);
  }
  line.setList(targets);
};

export const sendEnv: Kind = (line) => {
  const names = line.takeAll();
  if (names.length === 0) throw new LineError('the argument is missing');
  for (const name of names) {
    if (name === '' || name.includes('=')) throw new LineError(`'${name.slice(0, 64)}' is no name of a variable`);
    if (!line.active) continue;
    const { settings } = line;
    // A dash takes away what came before.
    if (name.startsWith('-')) settings.sendEnv = settings.sendEnv.filter((each) => !matchesPattern(name.slice(1), each));
    else settings.addSendEnv(name);
  }
};

export const setEnv: Kind = (line) => {
  const variables = new Map<string, string>();
  for (const word of line.takeAll()) {
    const equals = word.indexOf('=');
    if (equals < 0) throw new LineError(`'${word.slice(0, 64)}' is not NAME=value`);
    const name = word.slice(0, equals);
    if (!variables.has(name)) variables.set(name, word);
  }
  if (variables.size === 0) throw new LineError('the argument is missing');
  line.setList([...variables.values()]);
};

export const controlPersist: Kind = (line) => {
  const word = line.need();
  const flag = Object.hasOwn(FLAG, word) ? FLAG[word as keyof typeof FLAG] : null;
  const time = flag === null ? values.seconds(word) : null;
  if (flag === null && time === null) throw new LineError(`'${word.slice(0, 64)}' is neither yes, no nor a time`);
  line.set(flag ?? (time === 0 ? 'yes' : String(time)));
};

export const logVerbose: Kind = (line) => {
  const patterns = line.takeAll();
  if (patterns.includes('')) throw new LineError('an argument is empty');
  checkAlone(patterns, ['none']);
  // ssh keeps the first one only.
  if (patterns.length > 0) line.setList(patterns.slice(0, 1));
};

export const canonicalDomains: Kind = (line) => {
  const names = line.takeAll();
  checkAlone(names, ['none']);
  const domains = names.map((name) => {
    const domain = values.domainName(name);
    if (domain === null) throw new LineError(`'${name.slice(0, 64)}' is no domain name`);
    return domain;
  });
  if (domains.length === 0) throw new LineError('the argument is missing');
  line.setList(domains);
};

export const permittedCnames: Kind = (line) => {
  const words = line.takeAll();
  checkAlone(words, ['none']);
  const rules = words.map((word): CnameRule => {
    if (word.toLowerCase() === 'none') return { from: word, to: '' };
    if (word === '*') return { from: '*', to: '*' };
    const [from = '', ...to] = word.toLowerCase().split(':');
    if (to.join(':') === '') throw new LineError(`'${word.slice(0, 64)}' is not names:names`);
    return { from, to: to.join(':') };
  });
  if (rules.length === 0) throw new LineError('the argument is missing');
  if (line.active && line.settings.cnameRules.length === 0) line.settings.cnameRules = rules;
};

export const addKeysToAgent: Kind = (line) => {
  const word = line.need();
  const lifetime = line.next();
  const meaning = lookUp({ ...TRISTATE, ask: 'ask', confirm: 'confirm' }, word);
  const time = values.seconds(meaning === undefined ? word : (lifetime ?? ''));
  const timed = meaning === undefined || lifetime !== undefined;
  if (timed && (time === null || (meaning === undefined ? lifetime !== undefined : meaning !== 'confirm'))) {
    throw new LineError('the argument is yes, no, ask, confirm, a time, or confirm and a time');
  }
  const prefix = meaning === 'confirm' ? 'confirm ' : '';
  line.set(timed && time !== 0 ? `${prefix}${time}` : (meaning ?? 'true'));
};

/** The path of an agent's socket, or `$NAME`. Checked here, so that a missing variable is reported with its line. */
function agentPath(line: LineReader, path: string): string {
  expand(path, { env: line.context.machine.env });
  if (/^\$(?!\{)/.test(path) && !/^\$[a-z0-9_]+$/i.test(path)) throw new LineError(`'${path.slice(0, 64)}' is no variable`);
  return path;
}

export const identityAgent: Kind = (line) => line.set(agentPath(line, line.need()));

export const forwardAgent: Kind = (line) => {
  const word = line.need();
  const flag = lookUp(FLAG, word);
  line.set(flag ?? 'yes');
  // A path wins over a yes or no that came before it: so it does in ssh.
  if (flag === undefined) line.set(agentPath(line, word), 'forwardagent-path');
};

export const obscureKeystrokeTiming: Kind = (line) => {
  const word = line.need();
  const interval = word.startsWith('interval:') ? values.integer(word.slice(9), 1, 1000) : null;
  const value = Object.hasOwn(FLAG, word) ? FLAG[word as keyof typeof FLAG] : interval === 20 ? 'yes' : interval?.toString();
  if (value === undefined) throw new LineError('the argument is yes, no or interval:1 to interval:1000 (milliseconds)');
  line.set(value);
};

export const channelTimeout: Kind = (line) => {
  const limits = line.takeAll();
  checkAlone(limits, ['none']);
  if (limits.length === 0) throw new LineError('the argument is missing');
  for (const limit of limits) {
    const equals = limit.indexOf('=');
    const valid = limit.toLowerCase() === 'none' || (equals > 0 && values.seconds(limit.slice(equals + 1)) !== null);
    if (!valid) throw new LineError(`'${limit.slice(0, 64)}' is not type=time`);
  }
  line.setList(limits);
};

export const versionAddendum: Kind = (line) => {
  if (line.rest.includes('\r')) throw new LineError('a carriage return cannot be in the version');
  line.set(line.rest.toLowerCase() === 'none' ? '' : line.rest);
  line.takeAll();
};
