// ObscureKeystrokeTiming on the wire: a proxy counts the packets that one key makes, of ssh and of `amiko ssh`.

import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { amikoBin } from '../support/amiko-serve.ts';
import { Cli } from '../support/cli.ts';
import { describePeer, type PeerName, peerCommand, type Sshd, startSshd } from '../support/peers.ts';
import { Screen } from '../support/screen.ts';

describePeer(['sshd', 'sshd-trixie', 'ssh-trixie', 'tmux'], 'ObscureKeystrokeTiming', () => {
  const cli = new Cli();
  let proxy: Server;
  let target: Sshd;
  let packets = 0;
  let modern: Sshd;
  let old: Sshd;
  beforeAll(async () => {
    [modern, old] = await Promise.all([startSshd({ trixie: true }), startSshd()]);
    proxy = createServer({ noDelay: true }, (socket) => {
      const there = connect({ port: target.port, host: '127.0.0.1', noDelay: true });
      socket.on('data', () => packets++);
      for (const end of [socket, there]) end.on('error', () => {});
      socket.pipe(there).pipe(socket);
    });
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
  });
  afterAll(async () => {
    proxy.close();
    await Promise.all([modern.stop(), old.stop(), cli[Symbol.asyncDispose]()]);
  });

  /** How many packets a key makes until its command has run for a second. */
  const packetsOf = async (program: readonly string[], server: Sshd, value: string): Promise<number> => {
    target = server;
    const { port } = proxy.address() as { port: number };
    const access = ['-F', 'none', '-p', String(port), '-i', server.identity.path, '-o', `ObscureKeystrokeTiming=${value}`];
    const trust = ['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'LogLevel=ERROR'];
    await using screen = await Screen.open(cli.home.path, [160, 30]);
    const command = "'stty -echo -icanon; echo re\\ady; head -c 1 >/dev/null; sleep 1; echo do\\ne'";
    const words = [...program, ...access, ...trust, '-t', `${server.user}@127.0.0.1`, command];
    cli.home.write('run', `exec ${words.join(' ')}\n`, 0o700);
    await screen.type(`sh ${cli.home.join('run')}`, 'Enter');
    await screen.until(/ready/);
    packets = 0;
    await screen.type('x');
    await screen.until(/done/);
    return packets;
  };
  const amiko = [process.execPath, amikoBin, 'ssh'];
  const ssh = (name: PeerName) =>
    peerCommand(name, [])
      .flat()
      .map((word) => `'${word.replaceAll("'", "'\\''")}'`);

  it('is on, with servers that know of it, and can be switched off or be slower', async () => {
    for (const program of [ssh('ssh-trixie'), amiko]) {
      expect(await packetsOf(program, modern, 'yes')).toBeGreaterThan(30);
      const slower = await packetsOf(program, modern, 'interval:100');
      expect(slower).toBeGreaterThan(6);
      expect(slower).toBeLessThan(20);
      expect(await packetsOf(program, modern, 'no')).toBeLessThan(6);
      expect(await packetsOf(program, old, 'yes')).toBeLessThan(6);
    }
  });
});
