// SFTP servers in Python, as scripts: they print `port N` and serve the file system to anybody, until they are killed. asyncssh brings
// one of its own; paramiko's, which is the seed's, wants a file system to be written for it.

import { Transport } from '../../src/index.ts';
import type { SFTPClient } from '../../src/sftp.ts';
import { peerCommand, startProcess } from './peers.ts';

const ASYNCSSH_SERVER = `
import asyncio, asyncssh
class Server(asyncssh.SSHServer):
    def begin_auth(self, username): return False
async def main():
    key = asyncssh.generate_private_key('ssh-ed25519')
    server = await asyncssh.listen('127.0.0.1', 0, server_factory=Server, server_host_keys=[key], sftp_factory=True)
    print('port', server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
`;

const PARAMIKO_SERVER = `
import os, socket, sys, threading, paramiko
from paramiko import SFTPAttributes, SFTPServer, SFTP_OK
def guarded(run):
    def guard(*args):
        try:
            result = run(*args)
            return SFTP_OK if result is None else result
        except OSError as error:
            return SFTPServer.convert_errno(error.errno)
    return guard
class Handle(paramiko.SFTPHandle):
    @guarded
    def stat(self): return SFTPAttributes.from_stat(os.fstat(self.readfile.fileno()))
    @guarded
    def chattr(self, attr): SFTPServer.set_file_attr(self.filename, attr)
class Files(paramiko.SFTPServerInterface):
    @guarded
    def list_folder(self, path):
        return [SFTPAttributes.from_stat(os.lstat(os.path.join(path, name)), name) for name in os.listdir(path)]
    @guarded
    def stat(self, path): return SFTPAttributes.from_stat(os.stat(path))
    @guarded
    def lstat(self, path): return SFTPAttributes.from_stat(os.lstat(path))
    @guarded
    def open(self, path, flags, attr):
        fd = os.open(path, flags, 0o666)
        mode = 'r+b' if flags & os.O_RDWR else 'wb' if flags & os.O_WRONLY else 'rb'
        file = os.fdopen(fd, 'ab' if flags & os.O_APPEND else mode)
        handle = Handle(flags)
        handle.filename, handle.readfile, handle.writefile = path, file, file
        return handle
    @guarded
    def remove(self, path): os.remove(path)
    @guarded
    def rename(self, old, new):
        if os.path.lexists(new): raise FileExistsError(17, 'exists')
        os.rename(old, new)
    @guarded
    def posix_rename(self, old, new): os.rename(old, new)
    @guarded
    def mkdir(self, path, attr): os.mkdir(path)
    @guarded
    def rmdir(self, path): os.rmdir(path)
    @guarded
    def chattr(self, path, attr):
        if attr._flags & attr.FLAG_SIZE: os.truncate(path, attr.st_size)
        if attr._flags & attr.FLAG_PERMISSIONS: os.chmod(path, attr.st_mode)
        if attr._flags & attr.FLAG_AMTIME: os.utime(path, (attr.st_atime, attr.st_mtime))
    @guarded
    def symlink(self, target, path): os.symlink(target, path)
    def readlink(self, path): return os.readlink(path)
class Server(paramiko.ServerInterface):
    def check_auth_none(self, username): return paramiko.AUTH_SUCCESSFUL
    def check_channel_request(self, kind, chanid): return paramiko.OPEN_SUCCEEDED
key = paramiko.RSAKey.generate(2048)
listener = socket.create_server(('127.0.0.1', 0))
print('port', listener.getsockname()[1], flush=True)
while True:
    client, _ = listener.accept()
    transport = paramiko.Transport(client)
    transport.add_server_key(key)
    transport.set_subsystem_handler('sftp', SFTPServer, Files)
    transport.start_server(server=Server())
`;

/** Each server with its peer's name. */
export const PYTHON_SFTP_PEERS = ['python3-asyncssh', 'python3-paramiko'] as const;

/** Starts one of the two, opens SFTP on it for `use`, and ends it. */
export async function withPythonSftp(
  peer: (typeof PYTHON_SFTP_PEERS)[number],
  use: (sftp: SFTPClient) => Promise<void>,
): Promise<void> {
  const script = peer === 'python3-asyncssh' ? ASYNCSSH_SERVER : PARAMIKO_SERVER;
  await using server = startProcess(...peerCommand(peer, ['-c', script]));
  const [, port] = await server.waitForLog(/port (\d+)/);
  await using transport = new Transport(['127.0.0.1', Number(port)]);
  await transport.connect({ hostKey: 'ignore' });
  await transport.authNone('somebody');
  await using sftp = await transport.openSftpClient();
  await use(sftp);
}
