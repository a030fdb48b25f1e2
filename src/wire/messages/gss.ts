// GSS-API messages: key exchange (RFC 4462 section 2, RFC 8732 section 5) and user authentication (RFC 4462 section 3). Numbers
// mean something else in other methods, so these rows are used by the two GSS flows alone.

import { bytes, type Field, mpint, text, u32 } from '../fields.ts';
import { message } from '../message.ts';
import { languageTag } from './transport.ts';

/** "boolean TRUE, string token" or "boolean FALSE". */
const optionalToken: Field<Uint8Array | null> = {
  read: (reader) => (reader.bool() ? reader.string() : null),
  write(writer, token) {
    writer.bool(token !== null);
    if (token !== null) writer.string(token);
  },
};

/** RFC 4462 section 2.1 for the groups, RFC 8732 section 5.1 for the curves, whose public values are strings. */
export const KexGssGroupInit = message('SSH_MSG_KEXGSS_INIT', 30, { token: bytes, clientValue: mpint });
export const KexGssCurveInit = message('SSH_MSG_KEXGSS_INIT (curve)', 30, { token: bytes, clientValue: bytes });
export const KexGssContinue = message('SSH_MSG_KEXGSS_CONTINUE', 31, { token: bytes });
export const KexGssGroupComplete = message('SSH_MSG_KEXGSS_COMPLETE', 32, {
  serverValue: mpint,
  mic: bytes,
  token: optionalToken,
});
export const KexGssCurveComplete = message('SSH_MSG_KEXGSS_COMPLETE (curve)', 32, {
  serverValue: bytes,
  mic: bytes,
  token: optionalToken,
});
export const KexGssHostKey = message('SSH_MSG_KEXGSS_HOSTKEY', 33, { hostKey: bytes });
export const KexGssError = message('SSH_MSG_KEXGSS_ERROR', 34, { major: u32, minor: u32, text, language: languageTag });

/** RFC 4462 section 2.2: group exchange, before the rest. */
export const KexGssGroupReq = message('SSH_MSG_KEXGSS_GROUPREQ', 40, { min: u32, preferred: u32, max: u32 });
export const KexGssGroup = message('SSH_MSG_KEXGSS_GROUP', 41, { prime: mpint, generator: mpint });

/** RFC 4462 sections 3.2 to 3.9 */
export const UserauthGssResponse = message('SSH_MSG_USERAUTH_GSSAPI_RESPONSE', 60, { oid: bytes });
export const UserauthGssToken = message('SSH_MSG_USERAUTH_GSSAPI_TOKEN', 61, { token: bytes });
export const UserauthGssExchangeComplete = message('SSH_MSG_USERAUTH_GSSAPI_EXCHANGE_COMPLETE', 63, {});
export const UserauthGssError = message('SSH_MSG_USERAUTH_GSSAPI_ERROR', 64, {
  major: u32,
  minor: u32,
  text,
  language: languageTag,
});
export const UserauthGssErrtok = message('SSH_MSG_USERAUTH_GSSAPI_ERRTOK', 65, { token: bytes });
export const UserauthGssMic = message('SSH_MSG_USERAUTH_GSSAPI_MIC', 66, { mic: bytes });
