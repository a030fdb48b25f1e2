// What `amiko sftp --help` prints.

export function usage(): string {
  return `Usage: amiko sftp [options] [user@]host[:path] [local]
       amiko sftp [options] -b FILE [user@]host[:path]

Transfers files. With a file behind the host, that file is fetched; else commands are read: from the terminal, from stdin, or from
a batch file. 'help' lists the commands; they are those of sftp(1). The path of sftp://[user@]host[:port]/path begins at the
home directory, with a second slash at the root.

Options:
  -b FILE        commands from a file, - for stdin; ends at the first that fails, unless its line begins with -;
                 a line that begins with @ is not echoed
  -P PORT        the port, 22 unless given
  -i KEYFILE     a private key to log in with (repeatable)
  -J HOSTS       connect through these hosts, parted by commas, as with amiko ssh
  -F FILE        the configuration to read, as with amiko ssh
  -o KEY=VALUE   a line of ssh_config(5), read before the files (repeatable)
  -r, -p, -a, -f for all transfers: folders with what is in them; keep modes and times; go on with what is there in part;
                 flush to disk
  -l KBIT        at most so many Kbit a second
  -R N, -B BYTES requests under way at once; bytes of one request. Left alone, both follow the connection
  -q, -N         without progress and what commands do, as with -b; with it all the same
  -s SUBSYSTEM   another subsystem than sftp
  -C             compress
  -4, -6, -c CIPHERS, -v
                 as with amiko ssh

Ctrl-C ends the command that runs, and what has been transferred stays: reget and reput go on with it.

Exit status: 0; 1 if a command of a batch file, or fetching the file, failed; 255 if there is no connection, or not any more; 2
for wrong usage; 128+n after signal n. Without -b the commands on stdin go on after one that failed, and do not change the status.

Examples:
  amiko sftp me@server.example.com
  amiko sftp me@server.example.com:backup.tar.gz /tmp/
  amiko sftp -r -P 2222 me@server.example.com:site
  echo 'put -R build /srv/www' | amiko sftp -b - -i ~/.ssh/deploy me@server.example.com
`;
}
