// Transport layer messages: RFC 4253 section 11 and 7, RFC 8308, and OpenSSH's ping (PROTOCOL section 1.9).

import { bool, bytes, type Field, name, nameList, raw, text, u32 } from '../fields.ts';
import { message, type Values } from '../message.ts';
import { DecodeError, type Reader } from '../reader.ts';
import type { Writer } from '../writer.ts';

/** The language tag at the end of texts. Some old peers leave it out altogether, and nobody uses it. */
export const languageTag: Field<string> = {
  read: (reader: Reader) => (reader.remaining === 0 ? '' : reader.text()),
  write: (writer: Writer, value: string) => void writer.string(value),
};

/** RFC 4253 section 11.1 */
export const Disconnect = message('SSH_MSG_DISCONNECT', 1, { reason: u32, description: text, language: languageTag });
export type Disconnect = Values<typeof Disconnect>;

/** RFC 4253 section 11.2 */
export const Ignore = message('SSH_MSG_IGNORE', 2, { data: bytes });

/** RFC 4253 section 11.4 */
export const Unimplemented = message('SSH_MSG_UNIMPLEMENTED', 3, { sequence: u32 });

/** RFC 4253 section 11.3 */
export const Debug = message('SSH_MSG_DEBUG', 4, { alwaysDisplay: bool, message: text, language: languageTag });

/** RFC 4253 section 10 */
export const ServiceRequest = message('SSH_MSG_SERVICE_REQUEST', 5, { service: name });
export const ServiceAccept = message('SSH_MSG_SERVICE_ACCEPT', 6, { service: name });

/** At most this many extensions are read: RFC 8308 and OpenSSH together define fewer than ten. */
const EXTENSIONS = 64;

const extensionMap: Field<ReadonlyMap<string, Uint8Array>> = {
  read(reader) {
    const count = reader.u32();
    // The count is the peer's; the bytes are what is there (libssh2 CVE-2026-55199 looped on the count).
    if (count > EXTENSIONS) throw new DecodeError(`${count} extensions`);
    const extensions = new Map<string, Uint8Array>();
    for (let i = 0; i < count; i++) {
      const key = reader.name();
      extensions.set(key, reader.string());
    }
    return extensions;
  },
  write(writer, extensions) {
    writer.u32(extensions.size);
    for (const [key, value] of extensions) writer.string(key).string(value);
  },
};

/** RFC 8308 section 2.3 */
export const ExtInfo = message('SSH_MSG_EXT_INFO', 7, { extensions: extensionMap });

/** RFC 4253 section 7.1 */
export const KexInit = message('SSH_MSG_KEXINIT', 20, {
  cookie: raw(16),
  kex: nameList,
  serverHostKey: nameList,
  cipherClientToServer: nameList,
  cipherServerToClient: nameList,
  macClientToServer: nameList,
  macServerToClient: nameList,
  compressionClientToServer: nameList,
  compressionServerToClient: nameList,
  languagesClientToServer: nameList,
  languagesServerToClient: nameList,
  firstKexPacketFollows: bool,
  /** "reserved for future extension": read, not looked at. */
  reserved: u32,
});
export type KexInit = Values<typeof KexInit>;

/** RFC 4253 section 7.3 */
export const NewKeys = message('SSH_MSG_NEWKEYS', 21, {});

/** OpenSSH PROTOCOL section 1.9 */
export const Ping = message('SSH2_MSG_PING', 192, { data: bytes });
export const Pong = message('SSH2_MSG_PONG', 193, { data: bytes });

/** Why a connection was ended (RFC 4253 section 11.1). */
export const DisconnectReason = {
  hostNotAllowedToConnect: 1,
  protocolError: 2,
  keyExchangeFailed: 3,
  macError: 5,
  compressionError: 6,
  serviceNotAvailable: 7,
  protocolVersionNotSupported: 8,
  hostKeyNotVerifiable: 9,
  connectionLost: 10,
  byApplication: 11,
  tooManyConnections: 12,
  authCancelledByUser: 13,
  noMoreAuthMethodsAvailable: 14,
  illegalUserName: 15,
} as const;
