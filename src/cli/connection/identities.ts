// The keys to log in with, in the order in which they are tried: those that were named, each after its certificates; then the agent's;
// then the usual files. What the agent holds is asked of the agent, so that nobody types a passphrase for it. Servers hang up
// after a few failures, so the agent's other keys are limited in number.

import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type Agent, type AgentKey, openAgent } from '../../agent/agent.ts';
import { usualAgent } from '../../agent/location.ts';
import { KEY_TRIES, sameOffer } from '../../client/log-in.ts';
import { AgentError, KeyFormatError } from '../../errors.ts';
import type { Certificate } from '../../keys/certificate.ts';
import { withCertificate } from '../../keys/node/certify.ts';
import type { PrivateKey } from '../../keys/private-key.ts';
import type { PublicKey } from '../../keys/public-key.ts';
import type { Signer } from '../../keys/signer.ts';
import type { Transport } from '../../transport/transport.ts';
import type { Asking } from './asking.ts';
import { peekPublicKey, readCertificate, readIdentity } from './identity-files.ts';
import { addToAgent } from './keys-to-agent.ts';
import type { Log } from './log.ts';
import type { ConnectionOptions } from './options.ts';

export type IdentityOptions = Pick<
  ConnectionOptions,
  'identityFiles' | 'certificateFiles' | 'identitiesOnly' | 'identityAgent' | 'addKeysToAgent'
>;

/** Something to offer to the server. */
export interface Candidate {
  /** Null, after saying why, where it is of no use. */
  open(): Promise<Signer | null>;
}

interface FileIdentity {
  readonly file: string;
  /** Null where it is known only once the file has been opened. */
  readonly publicKey: PublicKey | null;
  readonly held: AgentKey | undefined;
  readonly open: () => Promise<Signer | null>;
}

export class Identities {
  readonly #transport: Transport;
  readonly #options: IdentityOptions;
  readonly #asking: Asking;
  readonly #log: Log;
  #agent: Agent | null = null;
  #candidates: Promise<readonly Candidate[]> | null = null;
  /** Keys of the agent that are not tried, so that the server does not hang up. */
  heldBack = 0;
  /** What was named and is not there. As with ssh, other keys may do; where they don't, it is worth telling. */
  readonly missing: string[] = [];

  constructor(transport: Transport, options: IdentityOptions, asking: Asking, log: Log) {
    this.#transport = transport;
    this.#options = options;
    this.#asking = asking;
    this.#log = log;
  }

  /** All that there is to try, the same every time. */
  candidates(): Promise<readonly Candidate[]> {
    this.#candidates ??= this.#collect();
    return this.#candidates;
  }

  /** Lets go of the agent. */
  close(): void {
    this.#agent?.close();
  }

  async #collect(): Promise<readonly Candidate[]> {
    const { identityFiles: named, identitiesOnly } = this.#options;
    const held = await this.#agentKeys();
    const files = named === null ? usualFiles() : [...new Set(named)];
    const identities = await Promise.all(files.map((file) => this.#identity(file, held)));
    const certificates = await this.#certificates(files);
    const certified = certificates.flatMap((certificate) => this.#certified(certificate, identities, held));
    const plain = identities.map(({ open }): Candidate => ({ open }));
    const offered = [
      ...identities.map((identity) => identity.held?.publicKey),
      ...certificates.map(({ publicKey }) => publicKey),
    ];
    const isOffered = (key: AgentKey) => offered.some((other) => other !== undefined && sameOffer(other, key.publicKey));
    const others = identitiesOnly ? [] : held.filter((key) => !isOffered(key));
    const known = certified.length + plain.length;
    // Where nothing was named, the agent is as good a guess as the usual files are.
    const room = Math.max(KEY_TRIES - known, named === null ? 1 : 0);
    const fromAgent = others.slice(0, room).map((key): Candidate => ({ open: async () => key }));
    this.heldBack = others.length - fromAgent.length;
    if (this.heldBack > 0) this.#log.debug(1, `${this.heldBack} keys of the agent are not tried`);
    if (named !== null) return [...certified, ...plain, ...fromAgent];
    const inAgent = identities.filter((identity) => identity.held !== undefined).map(({ open }): Candidate => ({ open }));
    const inFiles = identities.filter((identity) => identity.held === undefined).map(({ open }): Candidate => ({ open }));
    return [...certified, ...inAgent, ...fromAgent, ...inFiles];
  }

  async #agentKeys(): Promise<readonly AgentKey[]> {
    const named = this.#options.identityAgent;
    const where = named === undefined ? usualAgent() : named;
    if (where === null) return [];
    try {
      this.#agent = await openAgent(where);
      const proof = this.#transport.sessionProof;
      if (proof !== null) {
        const bound = await this.#agent.bindSession({ ...proof, forwarding: false });
        this.#log.debug(2, bound ? 'the agent is bound to this session' : 'the agent does not bind to sessions');
      }
      const keys = await this.#agent.getKeys();
      for (const key of keys) this.#log.debug(1, `identity of the agent: ${key.publicKey.type} ${key.publicKey.fingerprint}`);
      return keys;
    } catch (error) {
      if (!(error instanceof AgentError)) throw error;
      this.#log.debug(1, error.message);
      if (named !== undefined) this.missing.push(error.message);
      return [];
    }
  }

  async #identity(file: string, held: readonly AgentKey[]): Promise<FileIdentity> {
    const publicKey = await peekPublicKey(file);
    const own = publicKey === null ? undefined : held.find((key) => sameOffer(key.publicKey, publicKey));
    let opened: Promise<Signer | null> | undefined;
    const open = () => {
      if (own !== undefined) return Promise.resolve(own);
      opened ??= readIdentity(file, this.#asking, this.#log, (key) => this.#toAgent(key));
      return opened;
    };
    return { file, publicKey, held: own, open };
  }

  async #toAgent(key: PrivateKey): Promise<void> {
    const { addKeysToAgent } = this.#options;
    if (addKeysToAgent !== null && this.#agent !== null) {
      await addToAgent(this.#agent, key, addKeysToAgent, this.#asking, this.#log);
    }
  }

  /** Those that were named; else those that lie beside the keys, as ssh-keygen names them. */
  async #certificates(files: readonly string[]): Promise<readonly Certificate[]> {
    const { certificateFiles } = this.#options;
    const found: Certificate[] = [];
    for (const file of certificateFiles.length > 0 ? certificateFiles : files.map((name) => `${name}-cert.pub`)) {
      if (certificateFiles.length === 0 && !existsSync(file)) continue;
      try {
        found.push(await readCertificate(file));
        this.#log.debug(1, `certificate ${file}: '${found.at(-1)?.keyId}'`);
      } catch (error) {
        if (!(error instanceof KeyFormatError)) throw error;
        if (existsSync(file)) this.#log.error(`certificate ${error.message}`);
        else this.missing.push(`there is no certificate ${file}`);
      }
    }
    return found;
  }

  /** The certificate with whatever signs for its key: a file's key or the agent's. */
  #certified(certificate: Certificate, identities: readonly FileIdentity[], held: readonly AgentKey[]): Candidate[] {
    const own = held.find((key) => sameOffer(key.publicKey, certificate.publicKey));
    if (own !== undefined) return [{ open: async () => own }];
    const identity = identities.find(({ publicKey }) => publicKey?.equals(certificate.publicKey));
    const signer = held.find(({ publicKey }) => publicKey.certificate === null && publicKey.equals(certificate.publicKey));
    const open = identity?.open ?? (signer === undefined ? undefined : async () => signer);
    if (open === undefined) {
      this.#log.debug(1, `there is no key for the certificate '${certificate.keyId}'`);
      return [];
    }
    return [
      {
        async open() {
          const key = await open();
          return key === null ? null : withCertificate(key, certificate);
        },
      },
    ];
  }
}

/** Those of the usual names that exist. */
function usualFiles(): readonly string[] {
  return ['id_ed25519', 'id_ecdsa', 'id_rsa'].map((name) => join(homedir(), '.ssh', name)).filter((file) => existsSync(file));
}
