// `amiko serve`: a server that is safe to start. Loopback only, a host key made for this run, one user, and nothing allowed that
// the command line does not ask for but to read one folder. Exit status: 0 after SIGTERM or SIGINT, 2 for wrong usage, 255 where it cannot serve.

import { readFile, realpath, stat } from 'node:fs/promises';
import { whyExposed } from '../../client/identity-files.ts';
import { generateKey, readModuli, type Signer, SSHError, UsageError } from '../../index.ts';
import type { DhGroup } from '../../kex/dh-group.ts';
import { type Certificate, type PrivateKey, parseCertificate, readPrivateKey, withCertificate } from '../../keys.ts';
import { createServer, invokingAccount, type ServerConnection } from '../../server.ts';
import { Credentials, makePassword } from './credentials.ts';
import { ServeDecisions } from './decisions.ts';
import { parseServeOptions, type ServeOptions } from './options.ts';
import { jsonReport, type Report, textReport, writeError } from './report.ts';
import { TrustedKeys } from './trusted-keys.ts';
import { usage } from './usage.ts';

const OK = 0;
const WRONG_USAGE = 2;
const CANNOT_SERVE = 255;

/** Longer banners are a mistake in the file name. Bytes. */
const MAX_BANNER = 65_536;

/** Runs until SIGTERM or SIGINT. Resolves with the exit status; never rejects. */
export async function main(args: readonly string[]): Promise<number> {
  try {
    const options = parseServeOptions(args);
    if (options.help) {
      process.stdout.write(usage);
      return OK;
    }
    await serve(options, options.json ? jsonReport() : textReport(options.quiet));
    return OK;
  } catch (error) {
    const isUsage = error instanceof UsageError;
    writeError(`amiko serve: ${error instanceof Error ? error.message : String(error)}\n`);
    if (isUsage) writeError("Try 'amiko serve --help'.\n");
    // An error that is not ours to foresee: where it came from is worth more than a tidy terminal.
    else if (!(error instanceof SSHError) && !isSystemError(error)) writeError(`${error instanceof Error ? error.stack : ''}\n`);
    return isUsage ? WRONG_USAGE : CANNOT_SERVE;
  }
}

async function serve(options: ServeOptions, report: Report): Promise<void> {
  const stop = stopSignal();
  const account = invokingAccount();
  const user = options.user ?? account.name;
  const hostKeys = await loadHostKeys(options.hostKeys, options.hostCertificates);
  const { credentials, madePassword } = await loadCredentials(user, options);
  const banner = options.banner === null ? null : await readBanner(options.banner);
  const moduli = options.moduli === null ? null : await loadModuli(options.moduli);
  const files = options.sftp ? { root: await servedFolder(options.folder ?? '.'), write: options.write } : null;
  const running = new Set<Promise<void>>();
  const decide = (connection: ServerConnection) => {
    const { exec, shell, acceptEnv, allowForward: forward, allowAgentForward: agentForward, allowX11: x11 } = options;
    const decisions = new ServeDecisions(connection, credentials, {
      banner,
      allowed: { forward, agentForward, x11 },
      files,
      onForward: (start) => report.forward(connection, start),
      onSftp: (event) => report.sftp(connection, event),
      onNearMiss: (why) => writeError(`amiko serve: a key from ${connection.remoteAddress} was not let in: ${why}\n`),
      exec,
      shell,
      acceptEnv,
      account,
      onSession: (session) => report.channel(connection, session),
    });
    // Its programs may need a moment more than the connection: we do not leave before they have.
    const ended: Promise<void> = connection.transport.closed.then(() => decisions.ended()).finally(() => running.delete(ended));
    running.add(ended);
    return decisions;
  };
  await using server = createServer({
    hostKeys,
    server: decide,
    algorithms: options.algorithms,
    maxAuthTries: options.maxAuthTries,
    maxStartups: options.maxStartups,
    maxPerSource: options.maxPerSource,
    maxSessions: options.maxSessions,
    timeouts: { login: options.loginGrace * 1000 },
    ...(moduli !== null && { moduli }),
    ...(options.rekey !== null && { rekey: { bytes: options.rekey } }),
    ...(options.verbosity > 0 && {
      log: (level: 1 | 2 | 3, message: string) => {
        if (level <= options.verbosity) writeError(`amiko serve: ${message}\n`);
      },
    }),
    onConnection: report.connection,
    onLogin: report.login,
    onClose: report.close,
    onRefused: report.refused,
    onError: (error) => writeError(`amiko serve: ${error instanceof Error ? error.message : String(error)}\n`),
  });
  const address = await server.listen({ host: options.host, port: options.port });
  report.listening({
    address,
    hostKeys: hostKeys.map((key) => key.publicKey),
    ephemeral: options.hostKeys.length === 0,
    user,
    password: madePassword,
    files,
    allowed: options.shell ? 'shell' : options.exec ? 'exec' : 'nothing',
    forwarding: [
      ...(options.allowForward ? (['ports'] as const) : []),
      ...(options.allowAgentForward ? (['agent'] as const) : []),
      ...(options.allowX11 ? (['x11'] as const) : []),
    ],
  });
  await stop.first;
  // Whoever asks twice does not want to wait for peers that do not answer.
  void stop.second.then(() => server.destroy());
  await server.close();
  await Promise.all(running);
}

/** Resolve with the first and the second SIGTERM or SIGINT. */
function stopSignal(): { first: Promise<void>; second: Promise<void> } {
  const resolvers: (() => void)[] = [];
  const first = new Promise<void>((resolve) => resolvers.push(resolve));
  const second = new Promise<void>((resolve) => resolvers.push(resolve));
  const next = () => resolvers.shift()?.();
  process.on('SIGTERM', next);
  process.on('SIGINT', next);
  return { first, second };
}

/** The folder's real name: what it is called may lead elsewhere later. @throws UsageError */
async function servedFolder(folder: string): Promise<string> {
  const root = await realpath(folder).catch((error: Error) => {
    throw new UsageError(`cannot serve ${folder}: ${error.message}`);
  });
  if (!(await stat(root)).isDirectory()) throw new UsageError(`cannot serve ${folder}: it is no folder`);
  return root;
}

async function loadHostKeys(files: readonly string[], certificateFiles: readonly string[]): Promise<readonly Signer[]> {
  const keys: Signer[] = files.length === 0 ? [await generateKey('ed25519')] : await Promise.all(files.map(readHostKey));
  for (const file of certificateFiles) {
    const certificate = inCertificate(file, await readFile(file, 'utf8'));
    if (certificate.kind !== 'host') throw new UsageError(`${file} is a certificate of a ${certificate.kind}, not of a host`);
    const at = keys.findIndex(({ publicKey }) => publicKey.equals(certificate.publicKey));
    if (at < 0) throw new UsageError(`${file} is for none of the host keys`);
    keys[at] = withCertificate(keys[at] as Signer, certificate);
  }
  return keys;
}

/** @throws UsageError also where others can read it, as for sshd: whoever has it can be this server */
async function readHostKey(file: string): Promise<PrivateKey> {
  const key = await readPrivateKey(file);
  const why = await whyExposed(file);
  if (why !== null) throw new UsageError(`the host key ${file} is not used: ${why}`);
  return key;
}

function inCertificate(file: string, text: string): Certificate {
  try {
    return parseCertificate(text);
  } catch (error) {
    throw new UsageError(`${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function loadCredentials(
  user: string,
  { authorizedKeys, userCas, revokedKeys, principals, gssapi }: ServeOptions,
): Promise<{ credentials: Credentials; madePassword: string | null }> {
  const trusted = { authorizedKeys, userCas, revoked: revokedKeys, principals };
  const keys = await TrustedKeys.read(trusted, (message) => writeError(`amiko serve: ${message}\n`));
  const files = [...authorizedKeys, ...userCas];
  if (files.length > 0 && !keys.some) throw new UsageError(`there is no key in ${files.join(', ')}`);
  const given = process.env['AMIKO_PASSWORD'] ?? null;
  // What we start must not inherit it, nor show it in its environment.
  delete process.env['AMIKO_PASSWORD'];
  if (given === '') throw new UsageError('AMIKO_PASSWORD is empty');
  const made = given === null && files.length === 0 && gssapi.length === 0 ? makePassword() : null;
  return { credentials: new Credentials(user, given ?? made, keys, gssapi), madePassword: made };
}

async function loadModuli(file: string): Promise<readonly DhGroup[]> {
  const groups = await readModuli(file);
  if (groups.length === 0) throw new UsageError(`there is no usable group in ${file}: safe primes of 2048 to 8192 bits`);
  return groups;
}

async function readBanner(file: string): Promise<string> {
  const text = await readFile(file, 'utf8');
  if (text.length > MAX_BANNER) throw new UsageError(`${file} is too long for a banner`);
  return text;
}

/** EADDRINUSE, EACCES, ENOENT and the like: they say what is wrong. */
function isSystemError(error: unknown): boolean {
  return typeof (error as NodeJS.ErrnoException | null)?.syscall === 'string';
}
