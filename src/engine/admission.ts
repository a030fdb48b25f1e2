// Which message may arrive when: the one table that decides, before any decoder is called. Deny by default.
//
// It makes CVE-2018-10933 (a server that accepts USERAUTH_SUCCESS), CVE-2025-32433 (channel messages before authentication)
// and the strict-kex rule against Terrapin (CVE-2023-48795) rows that a test walks exhaustively, not branches to forget.

import type { Violation } from '../errors.ts';
import type { ExchangeState } from './handshake.ts';

/** Which service a connection has reached; 'none' until the first keys are in use. */
export type Stage = 'none' | 'service' | 'auth' | 'open';

/** Where the connection stands, as far as what may arrive is concerned. */
export type AdmissionPhase =
  /** before the peer's first KEXINIT */
  | 'kexinit'
  /** first exchange: between KEXINIT and the method's last message */
  | 'kex'
  /** first exchange: only NEWKEYS is left */
  | 'newkeys'
  /** keys in use, no service yet */
  | 'service'
  | 'auth'
  | 'open'
  /** later exchanges: after the peer's KEXINIT nothing of the upper layers may come until its NEWKEYS (RFC 4253 section 7.1) */
  | 'rekey'
  | 'rekey-newkeys';

interface Row {
  readonly name: string;
  readonly first: number;
  readonly last: number;
  /** Who may receive it. */
  readonly role: 'client' | 'server' | 'both';
  readonly phases: readonly AdmissionPhase[];
  /** Whether it may come during the first exchange under strict kex (OpenSSH PROTOCOL section 1.10). */
  readonly strict: boolean;
}

const always = ['kexinit', 'kex', 'newkeys', 'service', 'auth', 'open', 'rekey', 'rekey-newkeys'] as const;

export const admissionTable: readonly Row[] = [
  { name: 'SSH_MSG_DISCONNECT', first: 1, last: 1, role: 'both', phases: always, strict: true },
  { name: 'SSH_MSG_IGNORE', first: 2, last: 2, role: 'both', phases: always, strict: false },
  { name: 'SSH_MSG_UNIMPLEMENTED', first: 3, last: 3, role: 'both', phases: always, strict: false },
  { name: 'SSH_MSG_DEBUG', first: 4, last: 4, role: 'both', phases: always, strict: false },
  // paramiko asks for the service again with every attempt.
  { name: 'SSH_MSG_SERVICE_REQUEST', first: 5, last: 5, role: 'server', phases: ['service', 'auth'], strict: false },
  { name: 'SSH_MSG_SERVICE_ACCEPT', first: 6, last: 6, role: 'client', phases: ['service'], strict: false },
  // Its exact place (RFC 8308 section 2.4) is checked by the engine, which counts packets.
  { name: 'SSH_MSG_EXT_INFO', first: 7, last: 7, role: 'both', phases: ['service', 'auth'], strict: false },
  { name: 'SSH_MSG_KEXINIT', first: 20, last: 20, role: 'both', phases: ['kexinit', 'service', 'auth', 'open'], strict: true },
  { name: 'SSH_MSG_NEWKEYS', first: 21, last: 21, role: 'both', phases: ['newkeys', 'rekey-newkeys'], strict: true },
  // Which of them, and in which order, is the method's to say.
  { name: 'key exchange method', first: 30, last: 49, role: 'both', phases: ['kex', 'rekey'], strict: true },
  // In 'open' it is let in to be ignored: RFC 4252 section 5.1.
  { name: 'SSH_MSG_USERAUTH_REQUEST', first: 50, last: 50, role: 'server', phases: ['auth', 'open'], strict: false },
  { name: 'SSH_MSG_USERAUTH_FAILURE', first: 51, last: 51, role: 'client', phases: ['auth'], strict: false },
  { name: 'SSH_MSG_USERAUTH_SUCCESS', first: 52, last: 52, role: 'client', phases: ['auth'], strict: false },
  { name: 'SSH_MSG_USERAUTH_BANNER', first: 53, last: 53, role: 'client', phases: ['auth'], strict: false },
  // Authentication methods: the requests of a server (60) go to clients, the answers of a client (61) to servers; GSS-API sends
  // tokens both ways (61, 65), and an end, an error and a MIC one way each (RFC 4462 section 3). The rest is the method's to say.
  { name: 'authentication method, to the client', first: 60, last: 60, role: 'client', phases: ['auth'], strict: false },
  { name: 'authentication method, either way', first: 61, last: 61, role: 'both', phases: ['auth'], strict: false },
  { name: 'GSS-API, exchange complete', first: 63, last: 63, role: 'server', phases: ['auth'], strict: false },
  { name: 'GSS-API, error', first: 64, last: 64, role: 'client', phases: ['auth'], strict: false },
  { name: 'GSS-API, error token', first: 65, last: 65, role: 'both', phases: ['auth'], strict: false },
  { name: 'GSS-API, MIC', first: 66, last: 66, role: 'server', phases: ['auth'], strict: false },
  { name: 'SSH_MSG_GLOBAL_REQUEST and its replies', first: 80, last: 82, role: 'both', phases: ['open'], strict: false },
  { name: 'channel messages', first: 90, last: 100, role: 'both', phases: ['open'], strict: false },
  // OpenSSH PROTOCOL section 1.9
  { name: 'SSH2_MSG_PING and SSH2_MSG_PONG', first: 192, last: 193, role: 'both', phases: ['open'], strict: false },
];

/**
 * 'admit', 'unimplemented' (a number that nobody has defined, once we know the peer: it gets SSH_MSG_UNIMPLEMENTED as
 * RFC 4253 section 11.4 wants), or the violation.
 */
export function admission(
  number: number,
  role: 'client' | 'server',
  phase: AdmissionPhase,
  strictFirstExchange: boolean,
): 'admit' | 'unimplemented' | Violation {
  const row = byNumber[number];
  if (row === undefined) {
    if (phase === 'open') return 'unimplemented';
    return strictFirstExchange ? 'strict-kex' : 'message-not-admitted';
  }
  const admitted = row.phases.includes(phase) && (row.role === 'both' || row.role === role);
  if (admitted && (row.strict || !strictFirstExchange)) return 'admit';
  return strictFirstExchange ? 'strict-kex' : 'message-not-admitted';
}

/** What both have come to, as the table knows it. */
export function admissionPhase(stage: Stage, exchange: ExchangeState): AdmissionPhase {
  if (stage === 'none') return exchange === 'idle' ? 'kexinit' : exchange;
  if (exchange === 'idle') return stage;
  return exchange === 'kex' ? 'rekey' : 'rekey-newkeys';
}

const byNumber: (Row | undefined)[] = Array.from({ length: 256 }, (_, number) =>
  admissionTable.find((row) => number >= row.first && number <= row.last),
);
