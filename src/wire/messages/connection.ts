// Connection protocol messages: RFC 4254. `recipient` is the channel number of whoever receives the message, as on the wire;
// inside amiko a number is `localId` or `remoteId`.

import { bool, bytes, name, rest, text, u32 } from '../fields.ts';
import { message, type Values } from '../message.ts';
import { languageTag } from './transport.ts';

/** RFC 4254 section 4 */
export const GlobalRequest = message('SSH_MSG_GLOBAL_REQUEST', 80, { request: name, wantReply: bool, data: rest });
export const RequestSuccess = message('SSH_MSG_REQUEST_SUCCESS', 81, { data: rest });
export const RequestFailure = message('SSH_MSG_REQUEST_FAILURE', 82, {});

/** RFC 4254 section 5.1 */
export const ChannelOpen = message('SSH_MSG_CHANNEL_OPEN', 90, {
  kind: name,
  sender: u32,
  windowBytes: u32,
  maxPacketBytes: u32,
  data: rest,
});
export type ChannelOpen = Values<typeof ChannelOpen>;
export const ChannelOpenConfirmation = message('SSH_MSG_CHANNEL_OPEN_CONFIRMATION', 91, {
  recipient: u32,
  sender: u32,
  windowBytes: u32,
  maxPacketBytes: u32,
  data: rest,
});
export const ChannelOpenFailure = message('SSH_MSG_CHANNEL_OPEN_FAILURE', 92, {
  recipient: u32,
  reason: u32,
  description: text,
  language: languageTag,
});

/** RFC 4254 section 5.2. CHANNEL_DATA and CHANNEL_EXTENDED_DATA are the hot path and are built and read by hand there too. */
export const ChannelWindowAdjust = message('SSH_MSG_CHANNEL_WINDOW_ADJUST', 93, { recipient: u32, bytes: u32 });
export const ChannelData = message('SSH_MSG_CHANNEL_DATA', 94, { recipient: u32, data: bytes });
export const ChannelExtendedData = message('SSH_MSG_CHANNEL_EXTENDED_DATA', 95, { recipient: u32, type: u32, data: bytes });

/** RFC 4254 section 5.3 */
export const ChannelEof = message('SSH_MSG_CHANNEL_EOF', 96, { recipient: u32 });
export const ChannelClose = message('SSH_MSG_CHANNEL_CLOSE', 97, { recipient: u32 });

/** RFC 4254 section 5.4 */
export const ChannelRequest = message('SSH_MSG_CHANNEL_REQUEST', 98, {
  recipient: u32,
  request: name,
  wantReply: bool,
  data: rest,
});
export type ChannelRequest = Values<typeof ChannelRequest>;
export const ChannelSuccess = message('SSH_MSG_CHANNEL_SUCCESS', 99, { recipient: u32 });
export const ChannelFailure = message('SSH_MSG_CHANNEL_FAILURE', 100, { recipient: u32 });

/** SSH_EXTENDED_DATA_STDERR, RFC 4254 section 5.2: the only type there is. */
export const STDERR = 1;

/** Why a channel was refused (RFC 4254 section 5.1). */
export const OpenFailureReason = {
  administrativelyProhibited: 1,
  connectFailed: 2,
  unknownChannelType: 3,
  resourceShortage: 4,
} as const;
