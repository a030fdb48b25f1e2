// Kerberos from the command line: `amiko ssh -K` with OpenSSH's sshd, OpenSSH's `ssh` with `amiko serve --gssapi`, in a realm of
// their own. It runs what is in dist/, which `npm test` builds first.
import { createRequire } from 'node:module';
import { userInfo } from 'node:os';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type AmikoServe, amikoBin, startAmikoServe } from '../support/amiko-serve.ts';
import { describeKerberos, type Kdc, koffiPath, REALM, startKdc, useRealm } from '../support/kdc.ts';
import { type RunResult, run, runPeer, type Sshd, startSshd, type TempDir, tempDir } from '../support/peers.ts';

const me = userInfo().username;

let kdc: Kdc;
let home: TempDir;
let leaveRealm = () => {};
/** What a process of ours needs besides the realm. */
let env: Record<string, string>;

async function startRealm(): Promise<void> {
  kdc = await startKdc();
  leaveRealm = useRealm(kdc);
  await kdc.addPrincipal(me);
  await kdc.addPrincipal('mallory');
  home = tempDir();
  // The command finds koffi where it is installed beside it; here it is in a folder of its own.
  const koffi = pathToFileURL(createRequire(import.meta.url).resolve(koffiPath)).href;
  const hooks = `export const resolve = (name, context, next) => next(name === 'koffi' ? '${koffi}' : name, context);`;
  const loader = home.write(
    'loader.mjs',
    `import { register } from 'node:module';\nregister('data:text/javascript,${encodeURIComponent(hooks).replaceAll("'", '%27')}');\n`,
  );
  env = { HOME: home.path, NODE_OPTIONS: `--import=${pathToFileURL(loader).href}` };
}

async function endRealm(): Promise<void> {
  leaveRealm();
  await home?.remove();
  await kdc?.[Symbol.asyncDispose]();
}

describeKerberos(['sshd'], 'amiko ssh to sshd', () => {
  let sshd: Sshd;
  beforeAll(async () => {
    await startRealm();
    sshd = await startSshd({
      config: { GSSAPIAuthentication: 'yes', GSSAPIStrictAcceptorCheck: 'no' },
    });
    const lines = Object.values(sshd.hostKeys).map((key) => `[localhost]:${sshd.port} ${key.publicLine}\n`);
    home.write('known_hosts', lines.join(''));
  });
  afterAll(async () => {
    await sshd?.stop();
    await endRealm();
  });

  async function amiko(options: readonly string[], command: string, cache: string): Promise<RunResult> {
    const line = [amikoBin, 'ssh', '-v', '-p', String(sshd.port), '-o', 'BatchMode=yes', '-o', 'GlobalKnownHostsFile=none'];
    line.push('-o', `UserKnownHostsFile=${home.join('known_hosts')}`, ...options, `${me}@localhost`, command);
    return run(process.execPath, line, { env: { ...env, KRB5CCNAME: cache } });
  }

  it('-K logs in and hands the credentials on; GSSAPIAuthentication alone, or -k behind it, keeps them', async () => {
    const cache = await kdc.kinit(me);
    const delegated = await amiko(['-K'], 'klist', cache);
    expect(delegated.stdout.toString(), delegated.stderr).toContain(`Default principal: ${me}@${REALM}`);
    expect(delegated.stderr).toContain('next authentication method: gssapi-with-mic');
    for (const options of [['-o', 'GSSAPIAuthentication=yes'], ['-Kk']]) {
      const kept = await amiko(options, 'klist; id -un', cache);
      expect(kept.stdout.toString(), kept.stderr).toBe(`${me}\n`);
    }
  });

  it('does nothing with Kerberos unless asked', async () => {
    // Debian's ssh_config asks for it.
    const result = await amiko(['-F', 'none'], 'true', await kdc.kinit(me));
    expect(result.code).toBe(255);
    expect(result.stderr).toContain('permission denied');
    expect(result.stderr).not.toMatch(/tried gssapi/);
  });

  it('goes on with a key where there is no ticket, or that of somebody else', async () => {
    for (const cache of [kdc.file('cc-nobody'), await kdc.kinit('mallory')]) {
      const result = await amiko(['-K', '-i', sshd.identity.path], 'id -un', cache);
      expect(result.stdout.toString(), result.stderr).toBe(`${me}\n`);
    }
    const without = await amiko(['-K'], 'true', kdc.file('cc-nobody'));
    expect(without.code).toBe(255);
    expect(without.stderr).toMatch(/debug1: .*credentials/i);
  });
});

describeKerberos(['ssh'], 'ssh to amiko serve --gssapi', () => {
  let server: AmikoServe;
  beforeAll(async () => {
    await startRealm();
    server = await startAmikoServe({ args: ['--exec', '--gssapi', `${me}@${REALM}`], env });
  });
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    await endRealm();
  });

  const ssh = (cache: string, user = server.user): Promise<RunResult> => {
    // The alias is looked up as it is, so it has the port in it.
    const options = { GSSAPIAuthentication: 'yes', PubkeyAuthentication: 'no', HostKeyAlias: `[127.0.0.1]:${server.port}` };
    const line = server.sshArgs(options).slice(0, -1);
    return runPeer('ssh', [...line, `${user}@localhost`, 'echo in'], { env: { KRB5CCNAME: cache } });
  };

  it('lets in the principal that was named, as the user that was named, and nobody else', async () => {
    const cache = await kdc.kinit(me);
    const result = await ssh(cache);
    expect(result.stdout.toString(), result.stderr).toBe('in\n');
    await server.waitForEvent((each) => each.event === 'login' && each['method'] === 'gssapi-with-mic');
    const others = [await ssh(cache, 'somebody'), await ssh(await kdc.kinit('mallory')), await ssh(kdc.file('cc-nobody'))];
    expect(others.map(({ code }) => code)).toEqual([255, 255, 255]);
    expect(server.events().filter(({ event }) => event === 'login')).toHaveLength(1);
  });
});
