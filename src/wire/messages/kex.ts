// Key exchange messages. The numbers 30 to 49 mean something else in each method (RFC 4253 section 12), so each method uses
// its own rows and there is no table from number to message.

import { bytes, mpint } from '../fields.ts';
import { message } from '../message.ts';

/** RFC 4253 section 8: `e` and `f` there. */
export const KexDhInit = message('SSH_MSG_KEXDH_INIT', 30, { clientValue: mpint });
export const KexDhReply = message('SSH_MSG_KEXDH_REPLY', 31, { hostKey: bytes, serverValue: mpint, signature: bytes });

/** RFC 5656 section 4, RFC 8731 section 3, and the hybrids: the public values are opaque strings. */
export const KexEcdhInit = message('SSH_MSG_KEX_ECDH_INIT', 30, { clientValue: bytes });
export const KexEcdhReply = message('SSH_MSG_KEX_ECDH_REPLY', 31, { hostKey: bytes, serverValue: bytes, signature: bytes });
