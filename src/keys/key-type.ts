// The kinds of key that amiko reads and writes, by the names that SSH gives them on the wire. A key type is not a signature
// algorithm: one `ssh-rsa` key signs under several algorithm names (see signature.ts). For every other type both names are
// the same, and that coincidence is what made implementations confuse the two (RFC 8332 section 1).

import { printable } from '../errors.ts';

/** The type names of the keys that amiko supports (RFC 4253 section 6.6, RFC 5656 section 3.1, RFC 8709 section 4). */
export type KeyType =
  | 'ssh-ed25519'
  | 'ecdsa-sha2-nistp256'
  | 'ecdsa-sha2-nistp384'
  | 'ecdsa-sha2-nistp521'
  | 'ssh-rsa'
  | SecurityKeyType;

/** Keys that live in a FIDO device (OpenSSH PROTOCOL.u2f): verified here, used through an agent. */
export type SecurityKeyType = 'sk-ssh-ed25519@openssh.com' | 'sk-ecdsa-sha2-nistp256@openssh.com';

const keyTypes: ReadonlySet<string> = new Set<KeyType>([
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'ssh-rsa',
  'sk-ssh-ed25519@openssh.com',
  'sk-ecdsa-sha2-nistp256@openssh.com',
]);

/** Whether `name` is a key type that amiko supports. */
export function isKeyType(name: string): name is KeyType {
  return keyTypes.has(name);
}

/** Whether keys of this type live in a FIDO device. */
export function isSecurityKeyType(type: KeyType): type is SecurityKeyType {
  return type.startsWith('sk-');
}

/** Whether `name` could be a key type at all: supported or one of those that {@link describeUnsupportedType} knows. */
export function looksLikeKeyType(name: string): boolean {
  return isKeyType(name) || /^(?:ssh-|ecdsa-|sk-ssh-|sk-ecdsa-)[\x21-\x7e]+$/.test(name);
}

/** What a key type that amiko does not support is, and what to do about it. Chosen by name alone, before any parsing. */
export function describeUnsupportedType(name: string): string {
  // By name, first: a certificate nests keys, and nothing of it must be parsed before it is known for one.
  if (name.endsWith('-cert-v01@openssh.com') || /-cert-v0\d@/.test(name)) {
    return `${printable(name)} is an OpenSSH certificate, where a plain key is due`;
  }
  if (name === 'ssh-dss') return 'ssh-dss (DSA) is broken and not supported; make a new key with: ssh-keygen -t ed25519';
  return `unsupported key type '${printable(name)}'`;
}
