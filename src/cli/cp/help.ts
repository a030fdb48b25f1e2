// What `amiko cp --help` prints.

export function usage(): string {
  return `Usage: amiko cp [options] SOURCE ... TARGET

Copies files between machines, over SFTP. A source or target is a path here, [user@]host:path, or sftp://[user@]host[:port]/path,
whose path begins at the home directory, with a second slash at the root. From host to host it goes through this machine. Into the
target if that is a folder, else under its name; several sources need a folder. Remote sources may be patterns: 'host:*.txt'.

Options:
  -r             folders with all that is in them; links are followed
  -p             keep modes and times
  --resume       go on with what is there in part, and leave alone what is complete (by its size; with -p also its time)
  --checksum     compare the contents in the end, and with --resume those at the beginning
  -P PORT        the port of all hosts, 22 unless given
  -i KEYFILE     a private key to log in with (repeatable)
  -J HOSTS       connect through these hosts, parted by commas, as with amiko ssh
  -F FILE        the configuration to read, as with amiko ssh
  -o KEY=VALUE   a line of ssh_config(5), read before the files (repeatable)
  -l KBIT        at most so many Kbit a second
  -q             no progress
  --json         one JSON object per line on stdout: progress, files, errors, and the end
  -C             compress
  -4, -6, -B, -c CIPHERS, -v
                 IPv4 only, IPv6 only, never ask, ciphers, say more

What fails is told, and everything else is copied all the same. A file that is cut off stays as it is: --resume goes on with it.

Exit status: 0; 1 if something could not be copied; 255 if there is no connection, or not any more; 2 for wrong usage; 128+n after
signal n.

Examples:
  amiko cp notes.txt me@server.example.com:
  amiko cp -r -p site/ deploy@server.example.com:/srv/www
  amiko cp --resume 'me@server.example.com:backups/*.tar.gz' .
  amiko cp -r alice@one.example.com:data bob@two.example.com:/srv/data
`;
}
