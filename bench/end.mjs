// Starts and drives one end of a connection: see end-process.mjs. Whatever goes wrong in it rejects the call that is waiting.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('end-process.mjs', import.meta.url));

/** Milliseconds. */
const CALL_TIMEOUT = 120_000;

/** What amiko is compared with where another build of it is given. */
export const OTHER_BUILD = 'other build';

/** One process that is a server or a client of `implementation`. Dispose of it to end it. */
export async function startEnd(implementation, context) {
  const other = implementation === OTHER_BUILD;
  const dist = other ? context.against : context.dist;
  const child = fork(program, [other ? 'amiko' : implementation], {
    execArgv: ['--expose-gc', '--no-warnings'],
    env: { ...process.env, AMIKO_BENCH_DIST: dist },
  });
  const waiting = new Map();
  let nextId = 0;
  let over = null;
  const ended = new Promise((resolve) => {
    child.on('exit', (code, signal) => {
      over = new Error(`the ${implementation} process ended (${signal ?? code})`);
      for (const { reject } of waiting.values()) reject(over);
      waiting.clear();
      resolve();
    });
  });
  const started = Promise.race([
    once(child, 'message'),
    ended.then(() => {
      throw over;
    }),
  ]);
  await started;
  child.on('message', ({ id, result, error }) => {
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) resolve(result);
    else reject(new Error(`${implementation}: ${error}`));
  });
  return {
    implementation,
    call(call, options) {
      if (over !== null) return Promise.reject(over);
      return new Promise((resolve, reject) => {
        const id = nextId++;
        // A transfer that stalls must be seen, and not be waited for all night.
        const timer = setTimeout(() => {
          child.kill('SIGKILL');
          reject(new Error(`the ${implementation} process did not answer '${call}' within ${CALL_TIMEOUT / 1e3} s`));
        }, CALL_TIMEOUT);
        const settle = (finish) => (value) => {
          clearTimeout(timer);
          finish(value);
        };
        waiting.set(id, { resolve: settle(resolve), reject: settle(reject) });
        child.send({ id, call, options });
      });
    },
    async [Symbol.asyncDispose]() {
      if (child.connected) child.disconnect();
      await ended;
    },
  };
}

/** A server and a client of one implementation each, with keys exchanged; `body` gets both and the port. Ends both. */
export async function withPair(context, [serverName, clientName], options, body) {
  const server = await startEnd(serverName, context);
  try {
    const client = await startEnd(clientName, context);
    try {
      const { port } = await server.call('listen', { ...context.keys, ...options });
      await client.call('keys', context.keys);
      return await body({ server, client, port });
    } finally {
      await client[Symbol.asyncDispose]();
    }
  } finally {
    await server[Symbol.asyncDispose]();
  }
}
