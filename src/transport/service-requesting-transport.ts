// The seed's second Transport, which asks for the authentication service once per session instead of once per attempt, so that
// logins of several steps work. Transport itself does that here; the name is kept for those who look for it.

import { Transport } from './transport.ts';

/** The same as {@link Transport}, which already asks for the service once and keeps the state of a login across attempts. */
export class ServiceRequestingTransport extends Transport {}
