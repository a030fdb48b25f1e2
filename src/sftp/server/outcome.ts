// What goes wrong, as the client hears it: a status of version 3 and words that say nothing about our side, neither paths nor the
// text of an error that nobody expected (those go to the log).

import { constants } from 'node:os';
import { getSystemErrorMap } from 'node:util';
import { ProtocolError, SFTPError } from '../../errors.ts';
import { DecodeError } from '../../wire/reader.ts';
import {
  SFTP_BAD_MESSAGE,
  SFTP_EOF,
  SFTP_FAILURE,
  SFTP_OP_UNSUPPORTED,
  type SFTPStatus,
  statusOfErrno,
  statusText,
} from '../protocol/status.ts';

/** The server's own refusal of a request. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: SFTPStatus;

  constructor(status: SFTPStatus, text: string = statusText(status)) {
    super(text);
    this.status = status;
  }
}

export interface Outcome {
  readonly status: SFTPStatus;
  readonly text: string;
  /** Nothing that a client can cause with a hook in order: worth a line in the log. */
  readonly unexpected: boolean;
}

/** A status that a hook has returned. Codes of later versions become FAILURE, with their words. */
export function outcomeOfStatus(status: SFTPStatus): Outcome {
  // A hook in JavaScript may forget to return one, and what has not been said to be fine is not.
  if (!Number.isInteger(status)) throw new TypeError(`a hook returned ${String(status)} for a status`);
  const known = status >= 0 && status <= SFTP_OP_UNSUPPORTED;
  return { status: known ? status : SFTP_FAILURE, text: statusText(status), unexpected: false };
}

/** A status where something else was due. */
export function outcomeInsteadOf(status: SFTPStatus): Outcome {
  if (status === 0) throw new TypeError('a hook returned SFTP_OK where a result was due');
  return outcomeOfStatus(status);
}

/** {@link outcomeInsteadOf} to throw. */
export function refusalOf(status: SFTPStatus): Refusal {
  const outcome = outcomeInsteadOf(status);
  return new Refusal(outcome.status, outcome.text);
}

/** What was thrown by a hook, a decoder or the server itself. */
export function outcomeOfError(error: unknown): Outcome {
  if (error instanceof Refusal) return { status: error.status, text: error.message, unexpected: false };
  if (error instanceof DecodeError) return { status: SFTP_BAD_MESSAGE, text: 'Bad message', unexpected: false };
  if (error instanceof ProtocolError) return { status: SFTP_BAD_MESSAGE, text: 'Bad message', unexpected: false };
  // Of a client of ours behind the hook: the other server's status goes on, its words stay.
  if (error instanceof SFTPError && error.status !== null && error.status !== 0) return outcomeOfStatus(error.status);
  const code = codeOf(error);
  if (code === 'ERR_SSH_SFTP_EOF') return { status: SFTP_EOF, text: statusText(SFTP_EOF), unexpected: false };
  if (code !== null && /^E[A-Z0-9]+$/.test(code)) return { ...statusOfErrno(code), unexpected: false };
  return { status: SFTP_FAILURE, text: 'Failure', unexpected: true };
}

/** The status for an error's name, its number (either sign), or an error that has one of them or a status of its own. */
export function statusOf(error: unknown): SFTPStatus {
  if (typeof error === 'string') return statusOfErrno(error).status;
  if (typeof error === 'number') return statusOfErrno(nameOfErrno(error)).status;
  return outcomeOfError(error).status;
}

function codeOf(error: unknown): string | null {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : null;
}

function nameOfErrno(number: number): string {
  for (const [name, value] of Object.entries(constants.errno)) if (value === Math.abs(number)) return name;
  // Windows: libuv's own numbers.
  return getSystemErrorMap().get(-Math.abs(number))?.[0] ?? '';
}
