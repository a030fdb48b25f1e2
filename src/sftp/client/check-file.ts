// Hashes that the server computes of its own files (draft-ietf-secsh-filexfer-extensions-00 section 3). Few servers can: the seed's,
// ProFTPD, and this library's own.

import { SFTPError } from '../../errors.ts';
import type { CallOptions } from '../../io/waiting.ts';
import { CHECK_FILE, checkFileHandle, checkFileName } from '../protocol/extensions.ts';
import { Extended, ExtendedReply, FXF_READ } from '../protocol/messages.ts';
import { SFTP_OP_UNSUPPORTED } from '../protocol/status.ts';
import { type Opened, openHandle } from './handles.ts';
import type { SFTPSession } from './session.ts';
import { sizeOf } from './values.ts';

export interface CheckFileOptions extends CallOptions {
  /** Names in the order of preference, such as `sha256`; default `sha256`, `sha512`, `sha384`, `sha1`, `md5`. */
  readonly algorithms?: readonly string[];
  /** First byte; default 0. */
  readonly start?: number;
  /** Bytes; default 0 for all up to the end. */
  readonly length?: number;
  /** A hash for each so many bytes, at least 256; default 0 for one hash over everything. */
  readonly blockSize?: number;
}

export interface CheckFileResult {
  /** The one that the server chose. */
  readonly algorithm: string;
  /** All hashes, one behind the other. */
  readonly hashes: Uint8Array;
}

const ALGORITHMS = ['sha256', 'sha512', 'sha384', 'sha1', 'md5'];

/** @throws SFTPError ENOTSUP, and the server's refusal of the algorithms or of the block size */
export async function checkFile(session: SFTPSession, path: string, options: CheckFileOptions = {}): Promise<CheckFileResult> {
  const { data, call } = questionOf(options);
  try {
    return await ask(session, path, checkFileName.name, checkFileName.request.encode({ path, ...data }), call);
  } catch (error) {
    if (!isUnknown(error)) throw error;
    // The seed's server knows open files only.
    const handle = await openHandle(session, path, FXF_READ, undefined, call);
    try {
      return await checkOpenFile({ session, handle, path }, options);
    } finally {
      session.release(handle);
    }
  }
}

export async function checkOpenFile({ session, handle, path }: Opened, options: CheckFileOptions): Promise<CheckFileResult> {
  const { data, call } = questionOf(options);
  const request = checkFileHandle.request.encode({ handle, ...data });
  try {
    return await ask(session, path, checkFileHandle.name, request, call);
  } catch (error) {
    if (!isUnknown(error)) throw error;
    // The same request has this name with the seed's server.
    return ask(session, path, CHECK_FILE, request, call);
  }
}

/** Announced, and yet unknown by this name. */
function isUnknown(error: unknown): boolean {
  return error instanceof SFTPError && error.status === SFTP_OP_UNSUPPORTED;
}

function questionOf(options: CheckFileOptions) {
  const { algorithms = ALGORITHMS, start = 0, length = 0, blockSize = 0, ...call } = options;
  const data = { algorithms: algorithms.join(','), offset: sizeOf(start), length: sizeOf(length), blockSize: sizeOf(blockSize) };
  return { data, call };
}

async function ask(session: SFTPSession, path: string, request: string, data: Uint8Array, call: CallOptions) {
  const what = { operation: 'check-file', path };
  // Announced by one name for both, and by some servers by the names themselves.
  if (!session.supports(CHECK_FILE) && !session.supports(request)) {
    throw new SFTPError('ENOTSUP', `the server does not have ${CHECK_FILE}`, what);
  }
  const decode = (packet: Uint8Array): CheckFileResult => {
    const { algorithm, hashes } = checkFileHandle.reply.decode(ExtendedReply.decode(packet).data);
    return { algorithm, hashes: new Uint8Array(hashes) };
  };
  return session.ask(what, (id) => Extended.encode({ id, request, data }), { decode }, call);
}
