// The keys to log in with, in the order in which they are tried: those that were named, each after its certificates; then the agent's;
// then the usual files. What the agent holds is asked of the agent, so that nobody types a passphrase for it. Servers hang up
// after a few failures, so the agent's other keys are limited in number.

import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Agent, AgentKey } from '../agent/agent.ts';
import { usualAgent } from '../agent/location.ts';
import { AgentError, KeyFormatError } from '../errors.ts';
import type { CallOptions } from '../io/waiting.ts';
import type { Certificate } from '../keys/certificate.ts';
import { withCertificate } from '../keys/node/certify.ts';
import { readCertificate } from '../keys/node/read.ts';
import type { PublicKey } from '../keys/public-key.ts';
import type { Signer } from '../keys/signer.ts';
import type { Transport } from '../transport/transport.ts';
import { sameOffer } from './credentials.ts';
import { type IdentityPort, peekPublicKey, readIdentity } from './identity-files.ts';
import { agentForSession, KEY_TRIES, type SessionAgent } from './session-agent.ts';

export interface IdentityOptions {
  /** Keys that are at hand, in place of all files. */
  readonly keys?: readonly Signer[];
  /** Private keys; null for the usual files. */
  readonly identityFiles: readonly string[] | null;
  /** Certificates that are at hand, in place of all files. */
  readonly certificates?: readonly Certificate[];
  readonly certificateFiles: readonly string[];
  /** Of the agent's keys, only those that are named by a file. */
  readonly identitiesOnly: boolean;
  /** RSA keys with fewer bits are not tried; 0 for no such limit. */
  readonly requiredRsaSize: number;
  /** The agent, or its socket; null for none. Undefined for what SSH_AUTH_SOCK says, which need not be there. */
  readonly identityAgent: string | Agent | null | undefined;
}

/** Something to offer to the server. */
export interface Candidate {
  /** Null, after saying why, where it is of no use. */
  open(): Promise<Signer | null>;
}

interface Identity {
  /** Null where it is known only once the file has been opened. */
  readonly publicKey: PublicKey | null;
  readonly held: AgentKey | undefined;
  readonly open: () => Promise<Signer | null>;
}

export class Identities {
  readonly #transport: Transport;
  readonly #options: IdentityOptions;
  readonly #port: IdentityPort;
  readonly #call: CallOptions;
  #agent: SessionAgent | null = null;
  #candidates: Promise<readonly Candidate[]> | null = null;
  /** Keys of the agent that are not tried, so that the server does not hang up. */
  heldBack = 0;
  /** What was named and is not there. As with ssh, other keys may do; where they don't, it is worth telling. */
  readonly missing: string[] = [];

  constructor(transport: Transport, options: IdentityOptions, port: IdentityPort, call: CallOptions = {}) {
    this.#transport = transport;
    this.#options = options;
    this.#port = port;
    this.#call = call;
  }

  /** All that there is to try, the same every time. */
  candidates(): Promise<readonly Candidate[]> {
    this.#candidates ??= this.#collect().then((all) => all.map((one) => this.#longEnough(one)));
    return this.#candidates;
  }

  /** Which key it is may be known only when it has been opened. */
  #longEnough({ open }: Candidate): Candidate {
    const { requiredRsaSize } = this.#options;
    return {
      open: async () => {
        const signer = await open();
        if (signer === null || signer.publicKey.type !== 'ssh-rsa' || signer.publicKey.bits >= requiredRsaSize) return signer;
        const { fingerprint, bits } = signer.publicKey;
        this.#port.log.error(
          `the RSA key ${fingerprint} is not tried: it has ${bits} bits, and RequiredRSASize is ${requiredRsaSize}`,
        );
        return null;
      },
    };
  }

  /** Lets go of the agent. */
  close(): void {
    this.#agent?.close();
  }

  async #collect(): Promise<readonly Candidate[]> {
    const { keys = [], identityFiles: named, identitiesOnly } = this.#options;
    const held = await this.#agentKeys();
    const files = named === null ? usualFiles() : [...new Set(named)];
    const atHand = keys.map((key): Identity => ({ publicKey: key.publicKey, held: undefined, open: async () => key }));
    const identities = [...atHand, ...(await Promise.all(files.map((file) => this.#identity(file, held))))];
    const certificates = await this.#certificates(files);
    const certified = certificates.flatMap((certificate) => this.#certified(certificate, identities, held));
    const plain = identities.map(({ open }): Candidate => ({ open }));
    const offered = [
      ...identities.map((identity) => identity.held?.publicKey),
      ...keys.map(({ publicKey }) => publicKey),
      ...certificates.map(({ publicKey }) => publicKey),
    ];
    const isOffered = (key: AgentKey) => offered.some((other) => other !== undefined && sameOffer(other, key.publicKey));
    const others = identitiesOnly ? [] : held.filter((key) => !isOffered(key));
    const known = certified.length + plain.length;
    // Where nothing was named, the agent is as good a guess as the usual files are.
    const room = Math.max(KEY_TRIES - known, named === null ? 1 : 0);
    const fromAgent = others.slice(0, room).map((key): Candidate => ({ open: async () => key }));
    this.heldBack = others.length - fromAgent.length;
    if (this.heldBack > 0) this.#port.log.debug(1, `${this.heldBack} keys of the agent are not tried`);
    if (named !== null) return [...certified, ...plain, ...fromAgent];
    const inAgent = identities.filter((identity) => identity.held !== undefined).map(({ open }): Candidate => ({ open }));
    const inFiles = identities.filter((identity) => identity.held === undefined).map(({ open }): Candidate => ({ open }));
    return [...certified, ...inAgent, ...fromAgent, ...inFiles];
  }

  async #agentKeys(): Promise<readonly AgentKey[]> {
    const named = this.#options.identityAgent;
    const where = named === undefined ? usualAgent() : named;
    const { log } = this.#port;
    if (where === null) return [];
    try {
      this.#agent = await agentForSession(where, this.#transport, this.#call);
      for (const { publicKey } of this.#agent.keys)
        log.debug(1, `identity of the agent: ${publicKey.type} ${publicKey.fingerprint}`);
      return this.#agent.keys;
    } catch (error) {
      if (!(error instanceof AgentError)) throw error;
      log.debug(1, error.message);
      if (named !== undefined) this.missing.push(error.message);
      return [];
    }
  }

  async #identity(file: string, held: readonly AgentKey[]): Promise<Identity> {
    const publicKey = await peekPublicKey(file);
    const own = publicKey === null ? undefined : held.find((key) => sameOffer(key.publicKey, publicKey));
    let opened: Promise<Signer | null> | undefined;
    const open = () => {
      if (own !== undefined) return Promise.resolve(own);
      opened ??= readIdentity(file, this.#agent?.agent ?? null, this.#port);
      return opened;
    };
    return { publicKey, held: own, open };
  }

  /** Those that were named; else those that lie beside the keys, as ssh-keygen names them. */
  async #certificates(files: readonly string[]): Promise<readonly Certificate[]> {
    const { certificates, certificateFiles } = this.#options;
    if (certificates !== undefined) return certificates;
    const found: Certificate[] = [];
    for (const file of certificateFiles.length > 0 ? certificateFiles : files.map((name) => `${name}-cert.pub`)) {
      if (certificateFiles.length === 0 && !existsSync(file)) continue;
      try {
        found.push(await readCertificate(file));
        this.#port.log.debug(1, `certificate ${file}: '${found.at(-1)?.keyId}'`);
      } catch (error) {
        if (!(error instanceof KeyFormatError)) throw error;
        if (existsSync(file)) this.#port.log.error(`certificate ${error.message}`);
        else this.missing.push(`there is no certificate ${file}`);
      }
    }
    return found;
  }

  /** The certificate with whatever signs for its key: a file's key or the agent's. */
  #certified(certificate: Certificate, identities: readonly Identity[], held: readonly AgentKey[]): Candidate[] {
    const own = held.find((key) => sameOffer(key.publicKey, certificate.publicKey));
    if (own !== undefined) return [{ open: async () => own }];
    const identity = identities.find(({ publicKey }) => publicKey?.equals(certificate.publicKey));
    const signer = held.find(({ publicKey }) => publicKey.certificate === null && publicKey.equals(certificate.publicKey));
    const open = identity?.open ?? (signer === undefined ? undefined : async () => signer);
    if (open === undefined) {
      this.#port.log.debug(1, `there is no key for the certificate '${certificate.keyId}'`);
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
