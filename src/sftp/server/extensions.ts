// EXTENDED requests, one row each: what VERSION says of it, if the file system can do it, and how it is served. A hook that was
// not overridden is not announced, so that a client looks for another way instead of running into a refusal.

import type { ValuesOf } from '../../wire/fields.ts';
import {
  CHECK_FILE,
  checkFileHandle,
  checkFileName,
  copyData,
  expandPath,
  fstatvfs,
  fsync,
  hardlink,
  homeDirectory,
  limits,
  lsetstat,
  type Payload,
  posixRename,
  statvfs,
  usersGroupsById,
} from '../protocol/extensions.ts';
import { MAX_PACKET_BYTES } from '../protocol/framing.ts';
import { SFTP_OP_UNSUPPORTED, type SFTPStatus } from '../protocol/status.ts';
import { HASHES, planCheck, planCheckByName } from './check-file.ts';
import { planCopy } from './copy-data.ts';
import { SFTPHandle } from './handle.ts';
import { SFTPServerInterface } from './interface.ts';
import { READS, RESTRUCTURES } from './order.ts';
import { Refusal } from './outcome.ts';
import { checkedPath, MAX_DATA_BYTES, type Plan, type Serving, touching } from './plan.ts';
import { extendedReply, pathReply, replyWith, statusReply } from './replies.ts';

interface Row {
  readonly name: string;
  /** Its data in VERSION; null where another row's name stands for it. */
  readonly version: string | null;
  /** The hook without which there is nothing to announce; null for what the server does by itself. */
  readonly hook: keyof SFTPServerInterface | null;
  /** @throws Refusal, DecodeError */
  plan(serving: Serving, id: number, data: Uint8Array): Plan;
}

function row<F>(
  extension: { readonly name: string; readonly version: string; readonly request: Payload<F> },
  hook: keyof SFTPServerInterface | null,
  plan: (serving: Serving, id: number, request: ValuesOf<F>) => Plan,
): Row {
  const { name, version, request } = extension;
  return { name, version, hook, plan: (serving, id, data) => plan(serving, id, request.decode(data)) };
}

/** In the order in which OpenSSH's server announces them. */
const rows: readonly Row[] = [
  row(posixRename, 'posixRename', ({ fileSystem }, id, request) => {
    const [from, to] = [checkedPath(request.from), checkedPath(request.to)];
    return {
      touches: touching(RESTRUCTURES, from, to),
      serve: async () => statusReply(id, await fileSystem.posixRename(from, to)),
    };
  }),
  row(statvfs, 'statvfs', ({ fileSystem }, id, request) => {
    const path = checkedPath(request.path);
    return {
      touches: touching(READS, path),
      serve: async () => filesystemReply(id, await fileSystem.statvfs(path)),
    };
  }),
  row(fstatvfs, 'statvfs', ({ fileSystem, handles }, id, request) => {
    const { file, path, reading } = handles.file(request.handle);
    // Files of one folder tree are nearly always in one file system, so the name does where the handle can't tell.
    const byHandle = file.statvfs !== SFTPHandle.prototype.statvfs;
    return {
      touches: reading,
      serve: async () => filesystemReply(id, await (byHandle ? file.statvfs() : fileSystem.statvfs(path))),
    };
  }),
  row(hardlink, 'link', ({ fileSystem }, id, request) => {
    const [from, to] = [checkedPath(request.from), checkedPath(request.to)];
    return { touches: touching(RESTRUCTURES, from, to), serve: async () => statusReply(id, await fileSystem.link(from, to)) };
  }),
  row(fsync, 'open', ({ handles }, id, request) => {
    const { file, moving } = handles.file(request.handle);
    return { touches: moving, serve: async () => statusReply(id, await file.sync()) };
  }),
  row(lsetstat, 'lchattr', ({ fileSystem }, id, request) => {
    const path = checkedPath(request.path);
    return {
      touches: touching(RESTRUCTURES, path),
      serve: async () => statusReply(id, await fileSystem.lchattr(path, request.attributes)),
    };
  }),
  row(limits, null, ({ maxOpenHandles }, id) => ({
    touches: [],
    serve: async () => extendedReply(id, limits.reply.encode({ ...LIMITS, maxOpenHandles: BigInt(maxOpenHandles) })),
  })),
  row(expandPath, 'homeDirectory', ({ fileSystem }, id, request) => {
    const path = checkedPath(request.path);
    return { touches: [], serve: async () => pathReply(id, await expand(fileSystem, path)) };
  }),
  row(copyData, 'open', planCopy),
  row(homeDirectory, 'homeDirectory', ({ fileSystem }, id, request) => ({
    touches: [],
    serve: async () => pathReply(id, await fileSystem.homeDirectory(request.username)),
  })),
  row(usersGroupsById, 'usersGroupsById', ({ fileSystem }, id, request) => ({
    touches: [],
    serve: async () => {
      const names = await fileSystem.usersGroupsById(request.uids, request.gids);
      return replyWith(id, names, (result) => extendedReply(id, usersGroupsById.reply.encode(result)));
    },
  })),
  // The seed's client asks by the name that is announced, and means an open file.
  row({ ...checkFileHandle, name: CHECK_FILE, version: HASHES.join(',') }, 'open', planCheck),
  { ...row(checkFileHandle, 'open', planCheck), version: null },
  { ...row(checkFileName, 'open', planCheckByName), version: null },
];

const LIMITS = {
  maxPacketLength: BigInt(MAX_PACKET_BYTES),
  maxReadLength: BigInt(MAX_DATA_BYTES),
  maxWriteLength: BigInt(MAX_DATA_BYTES),
};

const byName: ReadonlyMap<string, Row> = new Map(rows.map((each) => [each.name, each]));

/** What VERSION says: the extensions that this file system has. */
export function announcements(fileSystem: SFTPServerInterface): Map<string, string> {
  const announced = new Map<string, string>();
  for (const { name, version, hook } of rows) {
    if (version === null) continue;
    if (hook === null || fileSystem[hook] !== SFTPServerInterface.prototype[hook]) announced.set(name, version);
  }
  return announced;
}

/** @throws Refusal, DecodeError */
export function planExtended(serving: Serving, id: number, name: string, data: Uint8Array): Plan {
  const found = byName.get(name);
  if (found === undefined) throw new Refusal(SFTP_OP_UNSUPPORTED);
  return found.plan(serving, id, data);
}

/** `~` and `~user` as a shell has them; then as REALPATH. */
async function expand(fileSystem: SFTPServerInterface, path: string): Promise<string | SFTPStatus> {
  if (!path.startsWith('~')) return fileSystem.canonicalize(path);
  const [user = '', ...below] = path.slice(1).split('/');
  const home = await fileSystem.homeDirectory(user);
  return typeof home === 'number' ? home : fileSystem.canonicalize([home, ...below].join('/'));
}

function filesystemReply(id: number, result: Awaited<ReturnType<SFTPServerInterface['statvfs']>>): Uint8Array {
  return replyWith(id, result, (filesystem) => extendedReply(id, statvfs.reply.encode(filesystem)));
}
