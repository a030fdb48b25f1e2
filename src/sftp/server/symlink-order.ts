// SYMLINK has two names. The draft (section 6.10) has the link first; OpenSSH's server takes it second (its PROTOCOL, section 4.1),
// and most clients follow OpenSSH whoever they talk to. A few follow it only where the server calls itself OpenSSH, which we don't:
// from these the link comes first. Read the wrong way round, a link would be made under the name of its target.

/** As they identify themselves. libssh2 is another program than libssh, and one of those that always do as OpenSSH. */
const LINK_FIRST = /^SSH-[\d.]+-(?:AsyncSSH_|libssh[-_]|ssh2js|WinSCP_)/;

/** Whether this client sends SYMLINK to us with the link before the target. */
export function sendsLinkFirst(clientVersion: string | null): boolean {
  return clientVersion !== null && LINK_FIRST.test(clientVersion);
}
