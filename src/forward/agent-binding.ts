// Ties a connection to an agent to an SSH session before it is used (session-bind@openssh.com, OpenSSH PROTOCOL.agent section 1),
// so that keys which are limited to some hosts can be. An agent that does not know how goes on unbound, as with ssh: it can't hold
// such keys either. Where the connection is to be handed on, nothing of the agent's answer may reach whom it is handed to.

import type { Duplex } from 'node:stream';
import { AGENT_SUCCESS, agentFrame, EXTENSION, encodeSessionBind, MOST_MESSAGE_BYTES } from '../agent/messages.ts';
import { concat, readU32 } from '../bytes/bytes.ts';
import { AgentError } from '../errors.ts';
import type { Transport } from '../transport/transport.ts';

/**
 * Binds the connection behind a stream that nobody reads yet, for forwarding, and gives it back as it was. False where the agent
 * does not bind, or the session has nothing to bind to. @throws AgentError where the agent hangs up or says nonsense
 */
export async function bindForwarded(stream: Duplex, transport: Transport): Promise<boolean> {
  const proof = transport.sessionProof;
  if (proof === null) return false;
  stream.write(agentFrame(EXTENSION, encodeSessionBind({ ...proof, forwarding: true })));
  const answer = await readMessage(stream);
  return answer[0] === AGENT_SUCCESS;
}

/** One message, without its length; what follows stays in the stream. */
function readMessage(stream: Duplex): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    let pending: Uint8Array = new Uint8Array(0);
    const stop = () => {
      stream.off('data', take);
      stream.off('close', closed);
      stream.off('end', closed);
      stream.pause();
    };
    const closed = () => {
      stop();
      reject(new AgentError('the agent hung up'));
    };
    const take = (chunk: Uint8Array) => {
      pending = concat(pending, chunk);
      if (pending.length < 4) return;
      const length = readU32(pending, 0);
      if (length === 0 || length > MOST_MESSAGE_BYTES) {
        stop();
        reject(new AgentError(`the agent sent a message of ${length} bytes`));
        return;
      }
      if (pending.length < 4 + length) return;
      stop();
      const rest = pending.subarray(4 + length);
      if (rest.length > 0) stream.unshift(rest);
      resolve(pending.subarray(4, 4 + length));
    };
    stream.on('data', take);
    stream.on('close', closed);
    stream.on('end', closed);
    if (stream.destroyed || stream.readableEnded) closed();
  });
}
