/**
 * The entry `amiko/known-hosts`: what hosts are known by, and the check of a server's key against it. Importing it reads
 * nothing; a file is read when {@link KnownHosts.read} is called.
 */

export {
  type HostKeyPolicyOptions,
  type Revocations,
  type StrictHostKeyChecking,
  verifyHostKey,
} from './client/host-key-policy.ts';
export { type HostKeyCheck, type KnownHostKey, KnownHosts } from './client/known-hosts.ts';
