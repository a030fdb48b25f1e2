// RFC 4419 with the bounds of RFC 8270: the client says how large a group it wants, the server gives one, and then everything is
// as with any other Diffie-Hellman. What was asked and given enters the exchange hash, so nobody on the way can change it.
// Whether p is a prime nobody tests: a server that lies about it gives away a secret that it knows anyway.

import { ProtocolError } from '../errors.ts';
import { expect, expectOneOf, type Flow } from '../flow/flow.ts';
import type { KexGssGroup, KexGssGroupReq } from '../wire/messages/gss.ts';
import { KexGexGroup, KexGexInit, KexGexReply, KexGexRequest, KexGexRequestOld } from '../wire/messages/kex.ts';
import { Writer } from '../wire/writer.ts';
import { agreementScheme } from './agreement.ts';
import { bestGroups, type DhGroup, dhGroup, groupBits } from './dh-group.ts';
import type { ExchangeContext, Terms } from './exchange.ts';

const KEY_EXCHANGE_FAILED = 3;

/** The messages of RFC 4419, or those of RFC 4462 with the same fields and other numbers. */
export interface GroupMessages {
  readonly request: typeof KexGexRequest | typeof KexGssGroupReq;
  readonly group: typeof KexGexGroup | typeof KexGssGroup;
}

const gexMessages: GroupMessages = { request: KexGexRequest, group: KexGexGroup };

/** The client's side: asks, and takes what is in the range that it asked for. */
export function* requestGroup(
  context: Pick<ExchangeContext, 'send' | 'strengthBits'>,
  messages: GroupMessages = gexMessages,
): Flow<Terms> {
  const request = { ...groupBits, preferred: sizeForStrength(context.strengthBits) };
  context.send(messages.request.encode(request));
  const { prime, generator } = yield* expect(messages.group);
  const group = dhGroup(prime, generator);
  if (group.bits < request.min || group.bits > request.max) {
    throw refused(`a group of ${group.bits} bits where ${request.min} to ${request.max} were asked for`);
  }
  return termsOf(group, new Writer().u32(request.min).u32(request.preferred).u32(request.max));
}

/** The server's side: gives the group that fits best, one by chance where several fit as well. */
export function* offerGroup(context: ExchangeContext): Flow<Terms> {
  const { name, values } = yield* expectOneOf(KexGexRequest, KexGexRequestOld);
  const isOld = name === 'SSH_MSG_KEX_DH_GEX_REQUEST_OLD';
  const asked = isOld ? oldRequest(values.preferred) : values;
  const group = giveGroup(context, asked, KexGexGroup);
  const writer = new Writer();
  // The old form has but one number, and its hash does too.
  if (isOld) return termsOf(group, writer.u32(asked.preferred));
  return termsOf(group, writer.u32(asked.min).u32(asked.preferred).u32(asked.max));
}

/** The server's side with other messages, which have no old form. */
export function* offerGroupBy(context: GroupGiver, messages: GroupMessages): Flow<Terms> {
  const asked = yield* expect(messages.request);
  const group = giveGroup(context, asked, messages.group);
  return termsOf(group, new Writer().u32(asked.min).u32(asked.preferred).u32(asked.max));
}

type GroupGiver = Pick<ExchangeContext, 'send' | 'crypto' | 'groups'>;

function giveGroup(
  context: GroupGiver,
  asked: { readonly min: number; readonly preferred: number; readonly max: number },
  message: GroupMessages['group'],
): DhGroup {
  const candidates = bestGroups(context.groups, asked);
  if (candidates.length === 0) throw refused(`no group of ${asked.min} to ${asked.max} bits, preferably ${asked.preferred}`);
  const group = candidates[pick(context, candidates.length)] as DhGroup;
  context.send(message.encode(group));
  return group;
}

function oldRequest(preferred: number) {
  return { min: Math.min(groupBits.min, preferred), preferred, max: Math.max(groupBits.max, preferred) };
}

function termsOf(group: DhGroup, asked: Writer): Terms {
  return {
    init: KexGexInit,
    reply: KexGexReply,
    values: 'mpint',
    scheme: agreementScheme((crypto) => crypto.dhAgreement(group.prime, group.generator)),
    hashed: asked.mpint(group.prime).mpint(group.generator).finish(),
  };
}

/** The size of a group that is as strong as a symmetric key (NIST SP 800-57 part 1, table 2), as far as OpenSSH goes. Bits. */
export function sizeForStrength(strengthBits: number): number {
  if (strengthBits <= 112) return 2048;
  if (strengthBits <= 128) return 3072;
  return strengthBits <= 192 ? 7680 : groupBits.max;
}

function pick({ crypto }: GroupGiver, count: number): number {
  const random = new Uint8Array(2);
  crypto.randomFill(random);
  // Groups are public and equally good: that the first few are a little likelier harms nobody.
  return ((random[0] as number) * 256 + (random[1] as number)) % count;
}

function refused(why: string): ProtocolError {
  return new ProtocolError('bad-kex-value', why, KEY_EXCHANGE_FAILED);
}
