// `amiko/gssapi`: Kerberos for clients and servers, over the system's library. Importing it loads nothing native.

export type {
  GssAcceptOptions,
  GssAcceptor,
  GssContext,
  GssDelegatedCredentials,
  GssIdentity,
  GssInitiator,
  GssInitOptions,
  GssProvider,
  GssStep,
} from './crypto/gss.ts';
export { GssError } from './errors.ts';
export { type GssapiOptions, gssapi } from './gssapi/provider.ts';
export { type GssKexName, gssKexMethods } from './kex/gss-methods.ts';
