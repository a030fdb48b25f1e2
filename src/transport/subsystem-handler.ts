// Handlers for subsystems, as the seed has them: a class per subsystem, registered on the server's transport, constructed and
// started when a client asks for it. What a handler does wrong costs its own channel, never the connection.

import { printable, UsageError } from '../errors.ts';
import type { Channel } from './channel.ts';
import type { ServerInterface } from './server-interface.ts';
import type { Transport } from './transport.ts';

/**
 * Serves one subsystem on one channel. Subclass it, override {@link startSubsystem}, and register the class with
 * `Transport.setSubsystemHandler`. When `startSubsystem` is over, however it ends, {@link finishSubsystem} is called.
 *
 * @example
 * class Echo extends SubsystemHandler {
 *   override async startSubsystem(_name: string, _transport: Transport, channel: Channel) {
 *     for await (const chunk of channel) await channel.write(chunk);
 *   }
 * }
 * transport.setSubsystemHandler('echo', Echo);
 */
export class SubsystemHandler {
  /** The channel that the client asked on. */
  protected readonly channel: Channel;
  /** The name that it asked for. */
  protected readonly name: string;
  readonly #server: ServerInterface;

  /** What was given to `setSubsystemHandler` beyond the class follows here. */
  constructor(channel: Channel, name: string, server: ServerInterface, ..._args: readonly unknown[]) {
    this.channel = channel;
    this.name = name;
    this.#server = server;
  }

  /** The server object that allowed it. */
  getServer(): ServerInterface {
    return this.#server;
  }

  /** Does the work; the channel is closed when this is over. What it throws is logged. The default does nothing. */
  async startSubsystem(_name: string, _transport: Transport, _channel: Channel): Promise<void> {}

  /** Cleans up, after the end of {@link startSubsystem}. The default closes the channel: call it from an override. */
  async finishSubsystem(): Promise<void> {
    this.channel.close();
  }
}

/** A class that `setSubsystemHandler` takes. `Args` is what is given to the constructor besides. */
export type SubsystemHandlerClass<Args extends readonly unknown[] = readonly unknown[]> = new (
  channel: Channel,
  name: string,
  server: ServerInterface,
  ...args: Args
) => SubsystemHandler;

interface Registered {
  create(channel: Channel, server: ServerInterface): SubsystemHandler;
  log(message: string): void;
}

/** By transport, so that the transport itself needs no more public surface for it. */
const handlers = new WeakMap<Transport, Map<string, Registered>>();

/** @internal What `Transport.setSubsystemHandler` does. @throws UsageError */
export function registerSubsystem<Args extends readonly unknown[]>(
  transport: Transport,
  name: string,
  handler: SubsystemHandlerClass<Args>,
  args: Args,
  log: (message: string) => void,
): void {
  if (name === '') throw new UsageError('a subsystem needs a name');
  if (typeof handler !== 'function') throw new UsageError('a subsystem handler is a class, a subclass of SubsystemHandler');
  const registered = handlers.get(transport) ?? new Map<string, Registered>();
  handlers.set(transport, registered);
  registered.set(name, { create: (channel, server) => new handler(channel, name, server, ...args), log });
}

/** @internal Where a handler on this channel may log: what its transport logs to, or nowhere if it was not registered there. */
export function subsystemLog(channel: Channel, name: string): (message: string) => void {
  return handlers.get(channel.getTransport())?.get(name)?.log ?? (() => {});
}

/** @internal The default answer to a subsystem request: starts what is registered under the name; false where nothing is. */
export function startRegisteredSubsystem(channel: Channel, name: string, server: ServerInterface): boolean {
  const registered = handlers.get(channel.getTransport())?.get(name);
  if (registered === undefined) return false;
  let handler: SubsystemHandler;
  try {
    handler = registered.create(channel, server);
  } catch (error) {
    registered.log(`the handler of subsystem '${printable(name)}' could not be made: ${text(error)}`);
    return false;
  }
  // After the answer has gone out, also where an override of the hook was asynchronous: data must not come before it.
  setImmediate(() => void serve(handler, name, channel, registered.log));
  return true;
}

async function serve(handler: SubsystemHandler, name: string, channel: Channel, log: (message: string) => void): Promise<void> {
  log(`subsystem '${printable(name)}' starts`);
  try {
    await handler.startSubsystem(name, channel.getTransport(), channel);
  } catch (error) {
    log(`the handler of subsystem '${printable(name)}' failed: ${text(error)}`);
  }
  try {
    await handler.finishSubsystem();
  } catch (error) {
    log(`the end of subsystem '${printable(name)}' failed: ${text(error)}`);
    channel.close();
  }
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
