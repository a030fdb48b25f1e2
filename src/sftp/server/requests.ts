// Which message is served by what, by its number; a number that is not here is refused, the answers of a server among them. A
// handler reads its packet at once and says what serving it touches (order.ts); the hook is called when its turn has come.

import { readU32 } from '../../bytes/bytes.ts';
import type { Message, Values } from '../../wire/message.ts';
import * as messages from '../protocol/messages.ts';
import { SFTP_OP_UNSUPPORTED } from '../protocol/status.ts';
import { planExtended } from './extensions.ts';
import {
  planClose,
  planFsetstat,
  planFstat,
  planOpen,
  planOpendir,
  planRead,
  planReaddir,
  planWrite,
} from './handle-requests.ts';
import { Refusal } from './outcome.ts';
import {
  planLstat,
  planMkdir,
  planReadlink,
  planRealpath,
  planRemove,
  planRename,
  planRmdir,
  planSetstat,
  planStat,
  planSymlink,
} from './path-requests.ts';
import type { Plan, Serving } from './plan.ts';

type Handler = (serving: Serving, packet: Uint8Array) => Plan;

function row<M extends Message>(message: M, plan: (serving: Serving, values: Values<M>) => Plan): [number, Handler] {
  return [message.number, (serving, packet) => plan(serving, message.decode(packet) as Values<M>)];
}

const handlers: ReadonlyMap<number, Handler> = new Map([
  row(messages.Open, planOpen),
  row(messages.Close, planClose),
  row(messages.Read, planRead),
  // Read by hand: it carries the data.
  [messages.Write.number, planWrite],
  row(messages.Lstat, planLstat),
  row(messages.Fstat, planFstat),
  row(messages.Setstat, planSetstat),
  row(messages.Fsetstat, planFsetstat),
  row(messages.Opendir, planOpendir),
  row(messages.Readdir, planReaddir),
  row(messages.Remove, planRemove),
  row(messages.Mkdir, planMkdir),
  row(messages.Rmdir, planRmdir),
  row(messages.Realpath, planRealpath),
  row(messages.Stat, planStat),
  row(messages.Rename, planRename),
  row(messages.Readlink, planReadlink),
  row(messages.Symlink, planSymlink),
  row(messages.Extended, (serving, { id, request, data }) => planExtended(serving, id, request, data)),
]);

/** The number of a request, which its answer has as well; null where the packet is too short for one. */
export function requestId(packet: Uint8Array): number | null {
  return packet.length < 5 ? null : readU32(packet, 1);
}

/** @throws Refusal, ProtocolError, DecodeError: the answer is a status then. */
export function planRequest(serving: Serving, packet: Uint8Array): Plan {
  const handler = handlers.get(packet[0] as number);
  if (handler === undefined) throw new Refusal(SFTP_OP_UNSUPPORTED);
  return handler(serving, packet);
}
