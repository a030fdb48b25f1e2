// The client's authentication methods as flows: each sends its request and returns how it ended. Which method to try, and in
// what order, is decided above.

import { equalBytes } from '../bytes/bytes.ts';
import { AuthenticationError } from '../errors.ts';
import { call, expectOneOf, type Flow } from '../flow/flow.ts';
import { certificateAlgorithmOf } from '../keys/certificate-algorithms.ts';
import type { SignatureAlgorithm } from '../keys/signature.ts';
import type { Signer } from '../keys/signer.ts';
import {
  type Prompt,
  UserauthFailure,
  UserauthInfoRequest,
  UserauthInfoResponse,
  UserauthPasswdChangereq,
  UserauthPkOk,
  UserauthRequest,
  UserauthSuccess,
} from '../wire/messages/auth.ts';
import { Writer } from '../wire/writer.ts';
import { type AuthOutcome, type ClientAuthPort, outcomeOf } from './outcome.ts';

export const CONNECTION_SERVICE = 'ssh-connection';

/** The name of a publickey request that names the host key, and of the extension by which a server says that it takes them. */
export const HOST_BOUND = 'publickey-hostbound-v00@openssh.com';
export const HOST_BOUND_EXTENSION = 'publickey-hostbound@openssh.com';

/** One attempt: the flow is started with the connection's port once the engine is ready for it. */
export interface ClientAuthMethod {
  readonly method: string;
  /** Fingerprint of the key, for the record of attempts. */
  readonly key?: string;
  run(port: ClientAuthPort): Flow<AuthOutcome>;
}

/** A server that goes on asking is not asking for a login. */
const MAX_ROUNDS = 16;

/** RFC 4252 section 5.2 */
export function noneMethod(user: string): ClientAuthMethod {
  return {
    method: 'none',
    *run(port) {
      port.send(request(user, 'none'));
      return outcomeOf(yield* expectOneOf(UserauthSuccess, UserauthFailure));
    },
  };
}

/**
 * RFC 4252 section 8. `onChange` is asked for a new password where the server says that the old one has expired; without it
 * such a request counts as a failure.
 */
export function passwordMethod(
  user: string,
  password: string,
  onChange?: (prompt: string) => string | PromiseLike<string>,
): ClientAuthMethod {
  return {
    method: 'password',
    *run(port) {
      port.send(request(user, 'password', new Writer().bool(false).string(password)));
      for (let round = 0; round < MAX_ROUNDS; round++) {
        const reply = yield* expectOneOf(UserauthSuccess, UserauthFailure, UserauthPasswdChangereq);
        if (reply.name !== 'SSH_MSG_USERAUTH_PASSWD_CHANGEREQ') return outcomeOf(reply);
        const { prompt } = reply.values;
        if (onChange === undefined) throw new AuthenticationError('the password has expired and the server wants a new one');
        const fresh = yield* call('change-password', () => onChange(prompt));
        port.send(request(user, 'password', new Writer().bool(true).string(password).string(fresh)));
      }
      throw new AuthenticationError(`the server asked for a new password ${MAX_ROUNDS} times`);
    },
  };
}

/**
 * RFC 4252 section 7. With `query` the server is asked first whether it would take the key, which spares a signature that
 * costs the user something; without, the signature goes along at once, which spares a round trip. With `hostKey` the signature
 * covers the server's key too (OpenSSH PROTOCOL section 3.1), which agents want to see for keys that are limited to some hosts.
 */
export function publickeyMethod(
  user: string,
  signer: Signer,
  algorithm: SignatureAlgorithm,
  query: boolean,
  hostKey: Uint8Array | null = null,
): ClientAuthMethod {
  const { certificate, fingerprint } = signer.publicKey;
  const blob = certificate?.blob ?? signer.publicKey.blob;
  const name = certificate === null ? algorithm : certificateAlgorithmOf(algorithm);
  return {
    method: 'publickey',
    key: fingerprint,
    *run(port) {
      const wireMethod = hostKey === null ? 'publickey' : HOST_BOUND;
      const described = (signed: boolean) => {
        const writer = new Writer().bool(signed).string(name).string(blob);
        return hostKey === null ? writer : writer.string(hostKey);
      };
      if (query) {
        port.send(request(user, wireMethod, described(false)));
        const reply = yield* expectOneOf(UserauthSuccess, UserauthFailure, UserauthPkOk);
        if (reply.name === 'SSH_MSG_USERAUTH_FAILURE') return { ...outcomeOf(reply), refused: true } as AuthOutcome;
        if (reply.name === 'SSH_MSG_USERAUTH_SUCCESS') return outcomeOf(reply);
        if (!equalBytes(reply.values.blob, blob)) throw new AuthenticationError('the server accepted a key that was not offered');
      }
      const unsigned = request(user, wireMethod, described(true));
      const signature = yield* call('sign', () => signer.sign(publickeySigned(port.sessionId, unsigned), algorithm));
      port.send(new Writer(unsigned.length + signature.length + 4).raw(unsigned).string(signature).finish());
      return outcomeOf(yield* expectOneOf(UserauthSuccess, UserauthFailure));
    },
  };
}

/** What the signature of a publickey request covers (RFC 4252 section 7): the session and the request up to the signature. */
export function publickeySigned(sessionId: Uint8Array, unsignedRequest: Uint8Array): Uint8Array {
  return new Writer(unsignedRequest.length + sessionId.length + 4).string(sessionId).raw(unsignedRequest).finish();
}

/** What the server asks in one round (RFC 4256 section 3.2). */
export interface InteractiveRequest {
  readonly name: string;
  readonly instructions: string;
  readonly prompts: readonly Prompt[];
}

/** Answers one round; as many answers as prompts. Null gives up. */
export type InteractiveAnswer = (request: InteractiveRequest) => readonly string[] | null | PromiseLike<readonly string[] | null>;

/** RFC 4256 */
export function interactiveMethod(user: string, answer: InteractiveAnswer, submethods = ''): ClientAuthMethod {
  return {
    method: 'keyboard-interactive',
    *run(port) {
      port.send(request(user, 'keyboard-interactive', new Writer().string('').string(submethods)));
      for (let round = 0; round < MAX_ROUNDS; round++) {
        const reply = yield* expectOneOf(UserauthSuccess, UserauthFailure, UserauthInfoRequest);
        if (reply.name !== 'SSH_MSG_USERAUTH_INFO_REQUEST') return outcomeOf(reply);
        const { name, instruction, prompts } = reply.values;
        const responses = yield* call('answer-prompts', () => answer({ name, instructions: instruction, prompts }));
        if (responses === null) return { result: 'failure', methods: [], partialSuccess: false, refused: true };
        if (responses.length !== prompts.length) {
          throw new AuthenticationError(`${responses.length} answers to ${prompts.length} prompts`);
        }
        port.send(UserauthInfoResponse.encode({ responses }));
      }
      throw new AuthenticationError(`the server asked for answers more than ${MAX_ROUNDS} times`);
    },
  };
}

function request(user: string, method: string, data = new Writer(0)): Uint8Array {
  return UserauthRequest.encode({ user, service: CONNECTION_SERVICE, method, data: data.finish() });
}
