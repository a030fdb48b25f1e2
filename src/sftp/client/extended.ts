// Requests beyond the draft (EXTENDED, section 8): refused here where the server has not announced them, since servers answer what
// they don't know in many ways, and some not at all.

import { SFTPError } from '../../errors.ts';
import type { CallOptions } from '../../io/waiting.ts';
import type { Payload } from '../protocol/extensions.ts';
import { Extended, ExtendedReply } from '../protocol/messages.ts';
import { nameAnswer } from './questions.ts';
import type { Operation, SFTPSession } from './session.ts';

interface Request<Q> {
  readonly name: string;
  readonly request: Pick<Payload<Q>, 'encode'>;
}

type Values<Q> = Parameters<Payload<Q>['encode']>[0];

/** @throws SFTPError ENOTSUP */
export function requireExtension(session: SFTPSession, what: Operation, name: string): void {
  if (!session.supports(name)) throw new SFTPError('ENOTSUP', `the server does not have ${name}`, { ...what });
}

/** An extension whose answer is a STATUS. @throws SFTPError, ENOTSUP where the server lacks it */
export async function performExtended<Q>(
  session: SFTPSession,
  what: Operation,
  { name, request }: Request<Q>,
  values: Values<Q>,
  options?: CallOptions,
): Promise<void> {
  requireExtension(session, what, name);
  const data = request.encode(values);
  await session.perform(what, (id) => Extended.encode({ id, request: name, data }), options);
}

/** An extension with an answer of its own. @throws SFTPError, ENOTSUP where the server lacks it */
export async function askExtended<Q, R>(
  session: SFTPSession,
  what: Operation,
  { name, request, reply }: Request<Q> & { readonly reply: Payload<R> },
  values: Values<Q>,
  options?: CallOptions,
): Promise<Values<R>> {
  requireExtension(session, what, name);
  const data = request.encode(values);
  const decode = (packet: Uint8Array) => reply.decode(ExtendedReply.decode(packet).data);
  return session.ask<Values<R>>(what, (id) => Extended.encode({ id, request: name, data }), { decode }, options);
}

/** An extension whose answer is a NAME. @throws SFTPError, ENOTSUP where the server lacks it */
export async function askExtendedName<Q>(
  session: SFTPSession,
  what: Operation,
  { name, request }: Request<Q>,
  values: Values<Q>,
  options?: CallOptions,
): Promise<string> {
  requireExtension(session, what, name);
  const data = request.encode(values);
  return session.ask(what, (id) => Extended.encode({ id, request: name, data }), nameAnswer, options);
}
