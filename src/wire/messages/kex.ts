// Key exchange messages. The numbers 30 to 49 mean something else in each method (RFC 4253 section 12), so each method uses
// its own rows and there is no table from number to message.

import { bytes, mpint, u32 } from '../fields.ts';
import { message } from '../message.ts';

/** RFC 4253 section 8: `e` and `f` there. */
export const KexDhInit = message('SSH_MSG_KEXDH_INIT', 30, { clientValue: mpint });
export const KexDhReply = message('SSH_MSG_KEXDH_REPLY', 31, { hostKey: bytes, serverValue: mpint, signature: bytes });

/** RFC 5656 section 4, RFC 8731 section 3, and the hybrids: the public values are opaque strings. */
export const KexEcdhInit = message('SSH_MSG_KEX_ECDH_INIT', 30, { clientValue: bytes });
export const KexEcdhReply = message('SSH_MSG_KEX_ECDH_REPLY', 31, { hostKey: bytes, serverValue: bytes, signature: bytes });

/**
 * RFC 4419 section 5. The old request, from drafts of that document, is answered but never sent. Sizes are in bits; INIT and
 * REPLY are those of RFC 4253 under other numbers.
 */
export const KexGexRequestOld = message('SSH_MSG_KEX_DH_GEX_REQUEST_OLD', 30, { preferred: u32 });
export const KexGexRequest = message('SSH_MSG_KEX_DH_GEX_REQUEST', 34, { min: u32, preferred: u32, max: u32 });
export const KexGexGroup = message('SSH_MSG_KEX_DH_GEX_GROUP', 31, { prime: mpint, generator: mpint });
export const KexGexInit = message('SSH_MSG_KEX_DH_GEX_INIT', 32, { clientValue: mpint });
export const KexGexReply = message('SSH_MSG_KEX_DH_GEX_REPLY', 33, { hostKey: bytes, serverValue: mpint, signature: bytes });
