// Plays a row of messages to an agent, over as many connections as the row has, and says what it answered.

import { RawAgent, removeAll } from './agent-messages.ts';
import type { Row, Step } from './agent-world.ts';

const [FAILURE, SUCCESS, IDENTITIES, SIGNATURE, EXTENSION_FAILURE] = [5, 6, 12, 14, 28];

/** A character for each answer: `+` yes, `-` no, how many keys there are, `?` anything else. The agent has no keys before. */
export async function play(path: string, { steps }: Row): Promise<string> {
  const connections = new Map<number, RawAgent>();
  const connection = async (number: number): Promise<RawAgent> => {
    const open = connections.get(number) ?? (await RawAgent.open(path));
    connections.set(number, open);
    return open;
  };
  try {
    await (await connection(-1)).ask(removeAll);
    let answers = '';
    for (const step of steps) {
      const { request, on = 0, proof }: Step = 'request' in step ? step : { request: step };
      answers += meaning(await (await connection(on)).ask(request), proof);
    }
    return answers;
  } finally {
    for (const open of connections.values()) await open[Symbol.asyncDispose]();
  }
}

function meaning(answer: Buffer, proof: Step['proof']): string {
  switch (answer[0]) {
    case FAILURE:
    case EXTENSION_FAILURE:
      return '-';
    case SUCCESS:
      return '+';
    case IDENTITIES:
      return String(answer.readUInt32BE(1));
    case SIGNATURE:
      return proof?.[0].verifySshSig(proof[1], answer.subarray(5)) ? '+' : '?';
    default:
      return '?';
  }
}
